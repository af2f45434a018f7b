"""How good brains are on samples they may not have been trained on: each for itself, and all together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.errors import SettingsError
from swarm.train import losses
from swarm.train.losses import Loss
from swarm.train.parts import Parts
from swarm.train.samples import Samples, check
from swarm.train.trainee import compute, judge, kernels, master

_CHUNK_BYTES = 64 << 20  # answers held at a time


@dataclass(frozen=True)
class Scores:
    """loss [N] float64, the mean over the samples; accuracy [N], the share of labels named, or None without labels."""

    loss: np.ndarray
    accuracy: np.ndarray | None


def evaluate(brains: Brains, x: Any, y: Any, loss: Loss = "cross_entropy") -> Scores:
    """Mean loss and accuracy of every brain on samples x [M, I], y [M] or [M, O]; losses and DataError as for `fit`."""
    samples = check(x, y, losses.check(loss), brains.inputs, brains.outputs, compute(brains), "evaluate")
    return score(brains, samples)


def score(brains: Brains, samples: Samples, at: np.ndarray | None = None) -> Scores:
    """`evaluate` for samples that were checked. at: the brains to look at, bool [N]; the others have NaN."""
    total, hits = np.full(len(brains), np.nan), np.full(len(brains), np.nan)
    for group in brains.groups:
        asked = np.arange(len(group)) if at is None else np.flatnonzero(at[group.positions])
        for some in _portions(group, asked):
            rows, layout = master(some if isinstance(some, Brains) else group.clone(some))
            part, right = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
            with group.backend.running():
                judge(group, samples).score(rows, layout, samples, part, right)
            place = group.positions[asked if isinstance(some, Brains) else some]
            total[place], hits[place] = part, right
    M = len(samples)
    return Scores(total / M, hits / M if samples.loss == "cross_entropy" else None)


def score_held(brains: Brains, samples: Samples, parts: Parts, at: np.ndarray) -> Scores:
    """Each brain of `at` [N] on those of the samples that it does not train on; the others have NaN."""
    loss = np.full(len(brains), np.nan)
    accuracy = np.full(len(brains), np.nan) if samples.loss == "cross_entropy" else None
    for mine, rows in parts.held(np.flatnonzero(at)):
        asked = np.zeros(len(brains), bool)
        asked[mine] = True
        scores = score(brains, samples.take(rows), asked)
        loss[mine] = scores.loss[mine]
        if accuracy is not None and scores.accuracy is not None:
            accuracy[mine] = scores.accuracy[mine]
    return Scores(loss, accuracy)


def _portions(group: Brains, asked: np.ndarray) -> list[Any]:
    """The pool itself where all are asked and can be read where they are; else row numbers, few enough for copies."""
    if len(asked) == len(group) and group.layout.dtype == group.layout.compute:
        return [group]
    step = max(1, _CHUNK_BYTES // (group.layout.stride * group.layout.compute.itemsize))
    return [asked[start : start + step] for start in range(0, len(asked), step)]


def _plain(answers: np.ndarray) -> np.ndarray:
    return answers.sum(axis=0, dtype=np.float64)


def mean_outputs(
    brains: Brains,
    x: Any,
    members: np.ndarray | None = None,
    total: Callable[[np.ndarray], np.ndarray] = _plain,
) -> np.ndarray:
    """The ensemble's answer to x [M, I]: the mean of the brains' outputs [M, O], float64.

    members: the brains that take part, row numbers; all by default. total: what is summed over the members instead of
    plain outputs, a function of answers [N, B, O] -> [B, O]. Raises DataError, and SettingsError without members.
    """
    zeros = np.zeros((len(x), brains.outputs))
    samples = check(x, zeros, "mse", brains.inputs, brains.outputs, compute(brains), "ensemble")
    chosen = np.ones(len(brains), bool) if members is None else np.isin(np.arange(len(brains)), members)
    if not chosen.any():
        raise SettingsError("ensemble: no brain takes part. Give at least one row number.")
    sums = np.zeros((len(samples), brains.outputs))
    for group in brains.groups:
        rows, layout = master(group)
        rows = rows[chosen[group.positions]]
        step = max(1, _CHUNK_BYTES // max(1, len(rows) * brains.outputs * layout.compute.itemsize))
        for start in range(0, len(samples) if len(rows) else 0, step):
            stop = min(start + step, len(samples))
            answers = np.empty((len(rows), stop - start, brains.outputs), layout.compute)
            with group.backend.running():
                kernels(group, "backward").outputs(rows, layout, samples, start, answers)
            sums[start:stop] += total(answers)
    return sums / chosen.sum()
