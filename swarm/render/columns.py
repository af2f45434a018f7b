"""From the world's columns to what the GPU reads: 16 bytes per agent and tick, no loop over agents.

place     f32 x 2   m        as the column holds it
way       f16 x 2   m        how it came here since the tick before, the shortest way round the torus; 0 for newborns
                            and for those that were put somewhere else
heading   u8 x 2    1..255   its direction from (128, 128) is what counts; none is +x
                            where shapes have lengths of their own: 1/256 turns from +x, part of the length
tint      u8 x 2    0..255   value on the palette, strength

The GPU puts an agent at place - (1 - alpha) way. So a frame between two ticks needs one number and no upload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swarm.look import Look

BYTES = 16
JUMP = 8.0  # lengths of a shape beyond which a way is a jump, unless its speed says otherwise
PLAIN = 80  # the palette's row for tables without a coloured column

Seen = dict[Any, tuple[np.ndarray, ...]]  # what was viewed in this take, by columns: tables share columns


@dataclass
class Columns:
    """The drawing columns of one look: arrays of capacity rows that are filled again each tick; `n` rows count."""

    look: Look
    n: int = 0
    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    place: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    way: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float16))
    heading: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.uint8))
    tint: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.uint8))
    limits: tuple[float, float] = (0.0, 1.0)
    farthest: float = 0.0  # m, the longest way of all along an axis
    started: bool = False
    moves: bool = False  # whether anybody was seen to move: tables that stand still have no past

    def read(
        self,
        world: Any,
        value: np.ndarray | None = None,
        limits: tuple[float, float] | None = None,
        follow: bool = False,
        seen: Seen | None = None,
    ) -> None:
        """Fill from `world.view`: this tick, and with `follow` the way from the previous one.

        value: [n], what is coloured, or None for one colour; limits: its values at both ends of the palette, or None.
        """
        seen = {} if seen is None else seen
        look = self.look
        ids, *values = sample(world, look.table, look.columns, seen)
        held = dict(zip(look.columns, values, strict=True))
        place, n = held[look.pos], len(ids)
        same = n == self.n and np.array_equal(ids, self.ids)
        self.moves |= look.heading is not None or (same and not np.array_equal(place, self.place[:n]))
        self.ids, self.n = ids, n
        if n > len(self.place):
            self._grow(max(1024, n + n // 4))
        self.place[:n] = place
        heading = None if look.heading is None else held[look.heading]
        self._way(world, follow and self.moves and look.pos.wraps, seen, self._jump(heading, world.dt))
        self._heading(heading, None if look.lengths is None else held[look.lengths])
        self._value(value, limits)
        self.tint[:n, 1] = 255 if look.strength is None else _unit(held[look.strength], 0.0, 1.0)

    def _jump(self, heading: np.ndarray | None, dt: float) -> float:
        """How far nobody goes in a tick, m: who got farther was put there, as a plant that ripens elsewhere."""
        far = JUMP * self.look.size
        if heading is not None and self.look.heading.unit == "m/s" and len(heading):
            far = max(far, 2.0 * float(np.abs(heading).max()) * float(dt))
        return far

    def _way(self, world: Any, follow: bool, seen: Seen, far: float) -> None:
        n, pos, self.farthest = self.n, self.look.pos, 0.0
        if not follow or not n:
            self.way[:n] = 0
            return
        _, past = sample(world, self.look.table, (pos,), seen, alpha=0.0)
        way = self.place[:n] - past
        sides = np.asarray(world.size, np.float32)
        way -= sides * np.rint(way / sides)
        self.farthest = float(np.abs(way).max(initial=0.0))
        if self.farthest > far:
            way[(np.abs(way) > far).any(axis=1)] = 0
            self.farthest = float(np.abs(way).max(initial=0.0))
        self.way[:n] = way

    def _heading(self, value: np.ndarray | None, lengths: np.ndarray | None) -> None:
        n = self.n
        if value is not None and value.ndim == 1 and lengths is None:
            value = np.stack([np.cos(value), np.sin(value)], axis=1)
        if lengths is not None:
            angle = np.float32(np.pi / 2) if value is None else value if value.ndim == 1 else np.arctan2(*value.T[::-1])
            with np.errstate(invalid="ignore"):
                self.heading[:n, 0] = np.rint(angle * (128 / np.pi)).astype(np.int64) & 255
            self.heading[:n, 1] = _unit(lengths, 0.0, self.look.size)
        elif value is None:
            self.heading[:n] = 128, 255
        else:
            largest = np.maximum(np.abs(value[:, 0]), np.abs(value[:, 1]))
            scale = np.float32(127) / np.maximum(largest, np.float32(1e-30))
            with np.errstate(invalid="ignore"):
                self.heading[:n] = value * scale[:, None] + np.float32(128.5)

    def _value(self, value: np.ndarray | None, limits: tuple[float, float] | None) -> None:
        n = self.n
        if value is None:
            self.tint[:n, 0] = PLAIN
            return
        if limits is not None:
            self.limits = limits
        else:
            self.limits = _follow(self.limits, value, self.started)
            self.started |= n > 0
        self.tint[:n, 0] = _unit(value, *self.limits)

    def at(self, rows: Any, alpha: float, size: tuple[float, float]) -> np.ndarray:
        """Where rows are shown at `alpha`, m, inside the world: float64 [K, 2]."""
        place = self.place[rows].astype(np.float64) - (1.0 - alpha) * self.way[rows].astype(np.float64)
        return np.mod(place, size)

    def _grow(self, capacity: int) -> None:
        for name in ("place", "way", "heading", "tint"):
            setattr(self, name, np.zeros((capacity, 2), getattr(self, name).dtype))


def sample(world: Any, name: str, columns: tuple[Any, ...], seen: Seen, alpha: float | None = None) -> list[np.ndarray]:
    """(ids, *columns) of one table: copies on the host, row k of each is the same entity."""
    if name not in world.tables:
        return [np.zeros(0, np.uint64), *(np.zeros((0, *column.shape), column.dtype) for column in columns)]
    if (columns, alpha) not in seen:
        seen[columns, alpha] = world.view(*columns, alpha=alpha)
    begin = 0
    for table in world.tables_with(*columns):  # the order in which a view puts tables one after the other
        if table.name == name:
            break
        begin += table.n
    end = begin + world.tables[name].n
    return [value[begin:end] for value in seen[columns, alpha]]


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
