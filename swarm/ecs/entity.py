"""One entity as it was when it was looked up: a small record, safe to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column, Component
from swarm.ecs.ids import split
from swarm.errors import DeadError, SchemaError

if TYPE_CHECKING:
    from swarm.ecs.ids import Ids
    from swarm.ecs.table import Table


class Entity:
    """What `world.get(id)` returns: copies of the columns at that tick. `entity[Body.pos]`, `entity[Body].pos`."""

    def __init__(self, id: int, table: Table, row: int, tick: int) -> None:
        self.id = int(id)
        self.table = table.name
        self.tick = tick
        host = table.registry.backend.host
        self.parent = int(table.parents[row])  # 0 = spawned
        self.born = int(table.born[row])
        columns = [c for k in table.components for c in k.columns]
        self.values: dict[Column, Any] = {c: np.array(host(table.column(c)[row : row + 1])[0]) for c in columns}

    def __getitem__(self, key: Column | type[Component]) -> Any:
        if isinstance(key, Column):
            if key not in self.values:
                raise SchemaError(f"entity {self.id} of table '{self.table}' has no {key.key}.")
            value = self.values[key]
            return value if value.ndim else value[()]
        return _Part(self, key)

    def __repr__(self) -> str:
        slot, generation = split(self.id)
        lines = [f"entity {self.id} (slot {slot}, generation {generation}) of '{self.table}' at tick {self.tick}"]
        lines += [f"  {c.key} = {v} {c.unit}".rstrip() for c, v in self.values.items()]
        return "\n".join(lines)


class _Part:
    def __init__(self, entity: Entity, component: type[Component]) -> None:
        self._entity, self._component = entity, component

    def __getattr__(self, name: str) -> Any:
        column = vars(self._component).get(name)
        if not isinstance(column, Column):
            raise AttributeError(f"{self._component.__name__} has no column {name!r}")
        return self._entity[column]


def locate_all(
    ids: Ids, asked: np.ndarray, tick: int, coming: Callable[[int], bool]
) -> Iterator[tuple[int, np.ndarray]]:
    """(table number, rows) of living entities u64 [K], table by table, in one look at a device. Errors as `locate`."""
    host, bring = ids.backend.host, ids.backend.array
    slots, generations = (asked >> np.uint64(32)).astype(np.int64), asked.astype(np.uint32)
    inside = np.minimum(slots, max(len(ids) - 1, 0))
    if not len(asked) or not len(ids):
        return
    at = bring(inside)
    tables, rows, latest = (host(array[at]) for array in (ids.table, ids.row, ids.generation))
    living = (inside == slots) & (latest == generations) & (tables >= 0) & (slots > 0)
    for id in asked[~living][:1].tolist():
        locate(ids, id, tick, coming(split(id)[0]))
    for table in np.unique(tables).tolist():
        yield table, rows[tables == table]


def locate(ids: Ids, id: int, tick: int, coming: bool) -> tuple[int, int]:
    """Table number and row of a living entity. Raises `DeadError` saying when it died, or that it never lived.

    coming: whether the entity is on its way in and lives from the next tick on.
    """
    slot, generation = split(id)
    name = f"entity {int(id)} (slot {slot}, generation {generation})"
    latest = int(ids.generation[slot]) if 0 < slot < ids.used else 0
    if not 0 < generation <= latest:
        raise DeadError(
            f"{name} never lived in this world, which is at tick {tick}. Use ids that spawn or view returned."
        )
    if generation == latest and ids.table[slot] >= 0:
        return int(ids.table[slot]), int(ids.row[slot])
    if generation == latest and coming:
        raise DeadError(f"{name} is not there yet: it enters at the barrier of tick {tick}.")
    last = latest - 1 if ids.table[slot] >= 0 or coming else latest
    when = "at" if generation == last else "before"
    raise DeadError(f"{name} died {when} tick {int(ids.died[slot])}; the world is at tick {tick}.")
