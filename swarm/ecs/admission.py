"""Who may give birth where a population cap leaves no room for all: a draw that depends on ids and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.ecs.table import Table


def let_in(world: Any, table: Table, parent: np.ndarray, others: Any) -> np.ndarray | None:
    """Places in `parent` [K], the parents' rows, of the births that the table's cap lets in, ascending; None is all.

    others: how many will live beside the children, a number or one per world. Those refused are counted.
    """
    if table.cap is None:
        return None
    asked, room = table.tally(parent), np.maximum(0, table.cap - others)
    if np.all(asked <= room):
        return None
    table.refused_total = table.refused_total + np.maximum(0, asked - room)
    return admit(world, table, parent, room) if table.registry.worlds == 1 else _admit_each(world, table, parent, room)


def _admit_each(world: Any, table: Table, parent: np.ndarray, room: np.ndarray) -> np.ndarray:
    """As `admit`, with room [W] in every world by itself."""
    of = table.worlds[parent]
    let = np.bincount(of, minlength=len(room))[of] <= room[of]
    contested = np.flatnonzero(~let)
    contested = contested[room[of[contested]] > 0]
    if len(contested):
        lowest = world.backend.twin("swarm.ecs.admission").lowest
        let[contested] = lowest(of[contested], priorities(world, table, parent[contested]), room)
    return np.flatnonzero(let)


def admit(world: Any, table: Table, parent: np.ndarray, room: int) -> np.ndarray:
    """The births that are let in, ascending: the lowest of 64-bit priorities keyed by seed, tick, parent and k."""
    if not room:
        return np.empty(0, np.int64)
    return np.sort(np.argpartition(priorities(world, table, parent), room - 1)[:room])


def priorities(world: Any, table: Table, parent: np.ndarray) -> np.ndarray:
    """u64 [K] of the births by the rows `parent` [K]; one parent's children stand together."""
    count = len(parent)
    first = np.flatnonzero(np.diff(parent, prepend=-1))
    k = np.arange(count) - np.repeat(first, np.diff(first, append=count))
    keys = table.slots[parent], table.generations[parent], world.ticks
    if len(first) == count:  # one child each, the common case
        draw = world.backend.twin("swarm.backend.rng").words
        high, low = draw(world.seeds, *keys, rng.stream("priority"), 2).T
    else:
        high, low = (_value(world.seeds, *keys, 2 * k + half) for half in (0, 1))
    return high.astype(np.uint64) << np.uint64(32) | low


def _value(seed: Any, slots: np.ndarray, generations: np.ndarray, tick: Any, p: np.ndarray) -> np.ndarray:
    """Value number p [K] of each entity's stream "priority", u32 [K]: what `rng.words` holds there, and no more."""
    counter = np.uint32(rng.stream("priority") << rng.DRAW_BITS) + (p // 64 * 16 + p % 16).astype(np.uint32)
    local, when, *halves = rng.named(seed, slots, tick)
    return np.choose(p // 16 % 4, rng.philox(local, generations, when, counter, *halves))


# --- kernels: the reference; admission_cpu.py has the twin ------------------------------------------------------------


def lowest(world: np.ndarray, priority: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Which are the lowest of their world, bool [K]: room i64 [W] of those with world i32 [K], priority u64 [K]."""
    turns, counts = np.lexsort((priority, world)), np.bincount(world, minlength=len(room))
    first = np.cumsum(counts) - counts
    found = np.empty(len(world), np.bool_)
    found[turns] = np.arange(len(world)) - first[world[turns]] < room[world[turns]]
    return found
