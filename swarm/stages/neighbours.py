"""Neighbours: all pairs within a radius, one after the other, and sums over each one's own.

    near = world.neighbours(Body.pos, radius=5)             # everybody with Body.pos; of=Plant.pos: near whom
    agents[Body].crowd = near.count
    agents[Body].sick |= near.any(Body.sick)
    towards = near.sum(near.dx), near.sum(near.dy)

The pairs of one seeker follow each other, ordered by the other's id, and sums are made in that order in float64: equal
bits on every backend, whatever the order of rows and the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.agents import Agents
from swarm.ecs.component import Column
from swarm.errors import SchemaError
from swarm.stages.grid import Grid
from swarm.stages.near import shortest
from swarm.stages.neighbours_grid import Aside
from swarm.stages.neighbours_search import Block, refuse, seeker_of
from swarm.stages.stage import Scratch, need_column, positive

if TYPE_CHECKING:
    from swarm.world import World


class Neighbours:
    """K pairs of N seekers and M others, closer than the radius, ordered by the seeker's id, then the other's.

    Seekers are the rows of the tables that have the position column, one table after the other (`rows` says where one
    lies, and pairs of one table come before those of the next); so are the others. Distances are those of the moment
    of the search. On CUDA the search goes over the host and all arrays are on the device. Good until the barrier.

    i, j     int64 [K]     row of the seeker and of the other
    dx, dy   float32 [K]   the way to the other, m, the shortest round the torus
    d2       float32 [K]   the distance squared, m2; `distance` itself
    ids      u64 [K]       the seeker's id; `others` the other's
    count    int64 [N]     how many are near
    """

    def __init__(self, world: World, seekers: tuple[Any, ...], pos: Column, grid: Grid, i: Any, j: Any) -> None:
        self._world, self._i, self._j = world, i, j
        self._from, self._to = _whole(seekers, pos), _whole(grid.tables, grid.column)
        self._seekers, self._others = (
            [world.tables[table.name] for table in tables] for tables in (seekers, grid.tables)
        )
        self._leases = [table.lease for table in (*self._seekers, *self._others)]

    def __len__(self) -> int:
        return len(self._i)

    def __repr__(self) -> str:
        return f"<neighbours: {len(self):,} pairs of {len(self._from):,} seekers and {len(self._to):,} others>"

    i = cached_property(lambda self: self._give(self._i))
    j = cached_property(lambda self: self._give(self._j))
    dx = cached_property(lambda self: self._give(self._ways[0]))
    dy = cached_property(lambda self: self._give(self._ways[1]))
    d2 = cached_property(lambda self: self._give(self._ways[2]))
    distance = cached_property(lambda self: self._give(np.sqrt(self._ways[2])))
    count = cached_property(lambda self: self._give(self._counts))
    ids = cached_property(lambda self: self._give(_ids(self._seekers)[self._i]))
    others = cached_property(lambda self: self._give(_ids(self._others)[self._j]))

    def rows(self, agents: Agents) -> slice:
        """Where the rows of these agents lie among the seekers."""
        start = 0
        for table in self._seekers:
            if table.index == agents.table.index:
                return slice(start, start + table.n)
            start += table.n
        raise SchemaError(f"neighbours: nobody looked for those of '{agents.name}'. Give world.neighbours(agents=...).")

    def sum(self, values: Any) -> Any:
        """float64 [N]: the sum of `values`, a column of the others or one number per pair, such as x[near.j]."""
        return self._give(self._sum(self._values(values, "sum")))

    def mean(self, values: Any, empty: float = 0.0) -> Any:
        """float64 [N]: the mean of `values` as in `sum`; `empty` for those who have nobody near."""
        total = self._sum(self._values(values, "mean"))
        return self._give(np.where(self._counts > 0, total / np.maximum(self._counts, 1), empty))

    def min(self, values: Any, empty: float = 0.0) -> Any:
        """[N] in the dtype of `values`: the smallest; `empty` for those who have nobody near."""
        return self._give(self._extreme(np.minimum, self._values(values, "min"), empty))

    def max(self, values: Any, empty: float = 0.0) -> Any:
        """[N] in the dtype of `values`: the largest; `empty` for those who have nobody near."""
        return self._give(self._extreme(np.maximum, self._values(values, "max"), empty))

    def any(self, values: Any = True) -> Any:
        """bool [N]: whether anybody is near whose value is not 0."""
        hits = self._i if values is True else self._i[self._values(values, "any") != 0]
        return self._give(np.bincount(hits, minlength=len(self._from)) > 0)

    def argmin(self, key: Any) -> Any:
        """int64 [N]: the other's row where `key` is smallest, the lower id among equals; -1 with nobody near.

        near.argmin(near.d2) is the nearest.
        """
        key = self._values(key, "argmin")
        best = np.full(len(self._from), -1, np.int64)
        least = self._extreme(np.minimum, key, 0)
        hits = np.flatnonzero((key == least[self._i]) | (key != key))[::-1]
        best[self._i[hits]] = self._j[hits]  # the first of each seeker is written last
        return self._give(best)

    # ------------------------------------------------------------------ inside

    @cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sides = map(np.float32, self._world.size)
        dx, dy = (shortest(self._to[self._j, k] - self._from[self._i, k], side) for k, side in enumerate(sides))
        return dx, dy, dx * dx + dy * dy

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.bincount(self._i, minlength=len(self._from))

    def _give(self, array: np.ndarray) -> Any:
        return self._world.backend.array(array)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._i, weights=values, minlength=len(self._from))  # one after the other, in float64

    def _extreme(self, ufunc: np.ufunc, values: np.ndarray, empty: float) -> np.ndarray:
        out = np.full(len(self._from), empty, values.dtype)
        first = np.flatnonzero(np.diff(self._i, prepend=-1))
        if len(first):
            out[self._i[first]] = ufunc.reduceat(values, first)
        return out

    def _values(self, values: Any, what: str) -> np.ndarray:
        """One number per pair, on the host."""
        for lease in self._leases:
            lease.check(f"neighbours.{what}")
        if isinstance(values, Column):
            for table in self._others:
                if not table.has(values):
                    raise SchemaError(
                        f"neighbours.{what}: table '{table.name}', of which some are near, has no {values.key}. Give "
                        "them that component, or a position column of their own that `of` can leave out."
                    )
            if values.shape:
                raise SchemaError(
                    f"neighbours.{what}: {values.key} has {values.shape} numbers a row. Take one, for each pair: "
                    f"near.{what}(agents[{values.key}][near.j, 0])."
                )
            return _whole(self._others, values)[self._j]
        array = np.asarray(self._world.backend.host(values))
        if array.shape != (len(self),) or array.dtype.kind not in "fiub":
            raise SchemaError(
                f"neighbours.{what}: got {array.dtype} {array.shape}. Give a column, or a number for each of the "
                f"{len(self):,} pairs, such as near.d2 or values[near.j]."
            )
        return array


def neighbours(world: World, pos: Column, radius: float, of: Column | None = None, agents: Any = None) -> Neighbours:
    """The pairs of entities that have `pos` with members that have `of`; see `World.neighbours`."""
    pos = need_column(pos, (2,), np.float32, "neighbours")
    of = pos if of is None else need_column(of, (2,), np.float32, "neighbours")
    radius = positive(radius, "radius", "neighbours")
    if agents is not None and not isinstance(agents, Agents):
        raise SchemaError(f"neighbours: agents={agents!r} are none. Give what world.query yields.")
    aside = Aside(world)
    seekers = tuple(aside.tables_with(pos))
    if agents is not None:
        seekers = tuple(table for table in seekers if table.index == agents.table.index)
    for column, tables in ((pos, seekers), (of, aside.tables_with(of))):
        if not tables:
            whose = f"table '{agents.name}'" if agents is not None and column is pos else "no table"
            has = "has no" if agents is not None and column is pos else "has"
            raise SchemaError(f"neighbours: {whose} {has} {column.key}. Name a column that is there.")
    grid = aside.grid(of, radius, "neighbours")
    theirs, found, base = ranks(aside, grid.tables), [(_NONE, _NONE)], 0
    for table in seekers:
        if table.n:
            i, j = gather(aside, table, pos, grid, np.float32(radius), theirs)
            found.append((i + base, j))
        base += table.n
    i, j = (np.concatenate(parts) for parts in zip(*found))
    return Neighbours(world, seekers, pos, grid, i, j)


def gather(
    aside: Aside, table: Any, pos: Column, grid: Grid, radius: np.float32, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and entries int64 [K] of one table's pairs, in order; theirs: the ranks of the grid's entries."""
    kernels, seeker = aside.backend.twin("swarm.stages.neighbours_search"), seeker_of(aside, table, pos, grid)
    found, hits = [], 0
    for block in kernels.blocks(grid.packed(), seeker, radius, False, 0, len(seeker.visit), Scratch()):
        refuse(aside, table, pos, block.bad, "neighbours")
        found.append((block.row.copy(), block.start[:-1] + np.int64(hits), block.place.copy()))
        hits += len(block.place)
    row, start, place = (np.concatenate(arrays) for arrays in zip(*found))
    start, order = np.append(start, hits), aside.order((table,))
    count = np.zeros(table.n, np.int64)
    count[row] = np.diff(start)
    whole = Block(row, start, place, place[:0], place[:0], place[:0], -1)
    with aside.backend.running():
        j = kernels.in_order(whole, grid.packed().entry, ranks(aside, (table,)), theirs)
    return np.repeat(order.astype(np.int64), count[order]), j.astype(np.int64)


def ranks(aside: Aside, tables: Any) -> np.ndarray:
    """int32 [entries]: the place of each entry of these tables in id order."""
    order = aside.order(tables)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


_NONE = np.empty(0, np.int64)


def _whole(tables: Sequence[Any], column: Column) -> np.ndarray:
    """A column of these tables, one after the other: a copy on the host."""
    bring = tables[0].registry.backend.host
    return np.concatenate([bring(table.column(column)) for table in tables])


def _ids(tables: Sequence[Any]) -> np.ndarray:
    """u64 [N]: the ids of these tables, one after the other."""
    bring = tables[0].registry.backend.host
    return np.concatenate([bring(table.ids()) for table in tables])
