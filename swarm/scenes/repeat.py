"""`swarm check`: is a scene repeatable? It is run beside a twin that must not differ, in four ways, tick by tick.

    again      the same settings once more
    threads    one thread against all of them; on CUDA "graphs": captured runs of stages against launches one by one
    permuted   the rows of every table shuffled at the start and every 25 ticks
    saved      written to a file half way, loaded, and run on

When the hashes part, both are run once more with a fingerprint behind every system, and the first tick, system, column
and entity that differ are named. At the end the scene's own `check` is run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swarm.backend.device import Backend, choose
from swarm.digest import Difference, difference, fingerprint
from swarm.ecs.system import name_of
from swarm.errors import SettingsError
from swarm.scenes import check as check_scene
from swarm.scenes import scene as build
from swarm.world import World

SHUFFLE_EVERY = 25
Twist = Callable[[World, int], World]


@dataclass(frozen=True)
class Finding:
    """The first difference between a run and its twin."""

    tick: int
    system: str
    difference: Difference | None

    def __str__(self) -> str:
        what = f": {self.difference}" if self.difference is not None else ""
        return f"tick {self.tick}, system '{self.system}'{what}"


def compare(scene: str, values: Mapping[str, Any], ticks: int, way: str) -> tuple[str, Finding | None]:
    """The hash of the run, and where its twin in `way` (of `WAYS`) first differs, or None."""
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
    ours, theirs = _Traced(here), _Traced(there)
    for t in range(ticks):
        here.step()
        moved = twist(theirs.world, t)
        if moved is not theirs.world:
            theirs = _Traced(moved)
        theirs.world.step()
        for name, mine, other in zip(ours.names(), ours.marks(), theirs.marks()):
            parts = [part for part in mine if mine[part] != other.get(part)]
            if parts:
                return Finding(t, name, _entity(here, theirs.world, parts[0]))
    return None


def _entity(here: World, there: World, part: str) -> Difference | None:
    """The difference at the end of the tick, or at least the part where it began."""
    found = difference(here, there)
    return found if found is not None and found.name == part else Difference(part, None, "one value", "another")


class _Traced:
    """A world whose schedule notes a fingerprint behind every system."""

    def __init__(self, world: World) -> None:
        self.world, self._marks = world, []
        self._names = [*world.schedule.names, "barrier"]
        world.schedule = tuple(self._wrap(k, step) for k, step in enumerate(world.schedule))

    def _wrap(self, k: int, step: Any) -> Any:
        def system(world: World, dt: float) -> None:
            if k == 0:
                self._marks.clear()
            on_cuda = getattr(step, "on_cuda", None) if world.backend.name == "cuda" else None
            (on_cuda or step)(world, dt)
            self._marks.append(fingerprint(world))

        system.name = name_of(step)  # type: ignore[attr-defined]
        for declared in ("reads", "writes", "needs"):
            if hasattr(step, declared):
                setattr(system, declared, getattr(step, declared))
        return system

    def names(self) -> list[str]:
        return self._names

    def marks(self) -> list[dict[str, int]]:
        return [*self._marks, fingerprint(self.world)]


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
}


def ways(backend: str | Backend = "auto") -> list[str]:
    """Those of `WAYS` that mean something on this backend."""
    return [way for way in WAYS if way != ("threads" if choose(backend).name == "cuda" else "graphs")]


def check(scene: str, *, ticks: int = 200, **values: Any) -> int:
    """The command: run every way, print a line for each; returns 0 when nothing differs, else 1."""
    from rich.console import Console

    if ticks < 1:
        raise SettingsError(f"--ticks {ticks}: check needs 1 tick or more.")
    console, failed = Console(), 0
    asked = ways(values.get("backend", "auto"))
    for way in asked:
        with console.status(f"{scene}: {way} ..."):
            digest, finding = compare(scene, values, ticks, way)
        if finding is None:
            console.print(f"[green]same[/]     {way:<9} {ticks} ticks  hash {digest}", highlight=False)
        else:
            failed += 1
            console.print(f"[red]differs[/]  {way:<9} first at {finding}", highlight=False)
    console.print(
        f"{scene}: repeatable, and its own check holds." if not failed else f"{scene}: {failed} of {len(asked)} differ."
    )
    return 1 if failed else 0
