"""Own: what an agent feels of itself. A sense, its contract and the NumPy reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError
from swarm.stages.stage import Cost

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker


class Own:
    """The agent's own values of `column`, times `scale`: one sense per number in a row. Raises `SchemaError`."""

    def __init__(self, column: Column, scale: float = 1.0) -> None:
        if not isinstance(column, Column):
            raise SchemaError(f"Own: {column!r} is no column. Name one, such as Energy.level.")
        if not np.isfinite(scale):
            raise SettingsError(f"Own: scale is {scale!r}, must be a finite number.")
        self.column, self.scale = column, float(scale)
        self.width = int(np.prod(column.shape, dtype=int))
        self.reads: tuple[Any, ...] = (column,)
        self.needs: dict[Column, float] = {}

    def labels(self, name: str) -> list[str]:
        """One label per sense: "energy (J)", "speed 0 (m/s)"."""
        unit = f" ({self.column.unit})" if self.column.unit else ""
        if not self.column.shape:
            return [f"{name}{unit}"]
        axes = "xy" if self.width == 2 else range(self.width)
        return [f"{name} {axis}{unit}" for axis in axes]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, column, unit, scale."""
        return {"sense": "own", "of": self.column.key, "unit": self.column.unit, "scale": self.scale}

    def fill(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """Write columns at .. at + width of `out` [N, W]; returns -1 (no row is ever refused)."""
        values = seeker.table.column(self.column).reshape(len(out), self.width)
        target = out[:, at : at + self.width]
        if self.scale == 1:
            target[:] = values
        elif world.backend.device is not None:
            target[:] = values * np.float32(self.scale)
        else:
            np.multiply(
                values, np.float32(self.scale), out=target, casting="same_kind" if values.dtype == "f4" else "unsafe"
            )
        return -1

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents."""
        return Cost(n * self.width * (self.column.dtype.itemsize + 4), n * self.width * (self.scale != 1))
