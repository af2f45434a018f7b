"""think: run every agent's brain once, from its senses and memory to its actions and new memory.

How often, and within what budget, is rate.py; without either nothing of that is looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from swarm.errors import ScheduleError, SchemaError
from swarm.stages.rate import Clock, Rate, Thought
from swarm.stages.stage import Cost, Stage, bad_value

_CACHED = 1 << 20  # bytes of a shared pool that stay in a core's cache however rows are ordered


def think(mind: Any, every: Any = 1, budget: float | None = None, brains: int | None = None) -> Think:
    """The stage that lets agents with `mind` think: own brains (row = table row) or rows of a shared pool.

    every: ticks between two thoughts, for all; or an i32 column, `swarm.Near` or `swarm.Important` for each agent.
    In between an agent keeps its last actions and its memory; before its first thought its actions are 0.
    brains: at most so many think in a tick, the longest overdue first; nobody starves. The run stays repeatable. Either
    budget needs a mind that is `paced`. Of several worlds in one each has this budget.
    budget: the same in milliseconds a tick, measured as the world runs: then NO TWO RUNS ARE ALIKE, and `swarm check`
    says so; use it in a game, `brains` in an experiment. One of the two. `stage.report(world)` tells what was done.

    Raises `SettingsError`; when it runs, `ScheduleError` for a table without brains, `SchemaError` for brains of other
    widths, `NonFiniteError` naming entity and tick for an output that is NaN or infinite.
    """
    return Think(mind, every, budget, brains)


class Think(Stage):
    """See `think`."""

    def __init__(self, mind: Any, every: Any = 1, budget: float | None = None, brains: int | None = None) -> None:
        super().__init__()
        self.mind = mind
        rate = Rate(mind, every, budget, brains)
        self.rate = rate if rate.limited or rate.every != 1 else None
        self.name = f"think {mind.__name__}"
        self.reads = (mind.senses, *rate.reads)
        memory = (mind.memory,) if mind.remembers else ()
        self.writes = (mind.actions, *memory, *((mind.thought,) if rate.limited else ()))
        self._clocks: WeakKeyDictionary[Any, Clock] = WeakKeyDictionary()

    def __call__(self, world: Any, dt: float) -> None:
        if self.rate is not None:
            self.paced(world, self.rate)
            return
        for table in world.tables_with(self.mind.inputs_):
            self.check(table)
            if table.n:
                self.all(world, table)

    @property
    def on_cuda(self) -> Callable[[Any, float], None] | None:
        """See `Stage.on_cuda`; None where there is a rate: who thinks is then chosen on the host."""
        return super().on_cuda if self.rate is None else None

    def all(self, world: Any, table: Any) -> None:
        """Let the whole table think."""
        mind, kernels = self.mind, world.backend.twin("swarm.stages.think")
        inputs, outputs = table.column(mind.inputs_), table.column(mind.outputs_)
        self.launch(world, table, inputs, outputs)
        bad = kernels.remember(outputs, mind.outputs - mind.remembers, inputs, mind.inputs - mind.remembers)
        if bad >= 0:
            self.accuse(world, table, bad)

    def paced(self, world: Any, rate: Rate) -> None:
        """Let those think whose turn it is, as far as the budget goes."""
        clock, start, inside, tables = self.clock(world), perf_counter_ns(), 0, []
        for table in world.tables_with(self.mind.inputs_):
            self.check(table)
            tables += [table] * (table.n > 0)
        chosen = rate.choose(self, world, tables, clock)
        for table, rows in zip(tables, chosen):
            before = perf_counter_ns()
            if len(rows) == table.n and world.backend.device is None:
                self.all(world, table)
            elif len(rows):
                self.some(world, table, rows)
            if rate.budget is not None and world.backend.device is not None:
                world.backend.device.synchronize()
            inside += perf_counter_ns() - before
            if rate.limited:
                table.column(self.mind.thought)[world.backend.array(rows)] = self._now(world, table, rows)
        took = (perf_counter_ns() - start) * 1e-9
        clock.note(took, inside * 1e-9, clock.report.thought)
        clock.report = clock.report._replace(milliseconds=took * 1e3)

    def some(self, world: Any, table: Any, rows: np.ndarray) -> None:
        """Let the agents in these rows think: int64 [K], ascending, on the host. Only their brains are read."""
        mind, pool, backend = self.mind, table.brains, world.backend
        inputs, outputs = table.column(mind.inputs_), table.column(mind.outputs_)
        if table.brain is None and pool.dtype != np.float64:
            n = table.n
            pool.forward_rows(inputs.reshape(n, 1, -1), outputs.reshape(n, 1, -1), rows)
        else:
            self.copied(world, table, rows, inputs, outputs)
        kernels = backend.twin("swarm.stages.think") if backend.device is None else sys.modules[__name__]
        sizes = mind.outputs - mind.remembers, mind.inputs - mind.remembers
        bad = kernels.remember_rows(outputs, sizes[0], inputs, sizes[1], backend.array(rows))
        if bad >= 0:
            self.accuse(world, table, int(rows[bad]))

    def copied(self, world: Any, table: Any, rows: np.ndarray, inputs: Any, outputs: Any) -> None:
        """outputs[rows] from inputs[rows] where brains are shared or of float64: through copies [K, I] and [K, O]."""
        pool, xp, at, K = table.brains, table.xp, world.backend.array(rows), len(rows)
        kind = np.float64 if pool.dtype == np.float64 else np.float32
        x = inputs[at].astype(kind, copy=False).reshape(K, 1, -1)
        y = xp.empty((K, 1, self.mind.outputs), kind)
        if table.brain is None:
            pool.forward_rows(x, y, np.arange(K), rows)
        else:
            self.check_rows(world, table, table.brain, len(pool))
            pool.forward(x, y, table.brain[at])
        outputs[at] = y[:, 0]

    def _now(self, world: Any, table: Any, rows: np.ndarray) -> Any:
        """The tick of these rows, a number, or of several worlds each one's own."""
        tick = world.tick_of(table)
        return tick[rows] if np.ndim(tick) else tick

    def clock(self, world: Any) -> Clock:
        """What this stage knows of its times in `world`."""
        return self._clocks.setdefault(world, Clock())

    def report(self, world: Any) -> Thought:
        """What was done in the last tick: how many agents there are, were due, thought, and how old thoughts are."""
        tables = [table for table in world.tables_with(self.mind.inputs_) if table.n]
        n = sum(table.n for table in tables)
        if self.rate is None:
            return Thought(n, n, n, 1.0, None, 0.0)
        report = self.clock(world).report
        if not (self.rate.limited and tables):
            return report
        host, thought = world.backend.host, self.mind.thought
        ages = (world.tick_of(t) - 1 - np.maximum(host(t.column(thought)), host(t.born)) for t in tables)
        return report._replace(stalest=max(0, *(int(age.max()) for age in ages)))

    def launch(self, world: Any, table: Any, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """outputs [N, O] from inputs [N, I], float32; brains of float64 compute in copies."""
        pool, n, scratch = table.brains, table.n, self.scratch(world)
        brain = table.brain
        kind = np.float64 if pool.dtype == np.float64 else np.float32
        if brain is None and kind == np.float32:
            pool.forward(inputs.reshape(n, 1, -1), outputs.reshape(n, 1, -1))
            return
        order = None
        if brain is not None:
            self.check_rows(world, table, brain, len(pool))
            if pool.row_bytes * len(pool) > _CACHED:  # agents of one brain one after the other
                narrow = brain.astype(np.uint16) if len(pool) <= 1 << 16 else brain  # which sorts in one pass
                order = np.argsort(narrow, kind="stable")
        x = scratch.array("x", inputs.size, kind)[: inputs.size].reshape(n, 1, -1)
        y = scratch.array("y", outputs.size, kind)[: outputs.size].reshape(n, 1, -1)
        x[:, 0] = inputs if order is None else inputs[order]
        pool.forward(x, y, brain if order is None or brain is None else brain[order])
        if order is None:
            outputs[:] = y[:, 0]
        else:
            outputs[order] = y[:, 0]

    def check(self, table: Any) -> None:
        """Raise unless the table has brains of this mind's widths."""
        pool, mind = table.brains, self.mind
        if pool is None:
            raise ScheduleError(
                f"think: table '{table.name}' has no brains. Spawn it with "
                f"brains=MLP(({mind.__name__}.inputs, 32, {mind.__name__}.outputs))."
            )
        for what, has, takes in (("senses", mind.inputs, pool.inputs), ("outputs", mind.outputs, pool.outputs)):
            if has != takes:
                verb = "take" if what == "senses" else "give"
                also = " and memory" if mind.remembers else ""
                width = f"({mind.__name__}.inputs, ...)" if what == "senses" else f"(..., {mind.__name__}.outputs)"
                raise SchemaError(
                    f"think: table '{table.name}' has {has} {what}{also}, its brains {verb} {takes}. "
                    f"Build them with `MLP({width})`."
                )

    def check_rows(self, world: Any, table: Any, brain: np.ndarray, count: int) -> None:
        """Raise unless every row of a shared pool that agents name is there; checked before it indexes memory."""
        if int(brain.min()) < 0 or int(brain.max()) >= count:
            self.accuse_row(world, table, int(np.flatnonzero((brain < 0) | (brain >= count))[0]))

    def accuse_row(self, world: Any, table: Any, row: int) -> None:
        """Raise `SchemaError` if the agent in `row` names a brain that the shared pool does not have."""
        number, count = int(world.backend.host(table.brain[row : row + 1])[0]), len(table.brains)
        if not 0 <= number < count:
            entity = int(world.backend.host(table.ids()[row : row + 1])[0])
            raise SchemaError(
                f"think: entity {entity} of table '{table.name}' has brain {number} at tick {world.tick}, the shared "
                f"pool holds {count}. Give numbers below {count}."
            )

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise for the agent in `row`: `SchemaError` for a brain that is not there, else `NonFiniteError` for its
        senses if they are to blame, or for what its brain put out."""
        if table.brain is not None:
            self.accuse_row(world, table, row)
        senses = world.backend.host(table.column(self.mind.senses)[row : row + 1])[0]
        if not np.isfinite(senses).all():
            label = self.mind.input_labels[int(np.flatnonzero(~np.isfinite(senses))[0])]
            raise bad_value(world, self, table, row, self.mind.senses, f"The sense '{label}' must be finite.")
        raise bad_value(
            world, self, table, row, self.mind.outputs_,
            "Its senses are finite, so a parameter of its brain is not, or is too large: look at world.brain(id).",
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        rate = {} if self.rate is None else {"rate": self.rate.describe()}
        return {**super().describe(), "inputs": self.mind.inputs, "outputs": self.mind.outputs, **rate}

    def cost(self, world: Any) -> Cost:
        bytes, flops = 0, 0
        report = self.report(world)
        share = report.thought / report.agents if self.rate is not None and report.agents else 1.0
        for table in world.tables_with(self.mind.inputs_):
            if table.brains is not None:
                count = sum(g.layout.count for g in table.brains.groups) / max(1, len(table.brains.groups))
                bytes += (len(table.brains) if table.brain is not None else table.n) * table.brains.row_bytes
                bytes += table.n * 4 * (self.mind.inputs + self.mind.outputs)
                flops += int(table.n * 2 * count)
        return Cost(int(bytes * share), int(flops * share))


# --- kernels: the reference; think_cpu.py has the twin ----------------------------------------------------------------


def remember(outputs: np.ndarray, actions: int, inputs: np.ndarray, senses: int) -> int:
    """Copy new memory from outputs [N, A + M] to inputs [N, S + M]; the first row that is not finite, or -1."""
    inputs[:, senses:] = outputs[:, actions:]
    finite = np.isfinite(outputs).all(axis=1)
    return -1 if finite.all() else int(np.argmin(finite))


def remember_rows(outputs: Any, actions: int, inputs: Any, senses: int, rows: Any) -> int:
    """As `remember` for some rows, int64 [K]: the first place in `rows` whose outputs are not finite, or -1."""
    new = outputs[rows]
    if new.shape[1] > actions:
        inputs[rows, senses:] = new[:, actions:]
    finite = (abs(new) <= np.finfo(np.float32).max).all(axis=1)  # wherever the arrays are
    return -1 if bool(finite.all()) else int(finite.argmin())
