"""Which samples are held back for validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.errors import DataError, SettingsError


def split(count: int, fraction: float, seed: int, classes: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (training, validation) of `count` samples, both sorted and never empty.

    About `fraction` of the samples are held back, drawn by `seed`. classes [count] int: then that share of every class;
    one sample of each class at least stays in training. Raises SettingsError, DataError for too few samples.
    """
    if not 0 < fraction < 1:
        raise SettingsError(f"validation_fraction={fraction!r} must lie between 0 and 1.")
    if count < 2:
        raise DataError(
            f"fit: n_samples = {count}, but one is needed for training and another for validation. Give more samples,"
            " or validation=(xv, yv)."
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    parts = [order] if classes is None else _by_class(order, np.asarray(classes))
    sizes = np.array([len(part) for part in parts])
    held = np.minimum(np.round(sizes * fraction), sizes - 1).astype(int)
    if not held.any():
        if sizes.max() < 2:
            raise DataError(
                "fit: every class has one sample, so none can be held back. Give more samples, or validation=(xv, yv)."
            )
        held[sizes.argmax()] = 1
    back = np.concatenate([part[:n] for part, n in zip(parts, held)])
    return np.setdiff1d(order, back), np.sort(back)


def _by_class(order: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
    return [order[classes[order] == c] for c in np.unique(classes)]
