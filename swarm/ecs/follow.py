"""Positions between two ticks: the previous tick's values, kept only once somebody has asked for them.

Entities are matched by id; positions go the shortest way round the torus; newborns stand where they are.

    past   [n][2]    position column before the tick     kept per table and column, with slots and generations
    now    [n'][2]   position column                     read
    out    [n'][2]   past + alpha * shortest(now - past) written, inside the world
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.table import Table


class Past:
    """The followed columns as they were before the last tick."""

    def __init__(self) -> None:
        self.columns: set[Column] = set()
        self._kept: dict[tuple[int, Any], np.ndarray] = {}  # (table, "slots" | "generations" | column) -> [n, ...]
        self._place: Any = np.zeros(0, np.int64)  # [slots]: row in what is kept; read only where it is checked

    def keep(self, tables: Iterable[Table]) -> None:
        """Copy the followed columns; called before the systems of a tick run."""
        for table in tables:
            mine = [column for column in self.columns if table.has(column)]
            for key in ("slots", "generations", *mine) if mine else ():
                now = table.column(key) if isinstance(key, Column) else getattr(table, key)
                held = self._kept.get((table.index, key))
                if held is not None and len(held) == len(now):
                    held[...] = now
                else:
                    self._kept[table.index, key] = now.copy()

    def between(self, table: Table, column: Column, alpha: float, size: tuple[float, float], slots: int) -> Any:
        """The column [n, 2] at `alpha` of the way from the previous tick to this one, a copy; on CUDA on the device."""
        now, xp = table.column(column), table.xp
        past = self._kept.get((table.index, column))
        if past is None or not len(past) or not table.n:
            return now.copy()
        old = self._kept[table.index, "slots"]
        if len(self._place) < slots:
            self._place = xp.zeros(slots, np.int64)
        self._place[old] = xp.arange(len(old))
        row = xp.minimum(self._place[table.slots], len(old) - 1)
        known = (old[row] == table.slots) & (self._kept[table.index, "generations"][row] == table.generations)
        return blend(xp.where(known[:, None], past[row], now), now, alpha, size, xp)


def blend(past: Any, now: Any, alpha: float, size: tuple[float, float], xp: Any = np) -> Any:
    """past + alpha * shortest way from past to now, wrapped into [0, size); [N, 2] each. xp: their array module."""
    sides = xp.asarray(np.asarray(size, now.dtype))
    way = now - past
    way -= sides * xp.rint(way / sides)
    out = past + now.dtype.type(alpha) * way
    out -= sides * xp.floor(out / sides)
    return xp.where(out >= sides, now.dtype.type(0), out)
