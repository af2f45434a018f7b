"""Births on the CPU: copy, mutate and round in one pass over the bytes; crossover.

    rows               [>= N][stride]  flat, as draw_cpu.py says                     parents read, children written
    parents, children  [K]    rows                                                   read
    slots, generations [K]    the children's keys                                    read
    line, chance, noise       one brain's draws, a task's own, in L1

Bytes per birth: two rows. Work per parameter: as for first weights (init_cpu.py), half a word more for the rounding
of 16-bit rows, a word more for rates below 1; exact copies only move bytes. A task takes 16 births; the steps are added
in the order of the reference, multiplied and added apart, so that equal draws give equal bits.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import rng, simd
from swarm.backend.jit import kernel
from swarm.backend.rng_cpu import halves, named
from swarm.brain.draw_cpu import (
    NORMAL,
    ROWS,
    UNIFORM,
    block_table,
    draw_line,
    flat,
    half_line,
    line_length,
    load,
    store_noisy,
    word_line,
)
from swarm.brain.vary import move, select_start  # noqa: F401  (moves are shared with the reference)


@kernel
def _inherit_rows(
    w, stride, blocks, parents, children, slots, generations, tick, mutate, rounding, k0, k1, sigma, rate,
    count, behind, line, chance, noise, tail, start, stop,
):  # fmt: skip
    size, below = simd.splat(sigma), simd.splat(rate)
    for k in range(start, stop):
        slot, when, low, high = named(slots[k], tick, k0, k1)
        draw_line(line, NORMAL, slot, generations[k], when, mutate, 0, count, low, high)
        if rate < 1:
            draw_line(chance, UNIFORM, slot, generations[k], when, mutate, behind, count, low, high)
        if noise.size > 0:
            half_line(noise, slot, generations[k], when, rounding, count, low, high)
        for b in range(blocks.shape[0]):
            source, target = parents[k] * stride + blocks[b, 0], children[k] * stride + blocks[b, 0]
            length, first = blocks[b, 1], blocks[b, 2]
            for j in range(0, length, 16):
                old = load(w, source + j)
                new = old + size * simd.cast(simd.load(line, first + j), old)
                if rate < 1:
                    new = simd.select(simd.load(chance, first + j) < below, new, old)
                if length - j >= 16:
                    store_noisy(w, target + j, new, noise, first + j)
                else:
                    store_noisy(tail, 0, new, noise, first + j)
                    for i in range(length - j):
                        w[target + j + i] = tail[i]


@kernel(parallel=True)
def _inherit(
    w, stride, blocks, parents, children, slots, generations, tick, mutate, rounding, k0, k1, sigma, rate,
    count, behind, lengths,
):  # fmt: skip
    births = children.size
    for task in prange((births + ROWS - 1) // ROWS):
        line, chance = np.empty(lengths[0], np.float32), np.empty(lengths[1], np.float32)
        noise, tail = np.empty(lengths[2], np.uint32), np.empty(16, w.dtype)
        start = task * ROWS
        _inherit_rows(
            w, stride, blocks, parents, children, slots, generations, tick, mutate, rounding, k0, k1, sigma, rate,
            count, behind, line, chance, noise, tail, start, min(start + ROWS, births),
        )  # fmt: skip


@kernel(parallel=True)
def _copy(w, stride, parents, children):
    births = children.size
    for task in prange((births + ROWS - 1) // ROWS):
        for k in range(task * ROWS, min(task * ROWS + ROWS, births)):
            source, target = parents[k] * stride, children[k] * stride
            for j in range(stride):
                w[target + j] = w[source + j]


@kernel(parallel=True)
def _cross(w, stride, blocks, first, second, children, slots, generations, tick, stream, k0, k1, units, total, length):
    births = children.size
    for task in prange((births + ROWS - 1) // ROWS):
        word = np.empty(length, np.uint32)
        for k in range(task * ROWS, min(task * ROWS + ROWS, births)):
            slot, when, low, high = named(slots[k], tick, k0, k1)
            word_line(word, slot, generations[k], when, stream, total, low, high)
            one, two, target = first[k] * stride, second[k] * stride, children[k] * stride
            for b in range(blocks.shape[0]):
                at, size, outputs = blocks[b, 0], blocks[b, 1], blocks[b, 3]
                if units:
                    for i in range(0, size, outputs):
                        for j in range(outputs):
                            other = word[blocks[b, 4] + j] >> np.uint32(31) != 0
                            p = at + i + j
                            w[target + p] = w[two + p] if other else w[one + p]
                else:
                    for j in range(size):
                        other = word[blocks[b, 2] + j] >> np.uint32(31) != 0
                        w[target + at + j] = w[two + at + j] if other else w[one + at + j]


def inherit(rows, layout, parents, children, slots, generations, tick, seed, sigma, rate):
    """As `vary.inherit`."""
    w = flat(rows)
    if sigma == 0 or rate == 0:
        _copy(w, layout.stride, parents, children)
        return
    tick, k0, k1 = halves(seed, tick)
    line = line_length(layout.count)
    rounded = w.dtype.itemsize == 2
    lengths = (line, line if rate < 1 else 0, line_length(layout.count + 64) if rounded else 0)
    _inherit(
        w,
        layout.stride,
        block_table(layout),
        parents,
        children,
        slots,
        generations,
        tick,
        np.uint32(rng.stream("mutate")),
        np.uint32(rng.stream("round")),
        k0,
        k1,
        layout.compute.type(sigma),
        np.float32(rate),
        layout.count,
        select_start(layout.count),
        lengths,
    )


def cross(rows, layout, first, second, children, slots, generations, tick, seed, units):
    """As `vary.cross`."""
    tick, k0, k1 = halves(seed, tick)
    total = sum(layer.outputs for layer in layout.layers) if units else layout.count
    _cross(
        flat(rows),
        layout.stride,
        block_table(layout),
        first,
        second,
        children,
        slots,
        generations,
        tick,
        np.uint32(rng.stream("cross")),
        k0,
        k1,
        units,
        total,
        line_length(total),
    )
