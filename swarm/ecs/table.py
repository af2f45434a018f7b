"""A table: all entities with the same components. The living are rows 0..n-1, one contiguous array per column.

    <column>    [n][*shape]       as declared   read|write
    slots       [n] u32, generations [n] u32    read         with the id's two halves
    parents     [n] u64                         read         the parent's id; 0 = spawned
    born        [n] i64 tick                    read         the barrier it came from; -1 = before the first tick
    brain       [n] i32                         read|write   row of a shared pool; own brains live in row = table row
    dying       [n] bool                        write        set by `kill`, cleared at the barrier

Bytes per entity: the columns' + 25, + 4 with a shared pool, + one brain's row with own brains. Arrays have room for
`capacity` rows, which doubles at run time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from swarm.backend.memory import require
from swarm.ecs.component import Column, Component
from swarm.ecs.guard import Lease
from swarm.ecs.ids import SLOT_BYTES, Ids, join
from swarm.ecs.memory import Scratch, allocate, words
from swarm.errors import SchemaError

FIRST_CAPACITY = 64
IDENTITY = {"slots": np.uint32, "generations": np.uint32, "parents": np.uint64, "born": np.int64}
IDENTITY_BYTES = 25


class Birth(NamedTuple):
    """A queued call of `Agents.birth`: K children."""

    rows: Any  # [K] i32, the parents' rows
    values: dict[Column, Any]  # given columns: [K, *shape] or one for all
    count: Any = None  # on a device: i32 [1], how many of `rows` count; None = all
    admitted: int | None = None  # the cap under which they were let in; None: the barrier decides
    other: Any = None  # [K] i32, the second parents' rows, whose brains are crossed with the first; None: one parent
    units: bool = False  # whole units of the brain come from one parent


class Block(NamedTuple):
    """One stored column as the barrier sees it."""

    words: np.ndarray  # [capacity, k] u32 or u8
    inherits: bool  # children copy their parent's row
    default: np.ndarray | None  # [k]: children start with this


class Arrival(NamedTuple):
    """Rows on their way in from `World.spawn`."""

    slots: np.ndarray  # [count] u32
    values: dict[Column, np.ndarray]  # [count, *shape] or one for all
    pool: Any = None  # own brains: the pool that holds them, or is to hold them
    init: str | None = None  # how to draw own brains; None: the pool's first brains are theirs
    brain: np.ndarray | None = None  # [count] i32, rows of a shared pool


class Table:
    """The entities of one kind. Made by `World.spawn`; systems get it through `World.query` as `Agents`."""

    def __init__(
        self,
        name: str,
        index: int,
        components: Iterable[type[Component]],
        ids: Ids,
        *,
        shared: bool = False,
    ) -> None:
        self.name = name
        self.index = index
        self.components = tuple(components)
        self.shared = shared  # brains are rows of a pool that others use, too
        self.registry = ids
        xp = self.xp = ids.xp
        self.n = 0
        self.capacity = 0
        self.version = 0  # steps up whenever rows come, go or change places
        self.brains: Any = None  # a `Brains` pool
        self.mutation: Any = None
        self.cap: int | None = None
        self.given: set[Column] = set()  # columns that a spawn gave
        self.births: list[Birth] = []
        self.arrivals: list[Arrival] = []
        self.deaths = False  # whether `kill` was called since the last barrier
        self.born_total: Any = 0  # like the two that follow a number, or of several worlds one for each, i64 [W]
        self.died_total: Any = 0
        self.refused_total: Any = 0
        self.lease = Lease(name)
        self.storage: dict[Any, Any] = {}
        for component in self.components:
            for column in component.columns:
                if column.parent is None:
                    self.storage[column] = xp.empty((0, *column.shape), column.dtype)
        for key, dtype in {**IDENTITY, **({"brain": np.int32} if shared else {}), "dying": np.bool_}.items():
            self.storage[key] = xp.empty(0, dtype)
        self._columns = {column for component in self.components for column in component.columns}
        self._live: dict[Any, Any] = {}
        self._blocks: list[Block] = []
        self.scratch = Scratch(ids.backend)

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        parts = ", ".join(c.__name__ for c in self.components)
        return f"<table '{self.name}': {self.n:,} of {parts}>"

    # ------------------------------------------------------------------ reading

    def has(self, column: Column) -> bool:
        """Whether this table has the column."""
        return column in self._columns

    def column(self, column: Column) -> Any:
        """The column's living rows, [n, *shape], written in place: a plain array without guard, for stages."""
        try:
            return self._live[column]
        except KeyError:
            return self._view(column)

    @property
    def slots(self) -> Any:
        """[n] u32."""
        return self._live.get("slots") if "slots" in self._live else self._view("slots")

    @property
    def generations(self) -> Any:
        """[n] u32."""
        return self._live.get("generations") if "generations" in self._live else self._view("generations")

    @property
    def worlds(self) -> Any:
        """[n] i32: which of several independent worlds each lives in; empty where there is only one."""
        if "worlds" not in self._live:
            count = np.uint32(self.registry.worlds)
            self._live["worlds"] = (self.slots - self.slots // count * count if count > 1 else self.slots[:0]).astype(
                np.int32
            )
        return self._live["worlds"]

    @property
    def population(self) -> Any:
        """How many live: `n`, or of several worlds one number for each, i64 [W]."""
        if self.registry.worlds == 1:
            return self.n
        if "population" not in self._live:
            self._live["population"] = np.bincount(self.worlds, minlength=self.registry.worlds)
        return self._live["population"]

    def tally(self, which: Any) -> Any:
        """How many rows `which` names, a mask [n] or row numbers: a number, or of several worlds i64 [W]."""
        if self.registry.worlds > 1:
            return np.bincount(self.worlds[which], minlength=self.registry.worlds)
        return int(np.count_nonzero(which)) if which.dtype == np.bool_ else len(which)

    @property
    def parents(self) -> Any:
        """[n] u64: the parent's id; 0 = spawned."""
        return self._view("parents")

    @property
    def born(self) -> Any:
        """[n] i64: the tick at whose end it entered, so that newborns have tick - 1; -1 = before the first tick."""
        return self._view("born")

    @property
    def dying(self) -> Any:
        """[n] bool: who leaves at the barrier."""
        return self._view("dying")

    @property
    def brain(self) -> Any:
        """[n] i32: rows of a shared pool, or None where brains are own or there are none."""
        return self._view("brain") if self.shared else None

    def ids(self) -> np.ndarray:
        """[n] u64: the living entities' ids, in row order."""
        return join(self.slots, self.generations)

    @property
    def own_brains(self) -> Any:
        """The brains whose rows are this table's rows, or None."""
        return None if self.shared else self.brains

    @property
    def row_bytes(self) -> int:
        """Bytes of one entity, without its brain."""
        columns = sum(c.row_bytes for k in self.components for c in k.columns)
        return IDENTITY_BYTES + 4 * self.shared + columns

    def blocks(self) -> list[Block]:
        """All stored columns as words: what children copy, what they start anew, and what only moves."""
        if not self._blocks:
            for key, array in self.storage.items():
                if isinstance(key, Column) and key.resets:
                    self._blocks.append(Block(words(array), False, words(key.default[None])[0]))
                elif key != "dying":
                    self._blocks.append(Block(words(array), key not in IDENTITY, None))
        return self._blocks

    def _view(self, key: Any) -> Any:
        if key in self._live:
            return self._live[key]
        if isinstance(key, Column) and key not in self._columns:
            names = ", ".join(c.__name__ for c in self.components)
            raise SchemaError(f"table '{self.name}' has no column {key.key}; it has {names}.")
        if isinstance(key, Column) and key.parent is not None:
            view = self._view(key.parent)[..., key.part]
        else:
            view = self.storage[key][: self.n]
        self._live[key] = view
        return view

    # ------------------------------------------------------------------ changing

    def resize(self, n: int, why: str) -> None:
        """Set how many rows live. Views end; `why` says what ended them."""
        self.n = n
        if self.own_brains is not None:
            self.own_brains.n = n
        self.version += 1
        self._live.clear()
        self.expire(why)

    def expire(self, why: str) -> None:
        """End the views that were given out."""
        self.lease.ended = why
        self.lease = Lease(self.name)

    def discard(self) -> None:
        """Forget the births, deaths and arrivals that are queued."""
        self.births, self.arrivals = [], []
        if self.deaths:
            self.dying[:] = False
            self.deaths = False

    def reserve(self, n: int, where: str) -> None:
        """Make room for `n` rows: a quarter more than asked at first, then doubling. `where` starts the error's text.

        Raises `CapacityError` before anything is allocated.
        """
        brains = self.own_brains
        grow = n > self.capacity
        widen = brains is not None and n > brains.capacity
        if not (grow or widen):
            return
        each = grow * (self.row_bytes + SLOT_BYTES) + widen * brain_bytes(brains)
        require(f"{where}: table '{self.name}'", n, each, "entities", self.registry.backend.device)
        capacity = self.capacity
        if grow:
            capacity = capacity or -(-(n + n // 4) // FIRST_CAPACITY) * FIRST_CAPACITY or FIRST_CAPACITY
            while capacity < n:
                capacity *= 2
            self._grow(self._affordable(capacity, n, each))
            capacity = self.capacity
        if brains is not None and widen:
            brains.grow(capacity)

    def _affordable(self, capacity: int, n: int, each: int) -> int:
        """`capacity`, or just `n` where a card has no room for more: unlike the host it gives what it promises."""
        device = self.registry.backend.device
        return capacity if device is None or capacity * each <= device.memory()[0] else n

    def _grow(self, capacity: int) -> None:
        device = self.registry.backend.device
        made = {k: allocate(self.xp, capacity, old.shape[1:], old.dtype) for k, old in self.storage.items()}
        for key, after in made.items():  # from here on nothing can fail for want of memory
            after[: self.n] = self.storage[key][: self.n]
            self.storage[key] = after
        self.storage["dying"][self.n :] = False
        self.capacity = capacity
        if device is not None:
            device.changed()
        self._blocks = []
        self._live.clear()
        self.expire("growth")

    def permute(self, order: np.ndarray) -> None:
        """Put row `order[i]` in row i, brains too. Nothing that is keyed by ids changes; checks use it."""
        order = np.asarray(order)
        if order.shape != (self.n,) or not np.array_equal(np.sort(order), np.arange(self.n)):
            raise SchemaError(f"table '{self.name}': the order is not a permutation of its {self.n} rows.")
        if self.births or self.deaths:
            raise SchemaError(f"table '{self.name}': births and deaths are queued. Permute between ticks.")
        rows = self.registry.backend.array(order)
        for array in self.storage.values():
            array[: self.n] = array[: self.n][rows]
        if self.own_brains is not None:
            self.own_brains.permute(order)
        self.registry.row[self.slots] = self.xp.arange(self.n, dtype=np.int32)
        self.resize(self.n, "a permutation of the rows")


def part(root: Any, column: Column) -> Any:
    """The place of `column` in the array of its root column."""
    return root if column.parent is None else part(root, column.parent)[..., column.part]


def brain_bytes(brains: Any) -> int:
    """Bytes of the longest row in a pool; 0 for no pool."""
    return max((group.layout.row_bytes for group in brains.groups), default=0) if brains is not None else 0
