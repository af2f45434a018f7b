"""What the benchmarks of training hold others against: the float64 oracle, and asking `fit` what it showed whom."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, Brains, fit
from swarm.bench import harness, train_checks, whitney
from swarm.bench.train import dense
from swarm.bench.train_oracle import descend
from swarm.bench.train_problem import CHECK, met, pose, weights_of


def problem(activation: str = "tanh", outputs: int = 3) -> tuple[MLP, list, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    mlp = MLP((4, 5, outputs), activation)
    brains = Brains(mlp, 2, seed=1, backend="cpu")
    return mlp, weights_of(brains), random.standard_normal((6, 4)), random.integers(0, outputs, 6)


@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid"])
def test_a_step_goes_down_the_numerical_gradient(activation: str):
    mlp, start, x, y = problem(activation)
    index = np.arange(6)[None]

    def loss(weights: list) -> np.ndarray:
        return descend(mlp, weights, x, y, index, 6, SGD(0.0))[1]

    after, _ = descend(mlp, start, x, y, index, 6, SGD(1.0))
    for layer in range(2):
        for part in range(2):
            for at in [(1, *([0] * (start[layer][part].ndim - 1))), (1, *([-1] * (start[layer][part].ndim - 1)))]:
                moved = [[array.astype(np.float64) for array in pair] for pair in start]
                moved[layer][part][at] += 1e-5
                up = loss([tuple(pair) for pair in moved])[1]
                moved[layer][part][at] -= 2e-5
                slope = (up - loss([tuple(pair) for pair in moved])[1]) / 2e-5
                assert start[layer][part][at] - after[layer][part][at] == pytest.approx(slope, abs=1e-7)


def test_squared_error_of_one_output():
    mlp = MLP((1, 1))
    start = [(np.full((1, 1, 1), 2.0), np.zeros((1, 1)))]
    x, y = np.array([[1.0], [3.0]]), np.array([1.0, 0.0])
    ((weight, bias),), loss = descend(mlp, start, x, y, np.array([[0, 1]]), 2, SGD(0.1))
    assert loss[0] == pytest.approx((1 + 36) / 2)
    assert weight[0, 0, 0] == pytest.approx(2 - 0.1 * (2 * 1 * 1 + 2 * 6 * 3) / 2)
    assert bias[0, 0] == pytest.approx(-0.1 * (2 * 1 + 2 * 6) / 2)


def test_adams_first_step_has_the_length_of_the_rate():
    mlp, start, x, y = problem()
    after, _ = descend(mlp, start, x, y, np.arange(6)[None], 6, Adam(0.01))
    for old, new in zip(start, after, strict=True):
        np.testing.assert_allclose(np.abs(new[0] - old[0]), 0.01, rtol=1e-3)


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.01)])
@pytest.mark.parametrize("sampling", ["own", "shared", "bootstrap"])
def test_fit_is_where_the_oracle_is(optimizer: SGD | Adam, sampling: str):
    random = np.random.default_rng(2)
    x = random.integers(0, 256, (40, 7), dtype=np.uint8)
    y = random.integers(0, 3, 40)
    brains = Brains(MLP((7, 6, 3), "tanh"), 4, seed=3, backend="cpu")
    start = weights_of(brains)
    index = met(40, 16, np.arange(4), sampling=sampling, seed=5, epochs=2)
    assert index.shape == (1 if sampling == "shared" else 4, 80)
    right, _ = descend(brains.mlp, start, x, y, index[:, :40], 16, optimizer)
    fit(brains, x, y, optimizer=optimizer, batch_size=16, sampling=sampling, seed=5)
    for (weight, bias), (w, b) in zip(weights_of(brains), right, strict=True):
        np.testing.assert_allclose(weight, w, atol=2e-6)
        np.testing.assert_allclose(bias, b, atol=2e-6)


def test_own_orders_meet_every_sample_once_and_differ():
    index = met(30, 7, np.array([0, 1, 9]), sampling="own", seed=1)
    assert (np.sort(index) == np.arange(30)).all()
    assert len(np.unique(index, axis=0)) == 3
    np.testing.assert_array_equal(met(30, 7, np.array([9]), sampling="own", seed=1)[0], index[2])


def test_a_problem_begins_with_the_steps_of_fit():
    x, y = np.zeros((50, 3), np.float32), np.zeros(50, np.int64)
    brains = Brains(MLP((3, 2)), 3, backend="cpu")
    posed = pose(brains, x, y, SGD(0.1), 4, 5, "own", seed=2)
    assert posed.steps == CHECK + 5
    first = met(4 * CHECK, 4, np.arange(3), sampling="own", seed=2)
    np.testing.assert_array_equal(posed.index[:, : 4 * CHECK], first)
    assert set(posed.right()) == {0, 1, 2}


def pair(error: float, places: int) -> tuple[list, list]:
    right = [(np.zeros((1, 100, 10)), np.zeros((1, 10)))]
    got = [(right[0][0].copy(), right[0][1].copy())]
    got[0][0].reshape(-1)[:places] = error
    return got, right


def test_all_networks_but_one_on_a_kink_must_agree():
    assert train_checks.agree("x", [pair(1e-6, 1000)] * 4, 1e-5) == pytest.approx(1e-6)
    assert train_checks.agree("x", [pair(0, 0), pair(1e-3, 5)], 1e-5) == 0
    for wrong in ([pair(1e-3, 5)] * 2, [pair(1e-3, 500)], [pair(0.1, 1)], [pair(np.nan, 1)], []):
        with pytest.raises(harness.Invalid):
            train_checks.agree("x", wrong, 1e-5)


def test_equal_networks_are_found_in_mixed_pools():
    brains = Brains([MLP((2, 3, 2)), MLP((2, 4, 2)), MLP((2, 3, 2))], seed=0, backend="cpu")
    assert train_checks.different("x", brains) == 3
    group = next(group for group in brains.groups if len(group) == 2)
    group.parameters[1] = group.parameters[0]
    with pytest.raises(harness.Invalid, match="only 2 differ"):
        train_checks.different("x", brains)


def test_dense_work_is_that_of_the_issue():
    assert dense(MLP((784, 32, 10))) * 64 == 4 * 64 * 784 * 32 + 6 * 64 * 32 * 10


def test_spirals_are_two_arms_half_a_turn_apart():
    x, y = whitney.spirals(4_000, seed=3, noise=0.0)
    assert np.bincount(y).tolist() == [2_000, 2_000]
    along = np.hypot(*x.T)
    angle = np.arctan2(x[:, 1], x[:, 0])
    np.testing.assert_allclose(np.cos(angle - 2 * np.pi * along - np.pi * y), 1, atol=1e-5)
    np.testing.assert_array_equal(whitney.spirals(100, 1)[0], whitney.spirals(100, 1)[0])
