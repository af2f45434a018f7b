"""What a descent works on: equal pools while they are trained, and the random disturbances of their brains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.brain.mlp import Layout


@dataclass
class Field:
    """One equal pool while it is trained: its storage.

    layout     of the float32 (float64) parameters
    rows       [n][stride]         parameters: the pool's own rows, or a float32 copy of a 2-byte pool
    state      [slots][n][stride]  what the optimizer remembers; any object for an optimizer of the user's
    trains     [n | 1][stride]     uint8, 1 where a parameter trains; None: all do
    positions  [n]                 int64, which brains of the call's population the rows are
    """

    layout: Layout
    rows: np.ndarray
    state: Any
    trains: np.ndarray | None
    positions: np.ndarray


@dataclass(frozen=True)
class Jitter:
    """Dropout and input noise of N brains: how much, and what names the random numbers.

    dropout  [N] float64  probability 0 <= p < 1 that a hidden unit is left out
    noise    [N] float64  standard deviation of what is added to the inputs
    dropout_keys, noise_keys [N] uint32 and dropout_seed, noise_seed name the draws, together with the step.

    Behind the activation of hidden layer k, unit j of the batch's sample b is dropped where value b up(H_k, 16) + j of
    the stream "dropout" (generation k, tick: the steps done before) is below p 2^32, and is multiplied by 1 / (1 - p)
    otherwise (inverted dropout: Srivastava et al., JMLR 15, 2014). Input i gets noise times the standard normal number
    b up(I, 16) + i of the stream "noise". up(a, 16) rounds up to a multiple of 16, the lanes of a kernel.
    """

    dropout: np.ndarray
    dropout_keys: np.ndarray
    dropout_seed: int
    noise: np.ndarray
    noise_keys: np.ndarray
    noise_seed: int

    def part(self, at: np.ndarray) -> Jitter:
        """That of the brains at `at`."""
        return Jitter(
            self.dropout[at], self.dropout_keys[at], self.dropout_seed,
            self.noise[at], self.noise_keys[at], self.noise_seed,
        )  # fmt: skip

    def gates(self, at: np.ndarray, step: int, B: int, layout: Layout) -> list[np.ndarray] | None:
        """What the hidden activations of these brains are multiplied by in a step, [n, B, H_k] each; None: 1."""
        if not self.dropout[at].any():
            return None
        p = self.dropout[at][:, None, None]
        limit = np.minimum(np.floor(p * 2.0**32), 2.0**32 - 1).astype(np.uint32)
        kept = (1 / (1 - p)).astype(np.float32)
        found = []
        for k, layer in enumerate(layout.layers[:-1]):
            words = rng.words(
                self.dropout_seed, self.dropout_keys[at], k, step, rng.stream("dropout"), B * _up(layer.outputs)
            ).reshape(len(at), B, -1)[:, :, : layer.outputs]
            found.append(np.where(words < limit, np.float32(0), kept).astype(layout.dtype))
        return found

    def noises(self, at: np.ndarray, step: int, B: int, layout: Layout) -> np.ndarray | None:
        """What is added to the inputs of these brains in a step, [n, B, I]; None: nothing."""
        if not self.noise[at].any():
            return None
        count = B * _up(layout.inputs)
        drawn = rng.normal(self.noise_seed, self.noise_keys[at], 0, step, rng.stream("noise"), count)
        drawn = drawn.reshape(len(at), B, -1)[:, :, : layout.inputs].astype(layout.dtype)
        return drawn * self.noise[at].astype(np.float32)[:, None, None].astype(layout.dtype)


def _up(width: int) -> int:
    return -(-width // 16) * 16
