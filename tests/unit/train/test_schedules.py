"""Schedules at steps known by hand, put together, and refused where they do not fit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm import MLP, SGD, Brains, ConstantRate, CosineRate, StepRate, WarmupRate, fit
from swarm.errors import SettingsError
from swarm.train.schedules import factors

T = np.arange(12)
ALL = np.arange(3)


def test_known_values():
    np.testing.assert_array_equal(ConstantRate(0.5).factors(T, 12), np.full((1, 12), 0.5))
    np.testing.assert_allclose(StepRate(5).factors(T, 12)[0], [1] * 5 + [0.1] * 5 + [0.01] * 2)
    np.testing.assert_allclose(WarmupRate(4, 0.2).factors(T, 12)[0], [0.2, 0.4, 0.6, 0.8] + [1] * 8)
    cosine = CosineRate(final=0.1).factors(np.arange(13), 12)[0]
    assert cosine[[0, 6, 12]].tolist() == pytest.approx([1, 0.55, 0.1])
    assert CosineRate(4).factors(T, 12)[0, 4:].tolist() == pytest.approx([0] * 8)


def test_one_value_per_brain():
    found = StepRate([1, 2, 4], [0.5, 0.5, 0.1]).factors(T, 12)
    assert found.shape == (3, 12)
    np.testing.assert_allclose(found[2], [1] * 4 + [0.1] * 4 + [0.01] * 4)
    np.testing.assert_allclose(factors(StepRate([1, 2, 4]), 2, 4, 12, np.array([2, 0])), [[1, 1], [0.01, 0.001]])


def test_products_and_sequences():
    both = (WarmupRate(4, 0) * StepRate(6)).factors(T, 12)[0]
    np.testing.assert_allclose(both, [0, 0.25, 0.5, 0.75, 1, 1] + [0.1] * 6)
    chain = WarmupRate(4, 0).then(CosineRate()).factors(np.arange(13), 12)[0]
    np.testing.assert_allclose(chain[:4], [0, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(chain[[4, 8, 12]], [1, 0.5, 0], atol=1e-15)
    own = WarmupRate([2, 4, 6], 0).then(CosineRate(4)).factors(T, 12)
    for k, ends in enumerate((2, 4, 6)):
        assert own[k, ends] == 1
        assert own[k, ends + 2] == pytest.approx(0.5)
    longer = (WarmupRate(2, 0).then(StepRate(3)) * ConstantRate([1, 2, 3])).factors(T, 12)
    np.testing.assert_allclose(longer[:, 5], [0.1, 0.2, 0.3])


def test_no_schedule_is_one():
    np.testing.assert_array_equal(factors(None, 3, 7, 9, ALL), np.ones((1, 4)))


def test_the_run_ends_where_the_cosine_ends():
    """Rate 0 in all but the first step: the parameters move once."""
    x, y = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32), np.arange(40) % 2
    one, all_ = (Brains(MLP((3, 2)), 3, seed=1, backend="cpu") for _ in range(2))
    fit(one, x[:10], y[:10], optimizer=SGD(0.1), batch_size=10, shuffle=False)
    fit(all_, x, y, optimizer=SGD(0.1), batch_size=10, shuffle=False, schedule=StepRate(1, 0))
    assert one.rows.tobytes() == all_.rows.tobytes()


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (StepRate(0), r"StepRate.every 0 .brain 0. is not a number of 1 or more steps"),
        (StepRate(5, [1, -1, 1]), "StepRate.factor -1 .brain 1."),
        (CosineRate(final=math.nan), "CosineRate.final nan"),
        (WarmupRate([1, 2]), r"WarmupRate.steps has the shape \(2,\).*each of the 3 brains"),
        (WarmupRate(5).then(StepRate("often")), "StepRate.every 'often' is not a number"),
        (ConstantRate(1) * CosineRate(0), "CosineRate.steps 0"),
        ("cosine", "no schedule.*CosineRate"),
        (CosineRate, "no schedule"),
    ],
)
def test_bad_schedules(schedule, words):
    with pytest.raises(SettingsError, match=words):
        fit(Brains(MLP((4, 3)), 3, backend="reference"), np.zeros((6, 4)), np.zeros(6, int), schedule=schedule)


def test_only_schedules_are_multiplied():
    with pytest.raises(TypeError):
        ConstantRate(1) * 2  # type: ignore[operator]
