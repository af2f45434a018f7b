"""What brains are like as they stand: the gradient of a loss, and what every layer answers. Nothing is changed.

`Brains.gradients` and `Brains.activations` are these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.brain.brains import Brains, samples_of
from swarm.errors import DataError
from swarm.train import backward, losses
from swarm.train.samples import Samples, check
from swarm.train.trainee import compute, judge, master


def gradients(
    brains: Brains, x: Any, y: Any, loss: losses.Loss = "cross_entropy", reduction: str = "mean"
) -> np.ndarray:
    """The gradient [N, P] of an equal pool's loss; see `Brains.gradients`."""
    dtype, loss = compute(brains), losses.check(loss)
    samples, index = _samples(brains, x, y, loss, dtype, losses.check_reduction(reduction))
    rows, layout = master(brains)
    found = np.empty_like(rows)
    with brains.backend.running():
        judge(brains, samples).gradients(rows, layout, samples, index, found, np.zeros(len(brains)))
    if layout is brains.layout:
        return found[:, : layout.size]
    out = np.zeros((len(rows), brains.layout.size), layout.dtype)
    for at, to in zip(layout.blocks, brains.layout.blocks, strict=True):
        out[:, to.start : to.start + to.length] = found[:, at.start : at.start + at.length]
    return out


def activations(brains: Brains, x: Any, shared: bool = False) -> list[np.ndarray]:
    """What every layer answers, [N, B, H_k] each; see `Brains.activations`."""
    dtype = compute(brains)
    samples, _ = samples_of(x, shared, len(brains), brains.inputs, dtype, brains.backend)
    rows, layout = master(brains)
    return backward.activations(rows, layout, samples)


def _samples(
    brains: Brains, x: Any, y: Any, loss: losses.Loss, dtype: np.dtype, reduction: str
) -> tuple[Samples, np.ndarray]:
    """The samples and index [N | 1, B] of a batch that all share, x [B, I], or of own batches, x [N, B, I]."""
    x, y, N = np.asarray(x), np.asarray(y), len(brains)
    own = x.ndim == 3
    if own:
        if len(x) != N or y.shape[:2] != x.shape[:2]:
            raise DataError(
                f"gradients: x {x.shape} and y {y.shape} do not fit {N:,} brains. Give x [B, I] and y [B, ...] that all"
                f" share, or x [{N}, B, I] and y [{N}, B, ...]."
            )
        x, y = x.reshape(-1, x.shape[2]), y.reshape(-1, *y.shape[2:])
    samples = check(x, y, loss, brains.inputs, brains.outputs, dtype, "gradients", reduction)
    return samples, np.arange(len(x), dtype=np.int32).reshape((N, -1) if own else (1, -1))
