"""The launches of drifters.cu; and an example of systems of one's own on CUDA: what they launch is captured."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.bench.drifters import CHANCE, DRAG, PUSH, Body, Mind
from swarm.stages.launch import site, whole

STEM = "swarm.bench.drifters"


def steer(world: Any, dt: float) -> None:
    """See `drifters.steer`."""
    for table in world.tables_with(Body.vel, Mind.actions):
        outputs, width, first = whole(table, Mind.actions)
        kernel = cuda.current().module(STEM, OUTPUTS=width, ACTIONS_AT=first)["steer"]
        at, rates = (world.ledger.array, site(world, table)), (np.float32(1 - DRAG * dt), np.float32(PUSH * dt))
        kernel(2 * table.capacity, *at, table.storage[Body.vel], outputs, *rates)


def turn(world: Any, dt: float) -> None:
    """See `drifters.turn`."""
    for table in world.tables_with(Body.vel, Mind.actions):
        device, n = cuda.current(), table.capacity
        rows = table.scratch.array("rows that turn", n, np.int32)[:n]
        count = table.scratch.array("how many turn", 1, np.int32)[:1]
        device.fill(count, 0)
        streams = {"BIRTH": world.draw(table, "uniform", "birth"), "DEATH": world.draw(table, "uniform", "death")}
        names = (table.storage[key] for key in ("slots", "generations", "dying"))
        at = world.ledger.array, site(world, table)
        device.module(STEM, **streams)["turn"](n, *at, *names, rows, count, np.float32(CHANCE))
        world.ask(table, rows, {}, count)
        table.deaths = True
