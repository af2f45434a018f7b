"""bite: hunters take energy from prey within reach. A contest in two phases (contest.py), books exact to the quantum.

1. Every hunter that bites names the nearest prey within reach that has something left.
2. Of each prey's hunters the nearest takes up to its amount; or all do, and where that is more than the prey has, each
   gets a part in proportion to its amount, in whole quanta of 2^-12 J, odd ones to those who would win.

All of it is decided by what everybody had before anybody bit, so hunters may bite each other, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.events import Bite as BiteEvent
from swarm.errors import SettingsError
from swarm.stages.contest import Asked, add, ask, cost, named, ranked, settled
from swarm.stages.grid import Grid
from swarm.stages.mirror import HostStage, Mirror, grid_of
from swarm.stages.near import stray
from swarm.stages.pick import Amount, When, quanta
from swarm.stages.stage import QUANTUM, Cost, need_column, positive

SHARES = ("nearest", "proportional")


def bite(
    pos: Column,
    prey: Column,
    from_: Column,
    into: Column,
    reach: float = 1.0,
    amount: Column | float = 0.25,
    when: Any = None,
    threshold: float = 0.0,
    efficiency: float = 1.0,
    kills: bool = True,
    share: str = "nearest",
) -> Bite:
    """The stage in which entities with `pos` and `into` bite entities with `prey` and `from_`; positions float32 [N, 2]
    in m, energies float32 in J.

    reach: m. amount: J that a bite takes at most, or a float32 column of the hunter. when: who bites: None, all; a bool
    column; a float32 number above the threshold, such as (Mind, "bite"). efficiency: the part of what was taken that
    the hunter gains, rounded down to whole quanta; the rest is lost. kills: prey left with less than a quantum dies.
    share: "nearest", one hunter a prey, or "proportional", all of them. Energies are whole quanta of 2^-12 J below 2^24
    of them, then nothing is rounded. Needs `index(prey)` ahead of it. Emits `swarm.Bite` with what the prey lost.
    Raises `SettingsError`, `SchemaError`; `ScheduleError` without an index, `NonFiniteError` for hunters outside the
    world and for amounts in a column that are negative or not finite.
    """
    return Bite(pos, prey, from_, into, reach, amount, when, threshold, efficiency, kills, share)


class Bite(HostStage):
    """See `bite`."""

    def __init__(
        self, pos: Column, prey: Column, from_: Column, into: Column, reach: float, amount: Column | float, when: Any,
        threshold: float, efficiency: float, kills: bool, share: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pos, self.prey = (need_column(c, (2,), np.float32, "bite") for c in (pos, prey))
        self.from_, self.into = (need_column(c, (), np.float32, "bite") for c in (from_, into))
        self.reach, self.kills = positive(reach, "reach", "bite"), bool(kills)
        self.amount, self.when = Amount(amount, "amount", "bite"), When(when, threshold, "bite")
        self.efficiency = 0.0 if efficiency == 0 else positive(efficiency, "efficiency", "bite")
        if self.efficiency > 1:
            raise SettingsError(f"bite: efficiency is {efficiency!r}; nobody gains more than was taken. Use 0 to 1.")
        if share not in SHARES:
            raise SettingsError(f"bite: share is {share!r}. Choose one of {', '.join(SHARES)}.")
        self.share = share
        self.name = f"bite {prey.key}"
        self.reads = (pos, prey, from_, into, *self.amount.reads, *self.when.reads, ("index", prey))
        self.writes = (from_, into)
        self.needs = {prey: self.reach}

    def __call__(self, world: Any, dt: float) -> None:
        grid, ours = grid_of(world, self.prey, self.reach, "bite"), Mirror(world)
        hunters = self.hunters(world)
        if not hunters or not grid.tables:
            return
        asking = np.concatenate([self.when.of(ours, table) for table in hunters])
        wanted = np.concatenate([self.amount.of(world, self, ours, table) for table in hunters])
        held = self.held(ours, grid)
        asked = ask(self, world, ours, grid, hunters, held > 0, asking & (wanted > 0))
        if self.share == "nearest":
            who, what = settled(self, world, asked)
            taken = np.minimum(wanted[who], held[what])
        else:
            who = np.flatnonzero(asked.claim >= 0)
            what = asked.claim[who]
            taken = portions(world, asked, who, wanted[who], held)
        lost = np.bincount(what, taken, minlength=len(held)).astype(np.int64)  # whole numbers below 2^53: exact
        gained = np.floor(taken * self.efficiency) if self.efficiency < 1 else taken
        bitten = np.flatnonzero(lost)
        add(ours, grid.tables, grid.base, self.from_, bitten, joules(-lost[bitten]))
        add(ours, hunters, asked.base, self.into, who, joules(gained))
        self.kill(world, ours, grid, bitten)
        if world.wants(BiteEvent):
            world.emit(BiteEvent, named(ours, hunters, who), named(ours, grid.tables, what), joules(taken))
        ours.close()

    def hunters(self, world: Any) -> list[Any]:
        """The tables whose entities bite."""
        tables = world.tables_with(self.pos, self.into)
        return [t for t in tables if t.n and self.amount.has(t) and self.when.has(t)]

    def held(self, ours: Mirror, grid: Grid) -> np.ndarray:
        """int64 by entry of the prey: quanta that can be taken; 0 of the dying and of what has no such energy."""
        parts = [
            quanta(ours.read(t, self.from_)) * ~ours.read(t, "dying") if t.has(self.from_) else np.zeros(t.n, np.int64)
            for t in grid.tables
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def kill(self, world: Any, ours: Mirror, grid: Grid, bitten: np.ndarray) -> None:
        """Let those of the bitten [K] entries die that have nothing left."""
        for base, table in zip(grid.base, grid.tables) if self.kills else ():
            rows = bitten[(bitten >= base) & (bitten < base + table.n)] - base
            rows = rows[ours.read(table, self.from_)[rows] < np.float32(QUANTUM)] if len(rows) else rows
            if len(rows):
                next(a for a in world.query(self.from_.owner) if a.table is table).kill(rows)

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the hunter in `row`, which is outside of the world."""
        raise stray(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("reach", "efficiency", "kills", "share")}
        return {**super().describe(), "amount": self.amount.key, "when": self.when.key, **own}

    def cost(self, world: Any) -> Cost:
        grid = world.indices.get(self.prey)
        n = sum(table.n for table in self.hunters(world))
        bare = cost(n, grid.n if grid is not None else 0, grid.n / grid.cells if grid is not None else 0.0)
        return Cost(bare.bytes + 16 * n, bare.flops + 4 * n)


def portions(world: Any, asked: Asked, who: np.ndarray, wanted: np.ndarray, held: np.ndarray) -> np.ndarray:
    """What each of the claimants `who` [K] gets, int64 quanta: what it wants, where its target holds enough for all.

    Else floor(held wanted / sum of wanted); of the quanta that this leaves, one each to the first in the order of the
    contest. They are fewer than those whose part was rounded down, and nobody gets more than it wants.
    """
    what = asked.claim[who]
    total = np.bincount(what, wanted, minlength=len(held)).astype(np.int64)
    short = np.flatnonzero(total[what] > held[what])
    taken = wanted.copy()
    if not len(short):
        return taken
    place = np.empty(len(asked.claim), np.int64)
    place[who] = np.arange(len(who))
    order = place[ranked(world, asked, who[short])]
    target = what[order]
    part = held[target] * wanted[order] // total[target]
    given = np.bincount(target, part, minlength=len(held)).astype(np.int64)
    rounded = part * total[target] < held[target] * wanted[order]  # those lost a fraction
    first = np.flatnonzero(np.diff(target, prepend=-1))
    ahead = np.cumsum(rounded) - rounded
    turn = ahead - np.repeat(ahead[first], np.diff(first, append=len(target)))
    taken[order] = part + (rounded & (turn < held[target] - given[target]))
    return taken


def joules(quanta: np.ndarray) -> np.ndarray:
    """float32 J from whole quanta, exact below 2^24 of them."""
    return quanta.astype(np.float32) * np.float32(QUANTUM)
