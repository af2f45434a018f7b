"""Many worlds in one: W independent worlds share the arrays of one `World`, so that one launch serves them all.

    world = swarm.scene("foragers", worlds=1024, agents=64, seed=0)      # seeds 0 .. 1023
    world.step();  world.hash(7)                                         # what world 7 has alone
    best = world.score().argmax();  world.reset([0, 5], seeds=[77, 78])

Slot s of the arrays is slot s // W of world s % W, so within a world the order of ids is the order it has alone, and so
are the random draws, the ids of the newborn, and who is turned away under a cap. `table.worlds` says where each row
lives, `world.tick_of(table)` its world's tick; resources have a leading axis W. A world is taken in and out whole:
`join` copies the states of worlds that were built alone, `apart` copies one out, `reset` takes one out and builds it
anew. Rows of all worlds mix as births and deaths come; no state depends on where a row is.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.barrier import remove
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.brain.rows import allocate
from swarm.ecs.follow import Past
from swarm.ecs.ids import Ids
from swarm.ecs.override import IDS
from swarm.ecs.table import Table
from swarm.errors import BackendError, ScheduleError, SettingsError

if TYPE_CHECKING:
    from swarm.world import World

_HALF = np.uint64(32)  # bits of a generation in an id
_FRESH = {"generation": 0, "table": -1, "row": 0, "died": -1, "free": True}  # a slot that was never given out


def join(worlds: Iterable[World], count: int) -> World:
    """One world that holds copies of `count` worlds of the same make, 2 or more. The schedule is the first one's.

    Raises `SettingsError` for worlds that differ in more than their state, `BackendError` for worlds on CUDA.
    """
    if count < 2:
        raise SettingsError(f"join: {count} worlds are none to join. Give 2 or more.")
    joined, kept = None, []
    for k, one in zip(range(count), worlds):
        if joined is None:
            joined = _blank(one, count)
        _need_alike(joined, one, k)
        _plant(joined, k, one)
        kept.append((one.seed, one.tick, dict(one.resources)))
    if joined is None or len(kept) != count:
        raise SettingsError(f"join: {len(kept)} worlds were given, {count} announced.")
    seeds, ticks, resources = zip(*kept)
    joined.several(seeds, ticks)
    for name, first in resources[0].items():
        joined.resources[name] = np.stack([_resource(name, each.get(name), first) for each in resources])
    return joined


def apart(world: World, k: int) -> World:
    """See `World.apart`."""
    if world.worlds == 1:
        alone = _like(world, world.seed, world.tick)
        parts = [np.arange(table.n) for table in world.tables.values()]
    else:
        alone = _like(world, int(world.seeds[k]), int(world.ticks[k]))
        parts = [np.flatnonzero(table.worlds == k) for table in world.tables.values()]
    count, ids = world.worlds, Ids(world.backend)
    mine = {name: getattr(world.ids, name)[k::count] for name in ("generation", "died", "free")}
    ids.used = 1 + int(np.max(np.flatnonzero(mine["generation"]), initial=-1))
    ids.resize(max(64, 1 << max(0, ids.used - 1).bit_length()))
    for name, array in mine.items():
        getattr(ids, name)[: ids.used] = array[: ids.used]
    ids.spare = int(ids.free.sum())
    alone.ids = ids
    for table, rows in zip(world.tables.values(), parts):
        alone.tables[table.name] = _taken(table, k, count, rows, ids)
    alone.resources = {
        name: (value.copy() if hasattr(value, "copy") else value) if count == 1 else value[k].copy()
        for name, value in world.resources.items()
    }
    alone._schedule, alone.profile = world.schedule, type(world.profile)(world.profile.names)
    return alone


def reset(world: World, which: Any, seeds: Any) -> None:
    """See `World.reset`."""
    if world.stepping:
        raise ScheduleError("reset: a tick is under way. Reset worlds between ticks.")
    if world.scene is None:
        raise SettingsError("reset: no scene built this world, so nothing says how. Build it by swarm.scene(...).")
    at = numbers(world, which)
    given = np.atleast_1d(world.seeds)[at] if seeds is None else np.atleast_1d(np.asarray(seeds, np.uint64))
    if given.shape != at.shape:
        raise SettingsError(f"reset: {given.size} seeds for {len(at)} worlds. Give one for each.")
    build = importlib.import_module("swarm.scenes").rebuild
    fresh = []
    for seed in given.tolist():
        settings = {**world.scene["settings"], "seed": seed}
        fresh.append(build({**world.scene, "settings": settings}, backend=world.backend))
    if world.worlds == 1:
        for one in fresh:
            _become(world, one)
        return
    for k, one in zip(at.tolist(), fresh):
        _need_alike(world, one, k)
        for name, value in world.resources.items():
            _resource(name, one.resources.get(name), value[k])
    _clear(world, at)
    world.seeds[at], world._begun[at] = given, world.tick
    for k, one in zip(at.tolist(), fresh):
        _plant(world, k, one)
        for name, value in one.resources.items():
            world.resources[name][k] = value
    world.seed = int(world.seeds[0])
    for grid in world.indices.values():
        grid.tick = -1
    columns, world._past = world._past.columns, Past()
    world._past.columns = columns


def score(world: World) -> np.ndarray:
    """See `World.score`."""
    return importlib.import_module("swarm.scenes").score(world)


def total(world: World, table: Table, values: Any, rows: Any, exact: bool) -> Any:
    """See `World.total`."""
    if values is None:
        return table.population if rows is None else table.tally(np.asarray(rows))
    values, at = np.asarray(values), None if rows is None else np.asarray(rows)
    if at is not None and at.dtype == np.bool_:
        at = np.flatnonzero(at)
    n = table.n if at is None else len(at)
    if values.shape != (n,):
        raise SettingsError(f"total: values are {values.shape}, but there are {n} rows of '{table.name}'. Give [{n}].")
    whole = values.dtype.kind in "biu"
    if not (exact or whole):  # into the order of ids
        order = world.order([table]) if at is None else np.argsort(table.slots[at])
        values, at = values[order], order if at is None else at[order]
    if world.worlds > 1:
        of = table.worlds if at is None else table.worlds[at]
        added = world.backend.twin("swarm.worlds").sums(of, values, world.worlds)
        return added.astype(np.int64) if whole else added
    if whole:
        return int(values.sum(dtype=np.int64))
    return float(values.sum(dtype=np.float64)) if exact else float(sums(np.zeros(n, np.int32), values, 1)[0])


def number(world: World, k: Any, where: str) -> int:
    """`k`, if there is such a world. Raises `SettingsError`."""
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or not 0 <= k < world.worlds:
        raise SettingsError(f"{where}: there is no world {k!r}. Give a number from 0 to {world.worlds - 1}.")
    return int(k)


def numbers(world: World, which: Any) -> np.ndarray:
    """i64 [K], ascending: one number, several, or a mask [W]. Raises `SettingsError`."""
    asked = np.asarray(which)
    if asked.dtype == np.bool_ and asked.shape == (world.worlds,):
        return np.flatnonzero(asked)
    if asked.dtype.kind not in "iu" or asked.ndim > 1 or len(np.unique(asked)) != asked.size:
        raise SettingsError(f"reset: {which!r} names no worlds. Give a number, different numbers, or a mask [W].")
    return np.array([number(world, k, "reset") for k in np.atleast_1d(asked).tolist()], np.int64)


def need_one(world: World, what: str) -> None:
    """Raise `SettingsError` in a world that holds several."""
    if world.worlds > 1:
        raise SettingsError(
            f"{what}: these are {world.worlds} worlds in one, and it would not be known which is meant. Do it in the "
            "scene's build; in a tick let agents give birth."
        )


# --- states in and out ------------------------------------------------------------------------------------------------


def _like(world: World, seed: int, tick: int) -> World:
    """A world with nothing in it, of the same make."""
    made = type(world)(world.size, world.dt, world.backend, seed, max_catch_up=world.max_catch_up)
    made.tick, made.scattered = tick, world.scattered
    if world.scene is not None:
        settings = {**world.scene["settings"], "seed": seed}
        made.scene = {**world.scene, "settings": settings}
    return made


def _blank(first: World, count: int) -> World:
    """What `count` worlds like this one are put into."""
    if first.backend.device is not None:
        raise BackendError("Many worlds run on cpu and reference so far. Give backend='cpu'.")
    joined = _like(first, first.seed, first.tick)
    ids = joined.ids = Ids(first.backend, count)
    ids.resize(max(64, 1 << max(0, first.ids.used - 1).bit_length()) * count)
    for one in first.tables.values():
        table = joined.tables[one.name] = _same(one, ids)
        table.born_total, table.died_total, table.refused_total = np.zeros((3, count), np.int64)
        if one.brains is not None:
            if isinstance(one.brains, MixedBrains):
                raise SettingsError(
                    f"table '{one.name}': brains of several architectures cannot be joined yet. Give it one MLP."
                )
            table.brains = _pool(one.brains, count * one.n if not one.shared else count * len(one.brains))
            table.brains.n = 0 if not one.shared else count * len(one.brains)
        table.reserve(count * one.n, f"{count} worlds")
    joined.schedule = first.schedule
    return joined


def _same(one: Table, ids: Ids) -> Table:
    """A table of the same make without rows."""
    table = Table(one.name, one.index, one.components, ids, shared=one.shared)
    table.mutation, table.cap, table.given = one.mutation, one.cap, set(one.given)
    return table


def _pool(brains: Brains, capacity: int) -> Brains:
    rows = allocate(capacity, brains.layout, brains.backend)
    return Brains.over(brains.mlp, brains.layout, brains.backend, brains.seed, rows, capacity)


def _plant(world: World, k: int, one: World) -> None:
    """Put a copy of the world `one` in as number k, which holds nothing."""
    ids, count, used = world.ids, world.worlds, one.ids.used
    if used * count > len(ids):
        ids.resize(count << (used - 1).bit_length())
    for name in ("generation", "died", "free"):
        getattr(ids, name)[k::count][:used] = getattr(one.ids, name)[:used]
    ids.spare[k] = ids.free[k::count].sum()
    ids.used = max(ids.used, (used - 1) * count + k + 1)
    for table, single in zip(world.tables.values(), one.tables.values()):
        start, stop = table.n, table.n + single.n
        table.reserve(stop, "join")
        for ours, theirs in zip(table.storage.values(), single.storage.values()):
            ours[start:stop] = theirs[: single.n]
        slots = single.slots * np.uint32(count) + np.uint32(k)
        table.storage["slots"][start:stop] = slots
        parents = single.parents
        table.storage["parents"][start:stop] = np.where(
            parents != 0, parents + ((parents >> _HALF) * np.uint64(count - 1) + np.uint64(k) << _HALF), 0
        )
        if table.shared:
            each = len(single.brains)
            table.storage["brain"][start:stop] += np.int32(k * each)
            table.brains.rows[k * each : (k + 1) * each] = single.brains.rows[:each]
        elif table.brains is not None:
            table.brains.rows[start:stop] = single.brains.rows[: single.n]
        ids.enter(slots, table.index, np.arange(start, stop, dtype=np.int32))
        for total in ("born_total", "died_total", "refused_total"):
            getattr(table, total)[k] = getattr(single, total)
        table.resize(stop, "joining worlds")


def _taken(table: Table, k: int, count: int, rows: np.ndarray, ids: Ids) -> Table:
    """A copy of these rows, all of world k of `count`, as a table of that world alone."""
    alone = _same(table, ids)
    alone.reserve(len(rows), "apart")
    for key, array in alone.storage.items():
        array[: len(rows)] = table.storage[key][rows]
    storage = alone.storage
    storage["slots"][: len(rows)] //= np.uint32(count)
    parents = storage["parents"][: len(rows)]
    parents[:] = (parents >> _HALF) // np.uint64(count) << _HALF | parents & np.uint64(0xFFFFFFFF)
    for name in ("born_total", "died_total", "refused_total"):
        setattr(alone, name, int(np.atleast_1d(getattr(table, name))[k]))
    if table.shared:
        each = len(table.brains) // count
        alone.brains = table.brains.clone(slice(k * each, (k + 1) * each))
        storage["brain"][: len(rows)] -= np.int32(k * each)
    elif table.brains is not None:
        alone.brains = table.brains.clone(rows)
    ids.enter(storage["slots"][: len(rows)], table.index, np.arange(len(rows), dtype=np.int32))
    alone.resize(len(rows), "taking worlds apart")
    return alone


def _clear(world: World, at: np.ndarray) -> None:
    """Take out all that is in these worlds."""
    gone = np.zeros(world.worlds, np.bool_)
    gone[at] = True
    for table in world.tables.values():
        remove(world, table, np.flatnonzero(gone[table.worlds]).astype(np.int32), "a reset")
    for name, start in _FRESH.items():
        getattr(world.ids, name).reshape(-1, world.worlds)[:, at] = start
    world.ids.free[: world.worlds] = False


def _become(world: World, one: World) -> None:
    """Take the state of another world of the same make."""
    for table in world.tables.values():
        table.expire("a reset")
    world.ids, world.tables, world.resources = one.ids, one.tables, one.resources
    world.tick, world.seed, world.scattered = one.tick, one.seed, one.scattered
    world.scene, world._overrides = one.scene, one._overrides
    world.schedule = one.schedule
    world.forget()


def _need_alike(world: World, one: World, k: int) -> None:
    """Raise `SettingsError` unless `one` is of the same make as the worlds it joins, and between two ticks."""
    ours, theirs = list(_make(world)), list(_make(one))
    for here, there in zip(ours, theirs):
        if here != there:
            raise SettingsError(
                f"world {k} cannot join the others: {there[0]} is {there[1]}, the first one's {here[0]} {here[1]}. "
                "Only what is in a world may depend on its seed."
            )
    if len(ours) != len(theirs) or any(t.births or t.deaths or t.arrivals for t in one.tables.values()):
        raise SettingsError(f"world {k} cannot join the others: it has other tables, or a tick is under way.")


def _make(world: World) -> Iterator[tuple[str, Any]]:
    """What worlds must have in common to be joined: names and plain values."""
    yield "size", world.size
    yield "tick", world.dt
    for t in world.tables.values():
        yield f"table '{t.name}'", [(c.key, c.dtype.name, c.shape) for m in t.components for c in m.columns]
        yield f"cap of '{t.name}'", t.cap
        yield f"mutation of '{t.name}'", t.mutation
        yield f"brains of '{t.name}'", [] if t.brains is None else [(g.mlp, g.dtype.name) for g in t.brains.groups]


def _resource(name: str, value: Any, first: Any) -> np.ndarray:
    """A resource as an array. Raises `SettingsError` if it is not of the kind of the first world's."""
    array, other = np.asarray(value), np.asarray(first)
    if name == IDS:
        raise SettingsError(
            "An agent is driven by `override`, which is for one world. Give it back to its brain first."
        )
    if value is None:
        raise SettingsError(
            f"resource '{name}' was made by a system: a world that is built anew does not have it. Make it in the "
            "scene's build, a field by Field.of(world)."
        )
    if array.dtype.kind not in "biufc" or array.shape != other.shape or array.dtype != other.dtype:
        raise SettingsError(
            f"resource '{name}' is {array.dtype} {array.shape} in one world, {other.dtype} {other.shape} in another. "
            "Resources of several worlds are numbers or arrays of one shape."
        )
    return array


# --- kernels: the reference; worlds_cpu.py has the twin ---------------------------------------------------------------


def sums(world: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """float64 [count]: the sums of values [N] by world int32 [N], in float64 and in the order given."""
    return np.bincount(world, weights=values, minlength=count)
