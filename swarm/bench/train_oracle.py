"""Gradient descent as the books write it: plain NumPy in float64, one batch after the other, nothing fused.

What trained networks are held against before their time counts, ours and everybody's. It shares no code with training,
only the definitions of the activations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swarm.brain.activations import CODES, activate, derivative
from swarm.brain.mlp import MLP
from swarm.train.optimizers import SGD, Adam

Weights = list[tuple[np.ndarray, np.ndarray]]  # per layer [N, I, O] and [N, O]


def descend(
    mlp: MLP,
    start: Weights,
    x: np.ndarray,
    y: np.ndarray,
    index: np.ndarray,
    batch: int,
    optimizer: SGD | Adam,
) -> tuple[Weights, np.ndarray]:
    """Where N networks of one architecture end, and the mean loss [N] they met on the way.

    x [M, I] uint8 (scaled to 0..1) or float; y [M] labels (cross-entropy) or float (squared error of one output). index
    [N | 1, S]: the samples in the order they are met, in batches of `batch`, the last one may be short. optimizer: SGD
    without extras, or Adam, its values one for all.
    """
    parameters = [array.astype(np.float64) for pair in start for array in pair]
    memory = [np.zeros((2, *array.shape)) for array in parameters]
    codes = [CODES[name] for name in (*mlp.activation, mlp.output)]
    scale = 1 / 255 if x.dtype == np.uint8 else 1.0
    total = np.zeros(len(parameters[0]))
    for step, begin in enumerate(range(0, index.shape[1], batch), 1):
        at = index[:, begin : begin + batch]
        given = x[at].astype(np.float64) * scale
        value, gradients = _gradients(parameters, codes, given, y[at])
        total += value
        for array, gradient, moments in zip(parameters, gradients, memory, strict=True):
            array -= _step(gradient, moments, step, optimizer)
    return list(zip(parameters[::2], parameters[1::2], strict=True)), total / index.shape[1]


def _gradients(
    parameters: Sequence[np.ndarray], codes: Sequence[int], given: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The summed losses [N] of a batch and the gradients of its mean loss."""
    sums, outs = [], [given]
    for weight, bias, code in zip(parameters[::2], parameters[1::2], codes, strict=True):
        sums.append(outs[-1] @ weight + bias[:, None])
        outs.append(activate(code, sums[-1]))
    value, back = (_cross_entropy if wanted.dtype.kind in "iu" else _squared)(outs[-1], wanted)
    back = back / given.shape[1]
    found: list[np.ndarray] = []
    for k in reversed(range(len(codes))):
        back = back * derivative(codes[k], sums[k])
        found += [back.sum(axis=1), outs[k].swapaxes(1, 2) @ back]
        back = back @ parameters[2 * k].swapaxes(1, 2)
    return value, found[::-1]


def _cross_entropy(outputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shifted = outputs - outputs.max(axis=2, keepdims=True)
    log = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    right = np.arange(outputs.shape[2]) == np.broadcast_to(labels, outputs.shape[:2])[:, :, None]
    return -(log * right).sum(axis=(1, 2)), np.exp(log) - right


def _squared(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    error = outputs - targets[:, :, None]
    return np.square(error).sum(axis=(1, 2)), 2 * error


def _step(gradient: np.ndarray, moments: np.ndarray, step: int, optimizer: SGD | Adam) -> np.ndarray:
    if not isinstance(optimizer, Adam):
        return optimizer.learning_rate * gradient
    one, two = optimizer.beta1, optimizer.beta2
    moments[0] = one * moments[0] + (1 - one) * gradient
    moments[1] = two * moments[1] + (1 - two) * gradient**2
    mean, square = moments[0] / (1 - one**step), moments[1] / (1 - two**step)
    return optimizer.learning_rate * mean / (np.sqrt(square) + optimizer.epsilon)
