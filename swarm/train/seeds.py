"""What random draws of a training are named by: a seed and a key per brain.

A seed that is one number draws for each brain by its key (its position by default). One seed per brain [N] takes the
place of the keys: brains with equal seeds draw equally, wherever they are and whoever is with them; seed=0 is the same
as seed=[0, 1, 2, ...].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.errors import SettingsError
from swarm.train.field import Jitter
from swarm.train.optimizers import shaped


def keyed(seed: Any, keys: np.ndarray, name: str) -> tuple[int, np.ndarray]:
    """(seed, keys [N] uint32) of a seed that is one number or one per brain. Raises SettingsError."""
    if np.ndim(seed) == 0:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise SettingsError(f"fit: {name} {seed!r} must be a whole number, or one per brain.")
        rng.key(int(seed))
        return int(seed), keys
    return 0, numbers(seed, len(keys), name)


def numbers(values: Any, count: int, name: str) -> np.ndarray:
    """uint32 [N] from `count` whole numbers below 2^32. Raises SettingsError."""
    array = np.asarray(values)
    if array.shape != (count,) or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= 1 << 32:
        raise SettingsError(f"fit: {name} must be {count} whole numbers below 2^32, one per brain.")
    return array.astype(np.uint32)


def jitter_of(
    dropout: Any, noise: Any, dropout_seed: tuple[int, np.ndarray], noise_seed: tuple[int, np.ndarray]
) -> Jitter | None:
    """Dropout and noise of each brain; None where nobody has any. Raises SettingsError, naming the brain."""
    count = len(dropout_seed[1])
    p, sigma = (np.array(shaped(v, count, name)) for v, name in ((dropout, "dropout"), (noise, "noise")))
    for name, values, wrong, words in (
        ("dropout", p, ~((p >= 0) & (p < 1)), "in 0 <= dropout < 1"),
        ("noise", sigma, ~((sigma >= 0) & np.isfinite(sigma)), "a number of 0 or more"),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            raise SettingsError(f"fit: {name} {values[at]:g} (brain {at}) is not {words}.")
    if not p.any() and not sigma.any():
        return None
    return Jitter(p, dropout_seed[1], dropout_seed[0], sigma, noise_seed[1], noise_seed[0])
