"""Starlings: three thousand agents without brains, one stage that looks at the neighbours, and a gusty wind.

Watch for: groups form within seconds, meet, and pass through each other. `flock.py F.png` makes a picture.
"""

import sys

import numpy as np

import swarm
from swarm import Component, Look, f32
from swarm.render import screenshot, watch


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    turn = f32(unit="m/s2")  # how hard the bird is turning: only to be seen


def wind(world, dt):
    for birds in world.query(Body):
        birds[Body].vel += 12 * birds.normal(2) * dt


def steady(world, dt):
    for birds in world.query(Body):
        speed = np.linalg.norm(birds[Body].vel, axis=1)
        birds[Body].turn = 0.98 * birds[Body].turn + 0.02 * np.abs(speed - 8) / dt
        birds[Body].vel *= (1 + (8 / np.maximum(speed, 0.1) - 1) * 2 * dt)[:, None].astype(np.float32)


world = swarm.World(size=(192, 108), tick=1 / 60, seed=3)
world.spawn(3_000, Body(pos=world.scatter, vel=lambda n: 12 * world.scatter(n) / world.size - 6), name="starling")
world.schedule = (
    swarm.index(Body.pos),
    swarm.flock(Body.pos, Body.vel, radius=5, cohesion=3, alignment=1, separation=3),
    wind,
    steady,
    swarm.move(Body.pos, Body.vel, limit=14),
)
looks = (Look("starling", Body.pos, Body.vel, Body.turn, palette="tide", size=1.6, glow=0.25),)
if len(sys.argv) == 1:
    watch(world, looks=looks, title="flock", hint="groups form within seconds, meet, and pass through each other")
else:
    for _ in range(600):
        world.step()
    screenshot(world, sys.argv[1], looks=looks, title="flock")
