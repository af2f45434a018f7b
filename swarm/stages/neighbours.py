"""Neighbours: all pairs within a radius, one after the other, and sums over each one's own.

    near = world.neighbours(Body.pos, radius=5)             # everybody with Body.pos; of=Plant.pos: near whom
    agents[Body].crowd = near.count
    agents[Body].sick |= near.any(Body.sick)
    towards = near.sum(near.dx), near.sum(near.dy)

Pairs are ordered by the seeker's id, then the other's, and sums are made in that order in float64: equal bits on every
backend, whatever the order of rows and the number of threads.

`blocks` is the search that pair functions (pair.py) use, too: it hands out some seekers at a time, each with those
around it in the order of the grid, by cell, then id. neighbours_cpu.py has the twin of what stands below the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.agents import Agents
from swarm.ecs.component import Column
from swarm.errors import SchemaError
from swarm.stages.grid import Grid, Packed
from swarm.stages.near import pairs, stray
from swarm.stages.neighbours_grid import Aside
from swarm.stages.stage import Scratch, need_column, positive

if TYPE_CHECKING:
    from swarm.world import World


class Neighbours:
    """K pairs of N seekers and M others, closer than the radius, ordered by (seeker's id, other's id).

    Seekers are the rows of the tables that have the position column, one table after the other (`rows` says where one
    begins); so are the others. On CUDA all arrays are on the device. Good until the barrier; then take it anew.

    i, j     int64 [K]     row of the seeker and of the other
    dx, dy   float32 [K]   the way to the other, m, the shortest round the torus; d2 its square, m2
    count    int64 [N]     how many are near
    """

    def __init__(self, world: World, seekers: tuple[Any, ...], others: tuple[Any, ...], found: Pairs) -> None:
        self._world, self._seekers, self._others, self._found = world, seekers, others, found
        self._leases = [world.tables[table.name].lease for table in (*seekers, *others)]
        self._n = sum(table.n for table in seekers)

    i = property(lambda self: self._give(self._found.i), doc="int64 [K]: the seeker's row.")
    j = property(lambda self: self._give(self._found.j), doc="int64 [K]: the other's row.")
    dx = property(lambda self: self._give(self._found.dx), doc="float32 [K], m: from the seeker to the other.")
    dy = property(lambda self: self._give(self._found.dy), doc="float32 [K], m.")
    d2 = property(lambda self: self._give(self._found.d2), doc="float32 [K], m2: the distance squared.")
    distance = property(lambda self: self._give(np.sqrt(self._found.d2)), doc="float32 [K], m.")
    count = property(lambda self: self._give(self._count()), doc="int64 [N]: how many are near.")
    ids = property(lambda self: self._give(_ids(self._seekers)[self._found.i]), doc="u64 [K]: the seekers' ids.")
    others = property(lambda self: self._give(_ids(self._others)[self._found.j]), doc="u64 [K]: the others' ids.")

    def __len__(self) -> int:
        return len(self._found.i)

    def __repr__(self) -> str:
        return f"<neighbours: {len(self):,} pairs of {self._n:,} seekers and {sum(t.n for t in self._others):,} others>"

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
        count = self._count()
        total = self._sum(self._values(values, "mean"))
        return self._give(np.where(count > 0, total / np.maximum(count, 1), empty))

    def min(self, values: Any, empty: float = 0.0) -> Any:
        """[N] in the dtype of `values`: the smallest; `empty` for those who have nobody near."""
        return self._give(self._extreme(np.minimum, self._values(values, "min"), empty))

    def max(self, values: Any, empty: float = 0.0) -> Any:
        """[N] in the dtype of `values`: the largest; `empty` for those who have nobody near."""
        return self._give(self._extreme(np.maximum, self._values(values, "max"), empty))

    def any(self, values: Any = True) -> Any:
        """bool [N]: whether anybody is near whose value is not 0."""
        hits = self._found.i if values is True else self._found.i[self._values(values, "any") != 0]
        return self._give(np.bincount(hits, minlength=self._n) > 0)

    def argmin(self, key: Any) -> Any:
        """int64 [N]: the other's row where `key` is smallest, the lower id among equals; -1 with nobody near.

        near.argmin(near.d2) is the nearest.
        """
        key, found = self._values(key, "argmin"), self._found
        best = np.full(self._n, -1, np.int64)
        if len(key):
            least = self._extreme(np.minimum, key, 0)
            hits = np.flatnonzero((key == least[found.i]) | (key != key))[::-1]
            best[found.i[hits]] = found.j[hits]  # the first of each seeker is written last
        return self._give(best)

    # ------------------------------------------------------------------ inside

    def _give(self, array: np.ndarray) -> Any:
        return self._world.backend.array(array)

    def _count(self) -> np.ndarray:
        return np.bincount(self._found.i, minlength=self._n)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._found.i, weights=values, minlength=self._n)  # one after the other, in float64

    def _extreme(self, ufunc: np.ufunc, values: np.ndarray, empty: float) -> np.ndarray:
        out = np.full(self._n, empty, values.dtype)
        first = np.flatnonzero(np.diff(self._found.i, prepend=-1))
        if len(first):
            out[self._found.i[first]] = ufunc.reduceat(values, first)
        return out

    def _values(self, values: Any, what: str) -> np.ndarray:
        """One number per pair, on the host."""
        host = self._world.backend.host
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
            return np.concatenate([host(table.column(values)) for table in self._others])[self._found.j]
        array = np.asarray(host(values))
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
    asked = [agents.table.name] if agents is not None else [table.name for table in aside.tables_with(pos)]
    seekers = tuple(table for table in aside.tables if table.name in asked)
    for column, tables in ((pos, [t for t in seekers if t.has(pos)]), (of, aside.tables_with(of))):
        if not tables:
            raise SchemaError(f"neighbours: no table has {column.key}. Spawn one that has, or name another column.")
    grid = aside.grid(of, radius, "neighbours")
    kernels = aside.backend.twin("swarm.stages.neighbours")
    parts, base = [], 0
    for table in seekers:
        if table.n:
            ranks = ranks_of(aside, (table,)), ranks_of(aside, grid.tables)
            parts.append(gather(aside, kernels, table, pos, grid, np.float32(radius), *ranks, base))
        base += table.n
    found = Pairs(*(np.concatenate(columns) for columns in zip(NOBODY, *parts)))
    return Neighbours(world, seekers, tuple(grid.tables), found)


def gather(
    aside: Aside, kernels: Any, table: Any, pos: Column, grid: Grid, radius: np.float32, mine: np.ndarray,
    theirs: np.ndarray, base: int,
) -> Pairs:  # fmt: skip
    """The pairs of one table, ordered; mine, theirs: the place of each row and entry among its kind in id order."""
    seeker = seeker_of(aside, table, pos, grid)
    found, scratch = [], Scratch()
    for block in kernels.blocks(grid.packed(), seeker, radius, True, 0, len(seeker.visit), scratch):
        refuse(aside, table, pos, block.bad, "neighbours")
        found.append(kernels.in_order(block, grid.packed().entry, mine, theirs))
    rows = [np.concatenate(columns) for columns in zip(NOBODY, *found)]
    if len(found) > 1:  # each in order, but of some seekers only
        order = np.argsort(mine[rows[0]], kind="stable")
        rows = [column[order] for column in rows]
    return Pairs(rows[0] + base, *rows[1:])


def _ids(tables: tuple[Any, ...]) -> np.ndarray:
    """u64 [N]: the ids of these tables, one after the other."""
    bring = tables[0].registry.backend.host
    return np.concatenate([bring(table.ids()) for table in tables])


def ranks_of(aside: Aside, tables: Any) -> np.ndarray:
    """int32 [entries]: the place of each entry of these tables in id order."""
    order = aside.order(tables)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def refuse(aside: Aside, table: Any, pos: Column, bad: int, where: str) -> None:
    """Raise `NonFiniteError` for the seeker in row `bad`, if any."""
    if bad >= 0:
        stage: Any = Looker(where)
        raise stray(aside, stage, table, bad, pos, "Keep it inside the world; swarm.move wraps it.")


class Looker(NamedTuple):
    """Who looks, in the text of an error."""

    name: str


# --- the search: the reference; neighbours_cpu.py has the twin --------------------------------------------------------


class Seekers(NamedTuple):
    """Who looks around.

    pos float32 [N, 2] m; world int32 [N], empty where there is one; first: the entry of row 0 if the table is in the
    grid, so that nobody finds himself, else -1; visit int32: entries in the order in which rows are handled, row =
    entry - base, others skipped.
    """

    pos: np.ndarray
    world: np.ndarray
    first: int
    visit: np.ndarray
    base: int


class Block(NamedTuple):
    """Some seekers and the hits around them, by cell and id; the arrays hold good until the next block is asked for.

    row int32 [R]; start int32 [R + 1]: where each one's hits begin; place int32 [H]: packed places in the grid;
    dx, dy float32 [H] m, empty if not asked for; d2 float32 [H] m2; bad: a row that is not inside the world, or -1.
    """

    row: np.ndarray
    start: np.ndarray
    place: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    d2: np.ndarray
    bad: int


class Pairs(NamedTuple):
    """Rows of seekers and others int64 [K], the way and its square float32 [K]."""

    i: np.ndarray
    j: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    d2: np.ndarray


NOBODY = Pairs(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.float32, np.float32, np.float32)))
FOLDS = ("sum", "mean", "min", "max", "count", "any")


def seeker_of(aside: Aside, table: Any, pos: Column, grid: Grid) -> Seekers:
    """The rows of `table`, visited in the order of their own grid if they all are in one, else in row order."""
    places, first = table.column(pos), base_of(table, grid)
    own = grid if grid.column is pos else aside.world.indices.get(pos)
    if own is not None and own.device is None and own.tick == aside.tick and own.complete:
        base = base_of(table, own)
        if base >= 0 and own.n == sum(other.n for other in own.tables):
            return Seekers(places, table.worlds, first, own.entry, base)
    return Seekers(places, table.worlds, first, np.arange(table.n, dtype=np.int32), 0)


def base_of(table: Any, grid: Grid) -> int:
    """The entry of the table's row 0, -1 if it is not in the grid."""
    numbers = [other.index for other in grid.tables]
    return grid.base[numbers.index(table.index)] if table.index in numbers else -1


def blocks(
    grid: Packed, seeker: Seekers, radius: np.float32, ways: bool, low: int, high: int, scratch: Scratch
) -> Iterator[Block]:
    """Blocks of the seekers visit[low:high] and all who are closer than `radius` m; ways: whether dx, dy are wanted."""
    rows = seeker.visit[low:high].astype(np.int64) - seeker.base
    rows = rows[(rows >= 0) & (rows < len(seeker.pos))]
    pos, world = seeker.pos[rows], seeker.world[rows] if len(seeker.world) else seeker.world
    inside = np.all((pos >= 0) & (pos < np.array([grid.width, grid.height])), axis=1)
    bad = int(rows[~inside].min(initial=len(seeker.pos))) if not inside.all() else -1
    pos = np.where(inside[:, None], pos, np.float32(0))
    found = list(pairs(grid, pos, -1, float(radius), world))
    i, p, dx, dy, d2 = (np.concatenate([getattr(pair, name) for pair in found] or [NOBODY.i]) for name in _PAIR)
    others = grid.entry[p] != seeker.first + rows[i] if seeker.first >= 0 else np.ones(len(i), np.bool_)
    order = np.lexsort((p, i))
    order = order[others[order]]
    start = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(np.bincount(i[order], minlength=len(rows)), out=start[1:])
    row = rows.astype(np.int32)
    yield Block(row, start, p[order].astype(np.int32), dx[order], dy[order], d2[order], bad)


_PAIR = ("i", "p", "dx", "dy", "d2")


def in_order(block: Block, entry: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> Pairs:
    """New arrays of a block's pairs, ordered by the ranks of seekers int32 [N] and of others int32 [entries]."""
    i = np.repeat(block.row, np.diff(block.start)).astype(np.int64)
    j = entry[block.place].astype(np.int64)
    order = np.lexsort((theirs[j], mine[i]))
    return Pairs(i[order], j[order], block.dx[order], block.dy[order], block.d2[order])


def closest(block: Block) -> Block:
    """The block with no more than one hit each: the nearest, the first by cell and id among equals."""
    hits = np.arange(len(block.place))
    i = np.repeat(np.arange(len(block.row)), np.diff(block.start))
    order = np.lexsort((hits, block.d2, i))
    keep = order[np.diff(i[order], prepend=-1) > 0]
    start = np.zeros(len(block.start), np.int32)
    np.cumsum(np.diff(block.start) > 0, out=start[1:])
    ways = (block.dx[keep], block.dy[keep]) if len(block.dx) else (block.dx, block.dy)
    return Block(block.row, start, block.place[keep], *ways, block.d2[keep], block.bad)


def fold(kind: str, block: Block, values: np.ndarray, empty: float, out: np.ndarray) -> None:
    """out float64 [R, N] at the block's rows: values float64 [R, H] of its hits folded one after the other.

    kind: of `FOLDS`; "count" counts values that are not 0, "any" gives 1 if there is one. Rows without hits get
    `empty`, or 0 where something is counted. A NaN makes the result NaN.
    """
    count = np.diff(block.start)
    i, rows = np.repeat(np.arange(len(count)), count), len(count)
    for k, value in enumerate(values):
        if kind in ("count", "any"):
            folded = np.bincount(i, weights=value != 0, minlength=rows)
            out[k, block.row] = np.minimum(folded, 1) if kind == "any" else folded
            continue
        if kind in ("sum", "mean"):
            folded = np.bincount(i, weights=value, minlength=rows)
            folded = folded / np.maximum(count, 1) if kind == "mean" else folded
        else:
            folded = np.zeros(rows)
            extreme = np.minimum if kind == "min" else np.maximum
            full = np.flatnonzero(count)
            if len(full):
                folded[full] = extreme.reduceat(value, block.start[:-1][full])
        out[k, block.row] = np.where(count > 0, folded, empty) + 0.0  # -0 becomes 0
