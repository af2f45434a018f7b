"""`swarm bench tick`: whole ticks of a scene at three rates: world only; with senses and brains; with drawing.

The world lives through `aged` ticks first. Then every tick is timed by itself. "World only" is the same ticks less
their sense and think stages, from the profiler. The conditions that make a figure comparable (population, births and
deaths, things within the sensing radius) are measured over the timed ticks and printed; a world outside is refused.

On a card, where runs of stages are one captured launch, the rates are others: the whole tick, the same uncaptured, and
with one Python system more (modes.py). Times are the processor's, to the end of the tick; `gpu ms` is by events. The
share is brain-steps/s against the measured copy bandwidth over the bytes of a brain: 1 is a tick that costs no more
than reading every brain at the speed of a copy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rich import progress

from swarm import scenes
from swarm.backend import device
from swarm.stages.sense import Sense
from swarm.stages.think import Think
from swarm.world import World

from . import harness, modes, roof
from .report import Report
from .request import Request

Frame = Callable[[World], Callable[[], object]]  # makes a function that draws the world once

HOLD = 0.05  # the population stays within this share of the asked number
SAMPLE = 400  # agents whose surroundings are counted

COLUMNS = {
    "rate_of": ("", "s"),
    "agents": ("agents", ",d"),
    "median_ms": ("tick ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "max_ms": ("max", ".2f"),
    "rate": ("ticks/s", ".1f"),
    "brains": ("M brain-steps/s", ".2f"),
}
COLUMNS_CARD = {
    **{key: (heading, ".3f" if heading.endswith("ms") else form) for key, (heading, form) in COLUMNS.items()},
    "gpu_ms": ("gpu ms", ".3f"),
    "more_ms": ("more ms", ".3f"),
    "share": ("share of copy", ".3f"),
}


def command(
    request: Request,
    *,
    scene: str = "foragers",
    settings: Mapping[str, Any] | None = None,
    ticks: int | None = None,
    aged: int = 2000,
    frame: Frame | None = None,
) -> None:
    """Measure, print, save."""
    request.at_least("--aged", aged, 0)
    request.at_least("--ticks", ticks, 1)
    backend = device.choose(request.backend, request.threads)
    report = Report("tick", COLUMNS if backend.device is None else COLUMNS_CARD, request.seed, device=backend.device)
    report.settings = {"scene": scene, **(settings or {}), "backend": backend.name, "threads": backend.threads}
    report.settings |= {"aged_ticks": aged, "ticks": ticks or request.repeats or 300}
    for count in request.sizes(100_000):
        steady = getattr(scenes.load(scene), "steady", lambda agents: {"agents": agents})(count)
        world = scenes.scene(scene, **{**steady, **(settings or {}), "seed": request.seed, "backend": backend})
        for _ in progress.track(range(aged), description=f"{count:,} agents: {aged} ticks of ageing", transient=True):
            world.step()
        with harness.on(backend):
            rows, notes = measure(world, count, int(report.settings["ticks"]), frame)
        report.rows += rows
        report.notes += notes
    report.finish(request.json)


def measure(world: World, asked: int, ticks: int, frame: Frame | None) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows and notes of one world. Raises `harness.Invalid` when it leaves the conditions."""
    table, card = thinkers(world), world.backend.device is not None
    before = table.born_total, table.died_total, world.tick
    if card:
        runs, profile = modes.turns(world, table, ticks)
    else:
        world.profile.reset()
        whole_tick = "whole tick" if table.brains is None else "with senses and brains"
        runs = {whole_tick: modes.timed(world, table, ticks)}
        profile = str(world.profile)
    alive = np.concatenate([run.alive for run in runs.values()])
    born = (table.born_total - before[0]) / (world.tick - before[2])
    died = (table.died_total - before[1]) / (world.tick - before[2])
    things = surroundings(world)
    notes = [
        f"alive {alive.min():,} to {alive.max():,}; births {born:,.1f} and deaths {died:,.1f} a tick "
        f"({100 * min(born, died) / alive.mean():.2f}% of the living); {things:.1f} things in the sensing radius; "
        + ", ".join(f"{name} {count:,}" for name, count in world.counts().items()),
        profile,
    ]
    if np.abs(alive - asked).max() > HOLD * asked:
        raise harness.Invalid(
            f"tick: between {alive.min():,} and {alive.max():,} agents were alive, asked were {asked:,} within "
            f"{HOLD:.0%}. Nothing is reported."
        )
    scenes.check(world)
    found = {"alive": float(alive.mean()), "born": born, "died": died, "things": things}
    module = scenes.load(world.scene["path"]) if world.scene else None
    why = getattr(module, "comparable", lambda found: "")(found)
    if why:
        raise harness.Invalid(f"tick: {why}. Nothing is reported.")
    whole = next(iter(runs.values()))
    rates = {name: run.seconds for name, run in runs.items()}
    if not card:
        minds = [system.name for system in world.schedule if isinstance(system, Sense | Think)]
        if minds:
            thought = np.sum([world.profile.times(name)[-ticks:] for name in minds], axis=0)
            rates = {"world only": whole.seconds[-len(thought) :] - thought, **rates}
    if frame is not None:
        rates["with drawing"] = drawn(world, frame(world), min(ticks, 300))
    conditions = {"alive_min": alive.min(), "alive_max": alive.max(), "born": born, "died": died, "things": things}
    rows = []
    for name, times in rates.items():
        timing = harness.Timing(name, times)
        row = {"rate_of": name, "agents": asked, **timing.row(), "rate": 1 / timing.median, **conditions}
        if times is whole.seconds and table.brains is not None:
            row["brains"] = alive.mean() / timing.median / 1e6
        rows.append(row)
    if card:
        if table.brains is not None:
            against_the_roof(world, rows, runs)
        rows[0]["systems_ms"] = modes.systems(world, min(ticks, 50))
        each = (f"{name} {ms:.3f}" for name, ms in rows[0]["systems_ms"].items())
        notes.append(f"ms on the card, waited for after each: {', '.join(each)}")
    return rows, notes


def against_the_roof(world: World, rows: list[dict[str, Any]], runs: dict[str, modes.Ticks]) -> None:
    """What only a card's rows have: times by events, what a Python system costs, the share of the copy bandwidth."""
    rate = roof.measure(world.backend)
    row_bytes = thinkers(world).brains.row_bytes
    for row in rows:
        run = runs.get(row["rate_of"])
        if run is not None and run.device is not None:
            row["gpu_ms"] = float(np.median(run.device)) * 1e3
        row["more_ms"] = None if row is rows[0] else row["median_ms"] - rows[0]["median_ms"]
    rows[0] |= {"copy_gbs": rate.copy, "bytes_per_brain": row_bytes}
    rows[0]["share"] = rows[0]["brains"] * 1e6 * row_bytes / (rate.copy * 1e9)


def thinkers(world: World) -> Any:
    """The largest table with brains, or where nobody thinks, the largest. Raises `harness.Invalid` for none."""
    tables = [table for table in world.tables.values() if table.brains is not None] or list(world.tables.values())
    if not tables:
        raise harness.Invalid("tick: nobody lives in this scene. Nothing is reported.")
    return max(tables, key=lambda table: table.n)


def surroundings(world: World) -> float:
    """The mean number of things within the sensing radius of a thinker, counted for a sample in float64."""
    table, found, host = thinkers(world), 0.0, world.backend.host
    for system in world.schedule:
        if not isinstance(system, Sense):
            continue
        for column, radius in system.needs.items():
            grid = world.indices[column]
            members = host(grid.x).astype(np.float64), host(grid.y).astype(np.float64)
            own = next(c for c in _positions(table))
            sample = np.random.default_rng(0).choice(table.n, min(SAMPLE, table.n), replace=False)
            for place in host(table.column(own))[sample].astype(np.float64):
                found += _within(members, place, radius, world.size) / len(sample)
            if table.has(column):
                found -= 1.0  # itself
    return found


def _within(members: tuple[np.ndarray, ...], place: np.ndarray, radius: float, size: tuple[float, float]) -> int:
    """How many members (x, y) are within `radius` of a place on the torus."""
    x, y = members
    beside = np.abs(x - place[0])
    near = np.flatnonzero(np.minimum(beside, size[0] - beside) < radius)
    beside, above = beside[near], np.abs(y[near] - place[1])
    beside, above = np.minimum(beside, size[0] - beside), np.minimum(above, size[1] - above)
    return int((beside**2 + above**2 < radius**2).sum())


def _positions(table: Any) -> list[Any]:
    return [c for k in table.components for c in k.columns if c.shape == (2,) and c.unit == "m"]


def drawn(world: World, draw: Callable[[], object], ticks: int) -> np.ndarray:
    """Seconds per tick with a picture after each."""
    seconds = np.empty(ticks)
    for t in range(ticks):
        begun = time.perf_counter()
        world.step()
        draw()
        seconds[t] = time.perf_counter() - begun
    return seconds
