"""Which grid a search goes through: this tick's index where it still holds, else one that is made aside.

An index of the schedule is taken if it reaches far enough and nobody has moved since; its members, chosen by `where`
and `cap`, are then all who can be found. One that is made aside has everybody and is thrown away afterwards. On CUDA
the search goes over the host: columns are copied there, and an index of the device only says who its members are.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from swarm.backend.device import Backend, choose
from swarm.ecs.component import Column
from swarm.stages.grid import Grid, check_radius
from swarm.stages.index import Index

_ALL = 2**31 - 1  # members a cell may have where nobody is to be left out
_MEMBER = Column(np.bool_)  # stands for the flag of those whom the device's index holds


class HostTable:
    """A table of a device, its columns copied to the host when they are asked for."""

    def __init__(self, table: Any, backend: Backend) -> None:
        self.table, self.name, self.index, self.n = table, table.name, table.index, table.n
        self.registry = SimpleNamespace(backend=backend)
        self.has, self.components = table.has, table.components
        self.copies: dict[Any, np.ndarray] = {}
        self._bring = table.registry.backend.host

    def column(self, column: Any) -> np.ndarray:
        """A copy [n, *shape]; of "slots", "generations" and "worlds" too."""
        if column not in self.copies:
            array = self.table.column(column) if isinstance(column, Column) else getattr(self.table, column)
            self.copies[column] = self._bring(array)
        return self.copies[column]

    def ids(self) -> np.ndarray:
        return self._bring(self.table.ids())

    slots = property(lambda self: self.column("slots"))
    generations = property(lambda self: self.column("generations"))
    worlds = property(lambda self: self.column("worlds"))


class Aside:
    """A world as searches see it: with indices of its own, and on the host whatever the world computes on."""

    def __init__(self, world: Any) -> None:
        self.world, self.indices = world, {}
        self.size, self.tick, self.ids = world.size, world.tick, world.ids
        self.seeds, self.ticks = world.seeds, world.ticks
        self.schedule = world.schedule
        self.backend = world.backend if world.backend.device is None else choose("cpu", world.backend.threads)
        self.tables = tuple(world.tables.values())
        if world.backend.device is not None:
            self.tables = tuple(HostTable(table, self.backend) for table in self.tables)

    def tables_with(self, *columns: Column) -> list[Any]:
        """See `World.tables_with`."""
        return [table for table in self.tables if all(table.has(column) for column in columns)]

    def order(self, tables: Any) -> np.ndarray:
        """See `World.order`."""
        own = self.world.tables.values()
        numbers = {table.index for table in tables}
        return self.world.backend.host(self.world.order(tuple(t for t in own if t.index in numbers)))

    def grid(self, of: Column, radius: float, where: str, held: bool = False) -> Grid:
        """The grid of `of`, good for `radius`; `held`: the schedule has made sure that nobody moved since the index.

        where: the start of an error's text. Raises `SettingsError` for a radius beyond half the world,
        `NonFiniteError` for a member outside of it.
        """
        check_radius(radius, self.size, where)
        made = self.world.indices.get(of)
        if made is not None and (made.tick != self.world.tick or made.radius < radius):
            made = None
        if made is not None and made.device is None and (held or self._stands(made, of)):
            return made
        if of not in self.indices or self.indices[of].radius < radius:
            flag = None
            if made is not None and made.device is not None and self._stands(made, of):
                radius, flag = max(radius, made.radius), self._members(made)
            with self.backend.running():
                Index(of, radius, flag, _ALL)(self, 0.0)
        return self.indices[of]

    def _stands(self, grid: Grid, of: Column) -> bool:
        """Whether the tables have the rows that the index saw, and all members are where it saw them."""
        tables, host = self.tables_with(of), self.world.backend.host
        if [table.index for table in tables] != [table.index for table in grid.tables]:
            return False
        entry, total = host(grid.entry), sum(table.n for table in tables)
        if len(entry) and int(entry.max()) >= max(total, grid.base[-1] + tables[-1].n):
            return False
        for table, base in zip(tables, grid.base):
            mine = (entry >= base) & (entry < base + table.n) if len(tables) > 1 else slice(None)
            pos = table.column(of)[entry[mine] - base]
            if not (np.array_equal(pos[:, 0], host(grid.x)[mine]) and np.array_equal(pos[:, 1], host(grid.y)[mine])):
                return False
        return True

    def _members(self, grid: Grid) -> Column:
        """The flag of those whom a device's index holds."""
        entry = self.world.backend.host(grid.entry)
        for table, base in zip(self.tables_with(grid.column), grid.base):
            flag = table.copies[_MEMBER] = np.zeros(table.n, np.bool_)
            flag[entry[(entry >= base) & (entry < base + table.n)] - base] = True
        return _MEMBER
