"""Obstacles on the CPU: one agent after the other, among tiles on all threads.

    pos, way [N][2], radius [N] float32, within [N] int32 read
    deep [N], normal [N][2] float64, which [N] int32 written
    grid, segments: the cell around an agent, shared by neighbours
    solid [W][rows][columns] bool, the tiles that a disc touches

Single operations in the order of the reference, never fused: equal bits.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.stages.near_cpu import RUNS, cell_of, first_cell, runs, shortest1
from swarm.stages.obstacles import back, out  # noqa: F401  (few are concerned: NumPy)

_AGENTS = 4096  # of one task
_SLACK = 2.0**-30  # of a tile: more than the rounding of an edge's place


@kernel
def circles(grid, radii, slots, reach, first, rows, pos, within, radius, deep, normal, which):
    """See `obstacles.circles`."""
    columns, high, start, entries = np.int32(grid.columns), np.int32(grid.rows), grid.start, grid.entry
    xs, ys, width, height, limit = grid.x, grid.y, grid.width, grid.height, reach * reach
    run = np.empty(RUNS, np.int32)
    for i in rows:
        x, y = pos[i, 0], pos[i, 1]
        c, k = cell_of(x, grid.per_x, columns), cell_of(y, grid.per_y, high)
        of_world = first_cell(within, i, columns, high)
        best = np.int32(-1)
        count = runs(start, of_world, columns, high, c - 1, c + 1, k - 1, k + 1, run)
        for j in range(0, count, 2):
            for p in range(run[j], run[j + 1]):
                dx, dy = shortest1(xs[p] - x, width), shortest1(ys[p] - y, height)
                d2 = dx * dx + dy * dy
                if not d2 < limit or (first >= 0 and entries[p] == first + i):
                    continue
                d = np.sqrt(np.float64(d2))
                depth = np.float64(radius[i] + radii[p]) - d
                if depth > deep[i] or (depth == deep[i] and best >= 0 and slots[entries[p]] < slots[best]):
                    best = entries[p]
                    deep[i], which[i] = depth, best
                    normal[i, 0], normal[i, 1] = (-dx / d, -dy / d) if d > 0 else (1.0, 0.0)


@kernel
def segments(index, rows, pos, within, radius, deep, normal, which, way):
    """See `obstacles.segments`."""
    columns, high, start, numbers = np.int32(index.columns), np.int32(index.rows), index.start, index.which
    axs, ays, bxs, bys = index.ax, index.ay, index.bx, index.by
    for i in rows:
        c, k = cell_of(pos[i, 0], index.per_x, columns), cell_of(pos[i, 1], index.per_y, high)
        cell = first_cell(within, i, columns, high) + k * columns + c
        px, py, r = np.float64(pos[i, 0]), np.float64(pos[i, 1]), np.float64(radius[i])
        mx, my = np.float64(way[i, 0]), np.float64(way[i, 1])
        for p in range(start[cell], start[cell + 1]):
            ax, ay = np.float64(axs[p]), np.float64(ays[p])
            ux, uy = bxs[p] - ax, bys[p] - ay
            length2 = ux * ux + uy * uy
            t = ((px - ax) * ux + (py - ay) * uy) / (length2 if length2 > 0 else 1.0)
            t = 0.0 if t < 0 else 1.0 if t > 1 else t
            dx, dy = px - (ax + t * ux), py - (ay + t * uy)
            d, length = np.sqrt(dx * dx + dy * dy), np.sqrt(length2)
            lx, ly = 1.0, 0.0
            if length > 0:
                lx, ly = -uy / length, ux / length
            side = (px - ax) * lx + (py - ay) * ly
            past = mx * lx + my * ly
            old = side - past
            depth, crossed = r - d, False
            if length2 > 0 and ((old > 0 and side <= 0) or (old < 0 and side >= 0)):
                cut = old / (old - side)
                along = ((px - mx + cut * mx - ax) * ux + (py - my + cut * my - ay) * uy) / length2
                crossed = along >= 0 and along <= 1
            if crossed:
                depth = r + abs(side)
            if depth > deep[i]:
                left = old > 0 if crossed else past < 0 if past != 0 else True
                deep[i], which[i] = depth, numbers[p]
                if crossed or d == 0:
                    normal[i, 0], normal[i, 1] = (lx, ly) if left else (-lx, -ly)
                else:
                    normal[i, 0], normal[i, 1] = dx / d, dy / d


def tiles(solid, rows, pos, within, radius, deep, normal, which, width, height):
    """See `obstacles.tiles`."""
    w, h = np.float64(width) / solid.shape[2], np.float64(height) / solid.shape[1]
    about = solid, rows, pos, within, radius, deep, normal, which, w, h
    if len(rows) > _AGENTS:
        _tiles_all(*about)
    else:
        _tiles(*about, 0, len(rows))


@kernel(parallel=True)
def _tiles_all(solid, rows, pos, within, radius, deep, normal, which, w, h):
    for task in prange((len(rows) + _AGENTS - 1) // _AGENTS):
        low = np.int64(task) * _AGENTS
        _tiles(solid, rows, pos, within, radius, deep, normal, which, w, h, low, min(len(rows), low + _AGENTS))


@kernel(inline=True)
def _round(c, count):
    """A tile's number, round the torus."""
    return c if c >= 0 and c < count else c % count


@kernel(inline=True)
def _beside(solid, plane, column, row, high, wide):
    """Whether one of the nine tiles around is solid."""
    left, right = column - 1 if column > 0 else wide - 1, column + 1 if column + 1 < wide else 0
    low, top = row - 1 if row > 0 else high - 1, row + 1 if row + 1 < high else 0
    found = solid[plane, low, left] | solid[plane, low, column] | solid[plane, low, right]
    found |= solid[plane, row, left] | solid[plane, row, column] | solid[plane, row, right]
    return found | solid[plane, top, left] | solid[plane, top, column] | solid[plane, top, right]


@kernel
def _tiles(solid, rows, pos, within, radius, deep, normal, which, w, h, begin, end):
    high, wide = np.int64(solid.shape[1]), np.int64(solid.shape[2])
    near = min(w, h) * (1 - 1e-6)
    for j in range(begin, end):
        i = rows[j]
        plane = np.int64(within[i]) if len(within) else np.int64(0)
        px, py, r = np.float64(pos[i, 0]), np.float64(pos[i, 1]), np.float64(radius[i])
        column, row = min(np.int64(px / w), wide - 1), min(np.int64(py / h), high - 1)
        if r < near and not _beside(solid, plane, column, row, high, wide):
            continue
        left, right = np.int64(np.floor((px - r) / w - _SLACK)), np.int64(np.floor((px + r) / w + _SLACK))
        low, top = np.int64(np.floor((py - r) / h - _SLACK)), np.int64(np.floor((py + r) / h + _SLACK))
        for k in range(low, top + 1):
            for c in range(left, right + 1):
                if not solid[plane, _round(k, high), _round(c, wide)]:
                    continue
                qx = c * w if px < c * w else (c + 1) * w if px > (c + 1) * w else px
                qy = k * h if py < k * h else (k + 1) * h if py > (k + 1) * h else py
                dx, dy = px - qx, py - qy
                d = np.sqrt(dx * dx + dy * dy)
                if d > 0:
                    depth, nx, ny = r - d, dx / d, dy / d
                elif c == column and k == row:
                    inner, nx, ny = _nearest_side(solid, plane, c, k, px, py, w, h)
                    depth = r + inner
                else:
                    length = np.sqrt(np.float64((c - column) ** 2 + (k - row) ** 2))
                    depth, nx, ny = r, (column - c) / length, (row - k) / length
                if depth > deep[i]:
                    deep[i], which[i], normal[i, 0], normal[i, 1] = depth, -1, nx, ny


@kernel
def _nearest_side(solid, plane, c, k, px, py, w, h):
    high, wide = solid.shape[1], solid.shape[2]
    found, nx, ny, shut = np.inf, 0.0, 0.0, True
    for way in range(4):
        x, y = (1 if way == 0 else -1 if way == 1 else 0), (1 if way == 2 else -1 if way == 3 else 0)
        gap = (c + 1) * w - px if x > 0 else px - c * w if x < 0 else (k + 1) * h - py if y > 0 else py - k * h
        full = solid[plane, (k + y) % high, (c + x) % wide]
        if (shut and not full) or (shut == full and gap < found):
            found, nx, ny, shut = gap, np.float64(x), np.float64(y), full
    return found, nx, ny
