"""One layer of a block of brains, a sample each: register tiles for wide and for packed columns.

    w   [n][I][O]  row-major from the layer's first weight, `stride` elements from brain to brain; float32 | float64 |
                   bfloat16 as uint16 | float16 as int16                                     read once, in order
    b   [n][O]     biases, same dtype (`skip` elements from brain to brain, 0 where zeros stand in)         read
    x   [n][I]     inputs, `xs` apart, float32 | float64; packed tiles read up to sixteen from any of them  read
    y   [n][O]     sums, `ys` apart, same; written sixteen at a time, in ascending order                 written

Activations are not applied here: they run over the whole block at once, where no sum has to wait for them.
Order of additions, the same on every processor:
  wide1 (up to 16 columns left): four chains, chain c takes inputs c, c + 4, ...; the rest and the bias go to chain 0;
  (0 + 1) + (2 + 3). wide2 (17-48 left, takes 32) and wide4 (49 and more, takes 64): two chains, even and odd inputs.
  packed (layers of 1, 2, 4 or 8 outputs): the weights are one run of vectors, each covering 16 / O inputs; two chains,
  even and odd vectors; lanes O apart folded by halves; the bias last.
Wide loads may run past the row's end, into the next row or the pool's spare bytes: those lanes are never used.

Tried and lost: one chain per column waits for each multiply-add (1.3x at 16-16-4); loading sixteen inputs where the
packed tile needs four overlaps the last store in part and waits for the cache; a pass per sixteen columns of a wider
layer skips every other cache line and loses the prefetcher (1.7x at 16-32-4 float32).
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.core.extending import overload

from swarm.backend import simd
from swarm.backend.jit import kernel


def load(w, k):
    """Sixteen parameters from `w[k]` on, widened to the dtype that sums run in. Compiled code only."""
    raise NotImplementedError


@overload(load, inline="never")
def _load(w, k):
    if w.dtype == types.uint16:
        return lambda w, k: simd.load_bf16(w, k)
    if w.dtype == types.int16:
        return lambda w, k: simd.load_f16(w, k)
    return lambda w, k: simd.load(w, k)


@kernel(inline=True)
def _zero(x):
    return simd.cast(simd.splat(np.float32(0)), simd.splat_at(x, 0))


@kernel(inline=True)
def _ask(w, far, lines, step):
    """Ask for the cache lines of a row that is `far` elements further on."""
    for k in range(lines):
        simd.prefetch(w, far + k * step)


@kernel(inline=True)
def wide1(w, stride, b, skip, inputs, outputs, x, xs, y, ys, count, far, lines, step):
    for _ in range(count):
        _ask(w, far, lines, step)
        c0, c1 = load(b, 0), _zero(x)
        c2, c3 = c1, c1
        at = 0
        for i in range(0, inputs & -4, 4):
            c0 = simd.fma(simd.splat_at(x, i), load(w, at), c0)
            c1 = simd.fma(simd.splat_at(x, i + 1), load(w, at + outputs), c1)
            c2 = simd.fma(simd.splat_at(x, i + 2), load(w, at + 2 * outputs), c2)
            c3 = simd.fma(simd.splat_at(x, i + 3), load(w, at + 3 * outputs), c3)
            at += 4 * outputs
        for i in range(inputs & -4, inputs):
            c0 = simd.fma(simd.splat_at(x, i), load(w, at), c0)
            at += outputs
        simd.store(y, 0, (c0 + c1) + (c2 + c3))
        w, b, x, y = simd.pointer(w, stride), simd.pointer(b, skip), simd.pointer(x, xs), simd.pointer(y, ys)


@kernel(inline=True)
def wide2(w, stride, b, skip, inputs, outputs, x, xs, y, ys, count, far, lines, step):
    for _ in range(count):
        _ask(w, far, lines, step)
        a0, b0, a1 = load(b, 0), load(b, 16), _zero(x)
        b1, at = a1, 0
        for i in range(0, inputs & -2, 2):
            s0, s1 = simd.splat_at(x, i), simd.splat_at(x, i + 1)
            a0 = simd.fma(s0, load(w, at), a0)
            b0 = simd.fma(s0, load(w, at + 16), b0)
            a1 = simd.fma(s1, load(w, at + outputs), a1)
            b1 = simd.fma(s1, load(w, at + outputs + 16), b1)
            at += 2 * outputs
        if inputs & 1:
            s0 = simd.splat_at(x, inputs - 1)
            a0 = simd.fma(s0, load(w, at), a0)
            b0 = simd.fma(s0, load(w, at + 16), b0)
        simd.store(y, 0, a0 + a1)
        simd.store(y, 16, b0 + b1)
        w, b, x, y = simd.pointer(w, stride), simd.pointer(b, skip), simd.pointer(x, xs), simd.pointer(y, ys)


@kernel(inline=True)
def wide4(w, stride, b, skip, inputs, outputs, x, xs, y, ys, count, far, lines, step):
    for _ in range(count):
        _ask(w, far, lines, step)
        a0, b0, c0, d0 = load(b, 0), load(b, 16), load(b, 32), load(b, 48)
        a1 = _zero(x)
        b1, c1, d1, at = a1, a1, a1, 0
        for i in range(0, inputs & -2, 2):
            s0, s1 = simd.splat_at(x, i), simd.splat_at(x, i + 1)
            a0 = simd.fma(s0, load(w, at), a0)
            b0 = simd.fma(s0, load(w, at + 16), b0)
            c0 = simd.fma(s0, load(w, at + 32), c0)
            d0 = simd.fma(s0, load(w, at + 48), d0)
            a1 = simd.fma(s1, load(w, at + outputs), a1)
            b1 = simd.fma(s1, load(w, at + outputs + 16), b1)
            c1 = simd.fma(s1, load(w, at + outputs + 32), c1)
            d1 = simd.fma(s1, load(w, at + outputs + 48), d1)
            at += 2 * outputs
        if inputs & 1:
            s0 = simd.splat_at(x, inputs - 1)
            a0 = simd.fma(s0, load(w, at), a0)
            b0 = simd.fma(s0, load(w, at + 16), b0)
            c0 = simd.fma(s0, load(w, at + 32), c0)
            d0 = simd.fma(s0, load(w, at + 48), d0)
        simd.store(y, 0, a0 + a1)
        simd.store(y, 16, b0 + b1)
        simd.store(y, 32, c0 + c1)
        simd.store(y, 48, d0 + d1)
        w, b, x, y = simd.pointer(w, stride), simd.pointer(b, skip), simd.pointer(x, xs), simd.pointer(y, ys)


def _packed(outputs: int):
    width = 16 // outputs

    @kernel(inline=True)
    def packed(w, stride, b, skip, inputs, x, xs, y, ys, count, far, lines, step):
        size = inputs * outputs
        full = size & -32
        for _ in range(count):
            _ask(w, far, lines, step)
            even = _zero(x)
            odd = even
            for k in range(0, full, 32):
                i = k // outputs
                even = simd.fma(simd.load_repeated(x, i, outputs), load(w, k), even)
                odd = simd.fma(simd.load_repeated(x, i + width, outputs), load(w, k + 16), odd)
            i = full // outputs
            if full < size:
                more = simd.fma(simd.load_repeated(x, i, outputs), load(w, full), even)
                even = simd.select(simd.first(size - full), more, even)
            if full + 16 < size:
                more = simd.fma(simd.load_repeated(x, i + width, outputs), load(w, full + 16), odd)
                odd = simd.select(simd.first(size - full - 16), more, odd)
            simd.store(y, 0, simd.fold(even + odd, 16, outputs) + load(b, 0))
            w, b, x, y = simd.pointer(w, stride), simd.pointer(b, skip), simd.pointer(x, xs), simd.pointer(y, ys)

    return packed


packed1, packed2, packed4, packed8 = _packed(1), _packed(2), _packed(4), _packed(8)


@kernel(inline=True)
def is_packed(outputs):
    """Whether a layer of this many outputs is read as one run."""
    return outputs == 1 or outputs == 2 or outputs == 4 or outputs == 8


@kernel(inline=True)
def layer(row, stride, none, inputs, outputs, weight, bias, x, xs, y, ys, count, far, lines, step):
    """y = x W + b for `count` brains from `row` on; `none` holds zeros where there is no bias."""
    w = simd.pointer(row, weight)
    b = none if bias < 0 else simd.pointer(row, bias)
    skip = 0 if bias < 0 else stride
    if outputs == 4:
        packed4(w, stride, b, skip, inputs, x, xs, y, ys, count, far, lines, step)
    elif outputs == 2:
        packed2(w, stride, b, skip, inputs, x, xs, y, ys, count, far, lines, step)
    elif outputs == 1:
        packed1(w, stride, b, skip, inputs, x, xs, y, ys, count, far, lines, step)
    elif outputs == 8:
        packed8(w, stride, b, skip, inputs, x, xs, y, ys, count, far, lines, step)
    else:
        j, walk = 0, 0 if bias < 0 else 1
        while j < outputs:
            wj, bj, yj = simd.pointer(w, j), simd.pointer(b, j * walk), simd.pointer(y, j)
            if j + 48 < outputs:
                wide4(wj, stride, bj, skip, inputs, outputs, x, xs, yj, ys, count, far, lines, step)
                j += 64
            elif j + 16 < outputs:
                wide2(wj, stride, bj, skip, inputs, outputs, x, xs, yj, ys, count, far, lines, step)
                j += 32
            else:
                wide1(wj, stride, bj, skip, inputs, outputs, x, xs, yj, ys, count, far, lines, step)
                j += 16
            lines = 0
