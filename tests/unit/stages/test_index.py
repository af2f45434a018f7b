"""index: cells, order, crowding, and positions that must not reach memory."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from swarm.stages.grid import fit
from tests.unit.stages.worlds import BACKENDS, Body, Energy, Plant, host, places, run, shuffle, world


def crowd(backend: str, pos: np.ndarray, size=(64.0, 64.0), **options):
    w = world(backend, size)
    w.spawn(len(pos), Body(pos=pos), name="body")
    run(w, swarm.index(Body.pos, **options))
    return w, Seen(w, w.indices[Body.pos])


class Seen:
    """An index on the host: entries numbered by living rows, whatever the backend numbers them by."""

    def __init__(self, w, grid):
        self.grid, bring = grid, w.backend.host
        self.start, self.x, self.y = (bring(array) for array in (grid.start, grid.x, grid.y))
        entry, dense = bring(grid.entry), np.cumsum([0, *(t.n for t in grid.tables)])
        which = np.searchsorted(grid.base, entry, side="right") - 1
        self.entry = entry - np.array(grid.base)[which] + dense[which] if len(entry) else entry

    def __getattr__(self, name):
        return getattr(self.grid, name)


def cell_numbers(pos: np.ndarray, grid) -> np.ndarray:
    """Float64 on purpose: the grid's own float32 cells may differ only for positions on a cell's edge."""
    x = np.floor(pos[:, 0] * float(grid.shape[0]) / float(grid.size[0]))
    y = np.floor(pos[:, 1] * float(grid.shape[1]) / float(grid.size[1]))
    return (y * grid.shape[0] + x).astype(int)


@pytest.mark.parametrize("count", [0, 1, 2, 500, 20_000])
def test_members_are_sorted_by_cell_then_id(backend: str, count: int):
    pos = places(np.random.default_rng(count), count, (64, 48), step=0.25)
    w, grid = crowd(backend, pos, (64.0, 48.0), radius=3.0)
    cells = cell_numbers(pos, grid)
    ids = w.backend.host(w.tables["body"].ids())
    assert np.array_equal(grid.entry, np.lexsort((ids, cells)))
    assert np.array_equal(np.diff(grid.start), np.bincount(cells, minlength=grid.cells))
    assert np.array_equal(np.stack([grid.x, grid.y], 1), pos[grid.entry])
    assert grid.most == (np.bincount(cells).max() if count else 0)
    assert grid.complete
    assert grid.overflow == 0


def test_order_within_a_cell_is_by_id_whatever_the_rows(backend: str):
    pos = places(np.random.default_rng(1), 9000, (64, 64))
    seen = []
    for seed in (None, 1, 2):
        w = world(backend)
        w.spawn(len(pos), Body(pos=pos), name="body")
        if seed is not None:
            shuffle(w, seed)
        run(w, swarm.index(Body.pos, radius=2.0))
        grid = Seen(w, w.indices[Body.pos])
        ids = w.backend.host(w.tables["body"].ids())
        seen.append((ids[grid.entry], grid.start.copy(), grid.x.copy()))
    assert not np.array_equal(ids, np.sort(ids))
    for other in seen[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(seen[0], other, strict=True))


def test_all_tables_with_the_column_and_only_flagged_ones(backend: str):
    rng = np.random.default_rng(4)
    w = world(backend)
    first, second = places(rng, 300, (64, 64)), places(rng, 200, (64, 64))
    w.spawn(300, Plant(pos=first, ripe=rng.random(300) < 0.5), name="plant")
    w.spawn(200, Plant(pos=second, ripe=rng.random(200) < 0.5), Energy(), name="bush")
    run(w, swarm.index(Plant.pos, radius=5, where=Plant.ripe))
    grid = Seen(w, w.indices[Plant.pos])
    ripe = np.concatenate([host(t, Plant.ripe) for t in grid.tables])
    assert sorted(grid.entry) == list(np.flatnonzero(ripe))
    assert np.array_equal(grid.x, np.concatenate([first, second])[grid.entry, 0])
    assert not grid.complete


def test_cap_keeps_a_window_in_id_order_and_counts_the_rest(backend: str):
    pos = np.concatenate([np.full((50, 2), 10.0), np.full((7, 2), 30.0), np.full((20, 2), 50.0)]).astype(np.float32)
    starts = set()
    for tick in range(12):
        w = world(backend)
        w.spawn(len(pos), Body(pos=pos), name="body")
        w.tick = tick
        with pytest.warns(
            UserWarning, match="index of Body.pos: a cell holds more than cap=9 members, 52 were left out"
        ):
            run(w, swarm.index(Body.pos, radius=8, cap=9))
        grid = Seen(w, w.indices[Body.pos])
        assert grid.overflow == 50 - 9 + 20 - 9
        assert grid.n == 9 + 7 + 9
        assert grid.most == 9
        assert not grid.complete
        assert np.diff(grid.start).max() == 9
        members = grid.entry[:9]
        assert np.array_equal(members, np.sort(members))
        gaps = np.flatnonzero(np.diff(members) > 1)
        assert len(gaps) == 0 or (
            len(gaps) == 1 and members[0] == 0 and members[-1] == 49
        )  # a window, maybe round the end
        starts.add(tuple(members.tolist()))
        assert np.array_equal(grid.x, pos[grid.entry, 0])
    assert len(starts) > 6  # keyed by the tick: nobody is hidden for long


@pytest.mark.parametrize("backend", BACKENDS)  # on CUDA: tests/cuda/test_index.py
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.5, 64.0, 1e30])
def test_a_position_outside_the_world_is_named(backend: str, value: float):
    w = world(backend)
    ids = w.spawn(100, Body(pos=places(np.random.default_rng(0), 100, (64, 64))), name="body")
    w.tick = 5
    w.tables["body"].column(Body.pos)[41, 1] = value
    w.tables["body"].column(Body.pos)[77, 0] = value
    stages = (swarm.index(Body.pos, radius=4), swarm.move(Body.pos, Body.vel))
    w.schedule = stages
    with pytest.raises(
        NonFiniteError, match=f"entity {ids[41]} of table 'body'.*tick 5, last written by 'move Body.pos'"
    ):
        stages[0](w, 0.1)
    with pytest.raises(ScheduleError, match=r"no index of Body.pos was made this tick"):
        swarm.flock(Body.pos, Body.vel, radius=4)(w, 0.1)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_side_itself_is_outside(backend: str, axis: int):
    pos = np.ones((3, 2), np.float32)
    pos[1, axis] = np.nextafter(np.float32(64), np.float32(0))
    crowd(backend, pos, radius=4)
    pos[1, axis] = 64
    with pytest.raises(NonFiniteError, match="table 'body'"):
        crowd(backend, pos, radius=4)


def test_what_is_not_flagged_is_not_looked_at(backend: str):
    w = world(backend)
    w.spawn(3, Plant(pos=np.ones((3, 2), np.float32), ripe=np.array([True, False, True])), name="plant")
    w.tables["plant"].column(Plant.pos)[1] = np.nan
    run(w, swarm.index(Plant.pos, radius=4, where=Plant.ripe))
    assert w.indices[Plant.pos].entry.tolist() == [0, 2]


def test_radius_defaults_to_the_largest_that_is_asked():
    w = world()
    w.spawn(2, Body(pos=w.scatter), name="body")
    near = swarm.index(Body.pos)
    run(w, near, swarm.flock(Body.pos, Body.vel, radius=3), swarm.flock(Body.pos, Body.vel, radius=11))
    assert w.indices[Body.pos].radius == 11
    with pytest.raises(ScheduleError, match=r"no stage of the schedule says how far it looks for Body.pos"):
        run(w, near)


def test_an_index_that_is_too_short_is_refused():
    w = world()
    w.spawn(2, Body(pos=w.scatter), name="body")
    with pytest.raises(ScheduleError, match=r"looks 9 m far, but the index of Body.pos was made for 3 m"):
        run(w, swarm.index(Body.pos, radius=3), swarm.flock(Body.pos, Body.vel, radius=9))


def test_radius_beyond_half_the_world_is_refused():
    w = world(size=(64.0, 20.0))
    w.spawn(2, Body(pos=w.scatter), name="body")
    run(w, swarm.index(Body.pos, radius=10))
    with pytest.raises(SettingsError, match=r"more than half round a world of 64 x 20 m. Use 10 m or less"):
        run(w, swarm.index(Body.pos, radius=10.5))


@pytest.mark.parametrize("bad", [{"radius": 0}, {"radius": float("nan")}, {"radius": "far"}, {"cap": 0}, {"cap": 2.5}])
def test_bad_settings_are_refused(bad: dict):
    with pytest.raises(SettingsError, match="index"):
        swarm.index(Body.pos, **bad)


def test_columns_of_another_shape_are_refused():
    with pytest.raises(SchemaError, match=r"Energy.level is float32, must be float32\[2\]"):
        swarm.index(Energy.level)
    with pytest.raises(SchemaError, match="must be bool"):
        swarm.index(Plant.pos, where=Plant.energy)
    with pytest.raises(SchemaError, match="is no column"):
        swarm.index("pos")


def test_one_stage_serves_two_worlds():
    stage = swarm.index(Body.pos, radius=4)
    one, two = world(size=(32.0, 32.0)), world(size=(64.0, 64.0))
    for k, w in enumerate((one, two)):
        w.spawn(5 + k, Body(pos=w.scatter), name="body")
        run(w, stage)
    assert one.indices[Body.pos].n == 5
    assert two.indices[Body.pos].n == 6


@pytest.mark.parametrize("size", [(64.0, 64.0), (10.0, 3000.0), (1e6, 1e6), (7.3, 7.3)])
@pytest.mark.parametrize("share", [0.5, 0.49, 0.3334, 0.1, 0.001])
@pytest.mark.parametrize("members", [1, 1000, 300_000])
def test_cells_are_wider_than_the_radius_and_bounded(size, share: float, members: int):
    radius = share * min(size)
    columns, rows = fit(size, radius, members)
    assert columns * rows <= max(1024, 2 * members)
    assert size[0] / columns >= radius
    assert size[1] / rows >= radius


def test_a_second_tick_allocates_no_arrays():
    w = world()
    w.spawn(1000, Body(pos=w.scatter), name="body")
    stage = swarm.index(Body.pos, radius=4)
    run(w, stage)
    before = {name: array.ctypes.data for name, array in w.indices[Body.pos].scratch.arrays.items()}
    run(w, stage)
    assert {name: array.ctypes.data for name, array in w.indices[Body.pos].scratch.arrays.items()} == before
