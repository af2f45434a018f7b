"""A tile map: a small number for every cell of a raster over the world, some of them solid, some costly to cross.

    Ground = swarm.Tiles("ground", cells=(64, 64), solid=(1,), cost={2: 4.0})
    Ground.load(world, rows, {"#": 1, ".": 0, "~": 2})
    Ground.of(world)[10, 20:30] = 1         # between ticks, or in a system

Whoever depends on the map asks for `ground`, which compares the map with the one it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from swarm.errors import SettingsError
from swarm.stages.raster import Raster


class Ground(NamedTuple):
    """What follows from a tile map as it was when it last changed, [rows, columns] or [W, rows, columns].

    version: counts the changes that were noticed; the arrays are new ones with each. They are not to be written.
    """

    version: int
    tiles: Any  # uint8, a copy
    solid: Any  # bool
    open: Any  # float32: 1, or 0 in solid tiles
    walls: Any  # float32: 0, or 1 in solid tiles
    factor: Any  # float32: what a metre costs in metres, infinite in solid tiles
    ids: Any  # float32: the tiles' numbers


class Tiles(Raster):
    """A declared tile map; arrays are uint8 [rows, columns], row 0 at y = 0, and belong to the worlds.

    cells: (columns, rows). solid: the numbers of tiles that nobody enters. cost: what a metre on a tile costs, by its
    number; 1 where nothing is said. default: the tile that a new map is full of. edge: "torus" or "closed". Raises
    `SettingsError`.
    """

    kind = "tiles"
    dtype = np.uint8

    def __init__(
        self,
        name: str,
        cells: tuple[int, int],
        solid: Iterable[int] | int = (1,),
        cost: Mapping[int, float] | None = None,
        default: int = 0,
        edge: str = "torus",
    ) -> None:
        super().__init__(name, cells, edge, default)
        self.solid = tuple(sorted({solid} if isinstance(solid, (int, np.integer)) else set(solid)))
        self.cost = dict(cost or {})
        for tile in (*self.solid, *self.cost, default):
            if not isinstance(tile, (int, np.integer)) or not 0 <= tile <= 255:
                raise SettingsError(f"Tiles '{name}': {tile!r} is no tile. Tiles are whole numbers, 0 to 255.")
        for tile, factor in self.cost.items():
            if not (np.isfinite(factor) and factor > 0):
                raise SettingsError(
                    f"Tiles '{name}': the cost of tile {tile} is {factor!r}, must be a finite number above 0. For "
                    f"tiles that nobody may enter write solid=({tile},)."
                )
        self._open, self._factor = np.ones(256, np.float32), np.ones(256, np.float32)
        for tile, factor in self.cost.items():
            self._factor[tile] = factor
        for tile in self.solid:
            self._open[tile], self._factor[tile] = 0, np.inf
        self._grounds: WeakKeyDictionary[Any, Ground] = WeakKeyDictionary()

    def ground(self, world: Any) -> Ground:
        """What follows from the map: made anew when the map differs from the one it was made from, else the same."""
        tiles, known = self.of(world), self._grounds.get(world)
        if known is not None and known.tiles.shape == tiles.shape and bool((known.tiles == tiles).all()):
            return known
        array = world.backend.array
        made = Ground(
            0 if known is None else known.version + 1,
            tiles.copy(),
            array(self._open == 0)[tiles],
            array(self._open)[tiles],
            array(1 - self._open)[tiles],
            array(self._factor)[tiles],
            tiles.astype(np.float32),
        )
        self._grounds[world] = made
        return made

    def solid_mask(self, world: Any) -> Any:
        """bool [rows, columns], true where solid: the same array until the map changes."""
        return self.ground(world).solid

    def edit(self, world: Any, columns: Any, rows: Any, tile: Any) -> None:
        """Put `tile` (a number, or one each) at these columns and rows (numbers, slices or arrays), in every world.

        Raises `SettingsError` for what is no tile; writing to `of(world)` is as good, but checks nothing.
        """
        given = np.asarray(tile)
        if given.dtype.kind not in "iu" or (given.size and not 0 <= given.min() <= given.max() <= 255):
            raise SettingsError(f"Tiles '{self.name}': {tile!r} is no tile. Tiles are whole numbers, 0 to 255.")
        where = tuple(k if isinstance(k, (int, slice)) else world.backend.array(k) for k in (rows, columns))
        self.of(world)[(..., *where)] = world.backend.array(given.astype(np.uint8))

    def load(self, world: Any, lines: str | Sequence[str], legend: Mapping[str, int] | None = None) -> None:
        """Take the map from text: one character a tile, one line a row, the first line being the top (the highest y).

        legend: which tile a character means; None: "#" is the first solid tile, "." and " " are 0, digits themselves.
        Raises `SettingsError` for lines that do not fit and characters without a meaning.
        """
        rows = lines.strip("\n").split("\n") if isinstance(lines, str) else list(lines)
        if len(rows) != self.rows or any(len(row) != self.columns for row in rows):
            longest = max(map(len, rows), default=0)
            raise SettingsError(
                f"Tiles '{self.name}': the text has {len(rows)} lines of up to {longest} characters, the map "
                f"{self.rows} rows of {self.columns}."
            )
        digits = {str(k): k for k in range(10)}
        known = dict(legend) if legend is not None else {"#": (*self.solid, 1)[0], ".": 0, " ": 0, **digits}
        unknown = sorted({c for row in rows for c in row if c not in known})
        if unknown:
            raise SettingsError(f"Tiles '{self.name}': no tile is named for {unknown}: legend={{'#': 1, ...}}.")
        self.set(world, np.array([[known[c] for c in row] for row in reversed(rows)], np.uint8))

    def describe(self) -> dict[str, Any]:
        """Plain values: name, cells, edge, solid, cost."""
        return {**super().describe(), "solid": list(self.solid), "cost": {str(k): v for k, v in self.cost.items()}}
