"""Philox4x32-10 inside kernels: sixteen draws at once, or one; the same integers as `rng.py`.

Kernels take tick and the key's halves as numbers, or for several worlds as arrays [W]; `named` turns either into an
entity's own, chosen when the kernel is compiled, so that one world pays nothing.
"""

from __future__ import annotations

import numpy as np
from numba import prange, types
from numba.core.extending import overload

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.rng import DRAW_BITS, MULTIPLIER, WEYL, key
from swarm.backend.simd import F32x16, U32x16  # noqa: F401  (types named in signatures below)
from swarm.backend.vmath import cos, log, sin

_M0, _M1 = np.uint32(MULTIPLIER[0]), np.uint32(MULTIPLIER[1])
_W0, _W1 = np.uint32(WEYL[0]), np.uint32(WEYL[1])
_ROWS = 256  # entities a task handles
_ALONE = 1 << 17  # below this many values one thread draws them all
UNIFORM, NORMAL, WORDS = range(3)  # what is written


def named(slot, tick, k0, k1):
    """As `rng.named` for one entity: its slot, tick and the key's halves in its own world, uint32."""
    raise NotImplementedError("compiled code only")


@overload(named, inline="never")
def _named(slot, tick, k0, k1):
    if isinstance(tick, types.Array):
        return _of_several
    return lambda slot, tick, k0, k1: (slot, tick, k0, k1)


def _of_several(slot, tick, k0, k1):
    # half a slot more keeps the quotient further from whole numbers than its rounding: exact for every uint32
    local = np.uint32((np.float64(slot) + 0.5) * (1.0 / len(tick)))
    world = np.int64(slot) - np.int64(local) * len(tick)
    return local, tick[world], k0[world], k1[world]


def _note(mine, j, slot, tick, k0, k1):
    raise NotImplementedError("compiled code only")


@overload(_note, inline="never")
def _note_it(mine, j, slot, tick, k0, k1):
    """Entity j of sixteen in the buffer mine [80]: slot, generation, tick, k0, k1, as far as they differ."""
    if isinstance(tick, types.Array):

        def several(mine, j, slot, tick, k0, k1):
            mine[j], mine[32 + j], mine[48 + j], mine[64 + j] = named(slot, tick, k0, k1)

        return several

    def one(mine, j, slot, tick, k0, k1):
        mine[j] = slot

    return one


def _sixteen(value, mine, at):
    raise NotImplementedError("compiled code only")


@overload(_sixteen, inline="never")
def _sixteen_of(value, mine, at):
    """What sixteen entities have: one number, or U32x16 of what `_note` has put down."""
    if isinstance(value, types.Array):
        return lambda value, mine, at: simd.load(mine, at)
    return lambda value, mine, at: value


def _plus(value, step):
    raise NotImplementedError("compiled code only")


@overload(_plus, inline="never")
def _plus_of(value, step):
    """U32x16 of a number, or of U32x16, plus a number."""
    if isinstance(value, types.Integer):
        return lambda value, step: simd.splat(np.uint32(value + step))
    return lambda value, step: value + simd.splat(np.uint32(step))


@kernel(inline=True)
def philox16(slot, generation, tick, c3, k0, k1):
    """Four U32x16 of sixteen draws: `c3` is a U32x16 of stream << 20 | draw, the rest uint32 scalars."""
    return _rounds(simd.splat(slot), simd.splat(generation), simd.splat(tick), c3, k0, k1)


@kernel(inline=True)
def _across(slot, generation, tick, c3, k0, k1):
    """The first two words of one draw of sixteen entities: slot, generation U32x16, tick, k0, k1 too or numbers."""
    a, b, _, _ = _rounds(slot, generation, _plus(tick, np.uint32(0)), simd.splat(c3), k0, k1)
    return a, b


@kernel(inline=True)
def _rounds(a, b, c, d, k0, k1):
    for i in range(10):
        high0, low0 = simd.mulhi(a, simd.splat(_M0)), a * simd.splat(_M0)
        high1, low1 = simd.mulhi(c, simd.splat(_M1)), c * simd.splat(_M1)
        r0, r1 = _plus(k0, np.uint32(i) * _W0), _plus(k1, np.uint32(i) * _W1)
        a, b, c, d = high1 ^ b ^ r0, low1, high0 ^ d ^ r1, low0
    return a, b, c, d


@kernel(inline=True)
def philox(slot, generation, tick, c3, k0, k1):
    """Four uint32 of one draw, all arguments uint32."""
    a, b, c, d = np.uint32(slot), np.uint32(generation), np.uint32(tick), np.uint32(c3)
    for i in range(10):
        left = np.uint64(a) * np.uint64(_M0)
        right = np.uint64(c) * np.uint64(_M1)
        r0 = np.uint32(k0 + np.uint32(i) * _W0)
        r1 = np.uint32(k1 + np.uint32(i) * _W1)
        a = np.uint32(right >> np.uint64(32)) ^ b ^ r0
        c = np.uint32(left >> np.uint64(32)) ^ d ^ r1
        b, d = np.uint32(right & np.uint64(0xFFFFFFFF)), np.uint32(left & np.uint64(0xFFFFFFFF))
    return a, b, c, d


@kernel(inline=True)
def draws16(stream, chunk):
    """U32x16 of stream << 20 | draw for values 64 * chunk .. 64 * chunk + 63."""
    base = np.uint32(np.uint32(stream) << np.uint32(DRAW_BITS)) + np.uint32(chunk) * np.uint32(16)
    return simd.splat(np.uint32(base)) + simd.bits(simd.iota(), simd.splat(np.uint32(0)))


@kernel(inline=True)
def uniform16(word):
    """F32x16 in [0, 1) from U32x16."""
    top = simd.cast(word >> simd.splat(np.uint32(8)), simd.splat(np.float32(0)))
    return top * simd.splat(np.float32(2.0**-24))


@kernel(inline=True)
def uniform1(word):
    """float32 in [0, 1) from uint32."""
    return np.float32(np.uint32(word) >> np.uint32(8)) * np.float32(2.0**-24)


@kernel(inline=True)
def normal16(u, v):
    """Two F32x16 of standard normals from two U32x16 (Box and Muller)."""
    one = simd.splat(np.uint32(1))
    top = simd.cast((u >> simd.splat(np.uint32(8))) + one, simd.splat(np.float32(0)))
    r = simd.sqrt(simd.splat(np.float32(-2)) * log(top * simd.splat(np.float32(2.0**-24))))
    angle = simd.splat(np.float32(2 * np.pi)) * uniform16(v)
    return r * cos(angle), r * sin(angle)


@kernel(inline=True)
def normal64(slot, generation, tick, stream, chunk, k0, k1):
    """Four F32x16: normal values 64 * chunk .. 64 * chunk + 63 of an entity, in order."""
    a, b, c, d = philox16(slot, generation, tick, draws16(stream, chunk), k0, k1)
    z0, z1 = normal16(a, b)
    z2, z3 = normal16(c, d)
    return z0, z1, z2, z3


@kernel(inline=True)
def word_at(slot, generation, tick, stream, p, k0, k1):
    """Value p as uint32, by itself."""
    draw = np.uint32((p // 64) * 16 + p % 16)
    a, b, c, d = philox(slot, generation, tick, (np.uint32(stream) << np.uint32(DRAW_BITS)) | draw, k0, k1)
    w = (p // 16) % 4
    return a if w == 0 else b if w == 1 else c if w == 2 else d


@kernel(parallel=True)
def _fill_all(slots, generations, tick, stream, k0, k1, kind, count, out):
    for task in prange((slots.size + _ROWS - 1) // _ROWS):
        _fill(slots, generations, tick, stream, k0, k1, kind, count, out, task)


@kernel
def _fill(slots, generations, tick, stream, k0, k1, kind, count, out, task):
    if count <= 16:
        _fill_across(slots, generations, tick, stream, k0, k1, kind, count, out, task * _ROWS)
    else:
        _fill_rows(slots, generations, tick, stream, k0, k1, kind, count, out, task * _ROWS)


@kernel
def _fill_alone(slots, generations, tick, stream, k0, k1, kind, count, out):
    for task in range((slots.size + _ROWS - 1) // _ROWS):
        _fill(slots, generations, tick, stream, k0, k1, kind, count, out, task)


@kernel
def _fill_across(slots, generations, tick, stream, k0, k1, kind, count, out, start):
    """Sixteen entities at once, for few values each: value p < 16 is the first word of draw p."""
    line = np.empty(16, np.float32)
    last = min(start + _ROWS, slots.size)
    mine = np.zeros(80, np.uint32)
    for row in range(start, last, 16):
        live = min(16, last - row)
        for j in range(live):
            _note(mine, j, slots[row + j], tick, k0, k1)
            mine[16 + j] = generations[row + j]
        when, low, high = _sixteen(tick, mine, 32), _sixteen(k0, mine, 48), _sixteen(k1, mine, 64)
        for p in range(count):
            c3 = np.uint32(np.uint32(stream << np.uint32(DRAW_BITS)) + np.uint32(p))
            a, b = _across(simd.load(mine, 0), simd.load(mine, 16), when, c3, low, high)
            if kind == UNIFORM:
                simd.store(line, 0, uniform16(a))
            elif kind == NORMAL:
                simd.store(line, 0, normal16(a, b)[0])
            else:
                simd.store(line, 0, simd.bits(a, simd.splat(np.float32(0))))
            for j in range(live):
                out[row + j, p] = line[j]


@kernel
def _fill_rows(slots, generations, tick, stream, k0, k1, kind, count, out, start):
    line = np.empty(64, np.float32)
    for row in range(start, min(start + _ROWS, slots.size)):
        slot, when, low, high = named(slots[row], tick, k0, k1)
        for chunk in range((count + 63) // 64):
            a, b, c, d = philox16(slot, generations[row], when, draws16(stream, chunk), low, high)
            if kind == UNIFORM:
                z0, z1, z2, z3 = uniform16(a), uniform16(b), uniform16(c), uniform16(d)
            elif kind == NORMAL:
                z0, z1 = normal16(a, b)
                z2, z3 = normal16(c, d)
            else:
                like = simd.splat(np.float32(0))
                z0, z1, z2, z3 = simd.bits(a, like), simd.bits(b, like), simd.bits(c, like), simd.bits(d, like)
            simd.store(line, 0, z0)
            simd.store(line, 16, z1)
            simd.store(line, 32, z2)
            simd.store(line, 48, z3)
            for j in range(min(64, count - chunk * 64)):
                out[row, chunk * 64 + j] = line[j]


def _filled(kind, seed, slots, generations, tick, stream, count):
    slots = np.ascontiguousarray(slots, np.uint32).reshape(-1)
    generations = np.ascontiguousarray(np.broadcast_to(np.asarray(generations, np.uint32), slots.shape))
    when, k0, k1 = halves(seed, tick)
    out = np.empty((slots.size, count), np.float32)
    fill = _fill_alone if out.size < _ALONE else _fill_all
    fill(slots, generations, when, np.uint32(stream), k0, k1, kind, count, out)
    return out


def halves(seed, tick):
    """Tick and the seed's two halves as kernels take them: uint32, or arrays [W] of them."""
    if not np.ndim(seed):
        return np.uint32(tick & 0xFFFFFFFF), *(np.uint32(k) for k in key(seed))
    seed, tick = np.asarray(seed, np.uint64), np.asarray(tick) & 0xFFFFFFFF
    low, high = seed & np.uint64(0xFFFFFFFF), seed >> np.uint64(32)
    return tick.astype(np.uint32), low.astype(np.uint32), high.astype(np.uint32)


def words(seed, slots, generations, tick, stream, count):
    """As `rng.words`: the same integers."""
    return _filled(WORDS, seed, slots, generations, tick, stream, count).view(np.uint32)


def uniform(seed, slots, generations, tick, stream, count):
    """As `rng.uniform`: equal bits."""
    return _filled(UNIFORM, seed, slots, generations, tick, stream, count)


def normal(seed, slots, generations, tick, stream, count):
    """As `rng.normal`, in float32 arithmetic: within 1e-6 of it."""
    return _filled(NORMAL, seed, slots, generations, tick, stream, count)
