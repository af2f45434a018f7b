"""k-fold cross-validation of a population: every brain trains on all samples but those of its fold.

Source: Stone, J. Royal Statistical Society B 36(2), 1974; stratified as in Kohavi, IJCAI 1995.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.errors import DataError, SettingsError
from swarm.train import permutation


@dataclass(frozen=True)
class Folds:
    """`k` folds of the samples, drawn anew in each of `repeats` rounds; for `fit(..., samples=Folds(5))`.

    Brain n leaves out fold n % k of round n // k % repeats, so k * repeats brains in a row are one cross-validation,
    and validation="held" judges each on what it left out. Sizes of folds differ by one at most. stratify: labels [M];
    then so do the numbers of each class.
    """

    k: int
    repeats: int = 1
    seed: int = 0
    stratify: Any = None

    def __post_init__(self) -> None:
        for name, least in (("k", 2), ("repeats", 1)):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise SettingsError(f"Folds: {name} {value!r} must be a whole number of {least} or more.")
        rng.key(self.seed)

    def of(self, M: int) -> list[np.ndarray]:
        """The rows in each of the k * repeats folds of M samples, int32."""
        if self.k > M:
            raise DataError(f"fit: {M} samples cannot be cut into {self.k} folds. Give more samples or fewer folds.")
        classes = None if self.stratify is None else np.asarray(self.stratify)
        if classes is not None and classes.shape != (M,):
            raise DataError(f"Folds: stratify has the shape {classes.shape}; give one label for each of {M} samples.")
        found = []
        for r in range(self.repeats):
            keys = rng.words(self.seed, np.array([r]), 0, 0, rng.stream("folds"), permutation.ROUNDS)
            order = permutation.shuffled(M, keys, np.arange(M, dtype=np.uint32)[None])[0].astype(np.int32)
            if classes is not None:
                order = order[np.argsort(classes[order], kind="stable")]
            found += [order[fold :: self.k] for fold in range(self.k)]
        return found

    def stretches(self, M: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What `count` brains train on: rows [repeats M] int32, fold by fold, and the stretches [count, 4] of them."""
        folds = self.of(M)
        ends = np.cumsum([len(fold) for fold in folds])
        n = np.arange(count)
        fold = n % self.k + n // self.k % self.repeats * self.k
        first = fold // self.k * M
        start, stop = ends[fold] - np.array([len(f) for f in folds])[fold], ends[fold]
        return np.concatenate(folds), np.stack([first, start, stop, first + M], axis=1)
