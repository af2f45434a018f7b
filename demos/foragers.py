"""A world built by hand: foragers that sense, think, move, eat, split and starve, each with a brain of its own.
Watch for: most drift and starve; the children of those that turn to food spread."""

import sys

import swarm
from swarm import Component, Own, Sectors, bool_, f32
from swarm.render import screenshot, watch


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0, unit="J")   # an agent dies at 0 and splits at 2


class Plant(Component):
    pos = f32(2, unit="m")
    ripe = bool_(default=True)


Mind = swarm.mind(food=Sectors(8, radius=10, of=Plant.pos), kin=Sectors(8, radius=10, of=Body.pos),
                  energy=Own(Energy.level), speed=Own(Body.vel), actions=("push_x", "push_y"))


def steer(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].vel += (20 * agents[Mind].actions - 2 * agents[Body].vel) * dt


def live(world, dt):
    for agents in world.query(Body, Energy):
        agents[Energy].level -= (0.05 + 0.001 * (agents[Body].vel ** 2).sum(axis=1)) * dt
        agents.kill(agents[Energy].level <= 0)


def regrow(world, dt):
    for plants in world.query(Plant):
        plants[Plant].ripe |= plants.uniform() < 0.05 * dt


world = swarm.World(size=(160, 90), tick=1 / 60, seed=7)
world.spawn(2_400, Plant(pos=world.scatter), name="plant")
world.spawn(1_200, Body(pos=world.scatter), Energy(), Mind(), name="forager",
            brains=swarm.MLP((Mind.inputs, 32, Mind.outputs), output="tanh"), mutation=swarm.Mutation(sigma=0.05))
world.schedule = (
    swarm.index(Body.pos), swarm.index(Plant.pos, where=Plant.ripe), swarm.sense(Mind), swarm.think(Mind),
    steer, swarm.move(Body.pos, Body.vel, limit=12),
    swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=0.5, ripe=Plant.ripe), live,
    swarm.split(Energy.level, above=2, pos=Body.pos), regrow,
)
if len(sys.argv) == 1:
    watch(world, title="foragers", hint="most drift and starve; the children of those that turn to food spread")
else:                                    # python demos/foragers.py F.png: a picture, no screen needed
    for _ in range(600):
        world.step()
    screenshot(world, sys.argv[1], title="foragers")
