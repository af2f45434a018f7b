"""An architecture grid: every combination of hidden layers, activation and learning rate, each several times."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from swarm.brain.mlp import MLP
from swarm.errors import SettingsError

AXES = ("hidden", "activation", "learning_rate")


@dataclass(frozen=True)
class Grid:
    """C candidates, each R times. The networks stand candidate by candidate: network k is of candidate k // R."""

    candidates: tuple[dict[str, Any], ...]  # each with the keys AXES; hidden is a tuple of widths
    repetitions: int

    @classmethod
    def of(cls, hidden: Any, activation: Any, learning_rate: Any, repetitions: Any) -> Grid:
        """The grid of one value or several per axis. Raises SettingsError.

        hidden: the widths of the hidden layers: a number (one layer) or a tuple of numbers, () for none. Several: a
        list of those, or a tuple of tuples. activation: a name or a sequence of names. learning_rate: a number or a
        sequence of numbers.
        """
        if not isinstance(repetitions, (int, np.integer)) or repetitions < 1:
            raise SettingsError(f"repetitions={repetitions!r} must be a whole number of 1 or more.")
        axes = (
            _hidden(hidden),
            _several("activation", (activation,) if isinstance(activation, str) else activation),
            [_rate(r) for r in _several("learning_rate", np.atleast_1d(np.asarray(learning_rate)).tolist())],
        )
        return cls(tuple(dict(zip(AXES, values)) for values in product(*axes)), int(repetitions))

    def __len__(self) -> int:
        """N, how many networks."""
        return len(self.candidates) * self.repetitions

    def networks(self, inputs: int, outputs: int) -> list[MLP]:
        """The architecture of every network, [N]. Raises SettingsError."""
        each = [MLP((inputs, *c["hidden"], outputs), c["activation"]) for c in self.candidates]
        return [mlp for mlp in each for _ in range(self.repetitions)]

    @property
    def rates(self) -> np.ndarray:
        """The learning rate of every network, float64 [N]."""
        return np.repeat([c["learning_rate"] for c in self.candidates], self.repetitions)

    def columns(self) -> dict[str, np.ndarray]:
        """`param_hidden`, `param_activation`, `param_learning_rate` and `params`, each an array [C]."""
        found = {f"param_{axis}": _objects([c[axis] for c in self.candidates]) for axis in AXES}
        found["param_learning_rate"] = found["param_learning_rate"].astype(np.float64)
        return {**found, "params": _objects(list(self.candidates))}


def _hidden(hidden: Any) -> list[tuple[int, ...]]:
    if isinstance(hidden, (int, np.integer)):
        return [(int(hidden),)]
    if isinstance(hidden, tuple) and all(isinstance(width, (int, np.integer)) for width in hidden):
        return [tuple(map(int, hidden))]
    try:
        return [(int(one),) if isinstance(one, (int, np.integer)) else tuple(one) for one in _several("hidden", hidden)]
    except TypeError:
        raise SettingsError(f"hidden={hidden!r} names no widths. Write 32, (32, 16) or [8, 32, (32, 16)].") from None


def _several(name: str, values: Any) -> list:
    if isinstance(values, str) or not hasattr(values, "__iter__") or not (found := list(values)):
        raise SettingsError(f"{name}={values!r} must be one value or a sequence of one value or more.")
    return found


def _rate(value: Any) -> float:
    if not isinstance(value, (int, float)) or not np.isfinite(value) or value < 0:
        raise SettingsError(f"learning_rate={value!r} must be a number of 0 or more.")
    return float(value)


def _objects(values: list) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array
