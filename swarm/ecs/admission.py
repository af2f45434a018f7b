"""Who may give birth where a population cap leaves no room for all: a draw that depends on ids and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.ecs.table import Table


def admit(world: Any, table: Table, parent: np.ndarray, room: int) -> np.ndarray:
    """The births that are let in, ascending: the lowest of 64-bit priorities keyed by seed, tick, parent and k."""
    count = len(parent)
    first = np.flatnonzero(np.diff(parent, prepend=-1))  # one parent's children stand together
    k = np.arange(count) - np.repeat(first, np.diff(first, append=count))
    keys = table.slots[parent], table.generations[parent], world.tick & 0xFFFFFFFF
    if len(first) == count:  # one child each, the common case
        draw = world.backend.twin("swarm.backend.rng").words
        high, low = draw(world.seed, *keys, rng.stream("priority"), 2).T
    else:
        high, low = (_value(world.seed, keys, 2 * k + half) for half in (0, 1))
    priority = high.astype(np.uint64) << np.uint64(32) | low
    return np.sort(np.argpartition(priority, room - 1)[:room]) if room else np.empty(0, np.int64)


def _value(seed: int, keys: tuple[Any, ...], p: np.ndarray) -> np.ndarray:
    """Value number p [K] of each entity's stream "priority", u32 [K]: what `rng.words` holds there, and no more."""
    counter = np.uint32(rng.stream("priority") << rng.DRAW_BITS) + (p // 64 * 16 + p % 16).astype(np.uint32)
    slots, generations, tick = keys
    return np.choose(p // 16 % 4, rng.philox(slots, generations, tick, counter, *rng.key(seed)))
