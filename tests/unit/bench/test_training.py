"""The benchmarks of training in small: every figure is there, and whatever is wrong is refused and not saved."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import swarm
from swarm import cli
from swarm.bench import (
    harness,
    parallelmlps,
    parallelmlps_mnist,
    peers,
    train,
    train_checks,
    train_memory,
    turbanet,
    whitney,
)  # fmt: skip
from swarm.bench.report import Report
from swarm.bench.train_problem import pose
from swarm.train import data as sets

SMALL: dict[str, list[str]] = {  # command -> words that make it tiny
    "train": ["--networks", "5", "--samples", "640"],
    "turbanet": ["--networks", "4", "--many", "8"],
    "whitney": ["--networks", "3", "--layers", "2-5-2"],
    "parallelmlps": ["--widths", "2", "--repetitions", "2", "--samples", "128"],
}
STATED = {
    "train": {"seconds", "share", "sgemm_gflops", "memory", "peers", "machine"},
    "turbanet": {
        "seconds",
        "seconds_per_epoch",
        "mean_accuracy",
        "ensemble_accuracy",
        "cost_of_many",
        "peers",
        "machine",
    },
    "whitney": {"seconds", "mean_accuracy", "ensemble_accuracy", "against_one", "peers", "machine"},
    "parallelmlps": {"seconds_per_epoch", "mean_accuracy", "ensemble_accuracy", "peers", "machine"},
}
needs_both = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "jax")), reason="PyTorch and JAX are not installed"
)


@pytest.fixture(autouse=True)
def digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small digits stand in for MNIST, and every run is short."""
    monkeypatch.setattr(sets, "mnist", sets.digits)
    monkeypatch.setattr(train, "PEAK", 64)
    small = turbanet.Size(train=320, validate=64, epochs=2, turns=4, alone=2, steps=8, least=0.0)
    monkeypatch.setattr(turbanet, "QUICK", small)
    monkeypatch.setattr(whitney, "FRESH", 50)
    monkeypatch.setattr(parallelmlps, "FRESH", 50)


def words(command: str, path: Path | None = None, *more: str) -> list[str]:
    to = [] if path is None else ["--json", str(path)]
    return ["bench", command, "--quick", "--repeats", "1", "--threads", "1", *SMALL[command], *to, *more]


def told(command: str, path: Path, *more: str) -> dict:
    assert cli.call(words(command, path, *more)) == 0
    return json.loads(path.read_text())


@pytest.mark.parametrize("command", SMALL)
def test_every_command_states_its_figures(command: str, tmp_path: Path):
    told_ = told(command, tmp_path / "t.json", "--alone")
    assert STATED[command] <= set(told_)
    assert told_["peers"] == []
    assert {"processor", "cores", "commit"} <= set(told_["machine"])
    assert any(row["name"].startswith("swarm") for row in told_["rows"])
    assert any(note.startswith("Not in the seconds") for note in told_["notes"])


@needs_both
@pytest.mark.parametrize("command", ["train", "turbanet", "parallelmlps"])
def test_peers_do_the_same_and_stand_beside(command: str, tmp_path: Path):
    found = {row["name"].partition(", 4 networks")[0] for row in told(command, tmp_path / "t.json")["peers"]}
    if command == "parallelmlps":
        assert found == {"torch one by one", "torch, one wide layer"}
    else:
        assert {"torch bmm", "torch.func vmap", "torch one by one", "jax vmap"} <= found


@needs_both
@pytest.mark.parametrize("sampling", ["shared", "bootstrap"])
@pytest.mark.parametrize("optimizer", [swarm.SGD(0.1), swarm.Adam(0.01)])
def test_every_form_ends_where_the_oracle_does(optimizer: swarm.SGD | swarm.Adam, sampling: str):
    random = np.random.default_rng(0)
    x, y = random.standard_normal((40, 6)).astype(np.float32), random.integers(0, 3, 40)
    brains = swarm.Brains(swarm.MLP((6, 8, 5, 3), "relu"), 3, seed=1, backend="cpu")
    problem = pose(brains, x, y, optimizer, 8, 2, sampling, seed=2)
    right, report = problem.right(), Report("peers", {}, 0)
    found = peers.stacked(report, problem, threads=1)
    assert ("torch one GEMM" in {peer.name for peer in found}) == (sampling == "shared")
    for peer in found:
        assert train_checks.peer(peer, right, 1e-4 if isinstance(optimizer, swarm.Adam) else 1e-6) < 1e-4
        assert peer.run(2) > 0
        with pytest.raises(harness.Invalid, match=peer.name):
            train_checks.peer(replace(peer, run=lambda steps, run=peer.run: run(steps - 1)), right)


def test_missing_libraries_are_notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import builtins

    whole = builtins.__import__

    def without(name: str, *rest):
        if name.partition(".")[0] in ("torch", "jax") or any("peers_" in str(word) for word in (rest[2] or ())):
            raise ImportError(name)
        return whole(name, *rest)

    for room in ("peers_torch", "peers_jax", "parallelmlps_torch"):
        monkeypatch.delitem(__import__("sys").modules, f"swarm.bench.{room}", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    told_ = told("whitney", tmp_path / "t.json")
    assert told_["peers"] == []
    assert {"torch is not installed: left out.", "jax is not installed: left out."} <= set(told_["notes"])


@pytest.mark.parametrize("command", SMALL)
def test_a_wrong_result_is_refused(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    room = {"train": train, "turbanet": turbanet, "whitney": whitney, "parallelmlps": parallelmlps}[command]
    fit = swarm.fit

    def wrong(brains, *samples, **settings):
        report = fit(brains, *samples, **settings)
        for group in brains.groups:
            group.bias(0)[...] += 1e-3
        return report

    monkeypatch.setattr(room, "fit", wrong)
    path = tmp_path / "t.json"
    assert cli.call(words(command, path, "--alone")) == 2
    assert not path.exists()
    assert "Nothing is reported" in capsys.readouterr().err


def test_networks_that_repeat_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    fit = swarm.fit

    def same(brains, *samples, **settings):
        report = fit(brains, *samples, **settings)
        if settings["epochs" if "epochs" in settings else "seed"] == 2:
            brains.parameters[1] = brains.parameters[0]
        return report

    monkeypatch.setattr(turbanet, "fit", same)
    assert cli.call(words("turbanet", tmp_path / "t.json", "--alone", "--seed", "1")) == 2
    assert "of 4 networks only 3 differ" in " ".join(capsys.readouterr().err.split())


def test_low_accuracy_is_refused(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(turbanet, "QUICK", replace(turbanet.QUICK, least=0.999))
    assert cli.call(words("turbanet", None, "--alone")) == 2
    assert "the accuracy is" in capsys.readouterr().err


def test_a_loss_that_is_not_the_oracles_is_refused(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(train, "LOSS", 0.0)
    assert cli.call(words("train", None, "--alone")) == 2
    assert "loss of network 0" in capsys.readouterr().err


def test_width_buys_accuracy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(parallelmlps_mnist, "TAUGHT", 10)
    pytest.importorskip("matplotlib")
    picture = tmp_path / "width.png"
    more = ["--widths", "6", "--repetitions", "2", "--samples", "1437", "--plot", str(picture)]
    path = tmp_path / "m.json"
    assert cli.call(["bench", "parallelmlps", "--mnist", "--quick", *more, "--json", str(path)]) == 0
    told_ = json.loads(path.read_text())
    assert told_["rows"][0]["count"] == 48
    assert sum(row["count"] for row in told_["rows"][1:]) == 48
    by_width = told_["accuracy_by_width"]
    assert by_width["6"] > by_width["1"]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "options",
    [
        ["train", "--samples", "10"], ["train", "--networks", "0"], ["turbanet", "--many", "-1"],
        ["parallelmlps", "--networks", "7"], ["parallelmlps", "--batch", "0"], ["whitney", "--layers", "2-x"],
    ],
)  # fmt: skip
def test_options_that_cannot_be(options: list[str], capsys):
    assert cli.call(["bench", *options, "--quick", "--alone"]) == 2
    assert "Error" in capsys.readouterr().err


def test_memory_of_a_pool_is_counted(monkeypatch: pytest.MonkeyPatch):
    mlp = swarm.MLP((6, 4, 2), "relu")

    def hold(brains, x, y, *, optimizer, **_):
        hold.kept = np.zeros((optimizer.slots, *brains.rows.shape), np.float32)

    monkeypatch.setattr(train_memory, "fit", hold)
    x, y = np.zeros((32, 6), np.float32), np.zeros(32, np.int64)
    backend = swarm.Brains(mlp, 1, backend="cpu").backend
    found = train_memory.measure(mlp, x, y, 2_000, 2, backend)
    row = mlp.layout().row_bytes / 4 / mlp.count
    assert found["SGD"] == pytest.approx(row, rel=0.02)
    assert found["Adam"] == pytest.approx(3 * row, rel=0.02)
    assert found["best restore"] == pytest.approx(0, abs=0.02)
