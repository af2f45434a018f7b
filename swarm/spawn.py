"""Spawning: from the arguments of `World.spawn` to checked rows, and from rows to living entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.backend.memory import require
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.ecs.agents import instances
from swarm.ecs.component import Component, fill
from swarm.ecs.ids import SLOT_BYTES
from swarm.ecs.table import Arrival, Table, brain_bytes, part
from swarm.errors import SchemaError, SettingsError

if TYPE_CHECKING:
    from swarm.world import World


def prepare(
    world: World,
    count: int,
    components: tuple[Any, ...],
    name: str | None,
    brains: Any,
    brain: Any,
    dtype: Any,
    init: str,
) -> tuple[Table, Arrival]:
    """Check everything and give out the ids; only then is the world changed. Errors as in `World.spawn`."""
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 0:
        raise SettingsError(f"spawn: count is {count!r}; give a whole number, 0 or more.")
    count = int(count)
    made = instances(components, f"spawn '{name}'" if name else "spawn")
    table = _table(world, name, [type(component) for component in made], brain is not None)
    where = f"spawn '{table.name}'"
    _require(table, brains, brain, count, dtype, where)
    given = [(c, value) for component in made for c, value in component.values.items()]
    values = {c: fill(c, value, count, where, world.backend) for c, value in given}
    if brain is not None:
        pool, rows = _shared(world, table, brains, brain, count, where)
        arrival = Arrival(np.empty(0), values, pool, None, rows)
    else:
        arrival = Arrival(np.empty(0), values, *_own(world, table, brains, count, dtype, init, where))
    if world.backend.device is not None and not world.stepping:
        _make_room(world, table, arrival, count)
    world.tables[table.name] = table
    table.given.update(values)
    with world.backend.running():
        slots = world.ids.take(count)
    return table, arrival._replace(slots=world.backend.host(slots))


def arrive(world: World, table: Table, arrival: Arrival, born: int, why: str) -> None:
    """Append the rows to the table; `born` is the tick behind which they enter. Raises `CapacityError`."""
    start, stop = table.n, table.n + len(arrival.slots)
    rows = slice(start, stop)
    own, ids = not table.shared, world.ids
    bring = world.backend.array if world.backend.device is not None else np.asarray
    adopted = table.brains is None and arrival.pool is not None
    if adopted:
        table.brains = arrival.pool
    table.reserve(stop, "spawn")
    for component in table.components:
        for column in component.columns:
            if column.parent is None:
                table.storage[column][rows] = bring(column.default)
    for column, value in arrival.values.items():
        part(table.storage[column.root][rows], column)[...] = bring(value)
    slots = bring(arrival.slots)
    generations = ids.generation[slots]
    identity = {"slots": slots, "generations": generations, "parents": 0, "born": born, "dying": False}
    for key, value in {**identity, **({} if own else {"brain": bring(arrival.brain)})}.items():
        table.storage[key][rows] = value
    ids.enter(slots, table.index, ids.xp.arange(start, stop, dtype=np.int32))
    table.resize(stop, why)
    if table.brains is not None and own and arrival.init is not None:
        table.brains.initialise(rows, slots, generations, world.tick, world.seed, arrival.init)
    elif table.brains is not None and own and arrival.pool is not None and not adopted:
        table.brains.set(rows, arrival.pool)


# ---------------------------------------------------------------------- inside


def _table(world: World, name: str | None, components: list[type[Component]], shared: bool) -> Table:
    """The table of that name, or a new one that the world does not hold yet."""
    if not components:
        raise SchemaError("spawn: entities need a component. Give Body(pos=...) or Body.")
    name = "+".join(c.__name__.lower() for c in components) if name is None else name
    if not isinstance(name, str) or not name or "/" in name:
        raise SchemaError(f"spawn: the table's name is {name!r}; give a word without slashes.")
    table = world.tables.get(name)
    if table is not None:
        if set(table.components) != set(components):
            have = ", ".join(c.__name__ for c in table.components)
            raise SchemaError(
                f"spawn '{name}': this table has {have}. Spawn with the same components, or another name."
            )
        return table
    known = {c.__name__: c for t in world.tables.values() for c in t.components}
    for component in components:
        if known.get(component.__name__, component) is not component:
            raise SchemaError(
                f"spawn '{name}': the world has another component called {component.__name__}. Files and hashes "
                "go by their names: rename one."
            )
    return Table(name, len(world.tables), components, world.ids, shared=shared)


def _require(table: Table, brains: Any, brain: Any, count: int, dtype: Any, where: str) -> None:
    """Raise `CapacityError` when rows, slots and brains that are still to be made do not fit in memory."""
    each = table.row_bytes + SLOT_BYTES
    if isinstance(brains, MLP):
        each += brains.layout(dtype).row_bytes
    elif brains is None and brain is None:
        each += brain_bytes(table.own_brains)
    require(where, count, each, "entities", table.registry.backend.device)


def _make_room(world: World, table: Table, arrival: Arrival, count: int) -> None:
    """Allocate what the rows need on a card, which others share: when that fails, nothing has changed yet."""
    with world.backend.running():
        table.reserve(table.n + count, "spawn")
        world.ids.reserve(count)
        if table.brains is None and arrival.init is not None:
            arrival.pool.grow(table.capacity)


def _own(
    world: World, table: Table, brains: Any, count: int, dtype: Any, init: str, where: str
) -> tuple[Any, str | None]:
    """The pool that own brains come from, and how they are drawn; None, None where there are none."""
    if table.shared:
        raise SchemaError(f"{where}: this table shares a pool. Say which rows they use: brain=[...].")
    if brains is None:
        if table.brains is not None and len(table.brains.groups) > 1:
            raise SchemaError(f"{where}: its brains are of several architectures. Give brains=Brains([...]).")
        return None, None if table.brains is None else init
    if table.brains is None and (table.n or table.arrivals):
        raise SchemaError(f"{where}: its {table.n} entities have no brains. Use another name for those that have.")
    if isinstance(brains, Brains):
        if len(brains) != count:
            raise SchemaError(
                f"{where}: {len(brains)} brains for {count} entities. Give one each, or share: brain=[...]."
            )
        if any(t.brains is brains for t in world.tables.values()):
            raise SchemaError(f"{where}: this pool is another table's. Give a copy: brains.clone().")
        brains.settle(world.backend)
        return brains, None
    if isinstance(brains, MLP):
        if table.brains is None:
            pool = Brains(brains, 0, seed=world.seed, backend=world.backend, dtype=dtype, init="zeros")
            return pool, init
        if len(table.brains.groups) > 1 or table.brains.mlp != brains:
            raise SchemaError(
                f"{where}: its brains are {table.brains!r}, not {brains}. Leave `brains` out, or another name."
            )
        return None, init
    if isinstance(brains, Sequence) and not isinstance(brains, str):
        if table.brains is not None or len(brains) != count:
            raise SchemaError(
                f"{where}: {len(brains)} architectures for {count} entities of a new table: give one each."
            )
        return Brains(brains, seed=world.seed, backend=world.backend, dtype=dtype, init="zeros"), init
    raise SchemaError(f"{where}: brains is {brains!r}. Give an MLP, a sequence of them, or a Brains pool.")


def _shared(world: World, table: Table, brains: Any, brain: Any, count: int, where: str) -> tuple[Any, np.ndarray]:
    """The pool that the table shares and the rows [count] i32 its entities use."""
    if not table.shared:
        raise SchemaError(f"{where}: this table's entities own their brains. Use another name for those that share.")
    pool = table.brains if brains is None else brains
    if not isinstance(pool, Brains) or (table.brains is not None and pool is not table.brains):
        raise SchemaError(
            f"{where}: `brain` names rows of a pool, one pool per table. Give brains=Brains(...) with it."
        )
    rows = np.asarray(brain)
    if rows.dtype.kind not in "iu" or rows.shape not in ((), (count,)):
        raise SchemaError(f"{where}: brain is {rows.dtype} {rows.shape}; give {count} row numbers of the pool, or one.")
    if rows.size and (int(rows.min()) < 0 or int(rows.max()) >= len(pool)):
        raise SchemaError(f"{where}: brain has rows {rows.min()}..{rows.max()}, the pool has {len(pool)} brains.")
    pool.settle(world.backend)
    return pool, np.broadcast_to(rows, (count,)).astype(np.int32)
