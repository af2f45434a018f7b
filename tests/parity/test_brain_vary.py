"""First weights, births and crossovers: the kernels against the plain reference, over architectures and dtypes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.brain.brains import Brains
from swarm.brain.mlp import DTYPES, MLP
from swarm.brain.vary import Mutation

architectures = st.builds(
    MLP,
    st.lists(st.integers(1, 70), min_size=2, max_size=4),
    st.sampled_from(["tanh", "relu", "selu"]),
    bias=st.booleans(),
)
NORMALS = 1e-6  # how far the two normal generators differ, in standard deviations
everywhere = [pytest.mark.parametrize("dtype", DTYPES), settings(max_examples=25, deadline=None)]


def pair(mlp: MLP, count: int, dtype: str, init: str, seed: int) -> tuple[Brains, Brains]:
    reference, cpu = (
        Brains(mlp, count, seed=seed, backend=backend, dtype=dtype, init=init) for backend in ("reference", "cpu")
    )
    return reference, cpu


@everywhere[0]
@everywhere[1]
@given(architectures, st.integers(1, 40), st.integers(0, 2**64 - 1))
def test_uniform_weights_have_equal_bits(dtype: str, mlp: MLP, count: int, seed: int) -> None:
    reference, cpu = pair(mlp, count, dtype, "uniform", seed)
    assert reference.rows.tobytes() == cpu.rows.tobytes()


@everywhere[0]
@everywhere[1]
@given(architectures, st.integers(1, 40), st.sampled_from(["auto", "he", "glorot", "lecun"]), st.integers(0, 2**32))
def test_normal_weights_agree(dtype: str, mlp: MLP, count: int, init: str, seed: int) -> None:
    reference, cpu = pair(mlp, count, dtype, init, seed)
    expected, got = reference.flat().astype(np.float64), cpu.flat().astype(np.float64)
    spacing = {"bfloat16": 2.0**-7, "float16": 2.0**-10}.get(dtype, 2.0**-22)
    least = 2.0**-24 if dtype == "float16" else 0.0  # places stop moving with the exponent
    assert (abs(got - expected) <= 2**0.5 * 2 * NORMALS + spacing * abs(expected) + least).all()


@everywhere[0]
@everywhere[1]
@given(
    architectures,
    st.integers(1, 40),
    st.sampled_from([0.0, 1e-3, 0.1]),
    st.sampled_from([1.0, 0.5, 0.01]),
    st.integers(0, 2**33),
    st.randoms(use_true_random=False),
)
def test_births_agree(dtype: str, mlp: MLP, births: int, sigma: float, rate: float, tick: int, random) -> None:
    parents = [random.randrange(50) for _ in range(births)]
    children = random.sample(range(50, 100), births)
    keys = [random.randrange(2**32) for _ in range(births)], [random.randrange(2**32) for _ in range(births)]
    pools = pair(mlp, 100, dtype, "uniform", 5)
    before = pools[0].flat()
    for pool in pools:
        pool.inherit(parents, children, *keys, tick=tick, mutation=Mutation(sigma, rate))
    reference, cpu = (pool.flat().astype(np.float64) for pool in pools)
    old = before[parents].astype(np.float64)
    assert ((reference[children] == old) == (cpu[children] == old)).mean() > 0.999  # the same parameters were taken
    if dtype == "bfloat16":
        assert (abs(reference - cpu) <= 2 * sigma * NORMALS + 2.0**-7 * abs(reference)).all()
    else:
        spacing = np.finfo(dtype).eps * abs(reference) + (2.0**-24 if dtype == "float16" else 0.0)
        assert (abs(reference - cpu) <= 2 * sigma * NORMALS + spacing).all()
    untouched = np.setdiff1d(np.arange(100), children)
    assert cpu[untouched].tobytes() == before[untouched].astype(np.float64).tobytes()
    if sigma == 0:
        assert pools[0].rows.tobytes() == pools[1].rows.tobytes()


@everywhere[0]
@everywhere[1]
@given(architectures, st.integers(1, 30), st.booleans(), st.randoms(use_true_random=False))
def test_crossovers_have_equal_bits(dtype: str, mlp: MLP, births: int, units: bool, random) -> None:
    first, second = ([random.randrange(30) for _ in range(births)] for _ in range(2))
    children = random.sample(range(30, 60), births)
    pools = pair(mlp, 60, dtype, "uniform", 3)
    for pool in pools:
        pool.cross(first, second, children, tick=4, units=units)
    assert pools[0].rows.tobytes() == pools[1].rows.tobytes()
