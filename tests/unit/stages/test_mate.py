"""mate: who pairs with whom, what the child gets from whom, and that no brain is overwritten before it was read."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import MLP, Brains, Component, Mutation, bool_, f32, u64
from swarm.errors import BackendError, ScheduleError, SchemaError, SettingsError
from tests.unit.stages.worlds import BACKENDS, Body, Energy, by_id, host, places, run, shuffle, world

NET = MLP((2, 3, 1))
Q = 2.0**-12


class Line(Component):
    other = u64()
    mark = f32()
    willing = bool_(default=True)


def couples(backend: str, pos, level=4.0, cap=None, willing=True, threads=None, **options):
    """Entities with own brains: all parameters of entity k are k + 1, so that a child's show whose they are."""
    w = world(backend, threads=threads)
    count = len(pos)
    brains = Brains(NET, count, backend=w.backend)
    brains.set(slice(0, count), np.arange(1, count + 1, dtype=np.float32)[:, None] + 0 * w.backend.host(brains.flat()))
    line = Line(mark=np.arange(count, dtype=np.float32), willing=willing)
    w.spawn(count, Body(pos=np.asarray(pos, np.float32)), Energy(level=level), line, name="fox", brains=brains, cap=cap)
    options = {"above": 2.0, "pos": Body.pos, "reach": 3.0, "spread": 0.0, "partner": Line.other, **options}
    w.schedule = (swarm.index(Body.pos), swarm.mate(Energy.level, **options))
    return w


def values(w, column):
    return host(w.tables["fox"], column)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_mutually_nearest_have_a_child(backend: str):
    """0 and 1 pair; 2 is nearest to 1, who does not name it; 3 is alone, 4 and 5 too poor, 6 beyond reach of 3."""
    pos = [[10, 10], [11, 10], [12.5, 10], [30, 30], [40, 40], [41, 40], [33.5, 30]]
    w = couples(backend, pos, np.float32([4, 4, 4, 4, 1, 1.5, 4]), share=0.25)
    ids = w.tables["fox"].ids()
    w.watch(swarm.Mating)
    w.step()
    table = w.tables["fox"]
    assert table.n == 8
    assert values(w, Energy.level)[:7].tolist() == [3, 3, 4, 4, 1, 1.5, 4]
    assert values(w, Energy.level)[7] == 2
    first, second = int(table.parents[7]), int(values(w, Line.other)[7])
    assert {first, second} == {*ids[:2].tolist()}
    assert [*w.events(swarm.Mating)] == [(first, second, 0.0)]
    leader = ids.tolist().index(first)
    assert values(w, Body.pos)[7].tolist() == pos[leader]
    assert values(w, Line.mark)[7] == leader


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("units", [False, True])
def test_the_brain_is_crossed_by_the_childs_key(backend: str, units: bool):
    """Every parameter is one of the parents', evenly; the very ones that `Brains.cross` draws for this id and tick."""
    pos = np.repeat(np.arange(30), 2)[:, None] * 2.0 + np.tile([[0.2, 1], [0.8, 1]], (30, 1))
    w = couples(backend, pos, reach=1.0, units=units)
    parents = Brains(NET, 60, backend="reference")
    parents.set(slice(0, 60), w.tables["fox"].brains.flat())
    row = {int(id): k for k, id in enumerate(w.tables["fox"].ids())}
    w.step()
    table = w.tables["fox"]
    assert table.n == 90
    child = np.arange(60, 90)
    first = [row[int(id)] for id in table.parents[child]]
    second = [row[int(id)] for id in values(w, Line.other)[child]]
    parents.grow(90)
    parents.n = 90
    parents.cross(first, second, child, table.slots[child], table.generations[child], 0, w.seed, units=units)
    assert np.array_equal(table.brains.flat()[60:], parents.flat()[60:])
    from_second = table.brains.flat()[60:] == np.array(second)[:, None] + 1
    assert 0.35 < from_second.mean() < 0.65
    assert 5 < sum(f < s for f, s in zip(first, second)) < 25  # neither the elder nor the younger leads


@pytest.mark.parametrize("backend", BACKENDS)
def test_mutation_comes_after_crossing(backend: str):
    w = couples(backend, [[10, 10], [11, 10]])
    w.tables["fox"].mutation = Mutation(0.01)
    w.step()
    child = w.tables["fox"].brains.flat()[2]
    assert (np.abs(child - np.rint(child)) < 0.1).all()
    assert (child != np.rint(child)).all()


def brain_of(w, row: int) -> list[float]:
    return sorted(set(w.tables["fox"].brains[row].flat()[0].tolist()))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kill", [[0, 1], [0], [1], [0, 1, 2, 3], [1, 3], [0, 2, 4, 5]])
def test_dying_parents_are_read_before_they_are_overwritten(backend: str, kill: list[int], monkeypatch):
    """Pairs (0, 1), (2, 3), (4, 5): whoever of them dies, each child has both its parents' parameters, no other's."""
    monkeypatch.setattr("swarm.barrier_cpu._SMALL", 0, raising=False)
    w = couples(backend, [[10, 10], [11, 10], [20, 20], [21, 20], [30, 30], [31, 30]])
    ids = w.tables["fox"].ids()
    value = {int(id): float(k + 1) for k, id in enumerate(ids)}

    def doom(world, dt):
        world.kill(ids[kill])

    w.schedule = (*w.schedule, doom)
    w.step()
    table = w.tables["fox"]
    assert table.n == 9 - len(kill)
    born = np.flatnonzero(table.born == 0)
    assert len(born) == 3
    for row in born:
        both = value[int(table.parents[row])], value[int(values(w, Line.other)[row])]
        assert brain_of(w, row) == sorted(both)
    for row in np.flatnonzero(table.born < 0):
        assert brain_of(w, row) == [value[int(table.ids()[row])]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_ring_of_second_parents_that_all_die(backend: str):
    """k is the first parent with k + 1 as the second, round a ring; all die: every child stands in a parent's row."""
    count = 7
    w = couples(backend, np.arange(count)[:, None] * [4.0, 0] + 1)
    ids = w.tables["fox"].ids()

    def ring(world, dt):
        for agents in world.query(Line):
            rows = np.arange(count)
            agents.birth(np.concatenate([rows, rows]), other=np.concatenate([(rows + 1) % count, (rows + 2) % count]))
            agents.kill(rows)

    w.schedule = (ring,)
    w.step()
    table = w.tables["fox"]
    assert table.n == 2 * count
    seen = {}
    for row in range(table.n):
        k = ids.tolist().index(int(table.parents[row]))
        seen.setdefault(k, []).append(brain_of(w, row))
    for k, brains in seen.items():
        assert brains == [sorted([k + 1.0, (k + step) % count + 1.0]) for step in (1, 2)] or brains[::-1] == [
            sorted([k + 1.0, (k + step) % count + 1.0]) for step in (1, 2)
        ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_mixed_brains_pair_within_their_architecture(backend: str):
    small, large = MLP((2, 2, 1)), MLP((2, 5, 1))
    w = world(backend)
    pos = np.float32([[10, 10], [11, 10], [20, 20], [21, 20], [30, 30], [31, 30]])
    nets = [small, small, large, small, large, large]
    w.spawn(6, Body(pos=pos), Energy(level=4), name="fox", brains=nets)
    ids = w.tables["fox"].ids()

    def doom(world, dt):
        world.kill(ids[[0, 1, 5]])

    w.schedule = swarm.index(Body.pos), swarm.mate(Energy.level, 2.0, Body.pos, reach=3.0), doom
    before = {int(id): w.brain(id).flat()[0].tolist() for id in ids}
    w.step()
    table = w.tables["fox"]
    assert table.n == 5
    for row in np.flatnonzero(table.born == 0):
        child = w.brain(table.ids()[row])
        pair = (ids[:2], ids[4:])[int(table.parents[row]) in ids[4:].tolist()]
        one, two = (before[int(id)] for id in pair)
        assert all(c in both for c, both in zip(child.flat()[0].tolist(), zip(one, two)))
    agents = next(w.query(Energy))
    with pytest.raises(SchemaError, match="brains are of two architectures"):
        agents.birth(np.arange(5), other=(np.arange(5) + 1) % 5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_under_a_cap_nobody_pays_for_nothing(backend: str):
    pos = np.repeat(np.arange(16), 2)[:, None] * [4.0, 0] + np.tile([[0.5, 1], [1.5, 1]], (16, 1))
    w = couples(backend, pos, reach=1.5, cap=37)
    w.step()
    table = w.tables["fox"]
    assert table.n == 37
    assert table.refused_total == 11
    level = values(w, Energy.level)
    assert (level[:32] == 3).sum() == 10
    assert (level[:32] == 4).sum() == 22
    assert level.sum() == 32 * 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_odd_quanta_stay_with_the_parents(backend: str):
    w = couples(backend, [[10, 10], [11, 10]], np.float32([4 + 3 * Q, 4 + 5 * Q]), share=0.5)
    w.step()
    assert sorted(values(w, Energy.level).tolist()) == [2 + 2 * Q, 2 + 3 * Q, 4 + 3 * Q]


def test_who_does_not_want_to_is_left_alone():
    willing = np.array([True, False, True])
    w = couples("cpu", [[10, 10], [10.5, 10], [12, 10]], willing=willing, when=Line.willing)
    w.step()
    assert w.tables["fox"].n == 4
    assert values(w, Energy.level)[1] == 4


def test_rows_and_threads_change_nothing():
    rng = np.random.default_rng(3)
    pos, level, found = places(rng, 400, (64, 64)), rng.integers(0, 6, 400).astype(np.float32), []
    for order, threads in ((None, 1), (4, 1), (5, None)):
        w = couples("cpu", pos, level, threads=threads)
        w.tables["fox"].mutation = Mutation(0.1)
        for tick in range(3):
            if order is not None:
                shuffle(w, order + tick)
            w.step()
        table = w.tables["fox"]
        assert table.n > 440
        columns = [by_id(table, table.column(c)) for c in (Energy.level, Line.other, Body.pos)]
        found.append([w.hash(), np.sort(table.ids()), by_id(table, table.brains.flat()), *columns])
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other))


def test_on_cuda_the_remedy_is_named(hosted):
    w = couples("cuda", [[10, 10], [11, 10]])
    with pytest.raises(BackendError, match=r"no second parents yet. Use backend='cpu', or swarm.split"):
        w.step()
    agents = next(w.query(Line))
    with pytest.raises(BackendError, match=r"no second parents yet"):
        agents.birth(np.array([0]), other=np.array([1]))


def test_bad_settings_are_refused():
    def mate(**options):
        return swarm.mate(Energy.level, **{"above": 1.0, "pos": Body.pos, **options})

    with pytest.raises(SettingsError, match="mate: share is 1; a parent keeps something"):
        mate(share=1)
    with pytest.raises(SettingsError, match="mate: above is -1"):
        mate(above=-1)
    with pytest.raises(SchemaError, match=r"must be a column of ids. Declare it as u64\(\)"):
        mate(partner=Line.mark)
    w = couples("reference", [[10, 10], [11, 10]])
    with pytest.raises(ScheduleError, match=r"index of Body.pos"):
        w.schedule = (mate(),)
    agents = next(w.query(Line))
    with pytest.raises(SchemaError, match="give 2 row numbers"):
        agents.birth(np.array([0, 1]), other=np.array([1]))
    with pytest.raises(SettingsError, match="half round a world"):
        run(w, swarm.index(Body.pos), mate(reach=33))
