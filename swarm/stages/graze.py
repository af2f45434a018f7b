"""graze: eat what lies within reach. Two phases, so that neither age nor row order decides a contest.

1. Claim: every claimant names the nearest available target within reach; of equally near ones the lowest id.
2. Settle: of a target's claimants the nearest wins; of equally near ones the lowest priority keyed by seed, tick and
   id. Only then is anything written: the winner gains exactly what the target loses, or all its claimants share it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.grid import Grid, Packed, check_radius, find
from swarm.stages.near import outside, pairs
from swarm.stages.sense import row_order
from swarm.stages.stage import QUANTUM, Cost, Scratch, Stage, bad_value, need_column, positive

SHARES = ("nearest", "equal")
_PRIORITY = rng.stream("priority")


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
    Needs `index(food)` ahead of it. Raises `ScheduleError` without it, `NonFiniteError` for eaters outside the world.
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
        check_radius(self.reach, world.size, "graze")
        grid = find(world, self.food, self.reach, "graze")
        tables = [t for t in world.tables_with(self.pos) if t.has(self.into)]
        scratch, kernels = self.scratch(world), world.backend.twin("swarm.stages.graze")
        base = np.cumsum([0, *(t.n for t in tables)]).tolist()
        n, targets = base[-1], sum(t.n for t in grid.tables)
        claim, d2 = scratch.array("claim", n, np.int32)[:n], scratch.array("d2", n, np.float32)[:n]
        food = joined(grid.tables, "slots"), self.available(grid, scratch)
        for k, table in enumerate(tables):
            visit, offset = self.order(world, table)
            first = grid.base[grid.tables.index(table)] if self.pos is self.food else -1
            reach, mine = np.float32(self.reach), slice(base[k], base[k + 1])
            where = grid.packed(), table.column(self.pos), table.worlds, first, visit, offset, reach
            bad = kernels.claim(*where, *food, claim[mine], d2[mine])
            if bad >= 0:
                self.accuse(world, table, bad)
        names = joined(tables, "slots"), joined(tables, "generations")
        winner = scratch.array("winner", targets, np.int32)[:targets]
        eaters, eaten = scratch.array("eaters", n, np.int32), scratch.array("eaten", n, np.int32)
        count = kernels.settle(claim, d2, *names, world.seed, world.tick, winner, eaters, eaten)
        eaters, eaten = eaters[:count], eaten[:count]
        amount = self.take(world, grid, eaten)
        if self.share == "equal":
            asking = np.flatnonzero(claim >= 0)
            winner[eaten] = np.arange(count)
            place = winner[claim[asking]]  # which of `eaten` each claimant asked for
            crowd = np.bincount(place, minlength=count).astype(np.float32)
            portion = np.floor(amount / crowd / np.float32(QUANTUM)) * np.float32(QUANTUM)
            amount -= crowd * portion
            self.give(tables, base, asking, portion[place])
        self.give(tables, base, eaters, amount)

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the claimant in `row`, which is outside of the world."""
        raise bad_value(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def order(self, world: Any, table: Any) -> tuple[np.ndarray, int]:
        """Claimants in the order of their own grid, where this tick has one, so that neighbours follow each other."""
        own = world.indices.get(self.pos)
        if own is not None and own.tick == world.tick and own.complete:
            return own.entry, own.base[own.tables.index(table)]
        return row_order(self.scratch(world), table.n), 0

    def available(self, grid: Grid, scratch: Scratch) -> np.ndarray:
        """bool by entry: what can be eaten now."""
        if self.ripe is not None:
            return joined(grid.tables, self.ripe)
        held = joined(grid.tables, self.gain or "dying")
        out = scratch.array("available", len(held), np.bool_)[: len(held)]
        return np.greater(held, 0, out=out) if self.gain else np.logical_not(held, out=out)

    def take(self, world: Any, grid: Grid, eaten: np.ndarray) -> np.ndarray:
        """Empty the eaten [K] entries of the food, each there once; returns what they held, float32 [K]."""
        amount = np.full(len(eaten), self.amount, np.float32)
        for first, food in zip(grid.base, grid.tables, strict=True):
            mine = (eaten >= first) & (eaten < first + food.n)
            rows = eaten[mine] - first
            if self.gain is not None:
                amount[mine] = food.column(self.gain)[rows]
                food.column(self.gain)[rows] = 0
            if self.ripe is not None:
                food.column(self.ripe)[rows] = False
            if len(rows) and self.ripe is None and self.gain is None:
                next(a for a in world.query(self.food.owner) if a.table is food).kill(rows)
        return amount

    def give(self, tables: list[Any], base: list[int], eaters: np.ndarray, amount: np.ndarray) -> None:
        """Add amount [K] to the eaters [K], each there once."""
        for k, table in enumerate(tables):
            mine = (eaters >= base[k]) & (eaters < base[k + 1])
            table.column(self.into)[eaters[mine] - base[k]] += amount[mine]

    def describe(self) -> dict[str, Any]:
        gain = self.gain.key if self.gain is not None else self.amount
        return {**super().describe(), "reach": self.reach, "gain": gain, "share": self.share}

    def cost(self, world: Any) -> Cost:
        grid = world.indices.get(self.food)
        n = sum(t.n for t in world.tables_with(self.pos) if t.has(self.into))
        return cost(n, grid.n if grid is not None else 0, grid.n / grid.cells if grid is not None else 0.0)


def joined(tables: Any, key: Any) -> np.ndarray:
    """A column, or "slots" and the like, of several tables by entry: the array itself if there is one, else a copy."""
    parts = [getattr(t, key) if isinstance(key, str) else t.column(key) for t in tables]
    if not parts:
        return np.empty(0, np.uint32 if isinstance(key, str) else key.dtype)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


# --- kernels: the reference; graze_cpu.py has the twin ----------------------------------------------------------------


def cost(n: int, targets: int, per_cell: float) -> Cost:
    """Positions and order read, claims written and read twice; about two cells of candidates; the winners' table."""
    return Cost(int(n * (12 + 3 * 8 + 24 * per_cell)) + 4 * targets, int(n * 12 * per_cell))


def claim(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, reach: np.float32,
    slots: np.ndarray, available: np.ndarray, target: np.ndarray, d2: np.ndarray,
) -> int:  # fmt: skip
    """Phase 1: fill target int32 [N] (entry of the food, -1 = none) and d2 float32 [N] m2; returns a bad row or -1.

    pos float32 [N, 2] m; world, first, visit, base as for `sectors`; slots uint32, available bool: by the food's entry.
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    target[:], d2[:] = -1, np.inf
    for pair in pairs(grid, pos, first, float(reach), world):
        entry = grid.entry[pair.p]
        keep = available[entry]
        i, entry, square = pair.i[keep], entry[keep], pair.d2[keep]
        best = np.lexsort((slots[entry], square, i))
        i, chosen = np.unique(i[best], return_index=True)
        target[i], d2[i] = entry[best][chosen], square[best][chosen]
    return -1


def settle(
    claim: np.ndarray, d2: np.ndarray, slots: np.ndarray, generations: np.ndarray, seed: int, tick: int,
    winner: np.ndarray, eaters: np.ndarray, eaten: np.ndarray,
) -> int:  # fmt: skip
    """Phase 2: fill eaters and eaten int32 [>= N] with who eats what, claimants ascending; returns how many do.

    claim int32, d2 float32 m2, slots and generations uint32 [N]: by claimant; winner int32 [targets] is work space.
    """
    asking = np.flatnonzero(claim >= 0)
    priority = rng.words(seed, slots[asking], generations[asking], tick, _PRIORITY, 1)[:, 0]
    best = asking[np.lexsort((slots[asking], priority, d2[asking], claim[asking]))]
    _, chosen = np.unique(claim[best], return_index=True)
    eaters[: len(chosen)] = np.sort(best[chosen])
    eaten[: len(chosen)] = claim[eaters[: len(chosen)]]
    return len(chosen)
