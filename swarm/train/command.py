"""The commands `swarm train mnist` and `swarm train digits`: build, train, test, save, tell.

A run is a plan of networks (`plan`), split into populations that train one after another; most have one. Each is
trained, tested and saved, and its figures are kept. Networks are judged and chosen on the validation split; the test
split is scored once a population is trained, and reported.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train import data as sets
from swarm.train import summary, words
from swarm.train.data import DataSet
from swarm.train.evaluate import evaluate
from swarm.train.folder import Folder
from swarm.train.interrupt import Interrupted
from swarm.train.outcome import Outcome
from swarm.train.plan import Part
from swarm.train.results import Results
from swarm.train.sweep import label
from swarm.train.targets import Targets
from swarm.train.training import Training
from swarm.train.words import DATA, Request

Held = tuple[np.ndarray, np.ndarray] | None


@dataclass(frozen=True)
class Trained:
    """What a training command leaves behind. ensembles: test accuracy by the number of networks that answer."""

    results: Results
    ensembles: dict[int, float]
    targets: Targets


def run(name: str, **words: Any) -> int:
    """The command line's words for `train`; returns the exit code."""
    train(name, **words)
    return 0


def train(name: str, **given: Any) -> Trained:
    """Train networks on 'mnist' or 'digits', test them on samples they have not seen, save them and tell.

    given: the fields of `words.Request`, the settings of networks (`settings.SETTINGS`), `set` and `config`, as the
    command line has them. Raises SettingsError, DataError, SaveError; on Ctrl-C KeyboardInterrupt, after saving.
    """
    if name not in DATA:
        raise SettingsError(f"train: there is no data set {name!r}.{suggest(name, DATA)}")
    values = words.merged(given)
    request = words.read(values)
    folder = Folder.resume(values, name) if request.resume else None
    request = request if folder is None else folder.request
    whole = sets.mnist(request.data) if name == "mnist" else sets.digits()
    data, held = whole.held(request.validation, request.seed)
    plan = words.plan(request, name, data)
    parts = plan.parts(request.wave)
    targets = Targets.of(
        summary.file_name(name, plan, request), len(parts), save=request.save, csv=request.csv, json=request.json,
        plot=request.plot, sweeps=len(plan.candidates) > 1, overwrite=request.overwrite or request.resume,
    )  # fmt: skip
    if folder is None and request.checkpoint is not None:
        folder = Folder.begin(replace(request, save=str(targets.target)), name)

    console = summary.console()
    summary.opening(console, name, data, held, request, plan, len(parts))
    results, seconds = Results(plan, where={"backend": request.backend, "threads": request.threads}), 0.0
    for number, part in enumerate(parts):
        path = targets.brains[number]
        if folder is not None and (outcome := folder.finished(number, path)) is not None:
            results.add(part, outcome, path)
            continue
        brains, report = _fit(part, data, held, request, folder, number, results, targets, label(number, len(parts)))
        begin = time.perf_counter()
        outcome = _tested(report, brains, whole)
        seconds += time.perf_counter() - begin
        brains.save(path)
        if folder is not None:
            folder.finish(number, outcome)
        results.add(part, outcome, path if len(parts) > 1 else brains)

    begin = time.perf_counter()
    ensembles = summary.ensembles(results, whole, request.ensemble)
    seconds += time.perf_counter() - begin
    _write(results, targets, name, request, ensembles)
    summary.closing(console, results, ensembles, seconds, whole, targets, plan)
    return Trained(results, ensembles, targets)


train_mnist = partial(train, "mnist")
train_digits = partial(train, "digits")


def _fit(
    part: Part,
    data: DataSet,
    held: Held,
    request: Request,
    folder: Folder | None,
    number: int,
    results: Results,
    targets: Targets,
    shown: str | bool,
) -> tuple[Brains, Any]:
    """Train a population to its end, from where its checkpoint is; its brains and report.

    Ctrl-C saves what was learned and says how to go on.
    """
    where = {"backend": request.backend, "threads": request.threads}
    file = None if folder is None else folder.training(number)
    if file is not None and file.exists():
        training = Training.resume(file, data.x, data.y, validation=held, progress=shown, checkpoint=file, **where)
    else:
        training = Training(
            part.brains(request.seed, dtype=request.dtype, **where), data.x, data.y, validation=held,
            seed=request.seed, progress=shown, checkpoint=file, **part.options(len(data.x)), **request.fit_options(),
        )  # fmt: skip
    try:
        return training.brains, training.run()
    except Interrupted as stop:
        done = stop.report.samples / len(part) / len(data.x)
        words = f"{done:.2f} of {part.shared('epochs')} epochs" + (f" of {shown}" if isinstance(shown, str) else "")
        if folder is not None:
            raise KeyboardInterrupt(
                f"The state after {words} is in {folder.path}. Go on with: {folder.words()}"
            ) from None
        path = targets.brains[number]
        stop.report.brains.save(path)
        results.add(part, Outcome.of(stop.report), path)
        raise KeyboardInterrupt(
            f"What was learned in {words} is in {path}. With --checkpoint DIR a run can be resumed."
        ) from None


def _tested(report: Any, brains: Brains, data: DataSet) -> Outcome:
    scores = evaluate(brains, data.x_test, data.y_test)
    return Outcome.of(report, test_loss=scores.loss, test_accuracy=scores.accuracy)


def _write(results: Results, targets: Targets, name: str, request: Request, ensembles: Mapping[int, float]) -> None:
    """The tables and pictures."""
    results.to_csv(targets.networks)
    if targets.candidates is not None:
        results.candidates_to_csv(targets.candidates)
    if targets.json is not None:
        results.to_json(targets.json, **summary.facts(results, name, request, ensembles))
    kinds = ("overview", "settings")
    for kind, path in zip(kinds, targets.pictures):
        results.plot(path, kind)
