"""segments: every segment within reach of a place stands in its cell, once for each way round, and nothing is stale."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import NonFiniteError, SettingsError
from swarm.stages.near import cell_of
from swarm.stages.segments import build, segments_of
from tests.unit.stages.worlds import Body, Wall, places, shuffle, world


def gap(place, a, b):
    """Distances [M] from one place to segments [M, 2], float64."""
    way = b - a
    share = np.clip(((place - a) * way).sum(1) / np.maximum((way**2).sum(1), 1e-300), 0, 1)
    return np.hypot(*(place - a - share[:, None] * way).T)


def listed(index, place, of_world=0):
    """(numbers, ends a [K, 2], ends b) of the segments in the cell of a place."""
    column, row = (int(v[0]) for v in cell_of(place[None], index))
    c = (of_world * index.rows + row) * index.columns + column
    run = slice(int(index.start[c]), int(index.start[c + 1]))
    a, b = np.stack([index.ax[run], index.ay[run]], 1), np.stack([index.bx[run], index.by[run]], 1)
    return index.which[run], a.astype(float), b.astype(float)


@pytest.mark.parametrize("size", [(64.0, 64.0), (20.0, 33.0), (7.3, 400.0)])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_every_segment_within_reach_is_listed_once(size, share):
    rng = np.random.default_rng(3)
    reach = share * min(size)
    a, b = places(rng, 60, size), places(rng, 60, size)
    b[:30] = np.minimum(a[:30] + np.float32(0.03 * min(size)), np.nextafter(np.float32(size), np.float32(0)))
    index = build(a, b, np.empty(0, np.int32), size, reach, 1)
    sides = np.float32(size).astype(float)
    way = b.astype(float) - a
    way -= np.where(way > sides / 2, sides, 0) - np.where(way < -sides / 2, sides, 0)
    images = [np.array([i, j]) * sides for i in range(-2, 3) for j in range(-2, 3)]
    seen = 0
    for place in places(rng, 80, size):
        which, near_a, near_b = listed(index, place)
        assert (np.diff(which) >= 0).all()
        assert len(np.unique(np.column_stack([which, near_a]), axis=0)) == len(which)
        for image in images:
            for k in np.flatnonzero(gap(place.astype(float), a + image, a + image + way) <= reach):
                mine = np.abs(near_a[which == k] - (a[k] + image)).max(axis=1) < 1e-4
                assert mine.sum() == 1
                assert np.allclose(near_b[which == k][mine][0], a[k] + image + way[k], atol=1e-4)
                seen += 1
    assert seen > 20


def test_cells_are_few_and_lists_short():
    rng = np.random.default_rng(1)
    a = places(rng, 1000, (1600, 1600))
    index = build(a, np.minimum(a + 15, np.float32(1599)), np.empty(0, np.int32), (1600, 1600), 12.0, 1)
    assert index.columns * index.rows <= 8192
    assert index.start[index.columns * index.rows] < 30_000


def test_ends_that_meet_stay_together():
    """The place where two walls meet is the same two numbers for both, in every cell and over the seam."""
    corner = np.float32([[0.1, 0.3]])
    a, b = np.concatenate([corner, np.float32([[9.9, 9.7]])]), np.concatenate([np.float32([[3, 0.3]]), corner])
    index = build(a, b, np.empty(0, np.int32), (10.0, 10.0), 3.0, 1)
    for place in places(np.random.default_rng(0), 60, (10, 10)):
        which, near_a, near_b = listed(index, place)
        for p, q in zip(near_a[which == 0], near_b[which == 1], strict=False):
            assert np.array_equal(p, q) or np.abs(p - q).max() > 5


def test_rebuilt_when_something_changed_only():
    w = world("reference")
    a, b = places(np.random.default_rng(2), 9, (64, 64)), places(np.random.default_rng(4), 9, (64, 64))
    ids = w.spawn(9, Wall(a=a, b=b), name="wall")
    first = segments_of(w, Wall.a, Wall.b, 3.0)
    shuffle(w, 5)
    again = segments_of(w, Wall.a, Wall.b, 3.0)
    assert again.start is first.start  # the order of rows is no change
    assert np.array_equal(w.tables["wall"].column(Wall.a)[again.order], a)
    w.write(Wall.a, ids[4], (1.0, 2.0))
    moved = segments_of(w, Wall.a, Wall.b, 3.0)
    assert moved.start is not first.start
    where, _, _ = listed(moved, np.float32([1, 2]))
    assert 4 in where
    w.kill(ids[:8])
    w.step()
    assert segments_of(w, Wall.a, Wall.b, 3.0).count == 1


def test_several_tables_in_id_order_and_none():
    w = world("reference")
    assert segments_of(w, Wall.a, Wall.b, 3.0).count == 0
    w.spawn(2, Wall(a=(1, 1), b=(2, 2)), name="wall")
    w.spawn(2, Wall(a=(1, 1), b=(2, 2)), Body(pos=0), name="fence")
    w.spawn(1, Wall(a=(5, 5), b=(6, 6)), name="wall")
    index = segments_of(w, Wall.a, Wall.b, 3.0)
    assert index.order.tolist() == [0, 1, 3, 4, 2]
    assert sorted(listed(index, np.float32([1.5, 1.5]))[0].tolist())[:4] == [0, 1, 2, 3]


def test_each_world_has_its_own():
    a = np.float32([[1, 1], [1, 1], [1, 1]])
    index = build(a, a + 1, np.int32([0, 1, 1]), (64.0, 64.0), 3.0, 2)
    assert [listed(index, np.float32([1.5, 1.5]), k)[0].tolist() for k in (0, 1)] == [[0], [1, 2]]


def test_bad_input():
    w = world("reference")
    ids = w.spawn(2, Wall(a=(1, 1), b=(2, 2)), name="wall")
    with pytest.raises(SettingsError, match="half round"):
        segments_of(w, Wall.a, Wall.b, 40.0)
    w.tables["wall"].column(Wall.b)[1] = np.nan
    with pytest.raises(NonFiniteError, match=rf"entity {ids[1]} of table 'wall' has Wall.b"):
        segments_of(w, Wall.a, Wall.b, 3.0)
    w.tables["wall"].column(Wall.b)[1] = 64
    with pytest.raises(swarm.SwarmError, match="inside 64 x 64 m"):
        segments_of(w, Wall.a, Wall.b, 3.0)
