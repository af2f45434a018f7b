"""A scene of one's own in one file: fireflies that flash, and that a flash nearby makes hurry.
Both run it: `swarm demo demos/own.py` (with --agents, --seed, --set reach=6, ...) and `python demos/own.py [F.png]`.
"""

import sys
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

import swarm
from swarm import Component, Look, f32
from swarm.render import follow, screenshot, watch

WATCH = "at first all twinkle by chance; soon waves of light run across the meadow"


class Fly(Component):
    pos, vel = f32(2, unit="m"), f32(2, unit="m/s")
    phase, light = f32(), f32()     # flashes at 1; 1 in a flash, then fading


@dataclass(frozen=True)
class Settings:
    agents: int = 1_500
    seed: int = 0
    backend: str = "auto"
    threads: int | None = None
    reach: Annotated[float, Meta(gt=0, le=20, extra={"unit": "m"})] = 6.0    # how far a flash is seen
    hurry: Annotated[float, Meta(ge=0, le=1)] = 0.2                          # what a flash nearby adds to the phase


def shine(world, dt):
    near = world.neighbours(Fly.pos, world.resources["reach"])
    for flies in world.query(Fly):
        flash = flies[Fly].phase >= 1
        seen = near.any(flash[near.j])
        flies[Fly].phase[flash] = 0
        flies[Fly].phase += 0.5 * dt + world.resources["hurry"] * seen * flies[Fly].phase
        flies[Fly].light = np.where(flies[Fly].phase >= 1, 1, 0.93 * flies[Fly].light)
        flies[Fly].vel += (flies.normal(2) - flies[Fly].vel) * dt


def build(s):
    world = swarm.World((96, 54), tick=1 / 30, seed=s.seed, backend=s.backend, threads=s.threads)
    world.resources.update(reach=s.reach, hurry=s.hurry)
    world.spawn(s.agents, Fly(pos=world.scatter, phase=lambda n: world.scatter(n)[:, 0] / 96), name="firefly")
    world.schedule = swarm.index(Fly.pos, radius=s.reach), shine, swarm.move(Fly.pos, Fly.vel)
    return world


def look(world):
    light = {"colour": Fly.light, "strength": Fly.light, "limits": (0, 1), "glow": 0.8}
    return (Look("firefly", Fly.pos, shape="disc", size=1.3, **light),)


if __name__ == "__main__":
    made = swarm.scene(__file__)
    watch(made) if len(sys.argv) == 1 else screenshot(made, sys.argv[1], figures=follow(made, ticks=900))
