"""A moment: everything a world is at one tick, with what other moments hold as well kept only once.

Columns, identity, slots and resources are arrays by name, as `swarm.snapshot.state` has them. An array whose bits equal
those of the moment before is that moment's. Own brains are numbers of genomes (genomes.py); a pool that entities share
is one array, whatever tables use it. The schedule and the scene's settings are kept by reference.

Bytes of an entity: 25 of identity, its columns', 4 for its genome's number or its row of a shared pool, 13 a slot, less
what has not changed. A `Shelf` counts every array once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm import snapshot
from swarm.backend.device import Backend, choose
from swarm.brain import files
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.brain.mlp import MLP
from swarm.brain.rows import allocate
from swarm.digest import Part
from swarm.ecs.override import Override, pack
from swarm.moments.genomes import Genomes
from swarm.moments.timeline import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from swarm.ecs.table import Table
    from swarm.world import World

CHUNK = 4096  # genomes copied at a time
_SAMPLE = 512  # words compared before all are


class Shelf:
    """All arrays that moments hold, each counted once."""

    def __init__(self) -> None:
        self.bytes = 0
        self._users: dict[int, int] = {}

    def hold(self, array: np.ndarray) -> None:
        """One more moment holds this array."""
        users = self._users.get(id(array), 0)
        self._users[id(array)] = users + 1
        self.bytes += array.nbytes * (users == 0)

    def drop(self, array: np.ndarray) -> None:
        """One moment less holds it."""
        users = self._users.pop(id(array)) - 1
        if users:
            self._users[id(array)] = users
        else:
            self.bytes -= array.nbytes


class Own(NamedTuple):
    """The brains of one architecture that a table's entities own."""

    store: Genomes
    numbers: np.ndarray  # [n] i32, of the group's rows
    positions: np.ndarray | None  # [n] i64, in a mixed pool: which entities' they are
    mlp: MLP
    seed: int


class Moment:
    """What a world was at `tick`. Made by a `Draft`."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.tick, self.made = int(world.tick), 0  # made: how many of the branch's changes it has behind it
        self.edge = False  # whether running on from an earlier moment cannot lead here
        self.names = 0  # how often it is kept by name
        self.branch: Any = None
        self.calls = len(world._overrides)
        self.settings = settings
        self.values: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self.numbers = {
            k: v for k, v in world.resources.items() if not isinstance(v, (np.ndarray, world.ids.xp.ndarray))
        }
        self.on_host = [name for name, value in world.resources.items() if isinstance(value, np.ndarray)]
        self.known = {c.__name__: c for table in world.tables.values() for c in table.components}
        self.shared = {t.name: t.brains for t in world.tables.values() if t.shared and t.brains is not None}
        self.own: dict[str, list[Own]] = {}
        self.dying = queued(world)

    def every(self) -> Iterator[np.ndarray]:
        """All arrays, one by one."""
        yield from self.arrays.values()
        for groups in self.own.values():
            for own in groups:
                yield own.numbers
                if own.positions is not None:
                    yield own.positions

    def held(self) -> Iterator[tuple[Genomes, np.ndarray]]:
        """The genomes that it holds, by store."""
        return ((own.store, own.numbers) for groups in self.own.values() for own in groups)

    # ------------------------------------------------------------------ back into a world

    def put(self, world: World, log: list[Override]) -> None:
        """Make `world` what it was. log: all calls of `override` of this run."""
        pools = {name: self._pool(name, world.backend) for name in self.own}
        snapshot.restore(world, self.values, self.arrays, self.known, {**self.shared, **pools})
        world.resources |= self.numbers | {name: self.arrays[f"resources/{name}"].copy() for name in self.on_host}
        for pool in {id(pool): pool for pool in self.shared.values()}.values():
            flat = self.arrays[_name(pool)]
            pool.grow(len(flat))
            pool.n = len(flat)
            pool.set(slice(None), flat)
        world._overrides = list(log[: self.calls])
        self.settings.apply(world)
        if self.dying:
            world.kill(np.array(self.dying, np.uint64))
        self.seen()

    def seen(self) -> None:
        """The world is at this moment: its entities' genomes are looked for among these first."""
        for name, groups in self.own.items():
            slots = self.arrays[f"table/{name}/slots"]
            for own in groups:
                own.store.seen(slots if own.positions is None else slots[own.positions], own.numbers)

    def _pool(self, table: str, where: Backend) -> Brains:
        """The own brains of a table: a pool of its own."""
        pools = []
        for own in self.own[table]:
            layout, n = own.mlp.layout(own.store.dtype), len(own.numbers)
            pool = Brains.over(own.mlp, layout, where, own.seed, allocate(n, layout, where), n)
            for at, rows in own.store.read(own.numbers):
                pool.set(at, rows)
            pools.append(pool)
        positions = [own.positions for own in self.own[table]]
        return pools[0] if positions[0] is None else MixedBrains.of(pools, positions, where, self.own[table][0].seed)

    # ------------------------------------------------------------------ into a file

    def save(self, path: str | Path, log: list[Override]) -> None:
        """Write an ordinary world file, which `World.load` reads. Raises `SaveError`."""
        here, tables = choose("reference"), []
        arrays = {name: array for name, array in self.arrays.items() if not name.startswith(_POOL)}
        for table in self.values["tables"]:
            name, pool = table["name"], None
            if name in self.own:
                pool = self._pool(name, here)
            elif name in self.shared:
                like, flat = self.shared[name], self.arrays[_name(self.shared[name])]
                pool = Brains.over(like.mlp, like.layout, here, like.seed, allocate(len(flat), like.layout), len(flat))
                pool.set(slice(None), flat)
            about = None
            if pool is not None:
                about, tensors = files.pack(pool)
                arrays |= {f"table/{name}/brains/{key}": tensor for key, tensor in tensors.items()}
            tables.append({**table, "brains": about})
        snapshot.write(path, {**self.values, "tables": tables}, arrays | pack(log[: self.calls]))


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
            if table.shared and table.brains is not None and _name(table.brains) not in arrays:
                arrays[_name(table.brains)] = world.backend.host(table.brains.flat())
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

_POOL = "pool/"


def _name(pool: Brains) -> str:
    return f"{_POOL}{id(pool)}"


def _each(numbers: list[np.ndarray]) -> np.ndarray:
    """Every number once; in one of the arrays it stands once."""
    return numbers[0] if len(numbers) == 1 else np.unique(np.concatenate(numbers))


def queued(world: World) -> tuple[int, ...]:
    """Ids whose deaths are queued between two ticks, by `World.kill`."""
    found: list[int] = []
    for table in world.tables.values():
        if table.deaths:
            found += world.backend.host(table.ids()[table.dying]).tolist()
    return tuple(sorted(found))


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


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal bit by bit."""
    if a is b or a.shape != b.shape or a.dtype != b.dtype:
        return a is b
    a, b = (np.ascontiguousarray(array).reshape(-1) for array in (a, b))
    kind = np.uint64 if a.nbytes % 8 == 0 else np.uint8
    a, b = a.view(kind), b.view(kind)
    return bool((a[:_SAMPLE] == b[:_SAMPLE]).all() and (a == b).all())
