"""Levels: how many, how long their steps are under each rule, which samples they see, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.errors import SettingsError
from swarm.train.mgrit.hierarchy import hierarchy, samples_of
from swarm.train.mgrit.relax import sweeps_of


def steps_of(levels) -> list[int]:
    return [level.steps for level in levels]


def rates_of(levels) -> list[float]:
    return [level.rate for level in levels]


def test_levels_halve_until_ten_steps_are_left():
    assert steps_of(hierarchy(100, 1.0)) == [100, 50, 25, 12, 6]
    assert steps_of(hierarchy(12800, 1.0))[-3:] == [25, 12, 6]
    assert steps_of(hierarchy(100, 1.0, coarsest=30)) == [100, 50, 25]
    assert steps_of(hierarchy(7, 1.0)) == [7]


def test_a_number_of_levels_counts_alone():
    assert steps_of(hierarchy(8, 1.0, levels=2)) == [8, 4]
    assert steps_of(hierarchy(1000, 1.0, levels=1)) == [1000]


def test_every_level_may_have_its_own_factor_and_the_last_goes_on():
    levels = hierarchy(1000, 1.0, coarsening=(5, 4, 2), coarsest=6)
    assert steps_of(levels) == [1000, 200, 50, 25, 12, 6]
    assert [level.factor for level in levels] == [5, 4, 2, 2, 2, 0]
    assert rates_of(levels) == [1, 5, 20, 40, 80, 160]  # as long as the steps they stand for


@pytest.mark.parametrize(
    ("rule", "rates"),
    [
        ("naive", [0.5] * 5),
        ("doubled", [0.5, 1, 2, 4, 4]),
        ("serialised", [0.5, 1, 2, 4, 4]),
        ("slow", [0.5, 0.5 * 1.25, 0.5 * 1.25**2, 0.5 * 1.25**3, 0.5 * 1.25**4]),
    ],
)
def test_rules_give_each_level_its_step(rule: str, rates: list[float]):
    assert rates_of(hierarchy(100, 0.5, rule=rule, max_rate=4.0)) == pytest.approx(rates)


def test_the_step_into_point_i_sees_sample_i_on_every_level():
    assert samples_of(np.arange(6), 1, 4).tolist() == [[1], [2], [3], [0], [1], [2]]
    assert samples_of(np.array([0, 1]), 3, 4).tolist() == [[3, 0, 1], [2, 3, 0]]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"steps": 0}, "steps = 0"),
        ({"rate": 0.0}, "rate = 0.0"),
        ({"rate": float("nan")}, "rate = nan"),
        ({"rule": "double"}, "Did you mean 'doubled'"),
        ({"max_rate": 0.5}, "below the training's own rate"),
        ({"coarsening": 1}, "coarsening = 1"),
        ({"coarsening": ()}, "names no factor"),
        ({"coarsening": 200, "levels": 2}, "level 0 with 100 steps no coarse point"),
        ({"coarsest": 1, "coarsening": 3, "levels": 6}, "fewer levels"),
        ({"levels": 1.5}, "levels = 1.5"),
    ],
)
def test_bad_levels_are_refused(given: dict, word: str):
    with pytest.raises(SettingsError, match=word.replace("(", r"\(")):
        hierarchy(**{"steps": 100, "rate": 1.0, **given})


def test_relaxation_by_name():
    assert [sweeps_of(name) for name in ("F", "FCF", "FCFCF", "F(CF)^3", "F(CF)0")] == [0, 1, 2, 3, 0]
    with pytest.raises(SettingsError, match="'CF' is unknown"):
        sweeps_of("CF")
