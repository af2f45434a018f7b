"""The register tile against NumPy, and the same bits from either tile shape."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.train import tile_cpu

rng = np.random.default_rng(0)


def spread(*arrays: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """One flat workspace holding the arrays one after the other, and where each begins."""
    at = np.cumsum([0, *(a.size for a in arrays)])
    s = np.zeros(at[-1] + 64, np.float32)
    for start, array in zip(at, arrays, strict=False):
        s[start : start + array.size] = array.reshape(-1)
    return s, [int(a) for a in at]


@pytest.mark.parametrize("rows", [*range(1, 10), 15, 24])
@pytest.mark.parametrize("columns", [16, 32, 48, 80])
@pytest.mark.parametrize("depth", [0, 1, 7, 100])
def test_products(rows, columns, depth):
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    bias, out = rng.standard_normal(columns).astype(np.float32), np.zeros((rows, columns), np.float32)
    s, (a0, b0, i0, o0, end) = spread(a, b, bias, out)
    s[end:] = 7
    tile_cpu.product(s, rows, columns, a0, depth, 1, b0, columns, depth, i0, 0, o0, columns)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(s[o0:end].reshape(out.shape), exact + bias, atol=1e-6 * (depth + 1))
    assert (s[end:] == 7).all()  # nothing is written behind the last row


@pytest.mark.parametrize("rows", [*range(1, 10), 15, 16])
@pytest.mark.parametrize("columns", [16, 32, 48, 80])
def test_updates_add_to_what_is_there(columns, rows):
    B = 13
    x, g = (rng.standard_normal(shape).astype(np.float32) for shape in ((B, rows), (B, columns)))
    w = rng.standard_normal((rows, columns)).astype(np.float32)
    s, (x0, g0, w0, end) = spread(x, g, w)
    s[end:] = 7
    tile_cpu.update(s, rows, columns, x0, 1, rows, g0, columns, B, w0, columns, np.float32(-0.25))
    exact = w - 0.25 * (x.T.astype(np.float64) @ g.astype(np.float64))
    np.testing.assert_allclose(s[w0:end].reshape(w.shape), exact, atol=1e-5)
    assert (s[end:] == 7).all()


@pytest.mark.parametrize("rows", range(1, 10))
def test_a_row_has_the_same_bits_in_any_tile(rows):
    """Rows are taken by 8, 4, 2 and 1, columns by 32, 16 or 64: none of it changes an element."""
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((9, 50), (50, 80)))
    s, (a0, b0, z0, o0, w0, end) = spread(a, b, np.zeros(80), np.zeros((9, 80)), np.ones((9, 80)))
    for r in range(9):
        tile_cpu.product(s, 1, 80, a0 + 50 * r, 50, 1, b0, 80, 50, z0, 0, o0 + 80 * r, 80)
        tile_cpu.update(s, 1, 80, a0 + 50 * r, 50, 1, b0, 80, 50, w0 + 80 * r, 80, np.float32(0.1))
    product, updated = s[o0:w0].reshape(9, 80).copy(), s[w0:end].reshape(9, 80).copy()
    s[o0:w0], s[w0:end] = 0, 1
    tile_cpu.product(s, rows, 80, a0, 50, 1, b0, 80, 50, z0, 0, o0, 80)
    tile_cpu.update(s, rows, 80, a0, 50, 1, b0, 80, 50, w0, 80, np.float32(0.1))
    assert s[o0:w0].reshape(9, 80)[:rows].tobytes() == product[:rows].tobytes()
    assert s[w0:end].reshape(9, 80)[:rows].tobytes() == updated[:rows].tobytes()


@pytest.mark.parametrize("columns", [16, 32, 48])
@pytest.mark.parametrize("listed", [[], [3], [0, 2, 7, 11], list(range(12))])
def test_lists_leave_out_terms(listed, columns):
    """The bits are those of a product whose other terms are zero."""
    depth, rows = 12, 16
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    a[:, np.setdiff1d(np.arange(depth), listed)] = 0
    bias, w = rng.standard_normal(columns), rng.standard_normal((rows, columns))
    numbers = np.array([9, 9, *listed], np.int32)
    s, (a0, b0, i0, o0, p0, w0, v0, end) = spread(a, b, bias, 0 * w, 0 * w, w, w)
    scale = np.float32(-0.5)
    tile_cpu.product(s, rows, columns, a0, depth, 1, b0, columns, depth, i0, 0, o0, columns)
    tile_cpu.product_listed(
        s, rows, columns, a0, depth, 1, b0, columns, numbers, 2, len(listed), i0, 0, p0, columns
    )  # fmt: skip
    assert s[o0:p0].tobytes() == s[p0:w0].tobytes()
    tile_cpu.update(s, rows, columns, a0, depth, 1, b0, columns, depth, w0, columns, scale)
    tile_cpu.update_listed(s, rows, columns, a0, depth, 1, b0, columns, numbers, 2, len(listed), v0, columns, scale)
    assert s[w0:v0].tobytes() == s[v0:end].tobytes()
    np.testing.assert_allclose(s[w0:v0].reshape(w.shape), w - 0.5 * (a @ b), atol=1e-5)


def test_sums_run_in_the_order_of_k():
    """1e8 + 1 - 1e8 in float32 tells the order: the 1 is lost unless it comes last."""
    for values, expected in (([1e8, 1, -1e8], 0), ([1e8, -1e8, 1], 1)):
        a, b = np.tile(np.float32(values), (8, 1)), np.ones((3, 16), np.float32)
        s, (a0, b0, z0, o0, _) = spread(a, b, np.zeros(16, np.float32), np.zeros((8, 16), np.float32))
        tile_cpu.product(s, 8, 16, a0, 3, 1, b0, 16, 3, z0, 0, o0, 16)
        assert (s[o0 : o0 + 128] == expected).all()
