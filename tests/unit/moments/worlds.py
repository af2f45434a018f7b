"""A small world in which everything happens that a moment must hold: births, refused births, deaths, several tables,
own, shared and mixed brains, overrides, scalars and arrays among the resources."""

from __future__ import annotations

import numpy as np

import swarm
from swarm import MLP, Brains, Component, Mutation, Own, f32, i32


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0, unit="J")


class Mark(Component):
    value = i32()


class Stone(Component):
    place = f32(2)


class Lone(Component):
    x = f32()


Mind = swarm.mind(energy=Own(Energy.level), speed=Own(Body.vel), actions=("x", "y"), memory=1)


class Live:
    """Births and deaths by chance, and a push; another `rate` is another object."""

    def __init__(self, rate: float = 0.25) -> None:
        self.rate = rate

    def __call__(self, world, dt) -> None:
        for agents in world.query(Body, Mind):
            agents[Body].vel += agents[Mind].actions * np.float32(dt)
            agents[Energy].level += agents.uniform(stream="luck") - np.float32(0.5)
            agents.birth(agents.uniform(stream="birth") < self.rate)
            agents.kill(agents.uniform(stream="death") < 0.15)
        for agents in world.query(Mark):
            agents[Mark].value += agents.ids.astype(np.int32) % 3
            agents.birth(agents.uniform(stream="more") < 0.1)
            agents.kill(agents.uniform(stream="less") < 0.1)
        for agents in world.query(Lone):
            agents.birth(agents.uniform(stream="b") < 0.1)
            agents.kill(agents.uniform(stream="d") < 0.1)
        world.resources["ticks"] += 1
        world.resources["scale"] *= 1.01
        world.resources["books"][0] += len(world.tables["agent"])
        world.resources["books"][1:] += world.scatter(1)[0].astype(np.int64)


def build(backend: str = "reference", seed: int = 5, agents: int = 24, scale: float = 1.5) -> swarm.World:
    world = swarm.World(size=(16, 16), tick=0.25, backend=backend, seed=seed)
    mlp = MLP((Mind.inputs, 3, Mind.outputs))
    body = Body(pos=world.scatter, vel=0)
    world.spawn(agents, body, Energy, Mind, name="agent", brains=mlp, mutation=Mutation(0.1), cap=agents + 6)
    pool = Brains(MLP((1, 2, 1)), 3, seed=2, backend=backend)
    world.spawn(8, Mark(value=7), name="left", brains=pool, brain=np.arange(8) % 3, cap=20)
    world.spawn(4, Mark(value=9), Energy, name="right", brains=pool, brain=[0, 1, 2, 0], cap=20)
    world.spawn(8, Lone(x=1), name="mixed", brains=[MLP((2, h, 1)) for h in (1, 2, 1, 3) * 2], cap=20)
    world.spawn(30, Stone(place=world.scatter), name="stone")
    world.resources |= {"ticks": 0, "books": np.zeros(3, np.int64), "scale": scale}
    world.schedule = (swarm.sense(Mind), swarm.think(Mind), Live())
    return world


def run(world: swarm.World, moments: swarm.Moments, ticks: int, hashes: dict[int, str]) -> None:
    """Run and note; `hashes` gets the hash of every tick, after what was done to the world there."""
    hashes[world.tick] = world.hash()
    for _ in range(ticks):
        world.step()
        moments.note(world)
        hashes[world.tick] = world.hash()
        assert moments.bytes <= moments.budget
