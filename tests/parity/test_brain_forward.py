"""Inference: the kernels against the plain reference, over widths, activations, dtypes, batches and shared pools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.brain.activations import ACTIVATIONS
from swarm.brain.brains import Brains
from swarm.brain.mlp import DTYPES, MLP

names = st.sampled_from(ACTIVATIONS)
widths = st.lists(st.integers(1, 70), min_size=2, max_size=5)
smooth = st.sampled_from([name for name in ACTIVATIONS if name != "hardshrink"])
dtypes = pytest.mark.parametrize("dtype", DTYPES)
EPS = {"float32": 2.0**-24, "float64": 2.0**-53, "bfloat16": 2.0**-24, "float16": 2.0**-24}


def pair(mlp: MLP, count: int, dtype: str) -> tuple[Brains, Brains]:
    reference = Brains(mlp, count, seed=7, backend="reference", dtype=dtype, init="uniform")
    cpu = Brains(mlp, count, seed=7, backend="cpu", dtype=dtype, init="uniform")
    assert reference.rows.tobytes() == cpu.rows.tobytes()
    return reference, cpu


def close(brains: Brains, x: np.ndarray, got: np.ndarray, expected: np.ndarray) -> None:
    """Within the rounding of another order of additions: each layer adds I + 8 units in the last place of the largest
    sum there can be, and passes on at most twice what came in times the sum of its weights."""
    size, error = float(abs(x).max(initial=0)), 0.0
    for k, layer in enumerate(brains.layout.layers):
        gain = float(abs(brains.weight(k).astype(np.float64)).sum(axis=1).max(initial=0))
        offset = float(abs(brains.bias(k).astype(np.float64)).max(initial=0)) if layer.bias >= 0 else 0.0
        size = size * gain + offset
        error = 1.2 * (error * gain + (layer.inputs + 8) * EPS[brains.dtype.name] * max(size, 1.0))
        size *= 1.8  # selu's steepest
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert abs(got - expected).max(initial=0) <= 4 * error


@dtypes
@settings(max_examples=25, deadline=None)
@given(widths, smooth, smooth, st.booleans(), st.integers(0, 60), st.data())
def test_one_sample_each(dtype, widths, hidden, output, bias, count, data) -> None:
    reference, cpu = pair(MLP(widths, hidden, output, bias), count, dtype)
    x = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(count, widths[0]))
    close(reference, x, cpu(x), reference(x))


@dtypes
@settings(max_examples=20, deadline=None)
@given(widths, smooth, st.integers(1, 9), st.integers(0, 70), st.booleans(), st.data())
def test_batches_own_and_shared(dtype, widths, hidden, count, samples, shared, data) -> None:
    reference, cpu = pair(MLP(widths, hidden, "tanh"), count, dtype)
    shape = (1 if shared else count, samples, widths[0])
    x = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=shape)
    close(reference, x, cpu(x), reference(x))


@dtypes
@settings(max_examples=20, deadline=None)
@given(widths, smooth, st.integers(1, 9), st.integers(0, 200), st.data())
def test_shared_pools(dtype, widths, hidden, brains, count, data) -> None:
    reference, cpu = pair(MLP(widths, hidden, "tanh"), brains, dtype)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    compute = reference.layout.compute
    x = random.normal(size=(count, 1, widths[0])).astype(compute)
    brain = random.integers(0, brains, count).astype(np.int32)
    out = [np.full((count, 1, widths[-1]), np.nan, compute) for _ in range(2)]
    reference.forward(x, out[0], brain)
    cpu.forward(x, out[1], brain)
    close(reference, x, out[1], out[0])


@pytest.mark.parametrize("name", ACTIVATIONS)
@dtypes
def test_every_activation_over_its_range(dtype: str, name: str) -> None:
    """One input, weight one: what comes out is the activation itself, from deep tails to large values."""
    z = np.concatenate([np.linspace(-30, 30, 4001), [-1e4, -90.0, -0.5, 0.0, 0.5, 88.0, 1e4]])[:, None]
    for mlp in (MLP((1, 1, 1), name, bias=False), MLP((1, 17), output=name, bias=False)):
        reference, cpu = pair(mlp, len(z), dtype)
        for brains in (reference, cpu):
            for k in range(len(mlp.widths) - 1):
                brains.weight(k)[...] = 1
        bound = 8 * EPS[dtype] * (1 + abs(z))
        assert (abs(cpu(z) - reference(z)) <= bound).all()


@dtypes
@pytest.mark.parametrize("mlp", [MLP((19, 32, 4)), MLP((6, 23, 17, 3), ("mish", "relu"), "tanh")], ids=str)
def test_equal_bits_for_threads_company_order_and_number(dtype: str, mlp: MLP) -> None:
    """Large pools get a kernel of their own; a pool of 300, one brain and one thread must give the same bits."""
    count = 2400
    brains = Brains(mlp, count, seed=1, backend="cpu", dtype=dtype, init="uniform")
    x = np.random.default_rng(2).normal(size=(count, mlp.inputs))
    whole = brains(x)
    close(brains, x, whole, Brains(mlp, count, seed=1, backend="reference", dtype=dtype, init="uniform")(x))
    order = np.random.default_rng(3).permutation(count)
    assert brains.clone(order)(x[order]).tobytes() == whole[order].tobytes()
    assert brains[500:800](x[500:800]).tobytes() == whole[500:800].tobytes()
    assert brains[611](x[611:612]).tobytes() == whole[611:612].tobytes()
    one = Brains(mlp, count, seed=1, backend="cpu", dtype=dtype, init="uniform", threads=1)
    assert one(x).tobytes() == whole.tobytes()


def test_infinities_and_nan_come_through() -> None:
    brains = Brains(MLP((2, 20, 3), "relu"), 4, seed=1, backend="cpu")
    y = brains([[0, 0], [np.nan, 0], [np.inf, 1], [1, 2]])
    assert np.isfinite(y[[0, 3]]).all()
    assert np.isnan(y[1]).all()
