"""diffuse on the CPU: in place, sixteen cells at a time, a band of rows after the other.

    cells  [W][rows][columns] float32 read once, written once    first, last [bands][columns] float32 work
    vx, vy, open the same shape, read once where they are given  rows of work in the first-level cache
    8 bytes and 20 flops a cell (vx, vy: 8 more; open: 4 more); bound by arithmetic while fields fit the last-level
    cache (0.8 ns a cell and thread with AVX2), else by memory

A row is copied to a padded buffer before it is overwritten; the fluxes through its upper faces are kept for the row
above. So every cell is read from memory once, and no second field is needed. Bands are neighbours of each other: the
old first and last row of each are saved before any band begins. The same single operations as the reference in every
cell: equal bits, whatever the bands.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import maximum, select, splat
from swarm.stages.diffuse import TINY, cost, outflow  # noqa: F401  (shared with the reference)

_BAND = 64  # rows of one task
_PAD = 16  # in front of a buffered row, and at least as much behind it
_TINY = np.float32(TINY)


def advance(cells, vx, vy, open, closed, kx, ky, ax, ay, gx, gy, keep):
    """See `diffuse.advance`."""
    worlds, rows, columns = cells.shape
    bands = (rows + _BAND - 1) // _BAND
    edges = np.empty((2, worlds * bands, columns), np.float32)
    flat = (array.reshape(-1) for array in (cells, vx, vy, open))
    _all(*flat, edges[0].reshape(-1), edges[1].reshape(-1), worlds, rows, columns, closed,
         (kx, ky, ax, ay, gx, gy, keep))  # fmt: skip


@kernel(parallel=True)
def _all(cells, vx, vy, open, first, last, worlds, rows, columns, closed, numbers):
    bands = (rows + _BAND - 1) // _BAND
    for task in range(worlds * bands):
        start = (task // bands * rows + task % bands * _BAND) * columns
        end = (task // bands * rows + min(rows, (task % bands + 1) * _BAND)) * columns
        for k in range(columns):
            first[task * columns + k] = cells[start + k]
            last[task * columns + k] = cells[end - columns + k]
    for task in prange(worlds * bands):
        _band(cells, vx, vy, open, first, last, np.int64(task), bands, rows, columns, closed, numbers)


@kernel(inline=True)
def _copy(source, start, columns, closed, out, at):
    """Put a row of `source` at out[at:], its neighbours round the torus on both sides; 0 there where closed."""
    for k in range(0, columns // 16 * 16, 16):
        simd.store(out, at + k, simd.load(source, start + k))
    for k in range(columns // 16 * 16, columns):
        out[at + k] = source[start + k]
    out[at - 1] = np.float32(0) if closed else source[start + columns - 1]
    out[at + columns] = np.float32(0) if closed else source[start]


@kernel(inline=True)
def _through(low, high, k, a):
    """The flux from cells `low` to cells `high`, of which the share `a` is carried."""
    none = splat(np.float32(0))
    return (k + maximum(a, none)) * low - (k + maximum(-a, none)) * high


@kernel
def _band(cells, vx, vy, open, first, last, task, bands, rows, columns, closed, numbers):
    kx, ky, ax, ay, gx, gy, keep = numbers
    flowing, walled = vx.size > 0, open.size > 0 or closed
    size = columns + 3 * _PAD
    old, gate, right, up = (np.zeros(2 * size, np.float32), np.ones(2 * size, np.float32), np.zeros(size, np.float32),
                            np.zeros(2 * size, np.float32))  # fmt: skip
    flux = np.zeros(size, np.float32)
    world, band = task // bands, task % bands
    low, high, base = band * _BAND, min(rows, (band + 1) * _BAND), world * rows
    skx, sky, sax, say, half = splat(kx), splat(ky), splat(ax), splat(ay), splat(np.float32(0.5))
    none, tiny = splat(np.float32(0)), splat(_TINY)
    here, there = _PAD, size + _PAD
    for row in range(low - 1, high):  # row low - 1 only for the fluxes into the band
        above = row + 1 if row + 1 < rows else 0
        if row < low:
            before = world * bands + (band + bands - 1) % bands
            _copy(last, before * columns, columns, closed, old, here)
        if row < low or row + 1 < high:
            _copy(cells, (base + above) * columns, columns, closed, old, there)
        else:
            behind = world * bands + (band + 1) % bands
            _copy(first, behind * columns, columns, closed, old, there)
        at = (base + (row if row >= 0 else rows - 1)) * columns
        if walled:
            for end, place in ((row, here), (row + 1, there)):
                if closed and (end < 0 or end >= rows):
                    gate[place - 1 : place + columns + 1] = 0
                elif open.size > 0:
                    _copy(open, (base + (end + rows) % rows) * columns, columns, closed, gate, place)
                else:
                    gate[place : place + columns] = 1
                    gate[place - 1], gate[place + columns] = np.float32(0), np.float32(0)
        if flowing:
            _copy(vx, at, columns, False, right, _PAD)
            _copy(vy, at, columns, False, up, here)
            _copy(vy, (base + above) * columns, columns, False, up, there)
        for k in range(0, columns, 16):
            c = simd.load(old, here + k)
            north_of, west_of, east_of = say, sax, sax
            if flowing:
                v = simd.load(right, _PAD + k)
                north_of = splat(gy) * (half * (simd.load(up, here + k) + simd.load(up, there + k)))
                west_of = splat(gx) * (half * (simd.load(right, _PAD + k - 1) + v))
                east_of = splat(gx) * (half * (v + simd.load(right, _PAD + k + 1)))
            north = _through(c, simd.load(old, there + k), sky, north_of)
            if walled:
                north = north * (simd.load(gate, here + k) * simd.load(gate, there + k))
            south = simd.load(flux, k)
            simd.store(flux, k, north)
            if row < low:
                continue
            west = _through(simd.load(old, here + k - 1), c, skx, west_of)
            east = _through(c, simd.load(old, here + k + 1), skx, east_of)
            if walled:
                mine = simd.load(gate, here + k)
                west = west * (simd.load(gate, here + k - 1) * mine)
                east = east * (mine * simd.load(gate, here + k + 1))
            new = (c + ((west - east) + (south - north))) * splat(keep)
            new = select(simd.absolute(new) < tiny, none, new)
            if k + 16 <= columns:
                simd.store(cells, at + k, new)
            else:
                simd.store_masked(cells, at + k, new, simd.first(columns - k))
        here, there = there, here
