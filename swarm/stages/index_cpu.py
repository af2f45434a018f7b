"""index on the CPU: a counting sort in two parallel passes over entities in id order.

    pos        [N][2]   float32 m  read twice     flag  [N] bool read (or empty)     order [N] int32 read twice
    world      [N]      int32      read (or empty)
    cell       [N]      int32      written, read  histogram [tasks][C] int32 work
    start      [C+1]    int32      written        entry, x, y [n] int32, float32 written, scattered by cell
    about 44 bytes and 2 flops an entity, 12 bytes a cell and task

Each task counts a run of entities into its own histogram; the histograms, added up cell by cell and task by task, give
every task the place of its first member in every cell. The result is the one stable order by (cell, id), whatever the
number of tasks. Positions are checked before they become a cell number. Neighbouring entities read memory in row
order as long as rows are near id order. Source of the method: Knuth, TAOCP 3, section 5.2, algorithm D.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.stages.index import TASKS, cost, thin  # noqa: F401  (shared with the reference)

_ALONE = 8192  # below this many entities one task does all


def sort(pos, flag, world, order, cell, histogram, grid):
    """See `index.sort`."""
    cells = grid.worlds * grid.columns * grid.rows
    tasks = 1 if len(order) < _ALONE else min(numba.get_num_threads(), TASKS, len(histogram) // cells)
    bad = np.full(tasks, len(pos))
    histograms = histogram[: tasks * cells].reshape(tasks, cells)
    if tasks == 1:
        bad[0] = _count_run(pos, flag, world, order, 0, len(order), cell, histograms[0], grid)
    else:
        _count(pos, flag, world, order, cell, histograms, grid, bad)
    if bad.min() < len(pos):
        return int(bad.min()), 0, 0
    n, most = _add_up(histograms, grid.start)
    if tasks == 1:
        _place_run(pos, order, 0, len(order), cell, histograms[0], grid)
    else:
        _place(pos, order, cell, histograms, grid)
    return -1, n, most


@kernel(parallel=True)
def _count(pos, flag, world, order, cell, histograms, grid, bad):
    for task in prange(len(bad)):
        k = np.int64(task)
        low, high = len(order) * k // len(bad), len(order) * (k + 1) // len(bad)
        bad[k] = _count_run(pos, flag, world, order, low, high, cell, histograms[k], grid)


@kernel(parallel=True)
def _place(pos, order, cell, histograms, grid):
    for task in prange(len(histograms)):
        k = np.int64(task)
        low, high = len(order) * k // len(histograms), len(order) * (k + 1) // len(histograms)
        _place_run(pos, order, low, high, cell, histograms[k], grid)


@kernel
def _count_run(pos, flag, world, order, low, high, cell, histogram, grid):
    histogram[:] = 0
    bad = len(pos)
    for k in range(low, high):
        e = order[k]
        cell[k] = -1
        if flag.size != 0 and not flag[e]:
            continue
        x, y = pos[e, 0], pos[e, 1]
        if x >= 0 and x < grid.width and y >= 0 and y < grid.height:
            column = min(np.int32(x * grid.per_x), np.int32(grid.columns - 1))
            row = min(np.int32(y * grid.per_y), np.int32(grid.rows - 1))
            c = row * np.int32(grid.columns) + column
            if world.size != 0:
                c += world[e] * np.int32(grid.columns * grid.rows)
            cell[k] = c
            histogram[c] += 1
        else:
            bad = min(bad, e)
    return bad


@kernel
def _add_up(histograms, start):
    place = np.int32(0)
    most = np.int32(0)
    tasks, cells = histograms.shape
    for c in range(cells):
        start[c] = place
        before = place
        for task in range(tasks):
            count = histograms[task, c]
            histograms[task, c] = place
            place += count
        most = max(most, place - before)
    start[cells] = place
    return int(place), int(most)


@kernel
def _place_run(pos, order, low, high, cell, place, grid):
    for k in range(low, high):
        c = cell[k]
        if c >= 0:
            e = order[k]
            p = place[c]
            place[c] = p + 1
            grid.entry[p] = e
            grid.x[p] = pos[e, 0]
            grid.y[p] = pos[e, 1]
