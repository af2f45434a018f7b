"""signal: a message stands where it was sent, lasts its lifetime, and a new one replaces it."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, bool_, f32, i32
from swarm.errors import SchemaError, SettingsError
from tests.unit.stages.worlds import Body, host, world


class Voice(Component):
    message = f32(2)
    at = f32(2, unit="m")
    left = i32(unit="tick", resets=True, transient=False)
    loud = bool_(resets=True, transient=False)


class Long(Component):
    message = f32(3)


class Mouth(Component):
    said = f32(2)
    open = bool_(default=True)


def speakers(backend: str, count: int, lifetime: int, **options):
    w = world(backend)
    pos = np.float32([[10, 10], [20, 20]])[:count]
    said = np.float32([[1, 2], [3, 4]])[:count]
    w.spawn(count, Body(pos=pos, vel=np.float32([8, 0])), Mouth(said=said), Voice, name="bird")
    w.watch(swarm.Message)
    w.schedule = (
        swarm.signal(
            Mouth.said, Voice.message, Voice.at, Voice.left, Body.pos, lifetime, loud=Voice.loud, **options
        ),
        swarm.move(Body.pos, Body.vel),
    )  # fmt: skip
    return w


def heard(w):
    table = w.tables["bird"]
    return tuple(host(table, c).tolist() for c in (Voice.message, Voice.at, Voice.left, Voice.loud))


def test_a_message_lasts_its_lifetime_where_it_was_sent(backend: str):
    w = speakers(backend, 2, 3, when=Mouth.open)
    w.step()
    assert heard(w) == ([[1, 2], [3, 4]], [[10, 10], [20, 20]], [3, 3], [True, True])
    ids = w.tables["bird"].ids().tolist()
    assert [*w.events(swarm.Message)] == [(ids[0], 0, 1.0), (ids[1], 0, 3.0)]
    w.write(Mouth.open, ids[0], False)
    w.step()
    assert heard(w) == ([[1, 2], [3, 4]], [[10, 10], [21, 20]], [2, 3], [True, True])
    w.write(Mouth.open, ids[1], False)
    w.step()
    assert heard(w)[2:] == ([1, 2], [True, True])
    w.step()
    assert heard(w) == ([[0, 0], [3, 4]], [[10, 10], [21, 20]], [0, 1], [False, True])
    assert len(w.events(swarm.Message)) == 0
    w.step()
    assert heard(w)[2:] == ([0, 0], [False, False])


def test_everybody_speaks_every_tick_by_default(backend: str):
    w = speakers(backend, 1, 1)
    for k in range(3):
        w.step()
        assert heard(w) == ([[1, 2]], [[10 + k, 10]], [1], [True])


def test_newborns_are_silent(backend: str):
    w = speakers(backend, 1, 5)

    def bear(world, dt):
        for agents in world.query(Voice):
            agents.birth(np.array([world.tick == 0]))

    w.schedule = (*w.schedule, bear)
    w.step()
    assert heard(w)[3] == [True, False]


def test_messages_can_be_found_by_an_index_of_the_loud(backend: str):
    w = speakers(backend, 2, 4, when=Mouth.open)
    w.write(Mouth.open, int(w.tables["bird"].ids()[1]), False)
    w.schedule = (*w.schedule, swarm.index(Voice.at, radius=4.0, where=Voice.loud))
    w.step()
    assert w.indices[Voice.at].n == 1


def test_bad_settings_are_refused():
    columns = Voice.message, Voice.at, Voice.left, Body.pos
    with pytest.raises(SettingsError, match="lifetime is 0, must be a whole number of ticks, 1 or more"):
        swarm.signal(Mouth.said, *columns, lifetime=0)
    with pytest.raises(SchemaError, match=r"said is Mouth.said, must be 3 float32 numbers"):
        swarm.signal(Mouth.said, Long.message, *columns[1:])
    with pytest.raises(SchemaError, match=r"Voice.left is int32, must be float32"):
        swarm.signal(Mouth.said, Voice.left, *columns[1:])
