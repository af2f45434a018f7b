"""`swarm train`: from the command to saved brains, tables and pictures; stopped and resumed; what bad words get."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from swarm import SGD, Brains, Folds, cli, fit
from swarm.errors import DataError, SaveError, SettingsError
from swarm.train import command, data, evaluate, training

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(**words):
    return command.train(
        "digits", **{"brains": 4, "epochs": 2, "layers": ("64-8-10",), "backend": "reference", **words}
    )


def lines(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def bits(path) -> list[bytes]:
    return [brain.parameters.tobytes() for brain in Brains.load(path, backend="reference")]


# --- one population -------------------------------------------------------------------------------------------------


def test_digits_end_to_end(tmp_path, capsys):
    trained = command.train_digits(brains=12, epochs=15, seed=1, ensemble=5, backend="reference")
    said = capsys.readouterr().out
    for word in (
        "12 networks 64-32-10 relu", "142 held back", "mean test accuracy", "the best network", "the 5 best together",
        "all together", "samples/s", "digits-64-32-10.safetensors", "digits-64-32-10.csv",
    ):  # fmt: skip
        assert word in said
    results = trained.results
    assert results.figures["test_accuracy"].mean() > 0.8
    assert list(trained.ensembles) == [5, 12]
    assert min(trained.ensembles.values()) > 0.8
    brains = Brains.load(trained.targets.target, backend="reference")
    set_ = data.digits()
    scores = evaluate(brains, set_.x_test, set_.y_test)
    np.testing.assert_array_equal(scores.accuracy, results.figures["test_accuracy"])
    table = lines(trained.targets.networks)
    assert [float(line["test_accuracy"]) for line in table] == scores.accuracy.tolist()
    _, (xv, yv) = set_.held(0.1, 1)
    assert [float(line["validation_accuracy"]) for line in table] == evaluate(brains, xv, yv).accuracy.tolist()


def test_the_command_is_fit(tmp_path):
    train(validation=0, learning_rate=0.2, save="a", seed=3, sampling="bootstrap", set=("momentum=0.5",))
    same, set_ = Brains.load(tmp_path / "a.safetensors", backend="reference"), data.digits()
    twin = Brains(same.mlp, 4, seed=3, backend="reference")
    fit(twin, set_.x, set_.y, optimizer=SGD(0.2, momentum=0.5), epochs=2, seed=3, sampling="bootstrap")
    assert same.parameters.tobytes() == twin.parameters.tobytes()


def test_held_back_samples_are_of_every_class_and_of_nobody_else():
    whole = data.digits()
    rest, held = whole.held(0.2, 5)
    assert held is not None
    assert len(rest.x) + len(held[0]) == len(whole.x)
    share = np.bincount(held[1]) / np.bincount(whole.y)
    assert (np.abs(share - 0.2) < 0.01).all()
    assert {row.tobytes() for row in rest.x}.isdisjoint(row.tobytes() for row in held[0])
    assert whole.held(0, 5) == (whole, None)


def test_a_second_run_does_not_overwrite_the_first(tmp_path):
    words = ["--brains", "1", "--layers", "64-10", "--epochs", "1", "--batch", "500", "--backend", "reference"]
    for _ in range(2):
        assert cli.call(["train", "digits", *words]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "digits-64-10-2.csv", "digits-64-10-2.safetensors", "digits-64-10.csv", "digits-64-10.safetensors",
    ]  # fmt: skip


def test_several_architectures_are_dealt_out_in_turn(tmp_path):
    train(brains=5, layers=("64-10", "64-8-10"), optimizer="adam", save=tmp_path / "mixed")
    brains = Brains.load(tmp_path / "mixed.safetensors", backend="reference")
    assert [brain.mlp.widths for brain in brains] == [(64, 10), (64, 8, 10)] * 2 + [(64, 10)]
    assert [line["hidden"] for line in lines(tmp_path / "mixed.csv")] == ["none", "8", "none", "8", "none"]
    assert [line["networks"] for line in lines(tmp_path / "mixed-candidates.csv")] in (["3", "2"], ["2", "3"])


@pytest.mark.parametrize(("optimizer", "schedule"), [("rmsprop", "step"), ("adamw", "cosine"), ("sgd", "warmup")])
def test_optimizers_and_schedules(optimizer, schedule):
    curve = train(epochs=3, optimizer=optimizer, schedule=schedule).results.training_curve
    assert curve is not None
    assert (curve[-1] < curve[0]).all()


def test_patience_and_restore_best():
    results = train(epochs=30, learning_rate=3.0, patience=2, restore_best=True).results
    assert results.validation_loss_curve is not None
    best = np.nanmin(results.validation_loss_curve, axis=0)
    np.testing.assert_array_equal(results.figures["validation_loss"], best)
    assert (results.figures["stopped_epoch"] > 0).any()


def test_json_and_pictures(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plot`")
    train(json="a.json", plot="a.png", layers=("64-10", "64-8-10"), dropout=0.1, noise=0.05)
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["data"] == "digits"
    assert content["request"]["settings"]["dropout"] == 0.1
    assert [one["brain"] for one in content["networks"]] == [0, 1, 2, 3]
    assert {"rank", "hidden", "mean_validation_accuracy", "std_test_accuracy"} <= set(content["candidates"][0])
    for name in ("a.png", "a-settings.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


# --- sweeps, waves, populations that evolve ---------------------------------------------------------------------------


def test_a_sweep_from_the_command_line(tmp_path, capsys):
    words = ["--grid", "hidden=4,8-4", "--random", "learning_rate=log_uniform(0.01, 1)", "--random", "batch_size=32,64"]
    call = ["train", "digits", "--epochs", "1", "--draws", "3", "--repetitions", "2", "--backend", "reference", *words]
    assert cli.call(call) == 0
    said = capsys.readouterr().out
    assert "6 candidates x 2 = 12 networks; what varies: hidden, learning rate, batch size" in said
    assert "all 6 candidates, by validation accuracy" in said
    table = lines(tmp_path / "digits-sweep.csv")
    assert [int(line["candidate"]) for line in table] == np.repeat(np.arange(6), 2).tolist()
    for line in table:
        brains = Brains.load(tmp_path / line["file"], backend="reference")
        assert brains[int(line["row"])].mlp.hidden == tuple(map(int, line["hidden"].split("-")))


def test_a_sweep_from_a_file_and_options_over_it(tmp_path):
    (tmp_path / "sweep.toml").write_text(
        'epochs = 5\nrepetitions = 2\n[grid]\nhidden = [4, "4-4"]\nactivation = "tanh"\n'
    )
    trained = command.train("digits", config="sweep.toml", epochs=1, grid=("hidden=3",), backend="reference")
    (one,) = trained.results.plan.candidates
    assert (one["hidden"], one["activation"], one["epochs"]) == ((3,), "tanh", 1)
    assert len(trained.results) == 2


def test_the_demo_sweep():
    demo = ROOT / "demos" / "sweep.toml"
    trained = command.train("digits", config=demo, draws=1, repetitions=1, epochs=1, backend="reference")
    assert len(trained.results) == 4


def test_help(capsys):
    assert cli.call(["train", "digits", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("Networks", "Learning", "Sweep", "Outcome", "--resume"))


def test_waves_have_the_same_networks(tmp_path):
    one = train(brains=5, layers=("64-10", "64-8-10"), save="whole")
    two = train(brains=5, layers=("64-10", "64-8-10"), save="parts", wave=2)
    names = [f"parts-0000{k}-of-00003.safetensors" for k in (1, 2, 3)]
    assert [path.name for path in two.targets.brains] == names
    assert [row for name in names for row in bits(tmp_path / name)] == bits(tmp_path / "whole.safetensors")
    np.testing.assert_array_equal(one.results.figures["test_loss"], two.results.figures["test_loss"])
    assert one.ensembles == pytest.approx(two.ensembles)


def test_folds(tmp_path, capsys):
    command.train("digits", grid=("hidden=4,8",), folds=3, epochs=2, save="b", backend="reference")
    assert "in 3 folds" in capsys.readouterr().out
    set_, table = data.digits(), lines(tmp_path / "b.csv")
    assert len(table) == 6
    brains, folds = Brains.load("b.safetensors", backend="reference"), Folds(3, stratify=set_.y).of(len(set_.x))
    for k in (0, 4):
        left_out = folds[k % 3]
        scores = evaluate(brains, set_.x[left_out], set_.y[left_out])
        assert scores.accuracy is not None
        assert scores.accuracy[k] == float(table[k]["validation_accuracy"])


def test_population_based_training(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plot`")
    words = {"pbt": True, "brains": 6, "layers": None, "random": ("learning_rate=log_uniform(1e-3, 2)",), "epochs": 4}
    words = {name: value for name, value in words.items() if value is not None}
    trained = command.train("digits", **words, set=("hidden=8",), backend="reference", plot="p.png", json="p.json")
    history = trained.results.history
    assert history is not None
    assert (history.rounds, len(history.values["learning_rate"])) == (4, 6)
    first = trained.results.plan.values("learning_rate")
    assert history.used["learning_rate"][0].tolist() == first
    table = lines("digits-pbt.csv")
    assert [float(line["last_learning_rate"]) for line in table] == history.values["learning_rate"].tolist()
    assert [int(line["founder"]) for line in table] == history.founders.tolist()
    assert "population-based training of learning rate" in capsys.readouterr().out
    assert (tmp_path / "p-history.png").exists()
    assert len(json.loads((tmp_path / "p.json").read_text())["best_schedule"]["learning_rate"]) == 4


# --- stopped and resumed ----------------------------------------------------------------------------------------------


def stop_after(monkeypatch, looks: int) -> None:
    """As if Ctrl-C were pressed during the call number `looks`."""
    left = iter([False] * looks)

    @contextmanager
    def listening():
        yield lambda: next(left, True)

    monkeypatch.setattr(training, "listening", listening)


def test_ctrl_c_saves_and_says_where(tmp_path, monkeypatch):
    stop_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt, match=r"2\.00 of 9 epochs.*half\.safetensors.*--checkpoint"):
        train(epochs=9, save="half")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    train(epochs=2, save="two")
    assert bits("half.safetensors") == bits("two.safetensors")


@pytest.mark.parametrize(
    ("more", "second"), [({}, 2), ({"wave": 3}, 4), ({"pbt": True}, 2)], ids=["one", "waves", "pbt"]
)
def test_ctrl_c_and_resume_have_the_same_bits(tmp_path, monkeypatch, more, second):
    words = {"brains": 5, "epochs": 4, "backend": "reference", "set": ("hidden=8",), "optimizer": "adam", **more}
    whole = command.train("digits", **words, save="whole")
    for looks in (1, second):
        stop_after(monkeypatch, looks)
        with pytest.raises(KeyboardInterrupt, match="Go on with: swarm train digits --checkpoint state --resume"):
            command.train("digits", **words, save="part", checkpoint="state", resume=looks > 1)
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
    resumed = command.train("digits", checkpoint="state", resume=True)
    files = zip(whole.targets.brains, resumed.targets.brains, strict=True)
    assert all(bits(one) == bits(two) for one, two in files)
    assert resumed.targets.target.name == "part.safetensors"
    assert whole.ensembles == resumed.ensembles
    told = [
        [{k: v for k, v in line.items() if k != "file"} for line in lines(trained.targets.networks)]
        for trained in (whole, resumed)
    ]
    assert told[0] == told[1]
    again = command.train("digits", checkpoint="state", resume=True)  # a finished run is told once more
    assert again.ensembles == whole.ensembles


def test_kill_9_and_resume_have_the_same_bits(tmp_path):
    words = ["train", "digits", "--brains", "6", "--layers", "64-16-10", "--backend", "reference", "--epochs", "60"]
    kept = ["--checkpoint", "state", "--save", "b"]
    run = [sys.executable, "-c", _QUICK, *words, *kept]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(run, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    state = tmp_path / "state" / "part-00001.safetensors"
    deadline = time.monotonic() + 60
    while not state.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not (tmp_path / "b.safetensors").exists()
    command.train("digits", checkpoint="state", resume=True)
    train(brains=6, layers=("64-16-10",), epochs=60, save="whole")
    assert bits("b.safetensors") == bits("whole.safetensors")


_QUICK = """
import sys
from swarm import cli
from swarm.train import training
save = training.Training._due
training.Training._due = lambda self, epoch, saved: self.checkpoint is not None and not self.finished
sys.exit(cli.call(sys.argv[1:]))
"""  # writes its checkpoint after every call, not once a minute


def test_ctrl_c_during_the_test_keeps_the_trained_brains(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "evaluate", stop)
    with pytest.raises(KeyboardInterrupt, match=r"trained brains are in a\.safetensors"):
        train(save="a")
    with pytest.raises(KeyboardInterrupt, match=r"Go on with: swarm train digits --checkpoint 'my state' --resume"):
        train(save="b", checkpoint="my state")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    train(save="c")
    assert bits("a.safetensors") == bits("c.safetensors")


def test_brains_that_cannot_be_saved_go_to_a_second_place(tmp_path, monkeypatch):
    monkeypatch.setenv("SWARM_CACHE_DIR", str(tmp_path / "cache"))
    save = Brains.save

    def full(self, path):
        if Path(path).parent.name != "kept":
            raise SaveError("disk full.")
        save(self, path)

    monkeypatch.setattr(Brains, "save", full)
    for name in ("a", "a-2"):
        with pytest.raises(SaveError, match=rf"disk full\. The trained brains are in '.*kept/{name}\.safetensors'"):
            train(save="a")
    monkeypatch.setattr(Brains, "save", save)
    train(save="b")
    kept = [bits(tmp_path / "cache" / "kept" / f"{name}.safetensors") for name in ("a", "a-2")]
    assert kept == [bits(tmp_path / "b.safetensors")] * 2

    monkeypatch.setattr(Brains, "save", full)
    (tmp_path / "cache" / "kept").rename(tmp_path / "elsewhere")
    (tmp_path / "cache" / "kept").write_text("no folder")
    with pytest.raises(SaveError, match=r"disk full\. The trained brains are lost"):
        train(save="a")
    with pytest.raises(SaveError, match=r"disk full\. The state is in state\. Go on with"):
        train(save="a", checkpoint="state")
    monkeypatch.setattr(Brains, "save", save)
    command.train("digits", checkpoint="state", resume=True)
    assert bits(tmp_path / "a.safetensors") == kept[0]


def test_a_table_that_cannot_be_written_leaves_the_brains(tmp_path, monkeypatch):
    def full(*_):
        raise SaveError("disk full.")

    monkeypatch.setattr(command.Results, "to_csv", full)
    with pytest.raises(SaveError, match=r"disk full\. The trained brains are in a\.safetensors\."):
        train(save="a")
    assert len(bits(tmp_path / "a.safetensors")) == 4


def test_a_folder_with_parts_and_no_run_is_not_cleared(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "part-of-a-book.npz").write_bytes(b"mine")
    with pytest.raises(SettingsError, match=r"part-of-a-book\.npz.*--overwrite"):
        train(checkpoint="mine")
    assert (tmp_path / "mine" / "part-of-a-book.npz").read_bytes() == b"mine"
    train(checkpoint="mine", overwrite=True)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["part-00001.npz", "run.json"]


def test_a_finished_population_leaves_no_history_behind(tmp_path):
    command.train("digits", pbt=True, brains=4, epochs=2, set=("hidden=4",), backend="reference", checkpoint="state")
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["part-00001.npz", "run.json"]


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"epochs": 3}, SettingsError, "this run has epochs 2, not 3"),
        ({"seed": 4}, SettingsError, "this run has seed 0, not 4"),
        ({"momentum": 0.5}, SettingsError, "momentum"),
        ({"save": "elsewhere"}, SettingsError, "save"),
        ({"checkpoint": "nowhere"}, SaveError, "'nowhere' holds no run"),
    ],
)
def test_resume_refuses_another_run(words, error, text):
    train(checkpoint="state")
    with pytest.raises(error, match=text):
        command.train("digits", **{"checkpoint": "state", "resume": True, **words})


def test_resume_takes_equal_words_and_says_the_right_data_set():
    train(checkpoint="state", save="b")
    command.train("digits", checkpoint="state", resume=True, epochs=2, save="b", threads=1)
    with pytest.raises(SettingsError, match="of the data set digits"):
        command.train("mnist", checkpoint="state", resume=True)
    with pytest.raises(SettingsError, match="--resume"):
        train(checkpoint="state", save="c")


# --- bad words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"layers": ("64-x-10",)}, SettingsError, "64-x-10.*For example: --layers 64-32-10"),
        ({"layers": ("784-32-10",)}, SettingsError, "64 inputs and 10 classes.*--layers 64-32-10"),
        ({"brains": 0}, SettingsError, "--brains 0"),
        ({"activation": "rely"}, SettingsError, "relu"),
        ({"optimizer": "adm"}, SettingsError, "adam"),
        ({"schedule": "cosin"}, SettingsError, "cosine"),
        ({"epochs": -1}, SettingsError, "epochs = -1"),
        ({"save": "none/brains"}, SaveError, "'none' does not exist"),
        ({"backend": "gpu"}, SettingsError, "gpu"),
        ({"batchsize": 3}, SettingsError, "Did you mean 'batch_size'"),
        ({"set": ("momentun=3",)}, SettingsError, "Did you mean 'momentum'"),
        ({"set": ("beta1=0.3",)}, SettingsError, "sgd has no beta1"),
        ({"dropout": 1}, SettingsError, "dropout"),
        ({"validation": 1}, SettingsError, "--validation 1"),
        ({"validation": 0, "patience": 2}, SettingsError, "need a validation split"),
        ({"grid": ("hidden=3",)}, SettingsError, "--repetitions"),
        ({"grid": ("hidden",), "brains": 3}, SettingsError, "--grid takes key=value"),
        ({"draws": 3}, SettingsError, "--draws"),
        ({"every": 3}, SettingsError, "Add --pbt"),
        ({"pbt": True}, SettingsError, "--layers does not go with --pbt"),
        ({"folds": 3, "validation": 0.2}, SettingsError, "--validation does not go"),
        ({"folds": 3, "wave": 4}, SettingsError, "multiple of 3"),
        ({"resume": True}, SettingsError, "--checkpoint DIR"),
        ({"plot": "a.jpg"}, SettingsError, r"\.png"),
        ({"config": "no.toml"}, SettingsError, "Cannot read the settings file"),
    ],
)
def test_bad_words(tmp_path, words, error, text):
    with pytest.raises(error, match=text):
        train(**words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"brains": 3, "grid": ("hidden=4,8",)}, "--brains 3"),
        ({"random": ("batch_size=4,8",)}, "share batch_size"),
        ({"random": ("dropout=uniform(0, 0.5)",)}, "nothing to explore"),
        ({"validation": 0}, "chooses by validation"),
        ({"patience": 2}, "--patience does not go"),
    ],
)
def test_bad_words_of_population_based_training(tmp_path, words, text):
    with pytest.raises(SettingsError, match=text):
        command.train("digits", pbt=True, backend="reference", **words)
    assert not list(tmp_path.iterdir())


def test_files_are_not_overwritten(tmp_path):
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    with pytest.raises(SettingsError, match="there already"):
        train(save=tmp_path / "there")
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"
    train(save=tmp_path / "there", overwrite=True)
    assert len(bits(tmp_path / "there.safetensors")) == 4


def test_unknown_data_set():
    with pytest.raises(SettingsError, match="Did you mean 'mnist'"):
        command.train("mnst")


def test_mnist_without_files(tmp_path):
    with pytest.raises(DataError, match="SWARM_DATA_DIR"):
        command.train_mnist(data=tmp_path)


@pytest.mark.skipif(not os.environ.get("SWARM_DATA_DIR"), reason="SWARM_DATA_DIR names no folder with MNIST")
def test_real_mnist_end_to_end():
    trained = command.train_mnist(brains=4, save="m")
    assert trained.results.figures["test_accuracy"].mean() > 0.9
    assert trained.ensembles[4] > trained.results.figures["test_accuracy"].mean()
