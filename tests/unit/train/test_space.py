"""The candidates of a sweep: grids, distributions, keyed draws, and what bad words get."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm.errors import SettingsError
from swarm.train import space
from swarm.train.space import Distribution, candidates


def test_a_grid_is_every_combination_in_order():
    found = candidates({"learning_rate": "0.1,0.3", "hidden": [16, "32-16", "none"]})
    assert found == [
        {"learning_rate": rate, "hidden": hidden} for rate in (0.1, 0.3) for hidden in ((16,), (32, 16), ())
    ]


def test_nothing_varied_is_one_candidate():
    assert candidates() == [{}]


def test_text_and_values_say_the_same():
    words = {"hidden": "16,32-16", "activation": "relu,tanh", "nesterov": "true,false", "clip": "none,1", "epochs": "2"}
    values = {"hidden": [16, (32, 16)], "activation": ["relu", "tanh"], "nesterov": [True, False], "clip": [None, 1]}
    assert candidates(words) == candidates({**values, "epochs": 2})


def test_more_draws_keep_the_earlier_ones_and_other_settings_do_not_matter():
    law = {"learning_rate": "log_uniform(1e-4, 1)"}
    few, many = candidates({}, law, 3, seed=5), candidates({}, law, 8, seed=5)
    assert many[:3] == few
    both = candidates({}, {"dropout": "uniform(0, 0.5)", **law}, 3, seed=5)
    assert [one["learning_rate"] for one in both] == [one["learning_rate"] for one in few]
    assert candidates({}, law, 3, seed=6) != few


def test_combinations_draw_for_themselves():
    found = candidates({"hidden": [8, 16]}, {"dropout": "uniform(0, 0.5)"}, 4)
    assert len(found) == 8
    assert len({one["dropout"] for one in found}) == 8


@pytest.mark.parametrize(
    ("text", "name", "quantile"),
    [
        ("uniform(0.1, 0.5)", "dropout", lambda u: 0.1 + 0.4 * u),
        ("log_uniform(1e-4, 1)", "learning_rate", lambda u: 10 ** (-4 + 4 * u)),
    ],
)
def test_quantiles_of_numbers(text, name, quantile):
    u = np.linspace(0.01, 0.99, 9)
    np.testing.assert_allclose(Distribution.of(name, text).at(u), quantile(u), rtol=1e-12)


@pytest.mark.parametrize("kind", ["integers", "log_integers"])
@given(low=st.integers(1, 40), more=st.integers(0, 40), u=st.floats(1e-9, 1 - 1e-9))
def test_whole_numbers_stay_within_both_ends(kind, low, more, u):
    (found,) = Distribution.of("batch_size", f"{kind}({low}, {low + more})").at(np.array([u]))
    assert isinstance(found, int)
    assert low <= found <= low + more


def test_integers_come_equally_often():
    values = Distribution.of("batch_size", "integers(3, 6)").at((np.arange(4000) + 0.5) / 4000)
    assert np.bincount(values)[3:].tolist() == [1000] * 4


def test_a_list_is_a_choice_with_equal_shares():
    values = Distribution.of("activation", ["relu", "tanh", "gelu"]).at((np.arange(300) + 0.5) / 300)
    assert [values.count(name) for name in ("relu", "tanh", "gelu")] == [100] * 3


def test_hidden_from_integers_is_one_layer():
    assert Distribution.of("hidden", "integers(8, 8)").at(np.array([0.3])) == [(8,)]


def test_draws_look_uniform():
    u = space.quantiles("test", np.arange(4096), seed=1)
    assert 0 < u.min() < 0.01
    assert 0.99 < u.max() < 1
    counts = np.histogram(u, 16, (0, 1))[0]
    assert ((counts - 256) ** 2 / 256).sum() < 37.7  # chi-squared, 15 degrees of freedom: p = 0.001


@pytest.mark.parametrize(
    ("grid", "random", "draws", "text"),
    [
        ({"learning_rat": [1]}, None, None, "Did you mean 'learning_rate'"),
        ({"activation": "relu,rely"}, None, None, "Did you mean 'relu'"),
        ({"learning_rate": [-1]}, None, None, "0 or more"),
        ({"dropout": [1.0]}, None, None, "below 1"),
        ({"clip": [0]}, None, None, "above 0"),
        ({"batch_size": [0.5]}, None, None, "whole number"),
        ({"hidden": ["16-x"]}, None, None, "widths of hidden layers"),
        ({"nesterov": ["yes"]}, None, None, "true or false"),
        ({"learning_rate": []}, None, None, "no values"),
        ({"dropout": "uniform(0, 1)"}, None, None, "Put it under random"),
        (None, {"dropout": "uniforn(0, 1)"}, None, "Did you mean 'uniform'"),
        (None, {"dropout": "uniform(0, 1)"}, None, "below 1"),
        (None, {"learning_rate": "log_uniform(0, 1)"}, None, "above 0"),
        (None, {"learning_rate": "uniform(1, 0.1)"}, None, "not exceed"),
        (None, {"learning_rate": "uniform(1)"}, None, "two numbers"),
        (None, {"batch_size": "uniform(8, 64)"}, None, "integers"),
        (None, {"batch_size": "integers(8.5, 64)"}, None, "whole numbers"),
        (None, {"activation": "uniform(0, 1)"}, None, "list of values"),
        ({"dropout": [0]}, {"dropout": [0]}, None, "under grid and under random"),
        ({"dropout": [0]}, None, 5, "nothing to draw"),
        (None, {"dropout": [0]}, 0, "1 or more"),
        ([1], None, None, "no table"),
        (
            {"learning_rate": np.geomspace(1, 2, 2000), "noise": np.linspace(0, 1, 600)},
            None,
            None,
            "candidates; at most",
        ),
    ],
)
def test_bad_words(grid, random, draws, text):
    with pytest.raises(SettingsError, match=text):
        candidates(grid, random, draws)
