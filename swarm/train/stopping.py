"""Early stopping, brain by brain, and which epoch of each was best by validation.

A brain stops when its validation figure has not become better by more than `min_delta` for `patience` epochs. Source:
Prechelt, "Early stopping - but when?", 1998.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train.optimizers import shaped

MONITORS = ("loss", "accuracy")


@dataclass
class Stopping:
    """The rule for N brains and what it remembers of them.

    patience [N] float64, epochs; infinite: never stops. min_delta [N]. best, mark [N]: the best figure so far, and the
    one that the next must beat by min_delta; smaller is better. best_epoch [N] int64: after how many epochs `best`
    was; 0 before the first. waited [N] int64: epochs since `mark`.
    """

    patience: np.ndarray
    min_delta: np.ndarray
    monitor: str
    best: np.ndarray
    mark: np.ndarray
    best_epoch: np.ndarray
    waited: np.ndarray

    @classmethod
    def of(cls, patience: Any, min_delta: Any, monitor: str, count: int) -> Stopping:
        """From the arguments of `fit`. Raises SettingsError, naming the brain."""
        if monitor not in MONITORS:
            raise SettingsError(f"fit: monitor {monitor!r} is unknown.{suggest(str(monitor), MONITORS)}")
        epochs = np.full(count, np.inf) if patience is None else np.array(shaped(patience, count, "patience"))
        least = np.array(shaped(min_delta, count, "min_delta"))
        for name, values, wrong in (
            ("patience", epochs, ~(epochs >= 1)),
            ("min_delta", least, ~((least >= 0) & np.isfinite(least))),
        ):
            if wrong.any():
                at = int(np.argmax(wrong))
                words = "1 epoch or more" if name == "patience" else "a number of 0 or more"
                raise SettingsError(f"fit: {name} {values[at]:g} (brain {at}) is not {words}.")
        never, none = np.full(count, np.inf), np.zeros(count, np.int64)
        return cls(epochs, least, monitor, never, never.copy(), none, none.copy())

    def look(self, at: np.ndarray, figure: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Note the figures (smaller is better) of brains `at` after `epoch` epochs: who is better than ever, and who
        stops, both bool [len(at)]."""
        better = figure < self.best[at]
        self.best[at[better]], self.best_epoch[at[better]] = figure[better], epoch
        enough = figure < self.mark[at] - self.min_delta[at]
        self.mark[at[enough]] = figure[enough]
        self.waited[at] = np.where(enough, 0, self.waited[at] + 1)
        return better, self.waited[at] >= self.patience[at]

    def copy(self, source: np.ndarray, target: np.ndarray) -> None:
        """Brains `target` take over what is remembered of brains `source`."""
        for array in (self.best, self.mark, self.best_epoch, self.waited):
            array[target] = array[source]
