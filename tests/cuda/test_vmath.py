"""The elementary functions and activations of the kernels have the bits of the CPU's; float16 and bfloat16 too."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import simd, vmath
from swarm.backend.activate_cpu import activate
from swarm.backend.jit import kernel
from swarm.brain.activations import ACTIVATIONS
from swarm.brain.mlp import BFLOAT16
from swarm.brain.vary import round_up_or_down
from tests.cuda.snippets import kernels

FUNCTIONS = ("exp", "expm1", "log", "sin", "cos", "tanh", "sigmoid", "erf")
BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64])
TEXT = """
#include "activate.cuh"
#if WIDE
typedef double T;
#else
typedef float T;
#endif
KERNEL functions(const T* x, T* y, int n) {
    for (int i = thread(); i < n; i += threads()) {
        y[i] = exp_(x[i]);
        y[n + i] = expm1_(x[i]);
        y[2 * n + i] = log_(x[i]);
        y[3 * n + i] = sin_(x[i]);
        y[4 * n + i] = cos_(x[i]);
        y[5 * n + i] = tanh_(x[i]);
        y[6 * n + i] = sigmoid_(x[i]);
        y[7 * n + i] = erf_(x[i]);
    }
}
KERNEL activations(const T* x, T* y, int n) {
    for (int i = thread(); i < n; i += threads())
        for (int code = 0; code < 10; code++) y[code * n + i] = activate_(code, x[i]);
}
"""
ROWS = """
#include "row.cuh"
KERNEL widening(const Store* x, Sum* y, int n) {
    for (int i = thread(); i < n / VECTOR; i += threads()) widen<VECTOR>(fetch<VECTOR>(x + i * VECTOR), y + i * VECTOR);
}
KERNEL narrowing(const Sum* x, const u32* noise, Store* y, int n) {
    for (int i = thread(); i < n; i += threads()) {
        y[i] = nearest(x[i]);
        y[n + i] = noisy(x[i], noise[i]);
    }
}
"""


def _runner(function):
    @kernel
    def run(x, out):
        for i in range(0, x.size, 16):
            simd.store(out, i, function(simd.load(x, i)))

    return run


RUN = {name: _runner(getattr(vmath, name)) for name in FUNCTIONS}


def sweep(dtype: type) -> np.ndarray:
    """Every exponent with both signs and many mantissas, a fine grid where the functions bend, and the special ones."""
    rng = np.random.default_rng(7)
    word, exponents, places = (np.uint32, 256, 23) if dtype is np.float32 else (np.uint64, 2048, 52)
    raw = np.repeat(np.arange(2 * exponents, dtype=word), 6 if dtype is np.float32 else 2) << word(places)
    raw |= rng.integers(0, 2**places, len(raw), dtype=word)
    limits = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, limits.tiny, limits.max, 0.5, 1.0, 20.0, 88.0]
    with np.errstate(all="ignore"):
        near = np.nextafter(np.array(special, dtype), dtype(np.inf))
        grid = np.concatenate([np.linspace(-110, 110, 1500), np.linspace(-760, 760, 500), rng.normal(0, 3, 1500)])
        x = np.concatenate([raw.view(dtype), grid.astype(dtype), np.array(special, dtype), near, -near])
    return np.resize(x, -(-len(x) // 16) * 16)


def same(got: np.ndarray, expected: np.ndarray, x: np.ndarray, what: str) -> None:
    """Equal bits, but any NaN for a NaN."""
    word = f"u{got.dtype.itemsize}"
    with np.errstate(invalid="ignore"):  # which a comparison of NaN in two bytes sets
        differ = (got.view(word) != expected.view(word)) & ~((got != got) & (expected != expected))
    assert not differ.any(), (what, x[differ][:4], got[differ][:4], expected[differ][:4])


def launch(device, kernel, x: np.ndarray, rows: int) -> np.ndarray:
    xp = device.xp
    y = xp.empty(rows * len(x), x.dtype)
    kernel(len(x), xp.asarray(x), y, np.int32(len(x)))
    return device.read(y).reshape(rows, -1)


@BOTH
def test_functions_have_the_bits_of_the_cpu(cuda_device, dtype):
    x = sweep(dtype)
    got = launch(cuda_device, kernels(cuda_device, TEXT, WIDE=dtype is np.float64)["functions"], x, len(FUNCTIONS))
    for k, name in enumerate(FUNCTIONS):
        # beyond some 1e9 a sine of ours is no number one would want; it has the CPU's bits all the same
        expected = np.empty_like(x)
        RUN[name](x, expected)
        same(got[k], expected, x, name)


@BOTH
def test_activations_have_the_bits_of_the_cpu(cuda_device, dtype):
    x = sweep(dtype)
    got = launch(cuda_device, kernels(cuda_device, TEXT, WIDE=dtype is np.float64)["activations"], x, len(ACTIVATIONS))
    for code, name in enumerate(ACTIVATIONS):
        expected = x.copy()
        activate(code, expected, 0, len(x))
        same(got[code], expected, x, name)


@pytest.mark.parametrize(("code", "kind"), [(2, np.dtype(np.float16)), (3, BFLOAT16)], ids=["float16", "bfloat16"])
def test_sixteen_bits_are_widened_and_rounded_as_on_the_cpu(cuda_device, code, kind):
    """All 65,536 values; numbers of all sizes, ties between neighbours and the edges of the range, with noise."""
    xp, run = cuda_device.xp, kernels(cuda_device, ROWS, DTYPE=code)
    stored = np.arange(65536, dtype=np.uint16)
    y = xp.empty(65536, np.float32)
    run["widening"](65536, xp.asarray(stored), y, np.int32(65536))
    wide = stored.view(kind).astype(np.float32)
    same(cuda_device.read(y), wide, stored, "widened")

    rng = np.random.default_rng(8)
    numbers = wide[np.isfinite(wide)][::3]
    beside = [numbers * np.float32(factor) for factor in (1, 1 + 2.0**-11, 1 + 2.0**-8)]
    x = np.concatenate([sweep(np.float32), *beside])
    noise = rng.integers(0, 65536, len(x)).astype(np.uint32)
    out = xp.empty(2 * len(x), np.uint16)
    run["narrowing"](len(x), xp.asarray(x), xp.asarray(noise), out, np.int32(len(x)))
    nearest, noisy = cuda_device.read(out).view(kind).reshape(2, -1)
    with np.errstate(over="ignore"):
        number = ~np.isnan(x)  # what is not a number is never rounded to the nearest
        same(nearest[number], x[number].astype(kind), x[number], "nearest")
    same(noisy, round_up_or_down(x, noise, kind), x, "noisy")
