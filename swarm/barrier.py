"""The barrier: the moment between two ticks when births and deaths are applied, once, in one order.

1. Births, sorted by (parent id, k), k counting one parent's children in the order they were asked for, read the rows
   as the systems left them: a parent that dies in this tick still gives birth. Children get the lowest free slots.
2. Deaths. Killed twice is dead once.
3. Children move into the holes, then the last living rows do; what is left over is appended. Arrays that are too
   short are doubled first. A table's cap refuses births by priorities keyed by seed, tick, parent id and k.
4. The slots of the dead become free, for the next tick.

Which id a child gets and whether it is refused depends only on ids, so permuted rows change nothing that is keyed by
ids. Rows are given out so that no row is overwritten before its last reader: a dying parent's row is a hole that its
own last child (its heir) fills, after the other children have read it.

    slots [n] u32, dying [n] bool                        read     in row order
    parent, child, src, dst [K] i32                      read     row numbers; src and dst never meet
    words [capacity][k] u32 or u8                        read|write   one column, row by row

Bytes per birth: twice the columns, 24 of identity, 21 of the slot, twice the brain's row; per death 21 of the slot.
The last functions are the kernels: NumPy here, numba in `barrier_cpu.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.backend import rng
from swarm.ecs.ids import join
from swarm.ecs.memory import words
from swarm.ecs.table import IDENTITY, Table, part
from swarm.spawn import arrive

if TYPE_CHECKING:
    from swarm.world import World


class Plan(NamedTuple):
    """What the barrier will do to one table."""

    parent: np.ndarray  # [K] i32, the parents' rows, sorted by (parent id, k)
    asked: np.ndarray  # [K] i32, the children's places among all that were queued
    dead: np.ndarray  # [D] i32, ascending
    after: int  # rows that live behind the barrier


def barrier(world: World) -> None:
    """Apply what the systems queued in this tick to all tables. Raises `CapacityError` before anything has changed."""
    kernels = world.backend.twin("swarm.barrier")
    plans = [(table, _plan(world, table, kernels)) for table in world.tables.values()]
    for table, plan in plans:
        table.reserve(plan.after + sum(len(a.slots) for a in table.arrivals), f"barrier of tick {world.tick}")
    why = f"the barrier of tick {world.tick}"
    freed = []
    for table, plan in plans:
        if len(plan.parent) or len(plan.dead):
            freed.append(table.slots[plan.dead])
            _apply(world, table, plan, kernels)
            table.resize(plan.after, why)
        else:
            table.expire(why)
        for arrival in table.arrivals:
            arrive(world, table, arrival, why)
        table.discard()
    for slots in freed:
        world.ids.release(slots, world.tick)


# ---------------------------------------------------------------------- planning


def _plan(world: World, table: Table, kernels: Any) -> Plan:
    none = np.empty(0, np.int32)
    dead = kernels.rows_where(table.dying) if table.deaths else none
    if not table.births:
        return Plan(none, none, dead, table.n - len(dead))
    requests = [birth.rows for birth in table.births]
    rows = requests[0] if len(requests) == 1 else np.concatenate(requests)
    asked = np.empty(len(rows), np.int32)
    kernels.by_slot(table.slots, rows, asked)
    parent = rows[asked]
    if table.cap is not None and table.n - len(dead) + len(rows) > table.cap:
        chosen = _admit(world, table, parent, max(0, table.cap - table.n + len(dead)))
        table.refused_total += len(rows) - len(chosen)
        asked, parent = asked[chosen], parent[chosen]
    return Plan(parent, asked, dead, table.n - len(dead) + len(parent))


def _admit(world: World, table: Table, parent: np.ndarray, room: int) -> np.ndarray:
    """The births that are let in, ascending: the lowest of 64-bit priorities keyed by seed, tick, parent and k."""
    count = len(parent)
    first = np.flatnonzero(np.diff(parent, prepend=-1))
    k = np.arange(count) - np.repeat(first, np.diff(first, append=count))
    keys = (world.seed, table.slots[parent], table.generations[parent], world.tick)
    words = rng.words(*keys, rng.stream("priority"), 2 * (int(k.max()) + 1))
    high, low = words[np.arange(count), 2 * k], words[np.arange(count), 2 * k + 1]
    priority = high.astype(np.uint64) << np.uint64(32) | low
    return np.sort(np.argsort(priority, kind="stable")[:room])


# ---------------------------------------------------------------------- doing


def _apply(world: World, table: Table, plan: Plan, kernels: Any) -> None:
    ids, storage = world.ids, table.storage
    parents = join(table.slots[plan.parent], table.generations[plan.parent])
    child = np.empty(len(plan.parent), np.int32)
    src, dst, heirs = kernels.places(table.n, plan.dead, plan.parent, table.dying, child)
    born = len(plan.parent) - len(heirs)  # src and dst hold these children first, then the living that move
    slots = ids.take(len(child))
    generations = ids.generation[slots]
    if table.own_brains is not None:
        _brains(world, table, plan, child, src[born:], dst[born:], heirs, slots, generations)
    columns = [c for k in table.components for c in k.columns if c.parent is None]
    for column in columns:
        start = born if column.resets else 0
        kernels.copy(words(storage[column]), src[start:], dst[start:])
        if column.resets and len(child):
            storage[column][child] = column.default
    if table.shared:
        kernels.copy(words(storage["brain"]), src, dst)
    _override(table, plan, child)
    identity = tuple(storage[key] for key in IDENTITY)
    for array in identity:
        kernels.copy(words(array), src[born:], dst[born:])
    kernels.enroll(child, slots, generations, parents, world.tick, identity)
    ids.enter(slots, table.index, child)
    ids.row[storage["slots"][dst[born:]]] = dst[born:]
    storage["dying"][plan.dead] = False
    storage["dying"][table.n : plan.after] = False
    table.born_total += len(child)
    table.died_total += len(plan.dead)
    table.deaths = False


def _brains(
    world: World, table: Table, plan: Plan, child: Any, src: Any, dst: Any, heirs: Any, slots: Any, generations: Any
) -> None:
    """Copy and mutate the children's brains, heirs last and in place; then the living that move take theirs along."""
    first = np.ones(len(child), np.bool_)
    first[heirs] = False
    for which in (np.flatnonzero(first), heirs):
        if len(which):
            keys = (slots[which], generations[which], world.tick, world.seed)
            table.own_brains.inherit(plan.parent[which], child[which], *keys, table.mutation)
    if len(src):
        table.own_brains.move(src, dst)


def _override(table: Table, plan: Plan, child: np.ndarray) -> None:
    """Write the values that `Agents.birth` was given over the parents'."""
    start = 0
    for birth in table.births:
        stop = start + len(birth.rows)
        if birth.values:
            whole = len(table.births) == 1
            mine = slice(None) if whole else np.flatnonzero((plan.asked >= start) & (plan.asked < stop))
            for column, value in birth.values.items():
                target = part(table.storage[column.root], column)
                each = value.ndim > len(column.shape)
                target[child[mine]] = value[plan.asked[mine] - start] if each else value
        start = stop


# ---------------------------------------------------------------------- kernels


def rows_where(flags: np.ndarray) -> np.ndarray:
    """The rows [D] i32 whose flag is set, ascending; flags [n] bool."""
    return np.flatnonzero(flags).astype(np.int32)


def by_slot(slots: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` [K] i32 with the order that sorts `rows` [K] i32 by their slots; equal ones keep their order."""
    out[:] = np.argsort(slots[rows], kind="stable")


def places(
    n: int, dead: np.ndarray, parent: np.ndarray, dying: np.ndarray, child: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where everybody goes: fills `child` [K] i32 with the children's rows and clears `dying` where a heir steps in.

    Returns src, dst (rows to copy: the children that are no heirs, then the living beyond the new end) and heirs (which
    children take their dying parent's own row), all i32.
    """
    after = n + len(parent) - len(dead)
    last = np.ones(len(parent), np.bool_)
    last[:-1] = parent[1:] != parent[:-1]
    is_heir = last & dying[parent] & (parent < after)
    child[is_heir] = parent[is_heir]
    dying[parent[is_heir]] = False
    holes = dead[(dead < after) & dying[dead]]
    free = np.concatenate([holes, np.arange(n, after, dtype=np.int32)])
    movers = np.flatnonzero(~dying[after:n]).astype(np.int32) + np.int32(after)
    src = np.concatenate([parent[~is_heir], movers])
    child[~is_heir] = free[: len(src) - len(movers)]
    return src, free, np.flatnonzero(is_heir).astype(np.int32)


def copy(words: np.ndarray, src: np.ndarray, dst: np.ndarray) -> None:
    """Copy rows of one column; words [capacity, k], src and dst [K] i32, no row in both."""
    words[dst] = words[src]


def enroll(
    child: np.ndarray, slot: np.ndarray, generation: np.ndarray, parent: np.ndarray, tick: int, identity: tuple
) -> None:
    """Write the children's identity: child [K] i32 their rows; slot, generation [K] u32; parent [K] u64 ids.

    identity: the table's slots, generations, parents and born.
    """
    slots, generations, parents, born = identity
    slots[child] = slot
    generations[child] = generation
    parents[child] = parent
    born[child] = tick
