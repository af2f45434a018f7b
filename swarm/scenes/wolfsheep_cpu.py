"""Wolf and sheep on the CPU: steps in one pass, cells by a counting sort.

    pos   [N][2]     float32 m   read|write      draw [N] float32 read      good, safe [cells] bool read at random
    cell  [N]        int32       read twice      key  [N] uint64  read at random, within a cell
    order [N]        int32       written at random      start [cells + 1] int32 written, read

One thread: ten thousand animals take a tenth of a millisecond. In a cell are few, which insertion puts in order.
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel
from swarm.scenes.wolfsheep import BESIDE

_X, _Y = BESIDE[:, 0].copy(), BESIDE[:, 1].copy()


@kernel
def cells(pos, side):
    out = np.empty(len(pos), np.int32)
    for i in range(len(pos)):
        out[i] = np.int32(pos[i, 1]) * side + np.int32(pos[i, 0])
    return out


@kernel
def counts(pos, dying, side):
    out = np.zeros(side * side, np.int32)
    for i in range(len(pos)):
        if not dying[i]:
            out[np.int32(pos[i, 1]) * side + np.int32(pos[i, 0])] += 1
    return out


@kernel
def wander(pos, draw, side):
    for i in range(len(pos)):
        way = np.int32(draw[i] * np.float32(8))
        _put(pos, i, np.int32(pos[i, 0]) + _X[way], np.int32(pos[i, 1]) + _Y[way], side)


@kernel(inline=True)
def _put(pos, i, x, y, side):
    """Row i stands in the middle of a cell that is at most one step outside."""
    x = x - side if x >= side else x + side if x < 0 else x
    y = y - side if y >= side else y + side if y < 0 else y
    pos[i, 0], pos[i, 1] = np.float32(x) + np.float32(0.5), np.float32(y) + np.float32(0.5)


@kernel
def choose(pos, draw, good, safe, side):
    for i in range(len(pos)):
        x, y = np.int32(pos[i, 0]), np.int32(pos[i, 1])
        best, open_ = 0, 0  # a bit for each way
        for k in range(4):
            to_x, to_y = (x + _X[k] + side) % side, (y + _Y[k] + side) % side
            cell = to_y * side + to_x
            if safe[cell]:
                open_ |= 1 << k
                if good[cell]:
                    best |= 1 << k
        ways = best if best else open_
        count = (ways & 1) + (ways >> 1 & 1) + (ways >> 2 & 1) + (ways >> 3)
        left = np.int32(draw[i] * np.float32(count))
        for k in range(4):
            if ways >> k & 1:
                if left == 0:
                    _put(pos, i, x + _X[k], y + _Y[k], side)
                left -= 1


@kernel
def in_cells(cell, key, count):
    start = np.zeros(count + 1, np.int32)
    for i in range(len(cell)):
        start[cell[i] + 1] += 1
    for c in range(count):
        start[c + 1] += start[c]
    order, filled = np.empty(len(cell), np.int32), start[:-1].copy()
    for i in range(len(cell)):
        at, first = filled[cell[i]], start[cell[i]]
        filled[cell[i]] += 1
        while at > first and key[order[at - 1]] > key[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    return order, start
