"""Steps of gradient descent on points of a trajectory: the contract and the plain reference.

A trajectory holds the parameters of the same network after every step: row i is point i. Step i leads from point i to
point i + 1,

    Phi_i(w) = w - rate * dL_i/dw + right[i + 1],

with the loss L_i of the samples that step i sees and, on coarse levels, a right-hand side. Many points advance side by
side: they are independent networks, a population. `advance_cpu` does the same with a network at a time in the cache of
a core, and agrees within the rounding of its order of additions.
"""

from __future__ import annotations

import numpy as np

from swarm.brain.mlp import Layout
from swarm.train import backward
from swarm.train.mgrit.hierarchy import samples_of
from swarm.train.samples import Samples


def march(
    rows: np.ndarray,
    layout: Layout,
    samples: Samples,
    starts: np.ndarray,
    depth: int,
    rate: float,
    batch: int,
    right: np.ndarray | None,
) -> None:
    """From every point of `starts` go `depth` steps, each written into the next row; the spans must not touch.

    rows    [n + 1][stride]  points of a trajectory, float32 | float64             read, write
    starts  [lanes]          int64                                                 read
    right   [n + 1][stride]  added to what arrives at a point; None: nothing       read
    rate: the length of a step. batch: how many samples a step sees, 0: all of them.
    """
    for k in range(depth):
        at = starts + k
        rows[at + 1] = _stepped(rows, layout, samples, at, rate, batch, right)


def apply(
    rows: np.ndarray,
    layout: Layout,
    samples: Samples,
    starts: np.ndarray,
    out: np.ndarray,
    rate: float,
    batch: int,
    right: np.ndarray | None,
) -> None:
    """out [lanes][stride] becomes what step i makes of point i, for each i of `starts`; rows stay as they are."""
    out[:] = _stepped(rows, layout, samples, starts, rate, batch, right)


def _stepped(rows, layout: Layout, samples: Samples, at: np.ndarray, rate: float, batch: int, right) -> np.ndarray:
    now = rows[at]
    index = samples_of(at, batch, len(samples)) if batch else np.arange(len(samples), dtype=np.int32)[None]
    gradient = np.empty_like(now)
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is found by its residual
        backward.gradients(now, layout, samples, index, gradient, np.zeros(len(at)))
        now -= rows.dtype.type(rate) * gradient
        if right is not None:
            now += right[at + 1]
    return now
