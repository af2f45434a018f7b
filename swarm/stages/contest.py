"""Contests over what lies within reach, in two phases, so that neither age nor the order of rows decides one.

1. Claim: every claimant names the nearest available target within reach; of equally near ones the lowest id.
2. Settle: of a target's claimants the nearest wins; of equally near ones the lowest priority keyed by seed, tick and
   id. Only then does a stage write anything.

    asked = ask(stage, world, ours, grid, tables, available)       # graze, bite, share and mate begin like this
    who, what = settled(stage, world, asked)                       # entries of winners and of what they won
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from swarm.backend import rng
from swarm.ecs.component import Column
from swarm.ecs.ids import join
from swarm.stages.grid import Grid, Packed
from swarm.stages.mirror import Mirror, kernels_of
from swarm.stages.near import outside, pairs
from swarm.stages.sense import row_order
from swarm.stages.stage import Cost

_PRIORITY = rng.stream("priority")
_STEM = "swarm.stages.contest"


class Asked(NamedTuple):
    """What the claimants of several tables asked for; entry = base[table] + row."""

    claim: np.ndarray  # int32 [n], entry of the target, -1 = none
    d2: np.ndarray  # float32 [n] m2
    base: list[int]
    slots: np.ndarray  # uint32 [n], of the claimants
    generations: np.ndarray  # uint32 [n]
    targets: int  # how many targets there are


def ask(
    stage: Any, world: Any, ours: Mirror, grid: Grid, tables: list[Any], available: np.ndarray,
    asking: np.ndarray | None = None, own: np.ndarray | None = None, held: np.ndarray | None = None,
) -> Asked:  # fmt: skip
    """Phase 1 for the entities of `tables`, whose positions are `stage.pos`, within `stage.reach` of the grid's.

    available bool [targets] by entry of the grid. asking bool [n] by entry of the claimants; None: all. own float32 [n]
    and held float32 [targets]: only targets that hold less than the claimant has. Raises what `stage.accuse` does.
    """
    scratch, kernels = stage.scratch(world), kernels_of(world, _STEM)
    base = np.cumsum([0, *(table.n for table in tables)]).tolist()
    n = base[-1]
    claim, d2 = scratch.array("claim", n, np.int32)[:n], scratch.array("d2", n, np.float32)[:n]
    claim[:], d2[:] = -1, np.inf
    none, packed, reach = np.empty(0, np.float32), grid.packed(), np.float32(stage.reach)
    about = ours.joined(grid.tables, "slots"), available
    for k, table in enumerate(tables):
        mine = slice(base[k], base[k + 1])
        visit, offset = visiting(stage, world, table, None if asking is None else asking[mine])
        first = grid.base[grid.tables.index(table)] if stage.pos is grid.column else -1
        pos, bars = ours.read(table, stage.pos), (none, none)
        if own is not None and held is not None:
            bars = own[mine], held
        where = packed, pos, ours.read(table, "worlds"), first, visit, offset, reach
        bad = kernels.claim(*where, *about, *bars, claim[mine], d2[mine])
        if bad >= 0:
            stage.accuse(world, table, bad)
    return Asked(
        claim, d2, base, ours.joined(tables, "slots"), ours.joined(tables, "generations"), sum(t.n for t in grid.tables)
    )


def settled(stage: Any, world: Any, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Phase 2: entries int32 [K] of the winners, ascending, and of what they won."""
    scratch, n = stage.scratch(world), len(asked.claim)
    winner = scratch.array("winner", asked.targets, np.int32)[: asked.targets]
    who, what = scratch.array("who", n, np.int32), scratch.array("what", n, np.int32)
    settle = kernels_of(world, _STEM).settle
    names = asked.slots, asked.generations, world.seeds, world.ticks
    count = settle(asked.claim, asked.d2, *names, winner, who, what)
    return who[:count], what[:count]


def ranked(world: Any, asked: Asked, who: np.ndarray) -> np.ndarray:
    """The claimants `who` [K], those of one target side by side, in the order in which they would win it."""
    words = kernels_of(world, "swarm.backend.rng").words
    draw = words(world.seeds, asked.slots[who], asked.generations[who], world.ticks, _PRIORITY, 1)[:, 0]
    return who[np.lexsort((asked.slots[who], draw, asked.d2[who], asked.claim[who]))]


def visiting(stage: Any, world: Any, table: Any, asking: np.ndarray | None) -> tuple[np.ndarray, int]:
    """(entries, base) of the claimants in the order of their own grid, where this tick has one, so that neighbours
    follow each other; row = entry - base, other numbers are no rows of this table."""
    own: Any = world.indices.get(stage.pos)
    if own is not None and world.backend.device is None and own.tick == world.tick and own.complete:
        visit, base = own.entry, own.base[own.tables.index(table)]
        if asking is None:
            return visit, base
        rows = visit if len(own.tables) == 1 else visit[(visit >= base) & (visit < base + table.n)]
        return rows[asking[rows - base]], base
    if asking is not None:
        return np.flatnonzero(asking).astype(np.int32), 0
    return row_order(stage.scratch(world), table.n), 0


def add(ours: Mirror, tables: Any, base: Any, column: Column, entries: np.ndarray, amount: np.ndarray) -> None:
    """Add amount [K] to a column at these entries [K], each there once; entry = base[table] + row."""
    for first, table in zip(base, tables):
        mine = (entries >= first) & (entries < first + table.n)
        if mine.any():
            ours.write(table, column)[entries[mine] - first] += amount[mine]


def named(ours: Mirror, tables: Any, entries: np.ndarray) -> np.ndarray:
    """The ids u64 [K] of these entries."""
    return join(*(ours.joined(tables, key)[entries] for key in ("slots", "generations")))


# --- kernels: the reference; contest_cpu.py has the twin --------------------------------------------------------------


def cost(n: int, targets: int, per_cell: float) -> Cost:
    """Positions and order read, claims written and read twice; about two cells of candidates; the winners' table."""
    return Cost(int(n * (12 + 3 * 8 + 24 * per_cell)) + 4 * targets, int(n * 12 * per_cell))


def claim(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, reach: np.float32,
    slots: np.ndarray, available: np.ndarray, own: np.ndarray, held: np.ndarray, target: np.ndarray, d2: np.ndarray,
) -> int:  # fmt: skip
    """Phase 1: fill target int32 (entry, -1 = none) and d2 float32 m2 of the rows visited; returns a bad row or -1.

    pos float32 [N, 2] m; world, first, visit, base as for `sectors`; slots uint32, available bool: by entry of the
    targets. own float32 [N], held float32 by entry: only targets that hold less; both empty: no matter.
    """
    rows = visit - base
    asking = np.zeros(len(pos), np.bool_)
    asking[rows[(rows >= 0) & (rows < len(pos))]] = True
    target[asking], d2[asking] = -1, np.inf
    bad = outside(np.where(asking[:, None], pos, np.float32(0)), grid.width, grid.height)
    if bad >= 0:
        return bad
    for pair in pairs(grid, np.where(asking[:, None], pos, np.float32(0)), first, float(reach), world):
        entry = grid.entry[pair.p]
        keep = available[entry] & asking[pair.i]
        if len(own):
            keep &= held[entry] < own[pair.i]
        i, entry, square = pair.i[keep], entry[keep], pair.d2[keep]
        best = np.lexsort((slots[entry], square, i))
        i, chosen = np.unique(i[best], return_index=True)
        target[i], d2[i] = entry[best][chosen], square[best][chosen]
    return -1


def settle(
    claim: np.ndarray, d2: np.ndarray, slots: np.ndarray, generations: np.ndarray, seed: Any, tick: Any,
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
