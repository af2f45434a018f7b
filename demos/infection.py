"""Infection by contact: a rule of two lines, compiled into the search for neighbours. Nobody recovers.

Watch for: one is ill at first, and the illness goes outward in a ring. `infection.py F.png` makes a picture.
"""

import sys

import numpy as np

import swarm
from swarm import Component, Look, bool_, f32
from swarm.render import screenshot, watch


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Health(Component):
    sick = bool_(default=False)
    risk = f32(unit="1/s")  # of falling ill, from all who are near
    since = f32(unit="s")  # how long one has been ill


@swarm.pair(radius=2, reduce="sum", of=Body.pos)
def contagion(other, distance):
    return 4.0 * (1 - distance / 2) if other.sick else 0.0


def catch(world, dt):
    for people in world.query(Health):
        people[Health].sick |= people.uniform() < people[Health].risk * dt
        people[Health].since += people[Health].sick * np.float32(dt)


def wander(world, dt):
    for people in world.query(Body):
        people[Body].vel += 12 * dt * people.normal(2) - dt * people[Body].vel


world = swarm.World(size=(128, 72), tick=1 / 60, seed=4)
world.spawn(3_000, Body(pos=world.scatter), Health(sick=lambda n: np.arange(n) == 0), name="person")
world.schedule = (
    swarm.index(Body.pos),
    swarm.meet(contagion, into=Health.risk),
    catch,
    wander,
    swarm.move(Body.pos, Body.vel, limit=4),
)
looks = (Look("person", Body.pos, Body.vel, Health.since, strength=Health.sick, shape="disc", size=1.2, glow=0.2),)
if len(sys.argv) == 1:
    watch(world, looks=looks, title="infection", hint="one is ill at first, and the illness goes outward in a ring")
else:
    for _ in range(1_200):
        world.step()
    screenshot(world, sys.argv[1], looks=looks, title="infection")
