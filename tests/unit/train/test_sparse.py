"""Lists of inputs that are not zero, against NumPy, and when they are made."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.train.sparse import BACKWARD, FORWARD, GROUP, MOST, Sparse

rng = np.random.default_rng(3)


def scattered(M: int, I: int, density: float, dtype: str = "float32") -> np.ndarray:
    """Samples of which each input is not zero with this probability."""
    return (rng.integers(1, 256, (M, I)) * (rng.random((M, I)) < density)).astype(dtype)


def inputs(x: np.ndarray) -> list[list[int]]:
    """For each sample the inputs that are not zero; [] without lists."""
    sparse = Sparse.of(x)
    return [sparse.inputs[a:b].tolist() for a, b in pairwise(sparse.first)]


def groups(x: np.ndarray) -> list[list[int]]:
    sparse = Sparse.of(x)
    return [sparse.groups[a:b].tolist() for a, b in pairwise(sparse.start)]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    M=st.integers(1, 30), I=st.integers(2 * GROUP, 70), density=st.floats(0, 0.15),
    dtype=st.sampled_from(["uint8", "float32"]),
)  # fmt: skip
def test_lists_name_what_is_not_zero(M, I, density, dtype):
    x = scattered(M, I, density, dtype)
    x[::3] = 0  # samples of nothing
    assert Sparse.of(x).inputs.dtype == Sparse.of(x).groups.dtype == np.uint16
    assert inputs(x) == ([np.flatnonzero(row).tolist() for row in x] if (x != 0).mean() <= FORWARD else [])
    if found := groups(x):
        assert found == [np.unique(np.flatnonzero(row) // GROUP).tolist() for row in x]


def test_minus_zero_is_zero_and_the_smallest_number_is_not():
    x = np.zeros((2, 20), np.float32)
    x[0, 3], x[1, 19] = -0.0, 1e-45
    assert inputs(x) == [[], [19]]
    assert groups(x) == [[], [2]]


def test_long_data_are_read_in_parts():
    """More samples than are looked at together: 4096."""
    x = scattered(9001, 17, 0.1, "uint8")
    assert inputs(x) == [np.flatnonzero(row).tolist() for row in x]
    assert len(groups(x)) == 9001


def test_dense_data_have_no_lists():
    assert inputs(scattered(50, 40, 0.95)) == groups(scattered(50, 40, 0.95)) == []


def test_the_two_lists_are_made_where_each_pays():
    """Zeros side by side fill whole groups, which is what the gradient needs; scattered ones do not."""
    assert FORWARD < 0.5 < BACKWARD
    together, alone = np.ones((40, 4 * GROUP), np.float32), np.zeros((40, 4 * GROUP), np.float32)
    together[:, : 2 * GROUP] = 0
    alone[:, ::GROUP] = 1
    assert (inputs(together), groups(together)) == ([], [[2, 3]] * 40)
    assert (len(inputs(alone)), groups(alone)) == (40, [])


@pytest.mark.parametrize("shape", [(5, 2 * GROUP - 1), (0, 40), (1, MOST + 1)])
def test_too_few_inputs_too_many_or_no_samples_have_none(shape):
    x = np.zeros(shape, np.uint8)
    assert inputs(x) == groups(x) == []
