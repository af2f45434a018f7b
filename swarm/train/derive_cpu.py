"""Derivatives of the ten activations on vectors: a gradient behind a layer becomes the gradient of its sums.

Most derivatives follow from the activation's value; those of gelu and mish are taken on the way forward. At a kink the
value is the one PyTorch uses: relu 0, leakyrelu 0.01, elu 1, hardshrink 0. Codes as in `activate_cpu`.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.activate_cpu import (
    ELU,
    GELU,
    HARDSHRINK,
    IDENTITY,
    LEAKYRELU,
    MISH,
    RELU,
    SELU,
    SIGMOID,
    TANH,
)
from swarm.backend.jit import kernel
from swarm.backend.vmath import erf_and_gauss, exp

_ONE, _TWO, _HALF, _ZERO = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0)
_SLOPE = np.float32(0.01)
_SCALE, _SCALE_ALPHA = np.float32(1.0507009873554805), np.float32(1.0507009873554805 * 1.6732632423543772)
_ROOT_HALF, _ROOT_TWO_PI = np.float32(0.7071067811865476), np.float32(0.3989422804014327)
_MISH_LIMIT = np.float32(20)


@kernel(allocates=False)
def keeps_slopes(code):
    """Whether the derivative is taken in the forward pass, which has its exponential at hand."""
    return code == GELU or code == MISH


@kernel(inline=True)
def _gelu(z):
    """z Phi(z), and Phi(z) + z phi(z): the error function and the density share exp(-z^2 / 2)."""
    one, half = simd.splat(_ONE), simd.splat(_HALF)
    value, density = erf_and_gauss(z * simd.splat(_ROOT_HALF))
    return half * z * (one + value), simd.fma(z, density * simd.splat(_ROOT_TWO_PI), simd.fma(half, value, half))


@kernel(inline=True)
def _mish(z):
    """z t, and t + z (1 - t^2) sigmoid(z), with t = tanh(softplus(z)) = n / (n + 2), n = e^2 + 2e, e = exp(z)."""
    one, two, limit = simd.splat(_ONE), simd.splat(_TWO), simd.splat(_MISH_LIMIT)
    e = exp(simd.minimum(limit, z))
    n = e * (e + two)
    over = one / ((n + two) * (one + e))  # one division for both quotients of the slope
    rest = two * over * (one + e)  # 1 - t
    gate = one - rest
    slope = rest * (one + gate) * (e * over * (n + two))
    value = n / (n + two)
    return simd.select(z > limit, z, z * value), simd.select(z > limit, one, simd.fma(z, slope, value))


@kernel(allocates=False)
def activate_and_derive(code, s, y, z, count):
    """Activate s[y : y + count] in place, with the bits of `activate`; the slopes go to s[z ...]."""
    for j in range(0, count, 16):
        if code == GELU:
            value, slope = _gelu(simd.load(s, y + j))
        else:
            value, slope = _mish(simd.load(s, y + j))
        simd.store(s, y + j, value)
        simd.store(s, z + j, slope)


@kernel(allocates=False)
def derive(code, s, g, y, z, count):
    """s[g + j] *= f'(.) for j < count: s[y ...] are the layer's values, s[z ...] its slopes, if it has any."""
    zero, one = simd.splat(_ZERO), simd.splat(_ONE)
    if code == IDENTITY:
        return
    if code == RELU:
        for j in range(0, count, 16):
            simd.store(s, g + j, simd.select(simd.load(s, y + j) > zero, simd.load(s, g + j), zero))
    elif code == TANH:
        for j in range(0, count, 16):
            h = simd.load(s, y + j)
            simd.store(s, g + j, simd.load(s, g + j) * simd.fma(-h, h, one))
    elif code == SIGMOID:
        for j in range(0, count, 16):
            h = simd.load(s, y + j)
            simd.store(s, g + j, simd.load(s, g + j) * simd.fma(-h, h, h))
    elif code == LEAKYRELU:
        for j in range(0, count, 16):
            d = simd.load(s, g + j)
            simd.store(s, g + j, simd.select(simd.load(s, y + j) > zero, d, d * simd.splat(_SLOPE)))
    elif code == ELU:
        for j in range(0, count, 16):
            h, d = simd.load(s, y + j), simd.load(s, g + j)
            simd.store(s, g + j, simd.select(h > zero, d, d * (h + one)))
    elif code == SELU:
        for j in range(0, count, 16):
            h, d = simd.load(s, y + j), simd.load(s, g + j)
            simd.store(s, g + j, d * simd.select(h > zero, simd.splat(_SCALE), h + simd.splat(_SCALE_ALPHA)))
    elif code == HARDSHRINK:
        for j in range(0, count, 16):
            simd.store(s, g + j, simd.select(simd.load(s, y + j) != zero, simd.load(s, g + j), zero))
    else:
        for j in range(0, count, 16):
            simd.store(s, g + j, simd.load(s, g + j) * simd.load(s, z + j))
