"""Several steps of stochastic gradient descent in one call: the contract and the plain reference.

For each batch of the index in turn: w <- w - rate * dL/dw. `step_cpu` does the same with one network at a time per
core.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from swarm.brain.mlp import Layout
from swarm.train.backward import gradients
from swarm.train.samples import Samples


class Cost(NamedTuple):
    """What one step of one network must move and compute, whatever the implementation."""

    bytes: int
    flops: int


def cost(layout: Layout, B: int, input_bytes: int = 4) -> Cost:
    """Dense work of a net-step of batch size B: forward and weight gradient in every layer, input gradient behind the
    first.

    Bytes: the parameters read and written once, the samples read once.
    """
    first, *rest = (layer.inputs * layer.outputs for layer in layout.layers)
    return Cost(2 * layout.row_bytes + B * layout.inputs * input_bytes, 4 * B * first + 6 * B * sum(rest))


def sgd(
    rows: np.ndarray,
    layout: Layout,
    samples: Samples,
    index: np.ndarray,
    batch: int,
    rates: np.ndarray,
    total: np.ndarray,
) -> None:
    """Train every brain on the batches of its index, in order; the last batch may be short.

    rows   [N][stride]    parameters, float32 | float64                                  read, write
    index  [N | 1][B T]   samples of T batches of B = `batch`; one row is for all brains  read
    rates  [N]            learning rate of each brain, dtype of the rows                  read
    total  [N]            the sum of the samples' losses, float64                         added to
    """
    gradient = np.empty_like(rows)
    for start in range(0, index.shape[1], batch):
        gradients(rows, layout, samples, index[:, start : start + batch], gradient, total)
        rows -= rates[:, None] * gradient
