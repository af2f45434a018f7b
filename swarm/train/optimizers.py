"""How a gradient moves the parameters. Every hyper-parameter is one number or one per brain [N].

`SGD` is fused into the gradient by the kernels. Any other optimizer is an object with `state` and `update`; `fit` then
computes gradients [N, P] and hands them over, batch by batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from swarm.errors import SettingsError


class Optimizer(Protocol):
    """What `fit` needs of an optimizer."""

    learning_rate: Any

    def state(self, rows: np.ndarray) -> Any:
        """What is remembered from step to step for these rows [N, stride]."""
        ...

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        """Change rows [N, stride] in place by a gradient [N, stride]; rates [N]; steps count from 1."""
        ...


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: w <- w - rate * gradient (the mean over the batch)."""

    learning_rate: Any = 0.1

    def state(self, rows: np.ndarray) -> None:
        return None

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: None, rates: np.ndarray, step: int) -> None:
        rows -= rates[:, None] * gradient


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, ICLR 2015, algorithm 1), with bias-corrected moments; defaults as in the paper."""

    learning_rate: Any = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def state(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(rows), np.zeros_like(rows)

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        mean, square = state
        mean += (1 - self.beta1) * (gradient - mean)
        square += (1 - self.beta2) * (np.square(gradient) - square)
        scale = np.sqrt(square / (1 - self.beta2**step)) + self.epsilon
        rows -= (rates / (1 - self.beta1**step))[:, None] * (mean / scale)


def rates(value: Any, count: int, dtype: np.dtype) -> np.ndarray:
    """The learning rate of each of `count` brains, [N]. Raises SettingsError for a wrong length or value."""
    array = np.asarray(value, np.float64)
    if array.ndim > 1 or (array.ndim == 1 and len(array) != count):
        raise SettingsError(
            f"fit: learning_rate has the shape {array.shape}; give one number or one for each of the {count} brains."
        )
    array = np.broadcast_to(array, (count,))
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        at = int(np.argmax(~np.isfinite(array) | (array < 0)))
        raise SettingsError(f"fit: learning_rate {array[at]} (brain {at}) is not a number of 0 or more.")
    return array.astype(dtype)
