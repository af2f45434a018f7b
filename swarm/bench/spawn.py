"""`swarm bench spawn`: births and deaths in one table of five columns (40 bytes) without brains, barrier included.

A timed step queues the births and deaths of rows drawn beforehand and applies them. Operations are births plus deaths.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import device
from swarm.ecs.component import Component, f32, f64, i64
from swarm.world import World

from . import harness, roof
from .report import Report
from .request import Request

COLUMNS = {
    "agents": ("entities", ",d"),
    "changes": ("births + deaths", ",d"),
    "median_ms": ("step ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "max_ms": ("max", ".2f"),
    "rate": ("M operations/s", ".1f"),
    "gbs": ("GB/s", ".1f"),
    "share": ("share of copy", ".0%"),
}


class Thing(Component):
    """Five columns, 40 bytes."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    home = f32(2, unit="m")
    level = f64(unit="J")
    tag = i64()


def command(request: Request, changes: int | None = None) -> None:
    """Measure, print, save."""
    request.at_least("--changes", changes, 1)
    backend = device.choose(request.backend, request.threads)
    report = Report("spawn", COLUMNS, request.seed)
    report.settings = {"backend": backend.name, "threads": backend.threads, "columns": 5, "bytes_per_entity": 40}
    rate = roof.measure(backend)
    for count in request.sizes(1_000_000):
        report.rows.append(row(count, min(changes or max(1, count // 10), count), request, backend, rate))
    report.notes.append(f"copy of {rate.bytes >> 20} MB in the same run: {rate.copy:.1f} GB/s (read and written).")
    report.finish(request.json)


def row(count: int, changes: int, request: Request, backend: device.Backend, rate: roof.Roof) -> dict[str, Any]:
    """One table: `changes` births and as many deaths a step. Raises `harness.Invalid` when a value was lost."""
    random = np.random.default_rng(request.seed)
    world = World(size=(1.0, 1.0), tick=1.0, backend=backend, seed=request.seed)
    world.spawn(count, Thing(tag=np.arange(count), level=random.random(count)), name="thing")
    queue: dict[str, np.ndarray] = {}

    def draw() -> None:
        queue["dead"] = random.choice(count, changes, replace=False)
        queue["parents"] = random.integers(0, count, changes)

    def turn(world: World, dt: float) -> None:
        for things in world.query(Thing):
            things.birth(queue["parents"])
            things.kill(queue["dead"])

    world.schedule = (turn,)
    draw()
    validate(world, queue)
    timing = harness.interleave({"step": world.step}, repeats=request.repeats or 21, before=draw)["step"]
    bytes_moved = changes * 2 * (40 + world.tables["thing"].row_bytes)  # a child and a filled hole: read and written
    return {
        "agents": count,
        "changes": 2 * changes,
        **timing.row(),
        "rate": 2 * changes / timing.median / 1e6,
        "gbs": bytes_moved / timing.median / 1e9,
        "share": bytes_moved / timing.median / 1e9 / rate.copy,
    }


def validate(world: World, queue: dict[str, np.ndarray]) -> None:
    """One step must leave exactly the survivors and the copies of the parents; raises `harness.Invalid`."""
    table = world.tables["thing"]
    before = np.array(table.column(Thing.tag)), np.array(table.column(Thing.level))
    world.step()
    for old, column in zip(before, (Thing.tag, Thing.level), strict=True):
        right = np.sort(np.concatenate([np.delete(old, queue["dead"]), old[queue["parents"]]]))
        if not np.array_equal(np.sort(table.column(column)), right):
            raise harness.Invalid(f"spawn: {column.key} is not what births and deaths leave. Nothing is reported.")
    if len(np.unique(table.ids())) != table.n:
        raise harness.Invalid("spawn: two entities share an id. Nothing is reported.")
