"""The launches of index.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.stages.grid_cuda import TILE, grid_of
from swarm.stages.index import cost  # noqa: F401  (shared with the reference)
from swarm.stages.launch import flat, site, steps, whole

STEM = "swarm.stages.index"
VARIANTS = ({}, {"POS_STEP": 4})
_WINDOWS = 64  # blocks for crowded cells, of which there should be none


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `index`: the grid in `world.indices[stage.pos]`. Raises `ScheduleError`, `SettingsError`."""
    grid = grid_of(world, stage.pos, stage.resolve(world))
    grid.reserve(tuple(world.tables_with(stage.pos)), stage.cap)
    device, ledger, cap, sort = cuda.current(), world.ledger.array, np.int32(stage.cap), grid.device
    total = sum(table.capacity for table in grid.tables)
    kernels = device.module(STEM)
    kernels["clear"](grid.room, ledger, sort, np.int32(grid.room))
    for base, table in zip(grid.base, grid.tables, strict=True):
        pos, step = flat(table, stage.pos)
        flag = None if stage.where is None else whole(table, stage.where)[0]
        of_table = device.module(STEM, **steps(POS_STEP=step))
        of_table["count"](table.capacity, ledger, site(world, table), sort, np.int32(base), pos, flag)
    kernels["tally"](grid.room // 4, sort, cap, block=TILE // 4)
    kernels["starts"](grid.room // 4, sort, cap, block=TILE // 4)
    for base, table in zip(grid.base, grid.tables, strict=True):
        pos, step = flat(table, stage.pos)
        names = table.storage["slots"]
        of_table = device.module(STEM, **steps(POS_STEP=step))
        of_table["scatter"](table.capacity, ledger, site(world, table), sort, np.int32(base), pos, names)
    kernels["window"](_WINDOWS, ledger, sort, cap, per=256)
    kernels["place"](total, sort, cap)
    grid.tick = world.tick
    grid.forget()
