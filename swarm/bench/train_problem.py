"""What everybody trains in a comparison: the same first weights, the same samples, the same batches.

The first `CHECK` steps of a problem are those that `fit` takes by itself: which samples they hold is asked of `fit`.
After them ours and every peer must stand where the oracle stands; then time may be taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train.fit import fit
from swarm.train.optimizers import SGD, Adam

from . import train_oracle
from .train_oracle import Weights

SAMPLE = 48  # networks compared at most
CHECK = 3  # steps after which everybody's parameters are compared with the oracle's


@dataclass(frozen=True)
class Problem:
    """N networks of one architecture and S steps of `batch` samples.

    weights: float32, per layer [N, I, O] and [N, O], where everybody starts. x [M, I] uint8 or float32, y [M] labels.
    index [N | 1, S batch] int64: the samples in the order they are met; one row is the same for all networks.
    """

    mlp: MLP
    weights: Weights
    x: np.ndarray
    y: np.ndarray
    index: np.ndarray
    batch: int
    optimizer: SGD | Adam

    @property
    def count(self) -> int:
        """N, the networks."""
        return len(self.weights[0][0])

    @property
    def steps(self) -> int:
        """S, the steps the index is long enough for."""
        return self.index.shape[1] // self.batch

    @property
    def shared(self) -> bool:
        """Whether all networks meet the same batches."""
        return len(self.index) == 1

    def inputs(self) -> np.ndarray:
        """x as float32, bytes scaled to 0..1: what libraries without a byte path are given."""
        return self.x.astype(np.float32) / 255 if self.x.dtype == np.uint8 else self.x.astype(np.float32, copy=False)

    @property
    def sample(self) -> np.ndarray:
        """The networks that are compared with the oracle's, spread over all."""
        return np.unique(np.linspace(0, self.count - 1, SAMPLE).astype(np.int64))

    def right(self) -> dict[int, Weights]:
        """Where the oracle has each network of the sample after `CHECK` steps."""
        index = self.index[:, : CHECK * self.batch]
        index = index if self.shared else index[self.sample]
        start = [(weight[self.sample], bias[self.sample]) for weight, bias in self.weights]
        found = train_oracle.descend(self.mlp, start, self.x, self.y, index, self.batch, self.optimizer)[0]
        return dict(zip(self.sample.tolist(), split(found), strict=True))


def weights_of(brains: Brains) -> Weights:
    """A copy of the parameters of equal brains, per layer [N, I, O] and [N, O]."""
    return [(np.array(brains.weight(k)), np.array(brains.bias(k))) for k in range(len(brains.layout.layers))]


def split(weights: Weights) -> list[Weights]:
    """N networks as one each."""
    return [[(weight[k : k + 1], bias[k : k + 1]) for weight, bias in weights] for k in range(len(weights[0][0]))]


def met(M: int, batch: int, keys: np.ndarray, **settings: Any) -> np.ndarray:
    """The samples that `fit` shows the brains named by keys [N], in their order: int64 [N | 1, epochs M].

    Found by asking: brains that do nothing but say their number train with a loss that writes down whom it was shown
    with what. settings: of `fit`, such as sampling, seed and epochs.
    """
    probes = Brains(MLP((1, 1)), len(keys), backend="cpu", init="zeros")
    probes.bias(0)[:, 0] = np.arange(len(keys))
    seen: list[list[np.ndarray]] = [[] for _ in keys]

    def note(outputs: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        for row, number in enumerate(np.rint(outputs[:, 0, 0]).astype(int)):
            seen[number].append(np.array(samples[row % len(samples)], np.int64))
        return np.zeros(outputs.shape[:2], outputs.dtype), np.zeros_like(outputs)

    x = np.zeros((M, 1), np.float32)
    fit(probes, x, np.arange(M), loss=note, optimizer=SGD(0.0), batch_size=batch, keys=keys, **settings)
    index = np.stack([np.concatenate(parts) for parts in seen])
    return index[:1] if (index == index[0]).all() else index


def pose(
    brains: Brains,
    x: np.ndarray,
    y: np.ndarray,
    optimizer: SGD | Adam,
    batch: int,
    steps: int,
    sampling: str,
    seed: int,
) -> Problem:
    """A problem whose first `CHECK` steps are those of `fit` on the first CHECK * batch samples with these settings.

    The `steps` behind them hold samples drawn from all, for each network or, with sampling 'shared', for all.
    """
    first = met(CHECK * batch, batch, np.arange(len(brains)), sampling=sampling, seed=seed)
    rows = 1 if sampling == "shared" else len(brains)
    more = np.random.default_rng(seed).integers(0, len(x), (rows, steps * batch))
    index = np.concatenate([np.broadcast_to(first, (rows, first.shape[1])), more], axis=1)
    return Problem(brains.mlp, weights_of(brains), x, y, index, batch, optimizer)
