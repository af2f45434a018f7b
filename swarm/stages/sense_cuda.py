"""sense on CUDA: a launch for every sector sense, and one for all that agents feel of themselves.

A sense of the user's own has no kernel: its `fill` is called with arrays of the device, which cannot be captured.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from swarm.backend import cuda
from swarm.ecs.component import Column
from swarm.stages import own_cuda, sectors_cuda
from swarm.stages.launch import whole
from swarm.stages.sectors import Sectors


class Seeker(NamedTuple):
    """One table, where its agents are, and this tick's grid of that column, in whose order they are visited, if any."""

    table: Any
    column: Column | None
    own: Any


def knows(part: Any) -> bool:
    """Whether there is a kernel for this sense."""
    return (type(part) is Sectors and part.plain) or own_cuda.knows(part)


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `sense`. Raises `ScheduleError`."""
    for table in world.tables_with(stage.mind.inputs_):
        column = stage.place(table) if stage.places else None
        grid = world.indices.get(column)
        seeker = Seeker(table, column, grid if grid is not None and grid.tick == world.tick else None)
        array, width, at = whole(table, stage.mind.senses)
        out, felt, works = array.reshape(-1), [], []
        for part in stage.mind.parts.values():
            if own_cuda.knows(part):
                felt.append((part, at))
            elif isinstance(part, Sectors) and part.plain:
                works.append(partial(sectors_cuda.look, stage, world, part, seeker, out[at:], width))
            elif table.n:
                bad = part.fill(world, stage.seeker(world, table), array[: table.n], at)
                if bad >= 0 and column is not None:
                    stage.accuse(world, table, bad)
            at += part.width
        if felt:
            works.append(partial(own_cuda.feel, stage, world, table, felt, out, width))
        cuda.current().beside(*works)  # each writes columns of its own
