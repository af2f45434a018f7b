"""Brains that stop early, go back to their best epoch, or diverge; and what the report says of each."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from rich.console import Console

from swarm import MLP, SGD, Adam, Brains, Training, fit
from swarm.errors import SettingsError
from swarm.train import evaluate
from swarm.train.stopping import Stopping

rng = np.random.default_rng(5)
X = rng.standard_normal((60, 4)).astype(np.float32)
Y = rng.integers(0, 3, 60)  # nothing to learn: validation gets worse
XV, YV = rng.standard_normal((30, 4)).astype(np.float32), rng.integers(0, 3, 30)
MLPS = [MLP((4, 16, 3), "relu"), MLP((4, 3)), MLP((4, 16, 3), "relu"), MLP((4, 8, 8, 3), "relu")]


def pool(dtype: str = "float32") -> Brains:
    return Brains(MLPS, seed=2, backend="reference", dtype=dtype)


WORDS = {"optimizer": Adam(0.05), "batch_size": 16, "validation": (XV, YV)}


def test_the_rule():
    rule = Stopping.of([2, 2, np.inf], [0, 0.5, 0], "loss", 3)
    at = np.arange(3)
    told = [rule.look(at, np.array(row), epoch + 1) for epoch, row in enumerate(
        [[5.0, 5.0, 5.0], [4.9, 4.9, 6.0], [5.0, 4.8, 6.0], [4.9, 4.7, 6.0]]
    )]  # fmt: skip
    assert [better.tolist() for better, _ in told] == [
        [True] * 3, [True, True, False], [False, True, False], [False, True, False],
    ]  # fmt: skip
    assert [stops.tolist() for _, stops in told] == [
        [False] * 3, [False] * 3, [False, True, False], [True, True, False],
    ]  # fmt: skip
    assert rule.best_epoch.tolist() == [2, 4, 1]


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_a_brain_stops_where_its_curve_says(monitor):
    free = fit(pool(), X, Y, **WORDS, epochs=20)
    curve = free.validation_loss_curve if monitor == "loss" else -free.validation_accuracy_curve
    patience = np.array([1, 3, np.inf, 2])
    report = fit(pool(), X, Y, **WORDS, epochs=20, patience=patience, monitor=monitor)
    for k in range(4):
        best, waited, end = np.inf, 0, 20
        for epoch in range(20):
            best, waited = (curve[epoch, k], 0) if curve[epoch, k] < best else (best, waited + 1)
            if waited >= patience[k]:
                end = epoch + 1
                break
        assert report.stopped_epoch[k] == (end if end < 20 else 0)
        np.testing.assert_array_equal(report.training_curve[:end, k], free.training_curve[:end, k])
        assert np.isnan(report.training_curve[end:, k]).all()
        assert report.training_loss[k] == free.training_curve[end - 1, k]
        assert report.best_epoch[k] == np.argmin(curve[:end, k]) + 1
        assert report.status[k] == ("trained" if end == 20 else f"stopped at epoch {end}")
    assert (report.stopped_epoch > 0).sum() >= 2
    assert report.samples == 60 * np.where(report.stopped_epoch > 0, report.stopped_epoch, 20).sum()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_the_best_epoch_is_restored(dtype):
    brains, snapshots = pool(dtype), []
    training = Training(brains, X, Y, **WORDS, epochs=8, patience=[2, 100, 3, 100], restore_best=True)
    while not training.finished:
        if training.epoch:
            snapshots.append([brain.flat() for brain in brains])
        training.run(1)
    report = training.report
    last = Training(pool(dtype), X, Y, **WORDS, epochs=8)
    last.run()
    snapshots.append([brain.flat() for brain in last.brains])
    assert (report.best_epoch < 8).any()
    for k, epoch in enumerate(report.best_epoch):
        assert brains[k].flat().tobytes() == snapshots[epoch - 1][k].tobytes()
        assert report.validation_loss[k] == report.validation_loss_curve[:, k][: epoch or None].min()
    scores = evaluate(brains, XV, YV)
    np.testing.assert_array_equal(scores.loss, report.validation_loss)
    np.testing.assert_array_equal(scores.accuracy, report.validation_accuracy)


def test_all_stopped_is_the_end():
    report = fit(pool(), X, Y, **{**WORDS, "optimizer": SGD(0.0)}, epochs=1000, patience=3)
    assert report.stopped_epoch.tolist() == [4] * 4  # no better than after the first
    assert len(report.training_curve) == report.epochs == 4


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_brain_that_diverges_is_frozen_and_loadable(dtype, tmp_path):
    rates = np.array([0.1, 0.1, 1e30, 0.1])
    brains = pool(dtype)
    report = fit(brains, X, Y, optimizer=SGD(rates), batch_size=16, epochs=3, validation=(XV, YV))
    assert report.diverged.tolist() == [False, False, True, False]
    step = int(report.diverged_step[2])
    assert 0 < step < 8
    assert report.status[2] == f"diverged at step {step}"
    assert np.isnan(report.training_loss[2])
    others = pool(dtype)
    fit(others, X, Y, optimizer=SGD(0.1), batch_size=16, epochs=3)
    for k in (0, 1, 3):
        assert brains[k].flat().tobytes() == others[k].flat().tobytes()
    assert report.best()[-1] == 2
    assert "1 diverged" in str(report)
    brains.save(tmp_path / "all.safetensors")
    assert len(Brains.load(tmp_path / "all.safetensors", backend="reference")) == 4
    assert np.isfinite(report.ensemble(X)).all()


def test_parameters_that_are_not_finite_are_found_without_the_loss():
    """tanh(inf) is 1: the loss stays finite, and the epoch's end sees it."""
    brains = Brains(MLP((4, 5, 3)), 3, backend="reference")
    brains.bias(0)[1, 2] = np.inf
    report = fit(brains, X, Y, epochs=2)
    assert report.diverged.tolist() == [False, True, False]
    brains.check_finite()


def test_all_diverged_is_the_end_and_none_is_lost():
    brains = pool()
    report = fit(brains, X, Y, **{**WORDS, "optimizer": SGD(1e30)}, epochs=50, patience=2, restore_best=True)
    assert report.diverged[[0, 2, 3]].all()
    for brain in brains:
        brain.check_finite()
    str(report)


def test_files_tell_of_each_brain(tmp_path):
    rates = np.array([0.1, 0.1, 1e30, 0.1])
    report = fit(
        pool(), X, Y, optimizer=SGD(rates), batch_size=16, epochs=4, validation=(XV, YV), patience=1, restore_best=True
    )
    report.to_csv(tmp_path / "r.csv")
    report.to_json(tmp_path / "r.json", test_accuracy=[0.1, 0.2, 0.3, np.nan])
    with open(tmp_path / "r.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["status"] for line in lines] == report.status.tolist()
    assert [int(line["best_epoch"]) for line in lines] == report.best_epoch.tolist()
    told = json.loads((tmp_path / "r.json").read_text())
    assert told["columns"]["test_accuracy"] == [0.1, 0.2, 0.3, None]
    assert told["columns"]["training_loss"][2] is None
    assert told["columns"]["status"] == report.status.tolist()
    assert np.array(told["curves"]["training"], float).shape == report.training_curve.shape
    assert told["brains"] == 4
    console = Console(width=200)
    with console.capture() as shown:
        console.print(report.table())
    assert "diverged at step" in shown.get()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"patience": 2, "validation": None}, "patience needs validation"),
        ({"restore_best": True, "validation": None}, "restore_best needs validation"),
        ({"patience": [1, 2]}, "patience has the shape"),
        ({"patience": [1, 2, 0, 1]}, r"patience 0 \(brain 2\)"),
        ({"min_delta": -1}, "min_delta -1"),
        ({"monitor": "los"}, "Did you mean 'loss'"),
        ({"monitor": "accuracy", "loss": "mse"}, "monitor='accuracy' needs labels"),
    ],
)
def test_bad_settings(words, text):
    given = {"validation": (XV, YV), **words}
    y = np.eye(3)[Y] if given.get("loss") == "mse" else Y
    if given.get("loss") == "mse":
        given["validation"] = (XV, np.eye(3)[YV])
    with pytest.raises(SettingsError, match=text):
        fit(pool(), X, y, **given)
