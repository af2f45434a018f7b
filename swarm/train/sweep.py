"""Hyper-parameter sweeps: many candidates, each trained several times, side by side in one population.

    results = swarm.sweep(x, y, validation=(xv, yv), grid={"hidden": [16, 32], "activation": ["relu", "tanh"]},
                          random={"learning_rate": "log_uniform(1e-3, 1)"}, draws=25, repetitions=3, epochs=5)
    results.best_settings

What a network may have of its own (architecture, learning rate, decay, momentum, dropout, ...) costs nothing extra;
candidates that differ in batch size, optimizer, schedule, sampling or epochs train one population after another. The
same keywords in a TOML file: `swarm.sweep(x, y, validation=(xv, yv), **swarm.config.load_toml("sweep.toml"))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from swarm.config import suggest
from swarm.errors import DataError, SettingsError
from swarm.train import space
from swarm.train.candidates import Plan
from swarm.train.evaluate import evaluate
from swarm.train.fit import fit
from swarm.train.outcome import Outcome
from swarm.train.results import Results
from swarm.train.settings import SETTINGS

FIT = (  # keywords that go to `fit` as they are, the same for all networks
    "loss", "reduction", "samples", "weights", "patience", "min_delta", "monitor", "restore_best", "shuffle",
    "order_seed", "bootstrap_seed", "dropout_seed", "noise_seed",
)  # fmt: skip


def sweep(
    x: Any,
    y: Any,
    *,
    validation: Any = None,
    test: tuple[Any, Any] | None = None,
    grid: Mapping[str, Any] | None = None,
    random: Mapping[str, Any] | None = None,
    draws: int | None = None,
    repetitions: int = 1,
    seed: int = 0,
    backend: Any = "auto",
    dtype: str = "float32",
    threads: int | None = None,
    progress: bool = False,
    **fixed: Any,
) -> Results:
    """Train every candidate `repetitions` times on x [M, I] and y (as `fit` takes them) and compare them.

    grid, random, draws: the candidates, see `space`. validation (xv, yv) ranks them; test (xt, yt) is reported and
    never chooses. fixed: settings that all networks share, any of `settings.SETTINGS` (hidden, activation,
    learning_rate, optimizer, epochs, batch_size, ...), and keywords of fit (`FIT`): loss, patience, restore_best, ...
    Network k is of candidate k // repetitions; with repetitions=5, samples=swarm.Folds(5) and validation="held" every
    candidate is cross-validated. Raises SettingsError naming the setting, DataError.
    """
    if not isinstance(repetitions, (int, np.integer)) or isinstance(repetitions, bool) or repetitions < 1:
        raise SettingsError(f"sweep: repetitions = {repetitions!r} must be a whole number of 1 or more.")
    unknown = [name for name in fixed if name not in SETTINGS and name not in FIT]
    if unknown:
        raise SettingsError(
            f"sweep: there is no setting '{unknown[0]}'.{suggest(unknown[0], [*SETTINGS, *FIT, *_OWN])}"
        )
    found = space.candidates(grid, random, draws, seed)
    own = {name: given for name, given in fixed.items() if name in SETTINGS}
    passed = {name: given for name, given in fixed.items() if name in FIT}
    member = np.repeat(np.arange(len(found)), repetitions)
    x, y = np.asarray(x), np.asarray(y)
    plan = Plan.of(found, own, member, *_widths(x, y, passed.get("loss", "cross_entropy")))
    results, parts = Results(plan), plan.parts()
    for number, part in enumerate(parts):
        brains = part.brains(seed, backend=backend, dtype=dtype, threads=threads)
        shown: Any = label(number, len(parts)) if progress else False
        report = fit(brains, x, y, validation=validation, seed=seed, progress=shown, **part.options(len(x)), **passed)
        scores = None if test is None else evaluate(brains, *test, passed.get("loss", "cross_entropy"))
        more = {} if scores is None else {"test_loss": scores.loss, "test_accuracy": scores.accuracy}
        results.add(part, Outcome.of(report, **more), brains)
    return results


_OWN = ("grid", "random", "draws", "repetitions", "validation", "test", "seed", "backend", "dtype", "threads")


def label(number: int, parts: int) -> str | bool:
    """What stands in front of a population's progress bar."""
    return f"population {number + 1}/{parts}" if parts > 1 else True


def _widths(x: np.ndarray, y: np.ndarray, loss: Any) -> tuple[int, int]:
    """Inputs and outputs of networks for these samples."""
    if x.ndim != 2 or y.ndim == 0 or len(y) == 0:
        raise DataError(
            f"sweep: x has the shape {x.shape} and y {y.shape}; give [samples, inputs] and labels or targets."
        )
    if loss == "cross_entropy":
        if y.dtype.kind not in "iub":
            raise DataError(f"sweep: cross_entropy takes whole-number labels, y is {y.dtype}. Use y.astype(int).")
        return x.shape[1], int(y.max()) + 1
    return x.shape[1], 1 if y.ndim == 1 else y.shape[1]
