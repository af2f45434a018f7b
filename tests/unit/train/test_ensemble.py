"""Several brains as one: mean outputs, mean probabilities, votes, and who takes part."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from swarm import MLP, Brains
from swarm.errors import DataError, SettingsError
from swarm.train import ensemble
from swarm.train.report import Report

evaluate = import_module("swarm.train.evaluate")  # the package has a function of this name
rng = np.random.default_rng(5)
X = rng.standard_normal((50, 4)).astype(np.float32)
MIX = [MLP((4, 6, 3)), MLP((4, 3)), MLP((4, 6, 3)), MLP((4, 2, 3), "relu"), MLP((4, 6, 3))]


@pytest.fixture(scope="module", params=["equal", "mixed"])
def brains(request) -> Brains:
    return Brains(MIX[0], 5, seed=1, backend="cpu") if request.param == "equal" else Brains(MIX, seed=1, backend="cpu")


def ranked(brains: Brains, losses: list[float]) -> Report:
    report = Report(brains, np.ones(len(brains)))
    report.training_curve = np.array([losses])
    report.diverged_step[~np.isfinite(losses)] = 3
    return report


@pytest.mark.parametrize("members", [None, [3, 0, 4], [2]])
def test_the_three_ways(brains, members):
    rows = list(range(5)) if members is None else members
    each = brains(X, shared=True).astype(np.float64)[rows]
    powers = np.exp(each)
    votes = np.stack([(each.argmax(axis=2) == c).mean(axis=0) for c in range(3)], axis=1)
    np.testing.assert_allclose(ensemble.combine(brains, X, members), each.mean(axis=0), atol=1e-6)
    expected = (powers / powers.sum(axis=2, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(ensemble.combine(brains, X, members, "probability"), expected, atol=1e-6)
    np.testing.assert_allclose(ensemble.combine(brains, X, members, "vote"), votes, atol=1e-12)


@pytest.mark.parametrize("how", ensemble.WAYS)
def test_the_answer_does_not_depend_on_the_cut(brains, how, monkeypatch):
    whole = ensemble.combine(brains, X, how=how)
    parts = [ensemble.combine(brains, X[k : k + 7], how=how) for k in range(0, 50, 7)]
    np.testing.assert_array_equal(np.vstack(parts), whole)
    monkeypatch.setattr(evaluate, "_CHUNK_BYTES", 1)
    np.testing.assert_array_equal(ensemble.combine(brains, X, how=how), whole)


@pytest.mark.parametrize("how", ensemble.WAYS)
def test_bytes_are_scaled(brains, how):
    raw = rng.integers(0, 256, (20, 4)).astype(np.uint8)
    expected = ensemble.combine(brains, (raw / 255).astype(np.float32), how=how)
    np.testing.assert_allclose(ensemble.combine(brains, raw, how=how), expected, atol=1e-6)


def test_equal_votes_are_settled_by_the_mean():
    brains = Brains(MLP((1, 3)), 2, init="zeros", backend="reference")
    brains.bias(0)[:] = [[0, 5, 1], [2, 0, 3]]
    x = np.zeros((1, 1))
    assert ensemble.combine(brains, x, how="vote").tolist() == [[0, 0.5, 0.5]]
    assert ensemble.labels(brains, x, how="vote").tolist() == [1]
    brains.bias(0)[0] = [0, 5, 4.9]
    assert ensemble.labels(brains, x, how="vote").tolist() == [2]
    assert ensemble.labels(brains, x, how="mean").tolist() == [2]


def test_the_best_take_part_and_the_diverged_never(brains):
    report = ranked(brains, [3.0, np.nan, 1.0, 2.0, np.inf])
    assert ensemble.members_of(report).tolist() == [2, 3, 0]
    assert ensemble.members_of(report, 2).tolist() == [2, 3]
    for how in ensemble.WAYS:
        expected = ensemble.combine(brains, X, [2, 3], how)
        np.testing.assert_array_equal(report.ensemble(X, 2, how), expected)
    with pytest.raises(SettingsError, match="1 or more"):
        report.ensemble(X, 0)
    with pytest.raises(SettingsError, match="every brain has diverged"):
        ranked(brains, [np.nan] * 5).ensemble(X)


def test_what_does_not_fit(brains):
    with pytest.raises(SettingsError, match=r"'votes' is unknown\. Did you mean 'vote'"):
        ensemble.combine(brains, X, how="votes")
    for how in ensemble.WAYS:
        with pytest.raises(SettingsError, match="no brain takes part"):
            ensemble.combine(brains, X, [], how)
        with pytest.raises(DataError, match="ensemble: a sample has 3 inputs"):
            ensemble.combine(brains, X[:, :3], how=how)
    with pytest.raises(SettingsError, match="row 5"):
        ensemble.combine(brains, X, [5])
