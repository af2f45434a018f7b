"""What a network is asked to make small: the value for each sample and its gradient at the outputs.

cross_entropy: outputs are logits, targets are labels; value = log(sum exp(z)) - z[label]; gradient = softmax(z) -
onehot. mse: value = mean over the O outputs of (z - t)^2; gradient = 2 (z - t) / O. The definitions and means are
PyTorch's (`CrossEntropyLoss`, `MSELoss`): the loss of a batch is the mean over its samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from swarm.config import suggest
from swarm.errors import SettingsError

Loss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


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


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mse": mse}
CODES = {name: code for code, name in enumerate(LOSSES)}  # what kernels carry


def check(name: str) -> str:
    """The name itself when it is a loss. Raises SettingsError."""
    if name not in LOSSES:
        raise SettingsError(f"fit: loss {name!r} is unknown.{suggest(str(name), LOSSES)}")
    return name
