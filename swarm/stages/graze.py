"""graze: eat what lies within reach. A contest in two phases (contest.py); only then is anything written: the winner
gains exactly what the target loses, or all its claimants share it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.events import Meal
from swarm.ecs.ids import join
from swarm.errors import SettingsError
from swarm.stages.contest import add, ask, cost, settled
from swarm.stages.grid import Grid
from swarm.stages.mirror import Mirror, grid_of, joined  # noqa: F401  (others look for `joined` here)
from swarm.stages.stage import QUANTUM, Cost, Scratch, Stage, bad_value, need_column, positive

SHARES = ("nearest", "equal")


def graze(
    pos: Column,
    food: Column,
    into: Column,
    reach: float = 1.0,
    gain: Column | float = 1.0,
    ripe: Column | None = None,
    share: str = "nearest",
) -> Graze:
    """The stage in which entities with `pos` and `into` eat entities with `food`, both positions float32 [N, 2] in m.

    into: float32, what grows, J. reach: m. gain: a float32 column of the food, which goes over whole and is emptied, or
    a number for each. ripe: a bool column of the food, set where it can be eaten, cleared when it is. Food with a gain
    column can be eaten while that is above 0; food with neither column dies when it is eaten. share: "nearest", the
    winner takes all, or "equal", all claimants get the same whole quanta of 2^-12 J and the winner what is left over.
    Needs `index(food)` ahead of it. Emits `swarm.Meal`, one for each eater. Raises `ScheduleError` without an index,
    `NonFiniteError` for eaters outside the world.
    """
    return Graze(pos, food, into, reach, gain, ripe, share)


class Graze(Stage):
    """See `graze`."""

    def __init__(
        self,
        pos: Column,
        food: Column,
        into: Column,
        reach: float,
        gain: Column | float,
        ripe: Column | None,
        share: str,
    ) -> None:
        super().__init__()
        self.pos, self.food = need_column(pos, (2,), np.float32, "graze"), need_column(food, (2,), np.float32, "graze")
        self.into = need_column(into, (), np.float32, "graze")
        self.reach = positive(reach, "reach", "graze")
        self.ripe = ripe if ripe is None else need_column(ripe, (), np.bool_, "graze")
        self.gain = need_column(gain, (), np.float32, "graze") if isinstance(gain, Column) else None
        self.amount = 0.0 if isinstance(gain, Column) else float(gain)
        if not np.isfinite(self.amount):
            raise SettingsError(f"graze: gain is {gain!r}, must be a finite number or a column of the food.")
        if share not in SHARES:
            raise SettingsError(f"graze: share is {share!r}. Choose one of {', '.join(SHARES)}.")
        self.share = share
        self.name = f"graze {food.key}"
        columns = [column for column in (self.gain, ripe) if column is not None]
        self.reads = (pos, food, into, *columns, ("index", food))
        self.writes = (into, *columns)
        self.needs = {food: self.reach}

    def __call__(self, world: Any, dt: float) -> None:
        grid, ours = grid_of(world, self.food, self.reach, "graze"), Mirror(world)
        tables = world.tables_with(self.pos, self.into)
        asked = ask(self, world, ours, grid, tables, self.available(ours, grid, self.scratch(world)))
        eaters, eaten = settled(self, world, asked)
        amount = self.take(world, ours, grid, eaten)
        meals = eaters, eaten, amount
        if self.share == "equal":
            count, asking = len(eaten), np.flatnonzero(asked.claim >= 0)
            order = self.scratch(world).array("order", asked.targets, np.int32)
            order[eaten] = np.arange(count, dtype=np.int32)
            place = order[asked.claim[asking]]  # which of `eaten` each claimant asked for
            crowd = np.bincount(place, minlength=count).astype(np.float32)
            portion = np.floor(amount / crowd / np.float32(QUANTUM)) * np.float32(QUANTUM)
            amount -= crowd * portion
            gained = portion[place]
            add(ours, tables, asked.base, self.into, asking, gained)
            gained[np.searchsorted(asking, eaters)] += amount
            meals = asking, asked.claim[asking], gained
        add(ours, tables, asked.base, self.into, eaters, amount)
        ours.close()
        if world.wants(Meal):
            names = [(ours.joined(all, "slots"), ours.joined(all, "generations")) for all in (tables, grid.tables)]
            self.tell(world, names[0], names[1], *meals)

    def launches_only(self, world: Any) -> bool:
        """See `Stage.launches_only`: who ate what is read back for those who watch."""
        return not world.wants(Meal)

    def tell(self, world: Any, eater: Any, eaten: Any, who: Any, what: Any, amount: np.ndarray) -> None:
        """Emit the meals: entries who, what [K] of eater and eaten, each (slots, generations) by entry; amount [K]."""
        ids, others = (join(*(part[entries] for part in names)) for names, entries in ((eater, who), (eaten, what)))
        world.emit(Meal, ids, others, amount)

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the claimant in `row`, which is outside of the world."""
        raise bad_value(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def available(self, ours: Mirror, grid: Grid, scratch: Scratch) -> np.ndarray:
        """bool by entry: what can be eaten now."""
        if self.ripe is not None:
            return ours.joined(grid.tables, self.ripe)
        held = ours.joined(grid.tables, self.gain or "dying")
        out = scratch.array("available", len(held), np.bool_)[: len(held)]
        return np.greater(held, 0, out=out) if self.gain else np.logical_not(held, out=out)

    def take(self, world: Any, ours: Mirror, grid: Grid, eaten: np.ndarray) -> np.ndarray:
        """Empty the eaten [K] entries of the food, each there once; returns what they held, float32 [K]."""
        amount = np.full(len(eaten), self.amount, np.float32)
        for first, food in zip(grid.base, grid.tables, strict=True):
            mine = (eaten >= first) & (eaten < first + food.n)
            rows = eaten[mine] - first
            if self.gain is not None:
                gain = ours.write(food, self.gain)
                amount[mine] = gain[rows]
                gain[rows] = 0
            if self.ripe is not None:
                ours.write(food, self.ripe)[rows] = False
            if len(rows) and self.ripe is None and self.gain is None:
                next(a for a in world.query(self.food.owner) if a.table is food).kill(rows)
        return amount

    def describe(self) -> dict[str, Any]:
        gain = self.gain.key if self.gain is not None else self.amount
        return {**super().describe(), "reach": self.reach, "gain": gain, "share": self.share}

    def cost(self, world: Any) -> Cost:
        grid = world.indices.get(self.food)
        n = sum(t.n for t in world.tables_with(self.pos) if t.has(self.into))
        return cost(n, grid.n if grid is not None else 0, grid.n / grid.cells if grid is not None else 0.0)
