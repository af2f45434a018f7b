"""Rules on the CPU against the reference, and in the company of other worlds against alone: equal bits, all of them.

Random worlds as in test_stages: cells down to one per axis, positions on a lattice (ties, same places) or anywhere,
several tables, rows out of id order.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import MLP, Component, Mutation, Tiles, f32, i32
from swarm.worlds import join
from tests.parity.test_stages import assert_equal, both, radius_of, worlds
from tests.unit.stages.worlds import Body, Energy, Plant, Wall, places, world

relaxed = settings(
    max_examples=15, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
Ground = Tiles("ground", cells=(8, 6), solid=(1,))


class Craft(Component):
    heading = f32(default=0)
    speed = f32(default=0)


class Rock(Component):
    place = f32(2, unit="m")
    size = f32(unit="m", default=0)


@relaxed
@given(worlds, st.sampled_from(["wall", "bounce"]), st.sampled_from([None, 0.5]), st.sampled_from([1.0, 1e4]))
def test_move_between_walls(case: dict, edge: str, limit: float | None, scale: float):
    def hasten(world, dt):
        for agents in world.query(Body):
            agents[Body].vel *= np.float32(scale)

    one, two = both(case, hasten, swarm.move(Body.pos, Body.vel, limit=limit, edge=edge))
    assert_equal(one, two, Body.pos, Body.vel)


@relaxed
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([None, 2.0]), st.sampled_from([0.1, 10.0, 1e4]))
def test_steer_and_turn(seed: int, reverse: bool, limit: float | None, scale: float):
    made = []
    for backend in ("reference", "cpu"):
        rng = np.random.default_rng(seed)
        w = world(backend)
        wish = (rng.normal(size=(200, 2)) * scale).astype(np.float32)
        w.spawn(200, Body(pos=wish % 64, vel=wish), Craft(heading=wish[:, 0], speed=wish[:, 1]), name="craft")
        w.schedule = (
            swarm.turn(Craft.heading, Craft.speed, Body.vel, by=Body.pos, drag=0.3, limit=limit, reverse=reverse),
            swarm.steer(Body.vel, by=Body.pos, push=2, drag=0.1),
        )
        for _ in range(3):
            w.step()
        made.append(w)
    assert_equal(*made, Craft.heading, Craft.speed, Body.vel)


@relaxed
@given(worlds, st.sampled_from([0.0, 0.6, 1.0]), st.sampled_from([1, 3]), st.sampled_from(["torus", "wall"]))
def test_agents_collide(case: dict, bounce: float, rounds: int, edge: str):
    stage = swarm.collide(
        Body.pos, Energy.level, Body.vel, bounce=bounce, rounds=rounds, edge=edge, widest=radius_of(case) / 2
    )

    def shrink(world, dt):
        for agents in world.query(Energy):
            agents[Energy].level *= np.float32(radius_of(case) / 8)

    one, two = both(case, shrink, swarm.index(Body.pos, radius=radius_of(case), cap=case["cap"]), stage)
    assert_equal(one, two, Body.pos, Body.vel)


@relaxed
@given(worlds, st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 20.0]), st.sampled_from(["torus", "wall"]))
def test_obstacles(case: dict, bounce: float, fastest: float, edge: str):
    """Circles, segments and tiles at once; few of each, and many in one place."""
    radius = radius_of(case) / 3
    made = []
    for backend in ("reference", "cpu"):
        rng = np.random.default_rng(case["seed"])
        w = world(backend, case["size"], case["seed"])
        few, step = min(case["bodies"], 300), case["step"]
        vel = rng.normal(size=(few, 2)).astype(np.float32) * 20
        w.spawn(few, Body(pos=places(rng, few, w.size, step), vel=vel), name="body")
        w.spawn(9, Rock(place=places(rng, 9, w.size, step), size=rng.random(9) * radius), name="rock")
        a = places(rng, 12, w.size, step)
        b = (a + rng.uniform(-0.4, 0.4, (12, 2)) * w.size) % w.size
        w.spawn(12, Wall(a=a, b=np.minimum(b, np.nextafter(np.float32(w.size), 0)).astype(np.float32)), name="wall")
        Ground.set(w, (rng.random((6, 8)) < 0.2).astype(np.uint8))
        stage = swarm.collide(
            Body.pos, radius * 0.8, Body.vel, circles=(Rock.place, Rock.size), segments=(Wall.a, Wall.b), tiles=Ground,
            bounce=bounce, fastest=min(fastest, radius / w.dt), edge=edge, agents=False, widest=radius,
        )  # fmt: skip
        w.schedule = swarm.index(Rock.place), stage
        w.step()
        made.append(w)
    assert_equal(*made, Body.pos, Body.vel)


@relaxed
@given(worlds, st.sampled_from(["nearest", "proportional"]), st.booleans(), st.sampled_from([1.0, 0.37]))
def test_bite_and_share(case: dict, share: str, own: bool, efficiency: float):
    """Among their kind, too, where the victims of one bite are the biters of another."""
    radius = radius_of(case)
    prey = (Body.pos, Energy.level) if own else (Plant.pos, Plant.energy)
    stages = (
        swarm.index(Plant.pos, radius=radius, cap=case["cap"]),
        swarm.index(Body.pos, radius=radius),
        swarm.bite(
            Body.pos, *prey, Energy.level, radius, Energy.level, share=share, efficiency=efficiency, kills=not own
        ),
        swarm.share(Body.pos, Energy.level, radius, 0.5),
    )  # fmt: skip
    one, two = both(case, *stages)
    assert_equal(one, two, Energy.level, Plant.energy)
    for name, table in one.tables.items():
        assert np.array_equal(table.dying, two.tables[name].dying)


class Voice(Component):
    message = f32(2)
    at = f32(2, unit="m")
    left = i32()


def meadow(seed: int, backend: str = "cpu", threads: int | None = None) -> swarm.World:
    """All rules at once: foxes that mate, bite hares, share, bump into each other and call."""
    w = swarm.World(size=(48, 48), tick=0.125, backend=backend, seed=seed, threads=threads)
    w.spawn(150, Plant(pos=w.scatter, energy=0.5), name="hare")
    rng = np.random.default_rng(seed)
    vel = rng.normal(size=(90, 2)).astype(np.float32) * 4
    w.spawn(
        90, Body(pos=w.scatter, vel=vel), Energy(level=3), Voice, name="fox", cap=140,
        brains=MLP((2, 3, 1)), mutation=Mutation(0.1),
    )  # fmt: skip
    w.schedule = (
        swarm.move(Body.pos, Body.vel),
        swarm.index(Body.pos),
        swarm.collide(Body.pos, 0.4, Body.vel, bounce=1.0),
        swarm.index(Body.pos),
        swarm.index(Plant.pos),
        swarm.bite(Body.pos, Plant.pos, Plant.energy, Energy.level, 1.5, 0.25, share="proportional"),
        swarm.share(Body.pos, Energy.level, 2.0, 0.25),
        swarm.mate(Energy.level, 3.25, Body.pos, 2.0),
        swarm.signal(Body.vel, Voice.message, Voice.at, Voice.left, Body.pos, 2),
    )
    return w


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_three_worlds_in_one_are_each_as_alone(backend: str):
    alone = [meadow(seed, backend) for seed in (3, 2**40, 9)]
    several = join([meadow(seed, backend) for seed in (3, 2**40, 9)], 3)
    for _ in range(6):
        for one in (*alone, several):
            one.step()
    assert [several.hash(k) for k in range(3)] == [one.hash() for one in alone]
    assert all(one.tables["fox"].born_total > 5 and one.tables["hare"].died_total > 5 for one in alone)


def test_backends_rows_and_threads_agree():
    """Brains of the two backends differ in the last places of a mutation, all else does not."""
    made = []
    for backend, threads, order in (("reference", None, None), ("cpu", 1, None), ("cpu", 1, 7), ("cpu", None, 8)):
        w = meadow(5, backend, threads)
        for tick in range(6):
            if order is not None:
                for table in w.tables.values():
                    table.permute(np.random.default_rng(order + tick).permutation(table.n))
            w.step()
        made.append(w)
    assert len({w.hash() for w in made[1:]}) == 1
    assert_equal(made[0], made[1], Body.pos, Body.vel, Energy.level, Plant.energy, Voice.message, Voice.left)
