"""Flow fields on the CPU: bands of distance one after the other, worlds on all threads.

    factor   [W][rows][columns] float32 read some nine times a cell, from cache along the front
    distance [W][rows][columns] float32 written a few times a cell     way uint8 written once
    near, far [rows * columns] int32, state uint8 of work: the front is some hundreds of cells and stays in cache
    about 40 bytes of memory a cell; bound by the eight comparisons for each

Cells within the present band are taken from a ring until none gets nearer any more; those beyond it wait in a pile,
through which every new band goes once. (Near-far piles: Davidson et al., "Work-efficient parallel GPU methods for
single-source shortest paths", IPDPS 2014.) Tried and lost: Dijkstra with a heap, 2.2 times the
time on 1024 x 1024 cells. The distances are the reference's to the bit: see `ways.integrate`. Needed only when tiles
or goals change.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.backend.tasks import first_bad
from swarm.stages.ways import NOWHERE, STEPS, cost  # noqa: F401  (shared with the reference)

_RIGHT = np.array([step[0] for step in STEPS], np.int32)
_UP = np.array([step[1] for step in STEPS], np.int32)
_NOWHERE = np.uint8(NOWHERE)
_DONE, _NEAR, _FAR = 0, 1, 2  # of a cell: in no pile, in the band's ring, beyond it


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
def _step(factor, cell, column, row, k, columns, rows, closed, lengths):
    """The cell one step k from `cell` and what the step costs: infinite into solid, past a corner or off the edge."""
    c, r = column + _RIGHT[k], row + _UP[k]
    there = not closed or (c >= 0 and c < columns and r >= 0 and r < rows)
    c = c + columns if c < 0 else c - columns if c >= columns else c
    r = r + rows if r < 0 else r - rows if r >= rows else r
    other = r * columns + c
    price = lengths[k] * (np.float32(0.5) * (factor[cell] + factor[other]))
    if k % 2 and not (factor[cell - column + c] < np.inf and factor[r * columns + column] < np.inf):
        there = False
    return other, price if there else np.float32(np.inf)


@kernel
def _spread(factor, sources, lengths, closed, rows, columns, distance):
    """Distances from the sources, band after band of a typical step's width."""
    near, far = np.empty(len(factor), np.int32), np.empty(len(factor), np.int32)
    state = np.zeros(len(factor), np.uint8)
    distance[:] = np.inf
    width, limit = _width(factor, lengths), np.float32(0)
    waiting = len(sources)
    for k in range(waiting):
        distance[sources[k]], far[k], state[sources[k]] = 0, sources[k], _FAR
    while waiting > 0:
        head, queued, kept, nearest = 0, 0, 0, np.float32(np.inf)
        for k in range(waiting):
            cell = far[k]
            if state[cell] == _FAR and distance[cell] <= limit:
                near[queued], state[cell] = cell, _NEAR
                queued += 1
            elif state[cell] == _FAR:
                far[kept], nearest = cell, min(nearest, distance[cell])
                kept += 1
        waiting = kept
        if queued == 0:
            limit = nearest + width
            continue
        while queued > 0:  # `near` is a ring: the cells of this band, some of them more than once
            cell = near[head]
            head = head + 1 if head + 1 < len(near) else 0
            queued -= 1
            state[cell] = _DONE
            column, row = cell % columns, cell // columns
            for k in range(8):
                other, price = _step(factor, cell, column, row, k, columns, rows, closed, lengths)
                total = distance[cell] + price
                if total < distance[other]:
                    distance[other] = total
                    if total <= limit:
                        if state[other] != _NEAR:
                            at = head + queued
                            near[at if at < len(near) else at - len(near)], state[other] = other, _NEAR
                            queued += 1
                    elif state[other] != _FAR:
                        far[waiting], state[other] = other, _FAR
                        waiting += 1
        limit += width


@kernel(allocates=False)
def _width(factor, lengths):
    """The mean price of a step."""
    total, count = np.float64(0), 0
    for k in range(len(factor)):
        if factor[k] < np.inf:
            total += factor[k]
            count += 1
    return np.float32(total / max(count, 1) * lengths[1])


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
                other, price = _step(factor, cell, column, row, k, columns, rows, closed, lengths)
                total = distance[other] + price
                if total < best:
                    best = total
                    way[cell] = k


_AGENTS = 4096  # of one task


def follow(distance, way, goals, plane, pos, goal, lattice, compass, scale, out, at):
    """See `ways.follow`: 24 bytes read and 12 written an agent, and a line of each map, at random."""
    about = distance, way, np.int64(goals), plane, pos, goal, lattice, compass, scale, out, at
    return first_bad(_follow_all, _follow, about, len(pos), _AGENTS, len(pos))


@kernel(parallel=True)
def _follow_all(distance, way, goals, plane, pos, goal, lattice, compass, scale, out, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _AGENTS
        high = min(len(pos), low + _AGENTS)
        bad[task] = _follow(distance, way, goals, plane, pos, goal, lattice, compass, scale, out, at, low, high)


@kernel
def _follow(distance, way, goals, plane, pos, goal, lattice, compass, scale, out, at, low, high):
    one, area, bad = np.float32(1), np.int64(lattice.rows) * lattice.columns, len(pos)
    each = len(way) // goals
    for i in range(low, high):
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < lattice.width and y >= 0 and y < lattice.height) or goal[i] >= goals:
            bad = min(bad, i)
            continue
        if goal[i] < 0:
            out[i, at], out[i, at + 1], out[i, at + 2] = np.float32(0), np.float32(0), np.float32(0)
            continue
        column = min(np.int32(x * lattice.per_x), np.int32(lattice.columns - 1))
        row = min(np.int32(y * lattice.per_y), np.int32(lattice.rows - 1))
        cell = row * np.int64(lattice.columns) + column + goal[i] * each
        if len(plane):
            cell += plane[i] * area
        k = way[cell]
        out[i, at], out[i, at + 1] = compass[k, 0], compass[k, 1]
        out[i, at + 2] = one / (one + distance[cell] / scale)
    return bad
