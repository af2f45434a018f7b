"""Population-based training: the bad become copies of the good, and look at other hyper-parameters, while all train.

    evolved = swarm.pbt(brains, x, y, validation=(xv, yv), epochs=20, optimizer=swarm.SGD(momentum=0.9),
                        explore={"learning_rate": "log_uniform(1e-3, 1)", "weight_decay": "log_uniform(1e-6, 1e-2)"})
    evolved.report, evolved.schedule(evolved.report.best(1)[0])

Every `every` epochs the brains of an architecture are ranked by validation accuracy, equal ones by loss (without labels
by loss alone). Each of
the worst `fraction` takes parameters and moments of one of the best `fraction`, drawn at random (truncation selection),
and its hyper-parameters, each of which is then multiplied by one of `factors`, within the bounds of its distribution,
or, with the probability `resample`, drawn anew; of a list of values a neighbour is taken. Copies go from row to row
within the pool. All draws are keyed by seed, brain and round: the same seed gives the same run.
Source: Jaderberg et al., "Population Based Training of Neural Networks", arXiv:1711.09846, 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.config import suggest
from swarm.errors import DataError, SettingsError
from swarm.train import plain, space
from swarm.train.history import History
from swarm.train.interrupt import Interrupted
from swarm.train.optimizers import SGD, Descent
from swarm.train.progress import bar
from swarm.train.report import Report
from swarm.train.settings import HYPER
from swarm.train.space import Distribution, quantiles
from swarm.train.training import Training


@dataclass(frozen=True)
class Selection:
    """How brains are replaced; see the module."""

    explore: Mapping[str, Any]
    every: int = 1
    fraction: float = 0.2
    factors: tuple[float, ...] = (0.8, 1.2)
    resample: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.every, (int, np.integer)) or self.every < 1:
            raise SettingsError(f"pbt: every = {self.every!r} must be a whole number of 1 or more epochs.")
        if not 0 < self.fraction <= 0.5:
            raise SettingsError(f"pbt: fraction = {self.fraction!r} must be above 0 and at most 0.5.")
        if not 0 <= self.resample <= 1:
            raise SettingsError(f"pbt: resample = {self.resample!r} is not a probability.")
        if not self.factors or not all(np.isfinite(f) and f > 0 for f in self.factors):
            raise SettingsError(f"pbt: factors = {self.factors!r} must be numbers above 0, such as (0.8, 1.2).")

    def laws(self, optimizer: Any) -> dict[str, Distribution]:
        """What each hyper-parameter is drawn from. Raises SettingsError for one that the optimizer does not have."""
        if not isinstance(optimizer, Descent):
            raise SettingsError("pbt: only swarm's optimizers can be explored: SGD, RMSprop, Adam, AdamW.")
        if not self.explore:
            raise SettingsError('pbt: nothing to explore. For example: {"learning_rate": "log_uniform(1e-3, 1)"}.')
        known = [name for name in HYPER if hasattr(optimizer, name)]
        for name in self.explore:
            if name not in known:
                kind = type(optimizer).__name__
                raise SettingsError(f"pbt: {kind} has no hyper-parameter '{name}'.{suggest(name, known)}")
        return {name: Distribution.of(name, given, "pbt") for name, given in self.explore.items()}

    def asked(self, laws: Mapping[str, Distribution]) -> dict[str, Any]:
        """All of it as plain values by name, for a file; the same for all ways to say the same."""
        return {
            "every": int(self.every),
            "fraction": float(self.fraction),
            "factors": [float(factor) for factor in self.factors],
            "resample": float(self.resample),
            "explore": {name: _said(laws[name]) for name in sorted(laws)},
        }

    def first(self, laws: Mapping[str, Distribution], optimizer: Any, keys: np.ndarray) -> dict[str, np.ndarray]:
        """The hyper-parameters at the start, each [N], for brains named by keys [N]: the optimizer's, else drawn."""
        given = {name: getattr(optimizer, name) for name in laws}
        own = {name: np.array(value, np.float64) for name, value in given.items() if np.ndim(value) == 1}
        return {name: own[name] if name in own else _array(space.draw(laws[name], keys, self.seed)) for name in laws}

    def pairs(
        self, score: np.ndarray, groups: list[np.ndarray], keys: np.ndarray, tick: int, loss: np.ndarray | None = None
    ) -> np.ndarray:
        """For each brain the brain it becomes a copy of, int64 [N]; most stay themselves.

        score [N]: the larger the better, -inf for the diverged. groups: the positions of each architecture. loss [N]:
        of equal scores the lower loss is the better one.
        """
        source = np.arange(len(score))
        loss = np.zeros(len(score)) if loss is None else loss
        lots = quantiles("pbt exploit", keys, self.seed, tick=tick)
        for at in groups:
            count = max(1, int(self.fraction * len(at)))
            ranked = at[np.lexsort([at, loss[at], -score[at]])]  # best first; of equal ones the lower number
            best = ranked[:count][np.isfinite(score[ranked[:count]])]
            if len(at) < 2 or not len(best):
                continue
            lost = ~np.isfinite(score[ranked])
            for brain in np.concatenate([ranked[:-count][lost[:-count]], ranked[-count:]]):
                chosen = best[min(int(lots[brain] * len(best)), len(best) - 1)]
                if (score[chosen], -loss[chosen]) > (score[brain], -loss[brain]):
                    source[brain] = chosen
        return source

    def explored(
        self, laws: Mapping[str, Distribution], values: Mapping[str, np.ndarray], source: np.ndarray, keys: np.ndarray,
        tick: int,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        """The hyper-parameters after copying along source [N] and looking around; of brains that stay, as they were."""
        copied = source != np.arange(len(source))
        found = {}
        for name, law in laws.items():
            way, anew = (
                quantiles(f"pbt {word} {name}", keys, self.seed, tick=tick) for word in ("explore", "resample")
            )
            drawn = _array(space.draw(law, keys, self.seed, generation=1, tick=tick))
            moved = _moved(law, values[name][source], way, self.factors)
            found[name] = np.where(copied, np.where(anew < self.resample, drawn, moved), values[name])
        return found


def _moved(law: Distribution, values: np.ndarray, way: np.ndarray, factors: tuple[float, ...]) -> np.ndarray:
    """Values [N] times one of the factors within the law's bounds; of a list the neighbour, up or down."""
    if law.kind != "choice":
        which = np.minimum((way * len(factors)).astype(int), len(factors) - 1)
        return np.clip(values * np.array(factors)[which], law.low, law.high)
    listed = np.sort(_array(list(law.values)))
    at = np.searchsorted(listed, values) + np.where(way < 0.5, -1, 1)
    return listed[np.clip(at, 0, len(listed) - 1)]


def _said(law: Distribution) -> str:
    return repr(_array(list(law.values)).tolist()) if law.kind == "choice" else f"{law.kind}({law.low}, {law.high})"


def _array(values: list[Any]) -> np.ndarray:
    return np.array([np.inf if one is None else one for one in values], np.float64)


@dataclass
class Evolved:
    """The report of the training, and the history of who became whom with which hyper-parameters."""

    report: Report
    history: History

    def schedule(self, brain: int) -> dict[str, np.ndarray]:
        """The hyper-parameters that made brain `brain` what it is, round by round along its ancestors: each [R]."""
        return self.history.schedule(brain)


def pbt(
    brains: Brains,
    x: Any,
    y: Any,
    *,
    validation: tuple[Any, Any],
    explore: Mapping[str, Any],
    epochs: int,
    every: int = 1,
    fraction: float = 0.2,
    factors: tuple[float, ...] = (0.8, 1.2),
    resample: float = 0.25,
    optimizer: Any = SGD(),  # noqa: B008  (frozen)
    seed: int = 0,
    keys: Any = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Any = False,
    **fit: Any,
) -> Evolved:
    """Train `brains` in place on x [M, I] and y for `epochs`, copying and exploring every `every` epochs.

    explore: hyper-parameters of the optimizer and what they are drawn from, as in `space`; the first values are those
    of `optimizer` where it has one per brain [N], else drawn. Other hyper-parameters stay as in `optimizer`. fit:
    further keywords of `swarm.fit`, apart from patience, restore_best and wave.
    The choice is made on `validation`: judge the winner on other samples.
    checkpoint: a file that is written after every round and on Ctrl-C; resume=True goes on from it, to the same bits.
    All that was asked for must then be asked for again: SettingsError says what differs.
    Raises SettingsError, DataError, SaveError, and `Interrupted` on Ctrl-C.
    """
    if validation is None:
        raise DataError("pbt: brains are chosen by their validation. Give validation=(xv, yv).")
    wrong = [name for name in ("patience", "restore_best", "wave") if fit.get(name)]
    if wrong:
        raise SettingsError(f"pbt: {wrong[0]} does not go with copies between brains that all train. Leave it out.")
    selection = Selection(explore, every, fraction, tuple(factors), resample, seed)
    laws = selection.laws(optimizer)
    names = np.arange(len(brains), dtype=np.uint32) if keys is None else np.asarray(keys, np.uint32)
    file = None if checkpoint is None else Path(checkpoint)
    if resume and file is not None and file.exists():
        history = History.load(History.beside(file))
        _refuse_another(selection, laws, history, file)
        training = Training.resume(
            file, x, y, brains, validation=validation, epochs=epochs, seed=seed, keys=names, **fit
        )
        history = history.until(_rounds(training, every, epochs))
        _refuse_others(optimizer, training, history, file)
    else:
        history = History.of(selection.first(laws, optimizer, names), selection.asked(laws))
        training = Training(
            brains, x, y, validation=validation, optimizer=replace(optimizer, **history.values), epochs=epochs,
            seed=seed, keys=names, **fit,
        )  # fmt: skip
    done = training.report.samples
    try:
        with bar(progress, len(brains), epochs, epochs * len(x) * len(brains) - done) as advance:
            training.progress = advance  # type: ignore[assignment]  # bars pass on what a bar yielded
            while not training.finished:
                training.run(every - training.epoch % every)
                _select(training, selection, laws, history, names)
                _save(training, history, file)
    except Interrupted:
        if history.rounds < _rounds(training, every, epochs):  # Ctrl-C came as a round ended
            _select(training, selection, laws, history, names)
        with suppress(SettingsError):  # a second Ctrl-C cut a step off: what the last round left in the file stays
            _save(training, history, file)
        raise
    return Evolved(training.report, history)


def _select(
    training: Training, selection: Selection, laws: Mapping[str, Distribution], history: History, keys: np.ndarray
) -> None:
    """The end of a round: exploit and explore, unless it was the last."""
    score = judged(training.report)
    if training.finished:
        history.close(score)
        return
    groups = [group.positions for group in training.brains.groups]
    tick = history.rounds + 1
    source = selection.pairs(score, groups, keys, tick, training.report.validation_loss)
    values = selection.explored(laws, history.values, source, keys, tick)
    to = np.flatnonzero(source != np.arange(len(source)))
    if len(to):
        training.copy(source[to], to)
    training.optimizer = replace(training.optimizer, **values)
    history.close(score, source, values)


def judged(report: Report) -> np.ndarray:
    """Scores [N], the larger the better: validation accuracy, without labels minus the loss; -inf for the diverged."""
    loss, accuracy = report.validation_loss, report.validation_accuracy
    assert loss is not None, "pbt validates"
    return np.where(report.diverged | ~np.isfinite(loss), -np.inf, -loss if accuracy is None else accuracy)


def _rounds(training: Training, every: int, epochs: int) -> int:
    """Rounds that are over."""
    return -(-epochs // every) if training.finished else training.epoch // every


def _refuse_another(selection: Selection, laws: Mapping[str, Distribution], history: History, file: Path) -> None:
    """A run goes on with the selection that it began with."""
    now = selection.asked(laws)
    for name, before in history.asked.items():
        if before != now[name]:
            raise SettingsError(f"pbt: '{file}' was trained with {name}={before}, not {now[name]}.")


def _refuse_others(optimizer: Any, training: Training, history: History, file: Path) -> None:
    """What is not explored must be as it was, and so must the first values where the optimizer has one per brain."""
    before, now = training.optimizer, replace(optimizer, **history.values)
    if type(now) is not type(before):
        raise SettingsError(f"pbt: '{file}' was trained with {type(before).__name__}, not {type(now).__name__}.")
    for name in (field.name for field in fields(now) if field.name not in history.used):
        held, given = getattr(before, name), getattr(now, name)
        if not plain.same(held, given):
            raise SettingsError(f"pbt: '{file}' was trained with {name}={held}, not {given}.")
    for name, (first, *_) in history.used.items():
        given = getattr(optimizer, name)
        if np.ndim(given) == 1 and not np.array_equal(given, first):
            raise SettingsError(f"pbt: '{file}' began with other values of {name}. Give those, or leave them out.")


def _save(training: Training, history: History, file: Path | None) -> None:
    if file is not None:
        history.save(History.beside(file))  # it may be a round ahead of the training, never behind
        training.save(file)
