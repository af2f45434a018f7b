"""Branches of a run: what was changed from outside and when, the moments between, and curves of who lived.

    run 1   ---o----x----o------o--->          o a moment, x a change: an override, a kill, other settings, an edit
                    \
    run 2            x--o------o-->            forked from run 1 where it was changed

A branch begins with the changes that its parent had made up to the fork. Running on from a moment makes those that came
after it again. An edit cannot be made again: it comes with a moment, an `edge`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.override import Override

if TYPE_CHECKING:
    from swarm.moments.moment import Moment
    from swarm.world import World

SAMPLES = 1024  # of a curve; when they are full every other one goes


class Settings(NamedTuple):
    """What decides how a world goes on beside its state; by reference, so systems must not be changed in place."""

    schedule: Any
    scene: Any
    dt: float
    tables: dict[str, tuple[Any, int | None]]  # name -> mutation, cap

    @classmethod
    def of(cls, world: World) -> Settings:
        """Those in force."""
        scene = world.scene and {**world.scene, "settings": dict(world.scene["settings"])}
        return cls(world.schedule, scene, world.dt, {n: (t.mutation, t.cap) for n, t in world.tables.items()})

    def differ(self, other: Settings) -> bool:
        """Whether a table that both know, the schedule, the scene or the tick's length is under other settings."""
        both = self.tables.keys() & other.tables.keys()
        return self[:3] != other[:3] or any(self.tables[name] != other.tables[name] for name in both)

    def apply(self, world: World) -> None:
        """Put them in force."""
        if world.schedule != self.schedule:
            world.schedule = self.schedule
        world.scene, world.dt = self.scene, self.dt
        for name, (mutation, cap) in self.tables.items():
            if name in world.tables:
                world.tables[name].mutation, world.tables[name].cap = mutation, cap


@dataclass(frozen=True)
class Change:
    """What was done to the world from outside, before the tick that follows `tick`."""

    tick: int
    call: Override | None = None
    kills: tuple[int, ...] = ()
    settings: Settings | None = None
    edge: object | None = None  # an edit; no two are equal

    def make(self, world: World) -> None:
        """Make it again."""
        if self.call is not None:
            world.override(self.call.id, self.call.actions)
        if self.kills:
            world.kill(np.array(self.kills, np.uint64))
        if self.settings is not None:
            self.settings.apply(world)


class Curve(NamedTuple):
    """How many lived, along one branch from its fork on."""

    name: str
    parent: str | None
    fork: int  # tick at which it left the parent, or began
    ticks: np.ndarray  # [K] i64
    counts: dict[str, np.ndarray]  # by table, i64 [K]


class Samples:
    """The growing curve of one branch: at most `SAMPLES` ticks, evenly spaced, 8 bytes each and 8 for each table."""

    def __init__(self) -> None:
        self.count, self.stride = 0, 1
        self.ticks = np.zeros(SAMPLES // 16, np.int64)
        self.counts: dict[str, np.ndarray] = {}

    @property
    def bytes(self) -> int:
        """Of its arrays."""
        return self.ticks.nbytes * (1 + len(self.counts))

    def add(self, tick: int, counts: dict[str, int]) -> None:
        """Note how many live at `tick`, if a sample is due."""
        k = self.count
        if k and tick < self.ticks[k - 1] + self.stride:
            return
        if k == SAMPLES:
            k, self.stride = SAMPLES // 2, 2 * self.stride
            for array in (self.ticks, *self.counts.values()):
                array[:k] = array[::2].copy()
        elif k == len(self.ticks):
            self.ticks = np.resize(self.ticks, 2 * k)
            self.counts = {name: np.resize(array, 2 * k) for name, array in self.counts.items()}
        self.ticks[k] = tick
        for name in counts.keys() - self.counts.keys():
            self.counts[name] = np.zeros_like(self.ticks)
        for name, array in self.counts.items():
            array[k] = counts.get(name, 0)
        self.count = k + 1


class Branch:
    """One course that the run took."""

    def __init__(
        self,
        name: str,
        parent: Branch | None,
        fork: int,
        changes: Iterable[Change] = (),
        calls: Iterable[Override] = (),
    ) -> None:
        self.name, self.parent, self.fork = name, parent, fork
        self.changes: list[Change] = []
        self.edges: list[int] = []  # which of the changes are edits
        for change in changes:
            self.add(change)
        self.prefix = len(self.changes)
        self.calls = list(calls)  # every call of `override`, as `World.overrides` has them
        self.moments: list[Moment] = []  # its own, by (tick, made)
        self.head = fork  # the last tick that was seen
        self.samples = Samples()

    def add(self, change: Change) -> None:
        """A change at the end."""
        if change.edge is not None:
            self.edges.append(len(self.changes))
        self.changes.append(change)

    def take_out(self, k: int) -> None:
        """Change k never was."""
        changes = self.changes[:k] + self.changes[k + 1 :]
        self.changes, self.edges = changes, [i for i, change in enumerate(changes) if change.edge is not None]

    def made_at(self, tick: int) -> int:
        """How many changes were made by the time that `tick` was over with: what the next tick started from."""
        return bisect_right(self.changes, tick, key=lambda change: change.tick)

    def crosses(self, start: int, stop: int) -> bool:
        """Whether an edit is among the changes start .. stop - 1."""
        return bisect_left(self.edges, start) < bisect_left(self.edges, stop)

    def path(self, tick: int, made: int) -> list[Moment]:
        """The moments on the way to that tick, its ancestors' too, oldest first."""
        found: list[Moment] = []
        branch: Branch | None = self
        while branch is not None:
            found = [m for m in branch.moments if m.tick <= tick and m.made <= made] + found
            tick, made, branch = min(tick, branch.fork), min(made, branch.prefix), branch.parent
        return found

    def last(self, tick: int, made: int) -> Moment | None:
        """The last moment on that way."""
        branch: Branch | None = self
        while branch is not None:
            k = bisect_right(branch.moments, (tick, made), key=lambda moment: (moment.tick, moment.made))
            if k:
                return branch.moments[k - 1]
            tick, made, branch = min(tick, branch.fork), min(made, branch.prefix), branch.parent
        return None

    def base(self, tick: int, made: int) -> Moment | None:
        """The nearest moment from which running on leads to that tick; None where there is none."""
        found = self.last(tick, made)
        return None if found is None or self.crosses(found.made, made) else found

    def oldest(self) -> int:
        """The tick from which on all can be reached, up to the head."""
        path = self.path(self.head, len(self.changes))
        if not path or self.crosses(path[-1].made, len(self.changes)):
            return self.head
        start = path[0].tick
        for before, after in pairwise(path):
            if self.crosses(before.made, after.made):
                edit = self.changes[self.edges[bisect_left(self.edges, after.made) - 1]].tick
                start = after.tick if edit < after.tick else start
        return start

    def curve(self) -> Curve:
        """Its curve so far: views."""
        s = self.samples
        name = None if self.parent is None else self.parent.name
        counts = {table: array[: s.count] for table, array in s.counts.items()}
        return Curve(self.name, name, self.fork, s.ticks[: s.count], counts)
