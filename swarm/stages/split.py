"""split: whoever has enough gives birth to one child and shares with it, to the last quantum."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.ecs.admission import let_in
from swarm.ecs.component import Column
from swarm.stages.move import wrap
from swarm.stages.stage import QUANTUM, Cost, Stage, need_column, positive

_PLACE = rng.stream("place")


def split(
    level: Column, above: float, pos: Column | None = None, spread: float = 1.0, quantum: float = QUANTUM
) -> Split:
    """The stage in which every entity with `level` (float32) at or above `above` gives birth to one child.

    The child gets half of the level, rounded down to a multiple of `quantum`, the parent keeps the rest: nothing is
    lost while levels are multiples of the quantum below 2^24 of them. pos: float32 [N, 2] m; the child starts there
    plus an offset keyed by seed, tick and the parent's id, uniform within `spread` metres on each axis. Its other
    columns are the parent's, its brain a mutated copy, its memory 0. It lives from the barrier on. Under a population
    cap only as many split as there is room for, chosen by a keyed rule; who is refused pays nothing.
    """
    return Split(level, above, pos, spread, quantum)


class Split(Stage):
    """See `split`."""

    def __init__(self, level: Column, above: float, pos: Column | None, spread: float, quantum: float) -> None:
        super().__init__()
        self.level = need_column(level, (), np.float32, "split")
        self.pos = pos if pos is None else need_column(pos, (2,), np.float32, "split")
        self.above = positive(above, "above", "split")
        self.spread = 0.0 if spread == 0 else positive(spread, "spread", "split")
        self.quantum = positive(quantum, "quantum", "split")
        self.name = f"split {level.key}"
        self.reads = (level,) if pos is None else (level, pos)
        self.writes = (level,)

    def __call__(self, world: Any, dt: float) -> None:
        for agents in world.query(self.level.owner):
            table = agents.table
            if self.pos is not None and not table.has(self.pos):
                continue
            levels = table.column(self.level)
            rows = self.admitted(world, table, np.flatnonzero(levels >= np.float32(self.above)))
            if not len(rows):
                continue
            share = halves(levels[rows], np.float32(self.quantum))
            levels[rows] -= share
            given = {self.level: share}
            if self.pos is not None:
                given[self.pos] = self.places(world, table, rows)
            agents.birth(rows, *components(given))

    def admitted(self, world: Any, table: Any, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` that may split under the table's cap."""
        if table.cap is None:
            return rows
        leaving = table.tally(table.dying) if table.deaths else 0
        coming = sum(table.tally(birth.rows) for birth in table.births)
        chosen = let_in(world, table, rows, table.population + coming - leaving)
        return rows if chosen is None else rows[chosen]

    def places(self, world: Any, table: Any, rows: np.ndarray) -> np.ndarray:
        """Where the children of `rows` [K] start: float32 [K, 2] m."""
        slots, generations = table.slots[rows], table.generations[rows]
        draw = world.backend.twin("swarm.backend.rng").uniform
        offset = draw(world.seeds, slots, generations, world.ticks, _PLACE, 2) * np.float32(2) - np.float32(1)
        pos = table.column(self.pos)[rows] + offset * np.float32(self.spread)
        return np.stack([wrap(pos[:, axis], np.float32(world.size[axis])) for axis in (0, 1)], axis=1)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "above": self.above, "spread": self.spread, "quantum": self.quantum}

    def cost(self, world: Any) -> Cost:
        n = sum(t.n for t in world.tables_with(self.level))
        return Cost(4 * n, n)


def halves(levels: np.ndarray, quantum: np.float32) -> np.ndarray:
    """What the children get of levels float32 [K]: half, in whole quanta, rounded down."""
    return np.floor(levels * np.float32(0.5) / quantum) * quantum


def components(given: dict[Column, np.ndarray]) -> list[Any]:
    """Columns with values, as component instances."""
    owners = dict.fromkeys(column.owner for column in given)
    return [
        owner(**{column.name: value for column, value in given.items() if column.owner is owner})
        for owner in owners
        if owner is not None
    ]
