"""deposit on the CPU: cells in parallel, additions in one pass.

    order      [N] int32 read once       pos [E][2] float32 m read by entry    amount [E] float32 read by entry
    who, cell  [N] int32 written, read   field [W * rows * columns] float32 read|write, at random
    28 bytes an entity in order, and one line of the field (spread: two)

Phase 1 checks everybody and lists who adds something and where, so that nothing is added if somebody is wrong; the
list is packed without a branch, for flags are hard to predict. Phase 2 adds in id order, with the cell's line asked
for ahead of its use: one thread, for the order of a sum may not depend on how many there are.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.stages.deposit import cost  # noqa: F401  (shared with the reference)

_ENTITIES = 8192  # of one task
_AHEAD = 24  # entities between a prefetch and its use


def drop(pos, amount, chosen, order, plane, lattice, spread, cell, field):
    """See `deposit.drop`."""
    tasks = (len(order) + _ENTITIES - 1) // _ENTITIES
    found = np.full((2, tasks), -1)  # of each task: a wrong entry or -1, and how many add something
    where, who = cell[: len(order)], cell[len(order) : 2 * len(order)]
    about = pos, amount, chosen, order, plane, lattice, where, who, found
    if tasks > 1:
        _find(*about)
    elif tasks:
        _find_some(*about, 0)
    wrong = np.flatnonzero(found[0] >= 0)
    if len(wrong):
        return int(found[0, wrong[0]])
    _add(pos, amount, plane, lattice, spread, where, who, found[1], field)
    return -1


@kernel(parallel=True)
def _find(pos, amount, chosen, order, plane, lattice, where, who, found):
    for task in prange(found.shape[1]):
        _find_some(pos, amount, chosen, order, plane, lattice, where, who, found, np.int64(task))


@kernel(allocates=False)
def _find_some(pos, amount, chosen, order, plane, lattice, where, who, found, task):
    """List who of this task's entities adds something, and the cells, from its first place on."""
    columns, rows = np.int32(lattice.columns), np.int32(lattice.rows)
    many, picked, several = len(amount) > 1, chosen.size > 0, plane.size > 0
    low = task * _ENTITIES
    bad, m = -1, low
    for k in range(low, min(len(order), low + _ENTITIES)):
        e = order[k]
        x, y = pos[e, 0], pos[e, 1]
        takes = not picked or chosen[e]
        right = (x >= 0) & (x < lattice.width) & (y >= 0) & (y < lattice.height)
        if many:
            right &= np.isfinite(amount[e])
        if not right:
            if takes and bad < 0:
                bad = e
            continue
        column = min(np.int32(x * lattice.per_x), columns - np.int32(1))
        row = min(np.int32(y * lattice.per_y), rows - np.int32(1))
        if several:
            row += plane[e] * rows
        where[m], who[m] = row * columns + column, e
        m += np.int64(takes)
    found[0, task], found[1, task] = bad, m - low


@kernel(inline=True)
def _inside(cell, count, closed):
    """`raster.wrap` of one cell."""
    if closed:
        return min(max(cell, np.int32(0)), np.int32(count - 1))
    return np.int32(cell + count if cell < 0 else cell - count if cell >= count else cell)


@kernel(allocates=False)
def _add(pos, amount, plane, lattice, spread, where, who, counts, field):
    """Add what was listed, in order."""
    one, half = np.float32(1), np.float32(0.5)
    columns, rows = np.int32(lattice.columns), np.int32(lattice.rows)
    same = len(amount) == 1
    for task in range(len(counts)):
        low = task * _ENTITIES
        high = low + counts[task]
        for k in range(low, high):
            simd.prefetch(field, where[min(k + _AHEAD, high - 1)])
            e = who[k]
            given = amount[0] if same else amount[e]
            if not spread:
                field[where[k]] += given
                continue
            u, v = pos[e, 0] * lattice.per_x - half, pos[e, 1] * lattice.per_y - half
            left, below = np.int32(np.floor(u)), np.int32(np.floor(v))
            tx, ty = u - np.floor(u), v - np.floor(v)
            right = _inside(np.int32(left + 1), columns, lattice.closed)
            above = _inside(np.int32(below + 1), rows, lattice.closed)
            left, below = _inside(left, columns, lattice.closed), _inside(below, rows, lattice.closed)
            first = plane[e] * rows if plane.size else np.int32(0)
            near, far = (first + below) * columns, (first + above) * columns
            field[near + left] += given * ((one - ty) * (one - tx))
            field[near + right] += given * ((one - ty) * tx)
            field[far + left] += given * (ty * (one - tx))
            field[far + right] += given * (ty * tx)
