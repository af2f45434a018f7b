"""deposit on the CPU: cells in parallel, additions in one pass.

    order   [N] int32 read twice       pos [E][2] float32 m read by entry     amount [E] float32 read by entry
    cell    [N] int32 written, read    field [W * rows * columns] float32 read|write, at random
    24 bytes an entity in order, and one line of the field (spread: two)

Phase 1 checks everybody and writes the number of the cell, so that nothing is added if somebody is wrong. Phase 2 adds
in id order, with the cell's line asked for ahead of its use: one thread, for the order of a sum may not depend on how
many there are. Rows are near id order, so all but the field is read in order.
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
    about = pos, amount, chosen, order, plane, lattice, cell
    bad = np.full((len(order) + _ENTITIES - 1) // _ENTITIES, -1)
    if len(bad) > 1:
        _find(*about, bad)
    elif len(bad):
        bad[0] = _find_some(*about, 0, len(order))
    wrong = np.flatnonzero(bad >= 0)
    if len(wrong):
        return int(bad[wrong[0]])
    if spread:
        _add_spread(pos, amount, order, plane, lattice, cell, field)
    else:
        _add(amount, order, cell, field)
    return -1


@kernel(parallel=True)
def _find(pos, amount, chosen, order, plane, lattice, cell, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _ENTITIES
        high = min(len(order), low + _ENTITIES)
        bad[task] = _find_some(pos, amount, chosen, order, plane, lattice, cell, low, high)


@kernel
def _find_some(pos, amount, chosen, order, plane, lattice, cell, low, high):
    """Fill cell[low:high] with the cells of order[low:high], -1 for who adds nothing; returns a bad entry or -1."""
    columns, rows = np.int32(lattice.columns), np.int32(lattice.rows)
    many, picked, several = len(amount) > 1, chosen.size > 0, plane.size > 0
    bad = -1
    for k in range(low, high):
        e = order[k]
        cell[k] = -1
        if picked and not chosen[e]:
            continue
        x, y = pos[e, 0], pos[e, 1]
        inside = x >= 0 and x < lattice.width and y >= 0 and y < lattice.height
        if not inside or (many and not np.isfinite(amount[e])):
            if bad < 0:
                bad = e
            continue
        column = min(np.int32(x * lattice.per_x), columns - np.int32(1))
        row = min(np.int32(y * lattice.per_y), rows - np.int32(1))
        if several:
            row += plane[e] * rows
        cell[k] = row * columns + column
    return bad


@kernel
def _add(amount, order, cell, field):
    one, each = len(amount) == 1, amount[0]
    last = len(order) - 1
    for k in range(len(order)):
        simd.prefetch(field, max(cell[min(k + _AHEAD, last)], 0))
        if cell[k] >= 0:
            field[cell[k]] += each if one else amount[order[k]]


@kernel(inline=True)
def _inside(cell, count, closed):
    """`raster.wrap` of one cell."""
    if closed:
        return min(max(cell, np.int32(0)), np.int32(count - 1))
    return np.int32(cell + count if cell < 0 else cell - count if cell >= count else cell)


@kernel
def _add_spread(pos, amount, order, plane, lattice, cell, field):
    one, half = np.float32(1), np.float32(0.5)
    columns, rows = np.int32(lattice.columns), np.int32(lattice.rows)
    last = len(order) - 1
    for k in range(len(order)):
        simd.prefetch(field, max(cell[min(k + _AHEAD, last)], 0))
        if cell[k] < 0:
            continue
        e = order[k]
        u, v = pos[e, 0] * lattice.per_x - half, pos[e, 1] * lattice.per_y - half
        left, low = np.int32(np.floor(u)), np.int32(np.floor(v))
        tx, ty = u - np.floor(u), v - np.floor(v)
        right = _inside(np.int32(left + 1), columns, lattice.closed)
        high = _inside(np.int32(low + 1), rows, lattice.closed)
        left, low = _inside(left, columns, lattice.closed), _inside(low, rows, lattice.closed)
        given = amount[0] if len(amount) == 1 else amount[e]
        base = plane[e] * rows if plane.size else np.int32(0)
        near, far = (base + low) * columns, (base + high) * columns
        field[near + left] += given * ((one - ty) * (one - tx))
        field[near + right] += given * ((one - ty) * tx)
        field[far + left] += given * (ty * (one - tx))
        field[far + right] += given * (ty * tx)
