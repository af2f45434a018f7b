"""What `fit` refuses before it begins, and that it says where."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, SGD, Brains, fit
from swarm.errors import DataError, SettingsError
from swarm.train import optimizers
from swarm.train.samples import check

X = np.zeros((6, 4), np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])
F32 = np.dtype(np.float32)


def brains(count: int = 3) -> Brains:
    return Brains(MLP((4, 5, 3)), count, backend="reference")


def nan_at(row: int, column: int) -> np.ndarray:
    x = X.copy()
    x[row, column] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X, np.array([0, 1, 2, 3, 1, 2]), r"label of sample 3 is 3; 3 outputs take labels 0\.\.2"),
        (X, np.array([0, 1, -1, 0, 1, 2]), "label of sample 2 is -1"),
        (X, Y.astype(float), "whole-number labels"),
        (X, Y[:, None], "labels \\[samples\\]"),
        (X, Y[:5], "6 samples in x, 5 in y"),
        (nan_at(2, 3), Y, r"x\[2, 3\] is nan"),
        (np.where(X == 0, np.inf, 0), Y, "24 values in all"),
        (X[:, :3], Y, r"has 3 inputs, the networks take 4.*MLP\(\(3"),
        (X.reshape(6, 2, 2), Y, "reshape"),
        (X[:0], Y[:0], "no samples"),
        (X.astype(str), Y, "not numbers"),
    ],
)
def test_bad_samples(x, y, words):
    with pytest.raises(DataError, match=words):
        fit(brains(), x, y)


def test_bad_targets():
    with pytest.raises(DataError, match=r"targets \[samples, 3\]"):
        fit(brains(), X, Y, loss="mse")
    targets = np.zeros((6, 3))
    targets[4, 1] = np.inf
    with pytest.raises(DataError, match=r"y\[4, 1\] is inf"):
        fit(brains(), X, targets, loss="mse")


def test_bad_validation():
    with pytest.raises(DataError, match="validation set is empty"):
        fit(brains(), X, Y, validation=(X[:0], Y[:0]))
    with pytest.raises(DataError, match="fit: validation: the label of sample 0 is 9"):
        fit(brains(), X, Y, validation=(X[:1], np.array([9])))
    with pytest.raises(SettingsError, match="pair"):
        fit(brains(), X, Y, validation=X)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": SGD([0.1, 0.2])}, "one for each of the 3 brains"),
        ({"optimizer": SGD([0.1, np.nan, 0.1])}, r"nan \(brain 1\)"),
        ({"optimizer": SGD(-1)}, "0 or more"),
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": 2.5}, "batch_size 2.5"),
        ({"loss": "cross"}, "cross_entropy"),
        ({"sampling": "mine"}, "own"),
        ({"seed": -1}, "seed"),
        ({"keys": [1, 2]}, "3 whole numbers"),
        ({"keys": [1, 2, -3]}, "3 whole numbers"),
    ],
)
def test_bad_settings(settings, words):
    population = brains()
    before = population.rows.copy()
    with pytest.raises(SettingsError, match=words):
        fit(population, X, Y, **settings)
    np.testing.assert_array_equal(population.rows, before)


def test_no_brains():
    with pytest.raises(SettingsError, match="no brains"):
        fit(brains(0), X, Y)
    with pytest.raises(SettingsError, match="not a pool"):
        fit([brains()], X, Y)  # type: ignore[arg-type]


def test_bytes_stay_bytes_and_are_scaled_when_read():
    x = np.arange(24, dtype=np.uint8).reshape(6, 4)
    samples = check(x, Y, "cross_entropy", 4, 3, F32)
    assert samples.x is x
    np.testing.assert_allclose(samples.inputs(np.array([[1, 5]]), F32)[0], x[[1, 5]] / 255, rtol=1e-6)


def test_read_only_and_strided_samples_are_taken():
    x = np.arange(48, dtype=np.float64).reshape(6, 8)[:, ::2]
    x.flags.writeable = False
    samples = check(x, Y.astype(np.uint8), "cross_entropy", 4, 3, F32)
    np.testing.assert_array_equal(samples.x, x)
    assert samples.x.dtype == np.float32
    assert samples.labels.dtype == np.int32


def test_one_output_takes_flat_targets():
    assert check(X, np.ones(6), "mse", 4, 1, F32).targets.shape == (6, 1)


def test_rates_are_one_per_brain():
    np.testing.assert_array_equal(optimizers.rates(0.5, 3, F32), np.full(3, 0.5, np.float32))
    np.testing.assert_array_equal(optimizers.rates([1, 2, 3], 3, F32), np.array([1, 2, 3], np.float32))
