"""A raster: one array of cells laid over the world, which lives in `world.resources` and so is saved and hashed.

Row 0 is at y = 0, column 0 at x = 0. The cell of a position is min(int(x * columns / width), columns - 1), and the
same for y. With edge="torus" the last cell of a row is beside the first, with "closed" nothing lies beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from swarm.backend.memory import require
from swarm.errors import CapacityError, SchemaError, SettingsError

EDGES = ("torus", "closed")


class Lattice(NamedTuple):
    """The numbers of a raster in one world, for kernels."""

    columns: int
    rows: int
    per_x: np.float32  # cells per metre
    per_y: np.float32
    width: np.float32  # m, of the world
    height: np.float32
    closed: bool


class Raster:
    """What `Field` and `Tiles` share: a name, cells = (columns, rows), an edge, and the array of each world."""

    kind = "raster"
    dtype: Any = np.float32

    def __init__(self, name: str, cells: tuple[int, int], edge: str, default: Any) -> None:
        what = type(self).__name__
        if not isinstance(name, str) or not name:
            raise SettingsError(f"{what}: the name is {name!r}. Give a text: {what}('trail', cells=(512, 512)).")
        sides = tuple(cells) if isinstance(cells, (tuple, list)) else ()
        if len(sides) != 2 or not all(isinstance(s, (int, np.integer)) and s >= 1 for s in sides):
            raise SettingsError(f"{what} '{name}': cells is {cells!r}. Give columns and rows, such as (512, 512).")
        if sides[0] * sides[1] >= 2**31:
            raise SettingsError(f"{what} '{name}': {sides[0]:,} x {sides[1]:,} cells; 2^31 - 1 is the most.")
        if edge not in EDGES:
            raise SettingsError(f"{what} '{name}': edge is {edge!r}. Choose one of {', '.join(EDGES)}.")
        self.name, self.columns, self.rows, self.edge, self.default = name, int(sides[0]), int(sides[1]), edge, default

    @property
    def key(self) -> str:
        """The array's name in `world.resources`."""
        return f"{self.kind} {self.name}"

    def shape(self, world: Any) -> tuple[int, ...]:
        """(rows, columns), with the number of worlds ahead where `world` holds several."""
        return (*((world.ids.worlds,) if world.ids.worlds > 1 else ()), self.rows, self.columns)

    def of(self, world: Any) -> Any:
        """The array of this world, [rows, columns] or [W, rows, columns], to be read and written in place.

        It is made, filled with the default, when it is first asked for. Take it again after loading a file. Raises
        `SettingsError` if the world has one of another size, `CapacityError` if it does not fit in memory.
        """
        array = world.resources.get(self.key)
        if array is None:
            shape = self.shape(world)
            count = int(np.prod(shape, dtype=np.int64))
            if count >= 2**31:
                raise CapacityError(f"{self.kind} '{self.name}': {count:,} cells in all worlds; 2^31 - 1 is the most.")
            require(f"{self.kind} '{self.name}'", count, np.dtype(self.dtype).itemsize, "cells", world.backend.device)
            array = world.resources[self.key] = world.backend.zeros(shape, self.dtype)
            if self.default:
                array.fill(self.default)
        elif array.shape != self.shape(world) or array.dtype != self.dtype:
            raise SettingsError(
                f"{self.kind} '{self.name}': this world has one of {array.dtype} {array.shape}, declared is "
                f"{np.dtype(self.dtype)} {self.shape(world)} (rows, columns). Declare it with the same cells, or give "
                "it another name."
            )
        return array

    def set(self, world: Any, values: Any) -> None:
        """Put `values` in place of what is there: a number, [rows, columns] or the whole. Raises `SchemaError`."""
        array, given = self.of(world), world.backend.array(values)
        if given.shape not in ((), (self.rows, self.columns), array.shape):
            raise SchemaError(f"{self.kind} '{self.name}' is {array.shape} (rows, columns), got {given.shape}.")
        if given.dtype.kind not in ("fiub" if np.dtype(self.dtype).kind == "f" else "iub"):
            raise SchemaError(f"{self.kind} '{self.name}' is {np.dtype(self.dtype)}, got {given.dtype}.")
        array[...] = given

    def planes(self, world: Any) -> Any:
        """`of(world)` as [W, rows, columns], the same memory."""
        return self.of(world).reshape(-1, self.rows, self.columns)

    def lattice(self, world: Any) -> Lattice:
        """The numbers for kernels."""
        width, height = world.size
        per_x, per_y = np.float32(self.columns / width), np.float32(self.rows / height)
        sides = np.float32(width), np.float32(height)
        return Lattice(self.columns, self.rows, per_x, per_y, *sides, self.edge == "closed")

    def cell(self, world: Any) -> tuple[float, float]:
        """Width and height of a cell, m."""
        return world.size[0] / self.columns, world.size[1] / self.rows

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, name, cells, edge."""
        return {self.kind: self.name, "cells": [self.columns, self.rows], "edge": self.edge}

    def __repr__(self) -> str:
        return f"<{self.kind} '{self.name}' {self.columns} x {self.rows}>"


def plane_of(tables: Sequence[Any]) -> Any:
    """Which of several worlds each entity of these tables lives in, int32 by entry; empty where there is only one."""
    return tables[0].worlds if len(tables) == 1 else np.concatenate([table.worlds for table in tables])


def cells_of(pos: Any, lattice: Lattice) -> tuple[Any, Any]:
    """Column and row int32 [N] of the cells of positions float32 [N, 2] inside the world."""
    column = np.minimum((pos[:, 0] * lattice.per_x).astype(np.int32), np.int32(lattice.columns - 1))
    row = np.minimum((pos[:, 1] * lattice.per_y).astype(np.int32), np.int32(lattice.rows - 1))
    return column, row


def wrap(cell: Any, count: int, closed: bool) -> Any:
    """Cells int32, at most `count` outside, brought inside: round the torus, or to the nearest one where closed."""
    if closed:
        return np.clip(cell, 0, count - 1)
    return np.where(cell < 0, cell + np.int32(count), np.where(cell >= count, cell - np.int32(count), cell))
