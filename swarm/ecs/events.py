"""Events: what happened in the last tick, by kind. Nothing is recorded, and nothing spent, before somebody asks.

    world.watch(Bite)                                  # or the first world.events(Bite); both from the next tick on
    world.step()
    for id, other, amount in world.events(Bite): ...

A stage, or a system of the user's own, reports what it does while the tick runs:

    if world.wants(Bite):
        world.emit(Bite, ids, others, amounts)         # u64 [K], u64 [K], float32 [K]

A kind is a class: those below, and any that the user derives from `Event`. Events are sorted by (id, other, amount), so
that they depend neither on the order of rows nor on threads. They tell the world outside what was going on and are no
state: not saved, not hashed. A system that acts on them would act differently after a load.

Births and deaths are read off the books of the slots behind the barrier, the same way on every backend.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.ids import join
from swarm.errors import SchemaError

if TYPE_CHECKING:
    from swarm.world import World


class Event:
    """Base of all kinds of events. Derive from it to have a kind of your own: `class Sneeze(swarm.Event): ...`."""


class Birth(Event):
    """A child was born: id the child, other its (first) parent, amount 0. What `spawn` adds was not born."""


class Death(Event):
    """An entity died: id who, other 0, amount 0."""


class Meal(Event):
    """Something was eaten by `graze`: id the eater, other the food, amount what the eater gained, J."""


class Bite(Event):
    """Somebody was bitten: id the biter, other the victim, amount what went over, J."""


class Share(Event):
    """Something was given away: id the giver, other who got it, amount how much, J."""


class Mating(Event):
    """Two became parents: id and other are they, amount 0."""


class Message(Event):
    """A message was sent: id the sender, other 0 or who it was for, amount what it says."""


class Collision(Event):
    """Two things ran into each other: id who, other with whom (0: an obstacle without id), amount how deep, m."""


class Events:
    """The events of one kind in one tick: copies that stay as they are.

    ids [K] u64: who. others [K] u64: with whom, 0 = nobody. amounts [K] float32: how much. tick: when. `len` counts
    them; iterating gives (id, other, amount).
    """

    __slots__ = ("amounts", "ids", "kind", "others", "tick")

    def __init__(self, kind: type[Event], tick: int, ids: np.ndarray, others: np.ndarray, amounts: np.ndarray) -> None:
        self.kind, self.tick = kind, tick
        self.ids, self.others, self.amounts = ids, others, amounts

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[int, int, float]]:
        return zip(self.ids.tolist(), self.others.tolist(), self.amounts.tolist())

    def __repr__(self) -> str:
        return f"<{len(self):,} events {self.kind.__name__} of tick {self.tick}>"


class Batch(NamedTuple):
    """One call of `emit`."""

    ids: np.ndarray  # [K] u64
    others: np.ndarray  # [K] u64
    amounts: np.ndarray  # [K] float32


class Journal:
    """The events of one world: which kinds are recorded, what this tick has brought, what the last one brought."""

    def __init__(self) -> None:
        self.kinds: frozenset[type[Event]] = frozenset()  # recorded in this tick
        self._asked: set[type[Event]] = set()  # from the next tick on
        self._coming: dict[type[Event], list[Batch]] = {}
        self._last: dict[type[Event], Events] = {}

    def watch(self, kinds: tuple[type[Event], ...], on: bool, stepping: bool) -> bool:
        """Record these kinds, or no longer, from the next tick on. Whether that changes anything at once."""
        for kind in kinds:
            check_kind(kind, "watch")
        self._asked = self._asked | set(kinds) if on else self._asked - set(kinds)
        return not stepping and self.turn()

    def turn(self) -> bool:
        """Begin to record what was asked for; whether that is something else than before."""
        if self._asked == self.kinds:
            return False
        self.kinds = frozenset(self._asked)
        self._last = {kind: events for kind, events in self._last.items() if kind in self.kinds}
        return True

    @property
    def busy(self) -> bool:
        """Whether there is anything to do at the end of the tick."""
        return bool(self.kinds or self._asked)

    def emit(self, world: World, kind: type[Event], ids: Any, others: Any, amounts: Any) -> None:
        """See `World.emit`."""
        check_kind(kind, "emit")
        if kind not in self.kinds:
            return
        host = world.backend.host
        ids = np.array(host(ids))
        if ids.dtype.kind not in "iu" or ids.ndim > 1:
            raise SchemaError(f"emit {kind.__name__}: ids are {ids.dtype} {ids.shape}. Give ids, u64 [K], not rows.")
        ids = np.atleast_1d(ids).astype(np.uint64)
        parts = []
        for name, values, dtype in (("others", others, np.uint64), ("amounts", amounts, np.float32)):
            values = host(values)
            if values.shape not in ((), ids.shape) or values.dtype.kind not in "fiub":
                raise SchemaError(
                    f"emit {kind.__name__}: {name} are {values.dtype} {values.shape} for {len(ids)} ids. Give one for "
                    "each, or one for all."
                )
            parts.append(np.broadcast_to(values, ids.shape).astype(dtype))
        if len(ids):
            self._coming.setdefault(kind, []).append(Batch(ids, *parts))

    def close(self, world: World) -> bool:
        """The tick is over, `world.tick` counts it: sort what it brought. Whether other kinds are recorded from now."""
        tick = world.tick - 1
        if Birth in self.kinds:
            self._births(world)
        if Death in self.kinds:
            self._deaths(world)
        self._last = {kind: _sorted(kind, tick, self._coming.get(kind, [])) for kind in self.kinds}
        self._coming.clear()
        return self.turn()

    def last(self, kind: type[Event], tick: int) -> Events:
        """The events of the last tick; none where they were not recorded."""
        return self._last.get(kind) or _sorted(kind, tick, [])

    def discard(self) -> None:
        """The tick failed: forget what it brought."""
        self._coming.clear()

    def forget(self) -> None:
        """The world's state was replaced: forget what happened, go on recording what is watched."""
        self._coming.clear()
        self._last.clear()

    def _births(self, world: World) -> None:
        for table in world.tables.values():
            rows = table.xp.flatnonzero((table.born == world.tick_of(table) - 1) & (table.parents != 0))
            self.emit(world, Birth, join(table.slots[rows], table.generations[rows]), table.parents[rows], 0)

    def _deaths(self, world: World) -> None:
        ids, used = world.ids, world.ids.used
        died = ids.died[:used] == world.tick_of(ids.xp.arange(used)) - 1
        slots = ids.xp.flatnonzero(died & (ids.table[:used] < 0))
        self.emit(world, Death, join(slots, ids.generation[slots]), 0, 0)


def check_kind(kind: Any, where: str) -> None:
    """Raise `SchemaError` unless `kind` is a kind of events."""
    if not (isinstance(kind, type) and issubclass(kind, Event)) or kind is Event:
        raise SchemaError(
            f"{where}: {kind!r} is no kind of events. Give one, such as swarm.Bite, or a class of your own derived "
            "from swarm.Event."
        )


def _sorted(kind: type[Event], tick: int, batches: list[Batch]) -> Events:
    if not batches:
        return Events(kind, tick, np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.float32))
    ids, others, amounts = (np.concatenate(part) for part in zip(*batches))
    order = np.lexsort((amounts, others, ids))
    return Events(kind, tick, ids[order], others[order], amounts[order])
