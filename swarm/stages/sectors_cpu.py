"""Sectors on the CPU: sixteen candidates at a time, eight sectors in eight registers.

    pos    [N][2]  float32 m  read in visiting order        visit [..]    int32    read once
    start  [C+1]   int32      six reads per seeker's cell   x, y, entry [n] read once per seeker's cell (9 cells)
    out    [N][W]  float32    n columns written
    per seeker 12 + 4 n bytes and 108 bytes per member of a cell; 30 flops and comparisons a candidate

A task handles 1,024 seekers in the order of their own grid, so that neighbours in time are neighbours in space and the
candidates of a cell are gathered once. Eight sectors of closeness: a candidate below the seeker is turned by half a
turn, three comparisons find its octant, a masked minimum per sector keeps its squared distance; at the end one fold of
the eight registers and one square root for all eight. Anything else goes candidate by candidate.
Differences, squares and sums are single operations, never fused, so that every bit agrees with the reference.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import minimum, select, splat
from swarm.stages.near_cpu import RUNS, beyond, cell_of, gather, runs, shortest, shortest1, smallest8
from swarm.stages.sectors import cost  # noqa: F401  (shared with the reference)

_SEEKERS = 1024  # of one task


def sectors(grid, pos, first, visit, base, radius, edges, counting, out, at):
    """See `sectors.sectors`."""
    bad = _all(grid, pos, first, visit, base, radius, edges, counting, out.reshape(-1), out.shape[1], at)
    return -1 if bad == len(pos) else bad


@kernel(parallel=True)
def _all(grid, pos, first, visit, base, radius, edges, counting, out, width, at):
    tasks = (len(visit) + _SEEKERS - 1) // _SEEKERS
    if tasks <= 1:
        return _some(grid, pos, first, visit, base, radius, edges, counting, out, width, at)
    bad = np.full(tasks, len(pos))
    for task in prange(tasks):
        low, high = task * _SEEKERS, min(len(visit), (task + 1) * _SEEKERS)
        bad[task] = _some(grid, pos, first, visit[low:high], base, radius, edges, counting, out, width, at)
    return bad.min()


@kernel
def _some(grid, pos, first, visit, base, radius, edges, counting, out, width, at):
    columns, rows, start = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries = grid.x, grid.y, grid.entry
    room = 9 * grid.most + 32
    bx, by, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    run, best = np.empty(RUNS, np.int32), np.empty(len(edges), np.float32)
    octants = len(edges) == 8 and not counting
    one, none, far, eight = splat(np.float32(1)), splat(np.float32(0)), splat(np.float32(np.inf)), simd.first(8)
    cell, total, bad, seam = np.int32(-1), 0, len(pos), False
    for v in range(len(visit)):
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < grid.width and y >= 0 and y < grid.height):
            bad = min(bad, i)
            continue
        column, row = cell_of(x, grid.per_x, columns), cell_of(y, grid.per_y, rows)
        if row * columns + column != cell:
            cell = row * columns + column
            count = runs(start, columns, rows, column - 1, column + 1, row - 1, row + 1, run)
            total = gather(run, count, xs, ys, entries, bx, by, be)
            seam = beyond(column - 1, column + 1, columns) or beyond(row - 1, row + 1, rows)
        me = np.int32(first + i) if first >= 0 else np.int32(-1)
        if octants:
            d2 = _octants(bx, by, be, total, x, y, me, radius * radius, seam, grid.width, grid.height)
            near = select(d2 < far, one - simd.sqrt(d2) / splat(radius), none)
            simd.store_masked(out, i * width + at, near, eight)
        else:
            _any(bx, by, be, total, x, y, me, radius, grid.width, grid.height, edges, counting, best)
            for k in range(len(best)):
                out[i * width + at + k] = best[k]
    return bad


@kernel(inline=True)
def _octants(bx, by, be, total, x, y, me, limit, seam, width, height):
    """Lane k < 8: the smallest squared distance in sector k of 8, infinite if nobody is there."""
    none, far = splat(np.float32(0)), splat(np.float32(np.inf))
    a0, a1, a2, a3, a4, a5, a6, a7 = far, far, far, far, far, far, far, far
    for k in range(0, total, 16):
        dx, dy = simd.load(bx, k) - splat(x), simd.load(by, k) - splat(y)
        if seam:
            dx, dy = shortest(dx, width), shortest(dy, height)
        d2 = dx * dx + dy * dy
        near = (d2 < splat(limit)) & (simd.load(be, k) != splat(me))
        up = (dy > none) | ((dy == none) & (dx >= none))
        ux, uy = select(up, dx, -dx), select(up, dy, -dy)
        p1 = (uy >= ux) & (d2 > none)  # past 45 degrees, 90, 135
        p2 = p1 & (ux <= none)
        p3 = p2 & (uy <= -ux)
        above, below = near & up, near & ~up
        a0 = select(above & ~p1, minimum(d2, a0), a0)
        a1 = select(above & p1 & ~p2, minimum(d2, a1), a1)
        a2 = select(above & p2 & ~p3, minimum(d2, a2), a2)
        a3 = select(above & p3, minimum(d2, a3), a3)
        a4 = select(below & ~p1, minimum(d2, a4), a4)
        a5 = select(below & p1 & ~p2, minimum(d2, a5), a5)
        a6 = select(below & p2 & ~p3, minimum(d2, a6), a6)
        a7 = select(below & p3, minimum(d2, a7), a7)
    return smallest8(a0, a1, a2, a3, a4, a5, a6, a7)


@kernel
def _any(bx, by, be, total, x, y, me, radius, width, height, edges, counting, best):
    """Fill best [n]: closeness or count, any number of sectors."""
    n, half, limit = len(edges), (len(edges) + 1) // 2, radius * radius
    best[:] = 0 if counting else np.inf
    for k in range(total):
        dx, dy = shortest1(bx[k] - x, width), shortest1(by[k] - y, height)
        d2 = dx * dx + dy * dy
        if not (d2 < limit) or be[k] == me:
            continue
        sector = 0
        if dx != 0 or dy != 0:
            above = dy > 0 or (dy == 0 and dx >= 0)
            low, high = (1, half) if above else (half, n)
            sector = 0 if above else half - 1
            for j in range(low, high):
                if edges[j, 0] * dy - edges[j, 1] * dx >= 0:
                    sector += 1
        best[sector] = best[sector] + 1 if counting else min(best[sector], d2)
    if not counting:
        for k in range(n):
            best[k] = np.float32(1) - np.sqrt(best[k]) / radius if best[k] < np.inf else np.float32(0)
