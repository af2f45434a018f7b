"""What colours mean: as the scene says, or by species, line, age, generation, an action, or any column of numbers.

`offered(world, looks)` names what a world can be coloured by; `paint(...)` says for one table where the values come
from, in words, and on which palette they lie. A table that lacks what is asked for keeps the scene's colours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.ecs.override import mind_of
from swarm.look import Look
from swarm.render.columns import Seen, sample
from swarm.render.figures import describe
from swarm.render.lineage import Lineage

Read = Callable[[Any, Seen], np.ndarray]

KINDS = 10  # colours for kinds, beside the one for none
SPECIES = (4, 1, 6, 9, 2, 7, 0, 3, 8, 5)  # the order in which tables get them: the first ones are the least alike


@dataclass(frozen=True)
class Paint:
    """The colour of one table's entities.

    palette  a palette's name, or "#rrggbb". read(world, seen): the values [n]; None: all have the same colour
    limits   the values at both ends of the palette; None follows the data. what, unit: for the legend
    """

    palette: str
    read: Read | None = None
    limits: tuple[float, float] | None = None
    what: str = ""
    unit: str = ""


def offered(world: Any, looks: Iterable[Look]) -> tuple[str, ...]:
    """What `paint` knows for this world: "scene", "species", "lineage", ..., "action push_x", ..., "Energy.level"."""
    tables = [world.tables[look.table] for look in looks if look.table in world.tables]
    names = ["scene", "species"]
    if any(_lives(table) for table in tables):
        names += ["lineage", "age", "generation"]
    for table in tables:
        mind = _mind(table)
        if mind is not None:
            names += [f"action {label}" for label in mind.output_labels[: mind.outputs - mind.remembers]]
    for table in tables:
        names += [column.key for column in _numbers(table)]
    return tuple(dict.fromkeys(names))


def paint(world: Any, looks: Sequence[Look], which: int, name: str, lineage: Lineage) -> Paint:
    """How the entities of `looks[which]` are coloured by `name`, one of those offered."""
    look = looks[which]
    table = world.tables.get(look.table)
    own = scene(look)
    if table is None or name == "scene":
        return own
    if name == "species":
        return Paint("kinds", lambda world, seen: _all(world, look, SPECIES[which % KINDS]), (-1.0, float(KINDS - 1)))
    if name in ("lineage", "age", "generation"):
        return _born(table, look, name, lineage) if _lives(table) else own
    if name.startswith("action "):
        return _action(table, look, name.removeprefix("action ")) or own
    column = next((column for column in _numbers(table) if column.key == name), None)
    if column is None or column is look.colour:
        return own
    return _column(look, column)


def scene(look: Look) -> Paint:
    """As the look says."""
    column = look.colour
    if isinstance(column, str):
        return Paint(column)
    if column is None:
        return Paint(look.palette)
    return Paint(look.palette, _reader(look, column), look.limits, describe(column), column.unit)


def _column(look: Look, column: Any) -> Paint:
    if column.shape:
        speed = column.unit == "m/s"
        what = describe(column).replace("vel", "speed") if speed else f"length of {describe(column)}"
        read = _reader(look, column)
        return Paint("ember", lambda world, seen: np.hypot(*read(world, seen).T), None, what, column.unit)
    limits = (0.0, 1.0) if column.dtype.kind == "b" else None
    return Paint("ember", _reader(look, column), limits, describe(column), column.unit)


def _born(table: Any, look: Look, name: str, lineage: Lineage) -> Paint:
    def age(world: Any, seen: Seen) -> np.ndarray:
        table = world.tables[look.table]
        return (int(world.tick) - 1 - np.asarray(world.backend.host(table.born))).astype(np.float32) * world.dt

    def line(world: Any, seen: Seen) -> np.ndarray:
        lineage.update(world, [look.table])
        return (lineage.of(world, look.table)[0] % 256).astype(np.uint8)

    def depth(world: Any, seen: Seen) -> np.ndarray:
        lineage.update(world, [look.table])
        return lineage.of(world, look.table)[1]

    if name == "age":
        return Paint("ember", age, None, "age", "s")
    if name == "lineage":
        return Paint("lines", line, (0.0, 255.0), "founder's line")
    column = next((column for column in _numbers(table) if column.name == "generation"), None)
    return Paint("ember", depth if column is None else _reader(look, column), None, "generation")


def _action(table: Any, look: Look, label: str) -> Paint | None:
    mind = _mind(table)
    if mind is None or label not in mind.output_labels[: mind.outputs - mind.remembers]:
        return None
    k, read = mind.output_labels.index(label), _reader(look, mind.actions)
    return Paint("ember", lambda world, seen: read(world, seen)[:, k], None, f"does {label}")


def _reader(look: Look, column: Any) -> Read:
    return lambda world, seen: sample(world, look.table, (column,), seen)[1]


def _all(world: Any, look: Look, value: int) -> np.ndarray:
    table = world.tables.get(look.table)
    return np.full(0 if table is None else table.n, value, np.float32)


def _mind(table: Any) -> Any:
    """The mind of a table, or None."""
    return mind_of(table) if any(hasattr(component, "inputs_") for component in table.components) else None


def _lives(table: Any) -> bool:
    """Whether its entities come of each other: somebody was born here, or they think."""
    return hasattr(table, "parents") and (_mind(table) is not None or bool(np.any(table.born_total)))


def _numbers(table: Any) -> list[Any]:
    """The columns that can be a colour: one number a row, or a vector that is no place. Not those of a mind."""
    columns = [c for k in table.components if not hasattr(k, "inputs_") for c in k.columns if table.has(c)]
    return [c for c in columns if c.parent is None and (not c.shape or (c.shape == (2,) and c.unit != "m"))]
