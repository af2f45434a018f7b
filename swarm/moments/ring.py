"""What is held: moments within a budget of bytes, taken where a course is, and given up when there must be room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from swarm.backend.memory import human
from swarm.brain.brains import Brains
from swarm.errors import CapacityError
from swarm.moments.course import Course
from swarm.moments.draft import Draft
from swarm.moments.genomes import Genomes
from swarm.moments.moment import Moment, Shelf
from swarm.moments.thin import victim

if TYPE_CHECKING:
    from swarm.world import World


class Ring:
    """The moments of all branches of a course."""

    def __init__(self, course: Course, budget: int) -> None:
        self.course, self.budget = course, budget
        self.shelf = Shelf()
        self.stores: dict[tuple[str, int, str, str], Genomes] = {}
        self.version = 0  # steps up when a moment comes or goes
        self.near: Moment | None = None  # the one to share with: the last that was taken or gone to

    @property
    def bytes(self) -> int:
        """Of all arrays that are held: columns, genomes, curves."""
        held = self.shelf.bytes + sum(store.bytes for store in self.stores.values())
        return held + sum(branch.samples.bytes for branch in self.course.branches)

    def take(self, world: World, edge: bool = False) -> Moment:
        """A moment of the world as it is. Raises `CapacityError`; older ones are then still there."""
        course = self.course
        self.stores = {key: store for key, store in self.stores.items() if store.n}
        draft = Draft(world, course.settings, self.near, self.shelf, self._store, course.known)
        self._room(draft)
        moment = draft.finish()
        moment.branch, moment.made = course.branch, course.made
        moment.edge = edge or course.branch.last(course.tick, course.made) is None
        course.branch.moments.append(moment)
        course.branch.moments.sort(key=lambda m: (m.tick, m.made))
        self.version += 1
        self.near = moment
        return moment

    def strays(self, world: World) -> bool:
        """Whether the world is something else than it was when it came by here: somebody wrote into it unannounced."""
        moment = self.course.at()
        if moment is None or moment is self.near:
            return False
        draft = Draft(world, self.course.settings, moment, self.shelf, self._store, again=True)
        found = not draft.equals(moment)
        draft.let_go()
        moment.seen()
        self.near = moment
        return found

    def drop(self, moment: Moment) -> None:
        """Give a moment up, and what only it held."""
        self.version += 1
        moment.branch.moments.remove(moment)
        for array in moment.every():
            self.shelf.drop(array)
        for store, numbers in moment.held():
            store.drop(numbers)
        if self.near is moment:
            self.near = None

    def thin(self, need: Callable[[], int]) -> bool:
        """Give up moments until `need()` more bytes fit; whether they do."""
        branches = self.course.branches
        while self.bytes + need() > self.budget:
            moment = victim(branches)
            if moment is not None:
                self.drop(moment)
            elif dormant := self.course.dormant():
                branches.remove(dormant[0])
            else:
                return False
        return True

    def _room(self, draft: Draft) -> None:
        """Make room for a draft. Raises `CapacityError` where that cannot be, before anything is given up."""
        named = [moment for branch in self.course.branches for moment in branch.moments if moment.names]
        least = draft.size(named) + self.course.branch.samples.bytes
        if least <= self.budget and self.thin(draft.need):
            return
        draft.let_go()
        beside = f" and {len(named)} kept by name take" if named else " takes"
        raise CapacityError(
            f"Moments: this state{beside} {human(least)}; the budget is {human(self.budget)}. "
            f"{'Forget some, or give' if named else 'Give'} more: Moments(world, budget=...)."
        )

    def _store(self, table: str, group: int, pool: Brains) -> Genomes:
        key = table, group, repr(pool.mlp), pool.dtype.name
        if key not in self.stores:
            self.stores[key] = Genomes(pool.layout.count, pool.dtype, len(pool))
        return self.stores[key]
