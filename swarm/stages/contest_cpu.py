"""Contests on the CPU: claims in parallel, settled in one pass.

    pos [N][2] float32 m read in visiting order             visit [..] int32 read
    x, y, entry [n] of the grid read: the cells that the reach touches, two on average
    available [T] bool, slots [T] uint32 read at random, only for targets within reach
    claim, d2 [N] int32, float32 written, read twice        winner [T] int32 written, read at random
    some 36 bytes an entity; the targets' cells are shared by neighbours

A reach well below a cell's width leaves a handful of candidates: one vector a run, looked at lane by lane only if
somebody is within reach. The contest compares (distance, priority, id), a total order, so the order of the pass does
not matter; priorities are drawn for ties only.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import rng, simd
from swarm.backend.jit import kernel
from swarm.backend.rng_cpu import halves, named, word_at
from swarm.backend.simd import splat
from swarm.backend.tasks import first_bad
from swarm.stages.contest import cost  # noqa: F401  (shared with the reference)
from swarm.stages.near_cpu import AHEAD, RUNS, cell_of, first_cell, runs, shortest

_CLAIMANTS = 1024  # of one task
_ALONE = 4  # up to so many tasks are not worth a second thread
_PRIORITY = np.uint32(rng.stream("priority"))


def claim(grid, pos, world, first, visit, base, reach, slots, available, own, held, target, d2):
    """See `contest.claim`."""
    about = grid, pos, world, first, visit, base, reach, slots, available, own, held, target, d2
    return first_bad(_all, _some, about, len(visit), _CLAIMANTS, len(pos), _ALONE)


@kernel(parallel=True)
def _all(grid, pos, world, first, visit, base, reach, slots, available, own, held, target, d2, bad):
    for task in prange(len(bad)):
        start = np.int64(task) * _CLAIMANTS
        stop = min(len(visit), start + _CLAIMANTS)
        bad[task] = _some(
            grid, pos, world, first, visit, base, reach, slots, available, own, held, target, d2, start, stop
        )


@kernel(inline=True)
def _floor(cell):
    return np.int32(np.floor(cell))


@kernel
def _some(grid, pos, world, first, visit, base, reach, slots, available, own, held, target, d2, begin, end):
    columns, rows, start = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries, width, height = grid.x, grid.y, grid.entry, grid.width, grid.height
    run, limit, bad = np.empty(RUNS, np.int32), reach * reach, len(pos)
    slack = max(width, height) * np.float32(2.0**-20)  # more than all rounding between a position and its cell
    wide = reach + slack
    flat, barred = pos.reshape(-1), len(own) > 0
    for v in range(begin, end):
        ahead = visit[min(v + AHEAD, end - 1)] - base
        if ahead >= 0 and ahead < len(pos):
            simd.prefetch(flat, 2 * ahead)
            simd.prefetch(target, ahead)
            simd.prefetch(d2, ahead)
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        target[i], d2[i] = -1, np.inf
        if not (x >= 0 and x < width and y >= 0 and y < height):
            bad = min(bad, i)
            continue
        bar = own[i] if barred else limit
        column, row = cell_of(x, grid.per_x, columns), cell_of(y, grid.per_y, rows)
        left, right = max(column - 1, _floor((x - wide) * grid.per_x)), min(column + 1, _floor((x + wide) * grid.per_x))
        low, high = max(row - 1, _floor((y - wide) * grid.per_y)), min(row + 1, _floor((y + wide) * grid.per_y))
        best, nearest, of_world = np.int32(-1), limit, first_cell(world, i, columns, rows)
        for k in range(0, runs(start, of_world, columns, rows, left, right, low, high, run), 2):
            for p in range(run[k], run[k + 1], 16):
                dx, dy = shortest(simd.load(xs, p) - splat(x), width), shortest(simd.load(ys, p) - splat(y), height)
                d2s = dx * dx + dy * dy
                found = simd.mask_bits((d2s <= splat(nearest)) & (d2s < splat(limit)) & simd.first(run[k + 1] - p))
                for lane in range(16 if found else 0):
                    square, entry = simd.lane(d2s, lane), entries[p + lane]
                    if (found >> lane) & 1 and available[entry] and not (first >= 0 and entry == first + i):
                        if barred and not held[entry] < bar:
                            continue
                        if square < nearest or (square == nearest and slots[entry] < slots[best]):
                            best, nearest = entry, square
        if best >= 0:
            target[i], d2[i] = best, nearest
    return bad


def settle(claim, d2, slots, generations, seed, tick, winner, eaters, eaten):
    """See `contest.settle`."""
    return _settle(claim, d2, slots, generations, *halves(seed, tick), winner, eaters, eaten)


@kernel
def _settle(claim, d2, slots, generations, tick, k0, k1, winner, eaters, eaten):
    winner[:] = -1
    for i in range(len(claim)):
        t = claim[i]
        if t >= 0:
            w = winner[t]
            if w < 0 or d2[i] < d2[w]:
                winner[t] = i
            elif d2[i] == d2[w]:
                slot, when, low, high = named(slots[i], tick, k0, k1)
                a = word_at(slot, generations[i], when, _PRIORITY, 0, low, high)
                slot, when, low, high = named(slots[w], tick, k0, k1)
                b = word_at(slot, generations[w], when, _PRIORITY, 0, low, high)
                if a < b or (a == b and slots[i] < slots[w]):
                    winner[t] = i
    count = 0
    for i in range(len(claim)):
        if claim[i] >= 0 and winner[claim[i]] == i:
            eaters[count], eaten[count] = i, claim[i]
            count += 1
    return count
