"""How a table is drawn: a declaration that scenes make and the renderer reads.

A scene says `look(world) -> tuple[Look, ...]`, one entry per table, drawn in that order. A world without a scene gets
`guess(world)`: positions are found by their unit (m), velocities by theirs (m/s). Nothing here draws or computes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swarm.errors import SchemaError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

SHAPES = ("drop", "disc", "ring")
PALETTES = ("ember", "tide", "moss", "kinds")

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Look:
    """How the entities of one table look.

    table    name of the table
    pos      column [N, 2], m: where they are
    heading  column [N, 2] (a velocity or direction) or [N] (an angle, rad); None draws them upright
    colour   a numeric column [N], coloured through `palette`; or "#rrggbb"; or None for the palette's middle
    limits   values of `colour` at both ends of the palette; None follows the data (2nd to 98th percentile)
    palette  "ember", "tide" or "moss": perceptually uniform, told apart without colour vision, too;
             "kinds": grey for -1 and ten colours for the numbers of kinds, with limits (-1, 9)
    strength column [N], bool or 0..1: 0 is a faint speck, 1 the full shape (ripe and unripe plants); None is 1
    size     length of the shape, m
    lengths  column [N], m: the length of each shape; `size` is then the longest, longer ones are cut to it
    shape    "drop" (a head and a tail along the heading), "disc" or "ring"
    glow     light around the shape, 0..1
    label    the table's name in the legend; None takes `table`
    """

    table: str
    pos: Any
    heading: Any = None
    colour: Any = None
    limits: tuple[float, float] | None = None
    palette: str = "ember"
    strength: Any = None
    size: float = 1.0
    shape: str = "drop"
    glow: float = 0.0
    label: str | None = None
    lengths: Any = None

    def __post_init__(self) -> None:
        where = f"look of table {self.table!r}"
        if self.shape not in SHAPES:
            raise SettingsError(f"{where}: shape {self.shape!r} is unknown. Choose one of {', '.join(SHAPES)}.")
        if self.palette not in PALETTES:
            raise SettingsError(f"{where}: palette {self.palette!r} is unknown. Choose one of {', '.join(PALETTES)}.")
        if not self.size > 0.0:
            raise SettingsError(f"{where}: size {self.size!r} is not a positive length in m.")
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise SettingsError(f"{where}: limits {self.limits!r} must rise, as in (0.0, 1.0).")
        if isinstance(self.colour, str) and not _HEX.fullmatch(self.colour):
            raise SettingsError(f"{where}: colour {self.colour!r} is neither a column nor a colour like '#3f9e77'.")
        _shaped(where, "pos", self.pos, ((2,),))
        _shaped(where, "heading", self.heading, ((2,), ()))
        _shaped(where, "colour", self.colour, ((),))
        _shaped(where, "strength", self.strength, ((),))
        _shaped(where, "lengths", self.lengths, ((),))

    @property
    def columns(self) -> tuple[Any, ...]:
        """The columns this look reads beside its colour, `pos` first, each once."""
        found = [self.pos]
        for column in (self.heading, self.strength, self.lengths):
            if column is not None and column not in found:
                found.append(column)
        return tuple(found)

    @property
    def title(self) -> str:
        """The name shown in the legend."""
        return self.table if self.label is None else self.label


def _shaped(where: str, what: str, column: Any, shapes: Iterable[tuple[int, ...]]) -> None:
    if column is None or isinstance(column, str):
        return
    if tuple(column.shape) not in tuple(shapes):
        wanted = " or ".join(str(["N", *shape]) for shape in shapes).replace("'", "")
        raise SchemaError(f"{where}: {what} needs a column {wanted}, but {column.key} has shape {tuple(column.shape)}.")


def guess(world: Any) -> tuple[Look, ...]:
    """A look for every table that has a position: a column [N, 2] in m, with its velocity in m/s if there is one.

    Tables that move are drops coloured by their first scalar column in J (else plain); the others are discs, whole
    where their first bool column is set. The still ones are drawn first, so that they lie below.
    """
    still: list[Look] = []
    moving: list[Look] = []
    for name, table in world.tables.items():
        columns = [column for component in table.components for column in component.columns]
        pos = _first(columns, "m", (2,))
        if pos is None:
            continue
        heading = _first(columns, "m/s", (2,))
        colour = _first(columns, "J", ())
        if heading is None:
            flag = next((column for column in columns if column.dtype.kind == "b" and not column.shape), None)
            still.append(Look(name, pos, palette="moss", strength=flag, size=0.8, shape="disc"))
        else:
            moving.append(Look(name, pos, heading, colour, size=1.6, glow=0.3))
    return (*still, *moving)


def _first(columns: Iterable[Any], unit: str, shape: tuple[int, ...]) -> Any:
    for column in columns:
        if column.unit == unit and tuple(column.shape) == shape and column.dtype.kind == "f":
            return column
    return None
