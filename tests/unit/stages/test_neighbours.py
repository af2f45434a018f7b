"""world.neighbours against a brute-force oracle: pairs, their order, and sums over them."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, f32, i32
from swarm.errors import NonFiniteError, SchemaError, SettingsError, StaleError
from tests.unit.stages.worlds import Body, Energy, Plant, by_id, differences, places, run, shuffle, world


class Mark(Component):
    size = f32()
    rank = i32()


def crowd(backend: str, size=(64.0, 48.0), n: int = 200, seed: int = 3, **kwargs) -> swarm.World:
    """Two tables of bodies and one of plants, rows out of id order."""
    rng = np.random.default_rng(seed)
    w = world(backend, size, **kwargs)
    for name, count in (("one", n), ("two", n // 3)):
        mark = Mark(size=rng.normal(size=count), rank=rng.integers(-5, 5, count))
        w.spawn(count, Body(pos=places(rng, count, size)), mark, name=name)
    w.spawn(n // 2, Plant(pos=places(rng, n // 2, size), energy=rng.random(n // 2)), name="plant")
    shuffle(w, seed)
    return w


def whole(w: swarm.World, column, *names: str) -> np.ndarray:
    return np.concatenate([w.backend.host(w.tables[name].column(column)) for name in names])


def ids(w: swarm.World, *names: str) -> np.ndarray:
    return np.concatenate([w.backend.host(w.tables[name].ids()) for name in names])


def oracle(w, mine, theirs, pos, of, radius):
    """(i, j, dx, dy, d2) of all pairs of these tables, table by table and in id order."""
    a, b = whole(w, pos, *mine), whole(w, of, *theirs)
    dx, dy = differences(a, b, w.size)
    d2 = dx * dx + dy * dy
    i, j = np.nonzero((d2 < np.float32(radius) ** 2) & (ids(w, *mine)[:, None] != ids(w, *theirs)[None, :]))
    table = np.repeat(np.arange(len(mine)), [w.tables[name].n for name in mine])
    order = np.lexsort((ids(w, *theirs)[j], ids(w, *mine)[i], table[i]))
    i, j = i[order], j[order]
    return i, j, dx[i, j], dy[i, j], d2[i, j]


def host(near, name: str) -> np.ndarray:
    return near._world.backend.host(getattr(near, name))


@pytest.mark.parametrize(("size", "radius"), [((64.0, 48.0), 5.0), ((20.0, 20.0), 10.0), ((400.0, 31.0), 9.0)])
@pytest.mark.parametrize("of", [Body.pos, Plant.pos])
def test_pairs_against_the_oracle(backend: str, size, radius: float, of):
    w = crowd(backend, size)
    theirs = ("one", "two") if of is Body.pos else ("plant",)
    near = w.neighbours(Body.pos, radius, of=of)
    want = oracle(w, ("one", "two"), theirs, Body.pos, of, radius)
    for name, array in zip(("i", "j", "dx", "dy", "d2"), want, strict=True):
        assert np.array_equal(host(near, name), array), name
    assert len(near) == len(want[0]) > 100
    assert np.array_equal(host(near, "ids"), ids(w, "one", "two")[want[0]])
    assert np.array_equal(host(near, "others"), ids(w, *theirs)[want[1]])
    assert np.array_equal(host(near, "distance"), np.sqrt(want[4]))
    assert np.array_equal(host(near, "count"), np.bincount(want[0], minlength=w.tables["one"].n + w.tables["two"].n))


def test_sums_go_through_the_pairs_in_order(backend: str):
    w = crowd(backend)
    near = w.neighbours(Body.pos, 6)
    i, j, *_, d2 = oracle(w, ("one", "two"), ("one", "two"), Body.pos, Body.pos, 6)
    size, rank = whole(w, Mark.size, "one", "two"), whole(w, Mark.rank, "one", "two")
    for r in range(len(size)):
        mine = j[i == r]
        total = 0.0
        for value in size[mine]:
            total += float(value)
        assert host_of(w, near.sum(Mark.size))[r] == total
        assert host_of(w, near.mean(Mark.size, empty=-1))[r] == (total / len(mine) if len(mine) else -1)
        assert host_of(w, near.min(Mark.rank, empty=9))[r] == min(rank[mine], default=9)
        assert host_of(w, near.max(Mark.rank, empty=-9))[r] == max(rank[mine], default=-9)
        assert host_of(w, near.any(near.d2 < 4))[r] == (d2[i == r] < 4).any()
        assert host_of(w, near.argmin(Mark.rank))[r] == (mine[np.argmin(rank[mine])] if len(mine) else -1)
    assert host_of(w, near.any()).tolist() == (np.bincount(i, minlength=len(size)) > 0).tolist()
    assert near.min(Mark.rank).dtype == np.int32


def host_of(w: swarm.World, array) -> np.ndarray:
    return w.backend.host(array)


def test_two_agents_by_hand(backend: str):
    w = world(backend)
    one, two = w.spawn(2, Body(pos=np.array([[63, 10], [1, 10]], np.float32)), Mark(size=[3.0, 5.0]), name="pair")
    near = w.neighbours(Body.pos, radius=2.5)
    assert host(near, "ids").tolist() == [one, two]
    assert host(near, "others").tolist() == [two, one]
    assert host(near, "dx").tolist() == [2, -2]  # round the torus
    assert host_of(w, near.sum(Mark.size)).tolist() == [5, 3]
    assert host_of(w, near.argmin(near.d2)).tolist() == [1, 0]
    assert len(w.neighbours(Body.pos, radius=2)) == 0  # closer than the radius, not as close
    assert "2 pairs of 2 seekers and 2 others" in repr(near)


def test_only_the_agents_of_one_table_seek(backend: str):
    w = crowd(backend)
    agents = next(a for a in w.query(Mark) if a.name == "two")
    near, everybody = w.neighbours(Body.pos, 6, agents=agents), w.neighbours(Body.pos, 6)
    rows = everybody.rows(agents)
    assert rows == slice(200, 266)
    assert np.array_equal(host_of(w, near.sum(Mark.size)), host_of(w, everybody.sum(Mark.size))[rows])
    assert near.rows(agents) == slice(0, 66)
    with pytest.raises(SchemaError, match=r"nobody looked for those of 'one'"):
        near.rows(next(a for a in w.query(Mark) if a.name == "one"))


def test_nobody_is_his_own_neighbour_by_any_column(backend: str):
    w = world(backend)
    w.spawn(3, Body(pos=1.0), Plant(pos=1.0), name="both")
    assert host(w.neighbours(Body.pos, 5, of=Plant.pos), "count").tolist() == [2, 2, 2]


def test_an_index_of_the_schedule_is_used_while_it_holds(backend: str):
    """Members are those of the index; when somebody has moved since, it no longer counts."""
    w = world(backend)
    w.spawn(4, Body(pos=np.array([[1, 1], [2, 1], [3, 1], [4, 1]], np.float32)), name="seeker")
    w.spawn(2, Plant(pos=np.array([[1, 1], [3, 1]], np.float32), ripe=[True, False]), name="plant")
    run(w, swarm.index(Plant.pos, radius=4, where=Plant.ripe))
    assert host(w.neighbours(Body.pos, 1.5, of=Plant.pos), "count").tolist() == [1, 1, 0, 0]
    assert host(w.neighbours(Body.pos, 6, of=Plant.pos), "count").tolist() == [2, 2, 2, 2]  # farther than the index
    for plants in w.query(Plant):
        plants[Plant].pos += np.float32(0.25)
    assert host(w.neighbours(Body.pos, 1.5, of=Plant.pos), "count").tolist() == [1, 2, 1, 1]


def test_permuted_rows_and_threads_change_nothing():
    seen = []
    for seed, threads, backend in ((1, 1, "cpu"), (2, 2, "cpu"), (3, 1, "reference")):
        w = crowd(backend, n=3000, threads=threads)
        shuffle(w, seed)
        near = w.neighbours(Body.pos, 3)
        rows = near.rows(next(w.query(Mark)))
        seen.append((near.ids, near.others, near.d2, by_id(w.tables["one"], near.sum(Mark.size)[rows])))
    for other in seen[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(seen[0], other, strict=True))
    assert len(seen[0][0]) > 20_000


def test_inside_a_system_and_not_beyond_the_barrier(backend: str):
    kept = []

    def look(world, dt):
        for agents in world.query(Mark):
            near = world.neighbours(Body.pos, 6, agents=agents)
            agents[Mark].size = near.count
            kept.append(near)

    w = crowd(backend)
    want = [np.bincount(oracle(w, (n,), ("one", "two"), Body.pos, Body.pos, 6)[0], minlength=w.tables[n].n)
            for n in ("one", "two")]  # fmt: skip
    w.schedule = (swarm.index(Body.pos, radius=6), look)
    w.step()
    for name, count in zip(("one", "two"), want, strict=True):
        assert np.array_equal(w.backend.host(w.tables[name].column(Mark.size)), count)
    with pytest.raises(StaleError, match=r"neighbours\.sum of table 'one'"):
        kept[0].sum(Mark.size)


def test_an_empty_table_has_no_neighbours(backend: str):
    w = world(backend)
    w.spawn(0, Body(), Mark(), name="nobody")
    near = w.neighbours(Body.pos, 5)
    assert len(near) == 0
    assert host_of(w, near.sum(Mark.size)).shape == host_of(w, near.argmin(near.d2)).shape == (0,)


def test_faults_are_told(backend: str):
    w = crowd(backend)
    with pytest.raises(SettingsError, match=r"more than half round a world of 64 x 48 m"):
        w.neighbours(Body.pos, 25)
    with pytest.raises(SettingsError, match=r"radius is 0"):
        w.neighbours(Body.pos, 0)
    with pytest.raises(SchemaError, match=r"Energy.level is float32, must be float32\[2\]"):
        w.neighbours(Energy.level, 5)
    with pytest.raises(SchemaError, match=r"table 'plant' has no Body.pos"):
        w.neighbours(Body.pos, 5, agents=next(w.query(Plant)))
    with pytest.raises(SchemaError, match=r"Give what world.query yields"):
        w.neighbours(Body.pos, 5, agents="one")
    near = w.neighbours(Body.pos, 5)
    with pytest.raises(SchemaError, match=r"has no Plant.energy"):
        near.sum(Plant.energy)
    with pytest.raises(SchemaError, match=r"Take one, for each pair: near.sum\(agents\[Body.vel\]"):
        near.sum(Body.vel)
    with pytest.raises(SchemaError, match=r"or values\[near.j\]"):
        near.sum(np.ones(3))
    empty = world(backend)
    with pytest.raises(SchemaError, match=r"no table has Body.pos"):
        empty.neighbours(Body.pos, 5)
    w.write(Body.pos, int(w.backend.host(w.tables["two"].ids())[4]), [np.nan, 1])
    with pytest.raises(NonFiniteError, match=r"of table 'two' has Body.pos = \[nan  1.\]"):
        w.neighbours(Body.pos, 5)
    with pytest.raises(NonFiniteError, match=r"neighbours: entity .* Keep it inside the world"):
        w.neighbours(Body.pos, 5, of=Plant.pos)
