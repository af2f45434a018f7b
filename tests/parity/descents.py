"""Descent without `fit`: samples made up, a population as its fields, and one call after the other of either twin."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.train.field import Field, Jitter
from swarm.train.samples import Samples, check
from swarm.train.trainee import kernels


def material(
    loss: str, M: int, inputs: int, outputs: int, dtype: str = "float32", reduction: str = "mean", seed: int = 5
) -> Samples:
    """M samples for networks of these inputs and outputs; dtype: of x, uint8 ones count from 0 to 255."""
    rng = np.random.default_rng(seed)
    x: Any = rng.integers(0, 256, (M, inputs)).astype(np.uint8) if dtype == "uint8" else rng.normal(size=(M, inputs))
    y = {"cross_entropy": rng.integers(0, outputs, M), "bce": rng.random((M, outputs))}
    compute = np.dtype("float64" if dtype == "float64" else "float32")
    return check(x, y.get(loss, 2 * rng.normal(size=(M, outputs))), loss, inputs, outputs, compute, reduction=reduction)


class Descent:
    """A population while it trains; calling it takes batches. trains: for each group uint8 [n | 1, stride], or None."""

    def __init__(
        self, brains: Brains, samples: Samples, optimizer: Any, batch: int = 8, jitter: Jitter | None = None,
        trains: list[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        N = len(brains)
        self.brains, self.samples, self.optimizer, self.batch, self.jitter = brains, samples, optimizer, batch, jitter
        self.step, self.active, self.total = np.zeros(N, np.int64), np.ones(N, bool), np.zeros(N)
        self.fields = []
        for g, group in enumerate(brains.groups):
            rows = group.rows[: len(group)]
            mask = None if trains is None else trains[g]
            self.fields.append(Field(group.layout, rows, optimizer.state(rows), mask, group.positions))

    def __call__(self, index: Any, lengths: Any = None, weights: Any = None, factors: Any = None) -> None:
        """One call of `descend`; lengths: all of the index by default, factors: 1."""
        index = np.asarray(index, np.int32)
        lengths = np.full(1, index.shape[1]) if lengths is None else lengths
        factors = np.ones((1, -(-index.shape[1] // self.batch))) if factors is None else factors
        with self.brains.backend.running():
            kernels(self.brains, "descend").descend(
                self.fields, self.samples, index, lengths, weights, self.batch, self.optimizer, factors, self.step,
                self.active, self.total, self.jitter,
            )  # fmt: skip

    def row(self, k: int) -> bytes:
        """The parameters of brain k."""
        field, at = self._place(k)
        return field.rows[at].tobytes()

    def memory(self, k: int) -> bytes:
        """What the optimizer remembers of brain k."""
        field, at = self._place(k)
        return field.state[:, at].tobytes()

    def rows(self) -> list[bytes]:
        return [self.row(k) for k in range(len(self.step))]

    def _place(self, k: int) -> tuple[Field, int]:
        for field in self.fields:
            if k in field.positions:
                return field, int(np.flatnonzero(field.positions == k)[0])
        raise IndexError(k)
