"""A scene run in a process of its own, whose texts have other hashes: sets and dicts of texts go another way there.

`PYTHONHASHSEED` differs, and so do the addresses of objects, by which sets of objects are ordered. The child (`python
-m swarm.scenes.elsewhere`) reads what to run as JSON and prints a line a tick: the hash, or the fingerprints behind
every system.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swarm.errors import SwarmError
from swarm.scenes import scene as build
from swarm.scenes.trace import Finding, Traced, entity, parting
from swarm.world import World

HASH_SEED = "20011"  # any that is not this process's
MARK = "tick: "  # opens our lines, whatever else the scene prints


def compare(scene: str, values: Mapping[str, Any], ticks: int) -> tuple[World, Finding | None]:
    """This process's world at the end, and where the other's run first differs, or None. Raises `SwarmError` when the
    scene does not run there."""
    theirs = _child(scene, values, ticks)
    here = build(scene, **values)
    for t in range(ticks):
        here.step()
        if here.hash() != theirs[t]:
            return here, _trace(scene, values, t + 1) or Finding(t, "not seen again in a second run", None)
    return here, None


def _trace(scene: str, values: Mapping[str, Any], ticks: int) -> Finding | None:
    """Run both again with a fingerprint behind every system; the first that differs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "there.safetensors"
        theirs = _child(scene, values, ticks, path)
        ours = Traced(build(scene, **values))
        for t in range(ticks):
            ours.world.step()
            found = parting(ours.names, ours.marks(), theirs[t])
            if found is not None:
                last = t == ticks - 1  # their world was saved there
                at = entity(ours.world, World.load(path, backend=ours.world.backend), found[1]) if last else None
                return Finding(t, found[0], at)
    return None


def _child(scene: str, values: Mapping[str, Any], ticks: int, save: Path | None = None) -> list[Any]:
    asked = {"scene": scene, "values": dict(values), "ticks": ticks, "save": str(save) if save else None}
    seed = HASH_SEED if os.environ.get("PYTHONHASHSEED") != HASH_SEED else "1"
    done = subprocess.run(
        [sys.executable, "-m", "swarm.scenes.elsewhere"],
        input=json.dumps(asked, default=str),
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line[len(MARK) :]) for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or len(lines) != ticks:
        why = done.stderr.strip().splitlines()[-1:] or [f"it left with code {done.returncode}"]
        raise SwarmError(f"scene '{scene}' does not run in a process of its own: {why[0]}")
    return lines


def _run(scene: str, values: dict[str, Any], ticks: int, save: str | None) -> None:
    """What the child does; `save`: trace, and save the world at the end."""
    world = build(scene, **values)
    traced = Traced(world) if save else None
    for _ in range(ticks):
        world.step()
        print(f"\n{MARK}{json.dumps(world.hash() if traced is None else traced.marks())}", flush=True)
    if save:
        world.save(save)


if __name__ == "__main__":
    _run(**json.loads(sys.stdin.read()))
