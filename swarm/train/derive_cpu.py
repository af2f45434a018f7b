"""Derivatives of the ten activations on vectors: a gradient behind a layer becomes the gradient of its sums.

Most derivatives follow from the activation's value; gelu and mish need the sum itself (`keeps_sums`). At a kink the
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
from swarm.backend.vmath import erf, exp

_ONE, _TWO, _HALF, _ZERO = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0)
_SLOPE = np.float32(0.01)
_SCALE, _SCALE_ALPHA = np.float32(1.0507009873554805), np.float32(1.0507009873554805 * 1.6732632423543772)
_ROOT_HALF, _ROOT_TWO_PI = np.float32(0.7071067811865476), np.float32(0.3989422804014327)
_MISH_LIMIT = np.float32(20)


@kernel(allocates=False)
def keeps_sums(code):
    """Whether the derivative needs the layer's sums z, not only its values."""
    return code == GELU or code == MISH


@kernel(inline=True)
def _d_gelu(z):
    """Phi(z) + z phi(z)."""
    phi = exp(simd.splat(-_HALF) * z * z) * simd.splat(_ROOT_TWO_PI)
    return simd.fma(z, phi, simd.fma(simd.splat(_HALF), erf(z * simd.splat(_ROOT_HALF)), simd.splat(_HALF)))


@kernel(inline=True)
def _d_mish(z):
    """t + z (1 - t^2) sigmoid(z) with t = tanh(softplus(z)) = n / (n + 2), n = e^2 + 2e, e = exp(z)."""
    one, two = simd.splat(_ONE), simd.splat(_TWO)
    e = exp(simd.minimum(simd.splat(_MISH_LIMIT), z))
    n = e * (e + two)
    rest = two / (n + two)  # 1 - t
    gate = one - rest
    slope = rest * (one + gate) * (e / (one + e))
    return simd.select(z > simd.splat(_MISH_LIMIT), one, simd.fma(z, slope, n / (n + two)))


@kernel(allocates=False)
def derive(code, s, g, y, z, count):
    """s[g + j] *= f'(.) for j < count: y is where the layer's values lie in s, z where its sums lie."""
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
    elif code == GELU:
        for j in range(0, count, 16):
            simd.store(s, g + j, simd.load(s, g + j) * _d_gelu(simd.load(s, z + j)))
    elif code == MISH:
        for j in range(0, count, 16):
            simd.store(s, g + j, simd.load(s, g + j) * _d_mish(simd.load(s, z + j)))
