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


def score(brains: Brains, samples: Samples) -> Scores:
    """`evaluate` for samples that were checked."""
    total, hits = np.zeros(len(brains)), np.zeros(len(brains), np.int64)
    for group in brains.groups:
        rows, layout = master(group)
        part, right = np.zeros(len(group)), np.zeros(len(group), np.int64)
        with group.backend.running():
            judge(group, samples).score(rows, layout, samples, part, right)
        total[group.positions], hits[group.positions] = part, right
    M = len(samples)
    return Scores(total / M, hits / M if samples.loss == "cross_entropy" else None)


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
