"""What a training run tells: ranking, tables, files, ensembles."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from rich.console import Console

from swarm import MLP, SGD, Brains, fit
from swarm.errors import DataError, SaveError, SettingsError
from swarm.train import evaluate, mean_outputs
from swarm.train.report import Report

rng = np.random.default_rng(2)
X, Y = rng.standard_normal((80, 5)), rng.integers(0, 3, 80)


@pytest.fixture(scope="module")
def report() -> Report:
    brains = Brains([MLP((5, 6, 3)), MLP((5, 3)), MLP((5, 6, 3)), MLP((5, 2, 3))], seed=1, backend="cpu")
    return fit(brains, X, Y, optimizer=SGD([0.1, 0.2, 0.3, 0.4]), epochs=3, validation=(X[:40], Y[:40]))


def test_best_ranks_by_validation_accuracy_then_loss():
    brains = Brains(MLP((5, 3)), 5, backend="reference")
    made = Report(brains, np.ones(5))
    made.training_curve = np.array([[5.0, 4, 3, 2, np.nan]])
    made.diverged_step[4] = 17
    assert made.best(3).tolist() == [3, 2, 1]
    made.validation_loss_curve = np.array([[0.3, 0.2, 0.1, 0.5, np.nan]])
    made.validation_accuracy_curve = np.array([[0.7, 0.9, 0.7, 0.8, 0.99]])
    assert made.best().tolist() == [1, 3, 2, 0, 4]


def test_figures_have_one_value_per_brain(report):
    assert len(report) == 4
    for values in (report.training_loss, report.validation_loss, report.validation_accuracy, report.learning_rate):
        assert values.shape == (4,)
    assert report.validation_accuracy_curve.shape == (3, 4)
    assert report.samples == 3 * 80 * 4
    assert report.samples_per_second > 0
    assert "4 brains, 3 epochs" in str(report)


def test_csv_holds_every_brain(report, tmp_path):
    report.to_csv(tmp_path / "results.csv", test_accuracy=np.arange(4) / 4)
    with open(tmp_path / "results.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["architecture"] for line in lines] == ["5-6-3 tanh", "5-3", "5-6-3 tanh", "5-2-3 tanh"]
    assert [float(line["test_accuracy"]) for line in lines] == [0, 0.25, 0.5, 0.75]
    assert [float(line["validation_loss"]) for line in lines] == report.validation_loss.tolist()
    with pytest.raises(SaveError, match="none"):
        report.to_csv(tmp_path / "none" / "results.csv")


def test_table_shows_the_best(report):
    console = Console(width=160)
    with console.capture() as shown:
        console.print(report.table(2))
    text = shown.get()
    assert "validation accuracy" in text
    assert str(report.best(1)[0]) in text


def test_ensemble_is_the_mean_of_the_outputs(report):
    x = X[:7].astype(np.float32)
    every = report.brains(x[None])
    np.testing.assert_allclose(report.ensemble(x), every.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(report.ensemble(x, 2), every[report.best(2)].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean_outputs(report.brains, x, np.array([1])), every[1], atol=1e-6)


def test_evaluation_is_the_mean_over_samples(report):
    scores = evaluate(report.brains, X, Y)
    logits = report.brains(X.astype(np.float32)[None]).astype(np.float64)
    picked = np.take_along_axis(logits, np.broadcast_to(Y, (4, 80))[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(scores.loss, (np.log(np.exp(logits).sum(axis=2)) - picked).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(scores.accuracy, (logits.argmax(axis=2) == Y).mean(axis=1))
    squares = evaluate(report.brains, X, np.eye(3)[Y], "mse")
    np.testing.assert_allclose(squares.loss, np.square(logits - np.eye(3)[Y]).mean(axis=(1, 2)), rtol=1e-5)
    assert squares.accuracy is None


def test_what_does_not_fit(report):
    with pytest.raises(DataError, match="ensemble: a sample has 4 inputs"):
        report.ensemble(X[:, :4])
    with pytest.raises(DataError, match="evaluate"):
        evaluate(report.brains, X, Y + 1)
    with pytest.raises(SettingsError, match="no brain"):
        mean_outputs(report.brains, X, np.array([], int))
