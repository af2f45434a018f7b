"""Numbers of a field around agents: at points near them, its slope, and a window of cells.

Between the centres of cells a field is bilinear. The slope is the slope of that surface: exact for a field that is
linear, and it steps where an agent crosses from one set of four centres to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.stages.deposit import between
from swarm.stages.near import outside
from swarm.stages.raster import Lattice, cells_of, wrap
from swarm.stages.stage import Cost


def cost(n: int, points: int) -> Cost:
    """Position and order read, senses written, two lines of the field for each point."""
    return Cost(n * (12 + points * (4 + 128)), n * points * 25)


# --- kernels: the reference; sample_cpu.py has the twin ---------------------------------------------------------------


def probe(
    field: np.ndarray, plane: np.ndarray, pos: np.ndarray, ahead: np.ndarray, points: np.ndarray, lattice: Lattice,
    scale: np.float32, visit: np.ndarray, base: int, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + K] float32 [N, W] with the field times `scale` at K points; returns a bad row or -1.

    field float32 [W * rows * columns]; plane int32 [N], the world of each, or empty; pos float32 [N, 2] m, inside the
    world. points float32 [K, 2] m: (forward, left) of the direction `ahead` float32 [N, 2] of any length, 0 meaning
    +x; where `ahead` is empty (x, y). visit, base: the order in which to go, as for `sectors`.
    """
    bad = outside(pos, lattice.width, lattice.height)
    if bad >= 0:
        return bad
    x, y = pos[:, 0], pos[:, 1]
    if len(ahead):
        hx, hy = unit(ahead)
    for k in range(len(points)):
        forward, left = points[k]
        if len(ahead):
            px, py = x + (hx * forward - hy * left), y + (hy * forward + hx * left)
        else:
            px, py = x + forward, y + left
        (c00, c10, c01, c11), tx, ty = _corners(field, plane, px, py, lattice)
        low, high = c00 + tx * (c10 - c00), c01 + tx * (c11 - c01)
        out[:, at + k] = (low + ty * (high - low)) * scale
    return -1


def gradient(
    field: np.ndarray, plane: np.ndarray, pos: np.ndarray, lattice: Lattice, scale: np.float32, visit: np.ndarray,
    base: int, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + 2] with d/dx and d/dy of the field per m, times `scale`; arrays as for `probe`."""
    bad = outside(pos, lattice.width, lattice.height)
    if bad >= 0:
        return bad
    (c00, c10, c01, c11), tx, ty = _corners(field, plane, pos[:, 0], pos[:, 1], lattice)
    low, high, left, right = c10 - c00, c11 - c01, c01 - c00, c11 - c10
    out[:, at] = (low + ty * (high - low)) * (lattice.per_x * scale)
    out[:, at + 1] = (left + tx * (right - left)) * (lattice.per_y * scale)
    return -1


def window(
    field: np.ndarray, plane: np.ndarray, pos: np.ndarray, n: int, beyond: np.float32, lattice: Lattice,
    scale: np.float32, visit: np.ndarray, base: int, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + n * n] with the cells around each agent's own times `scale`, row by row from below.

    beyond: what is read outside of a closed field. Other arrays as for `probe`.
    """
    bad = outside(pos, lattice.width, lattice.height)
    if bad >= 0:
        return bad
    column, row = cells_of(pos, lattice)
    first = _base(plane, lattice)
    for k in range(n * n):
        down, right = np.int32(k // n - n // 2), np.int32(k % n - n // 2)
        r, c = wrap(row + down, lattice.rows, lattice.closed), wrap(column + right, lattice.columns, lattice.closed)
        values = field[first + r * np.int64(lattice.columns) + c]
        if lattice.closed:
            values = np.where((r != row + down) | (c != column + right), beyond, values)
        out[:, at + k] = values * scale
    return -1


def unit(ahead: Any) -> tuple[Any, Any]:
    """Unit vectors along `ahead` float32 [N, 2]; (1, 0) for those of length 0."""
    x, y = ahead[:, 0], ahead[:, 1]
    length = np.sqrt(x * x + y * y)
    some = length > 0
    per = np.float32(1) / np.where(some, length, np.float32(1))
    return np.where(some, x * per, np.float32(1)), np.where(some, y * per, np.float32(0))


def _base(plane: Any, lattice: Lattice) -> Any:
    return plane.astype(np.int64) * (lattice.rows * lattice.columns) if plane.size else 0


def _corners(field: Any, plane: Any, x: Any, y: Any, lattice: Lattice) -> tuple[tuple[Any, ...], Any, Any]:
    """The four cells around (x, y), and how far it is from the first centre along both axes, 0 to 1."""
    (left, right), tx = between(x, lattice.per_x, lattice.columns, lattice.closed)
    (low, high), ty = between(y, lattice.per_y, lattice.rows, lattice.closed)
    first, columns = _base(plane, lattice), np.int64(lattice.columns)
    cells = [field[first + row * columns + column] for row in (low, high) for column in (left, right)]
    return tuple(cells), tx, ty
