"""Levels whose steps are too long: found, named, and what to do about it.

Gradient descent with step a is stable where a times the curvature stays below 2. A coarse level takes longer steps
through the same landscape, so it may leave the stable range where the training itself does not; then the corrections it
sends up are noise, and the iteration diverges or crawls.
"""

from __future__ import annotations

import numpy as np

from swarm.brain.mlp import Layout
from swarm.errors import NonFiniteError
from swarm.train import backward
from swarm.train.mgrit.hierarchy import Level
from swarm.train.mgrit.propagator import Propagator
from swarm.train.samples import Samples

GROWTH = 1e6  # a residual that has grown by this factor is a divergence


class Diverged(NonFiniteError):
    """A level's steps are too long: its points, or the residual, are no longer useful numbers."""


def check(level: Level, values: np.ndarray) -> None:
    """Raises `Diverged`, naming the level, where values are not finite."""
    if not np.isfinite(values).all():
        raise Diverged(f"mgrit: {named(level)} diverged: its points are no longer finite numbers. {remedy(level)}")


def named(level: Level) -> str:
    """A level in words."""
    kind = "the training itself" if level.number == 0 else f"level {level.number}"
    return f"{kind} ({level.steps:,} {'step' if level.steps == 1 else 'steps'} of length {level.rate:g})"


def remedy(level: Level) -> str:
    """What to do when this level diverges."""
    if level.number == 0:
        return "Take a smaller rate: serial training diverges with this one, too."
    return f"Lower max_rate below {level.rate:g}, take rule='slow' or 'naive', or fewer levels (levels={level.number})."


def unstable(levels: tuple[Level, ...], propagator: Propagator, first: np.ndarray) -> Level | None:
    """The finest coarse level whose own serial training from point 0 [stride] ends with a higher loss than it began
    with, or with no finite one; None where all go down. Costs fewer steps than one serial training does."""
    layout, samples = propagator.layout, propagator.samples
    begin = _loss(first, layout, samples)
    for level in levels[1:]:
        rows = np.zeros((level.steps + 1, len(first)), first.dtype)
        rows[0] = first
        propagator.march(level, rows, np.zeros(1, np.int64), level.steps, None)
        if not _loss(rows[-1], layout, samples) <= begin:
            return level
    return None


def _loss(row: np.ndarray, layout: Layout, samples: Samples) -> float:
    total, index = np.zeros(1), np.arange(len(samples), dtype=np.int32)[None]
    with np.errstate(all="ignore"):
        backward.gradients(row[None], layout, samples, index, np.empty_like(row[None]), total)
    return float(total[0])
