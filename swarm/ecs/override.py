"""override: drive an agent. What it does is given from outside, instead of what its brain, or a rule, decides.

Who is driven, and what they do, is state: it is saved and hashed with the world and ends with the agent's death. It
lies in the world's resources, and only while anybody is driven:

    overrides          [K] u64          ids, ascending
    overridden actions [K][A] float32   A: the most actions of any mind that is driven, unused ones 0

Behind each system that writes a mind's actions, be it `think` or a rule of the user's own, the world writes the given
ones over them; brains and memory go on as ever. Every call is kept in a log as
well, which is saved but not hashed, so that a run can be made again from its scene, seed and log: see `replay`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import NonFiniteError, SaveError, ScheduleError, SchemaError, SettingsError

if TYPE_CHECKING:
    from swarm.ecs.table import Table
    from swarm.world import World

IDS, ACTIONS = "overrides", "overridden actions"  # in world.resources
_LOG = "override log"  # in a file


class Override(NamedTuple):
    """One call of `world.override`, made between two ticks."""

    tick: int  # the next tick then: the first one that it changes
    id: int
    actions: tuple[float, ...] | None  # None: given back to the brain


def set(world: World, table: Table, id: int, actions: Any) -> Override:
    """Drive a living entity of `table` from the next tick on; None gives it back. See `World.override`."""
    if world.stepping:
        raise ScheduleError(
            f"override of entity {int(id)}: tick {world.tick} is under way. Call it between ticks; a system writes the "
            "column behind think instead: agents[Mind].actions[rows] = ..."
        )
    if world.worlds > 1:
        raise SettingsError(
            f"override of entity {int(id)}: these are {world.worlds} worlds in one. Drive it in a world of its own, "
            "world.apart(k), or write the column behind think in a system."
        )
    mind = mind_of(table)
    if mind is None:
        raise SchemaError(
            f"override: entity {int(id)} of table '{table.name}' has no mind, so it has no actions. Write the columns "
            "that its systems read: world.write(Body.vel, id, value)."
        )
    names = mind.output_labels[: mind.outputs - mind.remembers]
    values = None if actions is None else _checked(world, id, names, actions)
    ids, given = driven(world)
    keep = ids != np.uint64(id)
    ids, given = ids[keep], given[keep]
    if values is not None:
        wide = max(given.shape[1], len(values))
        given = np.pad(given, ((0, 0), (0, wide - given.shape[1])))
        at = int(np.searchsorted(ids, np.uint64(id)))
        ids, given = np.insert(ids, at, np.uint64(id)), np.insert(given, at, np.pad(values, (0, wide - len(values))), 0)
    _keep(world, ids, given)
    return Override(world.tick, int(id), None if values is None else tuple(values.tolist()))


def any_driven(world: World) -> bool:
    """Whether somebody is driven."""
    return IDS in world.resources


def driven(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Who is driven and what they do, on the host: ids u64 [K], ascending, and actions float32 [K, A]."""
    if not any_driven(world):
        return np.empty(0, np.uint64), np.empty((0, 0), np.float32)
    return tuple(world.backend.host(world.resources[name]) for name in (IDS, ACTIONS))  # type: ignore[return-value]


def mind_of(table: Table) -> Any:
    """The mind that the entities of a table have, the one that fits its brains where there are several, or None."""
    minds: list[Any] = [component for component in table.components if hasattr(component, "inputs_")]
    widths = None if table.brains is None else (table.brains.inputs, table.brains.outputs)
    return next((m for m in minds if (m.inputs, m.outputs) == widths), minds[0] if minds else None)


def follows(world: World, system: Any) -> bool:
    """Whether actions are to be written behind this system."""
    return any_driven(world) and any(_acts(system, mind_of(table)) for table in world.tables.values())


def behind(world: World, system: Any) -> None:
    """Write the given actions behind a system that has written, or may have written, those of a mind."""
    for table in world.tables.values():
        mind = mind_of(table)
        if table.n and _acts(system, mind):
            _apply(world, mind, table)


def _acts(system: Any, mind: Any) -> bool:
    """Whether a system says that it writes the actions of `mind`, or says nothing."""
    writes = getattr(system, "writes", None)
    if mind is None or writes is None:
        return mind is not None
    return any(isinstance(column, Column) and column.overlaps(mind.actions) for column in writes)


def _apply(world: World, mind: Any, table: Table) -> None:
    bring, ids = world.backend.array, world.ids
    who, given = driven(world)
    slots = bring((who >> np.uint64(32)).astype(np.int64))
    mine = np.flatnonzero(world.backend.host(ids.table[slots]) == table.index)
    if len(mine):
        actions = table.column(mind.actions)
        rows = ids.row[slots[bring(mine)]]
        actions[rows] = bring(np.ascontiguousarray(given[mine, : actions.shape[1]]))


def prune(world: World) -> None:
    """Forget those that have died."""
    who, given = driven(world)
    ids, host = world.ids, world.backend.host
    slots = world.backend.array((who >> np.uint64(32)).astype(np.int64))
    lives = (host(ids.generation[slots]) == who.astype(np.uint32)) & (host(ids.table[slots]) >= 0)
    if not lives.all():
        _keep(world, who[lives], given[lives])


def replay(world: World, log: Iterable[Override], ticks: int) -> World:
    """Run `world` to tick `ticks` and make the calls of `log`, another run's `world.overrides`, when they were made.

    With the scene, settings and seed of that run it ends with the same hash. Returns the world. Raises `SettingsError`
    for a call that lies before the world's tick or behind `ticks`, `DeadError` for an entity that is not there.
    """
    calls = [Override(*call) for call in log]
    for call in calls:
        if not world.tick <= call.tick <= ticks:
            raise SettingsError(
                f"replay: the override of entity {call.id} was made at tick {call.tick}, the replay runs from tick "
                f"{world.tick} to {ticks}. Begin with the world as it was built, and give the other run's tick."
            )
    for call in [*calls, None]:
        while world.tick < (ticks if call is None else call.tick):
            world.step()
        if call is not None:
            world.override(call.id, call.actions)
    return world


# ---------------------------------------------------------------------- the log in a file


def pack(log: list[Override]) -> dict[str, np.ndarray]:
    """The log as arrays; none for an empty one."""
    if not log:
        return {}
    widths = np.array([-1 if call.actions is None else len(call.actions) for call in log], np.int32)
    return {
        f"{_LOG}/tick": np.array([call.tick for call in log], np.int64),
        f"{_LOG}/id": np.array([call.id for call in log], np.uint64),
        f"{_LOG}/width": widths,
        f"{_LOG}/actions": np.array([a for call in log for a in call.actions or ()], np.float32),
    }


def unpack(arrays: dict[str, np.ndarray]) -> list[Override]:
    """The log in a file's arrays. Raises `SaveError`."""
    parts = [arrays.get(f"{_LOG}/{name}") for name in ("tick", "id", "width", "actions")]
    if all(part is None for part in parts):
        return []
    if any(part is None for part in parts):
        raise SaveError("its log of overrides is not whole. Take another copy of the file, or save the world again.")
    tick, id, width, actions = (part.tolist() for part in parts)  # type: ignore[union-attr]
    ends = np.cumsum(np.maximum(width, 0)).tolist()
    values = [None if w < 0 else tuple(actions[end - w : end]) for w, end in zip(width, ends)]
    return [Override(*call) for call in zip(tick, id, values)]


# ---------------------------------------------------------------------- inside


def _checked(world: World, id: int, names: tuple[str, ...], actions: Any) -> np.ndarray:
    try:
        values = np.array(world.backend.host(actions), np.float32)
    except (TypeError, ValueError):
        values = np.empty((0, 0), np.float32)
    where = f"override of entity {int(id)}"
    if values.shape != (len(names),):
        raise SchemaError(
            f"{where}: actions of shape {np.shape(actions)}, its mind has {len(names)}: {', '.join(names)}. Give one "
            "number for each, or None to let its brain act."
        )
    if not np.isfinite(values).all():
        name = names[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise NonFiniteError(f"{where}: '{name}' is not finite in {values.tolist()}. Actions are finite numbers.")
    return values


def _keep(world: World, ids: np.ndarray, actions: np.ndarray) -> None:
    if len(ids):
        world.resources[IDS], world.resources[ACTIONS] = ids, actions
    else:
        world.resources.pop(IDS, None)
        world.resources.pop(ACTIONS, None)
