"""The ticks of a world on a CUDA device: runs of stages recorded as graphs, Python systems between them, one readback.

A run is a row of neighbouring systems that have `on_cuda`: they launch kernels and wait for nothing. Once the device's
memory has kept its place for two ticks, a run is recorded; from then on it is one launch. What else a run does on the
host is noted when it is recorded and done again at each replay: births it queues, tables it lets die, indices it fills.

The barrier's launches join the run where the schedule is one run. After a Python system they are a run of their own,
which is recorded for what was queued: other requests are launched one by one. Then the ledger is read, the only
readback of a tick, and the barrier finishes on the host.

`World.profile` has a row per run, named after its systems: the time of launching it. `profile.exact = True` waits after
each system and takes its time on the device; nothing is recorded then, and an error is of the system it names.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.backend import rng
from swarm.backend.ledger import NO_FAULT, Ledger
from swarm.ecs import override
from swarm.ecs.component import Column
from swarm.ecs.system import name_of
from swarm.errors import BackendError, NonFiniteError, SwarmError

if TYPE_CHECKING:
    from swarm.ecs.table import Birth, Table
    from swarm.world import World

QUIET = 2  # ticks in which nothing moved in memory, before a run is recorded
_NOTE = "times of launching; the device works on behind them. profile.exact = True waits and times each system"
_EXACT = "times on the device, which is waited for after each system: slower in all than without profile.exact"


class Step(NamedTuple):
    """One system of the schedule."""

    number: int
    name: str
    call: Callable[[Any, float], Any]
    captured: bool  # whether it only launches
    beside: Any = None  # stages side by side that have one, each another, may run at the same time


class Queue(NamedTuple):
    """What a tick has queued so far, as the host knows it."""

    births: tuple[tuple[Birth, ...], ...]  # per table
    deaths: tuple[bool, ...]
    filled: dict[Any, int]  # index -> tick it was filled in
    draws: dict[Any, tuple[int, int]]  # (table, name of a random stream) -> draws from it before, and until now

    @classmethod
    def of(cls, world: World) -> Queue:
        tables = world.tables.values()
        filled = {index: index.tick for index in world.indices.values()}
        draws = {name: (0, count) for name, count in world._draws.items()}
        return cls(tuple(tuple(t.births) for t in tables), tuple(t.deaths for t in tables), filled, draws)

    def put(self, world: World) -> None:
        """Make the queue this one."""
        for table, births, deaths in zip(world.tables.values(), self.births, self.deaths):
            table.births[:], table.deaths = births, deaths
        for index, tick in self.filled.items():
            index.tick = tick
        world._draws.clear()
        world._draws.update({name: count for name, (_, count) in self.draws.items()})

    def until(self, later: Queue, world: World) -> Queue:
        """What `later` has more than this one."""
        births = tuple(b[len(a) :] for a, b in zip(self.births, later.births))
        filled = {index: tick for index, tick in later.filled.items() if tick == world.tick}
        had = {name: self.draws[name][1] if name in self.draws else 0 for name in later.draws}
        draws = {name: (had[name], count) for name, (_, count) in later.draws.items() if count > had[name]}
        return Queue(births, later.deaths, filled, draws)

    def fits(self, world: World) -> bool:
        """Whether the random streams drawn from stand where they stood, so that the same numbers are drawn."""
        return all(world._draws.get(name, 0) == before for name, (before, _) in self.draws.items())

    def again(self, world: World) -> None:
        """Queue this, too."""
        for table, births, deaths in zip(world.tables.values(), self.births, self.deaths):
            table.births.extend(births)
            table.deaths = table.deaths or deaths
        for index in self.filled:
            index.tick = world.tick
        world._draws.update({name: count for name, (_, count) in self.draws.items()})


class Run:
    """Neighbouring systems that only launch, and the barrier's launches where `barrier` is set."""

    def __init__(self, steps: list[Step], barrier: bool = False) -> None:
        self.steps, self.barrier = steps, barrier
        self.graph: Any = None
        self._key: Any = None  # what must be as it was for the graph to stand
        self._seen: Any = None
        self._quiet = 0
        self._queued = Queue((), (), {}, {})

    @property
    def name(self) -> str:
        return " + ".join(step.name for step in self.steps) or "barrier"

    def __call__(self, world: World) -> None:
        """Replay what was recorded, record it, or launch it piece by piece."""
        key = self._now(world)
        if self.graph is not None and world.capture and key == self._key and self._queued.fits(world):
            world._running = self.name
            self.graph.launch()
            self._queued.again(world)
            return
        self._quiet = self._quiet + 1 if key == self._seen else 0
        self._seen = key
        if not (world.capture and self._quiet >= QUIET and self._record(world, key)):
            self._each(world)

    def _now(self, world: World) -> Any:
        tables = world.tables.values()
        about = tuple((table.n > 0, table.cap, table.mutation, id(table.brains)) for table in tables)
        queued = world.backend.twin("swarm.barrier").key_of(world) if self.barrier else ()
        kept = tuple(map(_identity, world.resources.values()))
        return world.backend.device.epoch, world.dt, world.size, about, kept, queued

    def _record(self, world: World, key: Any) -> bool:
        """Record and launch. False if memory moved meanwhile: nothing has happened then."""
        device, before = world.backend.device, Queue.of(world)
        try:
            with device.capture() as graph:
                self._each(world)
        except Exception as error:
            before.put(world)
            if isinstance(error, SwarmError) and not isinstance(error, BackendError):
                raise
            raise BackendError(
                f"{world._running}: cannot be recorded for replay: {error} Remedy: what runs on_cuda may only launch "
                "kernels, device.copy and device.fill; or set world.capture = False."
            ) from error
        if key != self._now(world) and device.epoch != key[0]:
            before.put(world)
            self._quiet = 0
            return False
        self.graph, self._key = graph, key
        self._queued = before.until(Queue.of(world), world)
        graph.launch()
        return True

    def _each(self, world: World) -> None:
        for steps in _together(self.steps):
            world.backend.device.beside(*(partial(_call, world, step) for step in steps))
        if self.barrier:
            world._running = "barrier"
            enqueue(world)


class Runner:
    """Makes the ticks of one world on its device."""

    def __init__(self, world: World) -> None:
        self._world = weakref.ref(world)
        self.device = world.backend.device
        self.ledger = Ledger(self.device, 0)
        self._told: Any = None  # what the device's ledger holds of the host's numbers
        self._parts: list[Run | Step] = []
        self._barrier: Run | None = None
        self._exact = False
        self.arrange()

    @property
    def world(self) -> World:
        """Held weakly: with a cycle of references the card's memory would come back late."""
        world = self._world()
        assert world is not None
        return world

    # ------------------------------------------------------------------ the schedule

    def arrange(self) -> None:
        """Cut the schedule into runs and Python systems."""
        world = self.world
        self._exact = world.profile.exact
        parts: list[Run | Step] = []
        for k, (system, name) in enumerate(zip(world.schedule, world.schedule.names)):
            step = _step(k, name, system, world)
            if self._exact or not step.captured:
                parts.append(step)
            elif parts and isinstance(parts[-1], Run):
                parts[-1].steps.append(step)
            else:
                parts.append(Run([step]))
        self._parts, self._barrier = parts, Run([], barrier=True)
        if len(parts) == 1 and isinstance(parts[0], Run):
            parts[0].barrier, self._barrier = True, None
        world.profile.restart((*(part.name for part in parts), "barrier", "tick"), _EXACT if self._exact else _NOTE)

    def tick(self) -> None:
        """One tick, barrier included. The caller holds `backend.running()`."""
        world, profile = self.world, self.world.profile
        if profile.exact != self._exact:
            self.arrange()
        self.balance()
        start = before = perf_counter_ns()
        for row, part in enumerate(self._parts):
            if isinstance(part, Run):
                part(world)
            elif self._exact:
                with self.device.timer() as timer:
                    self._call(part)
                profile.record(row, int(timer.seconds * 1e9))
                before = perf_counter_ns()
                continue
            else:
                self._call(part)
            now = perf_counter_ns()
            profile.record(row, now - before)
            before = now
        if self._barrier is not None:
            self._barrier(world)
        world._running = "barrier"
        finish(world)
        self._told = self._mirrored()
        now = perf_counter_ns()
        profile.record(len(profile) - 2, now - before)
        profile.record(len(profile) - 1, now - start)

    def _call(self, step: Step) -> None:
        """A Python system; if it spawned, the device must know before the next one."""
        _call(self.world, step)
        self.balance()

    # ------------------------------------------------------------------ the ledger

    def balance(self) -> None:
        """Tell the device what the host has changed: tables, how many live, slots, tick and seed."""
        numbers = self._numbers()
        if numbers == self._told:
            return
        ledger, tables = self.ledger, list(self.world.tables.values())
        if self._told is not None:
            ledger.pull()  # kernels count there what was queued
        else:
            ledger.bytes[:] = 0
            ledger.world["fault"] = NO_FAULT
        if len(ledger.counts) != len(tables):
            wider = Ledger(self.device, len(tables))
            both = min(len(wider.bytes), len(ledger.bytes))
            wider.bytes[:both] = ledger.bytes[:both]
            self.ledger = ledger = wider
            self.device.changed()
        words = dict(zip(("tick", "key0", "key1", "used", "spare"), numbers))
        for name, value in words.items():
            ledger.world[name] = value
        ledger.counts["n"] = [table.n for table in tables]
        ledger.push()
        self._told = numbers

    def _numbers(self) -> tuple[int, ...]:
        world = self.world
        key0, key1 = rng.key(world.seed)
        ids, living = world.ids, (table.n for table in world.tables.values())
        return (world.tick & 0xFFFFFFFF, int(key0), int(key1), ids.used, ids.spare, *living)

    def _mirrored(self) -> tuple[int, ...]:
        """The same numbers as the device had them when the ledger was read."""
        words = (self.ledger.world[name][0] for name in ("tick", "key0", "key1", "used", "spare"))
        return (*map(int, words), *self.ledger.counts["n"].tolist())

    def forget(self) -> None:
        """What kernels reported and counted is void; the next tick starts with a clean ledger."""
        self._told = None

    # ------------------------------------------------------------------ errors

    def blame(self, error: BaseException) -> BackendError:
        """The error for a card that gave up. Kernels run behind the host: only `profile.exact` knows which it was."""
        world = self.world
        if self._exact or not len(world.schedule):
            where = f"in system '{world._running}'"
        else:
            names = ", ".join(world.schedule.names)
            where = f"in one of {names}, barrier (world.profile.exact = True finds out which)"
        return BackendError(f"{where} at tick {world.tick}: {error}")


def _identity(value: Any) -> Any:
    """What a launch was given of a resource: where an array is, or the number itself."""
    pointer = getattr(getattr(value, "data", None), "ptr", None)
    return pointer if pointer is not None else value if isinstance(value, (int, float)) else id(value)


def _together(steps: list[Step]) -> list[list[Step]]:
    """The steps in their order; in one list those that may run at the same time."""
    found: list[list[Step]] = []
    for step in steps:
        before = [one.beside for one in found[-1]] if found else []
        if before and None not in (*before, step.beside) and step.beside not in before:
            found[-1].append(step)
        else:
            found.append([step])
    return found


def _call(world: World, step: Step) -> None:
    world._running, world.step_number = step.name, step.number
    step.call(world, world.dt)
    if override.any_driven(world):
        override.behind(world, world.schedule[step.number])


def _step(number: int, name: str, system: Any, world: World) -> Step:
    run = getattr(system, "on_cuda", None)
    if run is not None:
        ask = getattr(system, "launches_only", None)
        only = (ask is None or ask(world)) and not override.follows(world, system)
        return Step(number, name, run, only, getattr(system, "beside", None))
    module = getattr(system, "__module__", None) or type(system).__module__
    ours = str(module).startswith("swarm.") and not str(module).startswith("swarm.scenes.trace")
    return Step(number, f"{name} (reference)" if ours else name, system, False)


def call(system: Any, world: World, dt: float) -> None:
    """Run one system as this world's backend does: `on_cuda` on a device that has it."""
    run = getattr(system, "on_cuda", None) if world.backend.device is not None else None
    (run or system)(world, dt)


# ---------------------------------------------------------------------- the barrier


def enqueue(world: World) -> None:
    """The barrier's launches."""
    world.backend.twin("swarm.barrier").enqueue(world)


def finish(world: World) -> None:
    """Read the ledger and finish the barrier on the host; raises for a fault that a kernel reported."""
    world.ledger.pull()
    world.backend.twin("swarm.barrier").finish(world)


def accusation(world: World, name: str, step: Any, table: Table, row: int) -> NonFiniteError:
    """The error for a fault in `row`: entity, the values that are not finite, tick and system."""
    host = world.backend.host
    slot, generation = (int(host(getattr(table, key)[row : row + 1])[0]) for key in ("slots", "generations"))
    declared = [*(getattr(step, "reads", None) or ()), *(getattr(step, "writes", None) or ())]
    columns = [column for column in declared if isinstance(column, Column) and table.has(column)]
    columns = columns or [column for component in table.components for column in component.columns]
    found = {}
    for column in columns:
        value = host(table.column(column)[row : row + 1])[0]
        if column.dtype.kind == "f" and not np.isfinite(value).all():
            found[column.key] = value
    what = ", ".join(f"{key} = {value}" for key, value in found.items()) or "a value out of range"
    return NonFiniteError(
        f"{name_of(step) if step is not None else name}: entity {slot << 32 | generation} of table '{table.name}' has "
        f"{what} at tick {world.tick}. Values are finite numbers: look at the systems that wrote it."
    )
