"""The source's two experiments: XOR and the addition of two 12-bit numbers, with their networks and seeds.

XOR: four samples, three inputs of which the last is always 1, a network 3-4-1 of sigmoids without biases (16 weights),
weights uniform in -1 .. 1 by `numpy.random.RandomState(seed)`, drawn layer by layer. Addition: 500 random pairs of
12-bit numbers, 24-128-64-12 (12,032 weights), the sum modulo 2^12; bits run from the highest. The source names neither
its pairs nor its weights; here the pairs are drawn first, then the weights, from RandomState(seed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.mlp import MLP
from swarm.train.mgrit.loss import half_squares

BITS = 12
PAIRS = 500


@dataclass(frozen=True)
class Problem:
    """Samples x [K, I] and y [K, O], an architecture, first weights [count], and the loss, summed over the samples."""

    name: str
    mlp: MLP
    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    rate: float

    def options(self) -> dict[str, Any]:
        """What `mgrit` takes besides the network and the samples."""
        return {"loss": half_squares, "reduction": "sum", "weights": self.weights, "rate": self.rate}


def xor(seed: int = 1) -> Problem:
    """Exclusive or of the first two inputs; step length 1."""
    x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], np.float64)
    y = np.array([[0], [1], [1], [0]], np.float64)
    mlp = MLP((3, 4, 1), "sigmoid", "sigmoid", bias=False)
    return Problem("xor", mlp, x, y, _weights(mlp, np.random.RandomState(seed)), 1.0)


def addition(seed: int = 1, pairs: int = PAIRS) -> Problem:
    """The sum of two 12-bit numbers modulo 2^12; step length 0.025."""
    random = np.random.RandomState(seed)
    numbers = random.randint(0, 1 << BITS, (pairs, 2))
    x = np.concatenate([_bits(numbers[:, 0]), _bits(numbers[:, 1])], axis=1)
    mlp = MLP((2 * BITS, 128, 64, BITS), "sigmoid", "sigmoid", bias=False)
    return Problem("addition", mlp, x, _bits(numbers.sum(axis=1)), _weights(mlp, random), 0.025)


PROBLEMS: dict[str, Callable[..., Problem]] = {"xor": xor, "addition": addition}


def _weights(mlp: MLP, random: np.random.RandomState) -> np.ndarray:
    layers = zip(mlp.widths, mlp.widths[1:], strict=False)
    return np.concatenate([(2 * random.random_sample(shape) - 1).ravel() for shape in layers])


def _bits(numbers: np.ndarray) -> np.ndarray:
    """[n] whole numbers -> [n, 12] float64, the highest bit first; what is beyond is dropped."""
    return ((numbers[:, None] >> np.arange(BITS - 1, -1, -1)) & 1).astype(np.float64)
