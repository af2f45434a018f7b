"""The commands `swarm train mnist` and `swarm train digits`: build, train, test, save, tell.

A run is a plan of networks (`candidates`), split into populations that train one after another; most have one. Each is
trained, saved and tested, and its figures are kept. Networks are judged and chosen on the validation split; the test
split is scored once a population is trained, and reported.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.config import cache_dir, suggest
from swarm.errors import SaveError, SettingsError
from swarm.train import data as sets
from swarm.train import summary, words
from swarm.train.candidates import Part
from swarm.train.data import DataSet
from swarm.train.evaluate import evaluate
from swarm.train.folder import Folder
from swarm.train.history import History
from swarm.train.interrupt import Interrupted
from swarm.train.outcome import Outcome
from swarm.train.pbt import pbt
from swarm.train.report import Report
from swarm.train.results import Results
from swarm.train.sweep import label
from swarm.train.targets import Targets
from swarm.train.training import Training
from swarm.train.words import DATA, Request

if TYPE_CHECKING:
    from rich.console import Console


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
    request = words.completed(request if folder is None else folder.request, name)
    whole = sets.mnist(request.data) if name == "mnist" else sets.digits()
    job = Job.of(name, request, folder, whole)

    console = summary.console()
    summary.opening(console, name, job.data, job.held, request, job.results.plan, len(job.parts))
    try:
        return _carry_out(job, whole, console)
    except KeyboardInterrupt as stop:  # also between two populations
        raise (stop if str(stop) else KeyboardInterrupt(job.words())) from None


def _carry_out(job: Job, whole: DataSet, console: Console) -> Trained:
    seconds = 0.0
    for number in range(len(job.parts)):
        if not job.done(number):
            brains, report, history = job.fit(number)
            job.keep(number, brains)
            begin = time.perf_counter()
            scores = evaluate(brains, whole.x_test, whole.y_test)
            seconds += time.perf_counter() - begin
            outcome = Outcome.of(report, history, test_loss=scores.loss, test_accuracy=scores.accuracy)
            job.close(number, outcome, brains)
    begin = time.perf_counter()
    ensembles = summary.ensembles(job.results, whole, job.request.ensemble)
    seconds += time.perf_counter() - begin
    job.write(ensembles)
    summary.closing(console, job.results, ensembles, seconds, whole, job.targets)
    return Trained(job.results, ensembles, job.targets)


train_mnist = partial(train, "mnist")
train_digits = partial(train, "digits")


@dataclass(frozen=True)
class Job:
    """A run: what was asked for, the samples to train on and those held back, who trains, and where all of it goes."""

    name: str
    request: Request
    folder: Folder | None
    data: DataSet
    held: tuple[np.ndarray, np.ndarray] | str | None  # "held": every network is judged on its own fold
    parts: list[Part]
    targets: Targets
    results: Results
    kept: list[Path] = field(default_factory=list)  # files of trained brains

    @classmethod
    def of(cls, name: str, request: Request, folder: Folder | None, whole: DataSet) -> Job:
        """Everything is checked before anything is trained. A new checkpoint is begun where one was asked for."""
        data, held = (whole, "held") if request.folds else whole.held(request.validation, request.seed)
        plan = words.plan(request, name, data)
        parts = plan.parts(request.wave)
        targets = Targets.of(
            summary.file_name(name, plan, request), len(parts), save=request.save, csv=request.csv, json=request.json,
            plot=request.plot, second=words.second(request, plan), overwrite=request.overwrite or request.resume,
        )  # fmt: skip
        if folder is None and request.checkpoint is not None:
            folder = Folder.begin(replace(request, save=str(targets.target)), name)
        results = Results(plan, where={"backend": request.backend, "threads": request.threads})
        return cls(name, request, folder, data, held, parts, targets, results)

    def done(self, number: int) -> bool:
        """Whether population `number` was finished before the run was resumed; then its figures are taken in."""
        path = self.targets.brains[number]
        outcome = None if self.folder is None else self.folder.finished(number, path)
        if outcome is not None:
            self.results.add(self.parts[number], outcome, path)
            self.kept.append(path)
        return outcome is not None

    def fit(self, number: int) -> tuple[Brains, Report, History | None]:
        """Train population `number` to its end, from where its checkpoint is.

        Ctrl-C saves what was learned and says how to go on.
        """
        request, part, shown = self.request, self.parts[number], label(number, len(self.parts))
        brains = part.brains(request.seed, dtype=request.dtype, backend=request.backend, threads=request.threads)
        file = None if self.folder is None else self.folder.training(number)
        x, y = self.data.x, self.data.y
        common: Any = {"validation": self.held, "progress": shown, "checkpoint": file}
        options = {**common, **part.options(len(x)), **request.fit_options(y), "seed": request.seed}
        try:
            if request.pbt:
                evolved = pbt(
                    brains, x, y, explore=words.explored(request, part.plan), every=request.every,
                    fraction=request.fraction, resample=request.resample, resume=True, **options,
                )  # fmt: skip
                return brains, evolved.report, evolved.history
            if file is not None and file.exists():
                training = Training.resume(file, x, y, brains, **common)
            else:
                training = Training(brains, x, y, **options)
            return brains, training.run(), None
        except Interrupted as stop:
            far = f"{stop.report.samples / len(part) / len(x):.2f} of {part.shared('epochs')} epochs"
            where = f" of {shown}" if isinstance(shown, str) else ""
            raise KeyboardInterrupt(self._stopped(number, stop.report, far + where)) from None

    def _stopped(self, number: int, report: Report, far: str) -> str:
        """What Ctrl-C says: where the state is, or the brains as far as they are."""
        if self.folder is not None:
            return f"{far} are done. {self.folder.words()}"
        self.keep(number, report.brains)
        return f"{far} are done, the brains are in {self.kept[-1]}. A run with --checkpoint DIR can be resumed."

    def words(self) -> str:
        """Where that is which outlives this run."""
        if self.folder is not None:
            return self.folder.words()
        return f"The trained brains are in {', '.join(map(str, self.kept))}." if self.kept else ""

    def keep(self, number: int, brains: Brains) -> None:
        """Save the brains of population `number`, before anything else can go wrong.

        Raises SaveError, which says where they are instead: in the checkpoint, or else in a second place.
        """
        path = self.targets.brains[number]
        try:
            brains.save(path)
        except SaveError as error:
            where = _second_place(path, brains) if self.folder is None else self.folder.words()
            raise SaveError(f"{error} {where}") from None
        self.kept.append(path)

    def close(self, number: int, outcome: Outcome, brains: Brains) -> None:
        """Population `number` is trained, saved and tested: note that it is finished."""
        path = self.targets.brains[number]
        if self.folder is not None:
            self.folder.finish(number, outcome)
        self.results.add(self.parts[number], outcome, path if len(self.parts) > 1 else brains)

    def write(self, ensembles: dict[int, float]) -> None:
        """The tables and pictures. Raises SaveError, which says where the brains are."""
        try:
            self._write(ensembles)
        except SaveError as error:
            raise SaveError(f"{error} {self.words()}") from None

    def _write(self, ensembles: dict[int, float]) -> None:
        results, targets = self.results, self.targets
        results.to_csv(targets.networks)
        if targets.candidates is not None:
            results.candidates_to_csv(targets.candidates)
        if targets.json is not None:
            results.to_json(targets.json, **summary.facts(results, self.name, self.request, ensembles))
        for kind, path in zip(("overview", words.second(self.request, results.plan)), targets.pictures):
            results.plot(path, kind)


def _second_place(path: Path, brains: Brains) -> str:
    """Save brains that `path` did not take where the program may write; says where they are."""
    folder = cache_dir("kept")
    second, number = folder / path.name, 1
    while second.exists():  # an earlier run's stay
        number += 1
        second = folder / f"{path.stem}-{number}{path.suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        brains.save(second)
    except (OSError, SaveError) as error:
        return f"The trained brains are lost: nor could '{second}' be written: {error}"
    return f"The trained brains are in '{second}'."
