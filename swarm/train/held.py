"""What brains are judged on after every epoch: one validation set for all, or what each does not train on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.errors import DataError, SettingsError
from swarm.train.evaluate import Scores, score, score_held
from swarm.train.parts import Parts
from swarm.train.samples import Samples, check


@dataclass(frozen=True)
class Held:
    """samples: the validation set; with `parts`, the samples of the training, of which each brain's others count."""

    samples: Samples
    parts: Parts | None = None

    @classmethod
    def of(cls, validation: Any, brains: Brains, samples: Samples, parts: Parts) -> Held | None:
        """The argument of `fit`, for brains that train on `parts` of `samples`. Raises SettingsError, DataError."""
        if validation is None:
            return None
        if isinstance(validation, str) and validation == "held":
            for mine, rows in parts.held(np.arange(len(brains))):
                if not len(rows):
                    raise DataError(
                        "fit: validation='held' judges a brain on the samples that it does not train on, and brain"
                        f" {mine[0]} trains on all. Give samples=swarm.Folds(5), or validation=(xv, yv)."
                    )
            return cls(samples, parts)
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise SettingsError(
                "fit: validation is a pair of samples and labels: validation=(xv, yv); or 'held', with"
                " samples=swarm.Folds(5)."
            )
        xv, yv = validation
        if len(xv) == 0:
            raise DataError("fit: the validation set is empty. Give samples, or leave validation out.")
        dtype = brains.groups[0].layout.compute
        return cls(check(xv, yv, samples.loss, brains.inputs, brains.outputs, dtype, "fit: validation"))

    def scores(self, brains: Brains, asked: np.ndarray) -> Scores:
        """Of the brains in `asked` [N] bool; the others have NaN."""
        if self.parts is None:
            return score(brains, self.samples, asked)
        return score_held(brains, self.samples, self.parts, asked)

    @property
    def name(self) -> str:
        """Equal for equal validation: what a checkpoint keeps of it."""
        return self.samples.name if self.parts is None else "held"
