"""What `fit` holds in memory for every network, against the bytes of its parameters.

NumPy reports its arrays to tracemalloc. The peak while 2 N networks are trained, they included, less that of N is what
N networks take; whatever is the same for any number (samples, workspaces of the threads) falls out. 1.0 is the
parameters themselves, 4 bytes each.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train.fit import fit
from swarm.train.optimizers import SGD, Adam

STEPS = 16  # batches of the epoch that is watched


def measure(mlp: MLP, x: np.ndarray, y: np.ndarray, networks: int, batch: int, backend: Backend) -> dict[str, float]:
    """Bytes per network / bytes of its parameters, by optimizer; 'best restore': what that adds."""
    x, y = x[: STEPS * batch], y[: STEPS * batch]
    ways: dict[str, dict[str, Any]] = {"SGD": {"optimizer": SGD(0.01)}, "Adam": {"optimizer": Adam()}}
    held = {"validation": (x[:batch], y[:batch])}
    ways["SGD, validated"] = {**ways["SGD"], **held}
    ways["SGD, restored"] = {**ways["SGD"], **held, "restore_best": True}
    found: dict[str, float] = {}
    for name, settings in ways.items():
        few, many = (_peak(mlp, x, y, n, batch, backend, settings) for n in (networks, 2 * networks))
        found[name] = (many - few) / networks / (4 * mlp.count)
    found["best restore"] = found.pop("SGD, restored") - found.pop("SGD, validated")
    return found


def notes(found: dict[str, float]) -> list[str]:
    """In words."""
    parts = [f"{name} {value:.3f}" for name, value in found.items() if name != "best restore"]
    tail = f"; restoring the best parameters adds {found['best restore']:.3f}"
    how = "(tracemalloc's peak of 2 N less that of N)"
    return [f"Bytes per network / bytes of its parameters: {', '.join(parts)}{tail} {how}."]


def _peak(
    mlp: MLP, x: np.ndarray, y: np.ndarray, networks: int, batch: int, backend: Backend, settings: dict[str, Any]
) -> int:
    """The most bytes of NumPy's arrays alive at once while so many networks are trained, their rows included."""
    for watched in (False, True):  # the first time compiles and fills caches
        if watched:
            tracemalloc.start()
        try:
            brains = Brains(mlp, networks, backend=backend)
            if watched:
                tracemalloc.reset_peak()
            fit(brains, x, y, batch_size=batch, **settings)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            if watched:
                tracemalloc.stop()
    return peak
