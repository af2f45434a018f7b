"""sense: fill the senses of a mind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import ScheduleError
from swarm.stages.near import stray
from swarm.stages.stage import Cost, Stage, need_column, storage


class Seeker(NamedTuple):
    """Who senses: one table, where its agents are, and in which order to go through them.

    visit int32: entries, row = entry - base; numbers that are no row of the table are skipped. world int32 [N]: which
    of several independent worlds each agent lives in; empty where there is one.
    """

    table: Any
    column: Column | None  # the position column, None if no sense needs it
    pos: np.ndarray  # float32 [N, 2]
    visit: np.ndarray
    base: int
    world: np.ndarray


def sense(mind: Any, pos: Column | None = None) -> Sense:
    """The stage that fills `mind.senses` of all agents that have the mind.

    pos: where the agents are, float32 [N, 2]; None takes the sensed position column that the agents have themselves,
    else their only column called "pos". Needs `index` of every column that Sectors look for, ahead of it.
    The stage raises `ScheduleError` for a missing index, `NonFiniteError` for an agent that is not inside the world.
    """
    return Sense(mind, pos)


class Sense(Stage):
    """See `sense`."""

    def __init__(self, mind: Any, pos: Column | None = None) -> None:
        super().__init__()
        self.mind = mind
        self.pos = pos if pos is None else need_column(pos, (2,), np.float32, "sense")
        self.name = f"sense {mind.__name__}"
        parts = mind.parts.values()
        self.places = any(part.needs or getattr(part, "places", False) for part in parts)  # somebody asks where
        self.reads = tuple(dict.fromkeys((*((pos,) if pos else ()), *(read for part in parts for read in part.reads))))
        self.writes = (mind.senses,)
        self.needs = {}
        for part in parts:
            for column, radius in part.needs.items():
                self.needs[column] = max(radius, self.needs.get(column, 0.0))

    @property
    def on_cuda(self) -> Callable[[Any, float], None] | None:
        """See `Stage.on_cuda`; None where a sense is one of the user's own, which runs on arrays of the device."""
        from swarm.stages import sense_cuda

        return super().on_cuda if all(map(sense_cuda.knows, self.mind.parts.values())) else None

    def __call__(self, world: Any, dt: float) -> None:
        if world.backend.device is not None:
            world.backend.twin("swarm.stages.sense").run(self, world, dt)
            return
        for table in world.tables_with(self.mind.inputs_):
            if not table.n:
                continue
            seeker = self.seeker(world, table)
            out, at = storage(table, self.mind.senses)
            for part in self.mind.parts.values():
                bad = part.fill(world, seeker, out, at)
                if bad >= 0 and seeker.column is not None:
                    self.accuse(world, table, bad)
                at += part.width

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the agent in `row`."""
        remedy = f"Keep it inside {world.size[0]:g} x {world.size[1]:g} m; swarm.move wraps it."
        raise stray(world, self, table, row, self.place(table), remedy)

    def seeker(self, world: Any, table: Any) -> Seeker:
        """The agents of `table` in the order of their own grid if they all are in one, else in row order."""
        column = self.place(table) if self.places else None
        none = self.scratch(world).array("nowhere", 0, np.float32)[:0].reshape(0, 2)
        if column is None:
            return Seeker(table, None, none, self.scratch(world).array("nobody", 0, np.int32)[:0], 0, table.worlds)
        if world.backend.device is not None:
            rows = world.backend.xp.arange(table.n, dtype=np.int32)
            return Seeker(table, column, table.column(column), rows, 0, table.worlds)
        grid = world.indices.get(column)
        if grid is not None and grid.tick == world.tick and grid.complete:
            base = grid.base[grid.tables.index(table)]
            return Seeker(table, column, table.column(column), grid.entry, base, table.worlds)
        return Seeker(table, column, table.column(column), row_order(self.scratch(world), table.n), 0, table.worlds)

    def place(self, table: Any) -> Column:
        """The column that says where this table's agents are. Raises `ScheduleError`."""
        if self.pos is not None:
            return self.pos
        found = [column for column in self.needs if table.has(column)]
        if not found:
            columns = (column for component in table.components for column in component.columns)
            found = [c for c in columns if c.name == "pos" and c.shape == (2,) and c.dtype == np.float32]
        if len(found) != 1:
            which = (
                "several position columns: " + ", ".join(c.key for c in found) if found else "no column 'pos' of f32(2)"
            )
            raise ScheduleError(
                f"sense: table '{table.name}' has {which}. Say which: swarm.sense({self.mind.__name__}, pos=Body.pos)."
            )
        return found[0]

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), **self.mind.describe()}

    def cost(self, world: Any) -> Cost:
        each = [
            part.cost(world, t.n) for t in world.tables_with(self.mind.inputs_) for part in self.mind.parts.values()
        ]
        return Cost(sum(c.bytes for c in each), sum(c.flops for c in each))


def row_order(scratch: Any, n: int) -> np.ndarray:
    """0 .. n - 1, int32, kept in scratch."""
    known = scratch.arrays.get("rows")
    rows = scratch.array("rows", n, np.int32)
    if rows is not known:
        rows[:] = np.arange(len(rows), dtype=np.int32)
    return rows[:n]
