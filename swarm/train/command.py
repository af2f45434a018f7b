"""The commands `swarm train mnist` and `swarm train digits`: build, train, test, save, tell."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.config import suggest
from swarm.errors import SaveError, SettingsError
from swarm.train import data as sets
from swarm.train.data import DataSet
from swarm.train.evaluate import Scores, evaluate, mean_outputs
from swarm.train.fit import fit
from swarm.train.interrupt import Interrupted
from swarm.train.optimizers import OPTIMIZERS, SGD, Descent
from swarm.train.report import Report
from swarm.train.schedules import CosineRate, Schedule, StepRate, WarmupRate

DATA = {"mnist": (0.3, 1), "digits": (0.3, 30)}  # data set -> learning rate of SGD and epochs that suit it
_OTHER_RATE = 1e-3  # of the optimizers that divide by the gradient's size
SCHEDULES = ("constant", "step", "cosine", "warmup")


@dataclass(frozen=True)
class Trained:
    """What a training command leaves behind."""

    report: Report
    test: Scores
    ensemble_test_accuracy: float
    brains_file: Path
    results_file: Path


def run(
    name: str,
    *,
    batch: int = 64,
    rate: float | None = None,
    save: Path | None = None,
    csv: Path | None = None,
    **settings: Any,
) -> int:
    """The command line's words for `train`; returns the exit code."""
    train(name, batch_size=batch, learning_rate=rate, out=save, results=csv, **settings)
    return 0


def train(
    name: str,
    *,
    brains: int = 100,
    layers: str | Sequence[str] | None = None,
    epochs: int | None = None,
    batch_size: int = 64,
    learning_rate: float | None = None,
    optimizer: str = "sgd",
    schedule: str = "constant",
    activation: str = "relu",
    sampling: str = "own",
    seed: int = 0,
    data: Path | None = None,
    out: Path | None = None,
    results: Path | None = None,
    overwrite: bool = False,
    backend: str = "auto",
    dtype: str = "float32",
    threads: int | None = None,
) -> Trained:
    """Train a population on 'mnist' or 'digits', test it on samples it has not seen, save it and tell.

    brains: how many networks. layers: their widths, "784-32-10"; several architectures are dealt out in turn. data: the
    folder of MNIST's four files (else SWARM_DATA_DIR, the cache, a download). out: where the brains go; results: the
    table of all networks, beside the brains as .csv by default.
    Raises SettingsError, DataError, SaveError; KeyboardInterrupt after saving what was trained until then.
    """
    if name not in DATA:
        raise SettingsError(f"train: there is no data set {name!r}.{suggest(name, DATA)}")
    if brains < 1:
        raise SettingsError(f"--brains {brains} must be 1 or more.")
    set_ = sets.mnist(data) if name == "mnist" else sets.digits()
    mlps = _architectures(layers, activation, set_.inputs, set_.classes)
    rate, passes = DATA[name]
    chosen = _optimizer(optimizer, learning_rate, rate)
    epochs = passes if epochs is None else epochs
    course = _schedule(schedule, epochs * -(-len(set_.x) // max(1, batch_size)))
    target = _target(out, overwrite, f"{name}-{'-'.join(map(str, mlps[0].widths))}")
    table = _file(results or target.with_suffix(".csv"), overwrite, "--csv")

    one = len(mlps) == 1
    population = Brains(
        mlps[0] if one else [mlps[k % len(mlps)] for k in range(brains)], brains if one else None,
        seed=seed, backend=backend, dtype=dtype, threads=threads,
    )  # fmt: skip
    console = Console()
    span = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    console.print(
        f"{brains:,} networks {', '.join(map(str, mlps))} ({dtype}) on {name}: {len(set_.x):,} samples, {span}, batch"
        f" {batch_size}, {sampling} order, {optimizer}, {schedule} rate {chosen.learning_rate:g},"
        f" backend {population.backend.name}",
        highlight=False,
        soft_wrap=True,
    )
    try:
        report = fit(
            population, set_.x, set_.y, optimizer=chosen, schedule=course, epochs=epochs, batch_size=batch_size,
            sampling=sampling, seed=seed, progress=True,
        )  # fmt: skip
    except Interrupted as stop:
        _save(stop.report, target, table)
        done = stop.report.samples / brains / len(set_.x)
        raise KeyboardInterrupt(f"What was trained so far ({done:.2f} of {epochs} epochs) is in {target}") from None
    begin = time.perf_counter()
    test, together = _test(population, set_)
    seconds = time.perf_counter() - begin
    _save(report, target, table, test_loss=test.loss, test_accuracy=test.accuracy)
    console.print(_table(report, test, together, seconds, set_))
    console.print(f"brains  {target}\nresults {table}", highlight=False, soft_wrap=True)
    return Trained(report, test, together, target, table)


train_mnist = partial(train, "mnist")
train_digits = partial(train, "digits")


def _architectures(layers: str | Sequence[str] | None, activation: str, inputs: int, classes: int) -> list[MLP]:
    words = [layers] if isinstance(layers, str) else list(layers or (f"{inputs}-32-{classes}",))
    return [_architecture(word, activation, inputs, classes) for word in words]


def _architecture(layers: str, activation: str, inputs: int, classes: int) -> MLP:
    try:
        widths = tuple(int(word) for word in layers.split("-"))
    except ValueError:
        example = f"--layers {inputs}-32-{classes}"
        raise SettingsError(f"--layers {layers!r} is not a list of widths. For example: {example}") from None
    mlp = MLP(widths, activation)
    if (mlp.inputs, mlp.outputs) != (inputs, classes):
        raise SettingsError(
            f"--layers {layers}: the data have {inputs} inputs and {classes} classes. Begin with {inputs} and end with"
            f" {classes}: --layers {'-'.join(map(str, (inputs, *mlp.hidden, classes)))}"
        )
    return mlp


def _optimizer(name: str, asked: float | None, rate: float) -> Descent:
    if name not in OPTIMIZERS:
        raise SettingsError(f"--optimizer {name!r} is unknown.{suggest(name, OPTIMIZERS)}")
    kind = OPTIMIZERS[name]
    return kind((rate if kind is SGD else _OTHER_RATE) if asked is None else asked)


def _schedule(name: str, steps: int) -> Schedule | None:
    """The schedule of this name for a run of `steps` batches."""
    if name not in SCHEDULES:
        raise SettingsError(f"--schedule {name!r} is unknown.{suggest(name, SCHEDULES)}")
    if name == "constant":
        return None
    if name == "step":
        return StepRate(max(1, -(-steps // 3)))
    return CosineRate() if name == "cosine" else WarmupRate(max(1, steps // 20)).then(CosineRate())


def _test(brains: Brains, data: DataSet) -> tuple[Scores, float]:
    """Every network's scores on the test split, and the accuracy of the mean logits of those that did not diverge."""
    test = evaluate(brains, data.x_test, data.y_test)
    members = np.flatnonzero(np.isfinite(test.loss))
    if len(members) == 0:
        return test, float("nan")
    votes = mean_outputs(brains, data.x_test, members).argmax(axis=1)
    return test, float((votes == data.y_test).mean())


def _target(out: Path | None, overwrite: bool, name: str) -> Path:
    """Where the brains will go, checked before the training and not after it."""
    if out is None:
        number, target = 1, Path(f"{name}.safetensors")
        while target.exists() or target.with_suffix(".csv").exists():
            number += 1
            target = Path(f"{name}-{number}.safetensors")
        return target
    target = Path(out)
    if target.is_dir():
        target /= f"{name}.safetensors"
    if target.suffix != ".safetensors":
        target = target.with_name(target.name + ".safetensors")
    return _file(target, overwrite, "--save")


def _file(path: Path, overwrite: bool, option: str) -> Path:
    if path.exists() and not overwrite:
        raise SettingsError(f"{option} '{path}' is there already. Choose another name or remove it.")
    if not path.parent.is_dir():
        raise SaveError(f"{option}: the folder '{path.parent}' does not exist. Create it first.")
    return path


def _save(report: Report, target: Path, table: Path, **more: np.ndarray | None) -> None:
    report.brains.save(target)
    report.to_csv(table, **more)


def _table(report: Report, test: Scores, together: float, seconds: float, data: DataSet) -> Table:
    accuracy = test.accuracy
    assert accuracy is not None
    order = np.argsort(-accuracy, kind="stable")
    title = f"{len(report):,} networks, {len(data.x_test):,} test samples they have not seen"
    table = Table(title=title, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    for name, k in (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1])):
        table.add_row(f"{name} test accuracy", f"{accuracy[k]:.2%}", f"network {k}")
    table.add_row("mean test accuracy", f"{accuracy.mean():.2%}", f"± {accuracy.std():.2%}")
    table.add_row("ensemble test accuracy", f"{together:.2%}", "mean of the logits")
    table.add_row("training loss", f"{np.nanmean(report.training_loss):.4f}", "mean over the last epoch")
    if report.diverged.any():
        table.add_row("diverged", f"{int(report.diverged.sum()):,}", "loss not finite: lower the learning rate")
    table.add_row("training", f"{report.seconds:.2f} s", f"{report.samples_per_second:,.0f} samples/s, all networks")
    table.add_row("preparing kernels", f"{report.preparing:.2f} s", "compiled once, then loaded from the cache")
    table.add_row("test", f"{seconds:.2f} s", "")
    return table
