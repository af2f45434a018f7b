"""Bringing data to mean 0 and deviation 1, and folding that into a network that then takes the data as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.brains import Brains

_ROWS = 1 << 12


@dataclass(frozen=True)
class Scaling:
    """scaled = (values - shift) / scale, per column; shift and scale float64 [I]."""

    shift: np.ndarray
    scale: np.ndarray

    @classmethod
    def none(cls, width: int, scale: float = 1.0) -> Scaling:
        """No shift, and one scale for all columns."""
        return cls(np.zeros(width), np.full(width, scale))

    @classmethod
    def of(cls, values: np.ndarray) -> Scaling:
        """From the mean and deviation of each column of values [M, I]; a constant column is only shifted."""
        shift = values.mean(axis=0, dtype=np.float64)
        squares = sum(np.square(part - shift).sum(axis=0) for part in _parts(values))
        scale = np.sqrt(squares / len(values))
        constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(shift)  # what rounding leaves of equal values
        return cls(shift, np.where(constant, 1.0, scale))

    def apply(self, values: np.ndarray, dtype: Any) -> np.ndarray:
        """values [M, I] scaled, in `dtype`; the arithmetic is float64."""
        scaled = np.empty(values.shape, dtype)
        for part, out in zip(_parts(values), _parts(scaled), strict=True):
            out[...] = (part - self.shift) / self.scale
        return scaled

    def undo(self, values: np.ndarray) -> np.ndarray:
        """The values [M, I] that were scaled, float64."""
        return values * self.scale + self.shift


def _parts(values: np.ndarray) -> list[np.ndarray]:
    """Views of some thousand rows each, so that float64 copies stay small."""
    return [values[start : start + _ROWS] for start in range(0, len(values), _ROWS)]


def folded(brain: Brains, inputs: Scaling, outputs: Scaling) -> Brains:
    """A copy of one brain (N = 1, with biases, identity output) that takes inputs and gives outputs as they are.

    The first layer takes over the scaling of the inputs, the last undoes that of the outputs; computed in float64 and
    rounded to the brain's dtype, so answers differ by rounding, the more so where a shift is large beside its scale.
    """
    copy = brain.clone().to("reference")
    weight, bias = copy.weight(0), copy.bias(0)
    wide = weight.astype(np.float64) / inputs.scale[:, None]
    bias[...] = bias.astype(np.float64) - inputs.shift @ wide
    weight[...] = wide
    weight, bias = copy.weight(-1), copy.bias(-1)
    weight[...] = weight.astype(np.float64) * outputs.scale
    bias[...] = bias.astype(np.float64) * outputs.scale + outputs.shift
    return copy.to(brain.backend)
