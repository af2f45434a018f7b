"""The launches of split.cu; who is refused under a cap is for admission.cu to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.ecs import admission_cuda
from swarm.ecs.table import Birth
from swarm.stages.launch import both, flat, sides, site, steps

STEM = "swarm.stages.split"
VARIANTS = ({}, {"POS_STEP": 5})
_BLOCKS = 512  # children are few, however many rows there are


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `split`: levels shared, births queued with their number on the device."""
    needed = (stage.level,) if stage.pos is None else (stage.level, stage.pos)
    for table in world.tables_with(*needed):
        if table.capacity:
            _split(stage, world, table)


def _split(stage: Any, world: Any, table: Any) -> None:
    device, scratch, n = cuda.current(), stage.scratch(world), table.capacity

    def arrays(name: str, size: int, dtype: Any) -> Any:
        return scratch.array(f"{name} {table.index}", size, dtype)

    at, level = (world.ledger.array, site(world, table)), table.storage[stage.level]
    rows, found = arrays("rows", n, np.int32), arrays("found", 2, np.int32)[:2]
    device.fill(found, 0)
    above = np.float32(stage.above)
    device.module(STEM)["flag"](n, *at, level, table.storage["dying"], rows, found, above)
    count = found[:1]
    if table.cap is not None:
        rows, count = admission_cuda.rows(world, table, rows, found, n, arrays)
    pos, step = (None, 2) if stage.pos is None else flat(table, stage.pos)
    given = arrays("given", n, np.float32)[:n]
    place = None if pos is None else arrays("place", 2 * n, np.float32)[: 2 * n].reshape(n, 2)
    kernels, blocks = device.module(STEM, **steps(POS_STEP=step)), min(_BLOCKS, -(-n // cuda.BLOCK))
    names = table.storage["slots"], table.storage["generations"]
    kernels["scatter"](n, *at, rows, count, *names, place, np.float32(stage.spread), blocks=blocks)
    amounts = np.float32(stage.quantum), both(*sides(world))
    kernels["share"](n, rows, count, level, given, pos, place, *amounts, blocks=blocks)
    values = {stage.level: given} if stage.pos is None else {stage.level: given, stage.pos: place}
    table.births.append(Birth(rows[:n], values, count, table.cap))
