"""share: whoever has more gives to the nearest of its kind within reach that has less. Books exact to the quantum.

Gifts are decided by what everybody had before anybody gave: at most half of the difference, so that no gift turns the
order round, and never more than the giver holds. All gifts to one arrive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.events import Share as ShareEvent
from swarm.stages.bite import joules
from swarm.stages.contest import add, ask, cost, named
from swarm.stages.mirror import HostStage, Mirror, grid_of
from swarm.stages.near import stray
from swarm.stages.pick import Amount, When, quanta
from swarm.stages.stage import Cost, need_column, positive


def share(
    pos: Column,
    level: Column,
    reach: float = 1.0,
    amount: Column | float = 0.25,
    when: Any = None,
    threshold: float = 0.0,
) -> Share:
    """The stage in which entities give energy `level` (float32, J) to the nearest of their own table within reach that
    has less; positions float32 [N, 2] in m.

    reach: m. amount: J that one gives at most, or a float32 column of the giver; whole quanta of 2^-12 J go over, half
    of the difference at most. when: who gives: None, all; a bool column; a float32 number above the threshold, such as
    (Mind, "give"). Needs `index(pos)` ahead of it. Emits `swarm.Share`. Raises `SettingsError`, `SchemaError`;
    `ScheduleError` without an index, `NonFiniteError` for givers outside the world and for amounts that are none.
    """
    return Share(pos, level, reach, amount, when, threshold)


class Share(HostStage):
    """See `share`."""

    def __init__(
        self, pos: Column, level: Column, reach: float, amount: Column | float, when: Any, threshold: float
    ) -> None:
        super().__init__()
        self.pos, self.level = need_column(pos, (2,), np.float32, "share"), need_column(level, (), np.float32, "share")
        self.reach = positive(reach, "reach", "share")
        self.amount, self.when = Amount(amount, "amount", "share"), When(when, threshold, "share")
        self.name = f"share {level.key}"
        self.reads = (pos, level, *self.amount.reads, *self.when.reads, ("index", pos))
        self.writes = (level,)
        self.needs = {pos: self.reach}

    def __call__(self, world: Any, dt: float) -> None:
        grid, ours = grid_of(world, self.pos, self.reach, "share"), Mirror(world)
        for table in self.givers(world):
            base = grid.base[grid.tables.index(table)]
            held = np.zeros(sum(t.n for t in grid.tables), np.float32)
            kin = np.zeros(len(held), np.bool_)
            level = ours.read(table, self.level)
            held[base : base + table.n], kin[base : base + table.n] = level, ~ours.read(table, "dying")
            wanted = self.amount.of(world, self, ours, table)
            asking = self.when.of(ours, table) & (wanted > 0)
            asked = ask(self, world, ours, grid, [table], kin, asking, level, held)
            givers = np.flatnonzero(asked.claim >= 0)
            takers = asked.claim[givers] - base
            had = quanta(level)
            gift = np.minimum(wanted[givers], (had[givers] - had[takers]) // 2)
            givers, takers, gift = givers[gift > 0], takers[gift > 0], gift[gift > 0]
            change = np.bincount(takers, gift, minlength=table.n) - np.bincount(givers, gift, minlength=table.n)
            moved = np.flatnonzero(change)
            add(ours, [table], [0], self.level, moved, joules(change[moved]))
            if world.wants(ShareEvent):
                world.emit(ShareEvent, named(ours, [table], givers), named(ours, [table], takers), joules(gift))
        ours.close()

    def givers(self, world: Any) -> list[Any]:
        """The tables whose entities give."""
        tables = world.tables_with(self.pos, self.level)
        return [t for t in tables if t.n and self.amount.has(t) and self.when.has(t)]

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the giver in `row`, which is outside of the world."""
        raise stray(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "reach": self.reach, "amount": self.amount.key, "when": self.when.key}

    def cost(self, world: Any) -> Cost:
        grid, n = world.indices.get(self.pos), sum(table.n for table in self.givers(world))
        bare = cost(n, grid.n if grid is not None else 0, grid.n / grid.cells if grid is not None else 0.0)
        return Cost(bare.bytes + 32 * n, bare.flops + 8 * n)
