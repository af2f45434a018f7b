"""What a training run holds of an equal pool: its parameters, its optimizer's memory, its masks; and who is disturbed.

A population is a list of fields, one per architecture; kernels take them all at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swarm.brain.mlp import Layout


@dataclass
class Field:
    """The storage of n brains of one architecture while they are trained.

    layout   of the parameters: float32, for float64 pools float64
    rows     [n, stride]             parameters: the pool's own rows, or a float32 copy of two-byte ones
    state    [slots, n, stride]      what the optimizer remembers, dtype of the rows
    trains   uint8 [n | 1, stride]   1 where a parameter trains; None: all do
    positions  int64 [n]             which brains of the whole population the rows are
    """

    layout: Layout
    rows: np.ndarray
    state: np.ndarray
    trains: np.ndarray | None
    positions: np.ndarray


@dataclass(frozen=True)
class Jitter:
    """Dropout of hidden units and noise on inputs, for each of N brains.

    dropout  float64 [N]   probability 0 <= p < 1 of each hidden unit
    noise    float64 [N]   standard deviation of what is added to inputs
    *_keys   uint32 [N]    names of the brains in the random numbers, which *_seed keys
    """

    dropout: np.ndarray
    dropout_keys: np.ndarray
    dropout_seed: int
    noise: np.ndarray
    noise_keys: np.ndarray
    noise_seed: int
