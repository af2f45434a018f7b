"""The samples as kernels want them, checked once before training: shapes, labels in range, only finite numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from swarm.errors import DataError
from swarm.train.losses import Loss
from swarm.train.sparse import Sparse

UNIT = 1 / 255  # a byte's step: uint8 inputs are scaled to 0..1 where they are read


@dataclass(frozen=True)
class Samples:
    """x [M, I] uint8 | float32 | float64, contiguous; labels [M] int32 for cross_entropy, else targets [M, O] float.

    Whichever of labels and targets the loss does not use is empty; a function's targets are [M, ...] as they were
    given. reduction: 'mean' or 'sum' of the samples' losses over a batch.
    """

    x: np.ndarray
    labels: np.ndarray
    targets: np.ndarray
    loss: Loss
    reduction: str = "mean"

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def sparse(self) -> Sparse:
        """Which inputs are not zero, made once."""
        return Sparse.of(self.x)

    @cached_property
    def name(self) -> str:
        """Equal for equal samples: what a checkpoint keeps of them."""
        found = hashlib.blake2b(digest_size=16)
        for array in (self.x, self.labels, self.targets):
            found.update(f"{array.dtype} {array.shape} ".encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def take(self, rows: np.ndarray) -> Samples:
        """The samples of these rows alone; a run of rows is not copied."""
        run = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows) and (len(rows) == 1 or (np.diff(rows) == 1).all())
        at: Any = slice(int(rows[0]), int(rows[-1]) + 1) if run else rows
        labels = self.labels[at] if len(self.labels) else self.labels
        targets = self.targets[at] if len(self.targets) else self.targets
        return replace(self, x=self.x[at], labels=labels, targets=targets)

    def inputs(self, index: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The samples of `index` [N | 1, B] as [N | 1, B, I], bytes scaled to 0..1."""
        x = self.x[index].astype(dtype)
        return x * dtype.type(UNIT) if self.x.dtype == np.uint8 else x

    def over(self, count: int) -> int:
        """What the summed gradient of a batch of `count` samples is divided by."""
        return count if self.reduction == "mean" else 1

    def wanted(self, index: np.ndarray) -> np.ndarray:
        """The labels [N | 1, B] or targets [N | 1, B, O] of `index`."""
        return (self.labels if self.loss == "cross_entropy" else self.targets)[index]


def check(
    x: Any,
    y: Any,
    loss: Loss,
    inputs: int,
    outputs: int,
    dtype: np.dtype,
    where: str = "fit",
    reduction: str = "mean",
) -> Samples:
    """Samples from what the user gave, for networks of I `inputs` and O `outputs` that compute in `dtype`.

    x [M, I] uint8 or float; y [M] whole numbers 0..O-1 for cross_entropy, [M, O] (or [M] if O is 1) for mse, huber and
    bce (there in 0..1), [M, ...] finite numbers for a function. uint8 stays uint8. Raises DataError naming the sample
    and feature that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2:
        raise DataError(f"{where}: x has the shape {x.shape}, not [samples, inputs]. Try x.reshape(len(x), -1).")
    if len(x) == 0:
        raise DataError(f"{where}: there are no samples (x has the shape {x.shape}).")
    if x.shape[1] != inputs:
        raise DataError(
            f"{where}: a sample has {x.shape[1]} inputs, the networks take {inputs}. Build them with"
            f" MLP(({x.shape[1]}, ...))."
        )
    if len(y) != len(x):
        raise DataError(f"{where}: {len(x):,} samples in x, {len(y):,} in y.")
    if x.dtype != np.uint8:
        x = _finite(x, "x", where, dtype)
    x = np.require(x, requirements=["C", "W"])  # kernels are compiled for writable arrays; they only read
    if loss == "cross_entropy":
        return Samples(x, _labels(y, outputs, where), np.empty((0, outputs), dtype), loss, reduction)
    targets = _targets(y, outputs, dtype, where, loss) if isinstance(loss, str) else _any_targets(y, dtype, where)
    return Samples(x, np.empty(0, np.int32), targets, loss, reduction)


def _labels(y: np.ndarray, outputs: int, where: str) -> np.ndarray:
    if y.ndim != 1:
        raise DataError(f"{where}: cross_entropy takes labels [samples], y has the shape {y.shape}.")
    if y.dtype.kind not in "iub":
        raise DataError(f"{where}: cross_entropy takes whole-number labels, y is {y.dtype}. Use y.astype(int).")
    wrong = (y < 0) | (y >= outputs)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(
            f"{where}: the label of sample {at} is {y[at]}; {outputs} outputs take labels 0..{outputs - 1}."
            f" ({int(wrong.sum()):,} of {len(y):,} are out of range.)"
        )
    return np.ascontiguousarray(y, np.int32)


def _targets(y: np.ndarray, outputs: int, dtype: np.dtype, where: str, loss: str) -> np.ndarray:
    if y.ndim == 1 and outputs == 1:
        y = y[:, None]
    if y.ndim != 2 or y.shape[1] != outputs:
        raise DataError(f"{where}: {loss} takes targets [samples, {outputs}], y has the shape {y.shape}.")
    y = _finite(y, "y", where, dtype)
    if loss == "bce" and ((y < 0) | (y > 1)).any():
        row, column = (int(i) for i in np.argwhere((y < 0) | (y > 1))[0])
        raise DataError(f"{where}: bce takes targets 0..1, y[{row}, {column}] is {y[row, column]}.")
    return np.ascontiguousarray(y, dtype)


def _any_targets(y: np.ndarray, dtype: np.dtype, where: str) -> np.ndarray:
    return np.ascontiguousarray(_finite(y, "y", where, dtype if y.dtype.kind == "f" else y.dtype))


def _finite(array: np.ndarray, name: str, where: str, dtype: np.dtype) -> np.ndarray:
    """The array in this dtype. Raises DataError for what is no number there, also for one that is too large."""
    if array.dtype.kind not in "fiub":
        raise DataError(f"{where}: {name} is {array.dtype}, not numbers.")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype, copy=False)
    if cast.dtype.kind == "f":
        wrong = ~np.isfinite(cast)
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise DataError(
                f"{where}: {name}[{', '.join(map(str, at))}] is {array[at]}, and {int(wrong.sum()):,} values in all are"
                f" not finite in {cast.dtype}. Remove, fill or scale them."
            )
    return cast
