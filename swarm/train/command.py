"""The commands `swarm train mnist` and `swarm train digits`: build, train, test, save, tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.errors import SaveError, SettingsError
from swarm.train import data as sets
from swarm.train.data import DataSet
from swarm.train.evaluate import Scores, evaluate, mean_outputs
from swarm.train.fit import Interrupted, fit
from swarm.train.optimizers import SGD
from swarm.train.report import Report


@dataclass(frozen=True)
class Trained:
    """What a training command leaves behind."""

    report: Report
    test: Scores
    ensemble_test_accuracy: float
    brains_file: Path
    results_file: Path


def train_mnist(
    *,
    brains: int = 100,
    layers: str = "784-32-10",
    epochs: int = 1,
    batch_size: int = 64,
    learning_rate: float = 0.1,
    activation: str = "relu",
    sampling: str = "own",
    seed: int = 0,
    data: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    backend: str = "auto",
    dtype: str = "float32",
    threads: int | None = None,
) -> Trained:
    """Train a population on MNIST's 60,000 images with SGD, test it on the other 10,000, save it.

    brains: how many networks. layers: their widths. data: the folder of the four files (else SWARM_DATA_DIR, the
    cache, a download). out: where the brains go; a table of results lies beside it as .csv. Raises SettingsError,
    DataError, SaveError; KeyboardInterrupt after saving what was trained.
    """
    mlp = _architecture(layers, activation, 784, 10)
    return _train(
        sets.mnist(data), mlp, brains, epochs, batch_size, learning_rate, sampling, seed, out, overwrite,
        backend, dtype, threads,
    )  # fmt: skip


def train_digits(
    *,
    brains: int = 100,
    layers: str = "64-32-10",
    epochs: int = 30,
    batch_size: int = 32,
    learning_rate: float = 0.2,
    activation: str = "relu",
    sampling: str = "own",
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
    backend: str = "auto",
    dtype: str = "float32",
    threads: int | None = None,
) -> Trained:
    """The same on 1,797 digits of 8x8 pixels that come with the engine: nothing is downloaded. See `train_mnist`."""
    mlp = _architecture(layers, activation, 64, 10)
    return _train(
        sets.digits(), mlp, brains, epochs, batch_size, learning_rate, sampling, seed, out, overwrite,
        backend, dtype, threads,
    )  # fmt: skip


def _architecture(layers: str, activation: str, inputs: int, classes: int) -> MLP:
    try:
        widths = tuple(int(word) for word in str(layers).split("-"))
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


def _train(
    data: DataSet, mlp: MLP, count: int, epochs: int, batch_size: int, learning_rate: float, sampling: str, seed: int,
    out: Path | None, overwrite: bool, backend: str, dtype: str, threads: int | None,
) -> Trained:  # fmt: skip
    console = Console()
    if count < 1:
        raise SettingsError(f"--brains {count} must be 1 or more.")
    target = _target(out, overwrite, f"{data.name}-{'-'.join(map(str, mlp.widths))}")
    brains = Brains(mlp, count, seed=seed, backend=backend, dtype=dtype, threads=threads)
    console.print(
        f"{count:,} networks {mlp} ({mlp.count:,} parameters each, {dtype}) on {data.name}: {len(data.x):,} samples,"
        f" {epochs} epochs, batch {batch_size}, {sampling} order, backend {brains.backend.name}",
        highlight=False,
    )
    try:
        report = fit(
            brains, data.x, data.y, optimizer=SGD(learning_rate), epochs=epochs, batch_size=batch_size,
            sampling=sampling, seed=seed, progress=True,
        )  # fmt: skip
    except Interrupted as stop:
        _save(stop.report, target)
        done = stop.report.samples / count / len(data.x)
        raise KeyboardInterrupt(f"What was trained so far ({done:.2f} of {epochs} epochs) is in {target}") from None
    begin = time.perf_counter()
    test = evaluate(brains, data.x_test, data.y_test)
    members = np.flatnonzero(np.isfinite(test.loss))
    if len(members) == 0:
        together = float("nan")
    else:
        together = float((mean_outputs(brains, data.x_test, members).argmax(axis=1) == data.y_test).mean())
    seconds = time.perf_counter() - begin
    results = _save(report, target, test_loss=test.loss, test_accuracy=test.accuracy)
    console.print(_table(report, test, together, seconds, data))
    console.print(f"brains  {target}\nresults {results}", highlight=False)
    return Trained(report, test, together, target, results)


def _target(out: Path | None, overwrite: bool, name: str) -> Path:
    """Where the brains will go, checked before the training and not after it."""
    if out is None:
        number = 1
        while (target := Path(f"{name}{f'-{number}' if number > 1 else ''}.safetensors")).exists():
            number += 1
        return target
    target = Path(out)
    if target.is_dir():
        target /= f"{name}.safetensors"
    if target.suffix != ".safetensors":
        target = target.with_name(target.name + ".safetensors")
    if target.exists() and not overwrite:
        raise SettingsError(f"--out '{target}' is there already. Choose another name, or replace it with --overwrite.")
    if not target.parent.is_dir():
        raise SaveError(f"--out: the folder '{target.parent}' does not exist. Create it first.")
    return target


def _save(report: Report, target: Path, **more: np.ndarray | None) -> Path:
    report.brains.save(target)
    results = target.with_suffix(".csv")
    report.to_csv(results, **more)
    return results


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
