"""The ten activations: plain definitions with derivatives, for arrays of float32 or float64, NumPy's or CuPy's.

Definitions and constants are those of PyTorch's defaults; gelu is the exact one (erf). A name's place in `ACTIVATIONS`
is its integer code, which is what layouts and kernels carry. Every formula is arranged so that no argument overflows
or cancels; NaN comes out as NaN. These functions are the oracle: they aim at exactness, not at speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module

import numpy as np

Array = np.ndarray

LEAKY_SLOPE = 0.01
ELU_ALPHA = 1.0
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
SHRINK = 0.5

_host_erfc = np.frompyfunc(math.erfc, 1, 1)


def identity(z: Array) -> Array:
    return z


def sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def tanh(z: Array) -> Array:
    return np.tanh(z)


def relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def leakyrelu(z: Array) -> Array:
    return np.where(z > 0, z, LEAKY_SLOPE * z)


def elu(z: Array) -> Array:
    return np.where(z > 0, z, ELU_ALPHA * np.expm1(np.minimum(z, 0.0)))


def gelu(z: Array) -> Array:
    return z * _normal_cdf(z)


def selu(z: Array) -> Array:
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0.0)))


def hardshrink(z: Array) -> Array:
    return np.where(np.abs(z) <= SHRINK, 0.0, z)


def mish(z: Array) -> Array:
    return z * _mish_gate(z)[0]


def d_identity(z: Array) -> Array:
    return np.ones_like(z)


def d_sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))
    return e / np.square(1.0 + e)


def d_tanh(z: Array) -> Array:
    e = np.exp(-2.0 * np.abs(z))  # 1 - tanh^2 without the cancellation
    return 4.0 * e / np.square(1.0 + e)


def d_relu(z: Array) -> Array:
    return (z > 0).astype(z.dtype)


def d_leakyrelu(z: Array) -> Array:
    return np.where(z > 0, 1.0, LEAKY_SLOPE).astype(z.dtype)


def d_elu(z: Array) -> Array:
    return np.where(z > 0, 1.0, ELU_ALPHA * np.exp(np.minimum(z, 0.0)))


def d_gelu(z: Array) -> Array:
    density = np.exp(-0.5 * np.square(z)) / math.sqrt(2.0 * math.pi)
    return _normal_cdf(z) + z * density


def d_selu(z: Array) -> Array:
    return SELU_SCALE * np.where(z > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0.0)))


def d_hardshrink(z: Array) -> Array:
    return (np.abs(z) > SHRINK).astype(z.dtype)


def d_mish(z: Array) -> Array:
    gate, slope = _mish_gate(z)
    return gate + z * slope * sigmoid(z)


def _normal_cdf(z: Array) -> Array:
    """Phi(z) = erfc(-z / sqrt 2) / 2, evaluated in float64."""
    return (0.5 * _erfc(z.astype(np.float64) * -math.sqrt(0.5))).astype(z.dtype)


def _erfc(z: Array) -> Array:
    if isinstance(z, (np.ndarray, np.generic)):
        return np.asarray(_host_erfc(z), np.float64)
    return import_module("cupyx.scipy.special").erfc(z)


def _mish_gate(z: Array) -> tuple[Array, Array]:
    """t = tanh(log(1 + exp z)) and 1 - t^2, both as quotients of sums of positive terms."""
    e = np.exp(-np.abs(z))
    low = z <= 0  # there e = exp(z), elsewhere exp(-z)
    top = np.where(low, e * (e + 2.0), 1.0 + 2.0 * e)
    rest = np.where(low, 2.0, 2.0 * e * e)
    bottom = top + rest
    return top / bottom, rest * (2.0 * top + rest) / np.square(bottom)


ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu", "leakyrelu", "elu", "gelu", "selu", "hardshrink", "mish")
CODES = {name: code for code, name in enumerate(ACTIVATIONS)}

_FUNCTIONS: tuple[Callable[[Array], Array], ...] = (
    identity, sigmoid, tanh, relu, leakyrelu, elu, gelu, selu, hardshrink, mish,
)  # fmt: skip
_DERIVATIVES: tuple[Callable[[Array], Array], ...] = (
    d_identity, d_sigmoid, d_tanh, d_relu, d_leakyrelu, d_elu, d_gelu, d_selu, d_hardshrink, d_mish,
)  # fmt: skip


def activate(code: int, z: Array) -> Array:
    """f(z) of the activation with this code; same shape and dtype as z. Identity returns z itself."""
    return _FUNCTIONS[code](z)


def derivative(code: int, z: Array) -> Array:
    """f'(z); at a kink the value PyTorch's gradient has there (relu 0, leakyrelu 0.01, elu 1, hardshrink 0)."""
    return _DERIVATIVES[code](z)
