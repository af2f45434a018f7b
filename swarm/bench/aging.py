"""Pools of brains as a living world leaves them: through ticks of births and deaths, the population kept constant."""

from __future__ import annotations

import numpy as np

from swarm.backend import device
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.ecs.component import Component, f32
from swarm.world import World

from . import harness

TURNOVER = 0.002  # births, and as many deaths, per agent and tick


class Cell(Component):
    """An entity with nothing but an age and a brain."""

    age = f32(unit="s")


def turn(world: World, dt: float) -> None:
    """Draw who dies and who gives birth, equally many."""
    for agents in world.query(Cell):
        count = max(1, round(len(agents) * TURNOVER))
        draw, ends = agents.uniform(stream="turn"), (count, len(agents) - count)
        order = draw.argsort() if world.backend.device is not None else np.argpartition(draw, ends)
        agents.birth(order[-count:])
        agents.kill(order[:count])


def aged(mlp: MLP, count: int, dtype: str, ticks: int, seed: int, backend: device.Backend) -> Brains:
    """A pool of `count` brains after `ticks` ticks. Raises `harness.Invalid` when the population did not hold."""
    world = World(size=(1.0, 1.0), tick=1.0, backend=backend, seed=seed)
    brains = Brains(mlp, count, seed=seed, backend=backend, dtype=dtype)
    world.spawn(count, Cell(), name="cell", brains=brains, mutation=Mutation(0.02))
    world.schedule = (turn,)
    for _ in range(ticks):
        world.step()
    table = world.tables["cell"]
    if table.n != count or table.brains is None:
        raise harness.Invalid(f"aging: {table.n:,} of {count:,} agents are left. Nothing is reported.")
    return table.brains
