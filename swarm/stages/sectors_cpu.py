"""Sectors on the CPU: sixteen candidates at a time, eight sectors in eight registers.

    pos    [N][2]  float32 m  read in visiting order        visit [..]    int32    read once
    start  [C+1]   int32      six reads per seeker's cell   x, y, entry [n] read once per seeker's cell (9 cells)
    out    [N][W]  float32    n columns written
    per seeker 12 + 4 n bytes and 108 bytes per member of a cell; 30 flops and comparisons a candidate

A task handles 1,024 seekers in the order of their own grid, so that neighbours in time are neighbours in space and the
candidates of a block, two cells side by side, are gathered once. Eight sectors of closeness: a candidate below the
seeker is turned by half a turn, three comparisons find its octant, a minimum per sector keeps its squared distance; at
the end one fold of the eight registers and one square root for all eight. Anything else goes candidate by candidate.
Differences, squares and sums are single operations, never fused, so that every bit agrees with the reference. Rows are
in no spatial order, so those of the next seekers are asked for ahead of time: a fifth less with empty caches.

Tried and lost (milliseconds for 100,000 seekers, 17 things around each, one thread; this: 6.0): gathering cell by cell
0.8 more; compressing those within the radius first, so that only they are sorted into sectors, 2.3 more; comparing and
keeping in one masked step, eight masks, 2.1 more.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import maximum, minimum, select, splat
from swarm.backend.tasks import first_bad
from swarm.stages.near_cpu import (
    AHEAD,
    RUNS,
    beyond,
    cell_of,
    first_cell,
    gather,
    hide,
    runs,
    sector_of,
    shortest,
    shortest1,
    smallest8,
    total8,
)
from swarm.stages.sectors import CLOSENESS, COUNT, cost  # noqa: F401  (shared with the reference)

_SEEKERS = 1024  # of one task
_ALONE = 4  # up to so many tasks are not worth a second thread
_TINY = np.float32(1e-45)  # the smallest number above 0


def sectors(grid, pos, world, first, visit, base, radius, edges, what, frame, flag, out, at):
    """See `sectors.sectors`."""
    about = grid, pos, world, first, visit, base, radius, edges, what, frame, flag, out.reshape(-1), out.shape[1], at
    return first_bad(_all, _some, about, len(visit), _SEEKERS, len(pos), _ALONE)


@kernel(parallel=True)
def _all(grid, pos, world, first, visit, base, radius, edges, what, frame, flag, out, width, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _SEEKERS
        high = min(len(visit), low + _SEEKERS)
        bad[task] = _some(
            grid, pos, world, first, visit, base, radius, edges, what, frame, flag, out, width, at, low, high
        )


@kernel
def _some(grid, pos, world, first, visit, base, radius, edges, what, frame, flag, out, width, at, low, high):
    columns, rows, start = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries = grid.x, grid.y, grid.entry
    room = 12 * grid.most + 32
    bx, by, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    run, best = np.empty(RUNS, np.int32), np.empty(len(edges), np.float32)
    octants, kin, turn = len(edges) == 8, first >= 0, len(frame) != 0
    c, s = np.float32(1), np.float32(0)
    one, none, far, eight = splat(np.float32(1)), splat(np.float32(0)), splat(np.float32(np.inf)), simd.first(8)
    here, total, bad, seam = np.int32(-1), 0, len(pos), False
    flat = pos.reshape(-1)
    for v in range(low, high):
        ahead = visit[min(v + AHEAD, high - 1)] - base
        if ahead >= 0 and ahead < len(pos):
            simd.prefetch(flat, 2 * ahead)
            simd.prefetch(out, ahead * width + at)
            simd.prefetch(out, ahead * width + at + len(edges) - 1)
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < grid.width and y >= 0 and y < grid.height):
            bad = min(bad, i)
            continue
        left, row = cell_of(x, grid.per_x, columns) & np.int32(-2), cell_of(y, grid.per_y, rows)
        of_world = first_cell(world, i, columns, rows)
        if of_world + row * columns + left != here:
            here = of_world + row * columns + left
            right = min(left + 1, columns - 1)
            count = runs(start, of_world, columns, rows, left - 1, right + 1, row - 1, row + 1, run)
            total = gather(run, count, xs, ys, entries, kin or len(flag) != 0, bx, by, be)
            hide(flag, be, bx, total)
            seam = beyond(left - 1, right + 1, columns) or beyond(row - 1, row + 1, rows)
        me = np.int32(first + i) if kin else np.int32(-1)
        if turn:
            c, s = frame[i, 0], frame[i, 1]
        if octants and what == COUNT:
            here8 = _counts(bx, by, be, total, x, y, me, radius * radius, seam, grid.width, grid.height, turn, c, s)
            simd.store_masked(out, i * width + at, here8, eight)
        elif octants:
            d2 = _octants(bx, by, be, total, x, y, me, radius * radius, seam, grid.width, grid.height, turn, c, s)
            share = simd.sqrt(d2) / splat(radius)
            near = select(d2 < far, one - share, none) if what == CLOSENESS else select(d2 < far, share, one)
            simd.store_masked(out, i * width + at, near, eight)
        else:
            _any(bx, by, be, total, x, y, me, radius, grid.width, grid.height, edges, what, turn, c, s, best)
            for k in range(len(best)):
                out[i * width + at + k] = best[k]
    return bad


@kernel(inline=True)
def _sorted(bx, by, be, k, x, y, me, limit, seam, width, height, turn, c, s):
    """Candidates k .. k + 15: squared distances, who is above, and who is near in each quarter of a half turn."""
    none, tiny = splat(np.float32(0)), splat(_TINY)
    dx, dy = simd.load(bx, k) - splat(x), simd.load(by, k) - splat(y)
    if seam:
        dx, dy = shortest(dx, width), shortest(dy, height)
    d2 = dx * dx + dy * dy
    near = d2 < splat(limit)
    if me >= 0:
        near = near & (simd.load(be, k) != splat(me))
    if turn:
        dx, dy = dx * splat(c) + dy * splat(s), dy * splat(c) - dx * splat(s)
    up = dy > select(dx < none, none, -tiny)  # above, or level and to the right
    ux, uy = select(up, dx, -dx), select(up, dy, -dy)
    past45 = near & (uy >= maximum(ux, tiny))  # not for the very same place, which is sector 0
    past90 = past45 & (ux <= none)
    past135 = past90 & (uy <= -ux)
    return d2, up, near & ~past45, past45 & ~past90, past90 & ~past135, past135


@kernel(inline=True)
def _octants(bx, by, be, total, x, y, me, limit, seam, width, height, turn, c, s):
    """Lane k < 8: the smallest squared distance in sector k of 8, infinite if nobody is there."""
    far = splat(np.float32(np.inf))
    a0, a1, a2, a3, a4, a5, a6, a7 = far, far, far, far, far, far, far, far
    for k in range(0, total, 16):
        d2, up, q0, q1, q2, q3 = _sorted(bx, by, be, k, x, y, me, limit, seam, width, height, turn, c, s)
        above, below = select(up, d2, far), select(up, far, d2)
        a0, a4 = minimum(select(q0, above, far), a0), minimum(select(q0, below, far), a4)
        a1, a5 = minimum(select(q1, above, far), a1), minimum(select(q1, below, far), a5)
        a2, a6 = minimum(select(q2, above, far), a2), minimum(select(q2, below, far), a6)
        a3, a7 = minimum(select(q3, above, far), a3), minimum(select(q3, below, far), a7)
    return smallest8(a0, a1, a2, a3, a4, a5, a6, a7)


@kernel(inline=True)
def _counts(bx, by, be, total, x, y, me, limit, seam, width, height, turn, c, s):
    """Lane k < 8: how many are in sector k of 8."""
    none, one = splat(np.float32(0)), splat(np.float32(1))
    a0, a1, a2, a3, a4, a5, a6, a7 = none, none, none, none, none, none, none, none
    for k in range(0, total, 16):
        d2, up, q0, q1, q2, q3 = _sorted(bx, by, be, k, x, y, me, limit, seam, width, height, turn, c, s)
        above, below = select(up, one, none), select(up, none, one)
        a0, a4 = a0 + select(q0, above, none), a4 + select(q0, below, none)
        a1, a5 = a1 + select(q1, above, none), a5 + select(q1, below, none)
        a2, a6 = a2 + select(q2, above, none), a6 + select(q2, below, none)
        a3, a7 = a3 + select(q3, above, none), a7 + select(q3, below, none)
    return total8(a0, a1, a2, a3, a4, a5, a6, a7)


@kernel(allocates=False)
def _any(bx, by, be, total, x, y, me, radius, width, height, edges, what, turn, c, s, best):
    """Fill best [n]: closeness, count or distance, any number of sectors."""
    limit, far, one = radius * radius, np.float32(np.inf), np.float32(1)
    best[:] = 0 if what == COUNT else far
    for k in range(total):
        dx, dy = shortest1(bx[k] - x, width), shortest1(by[k] - y, height)
        d2 = dx * dx + dy * dy
        if not (d2 < limit) or (me >= 0 and be[k] == me):
            continue
        if turn:
            dx, dy = dx * c + dy * s, dy * c - dx * s
        sector = sector_of(dx, dy, edges)
        best[sector] = best[sector] + 1 if what == COUNT else min(best[sector], d2)
    if what != COUNT:
        for k in range(len(edges)):
            share = np.sqrt(best[k]) / radius
            if what == CLOSENESS:
                best[k] = one - share if best[k] < far else np.float32(0)
            else:
                best[k] = share if best[k] < far else one
