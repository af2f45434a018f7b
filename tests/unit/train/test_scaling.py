"""Scaling and splits: mean 0 and deviation 1, folded networks, who is held back."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, Brains
from swarm.errors import DataError, SettingsError
from swarm.train.scaling import Scaling, folded
from swarm.train.split import split

rng = np.random.default_rng(9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
def test_columns_have_mean_0_and_deviation_1(dtype):
    values = (rng.standard_normal((10_000, 3)) * [1, 20, 5] + [7, 90, 100]).astype(dtype)
    values[:, 2] = 3
    how = Scaling.of(values)
    scaled = how.apply(values, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(how.undo(scaled), values, rtol=1e-12)
    assert how.apply(values, np.float32).dtype == np.float32


def test_a_constant_is_constant_in_spite_of_rounding():
    assert Scaling.of(np.full((1000, 1), 0.1)).scale == 1
    assert Scaling.of(np.full((1, 1), 1e9)).scale == 1
    tiny = Scaling.of(np.array([[0.0], [1e-30]]))
    np.testing.assert_allclose(tiny.scale, 5e-31)


@pytest.mark.parametrize("widths", [(3, 2), (3, 5, 2), (3, 5, 4, 2)])
def test_a_folded_network_takes_data_as_they_are(widths):
    brains = Brains(MLP(widths, "tanh"), 3, seed=2, dtype="float64", backend="reference")
    x = rng.standard_normal((20, 3)) * [1, 30, 0.1] + [5, -100, 2]
    inputs, outputs = Scaling.of(x), Scaling(np.array([3.0, -4.0]), np.array([10.0, 0.5]))
    expected = outputs.undo(brains(inputs.apply(x, np.float64), shared=True)[1])
    one = folded(brains[1], inputs, outputs)
    np.testing.assert_allclose(one(x, shared=True)[0], expected, rtol=1e-11)
    assert one.mlp == brains.mlp
    assert not np.shares_memory(one.parameters, brains.parameters)


@pytest.mark.parametrize("count", [2, 3, 10, 1001])
@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.99])
def test_a_split_names_every_sample_once(count, fraction):
    train, held = split(count, fraction, 3)
    assert sorted([*train, *held]) == list(range(count))
    assert len(held) == min(max(1, round(count * fraction)), count - 1)
    assert [part.tolist() for part in split(count, fraction, 3)] == [train.tolist(), held.tolist()]
    assert (np.diff(train) > 0).all()


def test_a_split_keeps_the_shares_of_the_classes():
    classes = rng.permutation(np.repeat([0, 1, 2, 3], [500, 100, 5, 1]))
    train, held = split(606, 0.2, 1, classes)
    assert np.bincount(classes[held], minlength=4).tolist() == [100, 20, 1, 0]
    assert np.bincount(classes[train], minlength=4).tolist() == [400, 80, 4, 1]
    few, one = split(4, 0.2, 1, np.array([0, 1, 1, 2]))
    assert len(few) == 3
    assert one[0] in (1, 2)


def test_what_is_refused():
    for fraction in (0, 1, -1, float("nan")):
        with pytest.raises(SettingsError, match="between 0 and 1"):
            split(10, fraction, 0)
    with pytest.raises(DataError, match="n_samples = 1"):
        split(1, 0.5, 0)
    with pytest.raises(DataError, match="every class has one sample"):
        split(3, 0.5, 0, np.arange(3))
