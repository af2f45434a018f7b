"""`advance` and `advance_cpu`: the same steps within the rounding of another order of additions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swarm import MLP, Brains
from swarm.backend.device import choose
from swarm.train.mgrit import advance
from swarm.train.mgrit.loss import half_squares
from swarm.train.samples import check

rng = np.random.default_rng(5)
K = 7
X = rng.standard_normal((K, 5))
CASES = [
    ("mse", MLP((5, 6, 4, 3), ("sigmoid", "tanh"))),
    ("bce", MLP((5, 9, 3), "relu")),
    ("huber", MLP((5, 3), bias=False)),
    ("cross_entropy", MLP((5, 6, 3), "leakyrelu")),
    (half_squares, MLP((5, 17, 3), "sigmoid", "sigmoid", bias=False)),
    ("mse", MLP((5, 6, 3), "gelu")),  # by the reference
]


def setting(loss, mlp: MLP, dtype: str, reduction: str):
    kind = np.dtype(dtype)
    y = rng.integers(0, 3, K) if loss == "cross_entropy" else rng.random((K, 3))
    samples = check(X, y, loss, 5, 3, kind, reduction=reduction)
    samples = replace(samples, x=samples.inputs(np.arange(K), kind))
    brains = Brains(mlp, 40, seed=3, dtype=dtype, backend="reference")
    return brains.rows, brains.layout, samples


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("loss", "mlp"), CASES, ids=lambda case: str(getattr(case, "__name__", case)))
def test_steps_agree(loss, mlp: MLP, dtype: str):
    ours = choose("cpu").twin("swarm.train.mgrit.advance")
    bound = 1e-12 if dtype == "float64" else 2e-5
    for batch, reduction in ((0, "sum"), (1, "mean"), (3, "mean")):
        rows, layout, samples = setting(loss, mlp, dtype, reduction)
        right = np.zeros_like(rows)
        for block in layout.blocks:
            right[:, block.start : block.start + block.length] = 0.01
        for added in (None, right):
            starts = np.array([0, 5, 13, 39 - 3])
            first, second = rows.copy(), rows.copy()
            advance.march(first, layout, samples, starts, 3, 0.1, batch, added)
            ours.march(second, layout, samples, starts, 3, 0.1, batch, added)
            np.testing.assert_allclose(second, first, rtol=0, atol=bound)
            assert np.abs(first - rows).max() > 1e-3
            out, other = np.empty_like(rows[:4]), np.empty_like(rows[:4])
            advance.apply(rows, layout, samples, starts, out, 0.1, batch, added)
            ours.apply(rows, layout, samples, starts, other, 0.1, batch, added)
            np.testing.assert_allclose(other, out, rtol=0, atol=bound)


def test_neither_company_nor_threads_change_a_bit():
    rows, layout, samples = setting(half_squares, CASES[4][1], "float64", "sum")
    many = np.tile(rows, (200, 1))
    starts, ours = np.arange(0, 7900, 2), choose("cpu").twin("swarm.train.mgrit.advance")
    out = np.empty((len(starts), rows.shape[1]))
    ours.apply(many, layout, samples, starts, out, 0.1, 0, None)  # large enough for several threads
    alone = np.empty((1, rows.shape[1]))
    for k in (0, 1, 1999, 3949):
        ours.apply(many, layout, samples, starts[k : k + 1], alone, 0.1, 0, None)
        np.testing.assert_array_equal(alone[0], out[k])
    ours.march(many, layout, samples, np.array([4]), 1, 0.1, 0, None)
    np.testing.assert_array_equal(many[5], out[2])
