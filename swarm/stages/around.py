"""What senses of others share: the seekers and this tick's grid as kernels take them, and columns of others by entry.

A sense of others without kernels for a graphics card is filled by its reference over the host: slow, but right.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError
from swarm.stages.grid import Grid, Packed, check_radius, find
from swarm.stages.stage import need_column

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker

_SPARE = 16


class Around(NamedTuple):
    """Who looks among whom, on the host: the first six arguments of every kernel that looks around.

    first: the entry of row 0 if the seekers have the column that the grid is of, so that nobody senses itself, else -1.
    visit int32, base: the order in which rows are handled, row = entry - base; numbers that are no row are skipped.
    """

    grid: Packed
    pos: np.ndarray  # float32 [N, 2] m
    world: np.ndarray  # int32 [N], or empty where there is one
    first: int
    visit: np.ndarray
    base: int


class OfOthers:
    """Base of the senses whose kernels take an `Around`: subclasses have `width` and `look`."""

    width: int
    places = True  # needs to know where the seekers are, even if `needs` is empty

    def look(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """`fill` where all arrays, those of `seeker` too, are on the host."""
        raise NotImplementedError

    def fill(self, world: Any, seeker: Seeker, out: Any, at: int) -> int:
        """Write columns at .. at + width of `out` [N, W]; returns a row that is not inside the world, or -1."""
        if world.backend.device is None:
            return self.look(world, seeker, out, at)
        host = world.backend.host
        seeker = seeker._replace(pos=host(seeker.pos), visit=host(seeker.visit), world=host(seeker.world))
        made = np.zeros((len(out), self.width), np.float32)
        bad = self.look(world, seeker, made, 0)
        out[:, at : at + self.width] = world.backend.array(made)
        return bad


def around(world: Any, seeker: Seeker, of: Column, radius: float, where: str) -> tuple[Grid, Around]:
    """This tick's grid of `of` and the seekers in it. Raises `ScheduleError` and `SettingsError`."""
    check_radius(radius, world.size, where)
    grid = find(world, of, radius, "sense")
    first = grid.base[grid.tables.index(seeker.table)] if seeker.table in grid.tables else -1
    return grid, Around(_packed(world, grid), seeker.pos, seeker.world, first, seeker.visit, seeker.base)


def _packed(world: Any, grid: Grid) -> Packed:
    packed = grid.packed()
    if world.backend.device is None:
        return packed
    arrays = {name: world.backend.host(getattr(grid, name)) for name in ("start", "entry", "x", "y")}
    return packed._replace(**{name: np.concatenate([a, np.zeros(_SPARE, a.dtype)]) for name, a in arrays.items()})


def entries(grid: Grid) -> int:
    """One more than the highest entry."""
    return grid.base[-1] + grid.tables[-1].n if grid.tables else 0


def name_of(world: Any, grid: Grid, entry: int) -> str:
    """Who that is, for errors: "entity 12884901888 of table 'rock'"."""
    k = max(k for k, base in enumerate(grid.base) if base <= entry)
    table = grid.tables[k]
    return f"entity {world.backend.host(table.ids())[entry - grid.base[k]]} of table '{table.name}'"


def by_entry(world: Any, grid: Grid, key: Column | str, dtype: Any) -> np.ndarray:
    """A column of the grid's tables, or "slots", by entry, on the host: [entries, ...]; 0 for those that lack it.

    One table's own column where that will do, else a copy in the grid's scratch.
    """
    parts = []
    for base, table in zip(grid.base, grid.tables, strict=True):
        if isinstance(key, str) or table.has(key):
            column = getattr(table, key) if isinstance(key, str) else table.column(key)
            parts.append((base, world.backend.host(column)))
    if len(grid.tables) == 1 and len(parts) == 1 and parts[0][1].dtype == dtype:
        return np.ascontiguousarray(parts[0][1])
    shape = () if isinstance(key, str) else key.shape
    width, kind = int(np.prod(shape, dtype=int)), np.dtype(dtype)
    name = f"{key if isinstance(key, str) else key.key} by entry, {kind}"
    room = _on_host(grid, name, entries(grid) * width, dtype)
    out = room[: entries(grid) * width].reshape(-1, *shape)
    out[:] = 0
    for base, part in parts:
        out[base : base + len(part)] = part
    return out


def _on_host(grid: Grid, name: str, size: int, dtype: Any) -> np.ndarray:
    return grid.scratch.array(name, size, dtype) if grid.device is None else np.empty(size, dtype)


def flags(world: Any, grid: Grid, where: Column | None) -> np.ndarray:
    """bool by entry: who can be sensed; empty for all."""
    return np.empty(0, np.bool_) if where is None else by_entry(world, grid, where, np.bool_)


Scaled = tuple[Column, float]


def need_values(columns: Any, where: str) -> tuple[Scaled, ...]:
    """Columns of numbers with their scales, from columns and (column, scale). Raises `SchemaError`, `SettingsError`."""
    if isinstance(columns, Column) or not isinstance(columns, Iterable):
        columns = (columns,)
    found = []
    for item in columns:
        column, scale = item if isinstance(item, tuple) and len(item) == 2 else (item, 1.0)
        if not isinstance(column, Column):
            raise SchemaError(
                f"{where}: {column!r} is no column. Name one, such as Energy.level, or (Energy.level, 0.1)."
            )
        if not isinstance(scale, (int, float, np.number)) or not np.isfinite(scale):
            raise SettingsError(f"{where}: scale of {column.key} is {scale!r}, must be a finite number.")
        found.append((column, float(scale)))
    return tuple(found)


def width_of(columns: Iterable[Scaled]) -> int:
    """How many numbers these columns make."""
    return sum(int(np.prod(column.shape, dtype=int)) for column, _ in columns)


def values(world: Any, grid: Grid, columns: tuple[Scaled, ...], where: str) -> np.ndarray:
    """float32 [entries, V]: the columns of others side by side, each times its scale; 0 for those that lack one.

    Raises `SchemaError` if nobody in the grid has one of them.
    """
    for column, _ in columns:
        if grid.tables and not any(table.has(column) for table in grid.tables):
            names = ", ".join(f"'{table.name}'" for table in grid.tables)
            raise SchemaError(
                f"{where}: nobody with {grid.column.key} has {column.key} ({names}). Add the component to one of "
                "them, or sense a column that they have."
            )
    if len(columns) == 1 and columns[0][1] == 1:
        column = by_entry(world, grid, columns[0][0], np.float32)
        return column.reshape(len(column), -1)
    total, at = width_of(columns), 0
    name = "values of " + ", ".join(f"{column.key} {scale:g}" for column, scale in columns)
    out = _on_host(grid, name, entries(grid) * total, np.float32)[: entries(grid) * total].reshape(-1, total)
    for column, scale in columns:
        part = by_entry(world, grid, column, np.float32)
        part = part.reshape(len(part), -1)
        np.multiply(part, np.float32(scale), out=out[:, at : at + part.shape[1]])
        at += part.shape[1]
    return out


def labels_of(columns: Iterable[Scaled]) -> list[str]:
    """One label per number: "Energy.level (J)", "Body.vel x (m/s)", with the scale where there is one."""
    found = []
    for column, scale in columns:
        width = int(np.prod(column.shape, dtype=int))
        axes = [""] if not column.shape else [f" {'xy'[k] if width == 2 else k}" for k in range(width)]
        unit = f" ({column.unit})" if column.unit else ""
        found += [f"{column.key}{axis}{unit}{f' x {scale:g}' if scale != 1 else ''}" for axis in axes]
    return found


def need_flag(where: Column | None, sense: str) -> Column | None:
    """`where`, if it is None or a bool column. Raises `SchemaError`."""
    return where if where is None else need_column(where, (), np.bool_, sense)


def at_least_one(value: Any, name: str, where: str) -> int:
    """`value` as a whole number of 1 or more. Raises `SettingsError`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise SettingsError(f"{where}: {name} is {value!r}, must be a whole number, 1 or more.")
    return int(value)
