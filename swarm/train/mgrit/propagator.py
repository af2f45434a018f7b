"""Who takes the steps: the samples and the network of a training, and how many networks advance in one launch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.mlp import Layout
from swarm.train.mgrit.hierarchy import Level
from swarm.train.mgrit.ledger import Ledger
from swarm.train.samples import Samples


@dataclass
class Propagator:
    """Steps of one training on any level, counted.

    batch: samples of a step, 0: all. lanes: most networks in a launch; 0: no limit.
    """

    layout: Layout
    samples: Samples
    backend: Backend
    batch: int = 0
    lanes: int = 0
    ledger: Ledger = field(default_factory=Ledger)

    def march(self, level: Level, rows: np.ndarray, starts: np.ndarray, depth: int, right: np.ndarray | None) -> None:
        """`advance.march` on a level."""
        for some in self._some(starts):
            with self.ledger.launch(level.number, len(some), depth), self.backend.running():
                self._kernels.march(rows, self.layout, self.samples, some, depth, level.rate, self.batch, right)

    def apply(self, level: Level, rows: np.ndarray, starts: np.ndarray, right: np.ndarray | None) -> np.ndarray:
        """`advance.apply` on a level: new rows [lanes, stride]."""
        out, done = np.empty((len(starts), rows.shape[1]), rows.dtype), 0
        for some in self._some(starts):
            with self.ledger.launch(level.number, len(some), 1), self.backend.running():
                part = out[done : done + len(some)]
                self._kernels.apply(rows, self.layout, self.samples, some, part, level.rate, self.batch, right)
            done += len(some)
        return out

    def apart(self) -> Propagator:
        """The same with a ledger of its own, for steps that are not the solver's."""
        return replace(self, ledger=Ledger())

    def _some(self, starts: np.ndarray) -> list[np.ndarray]:
        if not len(starts):
            return []
        size = self.lanes or len(starts)
        return [starts[k : k + size] for k in range(0, len(starts), size)]

    @property
    def _kernels(self) -> ModuleType:
        return self.backend.twin("swarm.train.mgrit.advance")
