"""A field: a number for every cell of a raster over the world, such as a scent, warmth or water.

    Trail = swarm.Field("trail", cells=(1024, 1024), unit="g")
    world.schedule = (..., swarm.deposit(Body.pos, Ant.load, into=Trail), swarm.diffuse(Trail, rate=0.2, decay=0.05))
    Mind = swarm.mind(scent=swarm.Value(Trail), slope=swarm.Gradient(Trail), actions=("turn",))
    Trail.of(world)                         # the array, float32 [rows, columns]

A declaration holds no numbers: they belong to each world, which saves and hashes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.errors import SettingsError
from swarm.stages.raster import Raster


class Field(Raster):
    """A declared field: a name that stages and senses pass around, as columns are. Its arrays belong to the worlds.

    cells: (columns, rows). unit: of one cell's number. default: what every cell starts with. edge: "torus" or "closed".
    Arrays are float32 [rows, columns], row 0 at y = 0; in a world of W worlds [W, rows, columns]. Raises
    `SettingsError`.
    """

    kind = "field"
    dtype = np.float32

    def __init__(
        self, name: str, cells: tuple[int, int], unit: str = "", default: float = 0.0, edge: str = "torus"
    ) -> None:
        super().__init__(name, cells, edge, float(default))
        if not np.isfinite(self.default):
            raise SettingsError(f"Field '{name}': default is {default!r}, must be a finite number.")
        self.unit = unit

    def describe(self) -> dict[str, Any]:
        """Plain values: name, cells, edge, unit."""
        return {**super().describe(), "unit": self.unit}


def need_field(field: Any, where: str) -> Field:
    """`field`, if it is one. Raises `SettingsError`."""
    if not isinstance(field, Field):
        raise SettingsError(f"{where}: {field!r} is no field. Declare one: swarm.Field('trail', cells=(512, 512)).")
    return field
