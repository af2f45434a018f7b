"""Several steps of any optimizer in one call: the contract and the plain reference.

For each batch of the index in turn: the gradient, masked, goes to the optimizer, which changes the parameters and its
state; parameters that do not train keep their bits. `descend_cpu` does the same with one network at a time per core.
`step` is the shorter way of plain descent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.brain.mlp import Layout
from swarm.train import backward
from swarm.train.samples import Samples


def descend(
    rows: np.ndarray,
    layout: Layout,
    samples: Samples,
    index: np.ndarray,
    batch: int,
    optimizer: Any,
    factors: np.ndarray,
    state: Any,
    trains: np.ndarray | None,
    step: int,
    total: np.ndarray,
    gradients: Callable[..., None] = backward.gradients,
    rates: np.ndarray | None = None,
) -> None:
    """Train every brain on the batches of its index, in order; the last batch may be short.

    rows     [N][stride]         parameters, float32 | float64                                  read, write
    index    [N | 1][B T]        samples of T batches of B = `batch`; one row is for all brains  read
    factors  [N | 1][T]          of the learning rate in each step, float64                      read
    state    [slots][N][stride]  what the optimizer remembers, dtype of the rows                 read, write
    trains   [N | 1][stride]     1 where a parameter trains, uint8; None: all do                 read
    total    [N]                 the sum of the samples' losses, float64                         added to

    The optimizer's values belong to these N brains. `step` steps were done before. `gradients` is any twin of
    `backward.gradients`; rates [N] are given where the optimizer's own belong to other brains, too.
    """
    gradient = np.empty_like(rows)
    if rates is None:
        rates = np.broadcast_to(np.asarray(optimizer.learning_rate, np.float64), (len(rows),))
    for t, start in enumerate(range(0, index.shape[1], batch)):
        part = np.ascontiguousarray(index[:, start : start + batch])
        gradients(rows, layout, samples, part, gradient, total)
        held = None
        if trains is not None:
            gradient *= trains
            held = rows.copy()
        now = (rates * factors[:, t]).astype(rows.dtype)
        optimizer.update(rows, gradient, state, now, step + t + 1)
        if held is not None:
            np.copyto(rows, held, where=trains == 0)
