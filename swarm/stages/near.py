"""All pairs within a radius, by the grid: the NumPy reference that senses, grazing and flocking are tested against.

The shortest way round the torus: a difference beyond half the world has the world's size taken off. For positions
inside the world this is d - L * rint(d / L), with no rounding of its own beyond one subtraction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import NonFiniteError
from swarm.stages.grid import Packed
from swarm.stages.stage import Stage, bad_value

_BATCH = 1 << 15  # rows handled at a time, which bounds memory


class Pairs(NamedTuple):
    """Pairs closer than the radius: row i of the seeker, packed place p of the one found, the way and its square."""

    i: np.ndarray  # int64 [K]
    p: np.ndarray  # int64 [K]
    dx: np.ndarray  # float32 [K], m
    dy: np.ndarray  # float32 [K], m
    d2: np.ndarray  # float32 [K], m2


def shortest(d: np.ndarray, side: np.float32) -> np.ndarray:
    """The difference `d` of two positions in [0, side), along the shortest way round."""
    half = side * np.float32(0.5)
    return np.where(d > half, d - side, np.where(d < -half, d + side, d))


def cell_of(pos: np.ndarray, grid: Packed) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of the cells of positions [N, 2] inside the world: int32 [N] each."""
    column = np.minimum((pos[:, 0] * grid.per_x).astype(np.int32), grid.columns - 1)
    row = np.minimum((pos[:, 1] * grid.per_y).astype(np.int32), grid.rows - 1)
    return column, row


def outside(pos: np.ndarray, width: np.float32, height: np.float32) -> int:
    """The first row whose position is not inside the world (NaN included), or -1."""
    inside = (pos[:, 0] >= 0) & (pos[:, 0] < width) & (pos[:, 1] >= 0) & (pos[:, 1] < height)
    return -1 if inside.all() else int(np.argmin(inside))


def stray(world: Any, stage: Stage, table: Any, row: int, column: Column, remedy: str) -> NonFiniteError:
    """The error for an entity that was not inside the world. On a device later systems ran before it was known."""
    error = bad_value(world, stage, table, row, column, remedy)
    place = world.backend.host(table.column(column)[row : row + 1])
    if outside(place, *map(np.float32, world.size)) >= 0:
        return error
    return NonFiniteError(f"{error} That is where a later system put it in this tick; before, it was not inside.")


def pairs(grid: Packed, pos: np.ndarray, first: int, radius: float, world: np.ndarray) -> Iterator[Pairs]:
    """Pairs of rows of `pos` float32 [N, 2] with members of the grid, distance below `radius`, in batches.

    first: the entry number of row 0 when `pos` is the grid's own column, so that nobody finds itself; else -1.
    world int32 [N]: in which of the grid's worlds a row looks, which is its own; empty where there is one.
    """
    limit = np.float32(radius) * np.float32(radius)
    for begin in range(0, len(pos), _BATCH):
        batch = pos[begin : begin + _BATCH]
        column, row = cell_of(batch, grid)
        first_cell = world[begin : begin + _BATCH] * (grid.rows * grid.columns) if len(world) else 0
        found = []
        for down in _steps(grid.rows):
            for right in _steps(grid.columns):
                cell = first_cell + (row + down) % grid.rows * grid.columns + (column + right) % grid.columns
                low, high = grid.start[cell].astype(np.int64), grid.start[cell + 1].astype(np.int64)
                i = np.repeat(np.arange(len(batch)), high - low)
                ends = np.cumsum(high - low)
                p = np.arange(len(i)) + np.repeat(high - ends, high - low)
                dx = shortest(grid.x[p] - batch[i, 0], grid.width)
                dy = shortest(grid.y[p] - batch[i, 1], grid.height)
                d2 = dx * dx + dy * dy
                keep = d2 < limit
                if first >= 0:
                    keep &= grid.entry[p] != first + begin + i
                found.append((i[keep] + begin, p[keep], dx[keep], dy[keep], d2[keep]))
        yield Pairs(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _steps(cells: int) -> range:
    """Steps to the neighbouring cells along one axis: each cell once, also on a torus of one or two."""
    return range(-1, 2) if cells >= 3 else range(cells)
