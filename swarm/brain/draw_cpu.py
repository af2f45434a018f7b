"""What the kernels that write rows share: reading and rounding elements of any dtype, and a brain's draws in a line.

Rows are one flat array: float32, float64, bfloat16 as uint16 or float16 as int16. A line holds one brain's draws in the
order of its parameters, stays in L1, and has spare room for a vector read from its last value on.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import types
from numba.core.extending import overload

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.rng_cpu import draws16, normal16, philox16, uniform16
from swarm.brain.mlp import Layout

ROWS = 16  # brains of one task
NORMAL, UNIFORM = 0, 1


def line_length(count: int) -> int:
    """Elements of a line for `count` values: whole chunks of 64, and a vector behind."""
    return -(-count // 64) * 64 + 16


def flat(rows: np.ndarray) -> np.ndarray:
    """Rows as the one-dimensional array kernels take."""
    w = rows.reshape(-1)
    if w.dtype.itemsize == 2:
        w = w.view(np.int16 if w.dtype == np.float16 else np.uint16)
    return w


@cache
def block_table(layout: Layout) -> np.ndarray:
    """int64 [blocks, 5]: start, length, first parameter, outputs of the layer, first unit of the layer."""
    table = []
    for block in layout.blocks:
        unit = sum(layer.outputs for layer in layout.layers[: block.layer])
        table.append((block.start, block.length, block.first, layout.layers[block.layer].outputs, unit))
    return np.array(table, np.int64)


def load(w, k):
    """Sixteen elements as F32x16, or F64x16 from float64."""
    raise NotImplementedError("compiled code only")


@overload(load, inline="never")
def _load(w, k):
    if w.dtype == types.uint16:
        return lambda w, k: simd.load_bf16(w, k)
    if w.dtype == types.int16:
        return lambda w, k: simd.load_f16(w, k)
    return lambda w, k: simd.load(w, k)


def store_nearest(w, k, v):
    """Write sixteen elements; bfloat16 and float16 rounded to nearest, ties to even."""
    raise NotImplementedError("compiled code only")


@overload(store_nearest, inline="never")
def _store_nearest(w, k, v):
    if w.dtype == types.uint16:
        return lambda w, k, v: simd.store_u16(w, k, _nearest(v))
    if w.dtype == types.int16:
        return lambda w, k, v: simd.store_u16(w, k, _nearest_half(v))
    return lambda w, k, v: simd.store(w, k, v)


@kernel(inline=True)
def _nearest(v):
    raw = simd.bits(v, simd.splat(np.uint32(0)))
    half = simd.splat(np.uint32(16))
    odd = (raw >> half) & simd.splat(np.uint32(1))
    return (raw + simd.splat(np.uint32(0x7FFF)) + odd) >> half


@kernel(inline=True)
def _all(value):
    return simd.splat(np.uint32(value))


@kernel(inline=True)
def _half_bits(raw, bits):
    """float16 from the bits of its size, with the sign and the specials of the float32 in `raw`."""
    rest = raw & _all(0x7FFFFFFF)
    special = simd.select(rest > _all(0x7F800000), _all(0x7E00), _all(0x7C00))
    bits = simd.select(rest >= _all(0x7F800000), special, simd.minimum(_all(0x7C00), bits))
    return bits | ((raw >> _all(16)) & _all(0x8000))


@kernel(inline=True)
def _nearest_half(v):
    raw = simd.bits(v, _all(0))
    rest = raw & _all(0x7FFFFFFF)
    size = simd.bits(rest, v)
    normal = (rest + _all(0xFFF) + ((rest >> _all(13)) & _all(1)) - _all(112 << 23)) >> _all(13)
    small = rest < _all(113 << 23)  # whole numbers of 2^-24
    places = simd.rint(simd.select(small, size, simd.splat(np.float32(0))) * simd.splat(np.float32(16777216)))
    return _half_bits(raw, simd.select(small, simd.cast(places, raw), normal))


@kernel(inline=True)
def _noisy_half(v, noise):
    """Thirteen of the sixteen bits of noise are added behind the last place that is kept. Below 2^-14, where places no
    longer move with the exponent, 2^-14 is added first, so that all sizes are cut in the same way."""
    raw = simd.bits(v, _all(0))
    size, least = simd.bits(raw & _all(0x7FFFFFFF), v), simd.splat(np.float32(2.0**-14))
    small = size < least
    moved = simd.bits(simd.select(small, size + least, size), raw) + (noise >> _all(3))
    return _half_bits(raw, (moved >> _all(13)) - simd.select(small, _all(113 << 10), _all(112 << 10)))


def store_noisy(w, k, v, noise, n):
    """Write sixteen elements; bfloat16 and float16 rounded up or down by the sixteen bits of noise[n ...]."""
    raise NotImplementedError("compiled code only")


@overload(store_noisy, inline="never")
def _store_noisy(w, k, v, noise, n):
    if w.dtype == types.uint16:
        return lambda w, k, v, noise, n: simd.store_u16(w, k, _noisy(v, simd.load(noise, n)))
    if w.dtype == types.int16:
        return lambda w, k, v, noise, n: simd.store_u16(w, k, _noisy_half(v, simd.load(noise, n)))
    return lambda w, k, v, noise, n: simd.store(w, k, v)


@kernel(inline=True)
def _noisy(v, noise):
    raw = simd.bits(v, simd.splat(np.uint32(0)))
    top = simd.splat(np.uint32(0x7F800000))
    noise = simd.select((raw & top) == top, simd.splat(np.uint32(0)), noise)  # infinities and NaN stay
    return (raw + noise) >> simd.splat(np.uint32(16))


@kernel(inline=True)
def draw_line(line, kind, slot, generation, tick, stream, first, count, k0, k1):
    """line[0 .. count) = values first, first + 1, ... of an entity; `first` is a multiple of 64."""
    for chunk in range((count + 63) // 64):
        a, b, c, d = philox16(slot, generation, tick, draws16(stream, chunk + first // 64), k0, k1)
        if kind == NORMAL:
            z0, z1 = normal16(a, b)
            z2, z3 = normal16(c, d)
        else:
            z0, z1, z2, z3 = uniform16(a), uniform16(b), uniform16(c), uniform16(d)
        simd.store(line, 64 * chunk, z0)
        simd.store(line, 64 * chunk + 16, z1)
        simd.store(line, 64 * chunk + 32, z2)
        simd.store(line, 64 * chunk + 48, z3)


@kernel(inline=True)
def word_line(line, slot, generation, tick, stream, count, k0, k1):
    """The same as plain words, from value 0 on."""
    for chunk in range((count + 63) // 64):
        a, b, c, d = philox16(slot, generation, tick, draws16(stream, chunk), k0, k1)
        simd.store(line, 64 * chunk, a)
        simd.store(line, 64 * chunk + 16, b)
        simd.store(line, 64 * chunk + 32, c)
        simd.store(line, 64 * chunk + 48, d)


@kernel(inline=True)
def half_line(line, slot, generation, tick, stream, count, k0, k1):
    """Half-words: the low halves of sixteen words, then their high halves. Fills up to 128 values at a time."""
    low, half = simd.splat(np.uint32(0xFFFF)), simd.splat(np.uint32(16))
    for chunk in range((count + 127) // 128):
        a, b, c, d = philox16(slot, generation, tick, draws16(stream, chunk), k0, k1)
        at = 128 * chunk
        simd.store(line, at, a & low)
        simd.store(line, at + 16, a >> half)
        simd.store(line, at + 32, b & low)
        simd.store(line, at + 48, b >> half)
        simd.store(line, at + 64, c & low)
        simd.store(line, at + 80, c >> half)
        simd.store(line, at + 96, d & low)
        simd.store(line, at + 112, d >> half)
