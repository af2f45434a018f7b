"""The loss of the source's experiments, 1/2 sum (y - o)^2 over the outputs: O / 2 times `mse`."""

from __future__ import annotations

import numpy as np


def half_squares(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """outputs [N, B, O], targets [N | 1, B, O] -> value [N, B], gradient [N, B, O]; a loss for `fit` and `mgrit`."""
    error = outputs - targets.astype(outputs.dtype)
    return np.square(error).sum(axis=2) / 2, error
