"""The optimizers' arithmetic on one network in its workspace: clip, decay, moments, step, in one pass.

    w   s[j]                parameters, padded as `workspace` lays them out     read, write
    g   s[n + j]            their gradient, n elements behind; left zero         read, write
    m   s[2 n + j]          first moment or momentum, where there is one         read, write
    v   s[3 n + j]          second moment (RMSprop: its mean of squares at 2 n, its momentum at 3 n)
    on  s[at + j]           1 where a parameter trains, where there is a mask    read

Bytes per parameter from the core's cache: 4 spans read and written by Adam, 3 by momentum, 2 by plain descent. Flops:
2 (SGD) to 14 (Adam), of them a root and a division; a clipped gradient is read once more. Every lane is one parameter,
so nothing depends on the order but the norm: squares are added over a row of weights in lanes, the lanes in the
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
from swarm.train.workspace import BIAS, INPUTS, OUTPUTS, W_STRIDE, C, W

PLAIN, MOMENTUM, RMSPROP, ADAM, ADAMW = range(5)
RATE, DECAY, CLIP, FIRST, SECOND, EPSILON, NESTEROV = range(7)  # columns of the table of hyper-parameters, float64

_ZERO, _ONE = np.float32(0), np.float32(1)
_TINY = np.float32(1e-6)
_ASLEEP = np.float32(2.0**-100)


@kernel(inline=True)
def _square(s, g, at, left, masked):
    """Squares of the sixteen gradients at s[g ...]; nothing of pads and of parameters that do not train."""
    real = simd.first(left)
    if masked:
        real = real & (simd.load(s, at) > simd.splat(_ZERO))
    d = simd.select(real, simd.load(s, g), simd.splat(_ZERO))
    return d * d


@kernel
def clip(s, plan, n, limit, masked, at):
    """What the gradient is multiplied by: 1, or less where its norm is above `limit`."""
    if limit == np.inf:
        return _ONE
    norm = 0.0
    for k in range(plan.shape[0]):
        stride, outputs = plan[k, W_STRIDE], plan[k, OUTPUTS]
        for i in range(plan[k, INPUTS]):
            sums, row = simd.splat(_ZERO), plan[k, W] + i * stride
            for j in range(0, outputs, 16):
                sums = sums + _square(s, n + row + j, at + row + j, outputs - j, masked)
            norm += simd.total(sums)
        if plan[k, BIAS] >= 0:
            sums = simd.splat(_ZERO)
            for j in range(0, outputs, 16):
                sums = sums + _square(s, n + plan[k, C] + j, at + plan[k, C] + j, outputs - j, masked)
            norm += simd.total(sums)
    factor = np.float32(limit) / (np.float32(math.sqrt(norm)) + _TINY)
    return _ONE if factor > _ONE else factor


@kernel
def _power(base, exponent):
    """base ** exponent by squaring: the same bits wherever it is compiled."""
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


@kernel(inline=True)
def _keep(s, j, new, old, masked, at):
    """Write the new parameters where they train."""
    if masked:
        new = simd.select(simd.load(s, at + j) > simd.splat(_ZERO), new, old)
    simd.store(s, j, new)


@kernel(inline=True)
def _take(s, j, n, w, factor, decay):
    """The gradient, clipped and with the L2 term; its place is cleared for the next step."""
    g = simd.load(s, n + j)
    simd.store(s, n + j, simd.splat(_ZERO))
    return simd.fma(simd.splat(decay), w, g * simd.splat(factor))


@kernel(inline=True)
def _held(s, at):
    """Sixteen momenta, 0 where they are below 2^-100."""
    v = simd.load(s, at)
    return simd.select(simd.absolute(v) < simd.splat(_ASLEEP), simd.splat(_ZERO), v)


@kernel
def _momentum(s, n, slots, masked, at, factor, rate, decay, momentum, nesterov):
    for j in range(0, n, 16):
        w = simd.load(s, j)
        g = _take(s, j, n, w, factor, decay)
        if slots > 0:
            v = simd.fma(simd.splat(momentum), _held(s, 2 * n + j), g)
            simd.store(s, 2 * n + j, v)
            g = simd.fma(simd.splat(momentum), v, g) if nesterov else v
        _keep(s, j, simd.fma(simd.splat(-rate), g, w), w, masked, at)


@kernel
def _rmsprop(s, n, slots, masked, at, factor, rate, decay, keep, share, epsilon, momentum):
    for j in range(0, n, 16):
        w = simd.load(s, j)
        g = _take(s, j, n, w, factor, decay)
        square = simd.fma(simd.splat(share) * g, g, simd.splat(keep) * simd.load(s, 2 * n + j))
        simd.store(s, 2 * n + j, square)
        way = g / (simd.sqrt(square) + simd.splat(epsilon))
        if slots > 1:
            way = simd.fma(simd.splat(momentum), _held(s, 3 * n + j), way)
            simd.store(s, 3 * n + j, way)
        _keep(s, j, simd.fma(simd.splat(-rate), way, w), w, masked, at)


@kernel
def _adam(s, n, masked, at, factor, rate, decay, shrink, share1, share2, keep2, root, epsilon):
    for j in range(0, n, 16):
        w = simd.load(s, j)
        g = _take(s, j, n, w, factor, decay)
        m, v = _held(s, 2 * n + j), simd.load(s, 3 * n + j)
        m = simd.fma(simd.splat(share1), g - m, m)
        v = simd.fma(simd.splat(share2) * g, g, simd.splat(keep2) * v)
        simd.store(s, 2 * n + j, m)
        simd.store(s, 3 * n + j, v)
        way = m / simd.fma(simd.sqrt(v), simd.splat(root), simd.splat(epsilon))
        _keep(s, j, simd.fma(simd.splat(-rate), way, w * simd.splat(shrink)), w, masked, at)


@kernel
def move(s, plan, n, slots, masked, at, rule, table, factor, step):
    """One step of one network. table: its hyper-parameters; factor: of the rate in this step; steps count from 1."""
    coef = clip(s, plan, n, table[CLIP], masked, at)
    rate, decay = table[RATE] * factor, np.float32(table[DECAY])
    first, second, epsilon = table[FIRST], table[SECOND], np.float32(table[EPSILON])
    if rule == MOMENTUM:
        _momentum(s, n, slots, masked, at, coef, np.float32(rate), decay, np.float32(first), table[NESTEROV] != 0)
    elif rule == RMSPROP:
        _rmsprop(
            s, n, slots, masked, at, coef, np.float32(rate), decay, np.float32(second), np.float32(1 - second), epsilon,
            np.float32(first),
        )  # fmt: skip
    else:
        shrink = _ONE
        if rule == ADAMW:
            shrink, decay = np.float32(1 - rate * table[DECAY]), _ZERO
        rate /= 1 - _power(first, step)
        root = np.float32(math.sqrt(1 / (1 - _power(second, step))))
        _adam(
            s, n, masked, at, coef, np.float32(rate), decay, shrink, np.float32(1 - first), np.float32(1 - second),
            np.float32(second), root, epsilon,
        )  # fmt: skip
