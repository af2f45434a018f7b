"""Inference for some brains of a pool: the bits that the whole pool gives, on every backend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.brain.activations import ACTIVATIONS
from swarm.brain.brains import Brains
from swarm.brain.mlp import DTYPES, MLP

widths = st.lists(st.integers(1, 70), min_size=2, max_size=6)
some = st.sets(st.integers(0, 39), max_size=40)


def agree(brains: Brains, x: np.ndarray, at: np.ndarray) -> None:
    """The brains in rows `at` answer to their samples of x [N, I] as the whole pool does; nobody else's answer is
    touched; and so do they when the samples lie elsewhere."""
    kind, backend, n = brains._compute, brains.backend, len(brains)
    whole, x = backend.host(brains(x)), x.astype(kind)
    out = backend.array(np.full((n, 1, brains.outputs), 7, kind))
    brains.forward_rows(backend.array(x.reshape(n, 1, brains.inputs)), out, at)
    expected = np.full((n, brains.outputs), 7, kind)
    expected[at] = whole[at]
    assert backend.host(out)[:, 0].tobytes() == expected.tobytes()
    places, out = np.arange(len(at))[::-1].copy(), backend.zeros((len(at), 1, brains.outputs), kind)
    brains.forward_rows(backend.array(x[at[::-1]].reshape(len(at), 1, brains.inputs)), out, places, at)
    assert backend.host(out)[::-1, 0].tobytes() == whole[at].tobytes()


@pytest.mark.parametrize(
    ("name", "dtype"), [*(("reference", dtype) for dtype in DTYPES), ("cpu", "float32"), ("cpu", "bfloat16")]
)
@settings(max_examples=25, deadline=None)
@given(widths, st.sampled_from(ACTIVATIONS), st.booleans(), some, st.integers(0, 99))
def test_bits_of_the_whole_pool(name, dtype, widths, activation, bias, rows, seed) -> None:
    brains = Brains(MLP(widths, activation, "tanh", bias), 40, seed=7, backend=name, dtype=dtype)
    x, at = np.random.default_rng(seed).normal(size=(40, widths[0])), np.array(sorted(rows), np.int64)
    agree(brains, x, at)


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_large_pools_have_the_bits_of_their_own_kernel(name: str) -> None:
    """As many parameters as a kernel compiled for the layout serves."""
    brains = Brains(MLP((19, 32, 2), "tanh", "tanh"), 2000, seed=1, backend=name)
    x, at = np.random.default_rng(0).normal(size=(2000, 19)), np.arange(3, 2000, 7)
    agree(brains, x, at)


def test_on_a_device(hosted) -> None:
    brains = Brains(MLP((5, 7, 3), "tanh"), 40, seed=7, backend="cuda")
    x, at = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32), np.array([0, 3, 4, 39])
    agree(brains, x, at)


def test_mixed_pools(backend: str) -> None:
    brains = Brains([MLP((5, 2 + k % 3, 3)) for k in range(40)], seed=7, backend=backend)
    x, at = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32), np.array([0, 3, 4, 5, 38, 39])
    agree(brains, x, at)
