"""Heard: messages of those around. A sense made of other senses' kernels: sums in one sector, or the nearest one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.around import (
    OfOthers,
    around,
    at_least_one,
    by_entry,
    flags,
    need_flag,
    need_values,
    values,
    width_of,
)
from swarm.stages.directions import edges
from swarm.stages.nearest import LEAD
from swarm.stages.nearest import cost as cost_of_nearest
from swarm.stages.stage import Cost, need_column, positive
from swarm.stages.sums import cost as cost_of_sums

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker

REDUCE = ("sum", "nearest")


class Heard(OfOthers):
    """What is said within `radius` metres, one number per channel; 0 where nobody speaks. Nobody hears itself.

    of: the speakers' position column. message: their column of `channels` numbers, or (column, scale).
    reduce: "sum" adds up what all say, in an order that depends on places and ids alone; "nearest" is what the nearest
    says, of two at the same distance the one with the lower id. where: a bool column of the speakers; only those that
    have it set are heard, and the nearest is one of them. Raises `SettingsError` and `SchemaError`.
    """

    def __init__(
        self, channels: int, radius: float, of: Column, message: Any, reduce: str = "sum", where: Column | None = None
    ) -> None:
        self.width = at_least_one(channels, "channels", "Heard")
        self.radius = positive(radius, "radius", "Heard")
        self.of = need_column(of, (2,), np.float32, "Heard")
        self.message = need_values((message,), "Heard")
        said = width_of(self.message)
        if said != self.width:
            raise SettingsError(
                f"Heard: {self.width} channels, but {self.message[0][0].key} has {said} numbers a row. "
                f"Write Heard({said}, ...)."
            )
        if reduce not in REDUCE:
            raise SettingsError(f"Heard: reduce is {reduce!r}. Choose one of {', '.join(REDUCE)}.")
        self.reduce, self.where = reduce, need_flag(where, "Heard")
        also = (self.message[0][0], self.where)
        self.reads = (("index", self.of), *(column for column in also if column is not None))
        self.needs = {self.of: self.radius}

    def labels(self, name: str) -> list[str]:
        """One label per channel: "voices 0"."""
        return [f"{name} {k}" for k in range(self.width)]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, who is heard, what is heard of them, geometry."""
        column, scale = self.message[0]
        return {
            "sense": "heard", "of": self.of.key, "message": column.key, "unit": column.unit, "scale": scale,
            "radius": self.radius, "reduce": self.reduce, "where": self.where and self.where.key,
        }  # fmt: skip

    def look(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """See `OfOthers.look`."""
        grid, about = around(world, seeker, self.of, self.radius, "Heard")
        said, flag = values(world, grid, self.message, "Heard"), flags(world, grid, self.where)
        radius, frame = np.float32(self.radius), np.empty((0, 2), np.float32)
        if self.reduce == "sum":
            kernels = world.backend.twin("swarm.stages.sums")
            return kernels.sums(*about, radius, edges(1), frame, flag, said, False, out, at)
        slots = by_entry(world, grid, "slots", np.uint32)
        kernels = world.backend.twin("swarm.stages.nearest")
        return kernels.nearest(*about, radius, 1, frame, slots, flag, said, True, out, at)

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents."""
        grid = world.indices.get(self.of)
        per_cell = grid.n / grid.cells if grid is not None and grid.n else 1.0
        if self.reduce == "sum":
            return cost_of_sums(n, self.width, per_cell)
        return cost_of_nearest(n, 1, self.width + LEAD, per_cell)
