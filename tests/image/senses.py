"""A small world whose one thinker has a sense of every kind that has a place, among walls, rocks and solid tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

import swarm
from swarm import Component, f32
from swarm.look import Look

SIZE = (40.0, 30.0)


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(unit="J")


class Voice(Component):
    said = f32(1)


class Rock(Component):
    pos = f32(2, unit="m")
    radius = f32(unit="m")


class Wall(Component):
    a = f32(2, unit="m")
    b = f32(2, unit="m")


SCENT = swarm.Field("scent", cells=(40, 30))
GROUND = swarm.Tiles("ground", cells=(40, 30))
SENSES = {
    "kin": swarm.Sectors(8, radius=8, of=Body.pos),
    "ahead": swarm.Rays(
        7, radius=9, of=Rock.pos, size=Rock.radius, largest=2, walls=(Wall.a, Wall.b), fov=2.1, heading=Body.vel
    ),
    "mates": swarm.Nearest(2, radius=7, of=Body.pos),
    "feelers": swarm.Probe(SCENT, angles=(-40, 0, 40), distance=3, heading=Body.vel),
    "slope": swarm.Gradient(SCENT),
    "voices": swarm.Heard(1, radius=12, of=Body.pos, message=Voice.said),
}
LOOKS = (
    Look("stone", Rock.pos, colour="#6d7480", size=0.2, shape="disc"),
    Look("agent", Body.pos, Body.vel, Energy.level, limits=(0.0, 1.0), size=1.4, glow=0.3),
)


def mind(*names: str) -> Any:
    """A mind with these senses of `SENSES`, by default all."""
    chosen = {name: SENSES[name] for name in names or SENSES}
    return swarm.mind(**chosen, level=swarm.Own(Energy.level), actions=("turn",))


def world(*names: str) -> Any:
    """Eighteen agents, five rocks, three walls, some solid tiles; agent 0 stands in the middle and looks to +x."""
    made, rng, Mind = (
        swarm.World(size=SIZE, tick=0.1, backend="reference", seed=2),
        np.random.default_rng(7),
        mind(*names),
    )
    pos = np.concatenate([[(20, 15)], rng.uniform(0, 1, (17, 2)) * SIZE]).astype(np.float32)
    angle = np.concatenate([[0.0], rng.uniform(0, 6.28, 17)])
    vel = 1.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    made.spawn(
        18, Body(pos=pos, vel=vel), Energy(level=np.linspace(1, 0, 18, dtype=np.float32)),
        Voice(said=np.float32([0.5])), Mind(), name="agent", brains=swarm.MLP((Mind.inputs, 4, Mind.outputs)),
    )  # fmt: skip
    rocks = np.float32([(25, 18), (24, 10), (33, 22), (8, 6), (12, 25)])
    made.spawn(5, Rock(pos=rocks, radius=np.float32([1.2, 0.8, 2.0, 1.5, 1.0])), name="stone")
    made.spawn(
        3, Wall(a=np.float32([(28, 8), (28, 20), (38, 3)]), b=np.float32([(28, 20), (16, 24), (4, 3)])), name="wall"
    )
    y, x = np.mgrid[0:30, 0:40]
    SCENT.set(made, np.exp(-((x - 23) ** 2 + (y - 18) ** 2) / 40).astype(np.float32))
    GROUND.of(made)[4:8, 10:16] = 1
    made.schedule = (
        swarm.index(Body.pos), swarm.index(Rock.pos), swarm.sense(Mind, Body.pos), swarm.think(Mind),
        swarm.move(Body.pos, Body.vel), swarm.index(Body.pos),
        swarm.collide(
            Body.pos, 0.4, circles=(Rock.pos, Rock.radius), segments=(Wall.a, Wall.b), tiles=GROUND, widest=2.0
        ),
    )  # fmt: skip
    return made
