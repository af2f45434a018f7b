"""Which inputs of a sample are zero: lists made once for a data set, so that kernels need not multiply by them.

81% of MNIST's pixels are 0. Leaving out a term that is zero changes no sum of finite numbers, so the dense and the
sparse way have equal bits and the choice between them is free; `Sparse.of` makes it by the density, below where the
ways cross (`tools/densities.py` measures it). Dense data never pay for lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

GROUP = 8  # neighbouring inputs that are taken together where the gradient is summed over samples
MOST = 1 << 16  # inputs at most: lists hold uint16
FORWARD = 0.4  # above this share of inputs that are not zero the dense product is faster
BACKWARD = 0.7  # above this share of groups that are not all zero the dense gradient is faster


@dataclass(frozen=True)
class Sparse:
    """For each of M samples the inputs and the groups of inputs that are not zero, ascending.

    inputs  uint16 [all]   and where a sample's begin, first int64 [M + 1]; empty where the dense product is faster
    groups  uint16 [all]   and where a sample's begin, start int64 [M + 1]; empty where the dense gradient is faster
    """

    inputs: np.ndarray
    first: np.ndarray
    groups: np.ndarray
    start: np.ndarray

    @classmethod
    def none(cls) -> Sparse:
        """No lists: everything is dense."""
        return cls(np.empty(0, np.uint16), np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.int64))

    @classmethod
    def of(cls, x: np.ndarray) -> Sparse:
        """Lists for x [M, I] where they pay."""
        M, I = x.shape
        if I < 2 * GROUP or I > MOST or M == 0:
            return cls.none()
        sample = x[:: max(1, M // 4096)] != 0
        grouped = _grouped(sample)
        inputs, first = _lists(x, sample.mean() <= FORWARD, _plain)
        groups, start = _lists(x, grouped.mean() <= BACKWARD, _grouped)
        return cls(inputs, first, groups, start)


def _plain(nonzero: np.ndarray) -> np.ndarray:
    return nonzero


def _grouped(nonzero: np.ndarray) -> np.ndarray:
    """[m, I] bool -> [m, I / 8] bool: whether any of a group is not zero."""
    m, I = nonzero.shape
    padded = np.zeros((m, -(-I // GROUP) * GROUP), bool)
    padded[:, :I] = nonzero
    return np.any(padded.reshape(m, -1, GROUP), axis=2)


def _lists(x: np.ndarray, wanted: bool, form: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the true ones of form(x != 0), sample after sample, and where each sample's begin."""
    if not wanted:
        return np.empty(0, np.uint16), np.empty(0, np.int64)
    parts, counts = [], []
    for at in range(0, len(x), 4096):
        true = form(x[at : at + 4096] != 0)
        parts.append(np.nonzero(true)[1].astype(np.uint16))
        counts.append(true.sum(axis=1))
    first = np.zeros(len(x) + 1, np.int64)
    np.cumsum(np.concatenate(counts), out=first[1:])
    return np.concatenate(parts), first
