"""The launches of move.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.stages.launch import flat, sides, site, steps
from swarm.stages.move import cost, wrap  # noqa: F401  (shared with the reference)

STEM = "swarm.stages.move"
VARIANTS = (
    {"LIMITED": False, "PACKED": True}, {"LIMITED": True, "PACKED": True},
    {"LIMITED": True, "PACKED": False, "POS_STEP": 5, "VEL_STEP": 5},
)  # fmt: skip


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `move`; see `move.drift`."""
    device, limited = cuda.current(), stage.limit is not None
    limit = np.float32(stage.limit if limited else np.inf)
    for table in world.tables_with(stage.pos, stage.vel):
        (pos, pos_step), (vel, vel_step) = flat(table, stage.pos), flat(table, stage.vel)
        apart = steps(POS_STEP=pos_step, VEL_STEP=vel_step)
        packed = not apart
        drift = device.module(STEM, LIMITED=limited, PACKED=packed, **apart)["drift"]
        lanes = -(-table.capacity // 2) if packed else table.capacity
        drift(lanes, world.ledger.array, site(world, table), pos, vel, np.float32(dt), *sides(world), limit)
