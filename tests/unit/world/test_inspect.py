"""inspect: senses, activations and actions of one agent, with names, units and geometry, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import MLP, Brains, Own, Sectors
from swarm.errors import DeadError
from tests.unit.stages.worlds import Body, Energy, Plant, host, world

Mind = swarm.mind(
    food=Sectors(4, radius=8, of=Plant.pos), energy=Own(Energy.level), speed=Own(Body.vel, scale=0.1),
    actions=("x", "y"), memory=2,
)  # fmt: skip


def build(backend: str, brains=None, **more):
    w = world(backend)
    brains = MLP((Mind.inputs, 5, Mind.outputs)) if brains is None else brains
    ids = w.spawn(6, Body(pos=w.scatter, vel=(20, -10)), Energy(level=0.5), Mind(), name="agent", brains=brains, **more)
    w.spawn(30, Plant(pos=w.scatter), name="plant")
    w.schedule = (swarm.index(Plant.pos), swarm.sense(Mind), swarm.think(Mind))
    return w, ids.tolist()


def test_what_an_agent_is_senses_thinks_and_does(backend: str):
    w, ids = build(backend)
    w.step()
    seen = w.inspect(ids[3])
    assert (seen.id, seen.table, seen.tick, seen.parent, seen.born) == (ids[3], "agent", 1, 0, -1)
    assert seen.columns["Energy.level"] == 0.5
    assert list(seen.columns) == ["Body.pos", "Body.vel", "Energy.level"]
    assert [s.label for s in seen.senses] == list(Mind.input_labels[:7])
    assert [s.unit for s in seen.senses] == [""] * 4 + ["J", "10 m/s", "10 m/s"]
    assert [s.value for s in seen.senses] == host(w.tables["agent"], Mind.senses)[3].tolist()
    assert [s.value for s in seen.senses[4:]] == pytest.approx([0.5, 2, -1])
    assert seen.geometry["food"]["radius"] == 8
    assert np.array_equal(seen.memory, host(w.tables["agent"], Mind.memory)[3])
    assert seen.actions == dict(zip("xy", host(w.tables["agent"], Mind.actions)[3].tolist()))
    assert not seen.overridden
    assert seen.brain == str(MLP((Mind.inputs, 5, Mind.outputs)))
    assert [a.shape for a in seen.activations] == [(5,), (4,)]
    inputs = np.concatenate([[s.value for s in seen.senses], seen.memory]).astype(np.float32)
    answer = w.backend.host(w.brain(ids[3])(inputs[None]))[0]
    assert np.allclose(seen.activations[-1], answer, atol=1e-6)


def test_without_memory_the_last_activations_are_the_actions(backend: str):
    w = swarm.scene("foragers", agents=30, seed=1, backend=backend)
    w.step()
    id = int(w.backend.host(w.tables["forager"].ids())[0])
    seen = w.inspect(id)
    assert np.allclose(seen.activations[-1], list(seen.actions.values()), atol=1e-5)
    assert list(seen.actions) == ["push_x", "push_y"]
    assert len(seen.memory) == 0


@pytest.mark.parametrize("kind", ["shared", "mixed", "bfloat16", "float64"])
def test_whatever_the_brains(kind: str):
    more, brains = {}, None
    if kind == "shared":
        brains = Brains(MLP((Mind.inputs, 3, Mind.outputs)), count=2, seed=1, backend="reference")
        more["brain"] = np.array([0, 1, 1, 1, 0, 0])
    elif kind == "mixed":
        brains = [MLP((Mind.inputs, h, Mind.outputs)) for h in range(1, 7)]
    else:
        more["dtype"] = kind
    w, ids = build("reference", brains, **more)
    w.step()
    seen = w.inspect(ids[2])
    inputs = np.concatenate([[s.value for s in seen.senses], seen.memory]).astype(np.float32)
    assert np.allclose(seen.activations[-1], w.brain(ids[2])(inputs[None])[0], atol=1e-5)
    assert len(seen.activations[0]) == {"shared": 3, "mixed": 3}.get(kind, 5)


def test_an_entity_without_mind_or_brain():
    w, _ = build("cpu")
    plant = int(w.tables["plant"].ids()[0])
    seen = w.inspect(plant)
    assert (seen.senses, seen.geometry, seen.activations, seen.actions, seen.brain) == ((), {}, (), {}, "")
    assert seen.columns["Plant.energy"] == 1
    assert "Plant.ripe = True" in str(seen)
    (idle,) = w.spawn(1, Body(pos=1), Energy(), Mind(), name="idle")
    seen = w.inspect(idle)
    assert (seen.activations, seen.brain) == ((), "")
    assert len(seen.senses) == 7


def test_who_is_driven(backend: str):
    w, ids = build(backend)
    w.override(ids[1], [0.5, 0.25])
    w.step()
    assert w.inspect(ids[1]).overridden
    assert w.inspect(ids[1]).actions == {"x": 0.5, "y": 0.25}
    assert not w.inspect(ids[0]).overridden
    assert "does x = 0.5 (given from outside)" in str(w.inspect(ids[1]))


def test_a_page_of_text():
    w, ids = build("cpu")
    w.step()
    text = str(w.inspect(ids[0]))
    for part in (f"entity {ids[0]} of 'agent' at tick 1", "Energy.level = 0.5", "senses energy (J) = 0.5 J", "brain "):
        assert part in text


def test_it_is_a_copy_that_may_be_kept():
    w, ids = build("cpu")
    w.step()
    seen = w.inspect(ids[0])
    before = str(seen), seen.memory.copy()
    w.step()
    assert str(seen) == before[0]
    assert np.array_equal(seen.memory, before[1])
    with pytest.raises(AttributeError):
        seen.tick = 3


def test_parents_and_births():
    w = swarm.scene("foragers", agents=300, seed=3, backend="cpu")
    for _ in range(30):
        w.step()
    table = w.tables["forager"]
    child = int(table.ids()[np.flatnonzero(table.parents)[0]])
    seen = w.inspect(child)
    assert seen.parent != 0
    assert 0 <= seen.born < 30


def test_the_dead_are_not_looked_at(backend: str):
    w, ids = build(backend)
    w.kill([ids[0]])
    w.step()
    with pytest.raises(DeadError, match=f"entity {ids[0]} .*died at tick 0"):
        w.inspect(ids[0])


@pytest.mark.parametrize("scene", ["foragers", "digits"])
def test_in_every_scene(scene: str):
    w = swarm.scene(scene, agents=20, backend="reference")
    w.step()
    for table in w.tables.values():
        if table.n:
            seen = w.inspect(int(table.ids()[0]))
            assert seen.table == table.name
            assert bool(seen.senses) == bool(seen.actions) == (table.brains is not None)
