"""The launches of move.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.stages.launch import sides, site, whole
from swarm.stages.move import cost, wrap  # noqa: F401  (shared with the reference)

STEM = "swarm.stages.move"


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `move`; see `move.drift`."""
    device, limited = cuda.current(), stage.limit is not None
    limit = np.float32(stage.limit if limited else np.inf)
    for table in world.tables_with(stage.pos, stage.vel):
        (pos, *p), (vel, *v) = whole(table, stage.pos), whole(table, stage.vel)
        packed = p == v == [2, 0]
        steps = {} if packed else {"POS_STEP": p[0], "POS_AT": p[1], "VEL_STEP": v[0], "VEL_AT": v[1]}
        drift = device.module(STEM, LIMITED=limited, PACKED=packed, **steps)["drift"]
        lanes = -(-table.capacity // 2) if packed else table.capacity
        drift(lanes, world.ledger.array, site(world, table), pos, vel, np.float32(dt), *sides(world), limit)
