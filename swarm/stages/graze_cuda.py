"""The launches of graze.cu. Claimants and food are numbered over their tables by capacities, so that growth in one tick
moves no number while the tick runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.ecs.events import Meal
from swarm.stages.graze import cost  # noqa: F401  (shared with the reference)
from swarm.stages.grid import check_radius, find
from swarm.stages.launch import flat, site, steps

STEM = "swarm.stages.graze"
RIPE, HELD, ALIVE = range(3)  # what says that food can be eaten
VARIANTS = tuple({"AVAILABLE": kind, "EQUAL": equal} for kind in (RIPE, HELD, ALIVE) for equal in (False, True))
_CONTEST = 2  # u64 each


def run(stage: Any, world: Any, dt: float, eaten: Any = None) -> None:
    """One tick of `graze`. eaten: an int64 array of one on the device that counts the quanta that were eaten, or None.

    Raises `ScheduleError` where this tick has no index of the food.
    """
    check_radius(stage.reach, world.size, "graze")
    grid = find(world, stage.food, stage.reach, "graze")
    device, scratch, ledger = cuda.current(), stage.scratch(world), world.ledger.array
    eaters = world.tables_with(stage.pos, stage.into)
    base, targets = _bases(eaters), _bases(grid.tables)
    available = RIPE if stage.ripe is not None else HELD if stage.gain is not None else ALIVE
    contest = scratch.array("contest", _CONTEST * targets[-1], np.uint64)
    pasture = scratch.array("pasture", 8, np.uint64)
    claims = scratch.array("claims", base[-1], np.uint64)
    slots, held, kind = _food(stage, world, grid, targets, scratch, available)
    kernels = device.module(STEM, AVAILABLE=kind, EQUAL=stage.share == "equal")
    own = _own(stage, world)
    for k, table in enumerate(eaters):
        where = own.base[own.tables.index(table)] if own is not None else 0
        first = grid.base[grid.tables.index(table)] if stage.pos is stage.food else -1
        bases = np.uint64((first & 0xFFFFFFFF) << 32 | where)
        fresh = np.int32(0 if k else targets[-1])
        order = None if own is None else own.device
        kernels["begin"](max(1, int(fresh)), contest, fresh, pasture, grid.device, order, slots, held, bases)
        pos, step = flat(table, stage.pos)
        claim = device.module(STEM, AVAILABLE=kind, EQUAL=stage.share == "equal", **steps(POS_STEP=step))["claim"]
        here = site(world, table)
        claim(table.capacity, ledger, here, pasture, pos, claims[base[k] :], contest, np.float32(stage.reach))
    for k, table in enumerate(eaters):
        names = table.storage["slots"], table.storage["generations"]
        kernels["settle"](table.capacity, ledger, site(world, table), *names, claims[base[k] :], contest)
    for k, food in enumerate(grid.tables):
        here = contest[_CONTEST * targets[k] :]
        gain = None if stage.gain is None else food.storage[stage.gain]
        ripe = None if stage.ripe is None else food.storage[stage.ripe]
        dying = food.storage["dying"] if available == ALIVE else None
        food.deaths |= dying is not None
        amount = np.float32(stage.amount)
        kernels["take"](food.capacity, ledger, site(world, food), here, gain, ripe, dying, eaten, amount)
    for k, table in enumerate(eaters):
        into = table.storage[stage.into]
        mine = table.storage["slots"], claims[base[k] :]
        kernels["give"](table.capacity, ledger, site(world, table), *mine, contest, into)
    if world.wants(Meal):
        _tell(stage, world, eaters, grid.tables, base, targets, claims, contest)


def _tell(
    stage: Any, world: Any, eaters: Any, foods: Any, base: list[int], targets: list[int], claims: Any, contest: Any
) -> None:
    """Read back who ate what: claims are (food, distance), contests (winner's priority and slot, share, left over)."""
    host, EQUAL = world.backend.host, stage.share == "equal"
    eaten = tuple(np.zeros(targets[-1], np.uint32) for _ in range(2))
    for first, food in zip(targets, foods):
        for part, key in zip(eaten, ("slots", "generations")):
            part[first : first + food.n] = host(getattr(food, key))
    book = host(contest[: _CONTEST * targets[-1]]).reshape(-1, _CONTEST)
    won, share, rest = book[:, 0].astype(np.uint32), *book[:, 1:].view(np.float32).T
    for first, table in zip(base, eaters):
        what = host(claims[first : first + table.n]).astype(np.uint32).view(np.int32)
        names = host(table.slots), host(table.generations)
        winner = won[what] == names[0]
        who = np.flatnonzero((what >= 0) & (winner | EQUAL))
        what = what[who]
        gained = np.where(winner[who], share[what] + rest[what], share[what])
        stage.tell(world, names, eaten, who, what, gained)


def _bases(tables: Any) -> list[int]:
    """The number of each table's row 0, and of all rows."""
    return np.cumsum([0, *(table.capacity for table in tables)]).tolist()


def _own(stage: Any, world: Any) -> Any:
    """The claimants' own grid where this tick has one."""
    own = world.indices.get(stage.pos)
    return own if own is not None and own.tick == world.tick else None


def _food(stage: Any, world: Any, grid: Any, base: list[int], scratch: Any, available: int) -> tuple[Any, Any, int]:
    """Slots and what says that it can be eaten, by entry of the food, and which kind that is: columns, or copies."""
    columns = [table.storage[stage.ripe or stage.gain or "dying"] for table in grid.tables]
    if len(columns) == 1:
        return grid.tables[0].storage["slots"], columns[0], available
    slots = scratch.array("slots", base[-1], np.uint32)
    held = scratch.array("available", base[-1], np.bool_)
    gather = cuda.current().module(STEM, AVAILABLE=available, EQUAL=False)["gather"]
    for k, table in enumerate(grid.tables):
        to = slots[base[k] :], held[base[k] :]
        gather(table.capacity, world.ledger.array, site(world, table), table.storage["slots"], columns[k], *to)
    return slots, held, RIPE
