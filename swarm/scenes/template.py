"""Grazers with brains of their own look for grass, starve or split: `swarm demo my_world.py`. Every line is yours."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

import swarm
from swarm import Component, Look, Own, Sectors, bool_, f32


class Body(Component):
    pos, vel = f32(2, unit="m"), f32(2, unit="m/s")
    energy = f32(default=1.0, unit="J")

class Grass(Component):
    pos, ripe = f32(2, unit="m"), bool_(default=True)

Mind = swarm.mind(grass=Sectors(8, radius=10, of=Grass.pos), kin=Sectors(4, radius=10, of=Body.pos),
                  energy=Own(Body.energy), speed=Own(Body.vel), actions=("push_x", "push_y"))

@dataclass(frozen=True)
class Settings:  # `swarm settings my_world.py` lists them; --set living=0.1 sets one
    agents: Annotated[int, Meta(ge=1)] = 500
    seed: int = 0
    backend: str = "auto"
    threads: int | None = None
    cap: int | None = None  # the largest population
    living: Annotated[float, Meta(ge=0, extra={"unit": "J/s"})] = 0.2  # the cost of being
TUNE = ("living", "cap")  # the sliders of these act at once

def live(world, dt):  # an own rule: brains push, living costs, who has nothing left dies
    for agents in world.query(Body, Mind):
        agents[Body].vel += (20 * agents[Mind].actions - 2 * agents[Body].vel) * dt
        agents[Body].energy -= world.resources["living"] * dt
        agents.kill(agents[Body].energy <= 0)
    for grass in world.query(Grass):  # eaten grass ripens by chance
        grass[Grass].ripe |= grass.uniform() < 0.2 * dt

def build(s):
    world = swarm.World(40 + 6 * s.agents**0.5, tick=1 / 30, seed=s.seed, backend=s.backend, threads=s.threads)
    world.resources["living"] = s.living
    world.spawn(2 * s.agents, Grass(pos=world.scatter), name="grass")
    world.spawn(s.agents, Body(pos=world.scatter), Mind, name="grazer", cap=s.cap, mutation=swarm.Mutation(sigma=0.05),
                brains=swarm.MLP((Mind.inputs, 16, Mind.outputs), output="tanh"))
    world.schedule = (  # the rules of a tick, in order; put yours between them
        swarm.index(Body.pos), swarm.index(Grass.pos, where=Grass.ripe), swarm.sense(Mind), swarm.think(Mind), live,
        swarm.move(Body.pos, Body.vel, limit=12), swarm.split(Body.energy, above=2, pos=Body.pos),
        swarm.graze(Body.pos, Grass.pos, into=Body.energy, gain=0.5, ripe=Grass.ripe))
    return world

def check(world):  # what always holds; `swarm check` asks
    assert all((agents[Body].energy > 0).all() for agents in world.query(Body)), "somebody lives on nothing"

def look(world):  # how it is drawn
    return (Look("grass", Grass.pos, palette="moss", strength=Grass.ripe, shape="disc"),
            Look("grazer", Body.pos, heading=Body.vel, colour=Body.energy, limits=(0, 2), size=3))

def steady(agents):  # settings that keep as many alive; `swarm bench tick --scene my_world.py` asks
    return {"agents": agents, "cap": agents, "living": 0.05}
