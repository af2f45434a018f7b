"""From a world to a frame of a replay: positions on a grid of 65,536 steps, directions and colours as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from math import pi
from typing import Any

import numpy as np

from swarm.look import Look
from swarm.render.columns import PLAIN, _follow, _unit
from swarm.render.replay.motion import STEPS, Frame, Rows

UP = 64  # a quarter turn: the heading of what has none


class Sampler:
    """Reads frames of one world as its looks say; the limits of colours follow the data as in the window."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self.looks = tuple(looks)
        self.limits: dict[str, tuple[float, float]] = {}  # per table with a coloured column

    def frame(self, world: Any) -> Frame:
        """The world as it stands."""
        return Frame(int(world.tick), {look.table: self._rows(world, look) for look in self.looks})

    def _rows(self, world: Any, look: Look) -> Rows:
        table, host = world.tables.get(look.table), world.backend.host
        coloured = () if look.colour is None or isinstance(look.colour, str) else (look.colour,)
        columns = (*look.columns, *coloured)
        if table is None or not table.n:
            ids, parents, born = np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int32)
            values = {column: np.zeros((0, *column.shape), column.dtype) for column in columns}
        else:
            ids, parents, born = (host(array) for array in (table.ids(), table.parents, table.born))
            values = {column: host(table.column(column)) for column in columns}
        place = np.rint(values[look.pos] * (STEPS / np.asarray(world.size, np.float64))).astype(np.int64)
        rows = Rows(
            ids,
            parents,
            born.astype(np.int32),
            (place % STEPS).astype(np.uint16),
            _heading(None if look.heading is None else values[look.heading], len(ids)),
            self._tint(look, values[look.colour] if coloured else None, len(ids)),
            _full(255, len(ids)) if look.strength is None else _unit(values[look.strength], 0.0, 1.0),
        )
        return rows.taken(np.argsort(ids))

    def _tint(self, look: Look, value: np.ndarray | None, n: int) -> np.ndarray:
        if value is None:
            return _full(PLAIN, n)
        if look.limits is not None:
            self.limits[look.table] = look.limits
        elif n:
            known = self.limits.get(look.table)
            self.limits[look.table] = _follow(known or (0.0, 1.0), value, known is not None)
        return _unit(value, *self.limits.get(look.table, (0.0, 1.0)))


def _heading(value: np.ndarray | None, n: int) -> np.ndarray:
    """A direction [n, 2] or an angle [n] as 256 steps round."""
    if value is None:
        return _full(UP, n)
    angle = value if value.ndim == 1 else np.arctan2(value[:, 1], value[:, 0])
    return (np.rint(angle * (256 / (2 * pi))).astype(np.int64) % 256).astype(np.uint8)


def _full(value: int, n: int) -> np.ndarray:
    return np.full(n, value, np.uint8)
