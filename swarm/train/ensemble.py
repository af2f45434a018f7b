"""Several brains answer as one: their mean outputs, their mean probabilities, or their votes.

Who takes part is decided by the validation split of a run (`members_of`), never by the data that are answered here.
Sums run over the members in row order, group by group, in float64: the answer does not depend on how x is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.rows import rows_of
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train.evaluate import mean_outputs

if TYPE_CHECKING:
    from swarm.train.report import Report


def combine(brains: Brains, x: Any, members: Any = None, how: str = "mean") -> np.ndarray:
    """What brains together answer to x [M, I] (uint8, scaled to 0..1, or float): [M, O] float64.

    members: row numbers of those that take part; all by default. how: one of `WAYS`: 'mean' of the outputs (of logits,
    that is the log of the geometric mean of the probabilities, up to a constant), 'probability': mean of the softmax
    of the outputs, 'vote': the share of the members whose largest output is this one.
    Raises SettingsError for another way or without members, DataError for samples that do not fit.
    """
    if how not in WAYS:
        raise SettingsError(f"ensemble: how={how!r} is unknown.{suggest(str(how), WAYS)}")
    rows = np.arange(len(brains)) if members is None else np.unique(rows_of(members, len(brains)))
    return WAYS[how](brains, x, rows)


def labels(brains: Brains, x: Any, members: Any = None, how: str = "mean") -> np.ndarray:
    """The class [M] int64 that brains together name for x [M, I]; equal votes are settled by the mean outputs."""
    together = combine(brains, x, members, how)
    if how != "vote":
        return together.argmax(axis=1)
    mean = combine(brains, x, members, "mean")
    return np.where(together == together.max(axis=1, keepdims=True), mean, -np.inf).argmax(axis=1)


def members_of(report: Report, n: int | None = None) -> np.ndarray:
    """Row numbers of the n best brains of a run (all by default), best first; diverged brains never take part.

    Best by validation, or by training loss where there was none (`Report.best`). Raises SettingsError when nobody is
    left, or for n below 1.
    """
    if n is not None and n < 1:
        raise SettingsError(f"ensemble: {n} brains cannot answer. Take 1 or more.")
    ranked = report.best()
    members = ranked[~report.diverged[ranked]][:n]
    if len(members) == 0:
        raise SettingsError("ensemble: every brain has diverged. Train with a smaller learning_rate.")
    return members


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _probability(brains: Brains, x: Any, rows: np.ndarray) -> np.ndarray:
    return mean_outputs(brains, x, rows, lambda answers: softmax(answers.astype(np.float64)).sum(axis=0))


def _vote(brains: Brains, x: Any, rows: np.ndarray) -> np.ndarray:
    classes = np.arange(brains.outputs)
    return mean_outputs(brains, x, rows, lambda answers: (answers.argmax(axis=2)[:, :, None] == classes).sum(axis=0))


WAYS: dict[str, Callable[[Brains, Any, np.ndarray], np.ndarray]] = {
    "mean": mean_outputs,
    "probability": _probability,
    "vote": _vote,
}
