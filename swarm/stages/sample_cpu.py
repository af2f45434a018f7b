"""Numbers of a field around agents on the CPU: agent after agent, in the order of their own grid if they have one.

    pos   [N][2] float32 m read in visiting order      visit [N] int32 read
    field [W * rows * columns] float32 read at random: two lines a point, from cache where neighbours come in turn
    out   [N][W] float32 written, one row a time
    some 150 bytes and 25 flops a point; bound by the latency of the field's lines, of which many are on their way

The same single operations as the reference: equal bits.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.stages.sample import cost, directions  # noqa: F401  (shared with the reference)

_AGENTS = 2048  # of one task
_PROBE, _GRADIENT, _WINDOW = 0, 1, 2


def probe(field, plane, pos, ahead, points, lattice, scale, visit, base, out, at):
    """See `sample.probe`."""
    return _run(_PROBE, field, plane, pos, ahead, points, 0, scale, lattice, scale, visit, base, out, at)


def gradient(field, plane, pos, lattice, scale, visit, base, out, at):
    """See `sample.gradient`."""
    return _run(_GRADIENT, field, plane, pos, pos[:0], pos[:0], 0, scale, lattice, scale, visit, base, out, at)


def window(field, plane, pos, n, beyond, lattice, scale, visit, base, out, at):
    """See `sample.window`."""
    return _run(_WINDOW, field, plane, pos, pos[:0], pos[:0], n, beyond, lattice, scale, visit, base, out, at)


def _run(what, field, plane, pos, ahead, points, n, beyond, lattice, scale, visit, base, out, at):
    bad = np.full((len(visit) + _AGENTS - 1) // _AGENTS, len(pos))
    arrays = field, plane, pos, ahead, np.ascontiguousarray(points), visit, out.reshape(-1)
    _all(what, *arrays, n, beyond, lattice, scale, base, out.shape[1], at, bad)
    worst = int(bad.min(initial=len(pos)))
    return -1 if worst == len(pos) else worst


@kernel(parallel=True)
def _all(what, field, plane, pos, ahead, points, visit, out, n, beyond, lattice, scale, base, width, at, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _AGENTS
        high = min(len(visit), low + _AGENTS)
        bad[task] = _some(
            what, field, plane, pos, ahead, points, visit, out, n, beyond, lattice, scale, base, width, at, low, high
        )


@kernel(inline=True)
def _inside(cell, count, closed):
    """`raster.wrap` of one cell."""
    if closed:
        return min(max(cell, 0), count - 1)
    return cell + count if cell < 0 else cell - count if cell >= count else cell


@kernel(inline=True)
def _corners(field, first, x, y, lattice):
    """`sample._corners` of one place."""
    u, v = x * lattice.per_x - np.float32(0.5), y * lattice.per_y - np.float32(0.5)
    below, under = np.floor(u), np.floor(v)
    left, low = np.int64(below), np.int64(under)
    right, high = _inside(left + 1, lattice.columns, lattice.closed), _inside(low + 1, lattice.rows, lattice.closed)
    left, low = _inside(left, lattice.columns, lattice.closed), _inside(low, lattice.rows, lattice.closed)
    near, far = first + low * lattice.columns, first + high * lattice.columns
    return field[near + left], field[near + right], field[far + left], field[far + right], u - below, v - under


@kernel(allocates=False)
def _some(what, field, plane, pos, ahead, points, visit, out, n, beyond, lattice, scale, base, width, at, low, high):
    columns, rows, area = lattice.columns, lattice.rows, lattice.columns * lattice.rows
    bad, none, one = len(pos), np.float32(0), np.float32(1)
    for v in range(low, high):
        i = visit[v] - base
        if i < 0 or i >= len(pos):
            continue
        x, y = pos[i, 0], pos[i, 1]
        if not (x >= 0 and x < lattice.width and y >= 0 and y < lattice.height):
            bad = min(bad, i)
            continue
        first = np.int64(plane[i]) * area if plane.size else np.int64(0)
        place = i * width + at
        if what == _PROBE:
            hx, hy = one, none
            if len(ahead):
                hx, hy = ahead[i, 0], ahead[i, 1]
                length = np.sqrt(hx * hx + hy * hy)
                per = one / length
                hx, hy = (hx * per, hy * per) if length > 0 else (one, none)
            for k in range(len(points)):
                forward, left = points[k, 0], points[k, 1]
                px, py = x + forward, y + left
                if len(ahead):
                    px, py = x + (hx * forward - hy * left), y + (hy * forward + hx * left)
                c00, c10, c01, c11, tx, ty = _corners(field, first, px, py, lattice)
                below, above = c00 + tx * (c10 - c00), c01 + tx * (c11 - c01)
                out[place + k] = (below + ty * (above - below)) * scale
        elif what == _GRADIENT:
            c00, c10, c01, c11, tx, ty = _corners(field, first, x, y, lattice)
            bottom, top, left, right = c10 - c00, c11 - c01, c01 - c00, c11 - c10
            out[place] = (bottom + ty * (top - bottom)) * (lattice.per_x * scale)
            out[place + 1] = (left + tx * (right - left)) * (lattice.per_y * scale)
        else:
            column = min(np.int64(x * lattice.per_x), columns - 1) - n // 2
            row = min(np.int64(y * lattice.per_y), rows - 1) - n // 2
            for k in range(n * n):
                r, c = _inside(row + k // n, rows, lattice.closed), _inside(column + k % n, columns, lattice.closed)
                value = field[first + r * columns + c]
                if lattice.closed and (r != row + k // n or c != column + k % n):
                    value = beyond
                out[place + k] = value * scale
    return bad
