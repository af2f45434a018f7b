"""`swarm train`: from the command to saved brains, and what bad words get."""

from __future__ import annotations

import csv
import os

import numpy as np
import pytest

from swarm import Brains
from swarm.errors import DataError, SaveError, SettingsError
from swarm.train import command, data, evaluate, fit
from swarm.train.trainee import Trainee


def test_digits_end_to_end(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained = command.train_digits(brains=12, epochs=15, seed=1)
    said = capsys.readouterr().out
    for word in ("best test accuracy", "median", "worst", "ensemble", "samples/s", "digits-64-32-10.safetensors"):
        assert word in said
    assert trained.test.accuracy is not None
    assert trained.test.accuracy.mean() > 0.85
    assert trained.ensemble_test_accuracy > 0.85
    brains = Brains.load(trained.brains_file)
    set_ = data.digits()
    scores = evaluate(brains, set_.x_test, set_.y_test)
    np.testing.assert_array_equal(scores.accuracy, trained.test.accuracy)
    with open(trained.results_file, newline="") as file:
        assert [float(line["test_accuracy"]) for line in csv.DictReader(file)] == scores.accuracy.tolist()


def test_a_second_run_does_not_overwrite_the_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        command.run("digits", brains=1, layers=("64-10",), epochs=1, batch=500)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "digits-64-10-2.csv", "digits-64-10-2.safetensors", "digits-64-10.csv", "digits-64-10.safetensors",
    ]  # fmt: skip


def test_several_architectures_and_adam(tmp_path):
    trained = command.train(
        "digits", brains=5, layers=("64-10", "64-8-10"), epochs=3, optimizer="adam", learning_rate=0.01,
        out=tmp_path / "mixed",
    )  # fmt: skip
    assert [brain.mlp.widths for brain in Brains.load(tmp_path / "mixed.safetensors")][:2] == [(64, 10), (64, 8, 10)]
    assert trained.report.training_loss.shape == (5,)


@pytest.mark.parametrize(("optimizer", "schedule"), [("rmsprop", "step"), ("adamw", "cosine"), ("sgd", "warmup")])
def test_optimizers_and_schedules(tmp_path, optimizer, schedule):
    trained = command.train(
        "digits", brains=2, epochs=3, optimizer=optimizer, schedule=schedule, out=tmp_path / "some.safetensors"
    )
    curve = trained.report.training_curve
    assert (curve[-1] < curve[0]).all()


def test_ctrl_c_saves_and_says_where(tmp_path, monkeypatch):
    train, calls = Trainee.train, []

    def until(self, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(self, *arguments)

    monkeypatch.setattr(Trainee, "train", until)
    with pytest.raises(KeyboardInterrupt, match=r"2\.00 of 9 epochs.*half\.safetensors"):
        command.train("digits", brains=2, epochs=9, out=tmp_path / "half.safetensors")
    monkeypatch.undo()
    set_ = data.digits()
    same = Brains.load(tmp_path / "half.safetensors")
    twin = Brains(same.mlp, 2, seed=0)
    fit(twin, set_.x, set_.y, optimizer=command.SGD(0.3), epochs=2)
    assert same.parameters.tobytes() == twin.parameters.tobytes()
    assert (tmp_path / "half.csv").exists()


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"layers": "64-x-10"}, SettingsError, "64-x-10.*For example: --layers 64-32-10"),
        ({"layers": "784-32-10"}, SettingsError, "64 inputs and 10 classes.*--layers 64-32-10"),
        ({"brains": 0}, SettingsError, "--brains 0"),
        ({"activation": "rely"}, SettingsError, "relu"),
        ({"optimizer": "adm"}, SettingsError, "adam"),
        ({"schedule": "cosin"}, SettingsError, "cosine"),
        ({"epochs": -1}, SettingsError, "epochs -1"),
        ({"out": "none/brains"}, SaveError, "'none' does not exist"),
        ({"backend": "gpu"}, SettingsError, "gpu"),
    ],
)
def test_bad_words(tmp_path, monkeypatch, words, error, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=text):
        command.train("digits", **words)
    assert not list(tmp_path.iterdir())


def test_files_are_not_overwritten(tmp_path):
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    with pytest.raises(SettingsError, match="there already"):
        command.train("digits", out=tmp_path / "there")
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"


def test_unknown_data_set():
    with pytest.raises(SettingsError, match="Did you mean 'mnist'"):
        command.train("mnst")


def test_mnist_without_files(tmp_path):
    with pytest.raises(DataError, match="SWARM_DATA_DIR"):
        command.train_mnist(data=tmp_path)


@pytest.mark.skipif(not os.environ.get("SWARM_DATA_DIR"), reason="SWARM_DATA_DIR names no folder with MNIST")
def test_real_mnist_end_to_end(tmp_path):
    trained = command.train_mnist(brains=4, out=tmp_path / "m")
    assert trained.test.accuracy is not None
    assert trained.test.accuracy.mean() > 0.9
    assert trained.ensemble_test_accuracy > trained.test.accuracy.mean()
