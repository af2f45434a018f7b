"""Whose line everybody is of, and how many births deep: kept by id from the recorded parents, no loop over agents.

by slot   born [slots] u32 generation of the id known there, 0 = none; line [slots] i32; depth [slots] i32

Only the newborn since the last call are looked up. Exact as long as every parent is seen at least once; the children
of one that came and went between two calls begin a line of their own, together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_SLOT, _GENERATION = np.uint64(32), np.uint64(0xFFFFFFFF)


class Lineage:
    """Lines and depths of a world's entities. `update` when the world is idle, then `of` for a table."""

    def __init__(self) -> None:
        self.lines = 0  # how many lines were ever begun
        self._ticks: dict[str, int] = {}  # of the last look at each table
        self._generation = np.zeros(0, np.uint32)
        self._line = np.zeros(0, np.int32)
        self._depth = np.zeros(0, np.int32)
        self._versions: dict[str, int] = {}

    def back(self, world: Any) -> None:
        """The world was put to an earlier tick: who does not live there is forgotten, the ids are given anew."""
        known = np.zeros(len(self._line), bool)
        for table in world.tables.values():
            slots, generations = (np.asarray(world.backend.host(a)) for a in (table.slots, table.generations))
            seen = slots < len(known)
            known[slots[seen]] = self._generation[slots[seen]] == generations[seen]
        self._generation[~known] = 0
        self._ticks, self._versions = {}, {}

    def update(self, world: Any, tables: Iterable[str]) -> None:
        """Note who was born in these tables since the last call."""
        tick, found = int(world.tick), []
        if tick < max(self._ticks.values(), default=0):
            self.back(world)
        for name in dict.fromkeys(tables):
            table = world.tables.get(name)
            if table is None or not hasattr(table, "parents"):
                continue
            since, self._ticks[name] = self._ticks.get(name), tick
            if since is not None and self._versions.get(name) == table.version:
                continue
            self._versions[name] = table.version
            host = world.backend.host
            rows = np.arange(table.n) if since is None else np.flatnonzero(host(table.born) >= since - 1)
            found.append([np.asarray(host(getattr(table, key)))[rows] for key in ("slots", "generations", "parents")])
        if found:
            self._enter(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def of(self, world: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Line and depth, i32 [n] each, of the entities of a table that was updated, in row order."""
        slots = np.asarray(world.backend.host(world.tables[name].slots))
        return self._line[slots], self._depth[slots]

    def _enter(self, slots: np.ndarray, generations: np.ndarray, parents: np.ndarray) -> None:
        self._grow(int(slots.max(initial=0)) + 1)
        new = np.flatnonzero(self._generation[slots] != generations)
        slots, generations, parents = slots[new], generations[new], parents[new]
        line, depth, known = self._look(parents)
        while len(slots):  # one turn for each generation that was born since the last call
            if not known.any():  # the oldest of these: spawned, or of parents that nobody has seen
                ids = (slots.astype(np.uint64) << _SLOT) | generations
                first = ~np.isin(parents, ids)
                first |= not first.any()
                single = first & (parents == 0)
                line[single] = self.lines + np.arange(int(single.sum()))
                self.lines += int(single.sum())
                orphans = first & ~single
                families, which = np.unique(parents[orphans], return_inverse=True)
                line[orphans] = self.lines + which
                self.lines += len(families)
                depth[single], depth[orphans] = 0, 1
                known = first
            at = slots[known]
            self._generation[at], self._line[at], self._depth[at] = generations[known], line[known], depth[known]
            slots, generations, parents = slots[~known], generations[~known], parents[~known]
            line, depth, known = self._look(parents)

    def _look(self, parents: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Line and depth of children of these, and whether the parents are known."""
        at = np.minimum((parents >> _SLOT).astype(np.int64), len(self._line) - 1)
        known = (self._generation[at] == (parents & _GENERATION).astype(np.uint32)) & (parents > 0)
        return self._line[at], self._depth[at] + 1, known

    def _grow(self, slots: int) -> None:
        more = slots - len(self._line)
        if more > 0:
            more += len(self._line) // 2
            self._generation, self._line, self._depth = (
                np.concatenate([a, np.zeros(more, a.dtype)]) for a in (self._generation, self._line, self._depth)
            )
