"""float16 and bfloat16 in kernels: widened exactly, rounded to nearest as NumPy does, and by noise as the reference."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.brain.draw_cpu import flat, load, store_nearest, store_noisy
from swarm.brain.mlp import BFLOAT16
from swarm.brain.vary import round_up_or_down

kinds = pytest.mark.parametrize("kind", [BFLOAT16, np.dtype(np.float16)], ids=str)


@kernel
def _widen(w, out):
    for i in range(0, out.size, 16):
        simd.store(out, i, load(w, i))


@kernel
def _nearest(v, w):
    for i in range(0, v.size, 16):
        store_nearest(w, i, simd.load(v, i))


@kernel
def _noisy(v, noise, w):
    for i in range(0, v.size, 16):
        store_noisy(w, i, simd.load(v, i), noise, i)


def numbers() -> np.ndarray:
    """float32 of all sizes, around every power of two and halfway between float16, and the special ones."""
    rng = np.random.default_rng(4)
    raw = rng.integers(0, 2**32, 20000, dtype=np.uint32).view(np.float32)
    middle = rng.normal(0, 1, 20000).astype(np.float32) * np.float32(2.0) ** rng.integers(-26, 17, 20000)
    half = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = half[:31743] + np.diff(half[:31744]) / 2
    special = np.array([0.0, -0.0, 65519.99, 65520.0, 65536.0, 1e-45], np.float32)
    found = np.concatenate([raw, middle.astype(np.float32), half, ties, -ties, special])
    return np.resize(found, len(found) // 16 * 16)


def same(got: np.ndarray, expected: np.ndarray) -> None:
    """Equal bits, but any NaN for a NaN."""
    bad = np.isnan(expected.astype(np.float32))
    assert (np.isnan(got.astype(np.float32)) == bad).all()
    assert got[~bad].tobytes() == expected[~bad].tobytes()


@kinds
def test_every_value_is_widened_exactly(kind: np.dtype) -> None:
    stored = np.arange(65536, dtype=np.uint16).view(kind)
    out = np.zeros(65536, np.float32)
    _widen(flat(stored), out)
    same(out, stored.astype(np.float32))


@kinds
def test_to_nearest_as_numpy(kind: np.dtype) -> None:
    v = np.nan_to_num(numbers(), posinf=np.inf, neginf=-np.inf)  # first weights are never NaN
    stored = np.zeros(len(v), kind)
    _nearest(v, flat(stored))
    with np.errstate(over="ignore"):
        same(stored, v.astype(kind))


@kinds
def test_by_noise_as_the_reference(kind: np.dtype) -> None:
    v = numbers()
    noise = np.random.default_rng(5).integers(0, 65536, len(v)).astype(np.uint32)
    stored = np.zeros(len(v), kind)
    _noisy(v, noise, flat(stored))
    same(stored, round_up_or_down(v, noise, kind))
