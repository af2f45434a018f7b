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


def answers(brains: Brains, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """What the brains in `rows` answer to their own samples of x [N, I], which lie as in the pool."""
    kind, backend = brains._compute, brains.backend
    given = backend.array(np.ascontiguousarray(x[rows].reshape(len(rows), 1, -1), kind))
    out = backend.zeros((len(rows), 1, brains.outputs), kind)
    brains.forward_rows(given, out, rows)
    return backend.host(out)[:, 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["reference", "cpu"])
@settings(max_examples=25, deadline=None)
@given(widths, st.sampled_from(ACTIVATIONS), st.booleans(), some, st.integers(0, 99))
def test_bits_of_the_whole_pool(name, dtype, widths, activation, bias, rows, seed) -> None:
    brains = Brains(MLP(widths, activation, "tanh", bias), 40, seed=7, backend=name, dtype=dtype)
    x, at = np.random.default_rng(seed).normal(size=(40, widths[0])), np.array(sorted(rows), np.int64)
    assert answers(brains, x, at).tobytes() == brains(x)[at].tobytes()


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_large_pools_have_the_bits_of_their_own_kernel(name: str) -> None:
    """As many parameters as a kernel compiled for the layout serves."""
    brains = Brains(MLP((19, 32, 2), "tanh", "tanh"), 2000, seed=1, backend=name)
    x, at = np.random.default_rng(0).normal(size=(2000, 19)), np.arange(3, 2000, 7)
    assert answers(brains, x, at).tobytes() == brains(x)[at].tobytes()


def test_on_a_device(hosted) -> None:
    brains = Brains(MLP((5, 7, 3), "tanh"), 40, seed=7, backend="cuda")
    x, at = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32), np.array([0, 3, 4, 39])
    assert answers(brains, x, at).tobytes() == brains.backend.host(brains(x))[at].tobytes()


def test_mixed_pools(backend: str) -> None:
    brains = Brains([MLP((5, 2 + k % 3, 3)) for k in range(40)], seed=7, backend=backend)
    x, at = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32), np.array([0, 3, 4, 5, 38, 39])
    assert answers(brains, x, at).tobytes() == brains.backend.host(brains(x))[at].tobytes()
