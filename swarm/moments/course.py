"""The course of a run: which branch a world is on, found by looking at it between two ticks.

A world that runs where it ran before stays on its branch as long as all that was done to it then is done again, and
leaves it, by a new branch, as soon as something else is done, or nothing where there was something.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from swarm.ecs.override import Override
from swarm.errors import ScheduleError, SettingsError
from swarm.moments.moment import Moment, queued
from swarm.moments.timeline import Branch, Change, Settings

if TYPE_CHECKING:
    from swarm.world import World

DORMANT = 16  # branches of which only the curve is left


class Course:
    """Where a world is: at `tick` of `branch`, with `made` of that branch's changes behind it."""

    world: World
    branch: Branch
    tick: int
    made: int
    settings: Settings

    def __init__(self, world: World) -> None:
        self.branches: list[Branch] = []
        self._born = 0  # branches made
        self._calls = 0  # of `override`, seen so far
        self._begin(world)

    @property
    def known(self) -> bool:
        """Whether the branch has been here before."""
        return self.tick < self.branch.head

    def follow(self, world: World) -> None:
        """See what was done to the world since the last look: overrides, other settings, deaths that are queued.

        Raises `ScheduleError` within a tick.
        """
        if world.stepping:
            raise ScheduleError(f"Moments: tick {world.tick} is under way. Note, change and travel between ticks.")
        if world is not self.world or world.tick < self.tick or len(world._overrides) < self._calls:
            self._begin(world)
        for call in world._overrides[self._calls :]:
            self.meet(Change(call.tick, call=call))
        self._pass(int(world.tick))
        settings = Settings.of(world)
        if settings.differ(self.settings):
            self.meet(Change(int(world.tick), settings=settings))
            self.merge()
        if kills := set(queued(world)) - self._killed(world.tick):
            self.meet(Change(int(world.tick), kills=tuple(sorted(kills))))
        self.look()

    def meet(self, change: Change) -> None:
        """The world was changed: as it was on this branch, or for the first time, or otherwise, which forks."""
        self._pass(change.tick)
        branch, made = self.branch, self.made
        if made < len(branch.changes) and branch.changes[made] == change:
            self.made += 1
            return
        if made < len(branch.changes) or change.tick < branch.head:
            self._fork(change.tick)
        self.branch.add(change)
        if change.call is not None:
            self.branch.calls.append(change.call)
        self.made += 1

    def merge(self) -> list[Moment]:
        """Of two edits, or two settings, at one tick the first is over with: the next tick starts from the last.

        Returns the moments between the two, which are not needed any more.
        """
        branch, k = self.branch, self.made - 1
        if k - 1 < branch.prefix or k != len(branch.changes) - 1 or any(b.parent is branch for b in self.branches):
            return []
        before, last = branch.changes[k - 1 :]
        edits = before.edge is not None and last.edge is not None
        settings = before.settings is not None and last.settings is not None
        between = [moment for moment in branch.moments if (moment.tick, moment.made) == (last.tick, k)]
        if before.tick != last.tick or not (edits or settings) or any(settings or moment.names for moment in between):
            return []
        branch.take_out(k - 1)
        self.made -= 1
        return between

    def replay(self, upto: int) -> None:
        """Make the branch's changes at this tick again, of its first `upto`."""
        changes = self.branch.changes
        while self.made < upto and changes[self.made].tick <= self.world.tick:
            changes[self.made].make(self.world)
            self.made += 1
        self.look()

    def enter(self, world: World, branch: Branch, made: int) -> None:
        """The world was put somewhere else."""
        self.world, self.branch, self.made = world, branch, made
        self.look()

    def look(self) -> None:
        """This is what the world is now."""
        world = self.world
        self.tick, self._calls, self.settings = int(world.tick), len(world._overrides), Settings.of(world)
        self.branch.head = max(self.branch.head, self.tick)

    def at(self) -> Moment | None:
        """The moment of right here."""
        found = self.branch.last(self.tick, self.made)
        return found if found is not None and (found.tick, found.made) == (self.tick, self.made) else None

    def named(self, name: str) -> Branch:
        """The branch of that name. Raises `SettingsError`."""
        for branch in self.branches:
            if branch.name == name:
                return branch
        names = ", ".join(branch.name for branch in self.branches)
        raise SettingsError(f"go: there is no branch {name!r}. There are {names}.")

    def dormant(self) -> list[Branch]:
        """Branches of which only the curve is left, oldest first."""
        used: set[int] = set()
        for start in self.branches:
            branch = start if start.moments or start is self.branch else None
            while branch is not None and id(branch) not in used:
                used.add(id(branch))
                branch = branch.parent
        return [branch for branch in self.branches if id(branch) not in used]

    # ------------------------------------------------------------------ inside

    def _begin(self, world: World) -> None:
        """A run that comes from nowhere: the first, or one that was begun anew."""
        self.world = world
        self._open(None, int(world.tick), [], world._overrides)
        self.look()

    def _open(self, parent: Branch | None, fork: int, changes: list[Change], calls: Iterable[Override]) -> None:
        self._born += 1
        self.branch, self.made = Branch(f"run {self._born}", parent, fork, changes, calls), len(changes)
        self.branches.append(self.branch)
        for branch in self.dormant()[:-DORMANT]:
            self.branches.remove(branch)

    def _fork(self, tick: int) -> None:
        """Leave the branch at `tick`, with the changes made so far."""
        branch, made = self.branch, self.made
        calls = len(branch.calls) - sum(change.call is not None for change in branch.changes[made:])
        parent = branch
        while parent.parent is not None and tick <= parent.fork and made <= parent.prefix:
            parent = parent.parent  # nothing of this one comes before
        self._open(parent, tick, branch.changes[:made], branch.calls[:calls])

    def _pass(self, tick: int) -> None:
        """The world ran on to `tick`; where it went without a change that this branch had, it left it."""
        changes = self.branch.changes
        if self.made < len(changes) and changes[self.made].tick < tick:
            self._fork(changes[self.made].tick)

    def _killed(self, tick: int) -> set[int]:
        """Whose deaths are among the changes made at this tick."""
        found: set[int] = set()
        for k in range(self.made - 1, -1, -1):
            change = self.branch.changes[k]
            if change.tick != tick:
                break
            found |= set(change.kills)
        return found
