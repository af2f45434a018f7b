"""Orders of samples: bijections, even, the brain's own, and the same integers from kernel and reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.errors import SettingsError
from swarm.train import sampling, sampling_cpu
from swarm.train.sampling import SAMPLINGS, Order


def epoch(order: Order, number: int = 0, start: int = 0, count: int | None = None, module=sampling) -> np.ndarray:
    out = np.empty((order.rows, order.M - start if count is None else count), np.int32)
    module.indices(order.M, *order.rounds(number), start, out)
    return out


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint32)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    M=st.integers(1, 3000), how=st.sampled_from(SAMPLINGS), shuffle=st.booleans(), seed=st.integers(0, 2**64 - 1),
    number=st.integers(0, 9), data=st.data(),
)  # fmt: skip
def test_kernel_and_reference_give_the_same_integers(M, how, shuffle, seed, number, data):
    order = Order(M, keys(3) * 7, how, shuffle, seed)
    start = data.draw(st.integers(0, M - 1))
    count = data.draw(st.integers(1, M - start))
    whole = epoch(order, number)
    for module in (sampling, sampling_cpu):
        np.testing.assert_array_equal(epoch(order, number, start, count, module), whole[:, start : start + count])
    assert whole.min() >= 0
    assert whole.max() < M
    if how != "bootstrap":
        np.testing.assert_array_equal(np.sort(whole, axis=1), np.broadcast_to(np.arange(M), whole.shape))


def test_an_order_is_the_brains_own():
    every = epoch(Order(500, keys(9)))
    few = epoch(Order(500, np.array([7, 2], np.uint32)))
    np.testing.assert_array_equal(few, every[[7, 2]])
    assert len(np.unique(every, axis=0)) == 9


def test_epochs_and_seeds_shuffle_anew():
    order = Order(500, keys(2))
    assert not np.array_equal(epoch(order, 0), epoch(order, 1))
    assert not np.array_equal(epoch(order, 0), epoch(Order(500, keys(2), seed=1), 0))


def test_shared_is_one_order_for_all():
    order = Order(50, keys(4), "shared")
    assert epoch(order).shape == (1, 50)
    assert not np.array_equal(epoch(order, 0), epoch(order, 1))
    np.testing.assert_array_equal(epoch(order), epoch(Order(50, keys(1) + 3, "shared")))


def test_unshuffled_samples_come_as_they_are():
    assert epoch(Order(50, keys(4), "own", shuffle=False)).tolist() == [list(range(50))]
    draws = [epoch(Order(5000, keys(2), "bootstrap", shuffle=False), number) for number in (0, 1)]
    np.testing.assert_array_equal(*draws)  # the draws stay, in their order


def test_bootstrap_keeps_its_draws_over_epochs():
    first, second = (epoch(Order(5000, keys(2), "bootstrap"), number) for number in (0, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first, axis=1), np.sort(second, axis=1))
    for row in first:  # the share met at least once: 1 - 1/e, with a deviation of 0.0048
        assert len(np.unique(row)) / 5000 == pytest.approx(1 - math.exp(-1), abs=0.02)


def chi_squared(counts: np.ndarray) -> float:
    """How far from even, in standard deviations of the chi-squared law (0 is the mean)."""
    mean, freedom = counts.mean(), counts.size - 1
    return float(((counts - mean) ** 2 / mean).sum() - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize("M", [2, 3, 4, 5, 6])
def test_all_orders_come_equally_often(M):
    orders = epoch(Order(M, keys(100 * math.factorial(M))), module=sampling_cpu)
    _, counts = np.unique(orders @ M ** np.arange(M), return_counts=True)
    assert counts.size == math.factorial(M)
    assert abs(chi_squared(counts)) < 4


@pytest.mark.parametrize("M", [100, 1000])
def test_places_and_neighbours_are_even(M):
    orders = epoch(Order(M, keys(100 * M)), count=M // 2 + 1, module=sampling_cpu)
    for place in (0, 1, M // 2):
        assert abs(chi_squared(np.bincount(orders[:, place], minlength=M))) < 4.5
    for place in (1, M // 2):
        apart = (orders[:, place] - orders[:, 0]) % M
        assert abs(chi_squared(np.bincount(apart, minlength=M)[1:])) < 4.5


def test_settings_are_checked():
    with pytest.raises(SettingsError, match="bootstrap"):
        Order(10, keys(1), "bootstap")
    with pytest.raises(SettingsError, match="samples"):
        Order(0, keys(1))
