"""mate: two that are willing and nearest to each other have a child; both pay, to the last quantum.

1. Whoever is rich enough, and wants to, names the nearest willing of its own table within reach (contest.py; of
   equally near ones the lowest id).
2. Two that name each other are a pair; nobody is in two. Which of them is the first parent, a draw says that is keyed
   by seed, tick and id. The child gets its columns and half of its brain; the other half comes from the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.ecs.component import Column
from swarm.ecs.events import Mating
from swarm.errors import BackendError, SchemaError, SettingsError
from swarm.stages.contest import ask, cost, named
from swarm.stages.mirror import Mirror, grid_of
from swarm.stages.near import stray
from swarm.stages.pick import When
from swarm.stages.split import Split, components
from swarm.stages.stage import QUANTUM, Cost, need_column, positive

_PRIORITY = rng.stream("priority")


def mate(
    level: Column,
    above: float,
    pos: Column,
    reach: float = 1.0,
    share: float = 0.25,
    when: Any = None,
    threshold: float = 0.0,
    units: bool = False,
    spread: float = 1.0,
    partner: Column | None = None,
) -> Mate:
    """The stage in which pairs of entities with `level` (float32, J) at or above `above` have one child each.

    pos: float32 [N, 2] m. reach: m. share: the part of its level that each parent gives to the child, 0 to 1, in whole
    quanta of 2^-12 J, rounded down; nothing is lost. when: who wants to: None, all; a bool column; a float32 number
    above the threshold, such as (Mind, "mate"). units: whole units of the brain come from one parent, else every
    parameter for itself. spread: the child starts within so many metres of the first parent on each axis. partner: a
    u64 column that gets the second parent's id; `table.parents` has the first's.

    The brain is crossed, then mutated as the table says; own brains of two architectures do not pair. Other columns are
    the first parent's, memory is 0. The child lives from the barrier on, even if both parents die in this tick. Under a
    population cap only as many pairs as there is room for have a child, chosen by a keyed rule; who is refused pays
    nothing. Needs `index(pos)` ahead of it. Emits `swarm.Mating`, the first parent with the second. Raises
    `SettingsError`, `SchemaError`; `ScheduleError` without an index; `BackendError` on CUDA.
    """
    return Mate(level, above, pos, reach, share, when, threshold, units, spread, partner)


class Mate(Split):
    """See `mate`: a split of two."""

    def __init__(
        self, level: Column, above: float, pos: Column, reach: float, share: float, when: Any, threshold: float,
        units: bool, spread: float, partner: Column | None,
    ) -> None:  # fmt: skip
        super().__init__(level, positive(above, "above", "mate"), None, spread, QUANTUM)
        self.pos = need_column(pos, (2,), np.float32, "mate")
        self.reach, self.part = positive(reach, "reach", "mate"), positive(share, "share", "mate")
        if self.part >= 1:
            raise SettingsError(f"mate: share is {share!r}; a parent keeps something. Use a part below 1.")
        self.when, self.units = When(when, threshold, "mate"), bool(units)
        self.partner = partner
        if partner is not None and (partner.shape, partner.dtype) != ((), np.dtype(np.uint64)):
            raise SchemaError(f"mate: partner is {partner!r}, must be a column of ids. Declare it as u64().")
        self.name = f"mate {level.key}"
        self.reads = (level, pos, *self.when.reads, ("index", pos))
        self.writes = (level,) if partner is None else (level, partner)
        self.needs = {pos: self.reach}

    def __call__(self, world: Any, dt: float) -> None:
        if world.backend.device is not None:
            raise BackendError(
                "mate: the barrier on CUDA has no second parents yet. Use backend='cpu', or swarm.split."
            )
        grid, ours = grid_of(world, self.pos, self.reach, "mate"), Mirror(world)
        for agents in world.query(self.level.owner):
            table = agents.table
            if table.has(self.pos) and self.when.has(table) and (self.partner is None or table.has(self.partner)):
                first, second = self.pairs(world, ours, grid, table)
                first, second = self.fitting(world, table, first, second)
                if len(first):
                    self.bear(world, ours, agents, first, second)

    def pairs(self, world: Any, ours: Mirror, grid: Any, table: Any) -> tuple[np.ndarray, np.ndarray]:
        """The rows [K] of first and second parents, the first ones ascending."""
        base = grid.base[grid.tables.index(table)]
        willing = self.when.of(ours, table) & (ours.read(table, self.level) >= np.float32(self.above))
        available = np.zeros(sum(t.n for t in grid.tables), np.bool_)
        available[base : base + table.n] = willing
        asked = ask(self, world, ours, grid, [table], available, willing)
        one = np.flatnonzero(asked.claim >= 0)
        two = asked.claim[one] - base
        mutual = asked.claim[two] - base == one
        one, two = one[mutual], two[mutual]  # every pair from both sides
        draw = world.backend.twin("swarm.backend.rng").words
        words = draw(world.seeds, asked.slots[one], asked.generations[one], world.ticks, _PRIORITY, 1)[:, 0]
        word, slot = np.zeros(table.n, np.uint32), asked.slots
        word[one] = words
        leads = (word[one] < word[two]) | ((word[one] == word[two]) & (slot[one] < slot[two]))
        return one[leads], two[leads]

    def fitting(self, world: Any, table: Any, first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
        """Those pairs whose brains can be crossed, and for whose child the population cap has room."""
        if table.own_brains is not None:
            alike = table.own_brains.alike(first, second)
            first, second = first[alike], second[alike]
        partner = np.zeros(table.n, np.int64)
        partner[first] = second
        first = self.admitted(world, table, first)
        return first, partner[first]

    def bear(self, world: Any, ours: Mirror, agents: Any, first: np.ndarray, second: np.ndarray) -> None:
        """Both parents pay, and their children are queued."""
        table = agents.table
        levels = table.column(self.level)
        gifts = [np.floor(levels[r] * np.float32(self.part) / np.float32(QUANTUM)) for r in (first, second)]
        gifts = [gift * np.float32(QUANTUM) for gift in gifts]
        for rows, gift in zip((first, second), gifts):
            levels[rows] -= gift
        given: dict[Column, np.ndarray] = {self.level: gifts[0] + gifts[1], self.pos: self.places(world, table, first)}
        if self.partner is not None:
            given[self.partner] = ours.ids(table, second)
        agents.birth(first, *components(given), other=second, units=self.units)
        if world.wants(Mating):
            world.emit(Mating, named(ours, [table], first), named(ours, [table], second), np.float32(0))

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the entity in `row`, which is outside of the world."""
        raise stray(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def describe(self) -> dict[str, Any]:
        partner = None if self.partner is None else self.partner.key
        own = {"reach": self.reach, "share": self.part, "when": self.when.key, "units": self.units, "partner": partner}
        return {**super().describe(), **own}

    def cost(self, world: Any) -> Cost:
        grid, n = world.indices.get(self.pos), sum(t.n for t in world.tables_with(self.level, self.pos))
        bare = cost(n, n, grid.n / grid.cells if grid is not None else 0.0)
        return Cost(bare.bytes + 8 * n, bare.flops + n)
