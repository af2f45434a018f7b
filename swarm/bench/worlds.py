"""`swarm bench worlds`: a tick of many small worlds in one against a tick of one world of as many agents.

Both live through `aged` ticks first, then take turns. Before anything is reported the first, the middle and the last of
the small worlds are run again alone, as long, and must have the same hash; the scene's own check must hold in both, and
the population must stay what was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich import progress

from swarm import scenes
from swarm.backend import device
from swarm.world import World

from . import harness
from .report import Report
from .request import Request
from .tick import HOLD, thinkers

COLUMNS = {
    "what": ("", "s"),
    "agents": ("agents", ",d"),
    "median_ms": ("tick ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "max_ms": ("max", ".2f"),
    "rate": ("ticks/s", ".1f"),
    "ratio": ("/ one world", ".2f"),
}


def command(
    request: Request,
    *,
    scene: str = "foragers",
    settings: Mapping[str, Any] | None = None,
    worlds: int = 1024,
    ticks: int | None = None,
    aged: int = 200,
) -> None:
    """Measure, print, save."""
    request.at_least("--worlds", worlds, 2)
    request.at_least("--aged", aged, 0)
    request.at_least("--ticks", ticks, 1)
    backend, count = device.choose(request.backend, request.threads), ticks or request.repeats or 200
    report = Report("worlds", COLUMNS, request.seed)
    report.settings = {"scene": scene, **(settings or {}), "backend": backend.name, "threads": backend.threads}
    report.settings |= {"worlds": worlds, "aged_ticks": aged, "ticks": count}
    common = {**(settings or {}), "seed": request.seed, "backend": backend}
    for each in request.sizes(64):
        begun = time.perf_counter()
        many = scenes.scene(scene, **{**_steady(scene, each), **common, "worlds": worlds})
        built = time.perf_counter() - begun
        one = scenes.scene(scene, **{**_steady(scene, each * worlds), **common})
        for _ in progress.track(range(aged), description=f"{aged} ticks of ageing", transient=True):
            many.step()
            one.step()
        names = f"{worlds:,} worlds of {each:,}", f"one world of {each * worlds:,}"
        for world in (many, one):
            world.profile.reset()
        times = harness.interleave({names[0]: many.step, names[1]: one.step}, count, limit=120.0)
        _validate(many, one, each, scene, {**_steady(scene, each), **common})
        for name, world in zip(names, (many, one)):
            timing = times[name]
            row = {"what": name, "agents": thinkers(world).n, **timing.row(), "rate": 1 / timing.median}
            report.rows.append({**row, "ratio": timing.median / times[names[1]].median})
        report.rows[-2]["built_s"] = built
        report.notes.append(f"{names[0]}: built and joined in {built:.1f} s")
        report.notes += [f"{name}\n{world.profile}" for name, world in zip(names, (many, one))]
    report.finish(request.json)


def _steady(scene: str, agents: int) -> dict[str, Any]:
    return getattr(scenes.load(scene), "steady", lambda agents: {"agents": agents})(agents)


def _validate(many: World, one: World, each: int, scene: str, values: dict[str, Any]) -> None:
    """Raise `harness.Invalid` unless the worlds are what they are alone, and as many live as were asked for."""
    for world in (many, one):
        scenes.check(world)
        alive, asked = thinkers(world).n, each * many.worlds
        if abs(alive - asked) > HOLD * asked:
            raise harness.Invalid(
                f"worlds: {alive:,} agents live, asked were {asked:,} within {HOLD:.0%}. Nothing is reported."
            )
    for k in {0, many.worlds // 2, many.worlds - 1}:
        alone = scenes.scene(scene, **{**values, "seed": int(many.seeds[k])})
        for _ in range(many.tick):
            alone.step()
        if alone.hash() != many.hash(k):
            raise harness.Invalid(
                f"worlds: at tick {many.tick} world {k} has hash {many.hash(k)}, alone {alone.hash()}. Nothing is "
                f"reported; `swarm check {scene}` says where they part."
            )
