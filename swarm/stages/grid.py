"""The index of one position column: entities sorted by cell and id on a uniform grid over the torus.

    grid = world.indices[Plant.pos]
    grid.entry[grid.start[c]:grid.start[c + 1]]      # the members of cell c = row * columns + column, in id order

An entry is a number over the tables that have the column, one table after the other: `grid.base[k] + row`. Cells that
are neighbours in x lie side by side, so the members of three of them are one run.
"""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import ScheduleError, SettingsError
from swarm.stages.stage import Scratch


class Packed(NamedTuple):
    """What kernels see of a grid. Arrays have 16 spare elements behind their end."""

    start: np.ndarray  # int32 [W C + 1]: world after world
    entry: np.ndarray  # int32 [n], sorted by (cell, id)
    x: np.ndarray  # float32 [n], in that order
    y: np.ndarray  # float32 [n]
    columns: int  # cells along x
    rows: int  # cells along y
    per_x: np.float32  # cells per metre
    per_y: np.float32
    width: np.float32  # the world's size, m
    height: np.float32
    most: int  # members of the fullest cell
    worlds: int  # W


class Found(NamedTuple):
    """What `index` found: cells along x and y, members, members of the fullest cell, entities left out, all are in."""

    shape: tuple[int, int] = (1, 1)
    n: int = 0
    most: int = 0
    overflow: int = 0
    complete: bool = False


class Grid:
    """Where the entities of one position column are, as of one tick.

    tables, base: the tables that have the column, and the entry number of each one's row 0.
    device: by what kernels on a device find it (grid_cuda.py); None on the host.
    """

    device: Any = None

    def __init__(self, column: Column, size: tuple[float, float], radius: float, worlds: int = 1) -> None:
        self.column, self.worlds = column, worlds
        self.size = (np.float32(size[0]), np.float32(size[1]))
        self.radius = radius
        self.tables: tuple[Any, ...] = ()
        self.base: tuple[int, ...] = ()
        self.tick = -1
        self.cap = 0
        self.warned = False
        self.scratch = Scratch()
        self._found = Found()

    def fit(self, members: int) -> None:
        """Choose the cells: as small as the radius allows, as many as memory for `members` entities justifies.

        Several worlds have cells of one shape. It is the one they have alone up to `most_cells(1)` entities or cells a
        world; beyond, theirs may differ, and with it the order in which sums over neighbours add up.
        """
        self._found = Found(fit(self.size, self.radius, -(-members // self.worlds)))

    @property
    def found(self) -> Found:
        """What this tick's index found, as one."""
        return self._found

    def keep(self, found: Found) -> None:
        """Note what was found; warn, once a grid, if somebody was left out."""
        self._found = found
        if found.overflow and not self.warned:
            self.warned = True
            warnings.warn(
                f"index of {self.column.key}: a cell holds more than cap={self.cap} members, {found.overflow:,} were "
                "left out and are not found this tick. Spread them, raise cap, or read world.indices[...].overflow.",
                stacklevel=4,
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Cells along x and along y."""
        return self.found.shape

    @property
    def n(self) -> int:
        """How many are in the index."""
        return self.found.n

    @property
    def most(self) -> int:
        """Members of the fullest cell."""
        return self.found.most

    @property
    def overflow(self) -> int:
        """Entities left out this tick because their cell was over the cap."""
        return self.found.overflow

    @property
    def complete(self) -> bool:
        """Whether every entity that has the column is in the index."""
        return self.found.complete

    @property
    def cells(self) -> int:
        """W C, the number of cells, those of one world after those of another."""
        return self.worlds * self.shape[0] * self.shape[1]

    @property
    def start(self) -> np.ndarray:
        """int32 [W C + 1]: where each cell's members begin."""
        return self.scratch.arrays["start"][: self.cells + 1]

    @property
    def entry(self) -> np.ndarray:
        """int32 [n]: the members by cell, then id."""
        return self.scratch.arrays["entry"][: self.n]

    @property
    def x(self) -> np.ndarray:
        """float32 [n]: the members' x in that order, m."""
        return self.scratch.arrays["x"][: self.n]

    @property
    def y(self) -> np.ndarray:
        """float32 [n]: the members' y in that order, m."""
        return self.scratch.arrays["y"][: self.n]

    def packed(self) -> Packed:
        """The arrays and numbers for kernels."""
        arrays, (columns, rows) = self.scratch.arrays, self.shape
        per_x, per_y = np.float32(columns / float(self.size[0])), np.float32(rows / float(self.size[1]))
        return Packed(
            arrays["start"], arrays["entry"], arrays["x"], arrays["y"],
            columns, rows, per_x, per_y, *self.size, self.most, self.worlds,
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Plain values: column, cells, members, the fullest cell, overflow."""
        return {
            "column": self.column.key, "cells": self.shape, "radius": self.radius, "members": self.n,
            "fullest": self.most, "overflow": self.overflow,
        }  # fmt: skip


def fit(size: tuple[Any, Any], radius: float, members: int) -> tuple[int, int]:
    """Columns and rows of cells, each at least `radius` wide with room for rounding, about one per member at most.

    A position's cell is computed in float32; being off by one rounding must not put two entities that see each other
    two cells apart, hence the margin of eight roundings of the world's size.
    """
    shape = list(finest(size, radius))
    bound = most_cells(members)
    if shape[0] * shape[1] > bound:
        shrink = sqrt(shape[0] * shape[1] / bound)
        shape = [max(1, int(s / shrink)) for s in shape]
        shape = [min(s, max(1, bound // o)) for s, o in zip(shape, reversed(shape), strict=True)]
    return shape[0], shape[1]


def finest(size: tuple[Any, Any], radius: float) -> tuple[int, int]:
    """The most columns and rows that the radius allows."""
    columns, rows = (max(1, int(float(side) / (radius + float(side) * 2.0**-20))) for side in size)
    return columns, rows


def most_cells(members: int) -> int:
    """The most cells that are worth their memory."""
    return max(1024, 1 << max(0, members - 1).bit_length())


def check_radius(radius: float, size: tuple[float, float], where: str) -> None:
    """Raise `SettingsError` if things could be seen both ways round the torus."""
    if radius > min(size) / 2:
        raise SettingsError(
            f"{where}: a radius of {radius:g} m reaches more than half round a world of {size[0]:g} x {size[1]:g} m. "
            f"Use {min(size) / 2:g} m or less, or a larger world."
        )


def find(world: Any, column: Column, radius: float, where: str) -> Grid:
    """This tick's grid of `column`, good for `radius`. Raises `ScheduleError` if there is none."""
    grid = world.indices.get(column)
    if grid is None or grid.tick != world.tick:
        raise ScheduleError(
            f"{where}: no index of {column.key} was made this tick. Put swarm.index({column.key}) ahead of it in the "
            "schedule."
        )
    if radius > grid.radius:
        raise ScheduleError(
            f"{where}: looks {radius:g} m far, but the index of {column.key} was made for {grid.radius:g} m. "
            f"Write swarm.index({column.key}, radius={radius:g})."
        )
    return grid
