"""The launches of flock.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.stages.flock import SUMS, cost  # noqa: F401  (shared with the reference)
from swarm.stages.grid import find
from swarm.stages.launch import flat, site, steps

STEM = "swarm.stages.flock"
VARIANTS = ({}, {"POS_STEP": 4}, {"VEL_STEP": 4})


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `flock`. Raises `ScheduleError`."""
    grid = find(world, stage.pos, stage.radius, "flock")
    whole = sums(stage, world, grid)
    arrays, device = stage.scratch(world).arrays, cuda.current()
    if "weights" not in arrays:
        arrays["weights"] = device.xp.asarray(stage.weights)
    for base, table in zip(grid.base, grid.tables, strict=True):
        if table.has(stage.vel):
            vel, step = flat(table, stage.vel)
            steer = device.module(STEM, **steps(VEL_STEP=step))["steer"]
            mine = whole[base:]
            ledger = world.ledger.array
            steer(table.capacity, ledger, site(world, table), mine, arrays["weights"], np.float32(dt), vel)


def sums(stage: Any, world: Any, grid: Any) -> Any:
    """The neighbour sums float32 [entries, 7] of this tick on the device."""
    device, scratch, ledger = cuda.current(), stage.scratch(world), world.ledger.array
    total = sum(table.capacity for table in grid.tables)
    packed, out = scratch.array("packed", 2 * total, np.float32), scratch.array("sums", total * len(SUMS), np.float32)
    for base, table in zip(grid.base, grid.tables, strict=True):
        vel, step = flat(table, stage.vel) if table.has(stage.vel) else (None, 2)
        pack = device.module(STEM, **steps(VEL_STEP=step))["pack"]
        pack(total, ledger, site(world, table), np.int32(base), grid.device, vel, packed)
    for base, table in zip(grid.base, grid.tables, strict=True):
        pos, step = flat(table, stage.pos)
        add = device.module(STEM, **steps(POS_STEP=step))["neighbour_sums"]
        where = site(world, table), np.int32(base), pos, grid.device, packed
        add(total, ledger, *where, np.float32(stage.radius), out, per=16)
    return out[: total * len(SUMS)].reshape(total, len(SUMS))
