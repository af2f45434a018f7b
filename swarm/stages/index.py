"""index: sort the entities of a position column into the cells of a grid, by cell and id.

A counting sort over entities in id order: whatever the order of the rows and however many threads, the members of a
cell are ordered by id, so everything that sums over neighbours gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.ecs.component import Column
from swarm.errors import ScheduleError, SettingsError
from swarm.stages.grid import Found, Grid, check_radius
from swarm.stages.near import cell_of, outside, stray
from swarm.stages.stage import Cost, Stage, need_column, positive

TASKS = 8  # histograms at most, one per thread
_CROWDING = rng.stream("crowding")


def index(pos: Column, radius: float | None = None, where: Column | None = None, cap: int = 256) -> Index:
    """The stage that indexes all entities with `pos` (float32 [N, 2], m), for the stages behind it in the schedule.

    radius: how far anybody will look, m; None takes the largest radius that the schedule's stages ask of `pos`.
    where: a bool column; only entities that have it set are members.
    cap: a cell keeps at most this many members: a window in id order that starts at a place keyed by seed, tick and
    cell. Those left out are counted in `world.indices[pos].overflow`; they still sense, they are only not found. A
    warning says so, once; on CUDA when that number, or another of the grid's, is asked for and so read back.

    The stage raises `NonFiniteError` naming entity, tick and last writer for a position that is not inside the world,
    before it indexes any memory; `ScheduleError` if nobody asks for a radius; `SettingsError` if it is too large.
    """
    return Index(pos, radius, where, cap)


class Index(Stage):
    """See `index`. Cells are as wide as the radius at least; the grid lies in `world.indices[pos]`."""

    def __init__(self, pos: Column, radius: float | None, where: Column | None, cap: int) -> None:
        super().__init__()
        self.pos = need_column(pos, (2,), np.float32, "index")
        self.where = where if where is None else need_column(where, (), np.bool_, "index")
        self.radius = None if radius is None else positive(radius, "radius", "index")
        if not isinstance(cap, (int, np.integer)) or cap < 1:
            raise SettingsError(f"index: cap is {cap!r}, must be a whole number of members per cell, 1 or more.")
        self.cap = int(cap)
        self.name = f"index {pos.key}"
        self.reads = (pos,) if where is None else (pos, where)
        self.writes = (("index", pos),)
        self.beside = pos  # writes the grid of `pos` alone: indices of other columns may be made at the same time

    def resolve(self, world: Any) -> float:
        """The radius in `world`: the given one, else the largest that the schedule asks for."""
        radius = self.radius
        if radius is None:
            asked = [system.needs[self.pos] for system in world.schedule if self.pos in getattr(system, "needs", ())]
            if not asked:
                raise ScheduleError(
                    f"index: no stage of the schedule says how far it looks for {self.pos.key}. "
                    f"Write swarm.index({self.pos.key}, radius=...) or leave it out."
                )
            radius = max(asked)
        check_radius(radius, world.size, f"index of {self.pos.key}")
        return radius

    def __call__(self, world: Any, dt: float) -> None:
        if world.backend.device is not None:
            world.backend.twin("swarm.stages.index").run(self, world, dt)
            return
        grid = world.indices.get(self.pos)
        radius = self.resolve(world)
        made = radius, tuple(map(np.float32, world.size)), world.ids.worlds
        if grid is None or (grid.radius, grid.size, grid.worlds) != made:
            grid = world.indices[self.pos] = Grid(self.pos, world.size, radius, world.ids.worlds)
        grid.tables = tuple(world.tables_with(self.pos))
        ends = np.cumsum([0, *(table.n for table in grid.tables)]).tolist()
        grid.base, total = tuple(ends[:-1]), ends[-1]
        grid.fit(total)

        scratch, cells = grid.scratch, grid.cells
        pos = gathered(grid, self.pos, "pos")
        flag = scratch.array("none", 0, np.bool_)[:0] if self.where is None else gathered(grid, self.where, "flag")
        if len(grid.tables) == 1 or grid.worlds == 1:
            within = grid.tables[0].worlds if grid.tables else scratch.array("nowhere", 0, np.int32)[:0]
        else:
            within = np.concatenate([table.worlds for table in grid.tables])
        for name, size, kind in (("start", cells + 1, np.int32), ("entry", total, np.int32)):
            scratch.array(name, size, kind)
        for name in ("x", "y"):
            scratch.array(name, total, np.float32)
        cell = scratch.array("cell", total, np.int32)
        histogram = scratch.array("histogram", cells * min(world.backend.threads, TASKS), np.int32)

        grid.tick = -1
        kernels = world.backend.twin("swarm.stages.index")
        bad, n, most = kernels.sort(pos, flag, within, world.order(grid.tables), cell, histogram, grid.packed())
        if bad >= 0:
            table = max((k for k in range(len(grid.base)) if grid.base[k] <= bad), key=lambda k: grid.base[k])
            self.accuse(world, grid.tables[table], bad - grid.base[table])
        over = thin(grid.packed(), n, self.cap, world.seeds, world.ticks) if most > self.cap else 0
        grid.cap, grid.tick = self.cap, world.tick
        grid.keep(Found(grid.shape, n - over, min(most, self.cap), over, n - over == total))

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the entity in `row`."""
        remedy = f"Keep positions finite and below {world.size[0]:g} x {world.size[1]:g} m; swarm.move wraps them."
        raise stray(world, self, table, row, self.pos, remedy)

    def describe(self) -> dict[str, Any]:
        return {
            **super().describe(), "radius": self.radius, "cap": self.cap,
            "where": self.where.key if self.where is not None else None,
        }  # fmt: skip

    def cost(self, world: Any) -> Cost:
        tables = world.tables_with(self.pos)
        n = sum(table.n for table in tables)
        grid = world.indices.get(self.pos)
        return cost(n, grid.cells if grid is not None else n)


def gathered(grid: Grid, column: Column, name: str) -> np.ndarray:
    """A column of all tables of the grid by entry: the column itself for one table, else a copy in scratch."""
    if len(grid.tables) == 1:
        return grid.tables[0].column(column)
    total, width = sum(table.n for table in grid.tables), int(np.prod(column.shape, dtype=int))
    out = grid.scratch.array(name, total * width, column.dtype)[: total * width].reshape(total, *column.shape)
    for base, table in zip(grid.base, grid.tables, strict=True):
        out[base : base + table.n] = table.column(column)
    return out


# --- kernels: the reference; index_cpu.py has the twin ---------------------------------------------------------------


def cost(n: int, cells: int) -> Cost:
    """Positions and order twice (count, place), cells written and read, entry, x and y written, histogram and start."""
    return Cost(n * (2 * (8 + 4) + 2 * 4 + 12) + cells * 12, n * 2)


def sort(
    pos: np.ndarray, flag: np.ndarray, world: np.ndarray, order: np.ndarray, cell: np.ndarray, histogram: np.ndarray,
    grid: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Fill grid.start, entry, x and y; returns (an entry outside the world or -1, members, members of the fullest).

    pos float32 [N, 2] m read; flag bool [N] read, or empty for all; world int32 [N] read, or
    empty where there is one; order int32 [N] entries in id order read; cell and
    histogram are work space. If an entry is outside, nothing is written.
    """
    members = order[flag[order]] if flag.size else order
    bad = outside(pos[members], grid.width, grid.height)
    if bad >= 0:
        inside = ((pos >= 0) & (pos < np.array([grid.width, grid.height]))).all(axis=1)
        return int(members[~np.asarray(inside)[members]].min()), 0, 0
    column, row = cell_of(pos[members], grid)
    cells = row * grid.columns + column
    if len(world):
        cells += world[members] * (grid.columns * grid.rows)
    counts = np.bincount(cells, minlength=grid.worlds * grid.columns * grid.rows)
    n = len(members)
    grid.start[0] = 0
    grid.start[1 : len(counts) + 1] = np.cumsum(counts)
    grid.entry[:n] = members[np.argsort(cells, kind="stable")]
    grid.x[:n], grid.y[:n] = pos[grid.entry[:n]].T
    return -1, n, int(counts.max())


def thin(grid: Any, n: int, cap: int, seed: Any, tick: Any) -> int:
    """Cut every cell to a window of `cap` members, in place; returns how many were left out. Same on all backends."""
    each = grid.columns * grid.rows
    cells = grid.worlds * each
    start = grid.start[: cells + 1].astype(np.int64)
    counts = np.diff(start)
    crowded = np.flatnonzero(counts > cap)
    keep = np.ones(n, np.bool_)
    names = crowded % each * grid.worlds + crowded // each  # numbered as slots are: those of several worlds in turn
    begin = rng.words(seed, names, 0, tick, _CROWDING, 1)[:, 0] % counts[crowded]
    for low, count, offset in zip(start[crowded].tolist(), counts[crowded].tolist(), begin.tolist(), strict=True):
        keep[low : low + count] = (np.arange(count) - offset) % count < cap
    kept = int(keep.sum())
    for array in (grid.entry, grid.x, grid.y):
        array[:kept] = array[:n][keep]
    np.cumsum(np.minimum(counts, cap), out=start[1:])
    grid.start[: cells + 1] = start
    return n - kept
