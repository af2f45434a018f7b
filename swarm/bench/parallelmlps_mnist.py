"""`swarm bench parallelmlps --mnist`: a thousand networks of fifty widths on MNIST, and what width buys.

784-h-10, h = 1..50, 4 activations, 5 repetitions: the size of ParallelMLPs' own demonstration. One epoch of the 60,000
images, batches of 32, own order per network, SGD 0.1; accuracies are of the 10,000 test images. `--plot` draws them
against the width.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from swarm.backend import device
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import data as sets
from swarm.train.evaluate import evaluate, mean_outputs

from . import parallelmlps, train_checks
from .report import Report
from .trial import Trial

WIDTHS, REPETITIONS, BATCH, RATE = 50, 5, 32, 0.1
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu")
TAUGHT = 100  # steps after which the best accuracy must be well above chance
QUICK_WIDTHS, QUICK_REPETITIONS, QUICK_SAMPLES = 10, 1, 3_200

COLUMNS = {
    "networks": ("networks", "s"),
    "count": ("", ",d"),
    "seconds_per_epoch": ("s/epoch", ",.2f"),
    "mean_accuracy": ("mean accuracy", ".2%"),
    "worst_accuracy": ("worst", ".2%"),
    "best_accuracy": ("best", ".2%"),
    "ensemble_accuracy": ("ensemble", ".2%"),
}


def command(
    trial: Trial,
    widths: int | None = None,
    repetitions: int | None = None,
    samples: int | None = None,
    plot: Path | None = None,
) -> None:
    """Measure, draw, print, save."""
    for option, value in (("--widths", widths), ("--repetitions", repetitions), ("--samples", samples)):
        trial.at_least(option, value, 1)
    measure(
        trial,
        widths or (QUICK_WIDTHS if trial.quick else WIDTHS),
        repetitions or (QUICK_REPETITIONS if trial.quick else REPETITIONS),
        samples or (QUICK_SAMPLES if trial.quick else None),
        plot,
    ).finish(trial.json)


def measure(trial: Trial, widths: int, repetitions: int, samples: int | None, plot: Path | None) -> Report:
    """A row for all networks and one for each quarter of the widths. Raises `harness.Invalid`."""
    parallelmlps.refuse_networks(trial)
    backend = device.choose("cpu", trial.threads)
    set_ = sets.mnist()
    x, y = set_.x[:samples], set_.y[:samples].astype(np.int64)
    mlps = [
        MLP((set_.inputs, h, set_.classes), activation)
        for _ in range(repetitions)
        for activation in ACTIVATIONS
        for h in range(1, widths + 1)
    ]
    brains = Brains(mlps, seed=trial.seed, backend=backend)
    task = parallelmlps.Task(set_.classes, set_.inputs, BATCH, "own", RATE)
    what = "parallelmlps, MNIST"
    preparing = parallelmlps.check(what, brains, task, x, y, trial.seed)
    run = task.fit(brains, x, y, trial.seed)
    train_checks.finite(what, run.training_loss)
    different = train_checks.different(what, brains)
    values = evaluate(brains, set_.x_test, set_.y_test).accuracy
    assert values is not None
    train_checks.accuracy(what, values, 0.5 / set_.classes)
    if len(x) >= TAUGHT * BATCH:
        train_checks.accuracy(f"{what}, the best", values.max(), 3 / set_.classes)

    report = Report("parallelmlps --mnist", COLUMNS, trial.seed)
    report.settings = {
        "networks": len(brains), "widths": widths, "repetitions": repetitions, "activations": list(ACTIVATIONS),
        "samples": len(x), "batch": BATCH, "optimizer": f"SGD({RATE})", "threads": backend.threads,
    }  # fmt: skip
    units = np.array([mlp.hidden[0] for mlp in mlps])
    bounds = np.unique(np.linspace(0, widths, 5).astype(int))
    groups = {"all": np.arange(len(brains))}
    for low, high in pairwise(bounds):
        groups[f"{low + 1} to {high} hidden units"] = np.flatnonzero((units > low) & (units <= high))
    for name, members in groups.items():
        votes = mean_outputs(brains, set_.x_test, members).argmax(axis=1)
        report.rows.append({
            "networks": name, "count": len(members), "mean_accuracy": float(values[members].mean()),
            "worst_accuracy": float(values[members].min()), "best_accuracy": float(values[members].max()),
            "ensemble_accuracy": float((votes == set_.y_test).mean()),
        })  # fmt: skip
    report.rows[0]["seconds_per_epoch"] = run.seconds
    report.figures = {
        "seconds": run.seconds, "seconds_per_epoch": run.seconds, "different": different, "peers": [],
        "accuracy_by_width": {int(h): float(values[units == h].mean()) for h in np.unique(units)},
        **{name: report.rows[0][name] for name in ("mean_accuracy", "best_accuracy", "ensemble_accuracy")},
    }  # fmt: skip
    report.notes = [
        f"{len(x):,} samples, batches of {BATCH}, own order per network, SGD {RATE}; all networks differ.",
        f"Not in the seconds: compiling or loading kernels ({preparing:.2f} s), reading and checking data, scoring.",
    ]
    if plot is not None:
        run.plot(plot, "width", values=values, name="test accuracy")
        report.notes.append(f"Accuracy against width: {plot}")
    return report
