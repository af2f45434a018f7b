"""`swarm bench pairs`: pair functions of a user's against a built-in sense, from the same index, in turns.

Everybody looks one metre far; the world is as large as gives each the asked number of neighbours on average. The sense
is eight sectors of closeness. Results are compared with float64 sums over all pairs for a sample of agents.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.capture import call
from swarm.ecs.component import Component, f32
from swarm.errors import SettingsError
from swarm.stages.index import index
from swarm.stages.meet import meet
from swarm.stages.mind import Sectors, mind
from swarm.stages.pair import pair
from swarm.stages.sense import sense
from swarm.world import World

from . import harness
from .neighbours import BOUND, EDGE, PAIRS, SAMPLE
from .report import Report
from .request import Request

COLUMNS = {
    "agents": ("agents", ",d"),
    "mean": ("neighbours", ".2f"),
    "rule": ("", "s"),
    "median_ms": ("ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "ratio": ("x sense", ".2f"),
}


class Body(Component):
    """Where an agent is, what colour it has, and what the rules find."""

    pos = f32(2, unit="m")
    hue = f32()
    found = f32()


@pair(radius=1, reduce="sum", of=Body.pos)
def crowding(me: Any, other: Any, distance: Any) -> Any:
    """How crowded it is: nobody's columns."""
    return 1.0 / (1.0 + distance)


@pair(radius=1, reduce="mean", of=Body.pos)
def tint(other: Any) -> Any:
    """The mean hue around: a column of the others."""
    return other.hue


@pair(radius=1, reduce="sum", of=Body.pos)
def contrast(me: Any, other: Any, distance: Any) -> Any:
    """How strange one is: columns of both."""
    return abs(me.hue - other.hue) / (1.0 + distance)


RULES = {"crowding": crowding, "tint": tint, "contrast": contrast}


def command(request: Request, neighbours: float = 17.0) -> None:
    """Measure, print, save."""
    if not neighbours > 0:
        raise SettingsError(f"--neighbours {neighbours}: a mean number of neighbours is above 0.")
    backend = device.choose(request.backend, request.threads)
    report = Report("pairs", COLUMNS, request.seed, device=backend.device)
    report.settings = {"backend": backend.name, "threads": backend.threads}
    for count in request.sizes(100_000):
        with harness.on(backend):
            report.rows += rows(count, neighbours, request.seed, backend, request.repeats or 31)
    report.notes.append("x sense: times the median of eight sectors of closeness; the index is made before, untimed.")
    report.finish(request.json)


def rows(count: int, neighbours: float, seed: int, backend: device.Backend, repeats: int) -> list[dict[str, Any]]:
    """One row for the sense and for each rule. Raises `harness.Invalid`."""
    side = math.sqrt(count * math.pi / neighbours)
    world = World(size=(side, side), backend=backend, seed=seed)
    Mind = mind(around=Sectors(8, 1, of=Body.pos), actions=("none",))
    hue = np.random.default_rng(seed).random(count, np.float32)
    world.spawn(count, Body(pos=world.scatter, hue=hue), Mind(), name="agent")
    stages = {"8 sectors": sense(Mind), **{name: meet(rule, into=Body.found) for name, rule in RULES.items()}}
    world.schedule = (index(Body.pos), *stages.values())
    world.step()  # compiles what is to be compiled

    def again(stage: Any) -> Any:
        def job() -> None:
            with backend.running():
                call(stage, world, world.dt)

        return job

    again(world.schedule[0])()
    validate(world, again(stages["crowding"]), side)
    mean = len(world.neighbours(Body.pos, 1)) / count
    times = harness.interleave({name: again(stage) for name, stage in stages.items()}, repeats)
    base = times["8 sectors"].median
    about = {"agents": count, "mean": mean}
    return [{**about, "rule": name, **time.row(), "ratio": time.median / base} for name, time in times.items()]


def validate(world: World, job: Any, side: float) -> None:
    """Compare crowding of a sample with float64 sums over all others. Raises `harness.Invalid`."""
    job()
    table, host = world.tables["agent"], world.backend.host
    pos, found = host(table.column(Body.pos)).astype(np.float64), host(table.column(Body.found))
    asked, seen = min(SAMPLE, len(pos), max(20, PAIRS // len(pos))), 0
    for i in np.random.default_rng(1).choice(len(pos), asked, replace=False):
        offset = pos - pos[i]
        offset -= side * np.rint(offset / side)
        distance2 = (offset**2).sum(1)
        distance2[i] = np.inf
        if (np.abs(distance2 - 1) < EDGE).any():
            continue
        right = (1 / (1 + np.sqrt(distance2[distance2 < 1]))).sum()
        harness.close(f"pairs of row {i}: crowding", found[i : i + 1], np.array([right]), BOUND * (1 + right))
        seen += 1
    if seen < asked // 2:
        raise harness.Invalid("pairs: too few agents could be checked. Nothing is reported.")
