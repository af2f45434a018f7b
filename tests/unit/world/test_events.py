"""events: what happened in the last tick, in id order, whatever the order of rows; nothing before somebody asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swarm
from swarm import Birth, Death, Event, Meal
from swarm.errors import SchemaError
from swarm.worlds import join
from tests.unit.stages.worlds import Body, Energy, Plant, host, shuffle, world


class Sneeze(Event):
    """A kind of the user's own."""


def facts(events) -> list[tuple[int, int, float]]:
    return list(events)


def test_the_first_call_turns_recording_on_and_returns_none():
    w = world()
    (a,) = w.spawn(1, Body(pos=1))
    w.schedule = (lambda world, dt: world.emit(Sneeze, [a], 0, 2.0),)
    w.step()
    first = w.events(Sneeze)
    assert (len(first), first.tick, facts(first)) == (0, 0, [])
    w.step()
    found = w.events(Sneeze)
    assert (found.tick, facts(found)) == (1, [(int(a), 0, 2.0)])
    assert (found.ids.dtype, found.others.dtype, found.amounts.dtype) == (np.uint64, np.uint64, np.float32)
    w.watch(Sneeze, on=False)
    w.step()
    assert not w.wants(Sneeze)
    assert len(w.events(Sneeze)) == 0


def test_asked_for_within_a_tick_it_begins_with_the_next():
    w = world()
    (a,) = w.spawn(1, Body(pos=1))
    wanted = []

    def ask(world, dt):
        world.watch(Sneeze)
        wanted.append(world.wants(Sneeze))
        world.emit(Sneeze, [a])

    w.schedule = (ask,)
    w.step()
    assert len(w.events(Sneeze)) == 0
    w.step()
    assert wanted == [False, True]
    assert len(w.events(Sneeze)) == 1


def test_events_are_copies_in_the_order_of_id_other_amount():
    w = world()
    w.watch(Sneeze)
    ids, others, amounts = np.array([3, 1, 3, 3], np.uint64), np.array([1, 9, 0, 1], np.uint64), np.arange(4.0)
    w.schedule = (
        lambda world, dt: world.emit(Sneeze, ids[:2], others[:2], amounts[:2]),
        lambda world, dt: world.emit(Sneeze, ids[2:], others[2:], amounts[2:]),
        lambda world, dt: ids.fill(7),
    )
    w.step()
    assert facts(w.events(Sneeze)) == [(1, 9, 1.0), (3, 0, 2.0), (3, 1, 0.0), (3, 1, 3.0)]


def test_births_and_deaths(backend: str):
    w = world(backend)
    a, b, c = w.spawn(3, Body(pos=1), Energy(level=[1, 2, 3]), name="agent").tolist()

    def system(world, dt):
        if world.tick == 1:
            for agents in world.query(Energy):
                level = world.backend.host(agents[Energy.level])
                agents.birth(level >= 2)
                agents.kill(level >= 3)
            world.spawn(1, Plant(pos=1), name="plant")

    w.schedule = (system,)
    w.watch(Birth, Death)
    w.step()
    assert facts(w.events(Birth)) == facts(w.events(Death)) == []
    w.step()
    born = w.events(Birth)
    assert (born.tick, sorted(born.others.tolist())) == (1, [b, c])
    for child, parent, amount in born:
        assert (w.get(child).parent, w.get(child).born, amount) == (parent, 1, 0)
    assert facts(w.events(Death)) == [(c, 0, 0.0)]
    assert w.get(a).born == -1
    w.step()
    assert facts(w.events(Birth)) == facts(w.events(Death)) == []


def pasture(backend: str, share: str, order: int | None) -> swarm.World:
    """Six eaters around three plants; lattice positions, so that distances tie."""
    w = world(backend, seed=3)
    w.spawn(3, Plant(pos=[(5, 5), (20, 5), (40, 40)], energy=[1.25, 0.5, 2]), name="plant")
    pos = [(4, 5), (6, 5), (5, 4), (20, 6), (20, 4), (60, 60)]
    w.spawn(6, Body(pos=pos), Energy(level=0), name="eater")
    w.spawn(1, Body(pos=(5, 6)), Energy(level=0), name="other")
    w.schedule = (
        swarm.index(Plant.pos),
        swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=2.0, gain=Plant.energy, ripe=Plant.ripe, share=share),
    )
    if order is not None:
        shuffle(w, order)
    return w


@pytest.mark.parametrize("share", ["nearest", "equal"])
def test_meals_add_up_to_what_was_eaten(backend: str, share: str):
    w = pasture(backend, share, None)
    w.watch(Meal)
    w.step()
    meals = w.events(Meal)
    assert len(meals) == (2 if share == "nearest" else 6)
    gained = dict.fromkeys(meals.ids.tolist(), 0.0)
    for id, food, amount in meals:
        gained[id] += amount
        assert not w.get(food)[Plant.ripe]
    for name in ("eater", "other"):
        table = w.tables[name]
        for id, level in zip(w.backend.host(table.ids()).tolist(), host(table, Energy.level).tolist()):
            assert gained.get(id, 0.0) == level
    assert meals.amounts.sum() == 1.75
    other = pasture(backend, share, 5)
    other.watch(Meal)
    other.step()
    assert facts(other.events(Meal)) == facts(meals)


def test_meals_are_the_same_on_every_backend(hosted):
    for share in ("nearest", "equal"):
        found = []
        for name in ("reference", "cpu", "cuda"):
            w = pasture(name, share, None)
            w.watch(Meal)
            w.step()
            found.append(facts(w.events(Meal)))
        assert found[0] == found[1] == found[2] != []


def test_a_watched_stage_leaves_the_graph_and_the_run_stays_the_same(hosted):
    made = []
    for watched in (False, True):
        w = swarm.scene("foragers", agents=60, seed=2, backend="cuda")
        for t in range(8):
            if t == 4 and watched:
                w.watch(Meal, Birth, Death)
            w.step()
        made.append(w)
    assert made[0].hash() == made[1].hash()
    assert any("graze" in name and "+" in name for name in made[0].profile.names)
    assert "graze" in made[1].profile.names


def test_births_and_deaths_of_several_worlds():
    """Worlds whose own ticks differ: one was made later."""

    def make(ticks: int) -> swarm.World:
        w = world("reference")
        w.spawn(2, Body(pos=1), Energy(level=[1, 2]), name="agent")
        w.schedule = (live,)
        for _ in range(ticks):
            w.step()
        return w

    def live(world, dt):
        for agents in world.query(Energy):
            agents.birth(agents[Energy].level == 2)
            agents.kill(agents[Energy].level == 1)

    joined = join((make(ticks) for ticks in (0, 1)), 2)
    joined.watch(Birth, Death)
    before = joined.tables["agent"].ids()
    joined.step()
    assert (len(joined.events(Birth)), len(joined.events(Death))) == (1 + 2, 1)
    assert set(joined.events(Birth).others.tolist()) | set(joined.events(Death).ids.tolist()) == set(before.tolist())


def test_nothing_is_collected_when_nobody_asks():
    w = pasture("reference", "equal", None)
    w.step()
    assert not w._journal.busy
    assert not w.wants(Meal)


def test_a_failed_tick_leaves_no_events():
    w = world()
    (a,) = w.spawn(1, Body(pos=1))
    w.watch(Sneeze)

    def fail(world, dt):
        world.emit(Sneeze, [a])
        if world.tick == 0 and not w.resources:
            w.resources["failed"] = 1
            raise ValueError("planted")

    w.schedule = (fail,)
    with pytest.raises(ValueError, match="planted"):
        w.step()
    w.step()
    assert len(w.events(Sneeze)) == 1


def test_they_are_no_state():
    one, two = (pasture("cpu", "nearest", None) for _ in range(2))
    one.watch(Meal)
    one.step()
    two.step()
    assert len(one.events(Meal)) == 2
    assert one.hash() == two.hash()


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 9), st.floats(-4, 4, width=16)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_any_order_of_emitting_gives_the_same(happened, random):
    expected = [(i, o, float(np.float32(a))) for i, o, a in sorted(happened)]
    mixed = happened[:]
    random.shuffle(mixed)
    w = world()
    w.watch(Sneeze)
    w.schedule = (lambda world, dt: [world.emit(Sneeze, np.array([i], np.uint64), o, a) for i, o, a in mixed],)
    w.step()
    assert facts(w.events(Sneeze)) == expected


@pytest.mark.parametrize("kind", [Event, Body, "bite", None, 3])
def test_what_is_no_kind(kind):
    w = world()
    for ask in (w.events, w.watch, lambda kind: w.emit(kind, [1])):
        with pytest.raises(SchemaError, match="is no kind of events"):
            ask(kind)


def test_what_cannot_be_emitted():
    w = world()
    w.watch(Sneeze)
    with pytest.raises(SchemaError, match="emit Sneeze: ids are float64"):
        w.emit(Sneeze, [0.5])
    with pytest.raises(SchemaError, match=r"others are int64 \(3,\) for 2 ids. Give one for each"):
        w.emit(Sneeze, [1, 2], [1, 2, 3])
    with pytest.raises(SchemaError, match="amounts are <U"):
        w.emit(Sneeze, [1, 2], 0, "much")
