"""The search that `neighbours` and pair functions share, and folds over what is around each one.

`blocks` hands out some seekers at a time, each with those around it in the order of the grid: by cell, then id.
Whatever the order of rows and the number of threads, this order is the same, so what is added up in it has the same
bits. Below the line stands the reference; neighbours_search_cpu.py has the twin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.stages.grid import Grid, Packed
from swarm.stages.near import Pairs, pairs, stray
from swarm.stages.neighbours_grid import Aside
from swarm.stages.stage import Scratch


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

    row int32 [R]; start int32 or int64 [R + 1]: where each one's hits begin; place int32 [H]: packed places of the
    grid; dx, dy float32 [H] m, empty if not asked for; d2 float32 [H] m2; bad: a row not inside the world, or -1.
    """

    row: np.ndarray
    start: np.ndarray
    place: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    d2: np.ndarray
    bad: int


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


def refuse(aside: Aside, table: Any, pos: Column, bad: int, where: str) -> None:
    """Raise `NonFiniteError` for the seeker in row `bad`, if any."""
    if bad >= 0:
        stage: Any = Looker(where)
        raise stray(aside, stage, table, bad, pos, "Keep it inside the world; swarm.move wraps it.")


class Looker(NamedTuple):
    """Who looks, in the text of an error."""

    name: str


# --- kernels: the reference; neighbours_search_cpu.py has the twin ----------------------------------------------------


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
    found = pairs(grid, pos, -1, float(radius), world) if len(rows) else ()
    i, p, dx, dy, d2 = (np.concatenate(parts) for parts in zip(_NONE, *found))
    others = grid.entry[p] != seeker.first + rows[i] if seeker.first >= 0 else np.ones(len(i), np.bool_)
    order = np.lexsort((p, i))
    order = order[others[order]]
    start = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(np.bincount(i[order], minlength=len(rows)), out=start[1:])
    row = rows.astype(np.int32)
    yield Block(row, start, p[order].astype(np.int32), dx[order], dy[order], d2[order], bad)


_NONE = Pairs(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.float32, np.float32, np.float32)))


def in_order(block: Block, entry: np.ndarray, mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The entries of a block's hits, int32 [H], by the ranks of the seekers int32 [N], then of the entries int32."""
    i, j = np.repeat(block.row, np.diff(block.start)), entry[block.place]
    return j[np.lexsort((theirs[j], mine[i]))]


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
