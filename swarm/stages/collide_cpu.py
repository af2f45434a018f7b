"""collide on the CPU: sixteen candidates at a time, contacts one by one.

    x, y, r [n] float32 m read in the grid's order: nine cells a disc, shared by neighbours        start [C + 1] int32
    contacts [n] int32 written, then read        vx, vy [n] float32, slot [n] uint32 read where discs touch
    out [n][4] int64 written
    two passes of 12 bytes and 10 flops a candidate; a contact costs a root and some 40 flops

The second pass goes through those only that touch somebody. Sums of whole numbers: no order matters.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import splat
from swarm.stages.collide import STEPS, cost  # noqa: F401  (shared with the reference)
from swarm.stages.near_cpu import RUNS, runs, shortest, shortest1

_CELLS = 512  # of one task
_NOBODY, _NOTHING = np.empty(0, np.uint32), np.empty((0, 4), np.int64)


def touch(grid, n, x, y, r, walled, contacts):
    """See `collide.touch`."""
    _scan(grid, x, y, r, x, y, _NOBODY, walled, 0.0, contacts, _NOTHING, False)


def push(grid, n, x, y, r, vx, vy, slot, walled, bounce, contacts, out):
    """See `collide.push`."""
    _scan(grid, x, y, r, vx, vy, slot, walled, float(bounce), contacts, out, True)


@kernel(inline=True)
def _around(start, c, columns, rows, run):
    """The runs of the cells around cell c of whichever world."""
    local = c % (columns * rows)
    column, row = np.int32(local % columns), np.int32(local // columns)
    return runs(start, np.int32(c - local), columns, rows, column - 1, column + 1, row - 1, row + 1, run)


@kernel(inline=True)
def _bits(x, y, r, p, q, end, walled, width, height):
    """Which of the discs q .. q + 15 below `end` disc p overlaps."""
    dx, dy = simd.load(x, q) - splat(x[p]), simd.load(y, q) - splat(y[p])
    both = simd.load(r, q) + splat(r[p])
    inside = simd.first(end - q)
    if walled:
        half_x, half_y = splat(width * np.float32(0.5)), splat(height * np.float32(0.5))
        inside = inside & (simd.absolute(dx) <= half_x) & (simd.absolute(dy) <= half_y)
    dx, dy = shortest(dx, width), shortest(dy, height)
    found = simd.mask_bits((dx * dx + dy * dy < both * both) & inside)
    return found & ~(1 << (p - q)) if q <= p < q + 16 else found


@kernel(parallel=True)
def _scan(grid, x, y, r, vx, vy, slot, walled, bounce, contacts, out, pushing):
    """Count the contacts of all discs, or, pushing, sum up what theirs do to those that have some."""
    cells, columns, rows = grid.worlds * grid.columns * grid.rows, np.int32(grid.columns), np.int32(grid.rows)
    start, width, height = grid.start, grid.width, grid.height
    for task in prange((cells + _CELLS - 1) // _CELLS):
        run = np.empty(RUNS, np.int32)
        for c in range(task * _CELLS, min(cells, (task + 1) * _CELLS)):
            if start[c] == start[c + 1]:
                continue
            count = _around(start, c, columns, rows, run)
            for p in range(start[c], start[c + 1]):
                total, a, b, e, f = 0, 0, 0, 0, 0
                for k in range(0, count if contacts[p] or not pushing else 0, 2):
                    for q in range(run[k], run[k + 1], 16):
                        found = _bits(x, y, r, p, q, run[k + 1], walled, width, height)
                        for lane in range(16 if found else 0):
                            if not (found >> lane) & 1:
                                continue
                            total += 1
                            if not pushing:
                                continue
                            j = q + lane
                            dx, dy = shortest1(x[j] - x[p], width), shortest1(y[j] - y[p], height)
                            d = np.sqrt(np.float64(dx * dx + dy * dy))
                            nx, ny = (1.0 if slot[p] < slot[j] else -1.0), 0.0
                            if d > 0:
                                nx, ny = dx / d, dy / d
                            share = 1.0 / max(contacts[p], contacts[j])
                            way = (np.float64(r[p] + r[j]) - d) * 0.5 * share
                            closing = (np.float64(vx[p]) - vx[j]) * nx + (np.float64(vy[p]) - vy[j]) * ny
                            kick = (closing if closing > 0 else 0.0) * (0.5 * (1.0 + bounce)) * share
                            a += np.int64(np.rint(-way * nx * STEPS))
                            b += np.int64(np.rint(-way * ny * STEPS))
                            e += np.int64(np.rint(-kick * nx * STEPS))
                            f += np.int64(np.rint(-kick * ny * STEPS))
                if pushing:
                    out[p, 0], out[p, 1], out[p, 2], out[p, 3] = a, b, e, f
                else:
                    contacts[p] = total
