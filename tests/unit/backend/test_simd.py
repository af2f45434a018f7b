"""The vector layer against NumPy: arithmetic, masks, reductions, loads that widen, and what the bits of a sum are."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel

RNG = np.random.default_rng(5)
A = RNG.normal(size=16).astype(np.float32)
B = RNG.normal(size=16).astype(np.float32)


@kernel
def _arithmetic(a, b, out):
    x, y = simd.load(a, 0), simd.load(b, 0)
    simd.store(out, 0, x + y)
    simd.store(out, 16, x * y - x)
    simd.store(out, 32, x / y)
    simd.store(out, 48, simd.fma(x, y, x))
    simd.store(out, 64, simd.minimum(x, y))
    simd.store(out, 80, simd.select(x < y, x, -y))
    simd.store(out, 96, simd.sqrt(simd.absolute(x)))
    simd.store(out, 112, simd.rint(x * simd.splat(np.float32(10))))
    simd.store(out, 128, simd.copysign(x, y))


def test_arithmetic():
    out = np.zeros(144, np.float32)
    _arithmetic(A, B, out)
    fused = (A.astype(np.float64) * B + A).astype(np.float32)  # the double product is exact, so one rounding remains
    for at, expected in enumerate(
        (A + B, A * B - A, A / B, fused, np.minimum(A, B), np.where(A < B, A, -B), np.sqrt(np.abs(A)))
    ):
        np.testing.assert_array_equal(out[16 * at : 16 * at + 16], expected)
    np.testing.assert_array_equal(out[112:128], np.rint(A * np.float32(10)))
    np.testing.assert_array_equal(out[128:144], np.copysign(A, B))


@kernel
def _across(a, n, out):
    x = simd.load(a, 0)
    out[0] = simd.total(x)
    out[1] = simd.largest(x)
    out[2] = simd.smallest(x)
    out[3] = simd.lane(x, 7)
    out[4] = simd.mask_bits(simd.first(n))
    out[5] = 1.0 if simd.any_lane(simd.first(n)) else 0.0
    simd.store(out, 16, simd.fold(x, 16, 4))
    simd.store(out, 32, simd.rotate(x, 3))


def _tree(values: np.ndarray) -> np.float32:
    while len(values) > 1:
        values = values[: len(values) // 2] + values[len(values) // 2 :]
    return values[0]


def test_across_lanes():
    out = np.zeros(48, np.float32)
    _across(A, 5, out)
    assert out[0] == _tree(A) and out[1] == A.max() and out[2] == A.min() and out[3] == A[7]
    assert out[4] == 0b11111 and out[5] == 1
    half = A[:8] + A[8:]
    np.testing.assert_array_equal(out[16:20], half[:4] + half[4:])
    np.testing.assert_array_equal(out[32:48], np.roll(A, -3))
    _across(A, -1, out)
    assert out[4] == 0 and out[5] == 0
    _across(A, 99, out)
    assert out[4] == 0xFFFF


@kernel
def _memory(a, w, out, n):
    simd.store_masked(out, 0, simd.load_masked(a, 1, simd.first(n), simd.splat(np.float32(-7))), simd.first(n + 1))
    simd.store(out, 16, simd.load_bf16(w, 2))
    simd.store(out, 32, simd.load_repeated(a, 3, 4))
    p = simd.pointer(a, 2)
    simd.store(out, 48, simd.splat_at(p, 3))
    simd.prefetch(a, 1 << 40)  # a hint never faults


def test_memory():
    out, words = np.full(64, 9, np.float32), RNG.normal(size=32).astype(ml_dtypes.bfloat16)
    _memory(A, words.view(np.uint16), out, 3)
    np.testing.assert_array_equal(out[:5], [A[1], A[2], A[3], -7, 9])
    np.testing.assert_array_equal(out[16:32], words[2:18].astype(np.float32))
    np.testing.assert_array_equal(out[32:48], np.repeat(A[3:7], 4))
    np.testing.assert_array_equal(out[48:64], np.full(16, A[5]))


@kernel
def _integers(a, b, out):
    x, y = simd.load(a, 0), simd.load(b, 0)
    simd.store(out, 0, x * y)
    simd.store(out, 16, simd.mulhi(x, y))
    simd.store(out, 32, (x ^ y) >> simd.splat(np.uint32(3)))
    simd.store(out, 48, x << simd.splat(np.uint32(5)))
    simd.store(out, 64, simd.select(x < y, x, y))


def test_unsigned_integers_wrap():
    a, b = RNG.integers(0, 2**32, (2, 16), dtype=np.uint32)
    out = np.zeros(80, np.uint32)
    _integers(a, b, out)
    wide = a.astype(np.uint64) * b
    for at, expected in enumerate(
        (a * b, (wide >> np.uint64(32)).astype(np.uint32), (a ^ b) >> 3, a << 5, np.minimum(a, b))
    ):
        np.testing.assert_array_equal(out[16 * at : 16 * at + 16], expected)


@kernel
def _convert(a, out):
    x = simd.load(a, 0)
    whole = simd.cast(x, simd.iota())
    simd.store(out, 0, simd.cast(whole + simd.iota(), x))
    simd.store(out, 16, simd.cast(simd.cast(x, simd.splat(np.float64(0))), x))
    simd.store(out, 32, simd.bits(simd.bits(x, simd.iota()), x))


def test_conversions():
    out = np.zeros(48, np.float32)
    _convert(A * 10, out)
    np.testing.assert_array_equal(out[:16], np.trunc(A * 10) + np.arange(16))
    np.testing.assert_array_equal(out[16:32], A * 10)
    np.testing.assert_array_equal(out[32:48], A * 10)


@kernel
def _at(address, a, out):
    p = simd.at(address, a)
    simd.store(out, 0, simd.load(p, 2))
    out[16] = p[5]
    p[1] = 9


def test_addresses():
    """A number that is an address becomes a pointer that loads, stores and is indexed."""
    a, out = np.arange(20, dtype=np.float32), np.zeros(17, np.float32)
    _at(a.ctypes.data, np.empty(0, np.float32), out)
    np.testing.assert_array_equal(out[:16], np.arange(2, 18))
    assert (out[16], a[1]) == (5, 9)
    assert a[0] == 0
