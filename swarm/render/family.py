"""Family: who begat whom, remembered beyond deaths.

A world keeps the parent and the birth of each that lives. Those of the dead are gone there, so a `Pedigree` reads the
newborn whenever it is shown the world, and from then on knows ancestors and children however many have died. It is
exact as long as it is shown every tick; of a child that was born and died between two looks it knows nothing.

24 bytes per birth. Beyond `LIMIT` births those are dropped that nobody alive descends from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from swarm.ecs.ids import split

if TYPE_CHECKING:
    from swarm.world import World

LIMIT = 1 << 18  # births remembered before the book is thinned
TAIL = 1 << 14  # the latest births, which are searched one by one; more are sorted in
ANCESTORS, CHILDREN = 12, 100  # of one family, at most

_Births = tuple[np.ndarray, np.ndarray, np.ndarray]  # ids u64 [K], parents u64 [K], ticks of birth i64 [K]


class Relative(NamedTuple):
    """One of a family."""

    id: int
    alive: bool
    born: int  # the tick at whose end it entered; -1: before the first, or not known
    died: int  # tick; -1: alive, or not known


class Family(NamedTuple):
    """The kin of one entity: ancestors, the parent first, and its latest children, the oldest first."""

    parents: tuple[Relative, ...] = ()
    children: tuple[Relative, ...] = ()
    total: int = 0  # children that are known, also those before the latest
    lost: bool = False  # whether the line may go on before the last of `parents`, who died before the first look


class Pedigree:
    """The births of a world from the first look on, and of all that lived then."""

    def __init__(self) -> None:
        self.tick = -2  # of the last look
        self._sorted: _Births = _none()  # by id
        self._tail: _Births = _none()
        self._totals: dict[str, int] = {}
        self._died: dict[int, int] = {}  # id -> tick, of those that were asked about
        self._children: tuple[int, list[int]] = (0, [])  # of the one that was asked about last
        self._limit = LIMIT

    def __len__(self) -> int:
        return len(self._sorted[0]) + len(self._tail[0])

    def update(self, world: World) -> None:
        """Read the newborn: one pass over the ticks of birth of the tables in which there were births."""
        again = world.tick < self.tick
        if again:
            self._back(world.tick)
        host, found = world.backend.host, []
        for name, table in world.tables.items():
            total = int(np.sum(host(table.born_total)))
            if total != self._totals.get(name):
                self._totals[name] = total
                rows = table.xp.flatnonzero((table.born >= self.tick) & (table.parents != 0))
                found.append([np.array(host(a[rows])) for a in (table.ids(), table.parents, table.born)])
        self.tick = world.tick
        for ids, parents, born in found:
            new = ~np.isin(ids, self._every(0)) if again else slice(None)
            self._add((ids[new], parents[new], born[new]))
        if len(self) > self._limit:
            self._thin(world)

    def parent(self, id: int) -> int:
        """The first parent; 0: it was spawned, or nothing is known."""
        return self._find(id)[0]

    def family(self, world: World, id: int) -> Family:
        """Ancestors and children of one entity, alive or dead, as far as they are known."""
        parents: list[Relative] = []
        one = self.parent(id)
        while one and len(parents) < ANCESTORS:
            parents.append(self._relative(world, one))
            one = self.parent(one)
        if self._children[0] != int(id):
            self._children = int(id), self._every(0)[self._every(1) == np.uint64(id)].tolist()
        children = self._children[1]
        latest = tuple(self._relative(world, child) for child in children[-CHILDREN:])
        lost = bool(parents) and not one and not parents[-1].alive and parents[-1].born < 0
        return Family(tuple(parents), latest, len(children), lost)

    def _relative(self, world: World, id: int) -> Relative:
        alive, died = fate(world, id)
        if not alive and died >= 0:
            self._died[id] = died
        return Relative(id, alive, self._find(id)[1], -1 if alive else self._died.get(id, -1))

    def _find(self, id: int) -> tuple[int, int]:
        """Parent and tick of birth, (0, -1) where none is known."""
        wanted = np.uint64(id)
        ids, parents, born = self._sorted
        at = int(np.searchsorted(ids, wanted))
        if at == len(ids) or ids[at] != wanted:
            ids, parents, born = self._tail
            rows = np.flatnonzero(ids == wanted)
            if not len(rows):
                return 0, -1
            at = int(rows[0])
        return int(parents[at]), int(born[at])

    def _every(self, part: int) -> np.ndarray:
        return np.concatenate([self._sorted[part], self._tail[part]])

    def _add(self, births: _Births) -> None:
        id, children = self._children
        children += births[0][births[1] == np.uint64(id)].tolist() if id else []
        self._tail = _joined(self._tail, births)
        if len(self._tail[0]) > max(TAIL, len(self._sorted[0]) // 8):
            self._keep(_joined(self._sorted, self._tail))

    def _keep(self, births: _Births) -> None:
        order = np.argsort(births[0], kind="stable")
        self._sorted, self._tail = (births[0][order], births[1][order], births[2][order]), _none()

    def _back(self, tick: int) -> None:
        """The world went back: what was after `tick` has not happened. All that live are read again."""
        every = _joined(self._sorted, self._tail)
        was = every[2] < tick
        self._keep((every[0][was], every[1][was], every[2][was]))
        self._died = {id: died for id, died in self._died.items() if died < tick}
        self._children, self._totals, self.tick = (0, []), {}, -2

    def _thin(self, world: World) -> None:
        """Keep those that live and their ancestors."""
        every = _joined(self._sorted, self._tail)
        self._keep(every)
        ids, parents, born = self._sorted
        host, keep = world.backend.host, np.zeros(len(ids), bool)
        found = np.concatenate([host(t.ids()) for name, t in world.tables.items() if self._totals.get(name)])
        while len(found):
            at = np.minimum(np.searchsorted(ids, found), len(ids) - 1)
            at = np.unique(at[(ids[at] == found) & ~keep[at]])
            keep[at] = True
            found = parents[at]
        self._sorted = ids[keep], parents[keep], born[keep]
        self._children = 0, []
        self._limit = max(LIMIT, 2 * len(self))


def fate(world: World, id: int) -> tuple[bool, int]:
    """Whether an entity lives, and the tick at which it died: -1 while it lives, or when another has its slot."""
    slot, generation = split(id)
    ids = world.ids
    if not 0 < slot < ids.used or int(ids.generation[slot]) != generation:
        return False, -1
    alive = int(ids.table[slot]) >= 0
    return alive, -1 if alive else int(ids.died[slot])


def _none() -> _Births:
    return np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64)


def _joined(one: _Births, two: _Births) -> _Births:
    return tuple(np.concatenate(parts) for parts in zip(one, two))  # type: ignore[return-value]
