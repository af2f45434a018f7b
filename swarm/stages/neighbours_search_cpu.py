"""The search for neighbours on the CPU: sixteen candidates at a time, hits packed without a branch.

    pos     [N][2] float32 m  read in visiting order        visit [..] int32 read once
    start   [C+1]  int32      six reads per cell            x, y, entry [n] read once per cell (9 cells)
    row, start [R] int32 written        place [H] int32, d2 (dx, dy) [H] float32 written, or read by what follows
    per seeker 12 bytes and 108 per member of a cell, 8 (16) a hit; 10 flops a candidate

Seekers come in the order of their own grid, so the candidates of a cell are gathered once for all its members. A vector
of comparisons gives sixteen bits; for each eight of them a table holds the numbers of the lanes that are set, which are
stored whole, the next ones over those that were too many. What is found goes into buffers of `_HITS` that stay in the
second-level cache until the next kernel, a pair function or a fold, has read them; so each of them is small and knows
nothing of the grid. Runs of cells that reach over the seam are put in ascending order: hits are ordered by place.

Tried and lost (100,000 seekers, 17 around each, one thread; this: 8.0 ms): leaving oneself out hit by hit, 9.7; storing
the ways in the same loop where they are asked for, 13.0; signed numbers as indices, of which numba asks whether they
are below 0, 18.5; testing candidates one by one and overwriting those that are no hits, 38.1.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import prange
from numba.core import types
from numba.core.extending import intrinsic

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import splat
from swarm.stages.near_cpu import AHEAD, RUNS, beyond, cell_of, first_cell, runs, shortest
from swarm.stages.neighbours_search import FOLDS, Block

_HITS = 1 << 16  # of a block, more where a single cell sees more
_ROWS = 1 << 13
_ALONE = 4096  # rows that one thread arranges
_SUM, _MEAN, _MIN, _MAX, _COUNT, _ANY = range(len(FOLDS))
_NAN = np.float32(np.nan)


def blocks(grid, seeker, radius, ways, low, high, scratch):
    """See `neighbours_search.blocks`."""
    room = max(_HITS, 9 * grid.most)
    row, start = scratch.array("row", _ROWS, np.int32), scratch.array("start", _ROWS, np.int32)
    place, d2 = scratch.array("place", room, np.int32), scratch.array("d2", room, np.float32)
    dx, dy = (scratch.array(name, room if ways else 0, np.float32)[: room * ways] for name in ("dx", "dy"))
    while low < high:
        low, count, bad = _hits(grid, *seeker, low, high, radius, row[:_ROWS], start, place[:room], dx, dy, d2)
        n = start[count]
        way = (dx[:n], dy[:n]) if ways else (dx[:0], dy[:0])
        yield Block(row[:count], start[: count + 1], place[:n], *way, d2[:n], -1 if bad == len(seeker.pos) else bad)


def in_order(block, entry, mine, theirs):
    """See `neighbours_search.in_order`."""
    out = np.empty(len(block.place), np.int32)
    before = np.zeros(len(mine) + 1, np.int64)  # hits of those with lower ranks
    before[mine[block.row] + 1] = np.diff(block.start)
    into = np.cumsum(before, out=before)[mine[block.row]]
    tasks = 1 if len(block.row) < _ALONE else 4 * numba.get_num_threads()
    _arrange(tasks, into, block.start, block.place, entry, theirs, out)
    return out


def closest(block):
    """See `neighbours_search.closest`."""
    start, keep = np.empty_like(block.start), np.empty(len(block.row), np.int64)
    keep = keep[: _closest(block.start, block.d2, start, keep)]
    ways = (block.dx[keep], block.dy[keep]) if len(block.dx) else (block.dx, block.dy)
    return Block(block.row, start, block.place[keep], *ways, block.d2[keep], block.bad)


def fold(kind, block, values, empty, out):
    """See `neighbours_search.fold`."""
    for k in range(len(values)):
        _fold(FOLDS.index(kind), block.row, block.start, values[k], empty, out[k])


@intrinsic
def _spread(typingctx, table, byte, base, out, at):
    """out[at:at + 8] = base + the eight numbers that `table` has for a byte."""

    def codegen(context, builder, signature, args):
        table, byte, base, out, at = args
        i32, eight = ir.IntType(32), ir.VectorType(ir.IntType(32), 8)
        data = context.make_array(signature.args[0])(context, builder, table).data
        row = builder.gep(data, [builder.shl(builder.zext(byte, ir.IntType(64)), ir.IntType(64)(3))])
        lanes = builder.load(builder.bitcast(row, ir.VectorType(ir.IntType(8), 8).as_pointer()))
        lanes.align = 1
        first = builder.insert_element(ir.Constant(eight, ir.Undefined), base, i32(0))
        first = builder.shuffle_vector(first, first, ir.Constant(eight, [0] * 8))
        target = builder.gep(context.make_array(signature.args[3])(context, builder, out).data, [at])
        numbers = builder.add(builder.zext(lanes, eight), first)
        builder.store(numbers, builder.bitcast(target, eight.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(table, types.int32, types.int32, out, types.intp), codegen


@intrinsic
def _ones(typingctx, bits):
    """How many bits are set."""

    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.int32(types.int32), codegen


def _lanes():
    """uint8 [256 * 8]: for each byte the numbers of its bits that are set, ascending, then zeros."""
    table = np.zeros((256, 8), np.uint8)
    for byte in range(256):
        lanes = [lane for lane in range(8) if byte >> lane & 1]
        table[byte, : len(lanes)] = lanes
    return table.reshape(-1)


_LANES = _lanes()


@kernel(inline=True)
def _ascend(run, count):
    """Sort the runs by where they begin."""
    for k in range(2, count, 2):
        begin, end, place = run[k], run[k + 1], k
        while place > 0 and run[place - 2] > begin:
            run[place], run[place + 1] = run[place - 2], run[place - 1]
            place -= 2
        run[place], run[place + 1] = begin, end


@kernel
def _hits(grid, pos, world, first, visit, base, low, high, radius, row, start, place, dxs, dys, d2s):
    """Fill one block from visit[low] on; returns where to go on, how many rows, and the smallest bad row or N."""
    columns, rows, begin = np.int32(grid.columns), np.int32(grid.rows), grid.start
    xs, ys, entries, width, height = grid.x, grid.y, grid.entry, grid.width, grid.height
    room, ways = 9 * grid.most + 32, len(dxs) > 0
    bx, by, bd, bp = (np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32),
                      np.empty(room, np.int32))  # fmt: skip
    bdx, bdy, be = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.int32)
    near, run = np.empty(room, np.int32), np.empty(RUNS, np.int32)
    limit = radius * radius
    cell, total, bad, seam = np.int32(-1), 0, len(pos), False
    flat = pos.reshape(-1)
    n, r, v = 0, 0, low
    while v < high and r < len(row):
        ahead = visit[min(v + AHEAD, high - 1)] - base
        if ahead >= 0 and ahead < len(pos):
            simd.prefetch(flat, 2 * ahead)
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            v += 1
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < width and y >= 0 and y < height):
            bad = min(bad, i)
            v += 1
            continue
        column, line = cell_of(x, grid.per_x, columns), cell_of(y, grid.per_y, rows)
        of_world = first_cell(world, i, columns, rows)
        if of_world + line * columns + column != cell:
            cell = of_world + line * columns + column
            count = runs(begin, of_world, columns, rows, column - 1, column + 1, line - 1, line + 1, run)
            seam = beyond(column - 1, column + 1, columns) or beyond(line - 1, line + 1, rows)
            if seam:
                _ascend(run, count)
            total = 0
            for k in range(0, count, 2):
                a, b = run[k], run[k + 1]
                for p in range(0, b - a, 16):
                    simd.store(bx, total + p, simd.load(xs, a + p))
                    simd.store(by, total + p, simd.load(ys, a + p))
                    simd.store(be, total + p, simd.load(entries, a + p))
                for p in range(0, b - a, 16):
                    simd.store(bp, total + p, simd.iota() + splat(np.int32(a + p)))
                total += b - a
            simd.store(bx, total, splat(_NAN))
        if n + total > len(place):
            break
        found, me = 0, np.int32(first + i) if first >= 0 else np.int32(-1)
        for k in range(0, total, 16):
            dx, dy = simd.load(bx, k) - splat(x), simd.load(by, k) - splat(y)
            if seam:
                dx, dy = shortest(dx, width), shortest(dy, height)
            d2 = dx * dx + dy * dy
            simd.store(bd, k, d2)
            if ways:
                simd.store(bdx, k, dx)
                simd.store(bdy, k, dy)
            bits = simd.mask_bits((d2 < splat(limit)) & (simd.load(be, k) != splat(me)))
            left, right = bits & np.int32(255), bits >> np.int32(8)
            _spread(_LANES, left, np.int32(k), near, found)
            found += _ones(left)
            _spread(_LANES, right, np.int32(k + 8), near, found)
            found += _ones(right)
        row[r], start[r] = i, n
        for h in range(found):
            k, at = np.uint64(near[h]), np.uint64(n + h)
            place[at], d2s[at] = bp[k], bd[k]
        if ways:
            for h in range(found):
                k, at = np.uint64(near[h]), np.uint64(n + h)
                dxs[at], dys[at] = bdx[k], bdy[k]
        n += found
        r += 1
        v += 1
    start[r] = n
    return v, r, bad


@kernel(parallel=True)
def _arrange(tasks, into, start, place, entry, rank, out):
    for task in prange(tasks):
        k, rows = np.int64(task), len(into)
        _arrange_rows(rows * k // tasks, rows * (k + 1) // tasks, into, start, place, entry, rank, out)


@kernel
def _arrange_rows(low, high, into, start, place, entry, rank, out):
    """Write the entries of rows low..high by rank to where `into` says: Shell's sort, TAOCP 3, section 5.2.1."""
    most = 0
    for r in range(low, high):
        most = max(most, start[r + 1] - start[r])
    keys = np.empty(most, np.int64)  # rank and entry in one number
    for r in range(low, high):
        first, count, n = np.uint64(start[r]), start[r + 1] - start[r], np.uint64(into[r])
        for k in range(count):
            e = np.uint64(entry[np.uint64(place[first + np.uint64(k)])])
            keys[k] = np.int64(rank[e]) << 32 | np.int64(e)
        gap = 1
        while 3 * gap + 1 < count:
            gap = 3 * gap + 1
        while gap > 0:
            for k in range(gap, count):
                key, at = keys[k], k
                while at >= gap and keys[np.uint64(at - gap)] > key:
                    keys[np.uint64(at)] = keys[np.uint64(at - gap)]
                    at -= gap
                keys[np.uint64(at)] = key
            gap //= 3
        for k in range(count):
            out[n + np.uint64(k)] = np.int32(keys[k] & 0x7FFFFFFF)


@kernel
def _closest(start, d2, out, keep):
    n = 0
    for r in range(len(start) - 1):
        out[r] = n
        best = start[r]
        for h in range(start[r] + 1, start[r + 1]):
            if d2[h] < d2[best]:
                best = h
        if start[r + 1] > start[r]:
            keep[n] = best
            n += 1
    out[len(start) - 1] = n
    return n


@kernel
def _fold(kind, row, start, value, empty, out):
    for r in range(len(row)):
        low, high = np.uint64(start[r]), np.uint64(start[r + 1])  # numba asks signed numbers whether they are below 0
        folded = 0.0
        if kind == _SUM or kind == _MEAN:
            for h in range(low, high):
                folded += value[h]
            if kind == _MEAN:
                folded /= max(start[r + 1] - start[r], 1)
        elif kind == _COUNT or kind == _ANY:
            for h in range(low, high):
                folded += value[h] != 0
            if kind == _ANY:
                folded = min(folded, 1.0)
        elif high > low:
            folded = value[low]
            for h in range(low, high):
                if value[h] != value[h] or (value[h] < folded if kind == _MIN else value[h] > folded):
                    folded = value[h]
        out[row[r]] = (folded if high > low or kind == _COUNT or kind == _ANY else empty) + 0.0
