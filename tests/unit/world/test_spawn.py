"""Spawning: what is accepted, what is refused and leaves the world as it was."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, Brains, Component, Mutation, World, f32, i32
from swarm.backend import memory
from swarm.errors import CapacityError, NonFiniteError, SchemaError, SettingsError


class Body(Component):
    pos = f32(2, unit="m")
    mass = f32(default=2.0)


class Mark(Component):
    value = i32()


@pytest.fixture
def world(backend):
    return World(size=(32, 16), backend=backend, seed=5)


def test_spawn_returns_ids_and_fills_values_and_defaults(world):
    ids = world.spawn(5, Body(pos=world.scatter), Mark(value=np.arange(5)), name="thing")
    table = world.tables["thing"]
    assert ids.dtype == np.uint64
    assert ids.tolist() == table.ids().tolist() == [(k << 32) + 1 for k in range(1, 6)]
    assert table.column(Mark.value).tolist() == [0, 1, 2, 3, 4]
    assert table.column(Body.mass).tolist() == [2] * 5
    pos = world.backend.host(table.column(Body.pos))
    assert (pos < [32, 16]).all()
    assert (pos >= 0).all()
    assert table.parents.tolist() == [0] * 5
    assert table.born.tolist() == [-1] * 5
    assert world.counts() == {"thing": 5}


@pytest.mark.parametrize("backend", ["reference", "cpu"])  # a card aligns by itself
def test_columns_are_contiguous_aligned_and_exactly_as_long_as_there_are_living(world):
    world.spawn(7, Body(pos=world.scatter), Mark(), name="thing")
    table = world.tables["thing"]
    for column in (Body.pos, Body.mass, Mark.value):
        array = table.column(column)
        assert len(array) == 7
        assert array.flags.c_contiguous
        assert array.ctypes.data % 64 == 0
        assert table.column(column) is array


def test_spawning_again_adds_to_the_table(world):
    first = world.spawn(3, Body, Mark(value=1), name="thing")
    second = world.spawn(200, Mark(value=2), Body(mass=9), name="thing")
    table = world.tables["thing"]
    assert table.ids().tolist() == [*first.tolist(), *second.tolist()]
    assert table.column(Body.mass).tolist() == [2] * 3 + [9] * 200
    assert list(world.tables) == ["thing"]


def test_a_table_without_a_name_is_called_after_its_components(world):
    world.spawn(1, Body, Mark)
    world.spawn(1, Body, Mark)
    assert world.counts() == {"body+mark": 2}


def test_every_scatter_is_even_and_new(world):
    a, b = world.scatter(4000), world.scatter(4000)
    assert a.dtype == np.float32
    assert not (a == b).any()
    np.testing.assert_allclose(a.mean(axis=0), [16, 8], rtol=0.05)
    assert (a.max(axis=0) < [32, 16]).all()
    assert World(size=(32, 16), backend="reference", seed=5).scatter(4000).tolist() == a.tolist()
    assert World(size=(32, 16), backend="reference", seed=6).scatter(4000).tolist() != a.tolist()


BAD = [
    (lambda w: w.spawn(-1, Body), SettingsError, r"count is -1"),
    (lambda w: w.spawn(1.5, Body), SettingsError, r"count is 1.5"),
    (lambda w: w.spawn(2), SchemaError, r"entities need a component"),
    (lambda w: w.spawn(2, 3), SchemaError, r"3 is no component"),
    (lambda w: w.spawn(2, Body(), Body()), SchemaError, r"Body is given twice"),
    (lambda w: w.spawn(2, Body, name="a/b"), SchemaError, r"word without slashes"),
    (lambda w: w.spawn(2, Body(pos=np.zeros((3, 2))), name="new"), SchemaError, r"spawn 'new': Body.pos got shape"),
    (lambda w: w.spawn(2, Body(pos=np.nan), name="new"), NonFiniteError, r"Body.pos is \[nan nan\] in row 0"),
    (lambda w: w.spawn(2, Body, name="old"), SchemaError, r"spawn 'old': this table has Body, Mark"),
    (
        lambda w: w.spawn(2, type("Mark", (Component,), {"x": f32()}), name="new"),
        SchemaError,
        r"another component called",
    ),
    (lambda w: w.spawn(2, Body, name="new", brains=MLP((2, 2)), dtype="int8"), SettingsError, r"int8"),
    (lambda w: w.spawn(2, Body, name="new", brains=3), SchemaError, r"brains is 3"),
    (lambda w: w.spawn(2, Body, name="new", brains=Brains(MLP((2, 2)), 3)), SchemaError, r"3 brains for 2 entities"),
    (lambda w: w.spawn(2, Body, Mark, name="old", brains=MLP((2, 2))), SchemaError, r"its 4 entities have no brains"),
    (lambda w: w.spawn(2, Body, name="new", brain=[0, 1]), SchemaError, r"names rows of a pool"),
    (lambda w: w.spawn(2, Body, name="new", brains=Brains(MLP((2, 2)), 2), brain=[0, 2]), SchemaError, r"rows 0..2"),
    (lambda w: w.spawn(2, Body, name="new", brains=Brains(MLP((2, 2)), 2), brain=[0.5, 1]), SchemaError, r"float64"),
    (lambda w: w.spawn(2, Body, Mark, name="old", brain=[0, 1]), SchemaError, r"own their brains"),
    (lambda w: w.spawn(2, Body, name="new", brains=[MLP((2, 2))]), SchemaError, r"1 architectures for 2 entities"),
    (lambda w: w.spawn(2, Body(pos=w.scatter), name="new", cap=-1), SettingsError, r"spawn 'new': cap is -1"),
    (lambda w: w.spawn(2, Body(pos=w.scatter), Mark(value=0.5), name="old"), SchemaError, r"Mark.value is int32"),
    (lambda w: w.spawn(10**15, Body, name="new"), CapacityError, r"1,000,000,000,000,000 entities .* would fit"),
    (lambda w: w.spawn(10**9, Body, name="new", brains=MLP((99, 99))), CapacityError, r"entities of"),
]


@pytest.mark.parametrize(("do", "error", "text"), BAD)
def test_what_is_refused_leaves_the_world_as_it_was(do, error, text):
    world = World(size=(32, 16), backend="reference", seed=5)
    world.spawn(4, Body(pos=world.scatter), Mark, name="old")
    before, ids, tables = world.hash(), (world.ids.spare, world.scattered), dict(world.tables)
    with pytest.raises(error, match=text):
        do(world)
    assert world.hash() == before
    assert (world.ids.spare, world.scattered) == ids
    assert world.tables == tables
    world.step()


def test_growth_beyond_memory_is_refused_before_anything_changes(monkeypatch):
    world = World(size=(32, 16), backend="reference")
    world.spawn(30_000, Body(pos=world.scatter), name="thing")

    def double(world, dt):
        for agents in world.query(Body):
            agents.birth(np.ones(len(agents), bool))
            agents.kill([0])

    world.schedule = (double,)
    before = world.hash()
    monkeypatch.setattr(memory, "available", lambda: 1_000_000)
    with pytest.raises(CapacityError, match=r"barrier of tick 0: table 'thing': 59,999 entities of \d+ bytes"):
        world.step()
    assert world.hash() == before
    monkeypatch.undo()
    world.step()
    assert world.counts() == {"thing": 59_999}


def test_own_brains_are_drawn_by_id_and_follow_their_agents(world):
    ids = world.spawn(3, Body, name="thing", brains=MLP((2, 4, 1)))
    more = world.spawn(2, Body, name="thing")
    table = world.tables["thing"]
    assert table.own_brains is table.brains
    assert len(table.brains) == 5
    brains = [world.brain(id).flat()[0] for id in [*ids, *more]]
    assert len({b.tobytes() for b in brains}) == 5
    table.permute(np.array([4, 2, 0, 1, 3]))
    for id, brain in zip([*ids, *more], brains):
        assert (world.brain(id).flat()[0] == brain).all()
    other = World(size=(32, 16), backend=world.backend, seed=5)
    ids = other.spawn(5, Body, name="thing", brains=MLP((2, 4, 1)))
    assert (other.brain(ids[4]).flat()[0] == brains[4]).all()  # drawn by id, not by the call


def test_a_pool_can_be_given_and_becomes_the_tables(world):
    pool = Brains(MLP((2, 1)), count=3, seed=4, backend="reference")
    flat = pool.flat()
    world.spawn(3, Body, name="thing", brains=pool)
    table = world.tables["thing"]
    assert table.brains is pool
    assert pool.backend is world.backend
    world.spawn(2, Body, name="thing", brains=Brains(MLP((2, 1)), count=2, seed=9, backend="reference"))
    flats = world.backend.host(table.brains.flat())
    assert (flats[:3] == flat).all()
    assert (flats[3:] == Brains(MLP((2, 1)), count=2, seed=9, backend="reference").flat()).all()
    with pytest.raises(SchemaError, match="another table's"):
        world.spawn(5, Body, name="more", brains=pool)
    with pytest.raises(SchemaError, match="its brains are"):
        world.spawn(1, Body, name="thing", brains=MLP((3, 1)))


def test_a_shared_pool_is_named_by_rows(world):
    pool = Brains(MLP((2, 1)), count=3, seed=4, backend="reference")
    ids = world.spawn(4, Body, name="thing", brains=pool, brain=[2, 0, 0, 1])
    table = world.tables["thing"]
    assert table.own_brains is None
    assert table.brain.tolist() == [2, 0, 0, 1]
    assert (world.brain(ids[0]).flat()[0] == pool.flat()[2]).all()
    world.spawn(2, Body, name="thing", brain=1)
    assert table.brain.tolist() == [2, 0, 0, 1, 1, 1]
    with pytest.raises(SchemaError, match="shares a pool"):
        world.spawn(1, Body, name="thing")


def test_mixed_architectures_go_with_their_agents(world):
    mlps = [MLP((2, h, 1)) for h in (1, 3, 1, 2)]
    ids = world.spawn(4, Body, name="thing", brains=mlps, mutation=Mutation(0.1))

    def system(world, dt):
        for agents in world.query(Body):
            order = np.argsort(agents.ids)
            agents.birth(order[[1, 3]])
            agents.kill(order[[0]])

    world.schedule = (system,)
    world.step()
    table = world.tables["thing"]
    assert [world.brain(id).mlp.hidden for id in ids[1:]] == [(3,), (1,), (2,)]
    children = table.ids()[np.argsort(table.ids())][-2:]
    assert [world.brain(id).mlp.hidden for id in children] == [(3,), (2,)]
    assert (world.brain(children[0]).flat() != world.brain(ids[1]).flat()).any()


def test_entities_spawned_by_a_system_enter_at_the_barrier(world):
    got = []

    def shoot(world, dt):
        for agents in world.query(Body):
            if world.tick == 0:
                got.append(world.spawn(2, Mark(value=7), name="shot"))
                got.append(world.spawn(1, Body(mass=3), name="thing"))
                agents.birth([0])
                assert world.counts() == {"thing": 2, "shot": 0}
                with pytest.raises(LookupError, match="is not there yet: it enters at the barrier of tick 0"):
                    world.get(got[0][0])

    world.spawn(2, Body, name="thing")
    world.schedule = (shoot,)
    world.step()
    assert world.counts() == {"thing": 4, "shot": 2}
    assert world.get(got[0][1])[Mark.value] == 7
    assert world.get(got[1][0])[Body].mass == 3
    assert len(set(world.tables["thing"].ids().tolist() + world.tables["shot"].ids().tolist())) == 6
    world.step()


def test_an_error_in_the_tick_takes_back_what_was_queued(world):
    ids = world.spawn(2, Body, name="thing")

    def fail(world, dt):
        world.spawn(3, Body, name="thing")
        for agents in world.query(Body):
            agents.birth([0])
            agents.kill([1])
        raise RuntimeError("stop")

    world.schedule = (fail,)
    spare = world.ids.spare
    with pytest.raises(RuntimeError, match="stop"):
        world.step()
    assert world.ids.spare == spare
    world.schedule = ()
    world.step()
    assert world.tables["thing"].ids().tolist() == ids.tolist()


def test_a_cap_refuses_births_and_counts_them(world):
    world.spawn(10, Body, name="thing", cap=12)

    def system(world, dt):
        for agents in world.query(Body):
            agents.birth(np.ones(len(agents), bool))

    world.schedule = (system,)
    world.step()
    table = world.tables["thing"]
    assert (table.n, table.born_total, table.refused_total) == (12, 2, 8)
    world.step()
    assert (table.n, table.born_total, table.refused_total) == (12, 2, 20)
    with pytest.raises(SettingsError, match="cap is -1"):
        world.spawn(1, Body, name="thing", cap=-1)


def test_the_cap_gives_nobody_an_advantage():
    """Over many ticks every parent is admitted equally often: a chi-square far from both tails."""
    world = World(backend="reference", seed=2)
    world.spawn(20, Mark(value=np.arange(20)), name="thing", cap=25)
    admitted = np.zeros(20)

    def system(world, dt):
        for agents in world.query(Mark):
            young = agents.table.born == world.tick - 1 if world.tick else np.zeros(len(agents), bool)
            np.add.at(admitted, agents[Mark].value[young], 1)
            agents.kill(young)
            agents.birth(~young)

    world.schedule = (system,)
    for _ in range(801):
        world.step()
    assert admitted.sum() == 800 * 5
    chi = float(((admitted - 200) ** 2 / 200).sum())  # 19 degrees of freedom, drawn without replacement: x 15/19
    assert 4 < chi < 40
