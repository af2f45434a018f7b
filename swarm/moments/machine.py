"""The time machine of a world: it notes states while the world runs and puts the world back to any tick between.

    moments = swarm.Moments(world)           # 1 GiB; see docs/moments.md
    for _ in range(10_000):
        world.step()
        moments.note(world)                  # takes a state when one is due
    moments.go(world, 4321)                  # the nearest state before, and from there tick by tick: the same hash
    world.override(id, [1, 0])               # what is changed here begins a branch; the old future stays

A run depends on its state, schedule and settings, and on what is done to it between two ticks. `note`, called while
nothing is running, sees overrides, kills and new settings for itself and makes them again when it runs there anew. What
is written into the world by hand has to be told: `changed(world)`, `edited(ids)`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.backend.memory import human
from swarm.errors import CapacityError, SettingsError
from swarm.moments.course import Course
from swarm.moments.moment import Moment
from swarm.moments.ring import Ring
from swarm.moments.timeline import Branch, Change, Curve

if TYPE_CHECKING:
    from swarm.world import World

EVERY = 16  # ticks between two states; one costs about what a tick costs


class Kept:
    """A moment kept by name: it stays until `Moments.forget`."""

    def __init__(self, name: str, moment: Moment) -> None:
        self.name, self.moment = name, moment

    @property
    def tick(self) -> int:
        """Of the world then."""
        return self.moment.tick

    @property
    def branch(self) -> str:
        """The branch that it is on."""
        return self.moment.branch.name

    def save(self, path: str | Path) -> None:
        """Write an ordinary world file, which `World.load` reads. Raises `SaveError`."""
        self.moment.save(path, self.moment.branch.calls)

    def __repr__(self) -> str:
        return f"<kept '{self.name}': tick {self.tick:,} of {self.branch}>"


class Moments:
    """The states of one world within `budget` bytes, and the way back to them.

    every: ticks between two states; None: 16. When the budget is full older states are given up, the older the sparser,
    and genomes that only they held. Raises `SettingsError`.
    """

    def __init__(self, world: World, budget: int = 1 << 30, every: int | None = None) -> None:
        for name, value in (("budget", budget), ("every", EVERY if every is None else every)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise SettingsError(f"Moments: {name} is {value!r}; give a whole number, 1 or more.")
        self.budget, self.every = int(budget), EVERY if every is None else int(every)
        self._course = Course(world)
        self._ring = Ring(self._course, self.budget)
        self._kept: dict[str, Kept] = {}
        self._tried = -self.every  # the tick at which there was no room
        self._seen: tuple[Any, int, np.ndarray] | None = None
        self._leave(world)

    def __repr__(self) -> str:
        first, last = self.reach
        return f"<moments of ticks {first:,} to {last:,}: {human(self.bytes)} of {human(self.budget)}>"

    # ------------------------------------------------------------------ what there is

    @property
    def bytes(self) -> int:
        """Of all arrays that are held: columns, genomes, curves."""
        return self._ring.bytes

    @property
    def branch(self) -> str:
        """The name of the branch in force."""
        return self._course.branch.name

    @property
    def branches(self) -> tuple[str, ...]:
        """The names of all branches, oldest first."""
        return tuple(branch.name for branch in self._course.branches)

    @property
    def ticks(self) -> np.ndarray:
        """i64 [K]: the ticks of the states on the way to the end of the branch in force, ascending."""
        return self._way()[1]

    @property
    def reach(self) -> tuple[int, int]:
        """(oldest, newest) tick on the branch in force: `go` leads to each between."""
        return self._way()[0], self._course.branch.head

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The moments that were kept by name, in that order."""
        return tuple(self._kept.values())

    @property
    def curves(self) -> list[Curve]:
        """How many lived in each table, for every branch from where it left its parent on."""
        return [branch.curve() for branch in self._course.branches]

    # ------------------------------------------------------------------ while the world runs

    def note(self, world: World) -> bool:
        """Look at the idle world, and take a state when one is due; returns whether it did.

        Call it after each tick or each few, and before the next tick when settings were changed, agents driven or
        killed. Raises `CapacityError` when the budget does not hold one state beside those kept by name, and
        `SaveError` while births are queued.
        """
        course, ring = self._course, self._ring
        course.follow(world)
        if course.known and ring.strays(world):
            self.changed(world)
            return True
        course.branch.samples.add(course.tick, world.counts())
        if self._due():
            self._take(world)
            return True
        ring.thin(lambda: 0)
        return False

    def changed(self, world: World) -> None:
        """The idle world was written to by hand, columns, resources or brains: take a state, so that no running on
        crosses this. Raises what `note` raises."""
        course = self._course
        course.follow(world)
        course.meet(Change(course.tick, edge=object()))
        for moment in course.merge():
            self._ring.drop(moment)
        self._take(world, edge=True)

    def edited(self, ids: Any) -> None:
        """The brains of these ids were edited: as `changed`. Their genomes are stored anew."""
        if len(ids):
            self.changed(self._course.world)

    def keep(self, world: World, name: str) -> Kept:
        """Keep this moment by name: never given up, but counted. Raises `SettingsError` for a name that is taken."""
        self._new(name)
        self._course.follow(world)
        moment = self._course.at() or self._take(world)
        moment.names += 1
        self._kept[name] = Kept(name, moment)
        return self._kept[name]

    def rename(self, old: str, new: str) -> None:
        """Keep it under another name. Raises `SettingsError` for a name that is not there, or is taken."""
        kept = self._known(old)
        if new != old:
            self._new(new)
            kept.name = new
            self._kept = {kept.name: kept for kept in self._kept.values()}

    def forget(self, name: str) -> None:
        """Keep it no longer. Raises `SettingsError` for a name that is not there."""
        self._known(name).moment.names -= 1
        del self._kept[name]

    def _known(self, name: str) -> Kept:
        if name not in self._kept:
            raise SettingsError(f"no moment is kept as {name!r}. There are {', '.join(self._kept) or 'none'}.")
        return self._kept[name]

    def _new(self, name: str) -> None:
        if not name or name in self._kept:
            raise SettingsError(f"keep: a moment called {name!r} is there already. Choose another name, or forget it.")

    # ------------------------------------------------------------------ back

    def go(
        self,
        world: World,
        tick: int | Kept,
        branch: str | None = None,
        *,
        progress: Callable[[int, int], Any] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> int:
        """Make `world` what it was when the tick after `tick` began: what was changed at `tick` has been done.

        tick: or a `Kept`. branch: None for the one in force. progress(done, total) is called after each tick that has
        to be made again; when stop() says so, the world stays at the whole tick it has come to. Returns that tick.
        Ctrl-C, and an error in a system, leave it at the state from which it ran.

        Raises `SettingsError` for a tick that cannot be reached, and while `world.records` has streams, which would get
        these ticks twice.
        """
        course = self._course
        course.follow(world)
        if len(world.records):
            paths = ", ".join(str(stream.path) for stream in world.records)
            raise SettingsError(
                f"go: {paths} is being recorded and would get ticks twice. Finish it first, world.records.close(), and "
                "record to another file from there."
            )
        if isinstance(tick, Kept):
            there, made, tick = tick.moment.branch, tick.moment.made, tick.tick
        else:
            there = course.branch if branch is None else course.named(branch)
            made = there.made_at(tick)
        if not course.known:
            self._leave(world)
        base = there.base(tick, made) if tick <= there.head else None
        if base is None:
            reach = f"{there.oldest()} to {there.head}"
            raise SettingsError(f"go: tick {tick} of {there.name} is out of reach. Choose one from {reach}.")
        here = course.branch is there and base.tick <= course.tick <= tick and base.made <= course.made <= made
        try:
            if not here or there.crosses(course.made, made):
                self._put(world, base, there)
            self._run(world, tick, made, progress, stop)
        except BaseException:
            self._put(world, base, there)
            raise
        if course.tick - base.tick > 2 * self.every:
            self._leave(world)
        return course.tick

    # ------------------------------------------------------------------ inside

    def _run(self, world: World, tick: int, made: int, progress: Any, stop: Any) -> None:
        """From where it is to a tick, with the changes of the branch."""
        course, start = self._course, self._course.tick
        course.replay(made)
        while world.tick < tick and not (stop is not None and stop()):
            world.step()
            course.replay(made)
            if progress is not None:
                progress(world.tick - start, tick - start)

    def _put(self, world: World, moment: Moment, branch: Branch) -> None:
        moment.put(world, branch.calls)
        self._course.enter(world, branch, moment.made)
        self._ring.near = moment

    def _take(self, world: World, edge: bool = False) -> Moment:
        try:
            return self._ring.take(world, edge)
        except CapacityError:
            self._tried = self._course.tick
            raise

    def _leave(self, world: World) -> None:
        """Take the moment that is left behind or has been come to, where there is room; if not, `note` says so."""
        if self._course.at() is None:
            with suppress(CapacityError):
                self._ring.take(world)

    def _due(self) -> bool:
        course = self._course
        if self._tried <= course.tick < self._tried + self.every:
            return False
        last = course.branch.last(course.tick, course.made)
        return last is None or course.tick - last.tick >= self.every

    def _way(self) -> tuple[int, np.ndarray]:
        """The oldest tick in reach and the ticks of all moments on the way to the head."""
        branch = self._course.branch
        lost = branch.base(branch.head, len(branch.changes)) is None
        key = branch, len(branch.changes), self._ring.version, branch.head if lost else 0
        if self._seen is None or self._seen[0] != key:
            path = branch.path(branch.head, len(branch.changes))
            self._seen = key, branch.oldest(), np.unique(np.array([moment.tick for moment in path], np.int64))
        return self._seen[1:]
