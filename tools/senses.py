"""What senses cost: milliseconds a tick for 100,000 agents with 17 others in sight, and beside eight sectors.

    python tools/senses.py [AGENTS] [THREADS]

Among them the figure of rays: 8 rays of 12 m each against 1,000 walls of 50 m, against the agents (discs of 0.5 m), and
against both. Senses take turns, so that a noisy moment hits all of them; the fastest of 25 ticks is given.
"""

from __future__ import annotations

import sys
from math import pi, sqrt
from time import perf_counter

import numpy as np

import swarm
from swarm import Component, Heard, Nearest, Rays, Sectors, f32

RADIUS, AROUND, WALLS, TICKS = 12.0, 17, 1000, 25


class Body(Component):
    """An agent."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    said = f32(4)


class Wall(Component):
    """A line segment."""

    a = f32(2, unit="m")
    b = f32(2, unit="m")


SENSES = {
    "sectors: closeness": Sectors(8, RADIUS, of=Body.pos),
    "sectors: closeness, heading": Sectors(8, RADIUS, of=Body.pos, heading=Body.vel),
    "sectors: count": Sectors(8, RADIUS, of=Body.pos, reduce="count"),
    "sectors: sum of 4": Sectors(8, RADIUS, of=Body.pos, reduce="sum", column=Body.said),
    "nearest 1": Nearest(1, RADIUS, of=Body.pos),
    "nearest 4": Nearest(4, RADIUS, of=Body.pos),
    "heard: 4 channels": Heard(4, RADIUS, of=Body.pos, message=Body.said),
    "rays: walls": Rays(8, RADIUS, walls=(Wall.a, Wall.b)),
    "rays: agents": Rays(8, RADIUS, of=Body.pos, size=0.5),
    "rays: agents, walls": Rays(8, RADIUS, of=Body.pos, size=0.5, walls=(Wall.a, Wall.b), hits=False),
    "rays: agents, walls, kinds": Rays(8, RADIUS, of=Body.pos, size=0.5, walls=(Wall.a, Wall.b)),
}


def build(sense: object, agents: int, threads: int | None) -> swarm.World:
    """A world whose agents have this one sense."""
    side = sqrt(agents * pi * RADIUS**2 / AROUND)
    rng, Mind = np.random.default_rng(0), swarm.mind(it=sense, actions=("x",))
    world = swarm.World(size=(side, side), backend="cpu", threads=threads)
    world.spawn(agents, Body(pos=world.scatter, vel=rng.normal(size=(agents, 2)), said=1), Mind(), name="agent")
    angle = rng.uniform(0, 2 * pi, WALLS)
    a = np.minimum(rng.random((WALLS, 2)) * side, side * 0.999)
    b = (a + 50 * np.stack([np.cos(angle), np.sin(angle)], axis=1)) % side * 0.999
    world.spawn(WALLS, Wall(a=a, b=b), name="wall")
    world.schedule = (swarm.index(Body.pos, radius=RADIUS + 0.5), swarm.sense(Mind, Body.pos))
    return world


def main() -> None:
    """Print the table."""
    agents = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else None
    worlds = {name: build(sense, agents, threads) for name, sense in SENSES.items()}
    taken: dict[str, list[float]] = {name: [] for name in worlds}
    for tick in range(TICKS + 2):
        for name, world in worlds.items():
            index, look = world.schedule
            with world.backend.running():
                index(world, world.dt)
                before = perf_counter()
                look(world, world.dt)
            if tick >= 2:
                taken[name].append((perf_counter() - before) * 1e3)
    first = min(taken["sectors: closeness"])
    print(f"{agents:,} agents, {next(iter(worlds.values())).threads} threads: ms a tick, and beside eight sectors")
    for name, times in taken.items():
        print(f"  {name:<30}{min(times):7.2f}{min(times) / first:7.2f}")


if __name__ == "__main__":
    main()
