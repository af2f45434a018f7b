"""From the world's columns to what the GPU reads: at most 14 bytes per agent and frame, no loop over agents.

place     f32 x 2   m        as the column holds it
heading   f16 x 2   any      its direction is what counts
tint      u8 x 2    0..255   value on the palette, strength
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swarm.look import Look

BYTES = 14
PLAIN = 80  # the palette's row for tables without a coloured column


@dataclass
class Columns:
    """The drawing columns of one look: arrays of capacity rows that are filled again each frame; `n` rows count."""

    look: Look
    n: int = 0
    place: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    heading: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float16))
    tint: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.uint8))
    limits: tuple[float, float] = (0.0, 1.0)
    started: bool = False

    def read(self, world: Any, alpha: float | None = None) -> None:
        """Fill from `world.view`, `alpha` of the way from the previous tick to this one (None: this tick)."""
        look = self.look
        values = dict(zip(look.columns, sample(world, look, alpha), strict=True))
        place = values[look.pos]
        self.n = n = len(place)
        if n > len(self.place):
            self._grow(max(1024, n + n // 4))
        self.place[:n] = place
        if look.heading is None:
            self.heading[:n] = (0.0, 1.0)
        elif len(look.heading.shape) == 0:
            angle = values[look.heading]
            self.heading[:n, 0], self.heading[:n, 1] = np.cos(angle), np.sin(angle)
        else:
            self.heading[:n] = values[look.heading]
        self._value(values.get(look.colour) if not isinstance(look.colour, str) else None)
        self.tint[:n, 1] = 255 if look.strength is None else _unit(values[look.strength], 0.0, 1.0)

    def _value(self, value: np.ndarray | None) -> None:
        n = self.n
        if value is None:
            self.tint[:n, 0] = PLAIN
            return
        if self.look.limits is not None:
            self.limits = self.look.limits
        elif n:
            self.limits = _follow(self.limits, value, self.started)
            self.started = True
        self.tint[:n, 0] = _unit(value, *self.limits)

    def _grow(self, capacity: int) -> None:
        self.place = np.zeros((capacity, 2), np.float32)
        self.heading = np.zeros((capacity, 2), np.float16)
        self.tint = np.zeros((capacity, 2), np.uint8)


def sample(world: Any, look: Look, alpha: float | None) -> list[np.ndarray]:
    """The columns of a look for its own table: copies on the host with as many rows each."""
    columns, begin = look.columns, 0
    if look.table not in world.tables:
        return [np.zeros((0, *column.shape), column.dtype) for column in columns]
    for table in world.tables_with(*columns):  # the order in which a view puts tables one after the other
        if table.name == look.table:
            break
        begin += table.n
    end = begin + world.tables[look.table].n
    _, *values = world.view(*columns, alpha=alpha)
    return [value[begin:end] for value in values]


def _unit(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0..255 as `value` runs from `low` to `high`; NaN is 0."""
    if value.dtype == np.bool_:
        return value.view(np.uint8) * np.uint8(255)
    scaled = (value.astype(np.float32) - np.float32(low)) * np.float32(255.0 / (high - low))
    return np.nan_to_num(np.clip(scaled, 0.0, 255.0), copy=False).astype(np.uint8)


def _follow(limits: tuple[float, float], value: np.ndarray, started: bool) -> tuple[float, float]:
    """Limits that follow the data slowly, so that colours do not flicker: 2nd to 98th percentile of some rows."""
    some = np.asarray(value[:: max(1, len(value) // 2000)], np.float64)
    some = some[np.isfinite(some)]
    if not len(some):
        return limits
    low, high = (float(x) for x in np.percentile(some, (2, 98)))
    if high - low < 1e-9 * max(1.0, abs(high)):
        high = low + 1e-6 * max(1.0, abs(low))
    if not started:
        return low, high
    return limits[0] + 0.05 * (low - limits[0]), limits[1] + 0.05 * (high - limits[1])
