"""Small worlds for the tests of stages, and a brute-force oracle that shares no code with them."""

from __future__ import annotations

from typing import Any

import numpy as np

import swarm
from swarm import Component, bool_, f32
from swarm.capture import call

BACKENDS = ("reference", "cpu")


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s", default=0)


class Energy(Component):
    level = f32(unit="J", default=1)


class Plant(Component):
    pos = f32(2, unit="m")
    energy = f32(unit="J", default=1)
    ripe = bool_(default=True)


class Wall(Component):
    a = f32(2, unit="m")
    b = f32(2, unit="m")


def world(
    backend: str = "reference", size: Any = (64.0, 64.0), seed: int = 7, threads: int | None = None
) -> swarm.World:
    return swarm.World(size=size, tick=0.125, backend=backend, seed=seed, threads=threads)


def run(world: swarm.World, *stages: Any) -> None:
    """Run these stages once, without the barrier, one launch after the other; raise what they report."""
    world.schedule = stages
    with world.backend.running():
        if world._runner is not None:
            world._runner.forget()
            world._runner.balance()
        for world.step_number, stage in enumerate(stages):
            call(stage, world, world.dt)
        if world.ledger is not None:
            world.ledger.pull()
            if world.ledger.fault is not None:
                world.accuse(*world.ledger.fault)
            _ = [grid.overflow for grid in world.indices.values()]  # warns as the host does in the tick itself


def host(table: Any, column: Any) -> np.ndarray:
    """A column [n, ...] of a table as a NumPy array, wherever it is."""
    return table.registry.backend.host(table.column(column))


def places(rng: np.random.Generator, count: int, size: Any, step: float = 0.0) -> np.ndarray:
    """Random float32 positions inside the world; multiples of `step` if given, which makes ties and exact angles."""
    pos = rng.random((count, 2)) * np.asarray(size)
    if step:
        pos = np.floor(pos / step) * step
    pos = pos.astype(np.float32)
    return np.where(pos >= np.asarray(size, np.float32), np.float32(0), pos)


def differences(seekers: np.ndarray, others: np.ndarray, size: Any) -> tuple[np.ndarray, np.ndarray]:
    """dx, dy float32 [N, M] along the shortest way, by d - L rint(d / L)."""
    found = []
    for axis in (0, 1):
        side = np.float32(size[axis])
        d = others[None, :, axis] - seekers[:, None, axis]
        found.append((d - side * np.rint(d / side)).astype(np.float32))
    return found[0], found[1]


def shuffle(world: swarm.World, seed: int) -> None:
    """Put the rows of all tables in a random order."""
    rng = np.random.default_rng(seed)
    for table in world.tables.values():
        table.permute(rng.permutation(table.n))


def by_id(table: Any, array: np.ndarray) -> np.ndarray:
    """`array` [n, ...] in id order."""
    return table.registry.backend.host(array)[np.argsort(table.registry.backend.host(table.ids()))]
