"""Taking a moment: what is held already is found and shared, and only when there is room is the rest copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm import snapshot
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.digest import Part
from swarm.moments.genomes import Genomes
from swarm.moments.moment import Moment, Own, Shelf, name_of
from swarm.moments.timeline import Settings

if TYPE_CHECKING:
    from swarm.ecs.table import Table
    from swarm.world import World

CHUNK = 4096  # genomes copied at a time
_SAMPLE = 512  # words compared before all are


class Draft:
    """A moment that is being taken: first what it takes is known and what is there already is held, then the rest is
    copied.

    store(table, group, pool) -> the `Genomes` of such brains. before: the moment to share with. again: the world has
    been here before, so genomes are looked for everywhere. Raises `SaveError` when births are queued.
    """

    def __init__(
        self,
        world: World,
        settings: Settings,
        before: Moment | None,
        shelf: Shelf,
        store: Callable[[str, int, Brains], Genomes],
        again: bool = False,
    ) -> None:
        self.shelf = shelf
        self.moment = Moment(world, settings)
        values, arrays = _state(world)
        self.moment.values = {**values, "scene": settings.scene}
        self._fresh: dict[str, np.ndarray] = {}
        for table in world.tables.values():
            if table.shared and table.brains is not None and name_of(table.brains) not in arrays:
                arrays[name_of(table.brains)] = world.backend.host(table.brains.flat())
        for name, array in arrays.items():
            old = None if before is None else before.arrays.get(name)
            if old is not None and same(old, array):
                self.moment.arrays[name] = old
                shelf.hold(old)
            else:
                self._fresh[name] = array
        self.groups = [
            _Group(world, table, pool, store(table.name, g, pool), again)
            for table in world.tables.values()
            if table.own_brains is not None
            for g, pool in enumerate(table.brains.groups)
        ]

    def need(self) -> int:
        """Bytes that it will take beyond what is held now."""
        more = sum(array.nbytes for array in self._fresh.values())
        return more + sum(group.need() for group in self.groups)

    def size(self, beside: list[Moment]) -> int:
        """Bytes that it and the moments `beside` it hold together."""
        arrays = {id(array): array.nbytes for array in (*self._fresh.values(), *self.moment.arrays.values())}
        stores = {id(group.store): group.store for group in self.groups}
        numbers: dict[int, list[np.ndarray]] = {id(group.store): [group.numbers] for group in self.groups}
        for moment in beside:
            arrays |= {id(array): array.nbytes for array in moment.every()}
            for store, held in moment.held():
                stores[id(store)] = store
                numbers.setdefault(id(store), []).append(held)
        rows = {key: int((_each(held) >= 0).sum()) for key, held in numbers.items()}
        total = sum(arrays.values())
        for group in self.groups:
            rows[id(group.store)] += len(group.missing)
            total += group.numbers.nbytes + (0 if group.positions is None else group.positions.nbytes)
        return total + sum(store.bytes_with(rows[key]) for key, store in stores.items())

    def equals(self, other: Moment) -> bool:
        """Whether it is `other`, bit by bit; `before` was that one."""
        theirs = [own for groups in other.own.values() for own in groups]
        return (
            not self._fresh
            and len(theirs) == len(self.groups)
            and all(
                own.store is group.store and np.array_equal(own.store.mark[own.numbers], group.marks)
                for own, group in zip(theirs, self.groups)
            )
        )

    def finish(self) -> Moment:
        """Copy what is new. The moment then holds all it needs."""
        moment, shelf = self.moment, self.shelf
        for name, array in self._fresh.items():
            moment.arrays[name] = np.array(array)
            shelf.hold(moment.arrays[name])
        for group in self.groups:
            own = group.finish()
            moment.own.setdefault(group.table, []).append(own)
            shelf.hold(own.numbers)
            if own.positions is not None:
                shelf.hold(own.positions)
        return moment

    def let_go(self) -> None:
        """It is not to be: let go of what is held."""
        for array in self.moment.arrays.values():
            self.shelf.drop(array)
        for group in self.groups:
            group.store.drop(group.numbers[group.numbers >= 0])


class _Group:
    """The brains of one architecture in a draft: those that are stored are held."""

    def __init__(self, world: World, table: Table, pool: Brains, store: Genomes, again: bool) -> None:
        backend, ids = world.backend, table.ids()
        self.table, self.pool, self.store, self.backend = table.name, pool, store, backend
        self.positions = pool.positions.copy() if isinstance(table.brains, MixedBrains) else None
        self.slots = backend.host(table.slots)
        if self.positions is not None:
            ids, self.slots = ids[backend.array(self.positions)], self.slots[self.positions]
        with backend.running():
            self.marks = backend.twin("swarm.digest").hashes(Part("genome", pool.rows[: len(pool)], ids))
        self.numbers = store.find(self.slots, self.marks, again)
        self.missing = np.flatnonzero(self.numbers < 0)
        store.hold(self.numbers[self.numbers >= 0])

    def need(self) -> int:
        arrays = self.numbers.nbytes + (0 if self.positions is None else self.positions.nbytes)
        return arrays + self.store.bytes_with(self.store.n + len(self.missing), self.slots) - self.store.bytes

    def finish(self) -> Own:
        new = self.numbers[self.missing] = self.store.add(self.slots[self.missing], self.marks[self.missing])
        for start in range(0, len(new), CHUNK):
            some = slice(start, start + CHUNK)
            self.store.write(new[some], self.backend.host(self.pool.flat(self.missing[some])))
        return Own(self.store, self.numbers, self.positions, self.pool.mlp, self.pool.seed)


# ---------------------------------------------------------------------- inside


def _state(world: World) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The state without brains; deaths that are queued stay so."""
    marked = [table for table in world.tables.values() if table.deaths]
    for table in marked:
        table.deaths = False
    try:
        return snapshot.state(world, whole=False)
    finally:
        for table in marked:
            table.deaths = True


def _each(numbers: list[np.ndarray]) -> np.ndarray:
    """Every number once; in one of the arrays it stands once."""
    return numbers[0] if len(numbers) == 1 else np.unique(np.concatenate(numbers))


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal bit by bit."""
    if a is b or a.shape != b.shape or a.dtype != b.dtype:
        return a is b
    a, b = (np.ascontiguousarray(array).reshape(-1) for array in (a, b))
    kind = np.uint64 if a.nbytes % 8 == 0 else np.uint8
    a, b = a.view(kind), b.view(kind)
    return bool((a[:_SAMPLE] == b[:_SAMPLE]).all() and (a == b).all())
