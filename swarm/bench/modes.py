"""One world on a card, ticked in three ways by turns: stages captured, nothing captured, and one Python system more.

The Python system stands behind `think` and makes three array expressions over a column: what a user's own rule costs,
launches, gap in the captured run and all. It leaves values as they are, so that the world stays what it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.system import system
from swarm.stages.think import Think
from swarm.world import World

WHOLE, UNCAPTURED, PYTHON = "whole tick", "uncaptured", "with a Python system"
TURN = 50  # ticks in a row of one way
WARM = 6  # ticks ahead of them that do not count: runs are recorded anew


class Ticks(NamedTuple):
    """Seconds of each tick by the processor's clock and, on a card, by its events; how many lived after it."""

    seconds: np.ndarray
    device: np.ndarray | None
    alive: np.ndarray


def timed(world: World, table: Any, ticks: int) -> Ticks:
    """Make `ticks` ticks, each timed by itself; the events stand around the processor's clock."""
    device = world.backend.device
    seconds, inside, alive = np.empty(ticks), np.empty(ticks), np.empty(ticks, np.int64)
    for t in range(ticks):
        if device is None:
            seconds[t] = _step(world)
        else:
            with world.backend.running(), device.timer() as timer:
                seconds[t] = _step(world)
            inside[t] = timer.seconds
        alive[t] = table.n
    return Ticks(seconds, None if device is None else inside, alive)


def _step(world: World) -> float:
    begun = time.perf_counter()
    world.step()
    return time.perf_counter() - begun


def turns(world: World, table: Any, ticks: int) -> tuple[dict[str, Ticks], str]:
    """`ticks` ticks of each way, fifty at a time in turns; and the profile of the last whole ticks as text."""
    found: dict[str, list[Ticks]] = {WHOLE: [], UNCAPTURED: [], PYTHON: []}
    names, profile = list(found), ""
    for number, start in enumerate(range(0, ticks, TURN)):
        for name in names[number % 3 :] + names[: number % 3]:
            with way(world, name):
                for _ in range(WARM):
                    world.step()
                world.profile.reset()
                found[name].append(timed(world, table, min(TURN, ticks - start)))
                profile = str(world.profile) if name == WHOLE else profile
    return {name: _joined(parts) for name, parts in found.items()}, profile


def systems(world: World, ticks: int) -> dict[str, float]:
    """Milliseconds of every system on the device, the median of so many ticks that wait behind each of them."""
    world.profile.exact = True
    try:
        for _ in range(WARM):
            world.step()
        world.profile.reset()
        for _ in range(ticks):
            world.step()
        return {name: timing.p50 * 1e3 for name, timing in world.profile.items()}
    finally:
        world.profile.exact = False


@contextmanager
def way(world: World, name: str) -> Iterator[None]:
    """Have the world tick in one of the three ways."""
    schedule, capture = tuple(world.schedule), world.capture
    world.capture = name != UNCAPTURED
    if name == PYTHON:
        world.schedule = with_python(schedule, column_of(world))
    try:
        yield
    finally:
        world.capture = capture
        if name == PYTHON:
            world.schedule = schedule


def with_python(schedule: tuple[Any, ...], column: Column) -> tuple[Any, ...]:
    """The schedule with the Python system behind the last stage that thinks, else in the middle."""
    minds = [k + 1 for k, step in enumerate(schedule) if isinstance(step, Think)]
    place = minds[-1] if minds else len(schedule) // 2
    return (*schedule[:place], three(column), *schedule[place:])


def three(column: Column) -> Any:
    """A Python system of three array expressions that leaves `column` (float32) as it is."""

    @system(reads=[column], writes=[column])
    def three(world: World, dt: float) -> None:
        for table in world.tables_with(column):
            values = table.column(column)
            values *= np.float32(1)
            values += np.float32(0)
            world.backend.xp.maximum(values, np.float32(-3e38), out=values)

    return three


def column_of(world: World) -> Column:
    """A float32 column of the largest table that is no mind's, such as a velocity."""
    for table in sorted(world.tables.values(), key=lambda table: -(table.n if table.brains is not None else 0)):
        columns = [c for k in table.components for c in k.columns if c.parent is None and not c.resets]
        for unit in ("m/s", None):
            for column in columns:
                if column.dtype == np.float32 and unit in (None, column.unit):
                    return column
    raise LookupError("no table has a float32 column")


def _joined(parts: list[Ticks]) -> Ticks:
    seconds, device, alive = zip(*parts, strict=True)
    inside = None if device[0] is None else np.concatenate(device)
    return Ticks(np.concatenate(seconds), inside, np.concatenate(alive))
