"""Numbers of a field around agents on the CPU: sixteen agents at a time, in the order of their own grid if any.

    pos   [N][2] float32 m read in visiting order      visit [N] int32 read
    field [W * rows * columns] float32 read at random: two lines a point
    out   [N][W] float32 written, one row a time
    some 150 bytes and 30 flops a point; bound by the loads of single numbers, and by the lines where those are far

For sixteen agents the cells of all their points are worked out and asked for, so that some hundred lines are on their
way at once; meanwhile the sixteen before them are blended. Tried and lost: one agent after the other, twice the time
with three points each. The same single operations as the reference: equal bits.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import select, splat
from swarm.stages.sample import cost  # noqa: F401  (shared with the reference)

_AGENTS = 2048  # of one task


def probe(field, plane, pos, ahead, points, lattice, scale, visit, base, out, at):
    """See `sample.probe`."""
    return _run(_all_points, pos, visit, out, (field, plane, ahead, points, False), lattice, scale, base, at)


def gradient(field, plane, pos, lattice, scale, visit, base, out, at):
    """See `sample.gradient`."""
    nowhere = np.zeros((1, 2), np.float32)
    return _run(_all_points, pos, visit, out, (field, plane, pos[:0], nowhere, True), lattice, scale, base, at)


def window(field, plane, pos, n, beyond, lattice, scale, visit, base, out, at):
    """See `sample.window`."""
    return _run(_all_windows, pos, visit, out, (field, plane, n, beyond), lattice, scale, base, at)


def _run(kernel, pos, visit, out, about, lattice, scale, base, at):
    bad = np.full((len(visit) + _AGENTS - 1) // _AGENTS, len(pos))
    kernel(*about, pos, visit, out.reshape(-1), lattice, scale, base, out.shape[1], at, bad)
    worst = int(bad.min(initial=len(pos)))
    return -1 if worst == len(pos) else worst


@kernel(parallel=True)
def _all_points(field, plane, ahead, points, sloping, pos, visit, out, lattice, scale, base, width, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _AGENTS
        high = min(len(visit), low + _AGENTS)
        bad[task] = _some_points(
            field, plane, ahead, points, sloping, pos, visit, out, lattice, scale, base, width, at, low, high
        )


@kernel(parallel=True)
def _all_windows(field, plane, n, beyond, pos, visit, out, lattice, scale, base, width, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _AGENTS
        high = min(len(visit), low + _AGENTS)
        bad[task] = _some_windows(field, plane, n, beyond, pos, visit, out, lattice, scale, base, width, at, low, high)


@kernel(inline=True)
def _row(v, high, visit, base, pos, lattice):
    """The row that visit[v] names if it is one and inside the world, else -1; and whether it is one outside."""
    row = np.int64(visit[v]) - base if v < high else np.int64(-1)
    if row < 0 or row >= len(pos):
        return np.int64(-1), False
    x, y = pos[row, 0], pos[row, 1]
    inside = (x >= 0) & (x < lattice.width) & (y >= 0) & (y < lattice.height)
    return row, not inside


@kernel(inline=True)
def _wrapped(cell, count, closed):
    """`raster.wrap` in sixteen lanes."""
    none, all = splat(np.int32(0)), splat(np.int32(count))
    if closed:
        return select(cell < none, none, select(cell >= all, all - splat(np.int32(1)), cell))
    return select(cell < none, cell + all, select(cell >= all, cell - all, cell))


@kernel
def _some_points(field, plane, ahead, points, sloping, pos, visit, out, lattice, scale, base, width, at, low, high):
    count = len(points)
    row, cells = np.full(32, -1, np.int64), np.zeros(128 * count, np.int32)
    parts, place, first = np.zeros(64 * count, np.float32), np.zeros(64, np.float32), np.zeros(16, np.int32)
    corner = np.empty(96, np.float32)
    bad, half = len(pos), 0  # the half of row, cells and parts that the next sixteen agents take
    for v in range(low, high + 16, 16):
        if v < high:
            for lane in range(16):
                i, stray = _row(v + lane, high, visit, base, pos, lattice)
                if stray:
                    bad, i = min(bad, i), np.int64(-1)
                row[16 * half + lane] = i
                k = max(i, 0)
                place[lane], place[16 + lane] = (pos[k, 0], pos[k, 1]) if i >= 0 else (np.float32(0), np.float32(0))
                if len(ahead):
                    place[32 + lane], place[48 + lane] = ahead[k, 0], ahead[k, 1]
                if plane.size:
                    first[lane] = plane[k] * np.int32(lattice.columns * lattice.rows)
            _find(field, place, first, len(ahead) > 0, points, lattice, cells, parts, half)
        half = 1 - half
        if v > low:
            _blend(field, row, cells, parts, half, count, sloping, lattice, scale, corner, out, width, at)
    return bad


@kernel(allocates=False)
def _find(field, place, first, turning, points, lattice, cells, parts, half):
    """The four cells around each point of sixteen agents, asked for, and how far between them it is."""
    none, one, middle = splat(np.float32(0)), splat(np.float32(1)), splat(np.float32(0.5))
    columns, step, start = splat(np.int32(lattice.columns)), splat(np.int32(1)), simd.load(first, 0)
    x, y, hx, hy = simd.load(place, 0), simd.load(place, 16), simd.load(place, 32), simd.load(place, 48)
    length = simd.sqrt(hx * hx + hy * hy)
    some = length > none
    per = one / select(some, length, one)
    hx, hy = select(some, hx * per, one), select(some, hy * per, none)
    for k in range(len(points)):
        forward, aside = splat(points[k, 0]), splat(points[k, 1])
        px, py = x + forward, y + aside
        if turning:
            px, py = x + (hx * forward - hy * aside), y + (hy * forward + hx * aside)
        u, v = px * splat(lattice.per_x) - middle, py * splat(lattice.per_y) - middle
        below, under = simd.floor(u), simd.floor(v)
        left, near = simd.cast(below, step), simd.cast(under, step)
        right = _wrapped(left + step, lattice.columns, lattice.closed)
        far = _wrapped(near + step, lattice.rows, lattice.closed)
        left, near = _wrapped(left, lattice.columns, lattice.closed), _wrapped(near, lattice.rows, lattice.closed)
        near, far = start + near * columns, start + far * columns
        c, p = 64 * (half * len(points) + k), 32 * (half * len(points) + k)
        simd.store(cells, c, near + left)
        simd.store(cells, c + 16, near + right)
        simd.store(cells, c + 32, far + left)
        simd.store(cells, c + 48, far + right)
        simd.store(parts, p, u - below)
        simd.store(parts, p + 16, v - under)
        for lane in range(16):
            simd.prefetch(field, cells[c + lane])
            simd.prefetch(field, cells[c + 32 + lane])


@kernel(allocates=False)
def _blend(field, row, cells, parts, half, count, sloping, lattice, scale, corner, out, width, at):
    """Read the cells and write the senses of sixteen agents."""
    for k in range(count):
        c, p = 64 * (half * count + k), 32 * (half * count + k)
        for j in range(64):
            corner[j] = field[cells[c + j]]
        c00, c10, c01, c11 = simd.load(corner, 0), simd.load(corner, 16), simd.load(corner, 32), simd.load(corner, 48)
        tx, ty = simd.load(parts, p), simd.load(parts, p + 16)
        if sloping:
            bottom, top, west, east = c10 - c00, c11 - c01, c01 - c00, c11 - c10
            simd.store(corner, 64, (bottom + ty * (top - bottom)) * splat(lattice.per_x * scale))
            simd.store(corner, 80, (west + tx * (east - west)) * splat(lattice.per_y * scale))
        else:
            lower, upper = c00 + tx * (c10 - c00), c01 + tx * (c11 - c01)
            simd.store(corner, 64, (lower + ty * (upper - lower)) * splat(scale))
        for lane in range(16):
            i = row[16 * half + lane]
            if i >= 0:
                out[i * width + at + k] = corner[64 + lane]
                if sloping:
                    out[i * width + at + 1] = corner[80 + lane]


@kernel(inline=True)
def _inside(cell, count, closed):
    """`raster.wrap` of one cell."""
    if closed:
        return min(max(cell, 0), count - 1)
    return cell + count if cell < 0 else cell - count if cell >= count else cell


@kernel(allocates=False)
def _some_windows(field, plane, n, beyond, pos, visit, out, lattice, scale, base, width, at, low, high):
    columns, rows, closed = lattice.columns, lattice.rows, lattice.closed
    bad = len(pos)
    for v in range(low, high):
        i, stray = _row(v, high, visit, base, pos, lattice)
        if stray:
            bad = min(bad, i)
        if stray or i < 0:
            continue
        first = np.int64(plane[i]) * (columns * rows) if plane.size else np.int64(0)
        column = min(np.int64(pos[i, 0] * lattice.per_x), columns - 1) - n // 2
        row = min(np.int64(pos[i, 1] * lattice.per_y), rows - 1) - n // 2
        for k in range(n * n):
            r, c = _inside(row + k // n, rows, closed), _inside(column + k % n, columns, closed)
            value = field[first + r * columns + c]
            if closed and (r != row + k // n or c != column + k % n):
                value = beyond
            out[i * width + at + k] = value * scale
    return bad
