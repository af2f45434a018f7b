"""How a gradient moves a run of parameters of one network, sixteen at a time: the rules of `optimizers`, fused.

    w        s[w ...]              parameters                                     read, write
    g        s[g ...]              their gradient                                 read
    moments  s[w + n ...], s[w + 2 n ...]   n: elements of all weights            read, write
    mask     behind the moments    1 where a parameter trains                     read, where there is one
    c        s[c ...]              what the rule needs in this step (`settle`)    read

Bytes per parameter and step: 12 + 8 per moment, in the core's own caches; flops: about 3 (SGD) to 14 (Adam), of them a
root and a division. A run is a few rows of weights whose gradient has just been summed. Every lane is one parameter, so
nothing depends on the order but the norm that clips: squares are added over a row of weights in lanes, the lanes in the
engine's order, rows and layers ascending in float64. Definitions: `optimizers`.

A momentum below 2^-100 is taken as 0: that of an input that is hardly ever on would otherwise decay into denormal
numbers and stay there, and each multiply-add of those costs a hundred others. No step is changed by it that float32
could add to a parameter above 2^-76.
"""

from __future__ import annotations

import math

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.train.workspace import BIAS, OUTPUTS, W_COLUMNS, W_ROWS, W_STRIDE, C, W

PLAIN, MOMENTUM, RMSPROP, ADAM, ADAMW, GRADIENT = range(6)
RATE, DECAY, CLIP, FIRST, SECOND, EPSILON, NESTEROV = range(7)  # columns of the table of hyper-parameters, float64

_FACTOR, _RATE, _L2, _A, _B, _E, _F, _G, _H = range(9)  # of the constants of a step

_ZERO, _ONE = np.float32(0), np.float32(1)
_TINY = np.float32(1e-6)
_ASLEEP = np.float32(2.0**-100)


@kernel(allocates=False)
def _power(base, exponent):
    """base ** exponent by squaring: the same bits wherever it is compiled."""
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


@kernel(allocates=False)
def settle(s, c, rule, table, factor, step):
    """The constants of one step. table: the network's hyper-parameters; factor: of the rate; steps count from 1."""
    rate, decay = table[RATE] * factor, np.float32(table[DECAY])
    first, second = table[FIRST], table[SECOND]
    s[c + _FACTOR], s[c + _RATE], s[c + _L2] = _ONE, np.float32(rate), decay
    if rule == MOMENTUM:
        s[c + _A], s[c + _B] = np.float32(first), np.float32(table[NESTEROV])
    elif rule == RMSPROP:
        s[c + _A], s[c + _B], s[c + _F] = np.float32(first), np.float32(second), np.float32(1 - second)
        s[c + _E] = np.float32(table[EPSILON])
    elif rule == ADAM or rule == ADAMW:
        s[c + _G] = _ONE
        if rule == ADAMW:
            s[c + _G], s[c + _L2] = np.float32(1 - rate * table[DECAY]), _ZERO
        s[c + _RATE] = np.float32(rate / (1 - _power(first, step)))
        s[c + _H] = np.float32(math.sqrt(1 / (1 - _power(second, step))))
        s[c + _A], s[c + _B], s[c + _F] = np.float32(1 - first), np.float32(1 - second), np.float32(second)
        s[c + _E] = np.float32(table[EPSILON])


@kernel(inline=True)
def _square(s, g, at, left, masked):
    """Squares of the sixteen gradients at s[g ...]; nothing of pads and of parameters that do not train."""
    real = simd.first(left)
    if masked:
        real = real & (simd.load(s, at) > simd.splat(_ZERO))
    d = simd.select(real, simd.load(s, g), simd.splat(_ZERO))
    return d * d


@kernel(allocates=False)
def clip(s, c, plan, g, limit, masked, at):
    """Set what the gradient, laid out as the weights from g on, is multiplied by: less than 1 where its norm is above
    `limit`."""
    norm = 0.0
    for k in range(plan.shape[0]):
        stride, columns = plan[k, W_STRIDE], plan[k, W_COLUMNS]
        for i in range(plan[k, W_ROWS]):
            sums, row = simd.splat(_ZERO), plan[k, W] + i * stride
            for j in range(0, columns, 16):
                sums = sums + _square(s, g + row + j, at + row + j, columns - j, masked)
            norm += simd.total(sums)
        if plan[k, BIAS] >= 0:
            sums = simd.splat(_ZERO)
            for j in range(0, plan[k, OUTPUTS], 16):
                sums = sums + _square(s, g + plan[k, C] + j, at + plan[k, C] + j, plan[k, OUTPUTS] - j, masked)
            norm += simd.total(sums)
    factor = np.float32(limit) / (np.float32(math.sqrt(norm)) + _TINY)
    s[c + _FACTOR] = _ONE if factor > _ONE else factor


@kernel(inline=True)
def _keep(s, j, new, old, masked, at):
    """Write the new parameters where they train."""
    if masked:
        new = simd.select(simd.load(s, at) > simd.splat(_ZERO), new, old)
    simd.store(s, j, new)


@kernel(inline=True)
def _held(s, at):
    """Sixteen momenta, 0 where they are below 2^-100."""
    v = simd.load(s, at)
    return simd.select(simd.absolute(v) < simd.splat(_ASLEEP), simd.splat(_ZERO), v)


@kernel(allocates=False)
def _momentum(s, w, g, count, n, slots, masked, at, c):
    factor, rate, decay = simd.splat(s[c + _FACTOR]), simd.splat(-s[c + _RATE]), simd.splat(s[c + _L2])
    momentum, nesterov = simd.splat(s[c + _A]), s[c + _B] != _ZERO
    for j in range(w, w + count, 16):
        old = simd.load(s, j)
        d = simd.fma(decay, old, simd.load(s, g + j - w) * factor)
        if slots > 0:
            v = simd.fma(momentum, _held(s, n + j), d)
            simd.store(s, n + j, v)
            d = simd.fma(momentum, v, d) if nesterov else v
        _keep(s, j, simd.fma(rate, d, old), old, masked, at + j)


@kernel(allocates=False)
def _rmsprop(s, w, g, count, n, slots, masked, at, c):
    factor, rate, decay = simd.splat(s[c + _FACTOR]), simd.splat(-s[c + _RATE]), simd.splat(s[c + _L2])
    momentum, keep, share, epsilon = (
        simd.splat(s[c + _A]), simd.splat(s[c + _B]), simd.splat(s[c + _F]), simd.splat(s[c + _E]),
    )  # fmt: skip
    for j in range(w, w + count, 16):
        old = simd.load(s, j)
        d = simd.fma(decay, old, simd.load(s, g + j - w) * factor)
        square = simd.fma(share * d, d, keep * simd.load(s, n + j))
        simd.store(s, n + j, square)
        way = d / (simd.sqrt(square) + epsilon)
        if slots > 1:
            way = simd.fma(momentum, _held(s, 2 * n + j), way)
            simd.store(s, 2 * n + j, way)
        _keep(s, j, simd.fma(rate, way, old), old, masked, at + j)


@kernel(allocates=False)
def _adam(s, w, g, count, n, masked, at, c):
    factor, rate, decay = simd.splat(s[c + _FACTOR]), simd.splat(-s[c + _RATE]), simd.splat(s[c + _L2])
    share1, share2, keep2 = simd.splat(s[c + _A]), simd.splat(s[c + _B]), simd.splat(s[c + _F])
    epsilon, shrink, root = simd.splat(s[c + _E]), simd.splat(s[c + _G]), simd.splat(s[c + _H])
    for j in range(w, w + count, 16):
        old = simd.load(s, j)
        d = simd.fma(decay, old, simd.load(s, g + j - w) * factor)
        m, v = _held(s, n + j), simd.load(s, 2 * n + j)
        m = simd.fma(share1, d - m, m)
        v = simd.fma(share2 * d, d, keep2 * v)
        simd.store(s, n + j, m)
        simd.store(s, 2 * n + j, v)
        way = m / simd.fma(simd.sqrt(v), root, epsilon)
        _keep(s, j, simd.fma(rate, way, old * shrink), old, masked, at + j)


@kernel(allocates=False)
def move(s, w, g, count, n, slots, masked, rule, c):
    """One step of the parameters s[w : w + count] by the gradient s[g : g + count]; n elements from span to span."""
    at = (1 + slots) * n
    if rule == MOMENTUM:
        _momentum(s, w, g, count, n, slots, masked, at, c)
    elif rule == RMSPROP:
        _rmsprop(s, w, g, count, n, slots, masked, at, c)
    else:
        _adam(s, w, g, count, n, masked, at, c)
