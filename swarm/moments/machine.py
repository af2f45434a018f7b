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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.backend.memory import human
from swarm.brain.brains import Brains
from swarm.errors import CapacityError, ScheduleError, SettingsError
from swarm.moments.genomes import Genomes
from swarm.moments.moment import Draft, Moment, Shelf, queued
from swarm.moments.thin import victim
from swarm.moments.timeline import Branch, Change, Curve, Settings

if TYPE_CHECKING:
    from swarm.world import World

EVERY = 16  # ticks between two moments, about what a moment costs in ticks times twenty
DORMANT = 16  # branches without a moment whose curves are kept


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
        self._shelf = Shelf()
        self._stores: dict[tuple[str, int, str, str], Genomes] = {}
        self._branches: list[Branch] = []
        self._kept: dict[str, Kept] = {}
        self._born = 0  # branches made
        self._last: Moment | None = None  # the one to share with
        self._tried, self._version = -self.every, 0
        self._seen: tuple[Any, int, np.ndarray] | None = None
        self._begin(world)
        self._depart(world)

    def __repr__(self) -> str:
        first, last = self.reach
        return f"<moments of ticks {first:,} to {last:,}: {human(self.bytes)} of {human(self.budget)}>"

    # ------------------------------------------------------------------ what there is

    @property
    def bytes(self) -> int:
        """Of all arrays that are held: columns, genomes, curves."""
        held = self._shelf.bytes + sum(store.bytes for store in self._stores.values())
        return held + sum(branch.samples.bytes for branch in self._branches)

    @property
    def branch(self) -> str:
        """The name of the branch in force."""
        return self._branch.name

    @property
    def branches(self) -> tuple[str, ...]:
        """The names of all branches, oldest first."""
        return tuple(branch.name for branch in self._branches)

    @property
    def ticks(self) -> np.ndarray:
        """i64 [K]: the ticks of the states on the way to the end of the branch in force, ascending."""
        return self._way()[1]

    @property
    def reach(self) -> tuple[int, int]:
        """(oldest, newest) tick on the branch in force: `go` leads to each between."""
        return self._way()[0], self._branch.head

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The moments that were kept by name, in that order."""
        return tuple(self._kept.values())

    @property
    def curves(self) -> list[Curve]:
        """How many lived in each table, for every branch from where it left its parent on."""
        return [branch.curve() for branch in self._branches]

    # ------------------------------------------------------------------ while the world runs

    def note(self, world: World) -> bool:
        """Look at the idle world, and take a state when one is due; returns whether it did.

        Call it after each tick or each few, and before the next tick when settings were changed, agents driven or
        killed. Raises `CapacityError` when the budget does not hold one state beside those kept by name, and
        `SaveError` while births are queued.
        """
        self._follow(world)
        if self._tick < self._branch.head and self._stray(world):
            self.changed(world)
            return True
        self._branch.samples.add(self._tick, world.counts())
        if self._due():
            self._take(world)
            return True
        self._thin(lambda: 0)
        return False

    def changed(self, world: World) -> None:
        """The idle world was written to by hand, columns, resources or brains: take a state, so that no running on
        crosses this. Raises what `note` raises."""
        self._follow(world)
        self._meet(Change(self._tick, edge=object()))
        self._merge()
        self._take(world, edge=True)

    def edited(self, ids: Any) -> None:
        """The brains of these ids were edited: as `changed`. Their genomes are stored anew."""
        if len(ids):
            self.changed(self._world)

    def keep(self, world: World, name: str) -> Kept:
        """Keep this moment by name: never given up, but counted. Raises `SettingsError` for a name that is taken."""
        if not name or name in self._kept:
            raise SettingsError(f"keep: a moment called {name!r} is there already. Choose another name, or forget it.")
        self._follow(world)
        moment = self._at(self._tick, self._made) or self._take(world)
        moment.names += 1
        self._kept[name] = Kept(name, moment)
        return self._kept[name]

    def forget(self, name: str) -> None:
        """Keep it no longer. Raises `SettingsError` for a name that is not there."""
        if name not in self._kept:
            raise SettingsError(f"forget: no moment is kept as {name!r}. There are {', '.join(self._kept) or 'none'}.")
        self._kept.pop(name).moment.names -= 1

    def rename(self, name: str, other: str) -> Kept:
        """Keep it by another name, at its place in the list. Raises `SettingsError` for one that is there already, and
        for a `name` that is not."""
        if name not in self._kept:
            raise SettingsError(f"rename: no moment is kept as {name!r}. There are {', '.join(self._kept) or 'none'}.")
        if not other or (other in self._kept and other != name):
            raise SettingsError(f"rename: a moment called {other!r} is there already. Choose another name.")
        self._kept[name].name = other
        self._kept = {kept.name: kept for kept in self._kept.values()}
        return self._kept[other]

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
        if world.stepping:
            raise ScheduleError(f"go: tick {world.tick} is under way. Travel between ticks.")
        if len(world.records):
            paths = ", ".join(str(stream.path) for stream in world.records)
            raise SettingsError(
                f"go: {paths} is being recorded and would get ticks twice. Finish it first, world.records.close(), and "
                "record to another file from there."
            )
        self._follow(world)
        if isinstance(tick, Kept):
            there, made, tick = tick.moment.branch, tick.moment.made, tick.tick
        else:
            there = self._branch if branch is None else self._named(branch)
            made = there.made_at(tick)
        if self._tick == self._branch.head:
            self._depart(world)
        base = there.base(tick, made) if tick <= there.head else None
        if base is None:
            reach = f"{there.oldest()} to {there.head}"
            raise SettingsError(f"go: tick {tick} of {there.name} is out of reach. Choose one from {reach}.")
        here = self._branch is there and base.tick <= self._tick <= tick and base.made <= self._made <= made
        try:
            if not here or there.crosses(self._made, made):
                self._put(world, base, there)
            self._run(world, tick, made, progress, stop)
        except BaseException:
            self._put(world, base, there)
            raise
        if self._tick - base.tick > 2 * self.every:
            self._depart(world)
        return self._tick

    def _run(self, world: World, tick: int, made: int, progress: Any, stop: Any) -> None:
        """From where it is to a tick, with the changes of the branch."""
        branch, start = self._branch, self._tick
        while True:
            while self._made < made and branch.changes[self._made].tick <= world.tick:
                branch.changes[self._made].make(world)
                self._made += 1
            self._look(world)
            if world.tick >= tick or (stop is not None and stop()):
                return
            world.step()
            if progress is not None:
                progress(world.tick - start, tick - start)

    def _put(self, world: World, moment: Moment, branch: Branch) -> None:
        moment.put(world, branch.calls)
        self._world, self._branch, self._made, self._last = world, branch, moment.made, moment
        self._look(world)

    # ------------------------------------------------------------------ following the world

    def _begin(self, world: World) -> None:
        """A run that comes from nowhere: the first, or one that was begun anew."""
        self._world = world
        self._enter(None, int(world.tick), [], list(world._overrides))
        self._look(world)

    def _enter(self, parent: Branch | None, fork: int, changes: list[Change], calls: list[Any]) -> None:
        self._born += 1
        self._branch = Branch(f"run {self._born}", parent, fork, changes, calls)
        self._made = len(changes)
        self._branches.append(self._branch)
        for branch in self._dormant()[:-DORMANT]:
            self._branches.remove(branch)

    def _dormant(self) -> list[Branch]:
        """Branches of which only the curve is left, oldest first."""
        used = {id(b) for branch in self._branches if branch.moments or branch is self._branch for b in _line(branch)}
        return [branch for branch in self._branches if id(branch) not in used]

    def _way(self) -> tuple[int, np.ndarray]:
        """The oldest tick in reach and the ticks of all moments on the way to the head."""
        branch = self._branch
        lost = branch.base(branch.head, len(branch.changes)) is None
        key = branch, len(branch.changes), self._version, branch.head if lost else 0
        if self._seen is None or self._seen[0] != key:
            path = branch.path(branch.head, len(branch.changes))
            self._seen = key, branch.oldest(), np.unique(np.array([moment.tick for moment in path], np.int64))
        return self._seen[1:]

    def _look(self, world: World) -> None:
        """This is where the world is now."""
        self._tick, self._calls, self._settings = int(world.tick), len(world._overrides), Settings.of(world)
        self._branch.head = max(self._branch.head, self._tick)

    def _follow(self, world: World) -> None:
        """See what was done to the world since the last look, and on which branch it is."""
        if world is not self._world or world.tick < self._tick or len(world._overrides) < self._calls:
            self._begin(world)
        for call in world._overrides[self._calls :]:
            self._meet(Change(call.tick, call=call))
        if world.tick > self._tick:
            self._pass(world.tick)
        settings = Settings.of(world)
        if settings.differ(self._settings):
            self._meet(Change(int(world.tick), settings=settings))
            self._merge()
        if kills := set(queued(world)) - self._killed(world.tick):
            self._meet(Change(int(world.tick), kills=tuple(sorted(kills))))
        self._look(world)

    def _killed(self, tick: int) -> set[int]:
        """Whose deaths are among the changes made at this tick."""
        found: set[int] = set()
        for change in reversed(self._branch.changes[: self._made]):
            if change.tick != tick:
                break
            found |= set(change.kills)
        return found

    def _meet(self, change: Change) -> None:
        """The world was changed: as it was on this branch, or for the first time, or otherwise, which forks."""
        self._pass(change.tick)
        branch = self._branch
        if self._made < len(branch.changes) and branch.changes[self._made] == change:
            self._made += 1
            return
        if self._made < len(branch.changes) or change.tick < branch.head:
            self._fork(change.tick)
        self._branch.add(change)
        if change.call is not None:
            self._branch.calls.append(change.call)
        self._made += 1

    def _pass(self, tick: int) -> None:
        """The world ran on to `tick`; where it went without a change that this branch had, it left it."""
        changes = self._branch.changes
        if self._made < len(changes) and changes[self._made].tick < tick:
            self._fork(changes[self._made].tick)

    def _fork(self, tick: int) -> None:
        """Leave the branch at `tick`, with the changes made so far."""
        branch, made = self._branch, self._made
        calls = len(branch.calls) - sum(change.call is not None for change in branch.changes[made:])
        while branch.parent is not None and tick <= branch.fork and made <= branch.prefix:
            branch = branch.parent  # nothing of this branch comes before
        self._enter(branch, tick, self._branch.changes[:made], self._branch.calls[:calls])

    def _merge(self) -> None:
        """Of two edits, or two settings, at one tick the first is over with: the next tick starts from the last."""
        branch, k = self._branch, self._made - 1
        if k - 1 < branch.prefix or k != len(branch.changes) - 1 or any(b.parent is branch for b in self._branches):
            return
        before, last = branch.changes[k - 1 :]
        edits = before.edge is not None and last.edge is not None
        settings = before.settings is not None and last.settings is not None
        between = [moment for moment in branch.moments if (moment.tick, moment.made) == (last.tick, k)]
        if before.tick != last.tick or not (edits or settings) or any(settings or moment.names for moment in between):
            return
        for moment in between:
            self._drop(moment)
        branch.take_out(k - 1)
        self._made -= 1

    # ------------------------------------------------------------------ taking and dropping

    def _due(self) -> bool:
        if self._tried <= self._tick < self._tried + self.every:
            return False  # there was no room
        last = self._branch.last(self._tick, self._made)
        return last is None or self._tick - last.tick >= self.every

    def _stray(self, world: World) -> bool:
        """Whether the world is something else than it was when it came by here: somebody wrote into it unannounced."""
        moment = self._at(self._tick, self._made)
        if moment is None or moment is self._last:
            return False
        draft = Draft(world, self._settings, moment, self._shelf, self._store, again=True)
        strays = not draft.equals(moment)
        draft.let_go()
        moment.seen()
        self._last = moment
        return strays

    def _take(self, world: World, edge: bool = False) -> Moment:
        """A moment of the world as it is, on the branch in force."""
        branch = self._branch
        self._stores = {key: store for key, store in self._stores.items() if store.n}
        again = self._tick < branch.head
        draft = Draft(world, self._settings, self._last, self._shelf, self._store, again)
        self._room(draft)
        moment = draft.finish()
        self._version += 1
        moment.branch, moment.made = branch, self._made
        moment.edge = edge or branch.last(self._tick, self._made) is None
        branch.moments.append(moment)
        branch.moments.sort(key=lambda m: (m.tick, m.made))
        self._last = moment
        return moment

    def _depart(self, world: World) -> None:
        """Take the moment that is left behind, where there is room."""
        if self._at(self._tick, self._made) is None:
            try:
                self._take(world)
            except CapacityError:
                self._tried = -self.every  # `note` says so

    def _room(self, draft: Draft) -> None:
        """Give up moments until the draft fits. Raises `CapacityError`, where it can not, before anything is lost."""
        named = [kept.moment for kept in self._kept.values()]
        least = draft.size(named) + self._branch.samples.bytes
        if least <= self.budget and self._thin(draft.need):
            return
        draft.let_go()
        self._tried = self._tick
        beside = f" and {len(named)} kept by name take" if named else " takes"
        raise CapacityError(
            f"Moments: this state{beside} {human(least)}; the budget is {human(self.budget)}. "
            f"{'Forget some, or give' if named else 'Give'} more: Moments(world, budget=...)."
        )

    def _thin(self, need: Callable[[], int]) -> bool:
        """Give up moments until `need()` more bytes fit; whether they do."""
        while self.bytes + need() > self.budget:
            moment = victim(self._branches)
            if moment is not None:
                self._drop(moment)
            elif dormant := self._dormant():
                self._branches.remove(dormant[0])
            else:
                return False
        return True

    def _drop(self, moment: Moment) -> None:
        self._version += 1
        moment.branch.moments.remove(moment)
        for array in moment.every():
            self._shelf.drop(array)
        for store, numbers in moment.held():
            store.drop(numbers)
        if self._last is moment:
            self._last = None

    def _store(self, table: str, group: int, pool: Brains) -> Genomes:
        key = table, group, repr(pool.mlp), pool.dtype.name
        if key not in self._stores:
            self._stores[key] = Genomes(pool.layout.count, pool.dtype, len(pool))
        return self._stores[key]

    def _at(self, tick: int, made: int) -> Moment | None:
        found = self._branch.last(tick, made)
        return found if found is not None and (found.tick, found.made) == (tick, made) else None

    def _named(self, name: str) -> Branch:
        for branch in self._branches:
            if branch.name == name:
                return branch
        raise SettingsError(f"go: there is no branch {name!r}. There are {', '.join(self.branches)}.")


def _line(branch: Branch | None) -> list[Branch]:
    """A branch and its ancestors."""
    return [] if branch is None else [branch, *_line(branch.parent)]
