"""Rays on the CPU: discs sixteen at a time against lines, segments one at a time against sixteen rays.

    pos    [N][2]  float32 m  read in visiting order        visit [..]    int32    read once
    start  [C+1]   int32      six reads per seeker's cell   x, y, entry [n] read once per seeker's cell (12 cells)
    size, slots, value by entry: size read once per seeker's cell if it is a column, the others for those that are hit
    index.start two reads, 20 bytes for each segment of the seeker's cell, per seeker
    out    [N][W]  float32    n closeness and what was hit: read, except for source 0, and written
    per seeker 12 + 4 W bytes and 144 bytes per member of a cell; 12 flops a candidate, 6 a candidate and line

A task handles 1,024 seekers in the order of their own grid; candidates are gathered once for two cells side by side, as
for sectors. Two opposite rays are one line: a vector of candidates none of which is as near to the line as its radius
costs six operations and a test; the root and the distances are worked out for the few others (discs of 0.5 m, 17
within 12 m: 0.9 a line). Single operations, never fused: every bit agrees with the reference. Rows are in no spatial
order, so those of the next seekers are asked for ahead of time: walls alone take half as long with it.

Tried and lost (100,000 agents, 8 rays, one thread of a busy machine; eight sectors 13 ms, discs 25): a fold over the
lanes each time a line is met 28; those that meet it one by one, without vectors, 32.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import maximum, minimum, select, splat
from swarm.backend.tasks import first_bad
from swarm.stages.near_cpu import AHEAD, RUNS, beyond, cell_of, first_cell, gather, runs, shortest, smallest8
from swarm.stages.rays import KINDS, VALUE, cost  # noqa: F401  (shared with the reference)

_SEEKERS = 1024  # of one task
_ALONE = 4  # up to so many tasks are not worth a second thread
_FAR = np.float32(np.inf)


def discs(
    grid, pos, world, first, visit, base, reach, radius, ways, opposite, frame, size, slots, value, hits, source,
    sources, out, at,
):  # fmt: skip
    """See `rays.discs`."""
    who = grid, pos, world, first, visit, base, reach, radius, ways, opposite, frame, size, slots, value
    about = *who, hits, source, sources, out.reshape(-1), out.shape[1], at
    return first_bad(_all_discs, _discs, about, len(visit), _SEEKERS, len(pos), _ALONE)


def walls(
    index, pos, world, visit, base, radius, ways, opposite, frame, value, hits, source, sources, out, at
):  # fmt: skip
    """See `rays.walls`."""
    about = index, pos, world, visit, base, radius, ways, frame, value, hits, source, sources
    return first_bad(
        _all_walls, _walls, (*about, out.reshape(-1), out.shape[1], at), len(visit), _SEEKERS, len(pos), _ALONE
    )


@kernel(parallel=True)
def _all_discs(
    grid, pos, world, first, visit, base, reach, radius, ways, opposite, frame, size, slots, value, hits, source,
    sources, out, width, at, bad,
):  # fmt: skip
    for task in prange(len(bad)):
        low = np.int64(task) * _SEEKERS
        bad[task] = _discs(
            grid, pos, world, first, visit, base, reach, radius, ways, opposite, frame, size, slots, value, hits,
            source, sources, out, width, at, low, min(len(visit), low + _SEEKERS),
        )  # fmt: skip


@kernel(parallel=True)
def _all_walls(
    index, pos, world, visit, base, radius, ways, frame, value, hits, source, sources, out, width, at, bad
):  # fmt: skip
    for task in prange(len(bad)):
        low = np.int64(task) * _SEEKERS
        bad[task] = _walls(
            index, pos, world, visit, base, radius, ways, frame, value, hits, source, sources, out, width, at, low,
            min(len(visit), low + _SEEKERS),
        )  # fmt: skip


@kernel
def _discs(
    grid, pos, world, first, visit, base, reach, radius, ways, opposite, frame, size, slots, value, hits, source,
    sources, out, width, at, low, high,
):  # fmt: skip
    columns, rows, start = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries = grid.x, grid.y, grid.entry
    room, n = 12 * grid.most + 32, len(ways)
    bx, by, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    br, run = np.full(room, size[0]), np.empty(RUNS, np.int32)
    ux, uy = np.zeros(n + 16, np.float32), np.zeros(n + 16, np.float32)
    near, kept = np.empty(n + 24, np.float32), np.zeros(n + 16, np.float32)
    wide, eldest = np.empty(16 * (n + 8), np.float32), np.zeros(n, np.uint32)  # distances by lane; slots of those hit
    here, total, bad, seam = np.int32(-1), 0, len(pos), False
    flat = pos.reshape(-1)
    for v in range(low, high):
        soon = visit[min(v + AHEAD, high - 1)] - base
        if soon >= 0 and soon < len(pos):
            simd.prefetch(flat, 2 * soon)
            simd.prefetch(out, soon * width + at)
            simd.prefetch(out, soon * width + at + n - 1)
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
            if len(size) > 1:
                for k in range(total):
                    br[k] = size[be[k]]
            seam = beyond(left - 1, right + 1, columns) or beyond(row - 1, row + 1, rows)
        me = np.int32(first + i) if first >= 0 else np.int32(-1)
        _turn(ways, frame, i, ux, uy)
        _hit(
            bx, by, be, br, total, x, y, me, reach * reach, seam, grid.width, grid.height, ux, uy, n, opposite, wide,
            near, hits == VALUE, slots, value, eldest, kept,
        )  # fmt: skip
        _keep(near, kept, n, radius, hits, source, sources, out, i * width + at)
    return bad


@kernel(allocates=False)
def _hit(
    bx, by, be, br, total, x, y, me, limit, seam, width, height, ux, uy, n, opposite, wide, near, named, slots, value,
    eldest, kept,
):  # fmt: skip
    """Fill near [n] with the distances of the nearest discs, and note what they carry if `named`. wide [16 n]: work."""
    lines = n // 2 if opposite else n
    none, nobody, far = splat(np.float32(0)), splat(np.float32(-1)), splat(_FAR)
    for ray in range(n + 7):
        simd.store(wide, ray * 16, far)
    near[:] = _FAR
    for c in range(0, total, 16):
        dx, dy = simd.load(bx, c) - splat(x), simd.load(by, c) - splat(y)
        if seam:
            dx, dy = shortest(dx, width), shortest(dy, height)
        r = simd.load(br, c)
        square = select((dx * dx + dy * dy < splat(limit)) & (simd.load(be, c) != splat(me)), r * r, nobody)
        for k in range(lines):
            px, py = simd.splat_at(ux, k), simd.splat_at(uy, k)
            across = dx * py - dy * px
            gap = square - across * across
            met = gap >= none
            if simd.any_lane(met):
                along, root = dx * px + dy * py, simd.sqrt(maximum(gap, none))
                _note(k, along, root, met, c, be, wide, near, named, slots, value, eldest, kept)
                if opposite:
                    _note(k + lines, -along, root, met, c, be, wide, near, named, slots, value, eldest, kept)
    if not named:
        for ray in range(0, n, 8):
            at = ray * 16
            w0, w1, w2, w3 = (
                simd.load(wide, at), simd.load(wide, at + 16), simd.load(wide, at + 32), simd.load(wide, at + 48)
            )  # fmt: skip
            w4, w5, w6, w7 = (
                simd.load(wide, at + 64), simd.load(wide, at + 80), simd.load(wide, at + 96), simd.load(wide, at + 112)
            )  # fmt: skip
            simd.store(near, ray, smallest8(w0, w1, w2, w3, w4, w5, w6, w7))


@kernel(inline=True)
def _note(ray, along, root, met, c, be, wide, near, named, slots, value, eldest, kept):
    """Note for one ray which of the candidates c .. c + 15 it meets and how far."""
    none, far = splat(np.float32(0)), splat(_FAR)
    t = select(met & (along + root >= none), maximum(along - root, none), far)
    if not named:
        simd.store(wide, ray * 16, minimum(t, simd.load(wide, ray * 16)))
        return
    nearest = simd.smallest(t)
    if nearest <= near[ray] and nearest < _FAR:
        same = simd.mask_bits(t == splat(nearest))
        while same != 0:
            e = be[c + simd.lowest(same)]
            same &= same - np.int32(1)
            if nearest < near[ray] or slots[e] < eldest[ray]:
                near[ray], eldest[ray], kept[ray] = nearest, slots[e], value[e, 0]


@kernel
def _walls(
    index, pos, world, visit, base, radius, ways, frame, value, hits, source, sources, out, width, at, low, high
):  # fmt: skip
    columns, rows, n = np.int32(index.columns), np.int32(index.rows), len(ways)
    start, which, ax, ay, bx, by = index.start, index.which, index.ax, index.ay, index.bx, index.by
    ux, uy = np.zeros(n + 16, np.float32), np.zeros(n + 16, np.float32)
    near, kept, chosen = np.empty(n + 16, np.float32), np.zeros(n + 16, np.float32), np.zeros(n + 16, np.int32)
    bad, none, far = len(pos), splat(np.float32(0)), splat(_FAR)
    flat = pos.reshape(-1)
    for v in range(low, high):
        soon = visit[min(v + AHEAD, high - 1)] - base
        if soon >= 0 and soon < len(pos):
            simd.prefetch(flat, 2 * soon)
            simd.prefetch(out, soon * width + at)
            simd.prefetch(out, soon * width + at + n - 1)
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < index.width and y >= 0 and y < index.height):
            bad = min(bad, i)
            continue
        column, row = cell_of(x, index.per_x, columns), cell_of(y, index.per_y, rows)
        c = first_cell(world, i, columns, rows) + row * columns + column
        begin, end = start[c], start[c + 1]
        if begin == end and source > 0:
            continue
        _turn(ways, frame, i, ux, uy)
        for k in range(0, n, 16):
            px, py = simd.load(ux, k), simd.load(uy, k)
            best, who = far, splat(np.int32(0))
            for p in range(begin, end):
                qx, qy, rx, ry = splat(ax[p] - x), splat(ay[p] - y), splat(bx[p] - x), splat(by[p] - y)
                ca, cb = qx * py - qy * px, rx * py - ry * px
                crossed = ((ca <= none) & (cb >= none)) | ((ca >= none) & (cb <= none))
                if not simd.any_lane(crossed):
                    continue
                fa, fb = qx * px + qy * py, rx * px + ry * py
                apart = ca - cb
                level = apart == none
                t = fa + ca / select(level, splat(np.float32(1)), apart) * (fb - fa)
                t = select(level, maximum(minimum(fa, fb), none), t)
                hit = crossed & (t >= none) & (~level | (maximum(fa, fb) >= none)) & (t < best)
                best = select(hit, t, best)
                who = select(hit, splat(which[p]), who)
            simd.store(near, k, best)
            simd.store(chosen, k, who)
        if hits == VALUE:
            for k in range(n):
                kept[k] = value[chosen[k]] if near[k] < _FAR else np.float32(0)
        _keep(near, kept, n, radius, hits, source, sources, out, i * width + at)
    return bad


@kernel(inline=True)
def _turn(ways, frame, i, ux, uy):
    """The rays of row i."""
    for k in range(len(ways)):
        ux[k], uy[k] = ways[k, 0], ways[k, 1]
        if len(frame):
            c, s = frame[i, 0], frame[i, 1]
            ux[k], uy[k] = c * ways[k, 0] - s * ways[k, 1], s * ways[k, 0] + c * ways[k, 1]


@kernel(inline=True)
def _keep(near, kept, n, radius, hits, source, sources, out, place):
    """Turn distances into closeness, and write it where it is larger than what is there."""
    none, one = splat(np.float32(0)), splat(np.float32(1))
    for k in range(0, n, 16):
        lanes = simd.first(n - k)
        t = simd.load(near, k)
        close = select(t < splat(radius), one - t / splat(radius), none)
        old = none if source == 0 else simd.load_masked(out, place + k, lanes, none)
        better = close > old
        written = lanes if source == 0 else lanes & better
        simd.store_masked(out, place + k, select(better, close, none), written)
        if hits == KINDS:
            for other in range(sources):
                mark = select(better, one, none) if other == source else none
                simd.store_masked(out, place + (1 + other) * n + k, mark, written)
        elif hits == VALUE:
            simd.store_masked(out, place + n + k, select(better, simd.load(kept, k), none), written)
