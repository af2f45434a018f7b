"""Clock: the time of day. A sense that needs nothing of the agent; the same for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.frame import turned
from swarm.stages.stage import Cost, positive

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker


class Clock:
    """Sine and cosine of 2 pi (t + offset) / period, where t = world.tick * world.dt: two senses without a jump.

    Of several worlds each goes by its own ticks.
    period, offset: s. Raises `SettingsError`.
    """

    width = 2
    reads: tuple[Any, ...] = ()

    def __init__(self, period: float, offset: float = 0.0) -> None:
        self.period = positive(period, "period", "Clock")
        if isinstance(offset, bool) or not isinstance(offset, (int, float, np.number)) or not np.isfinite(offset):
            raise SettingsError(f"Clock: offset is {offset!r}, must be a finite number of seconds.")
        self.offset = float(offset)
        self.needs: dict[Column, float] = {}

    def labels(self, name: str) -> list[str]:
        """ "day sin" and "day cos"."""
        return [f"{name} sin", f"{name} cos"]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, period and offset in s."""
        return {"sense": "clock", "period": self.period, "offset": self.offset, "unit": "s"}

    def fill(self, world: Any, seeker: Seeker, out: Any, at: int) -> int:
        """Write columns at and at + 1 of `out` [N, W]; returns -1 (no row is ever refused)."""
        days = (world.tick_of(seeker.table) * world.dt + self.offset) / self.period
        way = turned(2 * np.pi * (days - np.floor(days)))
        for k, part in enumerate((way[..., 1], way[..., 0])):
            out[:, at + k] = world.backend.array(part) if part.ndim else float(part)
        return -1

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents."""
        return Cost(n * 8, 0)
