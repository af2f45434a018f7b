"""What a system sees of a table: columns written in place, births and deaths queued, numbers keyed by id."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import Component, World, f32, u8
from swarm.errors import SchemaError, StaleError


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0)
    kind = u8()


class Other(Component):
    x = f32()


@pytest.fixture
def world(backend):
    world = World(size=(16, 16), tick=0.5, backend=backend, seed=1)
    world.spawn(4, Body(pos=world.scatter, vel=1), Energy(level=[1, 2, 3, 4]), name="agent")
    return world


@pytest.fixture
def agents(world):
    return next(world.query(Body))


def test_columns_are_written_in_place_however_it_is_spelled(world, agents):
    table = world.tables["agent"]
    agents[Body].vel += np.float32(1)
    agents[Body].vel[0] = 5
    agents[Energy].level[agents[Energy].level > 2] -= 1
    agents[Energy.kind] = [1, 2, 3, 4]
    agents[Body].pos = (1, 2)
    agents[Energy].level *= 2
    assert table.column(Body.vel).tolist() == [[5, 5], [2, 2], [2, 2], [2, 2]]
    assert table.column(Energy.level).tolist() == [2, 4, 4, 6]
    assert table.column(Energy.kind).tolist() == [1, 2, 3, 4]
    assert table.column(Body.pos).tolist() == [[1, 2]] * 4
    assert agents[Body.pos].shape == (4, 2)
    assert np.shares_memory(agents[Body].pos, table.column(Body.pos))


@pytest.mark.parametrize(
    ("do", "text"),
    [
        (lambda a: setattr(a[Body], "vel", np.ones(3)), r"table 'agent': Body.vel is \(4, 2\), got \(3,\)"),
        (lambda a: setattr(a[Energy], "kind", 0.5), r"table 'agent': Energy.kind is uint8, got float64"),
        (lambda a: setattr(a[Energy], "levle", 1), r"Energy: no column 'levle'. Did you mean 'level'"),
        (lambda a: a[Energy].mass, r"Energy: no column 'mass'. Its columns: level, kind"),
        (lambda a: a[Other], r"table 'agent' has no Other; it has Body, Energy"),
        (lambda a: a[Other.x], r"table 'agent' has no column Other.x"),
        (lambda a: a["Body"], r"give a component or a column"),
        (lambda a: a.kill(np.ones(3, bool)), r"kill in table 'agent': the mask is \(3,\), the table has 4 rows"),
        (lambda a: a.kill([4]), r"rows 4..4 of 4. Ids are not rows"),
        (lambda a: a.kill([-1]), r"rows -1..-1 of 4"),
        (lambda a: a.kill([0.5]), r"got float64"),
        (lambda a: a.birth([0], Energy(level=[1, 2])), r"birth in table 'agent': Energy.level got shape \(2,\)"),
        (lambda a: a.birth([0], Other()), r"the table has no Other"),
        (lambda a: a.birth([0], 3), r"3 is no component"),
        (lambda a: a.birth([0], Energy(), Energy()), r"Energy is given twice"),
        (lambda a: setattr(a[Energy], "level", np.ones((4, 1))), r"Energy.level is \(4,\), got \(4, 1\)"),
    ],
)
def test_what_does_not_fit_names_table_and_column(agents, do, text):
    with pytest.raises(SchemaError, match=text):
        do(agents)


@pytest.mark.parametrize("backend", ["reference", "cpu"])  # arrays of a card have no guard
def test_everything_of_last_tick_is_stale(world, agents):
    level, ids = agents[Energy].level, agents.ids
    part = agents[Energy]
    world.step()
    for use in (
        lambda: level + 1,
        lambda: agents[Energy],
        lambda: part.level,
        lambda: setattr(part, "level", 1),
        lambda: agents.kill([0]),
        lambda: agents.birth([0]),
        lambda: agents.ids,
        lambda: agents.uniform(),
        lambda: len(agents),
    ):
        with pytest.raises(StaleError, match="table 'agent': this view ended with the barrier of tick 0"):
            use()
    assert ids.tolist() == world.tables["agent"].ids().tolist()


def test_spawning_into_a_table_ends_its_views_but_not_those_of_others(world, agents):
    world.spawn(1, Other(), name="other")
    assert len(agents) == 4
    others = next(world.query(Other))
    world.spawn(1, Body, Energy, name="agent")
    with pytest.raises(StaleError, match="a spawn"):
        len(agents)
    assert len(others) == 1


def test_deaths_are_queued_and_idempotent(world):
    def system(world, dt):
        for agents in world.query(Energy):
            agents.kill(agents[Energy].level >= 3)
            agents.kill([3, 3])
            agents.kill([])
            agents.kill(np.zeros(4, bool))
            assert len(agents) == 4

    world.schedule = (system,)
    world.step()
    assert world.counts() == {"agent": 2}
    assert world.tables["agent"].died_total == 2


def test_children_copy_what_the_parent_has_at_the_barrier_unless_given(world):
    def system(world, dt):
        for agents in world.query(Energy):
            agents.birth([2, 2], Energy(level=lambda count: np.arange(10, 10 + count)))
            given = np.array([[7.0, 8.0]])
            agents.birth([1], Body(vel=given))
            given[:] = 0  # values are copied when the birth is queued
            agents[Body].vel = 3
            agents.birth(agents[Energy].level == 1, Energy(kind=9))

    world.schedule = (system,)
    ids = world.tables["agent"].ids()
    world.step()
    table = world.tables["agent"]
    order = np.argsort(table.ids())[4:]  # the children, sorted by (parent id, k)
    assert table.parents[order].tolist() == ids[[0, 1, 2, 2]].tolist()
    assert table.column(Energy.level)[order].tolist() == [1, 2, 10, 11]
    assert table.column(Energy.kind)[order].tolist() == [9, 0, 0, 0]
    assert table.column(Body.vel)[order].tolist() == [[3, 3], [7, 8], [3, 3], [3, 3]]
    assert table.born[order].tolist() == [0, 0, 0, 0]


def test_random_numbers_belong_to_the_id_not_to_the_row(world):
    def draws(stream=None):
        table, drawn = world.tables["agent"], {}

        def system(world, dt):
            for agents in world.query(Body):
                a, b = agents.uniform(3, stream=stream), agents.normal(stream=stream)
                again = agents.uniform((2, 2), stream=stream)
                for k, id in enumerate(agents.ids.tolist()):
                    drawn[id] = (a[k].tolist(), float(b[k]), again[k].tolist())

        world.schedule = (system,)
        tick, world.tick = world.tick, 5
        world.step()
        world.tick = tick
        assert len(table) == 4
        return drawn

    first = draws()
    world.tables["agent"].permute(np.array([2, 0, 3, 1]))
    assert draws() == first
    assert draws("gust") != first
    a, _, again = next(iter(first.values()))
    assert 0 <= min(a) <= max(a) < 1
    assert again[0] != a[:2]  # the second call draws anew
    assert len({str(v) for v in first.values()}) == 4


def test_shapes_of_random_numbers(agents):
    assert agents.uniform().shape == (4,)
    assert agents.normal(2).shape == (4, 2)
    assert agents.normal((2, 3)).shape == (4, 2, 3)
    assert agents.normal(2).dtype == np.float32
    assert "agent" in repr(agents)
    assert "Body" in repr(agents[Body])
    assert agents.name == "agent"
