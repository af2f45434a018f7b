"""`swarm check`: is a scene repeatable? It is run beside a twin that must not differ, in six ways, tick by tick.

    again      the same settings once more
    threads    one thread against all of them; on CUDA "graphs": captured runs of stages against launches one by one
    permuted   the rows of every table shuffled at the start and every 25 ticks
    saved      written to a file half way, loaded, and run on
    process    in another process, where texts have other hashes, so that sets and dicts of them are in another order
    worlds     three worlds in one against each of them alone

When the hashes part, both are run once more with a fingerprint behind every system, and the first tick, system, column
and entity that differ are named. At the end the scene's own `check` is run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from swarm.backend.device import Backend, choose
from swarm.digest import difference
from swarm.errors import SettingsError
from swarm.scenes import SceneError, elsewhere, load, many
from swarm.scenes import check as check_scene
from swarm.scenes import scene as build
from swarm.scenes.trace import Finding, Traced, entity, parting
from swarm.world import World

SHUFFLE_EVERY = 25
HINTS = {  # where to look
    "again": "Draw random numbers with agents.uniform or agents.normal; keep nothing between worlds in a module.",
    "threads": "Something depends on how many threads run; is a file or a clock read?",
    "graphs": "A system that is captured does something on the host; leave out its on_cuda.",
    "permuted": "A result depends on the order of rows: a sum over a table, a first or last row. Go by ids instead.",
    "saved": "Something is kept outside the world; put it into a column or world.resources.",
    "process": "A set, or a dict keyed by hash or address, is gone through in its own order. Sort it first.",
    "worlds": "A system mixes worlds: a sum over a table, world.tick or world.seed. See world.total and world.tick_of.",
}
NO_CHECK = (
    "To have it promise something, add for example:\n    def check(world):\n        assert world.counts()['...'] > 0"
)
Twist = Callable[[World, int], World]


def compare(scene: str, values: Mapping[str, Any], ticks: int, way: str) -> tuple[str, Finding | None]:
    """The hash of the run, and where its twin in `way` (of `WAYS`) first differs, or None.

    Raises `SceneError` when nothing differs and the scene's own check fails.
    """
    if way == "process":
        here, finding = elsewhere.compare(scene, values, ticks)
        if finding is None:
            check_scene(here)
        return here.hash(), finding
    if way == "worlds":
        here, finding = many.compare(scene, values, ticks)
        if finding is None:
            check_scene(here)
        return here.hash(), finding
    here, there, twist = _pair(scene, values, ticks, way)
    for t in range(ticks):
        here.step()
        there = twist(there, t)
        there.step()
        if here.hash() != there.hash():
            again = _trace(scene, values, t + 1, way)
            return here.hash(), again or Finding(t, "not seen again in a second run", difference(here, there))
    check_scene(here)
    return here.hash(), None


def _pair(scene: str, values: Mapping[str, Any], ticks: int, way: str) -> tuple[World, World, Twist]:
    here = build(scene, **values)
    there = build(scene, **{**values, "threads": 1}) if way == "threads" else build(scene, **values)
    there.capture = way != "graphs"
    return here, there, WAYS[way](ticks)


def _trace(scene: str, values: Mapping[str, Any], ticks: int, way: str) -> Finding | None:
    """Run both again with a fingerprint behind every system; the first that differs."""
    here, there, twist = _pair(scene, values, ticks, way)
    ours, theirs = Traced(here), Traced(there)
    for t in range(ticks):
        here.step()
        moved = twist(theirs.world, t)
        if moved is not theirs.world:
            theirs = Traced(moved)
        theirs.world.step()
        found = parting(ours.names, ours.marks(), theirs.marks())
        if found is not None:
            return Finding(t, found[0], entity(here, theirs.world, found[1]))
    return None


# --- the ways in which a twin is treated ------------------------------------------------------------------------------


def _untouched(ticks: int) -> Twist:
    return lambda world, t: world


def _shuffled(ticks: int) -> Twist:
    def twist(world: World, t: int) -> World:
        if t % SHUFFLE_EVERY == 0:
            for table in world.tables.values():
                table.permute(np.random.default_rng((t, table.index)).permutation(table.n))
        return world

    return twist


def _reloaded(ticks: int) -> Twist:
    def twist(world: World, t: int) -> World:
        if t != ticks // 2:
            return world
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "world.safetensors"
            world.save(path)
            return World.load(path, backend=world.backend)

    return twist


WAYS: dict[str, Callable[[int], Twist]] = {
    "again": _untouched,
    "threads": _untouched,
    "graphs": _untouched,
    "permuted": _shuffled,
    "saved": _reloaded,
    "process": _untouched,
    "worlds": _untouched,
}


def ways(backend: str | Backend = "auto") -> list[str]:
    """Those of `WAYS` that mean something on this backend; another process only where it has the same device."""
    chosen = choose(backend)
    without = {"threads", "worlds"} if chosen.name == "cuda" else {"graphs"}
    if chosen.device is not None and not chosen.device.gpu:
        without.add("process")
    return [way for way in WAYS if way not in without]


def check(scene: str, *, ticks: int = 200, **values: Any) -> int:
    """The command: run every way, print a line for each; returns 0 when nothing differs and the scene keeps what it
    promises, else 1."""
    from rich.console import Console
    from rich.markup import escape

    if ticks < 1:
        raise SettingsError(f"--ticks {ticks}: check needs 1 tick or more.")
    console, failed = Console(soft_wrap=True), []
    known = {field.name for field in fields(load(scene).Settings)}
    asked = [way for way in ways(values.get("backend", "auto")) if way != "threads" or "threads" in known]
    why_one = many.why_not(scene, values) if "worlds" in asked else ""
    asked = [way for way in asked if way != "worlds" or not why_one]
    for way in asked:
        finding = None
        with console.status(f"{scene}: {way} ..."):
            try:
                digest, finding = compare(scene, values, ticks, way)
            except SceneError as error:
                console.print(f"[red]broken[/]   {way:<9} {escape(str(error))}", highlight=False)
                return 1
        if finding is None:
            console.print(f"[green]same[/]     {way:<9} {ticks} ticks  hash {digest}", highlight=False)
        else:
            failed.append(way)
            console.print(f"[red]differs[/]  {way:<9} first at {escape(str(finding))}", highlight=False)
            if way == "again" or "again" not in failed:  # what differs by itself differs in every way
                console.print(f"{'':<19}{HINTS[way]}", highlight=False)
    if "threads" not in known:
        console.print(
            "left out threads: Settings has no `threads`. Declare `threads: int | None = None` and give it to "
            "swarm.World.",
            highlight=False,
        )
    if why_one:
        console.print(f"left out worlds: {escape(why_one)}", highlight=False)
    own = hasattr(load(scene), "check")
    held = "and its own check holds" if own else "but it promises nothing of its own"
    verdict = f"repeatable, {held}" if not failed else f"{len(failed)} of {len(asked)} differ"
    console.print(f"{scene}: {verdict}.", highlight=False)
    if not own:
        console.print(NO_CHECK, highlight=False, markup=False, end="")
    return 1 if failed else 0
