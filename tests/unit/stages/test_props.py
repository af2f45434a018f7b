"""Props and players: entities without brains in tables of their own, which others sense, bite and run into."""

from __future__ import annotations

import numpy as np

import swarm
from swarm import MLP, Component, Heard, Own, Sectors, bool_, f32, i32
from tests.unit.stages.worlds import Body, Energy, host, world


class Avatar(Component):
    pos = f32(2, unit="m")
    health = f32(unit="J", default=4)


class Rock(Component):
    place = f32(2, unit="m")


class Voice(Component):
    message = f32(1)
    at = f32(2, unit="m")
    left = i32()
    loud = bool_()


Mind = swarm.mind(
    player=Sectors(4, 8.0, of=Avatar.pos), call=Heard(1, 8.0, of=Voice.at, message=Voice.message, where=Voice.loud),
    level=Own(Energy.level), actions=("bite",),
)  # fmt: skip


@swarm.system(writes=[Mind.actions])
def want(world, dt):
    """In place of brains: bite whatever is seen."""
    for agents in world.query(Mind):
        agents[Mind].actions[:, 0] = (agents[Mind].senses[:, :4] > 0).any(axis=1)


def town(backend: str):
    w = world(backend)
    w.spawn(1, Avatar(pos=np.float32([40, 40])), Voice, name="player")
    w.spawn(1, Rock(place=np.float32([11.5, 10])), name="rock")
    w.spawn(2, Body(pos=np.float32([[10, 10], [40, 10]])), Energy(level=1), Mind, name="wolf",
            brains=MLP((Mind.inputs, Mind.outputs)))  # fmt: skip
    w.schedule = (
        swarm.signal(Avatar.health, Voice.message, Voice.at, Voice.left, Avatar.pos, 1, loud=Voice.loud),
        swarm.index(Avatar.pos),
        swarm.index(Voice.at, where=Voice.loud),
        swarm.index(Rock.place),
        swarm.sense(Mind, Body.pos),
        want,
        swarm.bite(
            Body.pos, Avatar.pos, Avatar.health, Energy.level, reach=2.0, amount=0.5, when=(Mind, "bite"), threshold=0.5
        ),
        swarm.collide(Body.pos, 1.0, Body.vel, circles=(Rock.place, 1.0), agents=False),
    )
    return w


def test_a_player_is_moved_from_outside_sensed_bitten_and_heard():
    w = town("cpu")
    player = int(w.tables["player"].ids()[0])
    w.step()
    wolf = w.tables["wolf"]
    assert not host(wolf, Mind.senses)[:, :5].any()
    w.write(Avatar.pos, player, np.float32([10, 8.5]))
    w.step()
    senses = host(wolf, Mind.senses)
    assert senses[0, 3] > 0  # to the right and below
    assert senses[0, 4] == 4  # it says how well it is
    assert not senses[1, :5].any()
    assert host(wolf, Energy.level).tolist() == [1.5, 1]
    assert w.get(player)[Avatar.health] == 3.5
    assert host(wolf, Body.pos).tolist() == [[9.5, 10], [40, 10]]  # the rock is a prop
    for _ in range(7):
        w.step()
    assert w.counts() == {"player": 0, "rock": 1, "wolf": 2}
