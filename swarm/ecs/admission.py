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
    keys = (world.seed, table.slots[parent], table.generations[parent], world.tick)
    words = rng.words(*keys, rng.stream("priority"), 2 * (int(k.max()) + 1))
    high, low = words[np.arange(count), 2 * k], words[np.arange(count), 2 * k + 1]
    priority = high.astype(np.uint64) << np.uint64(32) | low
    return np.sort(np.argsort(priority, kind="stable")[:room])
