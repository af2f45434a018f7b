"""Neighbour sums on the CPU: sixteen candidates at a time, seven sums in seven registers.

    pos      [N][2] float32 m    read in packed order        x, y, entry, vx, vy [n] read once per cell (9 cells)
    vel      [N][2] float32 m/s  read at random, once        vx, vy [n] float32 written in order, then read
    out      [N][7] float32      written, one row a time
    236 bytes an entity, nearly all from cache; 18 flops a candidate

Phase 1 packs velocities in the grid's order. Phase 2 goes through the members in that order, so the candidates of a
cell are gathered once for all its members: with 17 neighbours each sees 49 candidates in 4 vectors. Each sum has one
lane per candidate number modulo sixteen; lanes are folded in the order of `simd.total`, eight registers at once.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import maximum, select, splat
from swarm.backend.tasks import first_bad
from swarm.stages.flock import _NEAREST, cost  # noqa: F401  (shared with the reference)
from swarm.stages.near_cpu import AHEAD, RUNS, beyond, cell_of, first_cell, gather, runs, shortest, total8

_MEMBERS = 1024  # of one task
_TINY = np.float32(_NEAREST)


def neighbour_sums(grid, n, pos, world, first, visit, base, vel, radius, vx, vy, out):
    """See `flock.neighbour_sums`."""
    about = grid, pos, world, first, visit, base, radius, vx, vy, out.reshape(-1)
    _pack(grid.entry, n, vel, vx, vy)
    return first_bad(_all, _some, about, len(visit), _MEMBERS, len(pos))


@kernel
def _pack(entry, n, vel, vx, vy):
    for p in range(n):
        vx[p], vy[p] = vel[entry[p], 0], vel[entry[p], 1]


@kernel(parallel=True)
def _all(grid, pos, world, first, visit, base, radius, vx, vy, out, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _MEMBERS
        bad[task] = _some(
            grid, pos, world, first, visit, base, radius, vx, vy, out, low, min(len(visit), low + _MEMBERS)
        )


@kernel
def _some(grid, pos, world, first, visit, base, radius, vx, vy, out, low, high):
    columns, rows, start = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries, width, height = grid.x, grid.y, grid.entry, grid.width, grid.height
    room = 9 * grid.most + 32
    bx, by, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    bvx, bvy, run = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(RUNS, np.int32)
    seven = simd.first(7)
    limit = radius * radius
    cell, total, bad, seam = np.int32(-1), 0, len(pos), False
    flat = pos.reshape(-1)
    for v in range(low, high):
        ahead = visit[min(v + AHEAD, high - 1)] - base
        if ahead >= 0 and ahead < len(pos):
            simd.prefetch(flat, 2 * ahead)
            simd.prefetch(out, 7 * ahead)
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < width and y >= 0 and y < height):
            bad = min(bad, i)
            continue
        column, row = cell_of(x, grid.per_x, columns), cell_of(y, grid.per_y, rows)
        of_world = first_cell(world, i, columns, rows)
        if of_world + row * columns + column != cell:
            cell = of_world + row * columns + column
            count = runs(start, of_world, columns, rows, column - 1, column + 1, row - 1, row + 1, run)
            gather(run, count, vx, vy, entries, False, bvx, bvy, be)
            total = gather(run, count, xs, ys, entries, True, bx, by, be)
            seam = beyond(column - 1, column + 1, columns) or beyond(row - 1, row + 1, rows)
        sums = _sums(bx, by, be, bvx, bvy, total, x, y, np.int32(first + i), limit, seam, width, height)
        simd.store_masked(out, i * 7, sums, seven)
    return bad


@kernel(inline=True)
def _sums(bx, by, be, bvx, bvy, total, x, y, me, limit, seam, width, height):
    """Lanes 0..6: the seven sums of one entity."""
    none, one, tiny = splat(np.float32(0)), splat(np.float32(1)), splat(limit * _TINY)
    count, svx, svy, sdx, sdy, spx, spy = none, none, none, none, none, none, none
    for k in range(0, total, 16):
        dx, dy = simd.load(bx, k) - splat(x), simd.load(by, k) - splat(y)
        if seam:
            dx, dy = shortest(dx, width), shortest(dy, height)
        d2 = dx * dx + dy * dy
        near = (d2 < splat(limit)) & (simd.load(be, k) != splat(me))
        weight = one / maximum(d2, tiny)
        count = select(near, count + one, count)
        svx = select(near, svx + simd.load(bvx, k), svx)
        svy = select(near, svy + simd.load(bvy, k), svy)
        sdx = select(near, sdx + dx, sdx)
        sdy = select(near, sdy + dy, sdy)
        spx = select(near, spx - dx * weight, spx)
        spy = select(near, spy - dy * weight, spy)
    return total8(count, svx, svy, sdx, sdy, spx, spy, none)


@kernel
def steer(sums, weights, dt, vel):
    """See `flock.steer`."""
    for i in range(len(vel)):
        if sums[i, 0] > 0:
            share = np.float32(1) / sums[i, 0]
            for axis in range(2):
                pull = weights[0] * (sums[i, 3 + axis] * share)
                follow = weights[1] * (sums[i, 1 + axis] * share - vel[i, axis])
                vel[i, axis] += dt * (pull + follow + weights[2] * sums[i, 5 + axis])
