"""Nearest on the CPU: sixteen candidates at a time against the worst of the best so far.

    pos    [N][2]  float32 m  read in visiting order        visit [..]    int32    read once
    start  [C+1]   int32      six reads per seeker's cell   x, y, entry [n] read once per seeker's cell (12 cells)
    slots, flag, values by entry: read for the few that come into the list, flag once per cell
    out    [N][W]  float32    k (4 + V) columns written
    per seeker 12 + 4 k (4 + 2 V) bytes and 144 bytes per member of a cell; 9 flops and comparisons a candidate

A task handles 1,024 seekers in the order of their own grid; candidates are gathered once for two cells side by side, as
for sectors. The list is kept sorted by (squared distance, slot): a vector of candidates that holds nobody nearer than
its last one costs one comparison, and of m candidates in random order about k (1 + ln(m / k)) are ever inserted.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import splat
from swarm.backend.tasks import first_bad
from swarm.stages.near_cpu import AHEAD, RUNS, beyond, cell_of, first_cell, gather, hide, runs, shortest, shortest1
from swarm.stages.nearest import LEAD, cost  # noqa: F401  (shared with the reference)

_SEEKERS = 1024  # of one task
_ALONE = 4  # up to so many tasks are not worth a second thread


def nearest(grid, pos, world, first, visit, base, radius, k, frame, slots, flag, values, bare, out, at):
    """See `nearest.nearest`."""
    who = grid, pos, world, first, visit, base, radius, k, frame, slots, flag, values
    about = *who, bare, out.reshape(-1), out.shape[1], at
    return first_bad(_all, _some, about, len(visit), _SEEKERS, len(pos), _ALONE)


@kernel(parallel=True)
def _all(grid, pos, world, first, visit, base, radius, k, frame, slots, flag, values, bare, out, width, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _SEEKERS
        high = min(len(visit), low + _SEEKERS)
        bad[task] = _some(
            grid, pos, world, first, visit, base, radius, k, frame, slots, flag, values, bare, out, width, at, low, high
        )


@kernel
def _some(grid, pos, world, first, visit, base, radius, k, frame, slots, flag, values, bare, out, width, at, low, high):
    columns, rows, start = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries = grid.x, grid.y, grid.entry
    room, one = 12 * grid.most + 32, np.float32(1)
    bx, by, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    run, best, chosen = np.empty(RUNS, np.int32), np.empty(k + 16, np.float32), np.empty(k + 1, np.int32)
    here, total, bad, seam = np.int32(-1), 0, len(pos), False
    lead = 0 if bare else LEAD
    each = lead + values.shape[1]
    flat = pos.reshape(-1)
    for v in range(low, high):
        soon = visit[min(v + AHEAD, high - 1)] - base
        if soon >= 0 and soon < len(pos):
            simd.prefetch(flat, 2 * soon)
            simd.prefetch(out, soon * width + at)
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
            total = gather(run, count, xs, ys, entries, True, bx, by, be)
            hide(flag, be, bx, total)
            seam = beyond(left - 1, right + 1, columns) or beyond(row - 1, row + 1, rows)
        me = np.int32(first + i) if first >= 0 else np.int32(-1)
        found = _find(bx, by, be, total, x, y, me, radius, seam, grid.width, grid.height, slots, k, best, chosen)
        place = i * width + at
        for j in range(k):
            if j >= found:
                for f in range(each):
                    out[place + f] = 0
            else:
                e = be[chosen[j]]
                if lead:
                    dx, dy = shortest1(bx[chosen[j]] - x, grid.width), shortest1(by[chosen[j]] - y, grid.height)
                    if len(frame):
                        c, s = frame[i, 0], frame[i, 1]
                        dx, dy = dx * c + dy * s, dy * c - dx * s
                    out[place] = one
                    out[place + 1], out[place + 2] = dx / radius, dy / radius
                    out[place + 3] = one - np.sqrt(best[j]) / radius
                for f in range(each - lead):
                    out[place + lead + f] = values[e, f]
            place += each
    return bad


@kernel(allocates=False)
def _find(bx, by, be, total, x, y, me, radius, seam, width, height, slots, k, best, chosen):
    """Fill best with squared distances and chosen with places among the candidates, nearest first; how many."""
    found, worst = 0, radius * radius
    for c in range(0, total, 16):
        dx, dy = simd.load(bx, c) - splat(x), simd.load(by, c) - splat(y)
        if seam:
            dx, dy = shortest(dx, width), shortest(dy, height)
        d2 = dx * dx + dy * dy
        near = simd.mask_bits((d2 <= splat(worst)) & (simd.load(be, c) != splat(me)))
        while near != 0:
            lane = simd.lowest(near)
            near &= near - np.int32(1)
            square, slot = simd.lane(d2, lane), slots[be[c + lane]]
            if not square < worst and not (found == k and square == worst and slot < slots[be[chosen[k - 1]]]):
                continue
            j = min(found, k - 1)  # where the list is full its last one leaves
            found = max(found, j + 1)
            while j > 0 and (square < best[j - 1] or (square == best[j - 1] and slot < slots[be[chosen[j - 1]]])):
                best[j], chosen[j] = best[j - 1], chosen[j - 1]
                j -= 1
            best[j], chosen[j] = square, c + lane
            if found == k:
                worst = best[k - 1]
    return found
