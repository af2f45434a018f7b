"""What a network is asked to make small: the value for each sample and its gradient at the outputs.

    cross_entropy   z logits, labels c     log(sum exp(z)) - z[c]                         softmax(z) - onehot
    mse             z, targets t           mean over the O outputs of (z - t)^2           2 (z - t) / O
    bce             z logits, t in 0..1    mean of max(z, 0) - z t + log(1 + exp(-|z|))   (sigmoid(z) - t) / O
    huber           z, targets t           mean of e^2 / 2 where |e| <= 1, |e| - 1/2      e cut to -1..1, / O
                                           elsewhere; e = z - t

Definitions and means are those of PyTorch's `CrossEntropyLoss`, `MSELoss`, `BCEWithLogitsLoss` and `HuberLoss` (delta
1). The loss of a batch is the mean over its samples, or with the reduction 'sum' their sum.

A loss of one's own is a function of (outputs [N, B, O], targets [N | 1, B, ...]) that returns (value [N, B], gradient
[N, B, O] of each sample's value), as the four below do. It may be handed any part of the brains or samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from swarm.config import suggest
from swarm.errors import SettingsError

Function: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Loss: TypeAlias = str | Function

REDUCTIONS = ("mean", "sum")


def cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """outputs [N, B, O] logits, labels [N | 1, B] int -> value [N, B], gradient [N, B, O] of each sample's value."""
    shifted = outputs - outputs.max(axis=2, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=2, keepdims=True)
    at = np.broadcast_to(labels, outputs.shape[:2])[:, :, None].astype(np.int64)
    value = np.log(sums[:, :, 0]) - np.take_along_axis(shifted, at, axis=2)[:, :, 0]
    gradient = powers / sums
    np.put_along_axis(gradient, at, np.take_along_axis(gradient, at, axis=2) - 1, axis=2)
    return value, gradient


def mse(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """outputs [N, B, O], targets [N | 1, B, O] -> value [N, B], gradient [N, B, O] of each sample's value."""
    error = outputs - targets.astype(outputs.dtype)
    return np.square(error).mean(axis=2), error * (2 / outputs.shape[2])


def bce(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """outputs [N, B, O] logits, targets [N | 1, B, O] in 0..1 -> value [N, B], gradient [N, B, O]."""
    targets = targets.astype(outputs.dtype)
    e = np.exp(-np.abs(outputs))
    value = np.maximum(outputs, 0) - outputs * targets + np.log1p(e)
    gate = np.where(outputs >= 0, 1, e) / (1 + e)
    return value.mean(axis=2), (gate - targets) / outputs.shape[2]


def huber(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """outputs [N, B, O], targets [N | 1, B, O] -> value [N, B], gradient [N, B, O]; quadratic up to an error of 1."""
    error = outputs - targets.astype(outputs.dtype)
    size = np.abs(error)
    value = np.where(size <= 1, 0.5 * np.square(error), size - 0.5)
    return value.mean(axis=2), np.clip(error, -1, 1) / outputs.shape[2]


LOSSES: dict[str, Function] = {"cross_entropy": cross_entropy, "mse": mse, "bce": bce, "huber": huber}
CODES = {name: code for code, name in enumerate(LOSSES)}  # what kernels carry

_ELSEWHERE = {  # what others call them -> our name; for the error's text
    "cross_entropy": "cross crossentropy ce nll categorical_crossentropy softmax log_loss",
    "mse": "l2 mean_squared mean_squared_error squared_error squared",
    "bce": "binary_cross_entropy binary_crossentropy bce_with_logits bcewithlogits sigmoid logistic",
    "huber": "smooth_l1 huber_loss smoothl1",
}
_NAMES = {word: name for name, words in _ELSEWHERE.items() for word in words.split()}


def check(loss: Any) -> Loss:
    """The loss itself when it is a name or a function. Raises SettingsError."""
    if (isinstance(loss, str) and loss in LOSSES) or (callable(loss) and not isinstance(loss, type)):
        return loss  # type: ignore[return-value]  # what a function returns is checked when it is called
    word = str(loss).lower().replace("-", "_").replace(" ", "_").removesuffix("_loss")
    known = _NAMES.get(word) or (word if word in LOSSES else None)
    hint = f" Did you mean '{known}'?" if known else suggest(word, LOSSES)
    raise SettingsError(
        f"fit: loss {loss!r} is unknown.{hint} Or give a function of (outputs, targets) that returns value [N, B] and"
        " gradient [N, B, O]."
    )


def check_reduction(reduction: Any) -> str:
    """The name itself when it is 'mean' or 'sum'. Raises SettingsError."""
    if reduction not in REDUCTIONS:
        raise SettingsError(f"fit: reduction {reduction!r} is unknown.{suggest(str(reduction), REDUCTIONS)}")
    return reduction


def values(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """value [N, B] and gradient [N, B, O] of any loss, in the dtype of `outputs`. Raises SettingsError where a function
    returns something else."""
    if isinstance(loss, str):
        return LOSSES[loss](outputs, targets)
    name = getattr(loss, "__name__", type(loss).__name__)
    found = loss(outputs.copy(), targets)
    if not isinstance(found, tuple) or len(found) != 2:
        raise SettingsError(f"fit: the loss {name} returned {type(found).__name__}, not (value, gradient).")
    parts = []
    for word, array, shape in zip(("value", "gradient"), found, (outputs.shape[:2], outputs.shape), strict=True):
        array = np.asarray(array)
        if array.shape != shape or array.dtype.kind not in "fiu":
            axes = "[N, B]" if word == "value" else "[N, B, O]"
            raise SettingsError(
                f"fit: the loss {name} returned a {word} {array.shape} of {array.dtype}; for outputs {outputs.shape} it"
                f" must be numbers {axes} = {shape}."
            )
        parts.append(array.astype(outputs.dtype, copy=False))
    return parts[0], parts[1]
