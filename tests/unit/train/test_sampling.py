"""Orders of samples: bijections, even, the brain's own, and the same integers from kernel and reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import Folds
from swarm.errors import SettingsError
from swarm.train import sampling, sampling_cpu
from swarm.train.parts import Parts, parts_of
from swarm.train.sampling import SAMPLINGS, Order


def orders(M: int, keys: np.ndarray, *more, **settings) -> Order:
    return Order(Parts.all(M), keys, *more, **settings)


def epoch(order: Order, number: int = 0, start: int = 0, count: int | None = None, module=sampling) -> np.ndarray:
    stop = order.parts.M if count is None else start + count
    return order.indices(number, start, stop, twin=module)[0]


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint32)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    M=st.integers(1, 3000), how=st.sampled_from(SAMPLINGS), shuffle=st.booleans(), seed=st.integers(0, 2**64 - 1),
    number=st.integers(0, 9), data=st.data(),
)  # fmt: skip
def test_kernel_and_reference_give_the_same_integers(M, how, shuffle, seed, number, data):
    order = orders(M, keys(3) * 7, how, shuffle, seed)
    start = data.draw(st.integers(0, M - 1))
    count = data.draw(st.integers(1, M - start))
    whole = epoch(order, number)
    for module in (sampling, sampling_cpu):
        np.testing.assert_array_equal(epoch(order, number, start, count, module), whole[:, start : start + count])
    assert whole.min() >= 0
    assert whole.max() < M
    if how != "bootstrap":
        np.testing.assert_array_equal(np.sort(whole, axis=1), np.broadcast_to(np.arange(M), whole.shape))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    how=st.sampled_from(["own", "bootstrap"]), shuffle=st.booleans(), number=st.integers(0, 9), data=st.data(),
    sizes=st.lists(st.integers(1, 400), min_size=2, max_size=5),
)  # fmt: skip
def test_brains_with_samples_of_their_own(how, shuffle, number, data, sizes):
    """Each row is what the brain would have with so many samples alone, looked up in its list."""
    lists = [np.arange(7 * n, 7 * n + size) * 3 % 1000 for n, size in enumerate(sizes)]
    names = keys(len(sizes)) + 4
    order = Order(parts_of(lists, None, 1000, len(sizes)), names, how, shuffle, 5)
    start = data.draw(st.integers(0, max(sizes) - 1))
    stop = data.draw(st.integers(start + 1, max(sizes)))
    active = np.array(data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes))))
    for module in (sampling, sampling_cpu):
        index, lengths, weights = order.indices(number, start, stop, active, module)
        assert weights is None
        assert lengths.tolist() == [max(0, min(size, stop) - start) * on for size, on in zip(sizes, active)]
        for n, size in enumerate(sizes):
            alone = epoch(orders(size, names[n : n + 1], how, shuffle, 5), number)[0]
            np.testing.assert_array_equal(index[n, : lengths[n]], lists[n][alone[start : start + lengths[n]]])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(k=st.integers(2, 6), M=st.integers(6, 300), shuffle=st.booleans())
def test_two_stretches(k, M, shuffle):
    order = Order(parts_of(Folds(k), None, M, k), keys(k), "own", shuffle, 5)
    every = [order.indices(1, 0, M, twin=module) for module in (sampling, sampling_cpu)]
    np.testing.assert_array_equal(every[0][0], every[1][0])
    for n in range(k):
        mine = every[0][0][n, : every[0][1][n]]
        np.testing.assert_array_equal(np.sort(mine), np.sort(order.parts.rows(n)))
        if not shuffle:
            np.testing.assert_array_equal(mine, order.parts.rows(n))


def test_orders_are_these():
    """A changed order changes every training."""
    expected = {
        "own": [
            [17, 14, 6, 16, 2, 12, 3, 19, 15, 1, 10, 5, 9, 13, 4, 11, 18, 7, 0, 8],
            [2, 4, 1, 18, 5, 11, 0, 15, 9, 12, 10, 17, 3, 8, 7, 6, 14, 16, 19, 13],
        ],
        "shared": [[17, 13, 0, 3, 9, 4, 7, 10, 19, 15, 2, 14, 11, 18, 5, 16, 12, 1, 6, 8]],
        "bootstrap": [
            [5, 2, 15, 13, 18, 10, 4, 14, 18, 10, 5, 6, 6, 13, 1, 14, 19, 10, 0, 6],
            [16, 8, 9, 6, 1, 17, 19, 7, 5, 18, 1, 1, 11, 11, 3, 6, 17, 16, 3, 11],
        ],
    }
    for how, rows in expected.items():
        assert epoch(orders(20, keys(2) * 3, how, True, 7), 1).tolist() == rows


def test_an_order_is_the_brains_own():
    every = epoch(orders(500, keys(9)))
    few = epoch(orders(500, np.array([7, 2], np.uint32)))
    np.testing.assert_array_equal(few, every[[7, 2]])
    assert len(np.unique(every, axis=0)) == 9


def test_epochs_and_seeds_shuffle_anew():
    order = orders(500, keys(2))
    assert not np.array_equal(epoch(order, 0), epoch(order, 1))
    assert not np.array_equal(epoch(order, 0), epoch(orders(500, keys(2), seed=1), 0))


def test_shared_is_one_order_for_all():
    order = orders(50, keys(4), "shared")
    assert epoch(order).shape == (1, 50)
    assert not np.array_equal(epoch(order, 0), epoch(order, 1))
    np.testing.assert_array_equal(epoch(order), epoch(orders(50, keys(1) + 3, "shared")))


def test_unshuffled_samples_come_as_they_are():
    assert epoch(orders(50, keys(4), "own", shuffle=False)).tolist() == [list(range(50))]
    draws = [epoch(orders(5000, keys(2), "bootstrap", shuffle=False), number) for number in (0, 1)]
    np.testing.assert_array_equal(*draws)  # the draws stay, in their order


def test_bootstrap_keeps_its_draws_over_epochs():
    first, second = (epoch(orders(5000, keys(2), "bootstrap"), number) for number in (0, 1))
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
    found = epoch(orders(M, keys(100 * math.factorial(M))), module=sampling_cpu)
    _, counts = np.unique(found @ M ** np.arange(M), return_counts=True)
    assert counts.size == math.factorial(M)
    assert abs(chi_squared(counts)) < 4


@pytest.mark.parametrize("M", [100, 1000])
def test_places_and_neighbours_are_even(M):
    found = epoch(orders(M, keys(100 * M)), count=M // 2 + 1, module=sampling_cpu)
    for place in (0, 1, M // 2):
        assert abs(chi_squared(np.bincount(found[:, place], minlength=M))) < 4.5
    for place in (1, M // 2):
        apart = (found[:, place] - found[:, 0]) % M
        assert abs(chi_squared(np.bincount(apart, minlength=M)[1:])) < 4.5


def test_settings_are_checked():
    with pytest.raises(SettingsError, match="bootstrap"):
        orders(10, keys(1), "bootstap")
    with pytest.raises(SettingsError, match="0 samples"):
        parts_of(None, None, 0, 1)
