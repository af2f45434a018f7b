"""Who is who in a mixed pool: brain k of the whole is row `row[k]` of pool `group[k]`, and back.

A group's `positions` are the way back. A brain that leaves makes a hole in its group; `resize` closes the holes, so
that a group's parameters are dense again when the barrier is through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.brains import Brains
from swarm.errors import SettingsError


class Members:
    """The book of a mixed pool.

    pools: one equal pool per architecture. group [capacity] int32: the pool of each brain, -1 = no brain here.
    row [capacity] int64: its row there. version: steps up with every change. All of it is on the host, wherever the
    parameters are; `Places` is what a device sees of it.
    """

    def __init__(self, pools: list[Brains], positions: Sequence[Any]) -> None:
        count = sum(map(len, pools))
        self.pools = pools
        self.version = 0
        self.group = np.full(count, -1, np.int32)
        self.row = np.zeros(count, np.int64)
        for g, (pool, at) in enumerate(zip(pools, positions)):
            pool._positions = np.array(at, np.int64)
            self.group[pool._positions] = g
            self.row[pool._positions] = np.arange(len(pool))

    def grow(self, capacity: int) -> None:
        """Room for `capacity` brains; the new places are empty."""
        self.version += 1
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
        self.version += 1
        at = at[self.group[at] >= 0]
        for pool, _, rows in self.by_group(at):
            pool.positions[rows] = -1
        self.group[at] = -1

    def join(self, g: int, at: np.ndarray) -> None:
        """Empty places get new rows at the end of pool g, which doubles when it is full."""
        self.version += 1
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
        self.version += 1
        n = len(order)
        self.group[:n], self.row[:n] = self.group[order], self.row[order]
        for pool, mine, rows in self.by_group(np.arange(n)):
            pool.positions[rows] = mine

    def resize(self, n: int) -> None:
        """Brains from place n on leave, and their rows are closed."""
        self.leave(np.arange(n, len(self.group)))
        self.close()

    def close(self) -> None:
        """The last rows of every group fill its holes, lowest first."""
        self.version += 1
        for pool in self.pools:
            held = pool.positions
            count = int((held >= 0).sum())
            if count < len(held):
                holes, last = np.flatnonzero(held[:count] < 0), count + np.flatnonzero(held[count:] >= 0)
                pool.move(last, holes)
                held[holes] = held[last]
                self.row[held[holes]] = holes
                pool.n = count


class Places:
    """The book as kernels read it: one array on the device, sent whole when the book has changed.

    int64: how many brains of each group live, then for each group which brains of the whole its rows are. It keeps its
    address until a group outgrows it, so that captured launches find it.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.array: Any = None
        self.rooms: list[int] = []  # rows of each group there is room for
        self.version = -1

    def groups(self, book: Members, n: int) -> list[tuple[Any, Any, Any, Any, int]]:
        """(rows, layout, place i64 [capacity], alive i32 [1], capacity) of every pool that has rows."""
        self.refresh(book, n)
        found, start, count = [], len(book.pools), len(book.pools)
        alive = self.array[:count].view(np.int32)
        for g, (pool, room) in enumerate(zip(book.pools, self.rooms, strict=True)):
            if pool.capacity:
                place = self.array[start : start + pool.capacity]
                found.append((pool.rows, pool.layout, place, alive[2 * g : 2 * g + 1], pool.capacity))
            start += room
        return found

    def refresh(self, book: Members, n: int) -> None:
        """Send the book of `n` brains to the device if it has changed since."""
        if self.version == book.version:
            return
        device = self.backend.device
        with self.backend.running():
            if len(self.rooms) != len(book.pools) or any(map(int.__lt__, self.rooms, (p.capacity for p in book.pools))):
                self.rooms = [pool.capacity for pool in book.pools]
                self.array = device.xp.zeros(len(self.rooms) + sum(self.rooms), np.int64)
                device.changed()
            host = np.zeros(self.array.shape, np.int64)
            host[: len(self.rooms)] = [pool.n for pool in book.pools]
            start = len(self.rooms)
            for pool, room in zip(book.pools, self.rooms, strict=True):
                held = pool.positions
                if len(held) and not 0 <= held.min() <= held.max() < n:
                    raise SettingsError(f"Brains: births or moves are not settled. Set n first: brains.n = {n}.")
                host[start : start + pool.n] = held
                start += room
            device.write(self.array, host)
        self.version = book.version
