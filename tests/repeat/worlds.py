"""Worlds whose hashes stand in the repository, run in a process of their own:

python tests/repeat/worlds.py [name ...]      prints "name hash" a line
"""

from __future__ import annotations

import sys

TICKS = 60
SETTINGS = {
    "foragers float32": {"agents": 150, "seed": 11},
    "foragers bfloat16": {"agents": 150, "seed": 11, "dtype": "bfloat16"},
    "foragers float64": {"agents": 150, "seed": 11, "dtype": "float64"},
}


def run(name: str, threads: int | None = None) -> str:
    """The hash of one of `SETTINGS` after `TICKS` ticks."""
    from swarm.scenes import check, scene

    world = scene("foragers", **SETTINGS[name], backend="cpu", threads=threads)
    for _ in range(TICKS):
        world.step()
    check(world)
    return world.hash()


if __name__ == "__main__":
    for name in sys.argv[1:] or SETTINGS:
        print(name, run(name), flush=True)
