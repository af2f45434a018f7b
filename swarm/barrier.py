"""The barrier: the moment between two ticks when births and deaths are applied, once, in one order.

1. Births, sorted by (parent id, k), k counting one parent's children in the order they were asked for, read the rows
   as the systems left them: a parent that dies in this tick still gives birth. Children get the lowest free slots.
2. Deaths. Killed twice is dead once.
3. Children move into the holes, then the last living rows do; what is left over is appended. Arrays that are too
   short are doubled first. A table's cap refuses births by priorities keyed by seed, tick, parent id and k.
4. The slots of the dead become free, for the next tick.

Which id a child gets and whether it is refused depends only on ids, so permuted rows change nothing that is keyed by
ids. Rows are given out so that no row is overwritten before its last reader: a dying parent's row is a hole that its
own last child (its heir) fills, after the other children have read it. Second parents give nothing but half a brain:
those whose row a child takes have their brain copied aside before any child is made.

    parent, child, src, dst [K] i32      read         row numbers; no row is in src and in dst
    words [capacity][k] u32 or u8        read|write   every column, row by row
    slots, generations, parents, born    read|write   the table's identity columns

Bytes: see `cost`.
Copies run column by column inside a chunk of children, so that neighbours write neighbouring holes. The last functions
are the kernels: NumPy here, numba in `barrier_cpu.py`. On CUDA all of it is `barrier_cuda.py`, equal to the integer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.admission import let_in
from swarm.ecs.ids import SLOT_BYTES
from swarm.ecs.memory import Scratch
from swarm.ecs.table import IDENTITY, Block, Table, part
from swarm.spawn import arrive

if TYPE_CHECKING:
    from swarm.world import World


class Plan(NamedTuple):
    """What the barrier will do to one table."""

    parent: np.ndarray  # [K] i32, the parents' rows, sorted by (parent id, k)
    slot: np.ndarray  # [K] u32, their slots
    asked: np.ndarray  # [K] i32, the children's places among all that were queued
    dead: np.ndarray  # [D] i32, rows, ascending
    freed: np.ndarray  # [D] u32, their slots
    after: int  # rows that live behind the barrier
    other: np.ndarray | None = None  # [K] i32, the second parents' rows, -1 = none; None: nobody has one
    units: np.ndarray | None = None  # [K] bool, whole units of the brain come from one parent


def barrier(world: World) -> None:
    """Apply what the systems queued in this tick to all tables. Raises `CapacityError` before anything has changed."""
    kernels = world.backend.twin("swarm.barrier")
    plans = [(table, _plan(world, table, kernels)) for table in world.tables.values()]
    for table, plan in plans:
        needed = plan.after + sum(len(a.slots) for a in table.arrivals), _aside(table, plan)[1]
        table.reserve(max(needed), f"barrier of tick {world.tick}")
    why = f"the barrier of tick {world.tick}"
    for table, plan in plans:
        if len(plan.parent) or len(plan.dead):
            _apply(world, table, plan, kernels)
            table.resize(plan.after, why)
        else:
            table.expire(why)
        for arrival in table.arrivals:
            arrive(world, table, arrival, world.tick, why)
        table.discard()
    for _, plan in plans:
        world.ids.release(plan.freed, world.tick_of(plan.freed))


# ---------------------------------------------------------------------- planning


def _plan(world: World, table: Table, kernels: Any) -> Plan:
    scratch = table.scratch
    dead = scratch.array("dead", table.n if table.deaths else 0, np.int32)
    if table.deaths:
        dead = dead[: table.registry.kernels.where(table.dying, dead)]
    freed = np.take(table.slots, dead, out=scratch.array("freed", len(dead), np.uint32), mode="clip")
    requests = [birth.rows for birth in table.births]
    rows = requests[0] if len(requests) == 1 else np.concatenate(requests or [np.empty(0, np.int32)])
    asked, parent = (scratch.array(name, len(rows), np.int32) for name in ("asked", "parent"))
    slot = scratch.array("slot", len(rows), np.uint32)
    kernels.by_slot(table.slots, rows, asked, slot, scratch)
    np.take(rows, asked, out=parent, mode="clip")
    chosen = let_in(world, table, parent, table.population - table.tally(dead))
    if chosen is not None:
        asked, parent, slot = asked[chosen], parent[chosen], slot[chosen]
    plan = Plan(parent, slot, asked, dead, freed, table.n - len(dead) + len(parent))
    if all(birth.other is None for birth in table.births):
        return plan
    other = [np.full(len(b.rows), -1, np.int32) if b.other is None else b.other for b in table.births]
    units = [np.full(len(b.rows), b.units) for b in table.births]
    return plan._replace(other=np.concatenate(other)[asked], units=np.concatenate(units)[asked])


def _aside(table: Table, plan: Plan) -> tuple[np.ndarray, int]:
    """The dying second parents, ascending, whose brains are copied to the end of the rows; rows that takes, or 0."""
    if plan.other is None or table.own_brains is None:
        return np.empty(0, np.int32), 0
    rows = np.unique(plan.other[plan.other >= 0])
    rows = rows[table.dying[rows] & (rows < plan.after)]
    return rows, max(table.n, plan.after) + len(rows)


# ---------------------------------------------------------------------- doing


def _apply(world: World, table: Table, plan: Plan, kernels: Any) -> None:
    ids, storage = world.ids, table.storage
    births, deaths = len(plan.parent), len(plan.dead)
    child, src, dst, heirs = (
        table.scratch.array(name, count, np.int32)
        for name, count in (("child", births), ("src", births + deaths), ("dst", births + deaths), ("heirs", births))
    )
    aside, _ = _aside(table, plan)
    copied, inherited = kernels.places(table.n, plan.dead, plan.parent, table.dying, child, src, dst, heirs)
    src, dst, heirs = src[:copied], dst[:copied], heirs[:inherited]
    born = births - inherited  # src and dst hold these children first, then the living that move
    slots = table.scratch.array("slots", births, np.uint32)
    ids.take(births, slots) if ids.worlds == 1 else ids.deal(plan.slot, slots)
    if table.own_brains is not None:
        _brains(world, table, plan, aside, child, src[born:], dst[born:], heirs, slots)
    kernels.settle(table.blocks(), src, dst, born, child)
    _override(table, plan, child)
    identity = tuple(storage[key] for key in IDENTITY)
    registry = (ids.generation, ids.table, ids.row)
    kernels.enroll(child, slots, plan.slot, dst[born:], world.tick_of(slots), table.index, identity, registry)
    storage["dying"][: max(table.n, plan.after)] = False
    table.deaths = False
    table.born_total = table.born_total + ids.tally(slots)
    table.died_total = table.died_total + ids.tally(plan.freed)


def remove(world: World, table: Table, dead: np.ndarray, why: str) -> None:
    """Take the rows `dead` [D] i32, ascending, out of the table between two ticks; the last living fill the holes.

    Their slots are left to the caller, and nobody is counted as dead.
    """
    kernels, nobody = world.backend.twin("swarm.barrier"), np.empty(0, np.int32)
    src, dst = (table.scratch.array(name, len(dead), np.int32) for name in ("src", "dst"))
    table.dying[dead] = True
    moved, _ = kernels.places(table.n, dead, nobody, table.dying, nobody, src, dst, nobody)
    src, dst = src[:moved], dst[:moved]
    if table.own_brains is not None and moved:
        table.own_brains.move(src, dst)
    kernels.settle(table.blocks(), src, dst, 0, nobody)
    world.ids.row[table.storage["slots"][dst]] = dst
    table.storage["dying"][: table.n] = False
    table.resize(table.n - len(dead), why)


def _brains(
    world: World, table: Table, plan: Plan, aside: Any, child: Any, src: Any, dst: Any, heirs: Any, slots: Any
) -> None:
    """Copy, cross and mutate the children's brains, heirs last and in place; then the living that move take theirs
    along."""
    pool, generations = table.own_brains, world.ids.generation[slots]
    first = np.ones(len(child), np.bool_)
    first[heirs] = False
    second = plan.other
    if len(aside) and second is not None:
        copies = np.arange(len(aside), dtype=np.int32) + max(table.n, plan.after)
        pool.inherit(aside, copies)
        at = np.minimum(np.searchsorted(aside, second), len(aside) - 1)
        second = np.where(aside[at] == second, copies[at], second)
    for which in (np.flatnonzero(first), heirs):
        for units, some in _kinds(plan, which):
            keys = (slots[some], generations[some], world.ticks, world.seeds)
            if units is None or second is None:
                pool.inherit(plan.parent[some], child[some], *keys, table.mutation)
            else:
                pool.cross(plan.parent[some], second[some], child[some], *keys, units, table.mutation)
    if len(src):
        pool.move(src, dst)


def _kinds(plan: Plan, which: np.ndarray) -> Iterator[tuple[bool | None, np.ndarray]]:
    """Those of the children `which` that have one parent (None), and two, crossed by parameters and by units."""
    if plan.other is None or plan.units is None:
        parts: list[tuple[bool | None, np.ndarray]] = [(None, which)]
    else:
        two, units = plan.other[which] >= 0, plan.units[which]
        parts = [(None, which[~two]), (False, which[two & ~units]), (True, which[two & units])]
    return ((kind, some) for kind, some in parts if len(some))


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


def cost(row_bytes: int, brain_bytes: int, births: int, deaths: int) -> tuple[int, int]:
    """Bytes moved and flops of one barrier: a child's row is read and written, a hole is filled by the next one."""
    return births * (2 * (row_bytes + brain_bytes) + SLOT_BYTES) + deaths * SLOT_BYTES, 0


# ---------------------------------------------------------------------- kernels


def by_slot(slots: np.ndarray, rows: np.ndarray, order: np.ndarray, sorted: np.ndarray, scratch: Scratch) -> None:
    """Fill `order` [K] i32 with what sorts `rows` [K] i32 by slot, equal ones as they come; `sorted` gets the slots."""
    order[:] = np.argsort(slots[rows], kind="stable")
    sorted[:] = slots[rows[order]]


def places(
    n: int,
    dead: np.ndarray,
    parent: np.ndarray,
    dying: np.ndarray,
    child: np.ndarray,
    src: np.ndarray,
    dst: np.ndarray,
    heirs: np.ndarray,
) -> tuple[int, int]:
    """Where everybody goes: fills `child` [K] i32 with the children's rows and clears `dying` where a heir steps in.

    Fills src, dst (rows to copy: the children that are no heirs, then the living beyond the new end) and heirs (which
    children take their dying parent's own row), all i32; returns how many there are of each.
    """
    after = n + len(parent) - len(dead)
    last = np.ones(len(parent), np.bool_)
    last[:-1] = parent[1:] != parent[:-1]
    heir = last & dying[parent] & (parent < after)
    child[heir] = parent[heir]
    dying[parent[heir]] = False
    holes = dead[(dead < after) & dying[dead]]
    free = np.concatenate([holes, np.arange(n, after, dtype=np.int32)])
    moving = np.concatenate([parent[~heir], np.flatnonzero(~dying[after:n]) + after])
    child[~heir] = free[: np.count_nonzero(~heir)]
    src[: len(moving)], dst[: len(free)] = moving, free
    inherited = np.flatnonzero(heir)
    heirs[: len(inherited)] = inherited
    return len(free), len(inherited)


def settle(blocks: list[Block], src: np.ndarray, dst: np.ndarray, born: int, child: np.ndarray) -> None:
    """Fill the rows of children and movers, column by column; src, dst, child as `places` made them.

    The first `born` of src and dst are children: they copy their parent, or take the default where the block has one.
    """
    for block in blocks:
        if block.default is not None:
            block.words[child] = block.default
        start = 0 if block.inherits else born
        block.words[dst[start:]] = block.words[src[start:]]


def enroll(
    child: np.ndarray,
    slot: np.ndarray,
    parent_slot: np.ndarray,
    moved: np.ndarray,
    tick: Any,
    table: int,
    identity: tuple[np.ndarray, ...],
    registry: tuple[np.ndarray, ...],
) -> None:
    """Write who lives where: child [K] i32 rows with slot and parent_slot [K] u32; moved [M] i32 rows of movers.

    tick: when, a number or i64 [K].

    identity: the table's slots, generations, parents, born; registry: generation, table and row of all slots.
    """
    slots, generations, parents, born = identity
    generation, tables, row = registry
    slots[child] = slot
    generations[child] = generation[slot]
    parents[child] = parent_slot.astype(np.uint64) << np.uint64(32) | generation[parent_slot]
    born[child] = tick
    tables[slot] = table
    row[slot] = child
    row[slots[moved]] = moved
