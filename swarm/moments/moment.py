"""A moment: everything a world is at one tick, with what other moments hold as well kept only once.

Columns, identity, slots and resources are arrays by name, as `swarm.snapshot.state` has them. An array whose bits equal
those of the moment before is that moment's. Own brains are numbers of genomes (genomes.py); a pool that entities share
is one array, whatever tables use it. The schedule and the scene's settings are kept by reference.

Bytes of an entity: 24 of identity, its columns', 4 for its genome's number or its row of a shared pool, 13 a slot, less
what has not changed. A `Shelf` counts every array once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm import snapshot
from swarm.backend.device import Backend, choose
from swarm.brain import files
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.brain.mlp import MLP
from swarm.brain.rows import allocate
from swarm.ecs.override import Override, pack
from swarm.moments.genomes import Genomes
from swarm.moments.timeline import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from swarm.world import World


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
            flat = self.arrays[name_of(pool)]
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
        arrays = {name: array for name, array in self.arrays.items() if not name.startswith(POOL)}
        for table in self.values["tables"]:
            name, pool = table["name"], None
            if name in self.own:
                pool = self._pool(name, here)
            elif name in self.shared:
                like, flat = self.shared[name], self.arrays[name_of(self.shared[name])]
                pool = Brains.over(like.mlp, like.layout, here, like.seed, allocate(len(flat), like.layout), len(flat))
                pool.set(slice(None), flat)
            about = None
            if pool is not None:
                about, tensors = files.pack(pool)
                arrays |= {f"table/{name}/brains/{key}": tensor for key, tensor in tensors.items()}
            tables.append({**table, "brains": about})
        snapshot.write(path, {**self.values, "tables": tables}, arrays | pack(log[: self.calls]))


# ---------------------------------------------------------------------- inside

POOL = "pool/"


def name_of(pool: Brains) -> str:
    """The name of a shared pool's array."""
    return f"{POOL}{id(pool)}"


def queued(world: World) -> tuple[int, ...]:
    """Ids whose deaths are queued between two ticks, by `World.kill`."""
    found: list[int] = []
    for table in world.tables.values():
        if table.deaths:
            found += world.backend.host(table.ids()[table.dying]).tolist()
    return tuple(sorted(found))
