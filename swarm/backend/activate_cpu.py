"""The ten activations on vectors, in place over a span: what forward and backward kernels share.

Codes are those of `swarm.brain.activations.ACTIVATIONS`; one call activates a whole layer of one sample, so the choice
costs one branch per layer.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.vmath import erf, exp, expm1, sigmoid, tanh

IDENTITY, SIGMOID, TANH, RELU, LEAKYRELU, ELU, GELU, SELU, HARDSHRINK, MISH = range(10)


@kernel(inline=True)
def _number(value, like):
    """A constant in the lane type of `like`."""
    return simd.cast(simd.splat(np.float64(value)), like)


@kernel(inline=True)
def _mish(z):
    """z tanh(softplus(z)) = z (e^2 + 2e) / (e^2 + 2e + 2) with e = exp(z), cut where it is z to the last place."""
    like = z
    limit = simd.cast(simd.splat(np.float32(20)), like)
    two = simd.cast(simd.splat(np.float32(2)), like)
    e = exp(simd.minimum(limit, z))
    n = e * (e + two)
    return simd.select(z > limit, z, z * (n / (n + two)))


@kernel(inline=True)
def _gelu(z):
    half = simd.cast(simd.splat(np.float32(0.5)), z)
    one = simd.cast(simd.splat(np.float32(1)), z)
    return half * z * (one + erf(z * simd.cast(simd.splat(np.float64(0.7071067811865476)), z)))


@kernel(allocates=False)
def activate(code, y, start, count):
    """Activate y[start : start + count] in place; lanes up to the next sixteen are overwritten too."""
    if code == IDENTITY:
        return
    zero = _number(0.0, simd.load(y, start))
    if code == TANH:
        for j in range(start, start + count, 16):
            simd.store(y, j, tanh(simd.load(y, j)))
    elif code == RELU:
        for j in range(start, start + count, 16):
            simd.store(y, j, simd.maximum(zero, simd.load(y, j)))
    elif code == SIGMOID:
        for j in range(start, start + count, 16):
            simd.store(y, j, sigmoid(simd.load(y, j)))
    elif code == LEAKYRELU:
        for j in range(start, start + count, 16):
            z = simd.load(y, j)
            simd.store(y, j, simd.select(z > zero, z, z * _number(0.01, z)))
    elif code == ELU:
        for j in range(start, start + count, 16):
            z = simd.load(y, j)
            simd.store(y, j, simd.select(z > zero, z, expm1(z)))
    elif code == SELU:
        for j in range(start, start + count, 16):
            z = simd.load(y, j)
            low = expm1(z) * _number(1.6732632423543772, z)
            simd.store(y, j, simd.select(z > zero, z, low) * _number(1.0507009873554805, z))
    elif code == GELU:
        for j in range(start, start + count, 16):
            simd.store(y, j, _gelu(simd.load(y, j)))
    elif code == HARDSHRINK:
        for j in range(start, start + count, 16):
            z = simd.load(y, j)
            simd.store(y, j, simd.select(simd.absolute(z) <= _number(0.5, z), zero, z))
    elif code == MISH:
        for j in range(start, start + count, 16):
            simd.store(y, j, _mish(simd.load(y, j)))
