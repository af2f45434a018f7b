"""What a stage without kernels on a device needs there: columns and grids on the host, brought and taken back.

    ours = Mirror(world)
    pos, level = ours.read(table, Body.pos), ours.write(table, Energy.level)      # NumPy arrays [n, ...]
    level += 1
    ours.close()                                                                  # what was written goes back

On the host all of it is the arrays themselves and costs nothing. On CUDA every column that is asked for is copied, and
the plain reference computes: slow, but right. A stage that has a twin `<stem>_cuda` needs none of this.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.ids import join
from swarm.stages.grid import Found, Grid, check_radius, find
from swarm.stages.stage import Scratch, Stage


def kernels_of(world: Any, stem: str) -> ModuleType:
    """The kernels of `stem` that work on the host: the backend's own, or the reference where that is CUDA."""
    return world.backend.twin(stem) if world.backend.device is None else import_module(stem)


class Mirror:
    """The columns of one world during one call of a stage. Ask for each anew after `close`."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._host = world.backend.device is None
        self._copies: dict[Any, np.ndarray] = {}
        self._written: dict[Any, None] = {}

    def read(self, table: Any, key: Column | str) -> np.ndarray:
        """A column [n, *shape], or "slots", "generations", "worlds", "dying", of a table. Do not write to it."""
        if self._host:
            return getattr(table, key) if isinstance(key, str) else table.column(key)
        root = key if isinstance(key, str) else key.root
        copy = self._copies.get((table, root))
        if copy is None:
            found = getattr(table, root) if isinstance(root, str) else table.column(root)
            copy = self._copies[table, root] = self.world.backend.host(found)
        return copy if isinstance(key, str) else _part(copy, key)

    def write(self, table: Any, column: Column) -> np.ndarray:
        """A column [n, *shape], to be written in place."""
        array = self.read(table, column)
        if not self._host:
            self._written[table, column.root] = None
        return array

    def close(self) -> None:
        """Put what was written where it belongs."""
        for table, column in self._written:
            table.column(column)[...] = self.world.backend.array(self._copies[table, column])
        self._written.clear()
        self._copies.clear()

    def joined(self, tables: Any, key: Column | str) -> np.ndarray:
        """A column of several tables by entry: the array itself if there is one table, else a copy."""
        return _joined([self.read(table, key) for table in tables], key)

    def ids(self, table: Any, rows: np.ndarray) -> np.ndarray:
        """u64 [K]: the ids of these rows."""
        return join(self.read(table, "slots")[rows], self.read(table, "generations")[rows])


def joined(tables: Any, key: Column | str) -> Any:
    """`Mirror.joined` of the columns as they are, on the device if they are there."""
    return _joined([getattr(t, key) if isinstance(key, str) else t.column(key) for t in tables], key)


def _joined(parts: list[Any], key: Column | str) -> Any:
    if not parts:
        return np.empty(0, np.uint32 if isinstance(key, str) else key.dtype)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


class HostStage(Stage):
    """A stage that works through a `Mirror`: its scratch is on the host on every backend."""

    def scratch(self, world: Any) -> Scratch:
        scratch = self._scratch.get(world)
        if scratch is None:
            scratch = self._scratch[world] = Scratch()
        return scratch


def _part(array: np.ndarray, column: Column) -> np.ndarray:
    return array if column.parent is None else _part(array, column.parent)[..., column.part]


def grid_of(world: Any, column: Column, radius: float, where: str) -> Grid:
    """This tick's grid of `column` on the host, its entries numbered by rows. Raises as `find` and `check_radius`."""
    check_radius(radius, world.size, where)
    grid = find(world, column, radius, where)
    if world.backend.device is None:
        return grid
    mine, host = Grid(column, world.size, grid.radius, grid.worlds), world.backend.host
    mine.tables, mine.tick, mine.cap = grid.tables, grid.tick, grid.cap
    ends = np.cumsum([0, *(table.n for table in grid.tables)])
    mine.base = tuple(ends[:-1].tolist())
    entry = host(grid.entry)
    table = np.searchsorted(np.asarray(grid.base), entry, "right") - 1
    if len(entry):
        entry = entry - np.asarray(grid.base)[table] + ends[:-1][table]
    arrays = {"start": host(grid.start), "entry": entry.astype(np.int32), "x": host(grid.x), "y": host(grid.y)}
    for name, array in arrays.items():
        mine.scratch.array(name, len(array), array.dtype)[: len(array)] = array
    mine.keep(Found(grid.shape, grid.n, grid.most, 0, grid.complete))
    return mine
