"""The register tile against NumPy, and the same bits from either tile shape."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.brain.mlp import MLP
from swarm.train import tile_cpu
from swarm.train.workspace import stride, up, workspace

rng = np.random.default_rng(0)


def spread(*arrays: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """One flat workspace holding the arrays one after the other, and where each begins."""
    at = np.cumsum([0, *(a.size for a in arrays)])
    s = np.zeros(at[-1] + 64, np.float32)
    for start, array in zip(at, arrays, strict=False):
        s[start : start + array.size] = array.reshape(-1)
    return s, [int(a) for a in at]


@pytest.mark.parametrize("rows", [8, 24])
@pytest.mark.parametrize("columns", [16, 32, 48, 80])
@pytest.mark.parametrize("depth", [0, 1, 7, 100])
def test_products(rows, columns, depth):
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    bias, out = rng.standard_normal(columns).astype(np.float32), np.zeros((rows, columns), np.float32)
    s, (a0, b0, i0, o0, _) = spread(a, b, bias, out)
    tile_cpu.product(s, rows, columns, a0, depth, 1, b0, columns, depth, i0, 0, o0, columns)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(s[o0 : o0 + out.size].reshape(out.shape), exact + bias, atol=1e-6 * (depth + 1))


@pytest.mark.parametrize("columns", [16, 32, 48])
def test_updates_add_to_what_is_there(columns):
    B, rows = 13, 16
    x, g = (rng.standard_normal(shape).astype(np.float32) for shape in ((B, rows), (B, columns)))
    w = rng.standard_normal((rows, columns)).astype(np.float32)
    s, (x0, g0, w0, _) = spread(x, g, w)
    tile_cpu.update(s, rows, columns, x0, 1, rows, g0, columns, B, w0, columns, np.float32(-0.25))
    exact = w - 0.25 * (x.T.astype(np.float64) @ g.astype(np.float64))
    np.testing.assert_allclose(s[w0 : w0 + w.size].reshape(w.shape), exact, atol=1e-5)


def test_sums_run_in_the_order_of_k():
    """1e8 + 1 - 1e8 in float32 tells the order: the 1 is lost unless it comes last."""
    for values, expected in (([1e8, 1, -1e8], 0), ([1e8, -1e8, 1], 1)):
        a, b = np.tile(np.float32(values), (8, 1)), np.ones((3, 16), np.float32)
        s, (a0, b0, z0, o0, _) = spread(a, b, np.zeros(16, np.float32), np.zeros((8, 16), np.float32))
        tile_cpu.product(s, 8, 16, a0, 3, 1, b0, 16, 3, z0, 0, o0, 16)
        assert (s[o0 : o0 + 128] == expected).all()


def test_workspaces_do_not_overlap():
    w = workspace(MLP((784, 33, 10)).layout("float32"), 20)
    spans = [(w.d, 24 * stride(33)), (w.e, 24 * stride(33)), (w.turned, 10 * stride(33)), (w.zeros, 32)]
    for (inputs, outputs, *_, at, columns, bias, x, _, z, y, width), before in zip(w.plan, (784, 33), strict=True):
        spans += [(at, up(inputs, 8) * columns), (bias, columns), (z, 24 * width), (y, 24 * width)]
        assert columns >= outputs
        assert width >= outputs
        if before == 784:
            spans.append((x, 24 * stride(784)))
    spans.sort()
    for (start, length), (following, _) in zip(spans, [*spans[1:], (w.size, 0)], strict=True):
        assert start + length <= following


@pytest.mark.parametrize("width", [1, 16, 17, 256, 1024, 1030])
def test_strides_avoid_crowded_cache_sets(width):
    assert stride(width) >= width
    assert stride(width) % 16 == 0
    assert stride(width) * 4 % 1024
