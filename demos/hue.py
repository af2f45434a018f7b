"""Hue as a sense of one's own: agents feel how far the hues around them are from theirs, and turn by what they feel.

Watch for: noise becomes patches of one colour, and the patches grow. `hue.py F.png` makes a picture without a screen.
"""

import math
import sys

import numpy as np

import swarm
from swarm import Component, Look, f32
from swarm.render import screenshot, watch


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    hue = f32(unit="rad")
    shade = f32()  # the cosine of the hue: only to be seen


@swarm.pair(radius=3, reduce="mean", of=Body.pos)
def contrast(me, other):
    return math.sin(other.hue - me.hue)


Mind = swarm.mind(contrast=contrast, actions=("turn",))


def turn(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].hue += 4 * dt * agents[Mind].actions[:, 0] + 0.02 * agents.normal()
        agents[Body].shade = np.cos(agents[Body].hue)
        agents[Body].vel += (3 * agents.normal(2) - agents[Body].vel) * dt


world = swarm.World(size=(128, 72), tick=1 / 30, seed=5)
brain = swarm.Brains(swarm.MLP((Mind.inputs, Mind.outputs)), count=1, seed=0)
brain.parameters[:] = 0
brain.weight(0)[...] = 1  # one brain for all: they do what they feel
body = Body(pos=world.scatter, hue=lambda n: 2 * math.pi * world.scatter(n)[:, 0] / 128)
world.spawn(4_000, body, Mind(), name="agent", brains=brain, brain=np.zeros(4_000, np.int32))
world.schedule = (
    swarm.index(Body.pos),
    swarm.sense(Mind),
    swarm.think(Mind),
    turn,
    swarm.move(Body.pos, Body.vel, limit=3),
)
looks = (Look("agent", Body.pos, Body.vel, Body.shade, palette="tide", limits=(-1, 1), size=1.6, glow=0.2),)
if len(sys.argv) == 1:
    watch(world, looks=looks, title="hue", hint="noise becomes patches of one colour, and the patches grow")
else:
    for _ in range(600):
        world.step()
    screenshot(world, sys.argv[1], looks=looks, title="hue")
