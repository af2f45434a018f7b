"""Several steps of a whole population in one call: the contract and the plain reference.

For each batch of a brain's index in turn: the gradient, masked, goes to the optimizer, which changes the parameters and
its state; parameters that do not train keep their bits. A brain whose loss is not a finite number stops there and does
not learn that batch. `descend_cpu` does the same with one network at a time per core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from swarm.brain.mlp import Layout
from swarm.train import backward, optimizers
from swarm.train.field import Field, Jitter
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


def descend(
    fields: list[Field],
    samples: Samples,
    index: np.ndarray,
    lengths: np.ndarray,
    weights: np.ndarray | None,
    batch: int,
    optimizer: Any,
    factors: np.ndarray,
    step: np.ndarray,
    active: np.ndarray,
    total: np.ndarray,
    jitter: Jitter | None = None,
    gradients: Callable[..., None] = backward.gradients,
) -> None:
    """Train every active brain on the batches of its index, in order; the last batch may be short.

    fields              the N brains, as equal pools                                                read, write
    index    [N | 1][T B]  int32, samples of T batches of B = `batch`; one row is for all brains    read
    lengths  [N | 1]       int64, how many entries of its row a brain has; with fewer it does fewer steps  read
    weights  [N | 1][T B]  float32, of each sample's loss, shape of the index; None: 1              read
    factors  [N | 1][T]    float64, of the learning rate in each step                               read
    step     [N]           int64, steps done before; raised by those done here                      read, write
    active   [N]           bool, who trains; set False where the loss of a batch is not finite, and that batch is not
                           learned                                                                 read, write
    total    [N]           float64, the sum of the samples' weighted losses, finite ones            added to

    The optimizer's values are those of the N brains. The loss of a batch is the mean (samples.reduction 'sum': the sum)
    of weight times loss; a sample of weight 0 has no say. gradients: any twin of `backward.gradients`, taken where
    there are neither weights nor jitter.
    """
    N = len(active)
    sizes = np.broadcast_to(lengths, (N,))
    rates = np.broadcast_to(np.asarray(optimizer.learning_rate, np.float64), (N,))
    with np.errstate(over="ignore", invalid="ignore"):  # who diverges is told by `active`
        for field in fields:
            p = field.positions
            own = optimizers.part(optimizer, p)
            for t in range(factors.shape[1]):
                counts = np.where(active[p], np.clip(sizes[p] - t * batch, 0, batch), 0)
                for at, count, done in _alike(counts, step[p]):
                    who, span = p[at], slice(t * batch, t * batch + count)
                    rows, loss = field.rows[at], np.zeros(len(at))
                    out, picked = np.empty_like(rows), _rows(index, who, span)
                    if weights is None and jitter is None:
                        gradients(rows, field.layout, samples, picked, out, loss)
                    else:
                        backward.gradients(
                            rows, field.layout, samples, picked, out, loss,
                            None if weights is None else _rows(weights, who, span),
                            None if jitter is None else jitter.noises(who, done, count, field.layout),
                            None if jitter is None else jitter.gates(who, done, count, field.layout),
                        )  # fmt: skip
                    good = np.isfinite(loss)
                    active[who[~good]] = False
                    at, who, out = at[good], who[good], out[good]
                    if len(at):
                        now = rates[who] * np.broadcast_to(factors[:, t], (N,))[who]
                        _move(field, at, own, out, now.astype(rows.dtype), done + 1)
                        total[who] += loss[good]
                        step[who] += 1


def _alike(counts: np.ndarray, step: np.ndarray) -> list[tuple[np.ndarray, int, int]]:
    """Rows that take a batch of the same length at the same step, with both; rows without samples are left out."""
    live = np.flatnonzero(counts)
    kinds = np.unique(np.stack([counts[live], step[live]]), axis=1).T
    return [(live[(counts[live] == count) & (step[live] == done)], int(count), int(done)) for count, done in kinds]


def _rows(array: np.ndarray, who: np.ndarray, span: slice) -> np.ndarray:
    """The columns `span` of the rows of these brains; one row that is for all stays one."""
    return np.ascontiguousarray(array[:, span] if len(array) == 1 else array[who, span])


def _move(field: Field, at: np.ndarray, optimizer: Any, gradient: np.ndarray, rates: np.ndarray, step: int) -> None:
    """Change rows `at` of a field by their gradient; step counts from 1."""
    if not optimizers.ours(optimizer):  # it knows its state alone, and sees all rows of the pool
        n, whole = len(field.rows), np.zeros_like(field.rows)
        whole[at] = gradient
        every = np.zeros(n, rates.dtype)
        every[at] = rates
        rows, gradient, rates, state, to = field.rows.copy(), whole, every, field.state, np.arange(n)
    else:
        optimizer, to = optimizers.part(optimizer, at), at
        rows, state = field.rows[at], field.state[:, at]
    if field.trains is not None:
        gradient *= field.trains if len(field.trains) == 1 else field.trains[to]
    optimizer.update(rows, gradient, state, rates, step)
    changed = np.zeros((len(to), 1), bool)
    changed[np.isin(to, at)] = True
    if field.trains is not None:
        changed = changed & (field.trains if len(field.trains) == 1 else field.trains[to]).astype(bool)
    field.rows[to] = np.where(changed, rows, field.rows[to])
    if state is not field.state:
        field.state[:, at] = state
