"""The world: tables, brains, schedule, clock and seed of one simulation. Nothing lives outside it.

world = World(size=(512, 512), tick=1 / 60, seed=7)
ids = world.spawn(20_000, Body(pos=world.scatter), Energy(), name="forager")
world.schedule = (steer, swarm.move(Body.pos, Body.vel), starve)
world.step()
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from swarm import snapshot, worlds
from swarm.backend import rng
from swarm.backend.device import Backend, choose
from swarm.barrier import barrier
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.capture import Runner, accusation
from swarm.ecs import override
from swarm.ecs.agents import Agents
from swarm.ecs.component import Column, Component, cast
from swarm.ecs.entity import Entity, locate, locate_all
from swarm.ecs.events import Event, Events, Journal, check_kind
from swarm.ecs.follow import Past
from swarm.ecs.ids import Ids, join, split
from swarm.ecs.override import Override
from swarm.ecs.system import Schedule, check
from swarm.ecs.table import Table
from swarm.errors import ScheduleError, SchemaError, SettingsError
from swarm.profile import Profile
from swarm.record import Record, Records
from swarm.spawn import arrive, prepare
from swarm.stages.inspect import Inspection, inspect
from swarm.stages.neighbours import Neighbours, neighbours


class World:
    """A torus of `size` metres that advances in fixed ticks of `tick` seconds.

    backend: "auto", "cuda", "cpu", "reference" or a `Backend`. seed: 0 to 2**64 - 1; the same seed gives the same run.
    threads: all processors by default. max_catch_up: ticks that one `advance` makes at most. Raises `SettingsError`,
    and `BackendError` for a backend that cannot run here.

    On CUDA columns are arrays of the device. Neighbouring stages are recorded once and then launched as one graph;
    `world.capture = False` launches them one by one, with the same result.
    """

    def __init__(
        self,
        size: tuple[float, float] | float = (512.0, 512.0),
        tick: float = 1 / 60,
        backend: str | Backend = "auto",
        seed: int = 0,
        threads: int | None = None,
        max_catch_up: int = 5,
    ) -> None:
        self.size = _size(size)
        self.dt = _positive(tick, "tick", "seconds")
        self.backend = choose(backend, threads)
        rng.key(seed)
        self.seed = int(seed)  # of several worlds the first one's: random numbers take `seeds`
        if not isinstance(max_catch_up, (int, np.integer)) or max_catch_up < 1:
            raise SettingsError(f"World: max_catch_up is {max_catch_up!r}; give a whole number of ticks, 1 or more.")
        self.max_catch_up = int(max_catch_up)
        self.tick = 0  # ticks made
        self.ids = Ids(self.backend)
        self.tables: dict[str, Table] = {}
        self.indices: dict[Column, Any] = {}  # filled by the index stage
        self.resources: dict[str, Any] = {}  # numbers and arrays that systems keep between ticks; saved and hashed
        self.scene: dict[str, Any] | None = None  # path, settings and source digest, where a scene built this world
        self.scattered = 0  # calls of `scatter`
        self._seeds: Any = None  # of several worlds: u64 [W], and i64 [W] the ticks at which each began
        self._begun: Any = None
        self._schedule = Schedule()
        self.profile = Profile(("barrier", "tick"))
        self.records = Records()  # streams that `record` opened; no part of the state
        self.capture = True  # on CUDA: whether runs of stages become graphs
        self.step_number = 0  # which system of the schedule runs; what kernels report faults under
        self._runner = None if self.backend.device is None else Runner(self)
        self._unchecked = False
        self._past = Past()
        self._journal = Journal()
        self._overrides: list[Override] = []
        self._orders: dict[tuple[int, ...], tuple[tuple[int, ...], np.ndarray]] = {}
        self._draws: dict[tuple[int, str], int] = {}
        self._running: str | None = None  # the system that runs
        self._stepping = False
        self._lag = 0.0  # seconds that `advance` still owes

    @property
    def threads(self) -> int:
        """How many threads kernels use; results do not depend on it."""
        return self.backend.threads

    def __repr__(self) -> str:
        what = ", ".join(f"{n:,} {name}" for name, n in self.counts().items()) or "empty"
        many = f"{self.worlds:,} worlds" if self.worlds > 1 else "World"
        return f"<{many} {self.size[0]:g} x {self.size[1]:g} m at tick {self.tick}: {what}; {self.backend.name}>"

    @property
    def stepping(self) -> bool:
        """Whether a tick is under way."""
        return self._stepping

    @property
    def ledger(self) -> Any:
        """What the device knows of this world (`backend.ledger.Ledger`); None where there is no device."""
        return None if self._runner is None else self._runner.ledger

    # ------------------------------------------------------------------ entities

    def spawn(
        self,
        count: int,
        *components: Component | type[Component],
        name: str | None = None,
        brains: MLP | Sequence[MLP] | Brains | None = None,
        brain: Any = None,
        mutation: Any = None,
        cap: int | None = None,
        dtype: Any = "float32",
        init: str = "auto",
    ) -> np.ndarray:
        """Add `count` entities with these components and return their ids, u64 [count].

        name: the table; spawning again with the same name and components adds to it. brains: an `MLP` (every entity
        gets an own brain of `dtype`, drawn by `init` and keyed by its id), one `MLP` each, or a pool of `count` brains,
        which the table then owns. With `brain` [count] the pool is shared and these are the rows. mutation: how
        children's brains differ (`Mutation`; None copies). cap: the population above which births are refused.

        Called by a system, the entities enter at the barrier. Raises `SchemaError`, `SettingsError`, `NonFiniteError`,
        and `CapacityError` when they do not fit in memory; the world is then as it was.
        """
        worlds.need_one(self, "spawn")
        limit, scattered = _cap(cap, name), self.scattered
        try:
            table, arrival = prepare(self, count, components, name, brains, brain, dtype, init)
        except BaseException:
            self.scattered = scattered
            raise
        table.mutation = table.mutation if mutation is None else mutation
        table.cap = table.cap if limit is None else limit
        self._unchecked = True
        if self._stepping:
            table.arrivals.append(arrival)
        else:
            with self.backend.running():
                arrive(self, table, arrival, self.tick - 1, "a spawn")
        slots = arrival.slots
        return join(slots, self.backend.host(self.ids.generation[self.backend.array(slots)]))

    def scatter(self, count: int) -> np.ndarray:
        """`count` positions drawn evenly over the world, f32 [count, 2]; every call draws others."""
        worlds.need_one(self, "scatter")
        draw = rng.uniform(self.seed, np.arange(count), self.scattered, self.tick, rng.stream("scatter"), 2)
        self.scattered += 1
        sides = np.asarray(self.size, np.float32)
        return np.minimum(draw * sides, np.nextafter(sides, np.float32(0)))

    def query(self, *components: type[Component]) -> Iterator[Agents]:
        """The agents of every table that has all these components and is not empty, in the order of spawning."""
        for component in components:
            if not (isinstance(component, type) and issubclass(component, Component)):
                raise SchemaError(f"query: {component!r} is no component. Write world.query(Body, Energy).")
        for table in tuple(self.tables.values()):
            if table.n and all(component in table.components for component in components):
                yield Agents(self, table)

    def tables_with(self, *columns: Column) -> list[Table]:
        """The tables that have all these columns, in the order of spawning."""
        return [table for table in self.tables.values() if all(table.has(column) for column in columns)]

    def neighbours(
        self, pos: Column, radius: float, of: Column | None = None, agents: Agents | None = None
    ) -> Neighbours:
        """All pairs of entities that have `pos` with others that have `of` (None: `pos`) closer than `radius` m.

        agents: seek for these of a query only; else for all tables that have `pos`, one after the other. An index of
        `of` that reaches far enough and still holds is used; without one the search makes its own, which costs more.
        Raises `SchemaError`, `SettingsError` for a radius beyond half the world, `NonFiniteError`.
        """
        return neighbours(self, pos, radius, of, agents)

    def counts(self, k: int | None = None) -> dict[str, int]:
        """The living per table; of several worlds all of them, or those of world `k`."""
        if k is not None:
            k = worlds.number(self, k, "counts")
            return {name: int(np.atleast_1d(table.population)[k]) for name, table in self.tables.items()}
        return {name: table.n for name, table in self.tables.items()}

    def order(self, tables: Iterable[Table]) -> np.ndarray:
        """Entries of these tables, one after the other (entry = base[table] + row), in id order: i32 [n], read-only."""
        tables = tuple(tables)
        key, versions = tuple(t.index for t in tables), tuple(t.version for t in tables)
        known = self._orders.get(key)
        if known is None or known[0] != versions:
            base, total = np.full(len(self.tables) + 1, -1, np.int64), 0
            for table in tables:
                base[table.index] = total
                total += table.n
            with self.backend.running():
                known = self._orders[key] = versions, self.ids.order(self.backend.array(base), total)
            if isinstance(known[1], np.ndarray):
                known[1].flags.writeable = False
        return known[1]

    def get(self, id: int) -> Entity:
        """A copy of what one entity is now. Raises `DeadError` once it has died."""
        table, row = self._find(id)
        return Entity(id, table, row, self._now(id))

    def write(self, column: Column, id: int, value: Any) -> None:
        """Set a column of one entity. Raises `DeadError` once it has died, `SchemaError` if the value does not fit."""
        table, row = self._find(id)
        target = table.column(column)
        array = cast(column, self.backend.array(value), f"entity {int(id)}")
        if array.shape not in ((), column.shape):
            raise SchemaError(f"entity {int(id)}: {column.key} got shape {array.shape}, wants {column.shape}.")
        target[row] = array

    def brain(self, id: int) -> Brains:
        """The brain of one entity, a pool of one that shares the memory. Raises `DeadError` once it has died."""
        table, row = self._find(id)
        if table.brains is None:
            raise SchemaError(f"entity {int(id)}: table '{table.name}' has no brains. Spawn it with brains=MLP(...).")
        return table.brains[int(table.brain[row]) if table.shared else row]

    def inspect(self, id: int) -> Inspection:
        """What one entity is, senses, thinks and does, with names and units. Raises `DeadError` once it has died."""
        return inspect(self, id)

    def override(self, id: int, actions: Any) -> None:
        """Drive an agent: from the next tick on it does `actions` [A], whatever its brain or a rule says; None ends it.

        This is state, saved and hashed, and ends with the agent's death. Every call is kept in `overrides`. Raises
        `DeadError`, `SchemaError` for an entity without mind or another number of actions, `NonFiniteError`,
        `ScheduleError` within a tick, and `SettingsError` where these are several worlds in one.
        """
        before, table = override.any_driven(self), self._find(id)[0]
        self._overrides.append(override.set(self, table, id, actions))
        if self._runner is not None and override.any_driven(self) != before:
            self._runner.arrange()

    @property
    def overrides(self) -> tuple[Override, ...]:
        """All calls of `override`, (tick, id, actions or None) each; saved with the world. See `swarm.replay`."""
        return tuple(self._overrides)

    def kill(self, ids: Any) -> None:
        """Queue the deaths of these ids, for the next barrier. Raises `DeadError` for one that does not live."""
        asked = np.atleast_1d(np.asarray(self.backend.host(ids), np.uint64))
        if self._runner is not None:
            tables = list(self.tables.values())
            for index, rows in locate_all(self.ids, asked, self.tick, self._coming):
                tables[index].dying[self.backend.array(rows)] = True
                tables[index].deaths = True
            return
        for id in asked.tolist():
            table, row = self._find(id)
            table.dying[row] = True
            table.deaths = True

    # ------------------------------------------------------------------ time

    @property
    def schedule(self) -> Schedule:
        """The systems of one tick, in order. Setting it checks what they declare; raises `ScheduleError`."""
        return self._schedule

    @schedule.setter
    def schedule(self, systems: Iterable[Any]) -> None:
        schedule = Schedule(systems)
        check(schedule, list(self.tables.values()))
        self._schedule = schedule
        self._unchecked = not self.tables
        self.profile = Profile((*schedule.names, "barrier", "tick"), self.profile.exact)
        if self._runner is not None:
            self._runner.arrange()

    def step(self) -> None:
        """One tick: every system in order, then the barrier.

        An error in a system names the system and the tick; what was queued in the tick is then forgotten. May run in a
        worker thread, one step of a world at a time. A row that cannot be recorded raises `SaveError`; the tick stands.
        """
        self._step()
        if self.records:
            self.records.note(self)

    def _step(self) -> None:
        if self._stepping:
            raise ScheduleError(f"step: tick {self.tick} is still running. A system cannot step its own world.")
        if self._unchecked:
            check(self._schedule, list(self.tables.values()))
            self._unchecked = False
        self._stepping = True
        profile = self.profile
        try:
            with self.backend.running():
                if self._past.columns:
                    self._past.keep(self.tables.values())
                if self._runner is not None:
                    self._runner.tick()
                    self._close()
                    return
                driven = override.any_driven(self)
                start = before = perf_counter_ns()
                for k, system in enumerate(self._schedule):
                    self._running = self._schedule.names[k]
                    system(self, self.dt)
                    if driven:
                        override.behind(self, system)
                    now = perf_counter_ns()
                    profile.record(k, now - before)
                    before = now
                self._running = "barrier"
                barrier(self)
                self.tick += 1
                now = perf_counter_ns()
                profile.record(len(profile) - 2, now - before)
                profile.record(len(profile) - 1, now - start)
                self._close()
        except BaseException as error:
            error.add_note(f"in system '{self._running}' at tick {self.tick}")
            if self._runner is not None and self.backend.device.lost:
                raise self._runner.blame(error) from error
            self._discard()
            raise
        finally:
            self._stepping = False
            self._running = None
            self._draws.clear()

    def advance(self, seconds: float) -> float:
        """Make the whole ticks that `seconds` of real time add up to, at most `max_catch_up`; the rest is dropped.

        Returns alpha in [0, 1): how far the time is between the last tick and the next, for `view`. Raises
        `SettingsError` for negative or non-finite seconds.
        """
        if not (isinstance(seconds, (int, float, np.number)) and math.isfinite(seconds) and seconds >= 0):
            raise SettingsError(f"advance: {seconds!r} seconds. Give the time since the last call, 0 or more.")
        self._lag += float(seconds)
        due = int(self._lag / self.dt + 1e-6)  # a frame as long as a tick makes one tick, whatever the rounding
        for _ in range(min(due, self.max_catch_up)):
            self.step()
        self._lag = max(0.0, self._lag - due * self.dt)
        return min(self._lag / self.dt, 1 - 1e-9)

    def view(self, *columns: Column, alpha: float | None = None, of: int | None = None) -> tuple[np.ndarray, ...]:
        """(ids, *columns) of all entities that have the columns: copies on the host, row k of each is the same entity.

        alpha in [0, 1]: positions (unit "m", shape (2,)) stand that far between the previous tick and this one, the
        shortest way round the torus; entities are matched by id and newborns stand where they are. The previous tick
        is kept from the first call with alpha on. of: only those of this one of several worlds.
        """
        if not columns or not all(isinstance(column, Column) for column in columns):
            raise SchemaError("view: give columns, such as world.view(Body.pos).")
        tables = self.tables_with(*columns)
        if not tables:
            raise SchemaError(f"view: no table has {', '.join(c.key for c in columns)} together. Spawn one that has.")
        if alpha is not None and not 0 <= alpha <= 1:
            raise SettingsError(f"view: alpha is {alpha!r}; give what `advance` returned, 0 to 1.")
        copied = self.backend.host if self._runner is not None else np.array
        found: list[list[np.ndarray]] = [[self.backend.host(table.ids()) for table in tables]]
        for column in columns:
            between = alpha is not None and column.wraps and column.parent is None
            if between:
                self._past.columns.add(column)
                with self.backend.running():
                    made = [self._past.between(t, column, float(alpha or 0), self.size, len(self.ids)) for t in tables]
                arrays = [self.backend.host(array) for array in made]
            else:
                arrays = [copied(table.column(column)) for table in tables]
            found.append(arrays)
        if of is not None and worlds.number(self, of, "view") < self.worlds > 1:
            found = [[array[t.worlds == of] for t, array in zip(tables, arrays)] for arrays in found]
        return tuple(arrays[0] if len(arrays) == 1 else np.concatenate(arrays) for arrays in found)

    # ------------------------------------------------------------------ events

    def events(self, kind: type[Event]) -> Events:
        """What happened in the last tick: copies of ids, others u64 [K], amounts float32 [K], by (id, other).

        Kinds are swarm.Birth, Death, Meal, Bite, Share, Mating, Message, Collision and classes of your own that derive
        from `swarm.Event`. The first call for a kind has it recorded from the next tick on and returns none. Raises
        `SchemaError` for what is no kind.
        """
        check_kind(kind, "events")
        if not self.wants(kind):
            self.watch(kind)
        return self._journal.last(kind, self.tick - 1)

    def watch(self, *kinds: type[Event], on: bool = True) -> None:
        """Record these kinds of events from the next tick on; with on=False no longer. Raises `SchemaError`."""
        if self._journal.watch(kinds, on, self._stepping) and self._runner is not None:
            self._runner.arrange()

    def wants(self, kind: type[Event]) -> bool:
        """Whether events of this kind are recorded: what a stage asks before it collects any."""
        return kind in self._journal.kinds

    def emit(self, kind: type[Event], ids: Any, others: Any = 0, amounts: Any = 0.0) -> None:
        """Report events of this tick: ids u64 [K]; others u64 and amounts float32, one for each or one for all.

        Copied; dropped if nobody watches the kind. Raises `SchemaError` for what does not fit.
        """
        self._journal.emit(self, kind, ids, others, amounts)

    # ------------------------------------------------------------------ several worlds in one

    @property
    def worlds(self) -> int:
        """W, how many independent worlds these arrays hold; 1 unless made by `swarm.scene(..., worlds=W)`."""
        return self.ids.worlds

    @property
    def seeds(self) -> Any:
        """What random numbers are keyed by: the seed, or of several worlds each one's, u64 [W]."""
        return self.seed if self._seeds is None else self._seeds

    @property
    def ticks(self) -> Any:
        """The ticks made: `tick`, or of several worlds what each has made since its start, i64 [W]."""
        return self.tick if self._begun is None else self.tick - self._begun

    def tick_of(self, who: Any) -> Any:
        """Each entity's own tick: `who` is a table, or slots [K]; a number, or of several worlds i64 [K]."""
        if self._begun is None:
            return self.tick
        return self.ticks[who.worlds if isinstance(who, Table) else who % self.worlds]

    def total(self, table: Table, values: Any = None, rows: Any = None, exact: bool = False) -> Any:
        """The sum of values [n] over a table's rows, or how many there are; of several worlds the sum of each, [W].

        rows: a mask [n] or K row numbers, each once; values [K] are then theirs. Whole numbers and bools add up in
        i64. Others add up in float64 and in the order of ids, so that the order of rows does not show; `exact` says
        that they are whole quanta, whose sum is the same in any order, and saves sorting them.
        """
        return worlds.total(self, table, values, rows, exact)

    def apart(self, k: int) -> World:
        """World `k` of several, as a world of its own that goes on as it would here: a copy."""
        return worlds.apart(self, worlds.number(self, k, "apart"))

    def reset(self, which: Any, seeds: Any = None) -> None:
        """Begin worlds anew, as their scene builds them: `which` is a number, several, or a mask [W].

        seeds: for each, else those they began with. Ids of what lived there may be given out again. Raises
        `SettingsError`, and `ScheduleError` within a tick.
        """
        worlds.reset(self, which, seeds)

    def score(self) -> np.ndarray:
        """float64 [W]: how well each world does, by its scene's `score(world)`. Raises `SettingsError` without one."""
        return worlds.score(self)

    def several(self, seeds: Any, ticks: Any) -> None:
        """Note the seeds and the ticks made of several worlds, [W] each; for code that puts their state here."""
        self._seeds = np.asarray(seeds, np.uint64)
        self._begun = self.tick - np.asarray(ticks, np.int64)
        self.seed = int(self._seeds[0])

    # ------------------------------------------------------------------ state

    def hash(self, k: int | None = None) -> str:
        """The state as 16 hexadecimal digits: columns, brains, tick, seed, slot generations, free slots, resources.

        k: of several worlds the hash that this one has alone.
        """
        return snapshot.digest(self if k is None else self.apart(k))

    def record(self, path: str | Path, every: int = 1, *, resume: bool | None = None, **statistics: Any) -> Record:
        """Stream statistics to a .csv or .parquet file, a row now and whenever the tick is a multiple of `every`.

        statistics: name=function of the world that returns a number, or `swarm.count("forager")`,
        `swarm.mean(Energy.level)`, `sum`, `min`, `max`, `std`, `quantile(Energy.level, 0.9)`. resume: go on with a file
        that is there, cut back to this tick; else such a file is an error. `world.records.close()` finishes the files.

        Raises `SettingsError`, `SchemaError`, `SaveError`, and `ExtraError` where Parquet has no pyarrow.
        """
        return self.records.add(self, path, every, resume, statistics)

    def save(self, path: str | Path) -> None:
        """Write the state to a safetensors file, whole or not at all. Raises `SaveError`."""
        snapshot.save(self, path)

    @classmethod
    def load(
        cls,
        path: str | Path,
        components: Iterable[type[Component]] | None = None,
        schedule: Iterable[Any] | None = None,
        backend: str | Backend = "auto",
        threads: int | None = None,
    ) -> World:
        """The world in a file written by `save`.

        A world that a scene built reloads by itself. One built by hand needs its `components` and its `schedule`, which
        are code and not in the file. Raises `SaveError` saying what does not fit.
        """
        return snapshot.load(cls, path, components, schedule, backend, threads)

    # ------------------------------------------------------------------ inside

    def draw(self, table: Table, kind: str, stream: str | None) -> int:
        """The random stream of the next `Agents.normal` or `uniform`; repeated calls in one tick get others."""
        name = f"{kind} of {stream or self._running or 'nobody'}"
        turn = self._draws.get((table.index, name), 0)
        self._draws[table.index, name] = turn + 1
        return rng.stream(f"{name} {turn}" if turn else name)

    def ask(self, table: Table, rows: Any, values: dict[Column, Any], count: Any = None) -> None:
        """Queue births on the device: rows i32 [M] there, of which `count` i32 [1] count (None: all)."""
        assert self._runner is not None
        with self.backend.running():
            self._runner.balance()
            self.backend.twin("swarm.barrier").ask(self, table, rows, values, count)

    def accuse(self, system: int, table: int, row: int) -> None:
        """Raise the error for a fault that a kernel of system number `system` found in a row; see `Ledger.fault`."""
        step = self._schedule[system] if system < len(self._schedule) else None
        self._running = "barrier" if step is None else self._schedule.names[system]
        about = list(self.tables.values())[table]
        tell = getattr(step, "accuse", None)
        if tell is not None:
            tell(self, about, row)
        raise accusation(self, self._running, step, about, row)

    def forget(self) -> None:
        """Drop what is derived from the state; called when the state was replaced."""
        if self._runner is not None:
            self.backend.device.changed()
            self._runner.forget()
            self._runner.arrange()
        self.indices.clear()
        self._orders.clear()
        self._past = Past()
        self._journal.forget()
        self._lag = 0.0
        self._unchecked = True

    def _now(self, id: int) -> int:
        """The tick of the world that an entity is of."""
        return self.tick if self._begun is None else int(self.ticks[split(id)[0] % self.worlds])

    def _find(self, id: int) -> tuple[Table, int]:
        index, row = locate(self.ids, id, self._now(id), self._coming(split(id)[0]))
        return list(self.tables.values())[index], row

    def _coming(self, slot: int) -> bool:
        """Whether an entity with this slot is on its way in."""
        return any(slot in a.slots for t in self.tables.values() for a in t.arrivals)

    def _close(self) -> None:
        """What is left to do once the tick is counted."""
        changed = self._journal.busy and self._journal.close(self)
        if override.any_driven(self):
            override.prune(self)
            changed |= not override.any_driven(self)
        if changed and self._runner is not None:
            self._runner.arrange()

    def _discard(self) -> None:
        """Forget what the systems of a failed tick queued; reserved slots become free again."""
        self._journal.discard()
        for table in self.tables.values():
            for arrival in table.arrivals:
                with self.backend.running():
                    self.ids.release(self.backend.array(arrival.slots), self.tick)
            table.discard()
            table.expire(f"an error in tick {self.tick}")
        if self._runner is not None:
            self._runner.forget()


def _size(size: Any) -> tuple[float, float]:
    sides = (size, size) if isinstance(size, (int, float)) else tuple(size) if isinstance(size, Iterable) else ()
    if len(sides) != 2:
        raise SettingsError(f"World: size is {size!r}; give width and height in metres, such as (512, 512).")
    return _positive(sides[0], "size", "metres"), _positive(sides[1], "size", "metres")


def _positive(value: Any, name: str, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not (0 < value < math.inf):
        raise SettingsError(f"World: {name} is {value!r}; give {unit}, more than 0.")
    return float(value)


def _cap(cap: Any, name: str | None) -> int | None:
    if cap is not None and (not isinstance(cap, (int, np.integer)) or cap < 0):
        raise SettingsError(
            f"spawn{f' {name!r}' if name else ''}: cap is {cap!r}; give the largest population, or None."
        )
    return None if cap is None else int(cap)
