"""A training is continued, saved, resumed and changed: to the same bits as one that nobody touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, Brains, CosineRate, Folds, RMSprop, Training, fit
from swarm.errors import DataError, SaveError, SchemaError, SettingsError
from swarm.train import Interrupted, trainee

posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")

rng = np.random.default_rng(3)
X = rng.standard_normal((90, 5)).astype(np.float32)
Y = (X[:, :2] @ rng.standard_normal((2, 3))).argmax(axis=1)
MLPS = [MLP((5, 6, 3)), MLP((5, 3)), MLP((5, 6, 3), "relu"), MLP((5, 4, 4, 3)), MLP((5, 3))]
REFERENCE = {"backend": "reference", "seed": 4}


def pool(kind: str = "mixed", dtype: str = "float32", **settings) -> Brains:
    words = {**REFERENCE, "dtype": dtype, **settings}
    return Brains(MLPS, **words) if kind == "mixed" else Brains(MLPS[0], 4, **words)


def bits(brains: Brains) -> bytes:
    return b"".join(brain.flat().tobytes() for brain in brains)


RUNS = {  # what a training is asked for
    "adam, folds, early stop": {
        "optimizer": Adam(0.02), "samples": Folds(3, stratify=Y), "validation": "held", "patience": 2,
        "restore_best": True, "schedule": CosineRate(),
    },
    "momentum, dropout, noise": {
        "optimizer": SGD(0.1, momentum=0.5, nesterov=True), "dropout": 0.2, "noise": 0.1, "sampling": "bootstrap",
        "weights": np.linspace(0, 1, 90),
    },
    "plain, masks": {"optimizer": SGD(0.2), "freeze": [0], "validation": (X[:20], Y[:20])},
}  # fmt: skip


def settings_of(name: str) -> dict:
    return {"epochs": 5, "batch_size": 16, "seed": 9, **RUNS[name]}


@pytest.mark.parametrize("kind", ["equal", "mixed"])
@pytest.mark.parametrize("name", RUNS)
def test_epoch_by_epoch_is_the_whole_run(kind, name):
    whole, parts = pool(kind), pool(kind)
    report = fit(whole, X, Y, **settings_of(name))
    training = Training(parts, X, Y, **settings_of(name))
    while not training.finished:
        training.run(1)
    assert bits(parts) == bits(whole)
    np.testing.assert_array_equal(training.report.training_curve, report.training_curve)
    np.testing.assert_array_equal(training.report.status, report.status)
    assert training.report.samples == report.samples
    assert training.run() is training.report


class Stop(Exception):
    pass


def cut(training: Training, calls: int, monkeypatch) -> None:
    """Run so many launches of one or two batches and stop between two of them, as Ctrl-C does."""
    monkeypatch.setattr(trainee, "_FLOPS", 1)
    monkeypatch.setattr(trainee, "_STEPS", 2)
    monkeypatch.setattr(trainee, "_WAY", 0)
    call, done = Training._call, []

    def counted(self, advance):
        if len(done) == calls:
            raise Stop
        done.append(1)
        call(self, advance)

    monkeypatch.setattr(Training, "_call", counted)
    with pytest.raises(Stop):
        training.run()
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("name", "dtype", "calls"),
    [
        ("adam, folds, early stop", "float32", 1),
        ("adam, folds, early stop", "bfloat16", 7),
        ("adam, folds, early stop", "float64", 9),
        ("momentum, dropout, noise", "float32", 5),
        ("momentum, dropout, noise", "bfloat16", 9),
        ("plain, masks", "float32", 4),
    ],
)
def test_resumed_is_undisturbed(name, dtype, calls, tmp_path, monkeypatch):
    whole = pool(dtype=dtype)
    report = fit(whole, X, Y, **settings_of(name))
    training = Training(pool(dtype=dtype), X, Y, **settings_of(name))
    cut(training, calls, monkeypatch)
    training.save(tmp_path / "half.safetensors")
    again = {"validation": RUNS[name].get("validation")}
    for brains in (None, pool(dtype=dtype, seed=77)):
        resumed = Training.resume(tmp_path / "half.safetensors", X, Y, brains, **again)
        assert brains is None or resumed.brains is brains
        found = resumed.run()
        assert bits(resumed.brains) == bits(whole)
        np.testing.assert_array_equal(found.training_curve, report.training_curve)
        np.testing.assert_array_equal(found.validation_loss, report.validation_loss)
        np.testing.assert_array_equal(found.status, report.status)
        assert found.samples == report.samples


@pytest.mark.parametrize("calls", [3, 20, 26])
def test_waves_are_resumed(calls, tmp_path, monkeypatch):
    settings = {**settings_of("adam, folds, early stop"), "patience": None, "schedule": None}
    whole = pool()
    fit(whole, X, Y, **settings)
    training = Training(pool(), X, Y, **settings, wave=2)
    cut(training, calls, monkeypatch)
    training.save(tmp_path / "half.safetensors")
    resumed = Training.resume(tmp_path / "half.safetensors", X, Y, validation="held")
    assert resumed.wave == training.wave
    resumed.run()
    assert bits(resumed.brains) == bits(whole)
    with pytest.raises(SettingsError, match="waves run to their end"):
        Training(pool(), X, Y, wave=2, epochs=4).run(1)


def test_a_file_of_a_training_is_one_of_brains(tmp_path):
    training = Training(pool(), X, Y, epochs=3)
    training.save(tmp_path / "new.safetensors")  # nothing is trained yet
    training.run(1)
    training.save(tmp_path / "one.safetensors")
    assert bits(Brains.load(tmp_path / "one.safetensors", backend="reference")) == bits(training.brains)
    resumed = Training.resume(tmp_path / "new.safetensors", X, Y)
    resumed.run(1)
    assert bits(resumed.brains) == bits(training.brains)


@pytest.mark.parametrize(
    ("kind", "words", "change"),
    [
        (SettingsError, "was trained with epochs=3, not 4", {"epochs": 4}),
        (SettingsError, r"optimizer=SGD.learning_rate=0.1.*not SGD.learning_rate=0.2", {"optimizer": SGD(0.2)}),
        (SettingsError, "was trained with samples=Folds", {"samples": Folds(3)}),
        (DataError, "with other samples", {"x": X + 1}),
        (DataError, "with other samples", {"y": (Y + 1) % 3}),
        (DataError, "with other validation", {"validation": (X[1:9], Y[1:9])}),
        (DataError, "with validation", {"validation": None}),
        (SchemaError, "5-6-3 tanh float32.*those given are 4 x 5-7-3", {"brains": Brains(MLP((5, 7, 3)), 4)}),
        (SchemaError, "those given are 3 x 5-6-3", {"brains": Brains(MLPS[0], 3, backend="reference")}),
        (SettingsError, "not a pool", {"brains": [1]}),
        (TypeError, "epoch", {"epoch": 4}),
    ],
)
def test_other_things_are_refused(kind, words, change, tmp_path):
    training = Training(pool("equal"), X, Y, epochs=3, samples=Folds(2), validation=(X[:9], Y[:9]))
    training.run(1)
    training.save(tmp_path / "one.safetensors")
    given = {"x": X, "y": Y, "validation": (X[:9], Y[:9]), "epochs": 3, "optimizer": SGD(0.1), **change}
    with pytest.raises(kind, match=words):
        Training.resume(tmp_path / "one.safetensors", **given)


def test_what_is_no_training(tmp_path):
    pool().save(tmp_path / "brains.safetensors")
    (tmp_path / "text.safetensors").write_text("text")
    for name, words in (("brains", "brains and no training"), ("text", "truncated"), ("none", "none.safetensors")):
        with pytest.raises(SaveError, match=words):
            Training.resume(tmp_path / f"{name}.safetensors", X, Y)


def test_functions_are_given_again(tmp_path):
    def squares(outputs, targets):
        return np.square(outputs - targets).sum(axis=2), 2 * (outputs - targets)

    targets = np.eye(3)[Y]
    training = Training(pool(), X, targets, loss=squares, optimizer=SGD(0.01), epochs=2)
    training.run(1)
    training.save(tmp_path / "one.safetensors")
    with pytest.raises(SettingsError, match="squares, which no file holds"):
        Training.resume(tmp_path / "one.safetensors", X, targets)
    with pytest.raises(SettingsError, match="not 'mse'"):
        Training.resume(tmp_path / "one.safetensors", X, targets, loss="mse")
    resumed = Training.resume(tmp_path / "one.safetensors", X, targets, loss=squares)
    training.run()
    resumed.run()
    assert bits(resumed.brains) == bits(training.brains)


def test_checkpoints_on_the_way(tmp_path):
    path, seen = tmp_path / "run.safetensors", []
    save = Training.save

    class Watched(Training):
        def save(self, path):
            seen.append((self.epoch, self.finished))
            save(self, path)

    Watched(pool(), X, Y, epochs=5, checkpoint=path, checkpoint_epochs=2).run()
    assert seen == [(2, False), (4, False), (0, True)]
    done = Training.resume(path, X, Y)
    assert done.finished
    assert done.run().epochs == 5
    whole = pool()
    fit(whole, X, Y, epochs=5)
    assert bits(done.brains) == bits(whole)


@posix
def test_a_full_disk_leaves_the_old_file_and_the_population(tmp_path):
    import resource

    path = tmp_path / "run.safetensors"
    training = Training(pool(), X, Y, epochs=3, checkpoint=path)
    training.run(1)
    old, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(SaveError, match=r"run\.safetensors"):
            training.run(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, usual)
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]
    training.run()
    whole = pool()
    fit(whole, X, Y, epochs=3)
    assert bits(training.brains) == bits(whole)


@pytest.fixture
def interruptible():
    """Python's own answer to Ctrl-C, which a process started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_the_last_call_of_a_run_is_heard(interruptible):
    pressed = []

    def loss(outputs, targets):
        if not pressed:
            pressed.append(os.kill(os.getpid(), signal.SIGINT))
        return np.square(outputs - targets).mean(axis=2), 2 * (outputs - targets) / 3

    training = Training(pool(), X, np.eye(3)[Y], loss=loss, epochs=2, batch_size=len(X))
    with pytest.raises(Interrupted):
        training.run(1)
    assert training.epoch == 1
    assert training.standing.step.tolist() == [1] * len(training.brains)


@posix
def test_ctrl_c_finishes_the_call_saves_and_can_go_on(tmp_path, interruptible):
    calls = []

    def loss(outputs, targets):
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return np.square(outputs - targets).mean(axis=2), 2 * (outputs - targets) / 3

    targets, whole, brains = np.eye(3)[Y], pool("equal"), pool("equal")
    settings = {"loss": loss, "epochs": 40, "batch_size": 30, "optimizer": SGD(0.05)}
    with pytest.raises(Interrupted, match="4 brains") as stop:
        fit(brains, X, targets, **settings, checkpoint=tmp_path / "run.safetensors")
    training = stop.value.training
    assert stop.value.report.interrupted
    assert 0 < len(calls) < 40 * 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed = Training.resume(tmp_path / "run.safetensors", X, targets, loss=loss)
    assert bits(resumed.brains) == bits(brains)
    for one in (training, resumed):
        assert not one.run().interrupted
    fit(whole, X, targets, **settings)
    assert bits(whole) == bits(brains) == bits(resumed.brains)


def test_a_call_that_breaks_off_is_not_saved(tmp_path):
    def loss(outputs, targets):
        raise KeyboardInterrupt

    training = Training(pool(), X, np.eye(3)[Y], loss=loss)
    with pytest.raises(Interrupted):
        training.run()
    for ask in (training.run, lambda: training.save(tmp_path / "a.safetensors")):
        with pytest.raises(SettingsError, match="cut off in its middle"):
            ask()


KILLED = """
import sys
import numpy as np
sys.path.insert(0, {here!r})
import test_training as t
from swarm import Adam, Training
Training(t.pool(), t.X, t.Y, optimizer=Adam(0.01), epochs=10**6, batch_size=16, checkpoint={path!r},
         checkpoint_seconds=0).run()
"""


def test_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    path, here = tmp_path / "run.safetensors", Path(__file__)
    code = KILLED.format(here=str(here.parent), path=str(path))
    environment = {**os.environ, "PYTHONPATH": str(here.parents[3])}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        while not path.exists() or path.stat().st_mtime_ns == 0:
            assert process.poll() is None
        seen = path.read_bytes()
        while path.read_bytes() == seen:  # at least once in the place of an older one
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    resumed = Training.resume(path, X, Y)
    assert (resumed.epoch, resumed.start) != (0, 0)
    while resumed.start:
        resumed._call(lambda *_: None)
    epochs, whole = resumed.epoch, Training(pool(), X, Y, optimizer=Adam(0.01), epochs=10**6, batch_size=16)
    whole.run(epochs)
    assert bits(resumed.brains) == bits(whole.brains)


# ---------------------------------------------------------------------- changes between runs


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_copies_go_on_as_their_source_does(dtype):
    """Copies with the source's keys are the source, from then on."""
    keys, rates = [5, 6, 5, 6], [0.01, 0.02, 0.01, 0.02]
    brains = pool("equal", dtype)
    training = Training(brains, X, Y, optimizer=Adam(rates), epochs=4, keys=keys, schedule=CosineRate())
    training.run(2)
    assert brains.flat([0]).tobytes() != brains.flat([2]).tobytes()
    training.copy([0, 1], [2, 3])
    assert brains.flat([0, 1]).tobytes() == brains.flat([2, 3]).tobytes()
    training.run()
    assert brains.flat([0, 1]).tobytes() == brains.flat([2, 3]).tobytes()
    assert brains.flat([0]).tobytes() != brains.flat([1]).tobytes()


def test_copies_in_a_mixed_pool():
    brains = pool()
    training = Training(brains, X, Y, optimizer=RMSprop(0.01), epochs=4, prune={-1: [[1, 0, 0]]})
    training.run(1)
    others = [brains[k].flat().tobytes() for k in (0, 1, 2, 3)]
    training.copy([1], [4])
    assert brains[4].flat().tobytes() == brains[1].flat().tobytes()
    assert [brains[k].flat().tobytes() for k in (0, 1, 2, 3)] == others
    with pytest.raises(SettingsError, match="brain 0 is 5-6-3 tanh, brain 1 is 5-3"):
        training.copy(0, 1)
    with pytest.raises(SettingsError, match="written twice"):
        training.copy([1, 1], [4, 4])
    training.run()
    with pytest.raises(SettingsError, match="finished"):
        training.copy(1, 4)


def test_a_brain_that_diverged_comes_back_as_a_copy():
    brains = Brains(MLPS[2], 4, **REFERENCE)
    training = Training(brains, X, Y, optimizer=SGD([0.1, 1e30, 0.1, 0.1]), epochs=6)
    report = training.run(2)
    assert report.diverged.tolist() == [False, True, False, False]
    with pytest.raises(SettingsError, match="brain 1 has diverged"):
        training.copy(1, 0)
    training.copy(0, 1)
    training.optimizer = SGD(0.1)
    report = training.run()
    assert not report.diverged.any()
    assert report.status.tolist() == ["trained"] * 4
    assert np.isfinite(report.training_curve[2:]).all()


def test_other_hyper_parameters_from_the_next_step_on():
    brains, frozen = pool("equal"), pool("equal")
    training = Training(brains, X, Y, optimizer=SGD(0.1), epochs=3)
    training.run(1)
    fit(frozen, X, Y, optimizer=SGD(0.1))
    training.optimizer = SGD([0, 0, 0.1, 0.1], momentum=0.9)
    report = training.run()
    same = (brains.parameters == frozen.parameters).all(axis=1)
    assert same.tolist() == [True, True, False, False]
    np.testing.assert_allclose(report.learning_rate, [0, 0, 0.1, 0.1], rtol=1e-6)
    with pytest.raises(SettingsError, match="memory of SGD"):
        training.optimizer = Adam()
    with pytest.raises(SettingsError, match="each of the 4 brains"):
        training.optimizer = SGD([0.1, 0.2])
