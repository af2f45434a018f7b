"""First weights on the CPU: the draws of `init.py`, sixteen at a time.

    rows          [>= N][stride]  flat, as draw_cpu.py says                      written, gaps left alone
    at            [K]     rows to fill                                           read
    slots, generations [K]  keys                                                 read

Bytes per brain: row_bytes. Work per 16 parameters: a quarter of a Philox call on 16 lanes, half a logarithm and root, a
sine or a cosine; arithmetic is the roof, not memory. A task fills 16 brains; the draws of one lie in L1 between drawing
and scaling.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import rng, simd
from swarm.backend.jit import kernel
from swarm.backend.rng_cpu import halves, named
from swarm.brain.draw_cpu import NORMAL, ROWS, UNIFORM, block_table, draw_line, flat, line_length, store_nearest
from swarm.brain.init import scales

ALONE = 1 << 22  # below this many parameters one thread draws them all; the other form is not even compiled


@kernel
def _fill_rows(w, stride, blocks, sizes, at, slots, generations, tick, stream, k0, k1, kind, line, tail, start, stop):
    count = line.size - 16
    one, two = simd.splat(np.float32(1)), simd.splat(np.float32(2))
    for k in range(start, stop):
        slot, when, low, high = named(slots[k], tick, k0, k1)
        draw_line(line, kind, slot, generations[k], when, stream, 0, count, low, high)
        for b in range(blocks.shape[0]):
            begin, length, first = at[k] * stride + blocks[b, 0], blocks[b, 1], blocks[b, 2]
            scale = simd.splat(sizes[b])
            for j in range(0, length, 16):
                z = simd.load(line, first + j)
                if kind == UNIFORM:
                    z = two * z - one
                value = simd.cast(z, scale) * scale
                if length - j >= 16:
                    store_nearest(w, begin + j, value)
                else:
                    store_nearest(tail, 0, value)
                    for i in range(length - j):
                        w[begin + j + i] = tail[i]


@kernel
def _fill_alone(w, stride, blocks, sizes, at, slots, generations, tick, stream, k0, k1, kind, length):
    line, tail = np.empty(length, np.float32), np.empty(16, w.dtype)
    _fill_rows(w, stride, blocks, sizes, at, slots, generations, tick, stream, k0, k1, kind, line, tail, 0, at.size)


@kernel(parallel=True)
def _fill_all(w, stride, blocks, sizes, at, slots, generations, tick, stream, k0, k1, kind, length):
    count = at.size
    for task in prange((count + ROWS - 1) // ROWS):
        line = np.empty(length, np.float32)
        tail = np.empty(16, w.dtype)
        start = task * ROWS
        stop = min(start + ROWS, count)
        _fill_rows(
            w, stride, blocks, sizes, at, slots, generations, tick, stream, k0, k1, kind, line, tail, start, stop
        )


def fill(rows, layout, at, slots, generations, tick, seed, scheme):
    """As `init.fill`."""
    sizes = np.array(scales(layout, scheme), layout.compute)
    when, k0, k1 = halves(seed, tick)
    run = _fill_alone if len(at) * layout.count < ALONE else _fill_all
    run(
        flat(rows),
        layout.stride,
        block_table(layout),
        sizes,
        at,
        slots,
        generations,
        when,
        np.uint32(rng.stream("init")),
        k0,
        k1,
        UNIFORM if scheme == "uniform" else NORMAL,
        line_length(layout.count),
    )
