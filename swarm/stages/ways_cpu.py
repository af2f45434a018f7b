"""Flow fields on the CPU: Dijkstra with a heap of cells, world after world on all threads.

    factor   [W][rows][columns] float32 read some nine times a cell, from cache along the front
    distance [W][rows][columns] float32 written a few times a cell     way uint8 written once
    heap, place [rows * columns] int32 of work: the front is some hundreds of cells and stays in cache
    about 40 bytes of memory a cell; bound by the heap, log2(front) comparisons for every cell

The distances are the reference's to the bit: see `ways.integrate`. Needed only when tiles or goals change.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.stages.ways import NOWHERE, STEPS, cost, follow  # noqa: F401  (shared with the reference)

_RIGHT = np.array([step[0] for step in STEPS], np.int32)
_UP = np.array([step[1] for step in STEPS], np.int32)
_NOWHERE = np.uint8(NOWHERE)


def integrate(factor, sources, lengths, closed, distance, way):
    """See `ways.integrate`."""
    worlds, rows, columns = factor.shape
    begin = np.searchsorted(sources, np.arange(worlds + 1) * rows * columns)
    flat = factor.reshape(-1), sources, begin
    _all(*flat, lengths, closed, rows, columns, distance.reshape(-1), way.reshape(-1))


@kernel(parallel=True)
def _all(factor, sources, begin, lengths, closed, rows, columns, distance, way):
    area = rows * columns
    for world in prange(len(begin) - 1):
        w = np.int64(world)
        low, high = w * area, (w + 1) * area
        mine, found = factor[low:high], distance[low:high]
        _spread(mine, sources[begin[w] : begin[w + 1]] - low, lengths, closed, rows, columns, found)
        _choose(mine, lengths, closed, rows, columns, found, way[low:high])


@kernel(inline=True)
def _beside(column, row, k, columns, rows, closed):
    """The cell one step k away, and whether it is there."""
    c, r = column + _RIGHT[k], row + _UP[k]
    there = not closed or (c >= 0 and c < columns and r >= 0 and r < rows)
    c = c + columns if c < 0 else c - columns if c >= columns else c
    r = r + rows if r < 0 else r - rows if r >= rows else r
    return r * columns + c, there


@kernel(inline=True)
def _price(factor, cell, other, column, row, k, columns, lengths):
    """What step k from `cell` to `other` costs; infinite if it is solid or a corner would be cut."""
    price = lengths[k] * (np.float32(0.5) * (factor[cell] + factor[other]))
    if k % 2:
        across = other // columns * columns + column, row * columns + other % columns
        if not (factor[across[0]] < np.inf and factor[across[1]] < np.inf):
            price = np.float32(np.inf)
    return price


@kernel
def _spread(factor, sources, lengths, closed, rows, columns, distance):
    """Distances from the sources, nearest first."""
    heap, place = np.empty(len(factor), np.int32), np.full(len(factor), -1, np.int32)  # -1: not met yet, -2: done
    distance[:] = np.inf
    size = 0
    for k in range(len(sources)):
        distance[sources[k]] = 0
        heap[size], place[sources[k]] = sources[k], size
        size += 1
    while size > 0:
        cell = heap[0]
        size -= 1
        place[cell] = -2
        if size > 0:
            _sink(heap, place, distance, heap[size], size)
        column, row = cell % columns, cell // columns
        for k in range(8):
            other, there = _beside(column, row, k, columns, rows, closed)
            if not there or place[other] == -2:
                continue
            total = distance[cell] + _price(factor, cell, other, column, row, k, columns, lengths)
            if total < distance[other]:
                distance[other] = total
                if place[other] < 0:
                    place[other] = size
                    size += 1
                _rise(heap, place, distance, other)


@kernel(allocates=False)
def _sink(heap, place, distance, cell, size):
    """Put `cell` in place of the top, and let it sink."""
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and distance[heap[below + 1]] < distance[heap[below]]:
            below += 1
        if distance[heap[below]] >= distance[cell]:
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    heap[at], place[cell] = cell, at


@kernel(allocates=False)
def _rise(heap, place, distance, cell):
    """Let `cell` rise from its place to where nothing nearer is above it."""
    at = place[cell]
    while at > 0:
        above = (at - 1) // 2
        if distance[heap[above]] <= distance[cell]:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at], place[cell] = cell, at


@kernel(allocates=False)
def _choose(factor, lengths, closed, rows, columns, distance, way):
    """The first step of the cheapest way from every cell."""
    for row in range(rows):
        for column in range(columns):
            cell = row * columns + column
            way[cell] = _NOWHERE
            if not (distance[cell] > 0 and distance[cell] < np.inf):
                continue
            best = np.float32(np.inf)
            for k in range(8):
                other, there = _beside(column, row, k, columns, rows, closed)
                if there:
                    total = distance[other] + _price(factor, cell, other, column, row, k, columns, lengths)
                    if total < best:
                        best = total
                        way[cell] = k
