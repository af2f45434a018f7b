"""Who is who in a mixed pool: brain k of the whole is row `row[k]` of pool `group[k]`, and back.

A group's `positions` are the way back. A brain that leaves makes a hole in its group; `resize` closes the holes, so
that a group's parameters are dense again when the barrier is through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swarm.brain.brains import Brains


class Members:
    """The book of a mixed pool.

    pools: one equal pool per architecture. group [capacity] int32: the pool of each brain, -1 = no brain here.
    row [capacity] int64: its row there.
    """

    def __init__(self, pools: list[Brains], positions: Sequence[Any]) -> None:
        count = sum(map(len, pools))
        self.pools = pools
        self.group = np.full(count, -1, np.int32)
        self.row = np.zeros(count, np.int64)
        for g, (pool, at) in enumerate(zip(pools, positions)):
            pool._positions = np.array(at, np.int64)
            self.group[pool._positions] = g
            self.row[pool._positions] = np.arange(len(pool))

    def grow(self, capacity: int) -> None:
        """Room for `capacity` brains; the new places are empty."""
        more = capacity - len(self.group)
        if more > 0:
            self.group = np.concatenate([self.group, np.full(more, -1, np.int32)])
            self.row = np.concatenate([self.row, np.zeros(more, np.int64)])

    def by_group(self, at: np.ndarray) -> list[tuple[Brains, np.ndarray, np.ndarray]]:
        """(pool, which of the places `at` are in it, their rows there) for every pool that has some."""
        groups = self.group[at]
        found = [(pool, np.flatnonzero(groups == g)) for g, pool in enumerate(self.pools)]
        return [(pool, mine, self.row[at[mine]]) for pool, mine in found if len(mine)]

    def leave(self, at: np.ndarray) -> None:
        """The brains at these places leave their groups; their rows become holes."""
        at = at[self.group[at] >= 0]
        for pool, _, rows in self.by_group(at):
            pool.positions[rows] = -1
        self.group[at] = -1

    def join(self, g: int, at: np.ndarray) -> None:
        """Empty places get new rows at the end of pool g, which doubles when it is full."""
        pool = self.pools[g]
        first, n = pool.n, pool.n + len(at)
        if n > pool.capacity:
            pool.grow(max(n, 2 * pool.capacity))
        held = pool.positions
        if pool._positions is None or len(pool._positions) < n:
            pool._positions = np.empty(pool.capacity, np.int64)
            pool._positions[:first] = held
        pool._positions[first:n] = at
        pool.n = n
        self.group[at], self.row[at] = g, np.arange(first, n)

    def move(self, source: np.ndarray, target: np.ndarray) -> None:
        """Brains change places; those at `target` leave. No parameters move."""
        self.leave(target)
        self.group[target], self.row[target] = self.group[source], self.row[source]
        self.group[source] = -1
        for pool, mine, rows in self.by_group(target):
            pool.positions[rows] = target[mine]

    def permute(self, order: np.ndarray) -> None:
        """Place i gets the brain of place order[i]."""
        n = len(order)
        self.group[:n], self.row[:n] = self.group[order], self.row[order]
        for pool, mine, rows in self.by_group(np.arange(n)):
            pool.positions[rows] = mine

    def resize(self, n: int) -> None:
        """Brains from place n on leave, and the last rows of every group fill its holes, lowest first."""
        self.leave(np.arange(n, len(self.group)))
        for pool in self.pools:
            held = pool.positions
            count = int((held >= 0).sum())
            if count < len(held):
                holes, last = np.flatnonzero(held[:count] < 0), count + np.flatnonzero(held[count:] >= 0)
                pool.move(last, holes)
                held[holes] = held[last]
                self.row[held[holes]] = holes
                pool.n = count
