"""Sums on the CPU: sixteen candidates at a time are measured, those near are added one by one in the reference's order.

    pos    [N][2]  float32 m  read in visiting order        visit [..]   int32   read once
    start  [C+1]   int32      nine reads per seeker's cell  x, y, entry [n] read once per seeker's cell (9 cells)
    values [entries][V]       float32, flag: read for those that are near
    out    [N][W]  float32    n V columns written
    per seeker 12 + 4 n V bytes, 108 bytes per member of a cell, 4 V for each that is near; 10 flops a candidate

A task handles 1,024 seekers in the order of their own grid; candidates are gathered once for all seekers of a cell. The
additions of one sector depend on each other and keep their order. Tried and lost (100,000 seekers, 17 around each, one
thread of a busy machine; eight sectors of closeness 13 ms, this 28): candidate by candidate straight from the packed
arrays 95; the near ones found by vectors, their sectors one by one 69.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import select, splat
from swarm.backend.tasks import first_bad
from swarm.stages.near_cpu import AHEAD, cell_of, first_cell, gather, hide, shortest
from swarm.stages.sums import cost  # noqa: F401  (shared with the reference)

_SEEKERS = 1024  # of one task
_ALONE = 4  # up to so many tasks are not worth a second thread


def sums(grid, pos, world, first, visit, base, radius, edges, frame, flag, values, mean, out, at):
    """See `sums.sums`."""
    about = grid, pos, world, first, visit, base, radius, edges, frame, flag, values, mean, out, at
    return first_bad(_all, _some, about, len(visit), _SEEKERS, len(pos), _ALONE)


@kernel(parallel=True)
def _all(grid, pos, world, first, visit, base, radius, edges, frame, flag, values, mean, out, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _SEEKERS
        high = min(len(visit), low + _SEEKERS)
        bad[task] = _some(
            grid, pos, world, first, visit, base, radius, edges, frame, flag, values, mean, out, at, low, high
        )


@kernel
def _some(grid, pos, world, first, visit, base, radius, edges, frame, flag, values, mean, out, at, low, high):
    columns, rows = np.int32(grid.columns), np.int32(grid.rows)
    xs, ys, entries, width, height = grid.x, grid.y, grid.entry, grid.width, grid.height
    n, V, limit, bad = len(edges), values.shape[1], splat(radius * radius), len(pos)
    sums, found = np.empty(n * V, np.float32), np.empty(n, np.float32)
    room = 9 * grid.most + 32
    bx, by, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    run, sector, here, total = np.empty(18, np.int32), np.zeros(16, np.int32), np.int32(-1), 0
    flat, flat_out = pos.reshape(-1), out.reshape(-1)
    for v in range(low, high):
        soon = visit[min(v + AHEAD, high - 1)] - base
        if soon >= 0 and soon < len(pos):
            simd.prefetch(flat, 2 * soon)
            simd.prefetch(flat_out, soon * out.shape[1] + at)
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < width and y >= 0 and y < height):
            bad = min(bad, i)
            continue
        column, row = cell_of(x, grid.per_x, columns), cell_of(y, grid.per_y, rows)
        of_world = first_cell(world, i, columns, rows)
        if of_world + row * columns + column != here:
            here = of_world + row * columns + column
            count = _in_order(grid.start, of_world, columns, rows, column, row, run)
            total = gather(run, count, xs, ys, entries, True, bx, by, be)
            hide(flag, be, bx, total)
        me = np.int32(first + i) if first >= 0 else np.int32(-1)
        sums[:], found[:] = 0, 0
        for k in range(0, total, 16):
            dx = shortest(simd.load(bx, k) - splat(x), width)
            dy = shortest(simd.load(by, k) - splat(y), height)
            near = simd.mask_bits((dx * dx + dy * dy < limit) & (simd.load(be, k) != splat(me)))
            if near != 0 and n > 1:
                if len(frame):
                    c, s = splat(frame[i, 0]), splat(frame[i, 1])
                    dx, dy = dx * c + dy * s, dy * c - dx * s
                simd.store(sector, 0, _sectors_of(dx, dy, edges))
            while near != 0:
                lane = simd.lowest(near)
                near &= near - np.int32(1)
                place, e = np.intp(sector[lane]), be[k + lane]
                found[place] += 1
                for f in range(V):
                    sums[place * V + f] += values[e, f]
        for k in range(n * V):
            out[i, at + k] = sums[k] / max(found[k // V], np.float32(1)) if mean else sums[k]
    return bad


@kernel(inline=True)
def _sectors_of(dx, dy, edges):
    """`directions.sector_of` in sixteen lanes, I32x16."""
    n, half = len(edges), (len(edges) + 1) // 2
    none, one = splat(np.float32(0)), splat(np.int32(1))
    up, down = splat(np.int32(0)), splat(np.int32(half - 1))
    for j in range(1, n):
        passed = splat(edges[j, 0]) * dy - splat(edges[j, 1]) * dx >= none
        if j < half:
            up = select(passed, up + one, up)
        else:
            down = select(passed, down + one, down)
    level = dy == none
    sector = select((dy > none) | (level & (dx >= none)), up, down)
    return select(level & (dx == none), splat(np.int32(0)), sector)


@kernel(inline=True)
def _in_order(start, first, columns, rows, column, row, run):
    """The runs of the cells around one, each cell once, in the order of `near.pairs`; how many numbers that is."""
    below, left = -1 if rows >= 3 else 0, -1 if columns >= 3 else 0
    count = 0
    for down in range(min(rows, 3)):
        line = first + (row + below + down + rows) % rows * columns
        for right in range(min(columns, 3)):
            c = line + (column + left + right + columns) % columns
            run[count], run[count + 1] = start[c], start[c + 1]
            count += 2
    return count
