"""One layer of one brain for one sample: register tiles for wide and for packed columns.

    w   [I][O]  row-major from the layer's first weight, float32 | float64 | bfloat16 as uint16    read once, in order
    b   [O]     its biases (zeros where it has none), same dtype                                    read
    x   [I]     inputs, float32 | float64; the packed tiles read up to sixteen, zero padded         read
    y   [O]     outputs, same; written sixteen at a time                                            written

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
from swarm.backend.activate_cpu import IDENTITY, RELU, TANH, activate
from swarm.backend.jit import kernel
from swarm.backend.vmath import tanh


def load(w, k):
    """Sixteen parameters from `w[k]` on, widened to the dtype that sums run in. Compiled code only."""
    raise NotImplementedError


@overload(load, inline="never")
def _load(w, k):
    if w.dtype == types.uint16:
        return lambda w, k: simd.load_bf16(w, k)
    return lambda w, k: simd.load(w, k)


@kernel(inline=True)
def _quick(code, v):
    """The two commonest activations without leaving the registers."""
    if code == TANH:
        return tanh(v)
    if code == RELU:
        return simd.maximum(v - v, v)
    return v


@kernel(inline=True)
def _zero(x):
    return simd.cast(simd.splat(np.float32(0)), simd.splat_at(x, 0))


@kernel(inline=True)
def wide1(w, b, inputs, outputs, x, y, code):
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
    simd.store(y, 0, _quick(code, (c0 + c1) + (c2 + c3)))


@kernel(inline=True)
def wide2(w, b, inputs, outputs, x, y, code):
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
    simd.store(y, 0, _quick(code, a0 + a1))
    simd.store(y, 16, _quick(code, b0 + b1))


@kernel(inline=True)
def wide4(w, b, inputs, outputs, x, y, code):
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
    simd.store(y, 0, _quick(code, a0 + a1))
    simd.store(y, 16, _quick(code, b0 + b1))
    simd.store(y, 32, _quick(code, c0 + c1))
    simd.store(y, 48, _quick(code, d0 + d1))


def _packed(outputs: int):
    step = 16 // outputs

    @kernel(inline=True)
    def packed(w, b, inputs, x, y, code):
        even = _zero(x)
        odd = even
        size = inputs * outputs
        full = size & -32
        for k in range(0, full, 32):
            i = k // outputs
            even = simd.fma(simd.load_repeated(x, i, outputs), load(w, k), even)
            odd = simd.fma(simd.load_repeated(x, i + step, outputs), load(w, k + 16), odd)
        i = full // outputs
        if full < size:
            more = simd.fma(simd.load_repeated(x, i, outputs), load(w, full), even)
            even = simd.select(simd.first(size - full), more, even)
        if full + 16 < size:
            more = simd.fma(simd.load_repeated(x, i + step, outputs), load(w, full + 16), odd)
            odd = simd.select(simd.first(size - full - 16), more, odd)
        simd.store(y, 0, _quick(code, simd.fold(even + odd, 16, outputs) + load(b, 0)))

    return packed


packed1, packed2, packed4, packed8 = _packed(1), _packed(2), _packed(4), _packed(8)


@kernel(inline=True)
def is_packed(outputs):
    """Whether a layer of this many outputs is read as one run."""
    return outputs == 1 or outputs == 2 or outputs == 4 or outputs == 8


@kernel(inline=True)
def layer(row, none, inputs, outputs, weight, bias, code, x, y):
    """y = f(x W + b) for the layer at `weight` and `bias` of the row; `none` stands in for a missing bias."""
    w = simd.pointer(row, weight)
    b = none if bias < 0 else simd.pointer(row, bias)
    if outputs == 4:
        packed4(w, b, inputs, x, y, code)
    elif outputs == 2:
        packed2(w, b, inputs, x, y, code)
    elif outputs == 1:
        packed1(w, b, inputs, x, y, code)
    elif outputs == 8:
        packed8(w, b, inputs, x, y, code)
    else:
        j, step = 0, 0 if bias < 0 else 1  # the zeros that stand in for a bias are not walked along
        while j + 48 < outputs:
            wide4(simd.pointer(w, j), simd.pointer(b, j * step), inputs, outputs, x, simd.pointer(y, j), code)
            j += 64
        if j + 16 < outputs:
            wide2(simd.pointer(w, j), simd.pointer(b, j * step), inputs, outputs, x, simd.pointer(y, j), code)
            j += 32
        if j < outputs:
            wide1(simd.pointer(w, j), simd.pointer(b, j * step), inputs, outputs, x, simd.pointer(y, j), code)
    if code != TANH and code != RELU and code != IDENTITY:
        activate(code, y, 0, outputs)
