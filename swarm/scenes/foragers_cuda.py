"""The launches of foragers.cu: the scene's own systems where the world lives on a CUDA device."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.scenes.foragers import EATEN, QUANTUM, Body, Diary, Energy, Line, Mind, Plant
from swarm.stages import graze_cuda
from swarm.stages.launch import flat, sides, site

STEM = "swarm.scenes.foragers"
VARIANTS = ({}, {"OUTPUTS": 3}, {"CHANCE": True, "STREAM": 4095}, {"CHANCE": False, "STREAM": 0})


def ripen(world: Any, wait: int, meal: float) -> None:
    """See `foragers.ripen`."""
    kernels = cuda.current().module(STEM)
    for table in world.tables_with(Plant.wait):
        at = world.ledger.array, site(world, table)
        ripe, waited, energy = (table.storage[column] for column in (Plant.ripe, Plant.wait, Plant.energy))
        books = world.resources["books"]
        kernels["age"](table.capacity, *at, ripe, waited, energy, books, np.int32(wait), np.float32(meal))
        names = table.storage["slots"], table.storage["generations"]
        kernels["sow"](table.capacity, *at, *names, waited, table.storage[Plant.pos], *sides(world))


def steer(world: Any, dt: float, push: float, drag: float) -> None:
    """See `foragers.steer`."""
    for table in world.tables_with(Body.vel, Mind.actions):
        actions, width = flat(table, Mind.actions)
        kernel = cuda.current().module(STEM, OUTPUTS=width)["steer"]
        rates = np.float32(1 - drag * dt), np.float32(push * dt)
        at = world.ledger.array, site(world, table)
        kernel(2 * table.capacity, *at, table.storage[Body.vel], actions, *rates)


def eat(stage: Any, world: Any, dt: float) -> None:
    """The graze stage; what is eaten goes into the books."""
    graze_cuda.run(stage, world, dt, world.resources["books"][EATEN : EATEN + 1])


def live(world: Any, dt: float, living: float, moving: float, rich: float) -> None:
    """See `foragers.live`."""
    kernel = cuda.current().module(STEM)["live"]
    rates = (np.float32(rate) for rate in (moving * dt / QUANTUM, living * dt / QUANTUM, 2 * rich))
    for table in world.tables_with(Body.vel, Energy.level):
        columns = table.storage[Body.vel], table.storage[Energy.level], world.resources["books"]
        kernel(table.capacity, world.ledger.array, site(world, table), *columns, *rates)


def die(world: Any, lifespan: int | None) -> None:
    """See `foragers.die`."""
    for table in world.tables_with(Energy.level, Line.generation):
        at = world.ledger.array, site(world, table)
        level, dying, slots, generations, born = (
            table.storage[key] for key in (Energy.level, "dying", "slots", "generations", "born")
        )
        stream = world.draw(table, "uniform", "lifespan") if lifespan else 0
        kernels = cuda.current().module(STEM, CHANCE=lifespan is not None, STREAM=stream)
        chance = np.float32(1 / lifespan if lifespan else 0)
        fate = level, dying, slots, generations, world.resources["books"], chance
        cuda.current().beside(
            partial(kernels["grow"], table.capacity, *at, born, table.storage[Line.generation]),
            partial(kernels["die"], table.capacity, *at, *fate),
        )
        table.deaths = True


def note(world: Any) -> None:
    """See `foragers.note`."""
    kernel = cuda.current().module(STEM)["note"]
    for table in world.tables_with(Energy.level, Diary.eaten):
        columns = table.storage[Energy.level], table.storage[Diary.eaten], np.float32(Energy.level.default)
        kernel(table.capacity, world.ledger.array, site(world, table), *columns)
