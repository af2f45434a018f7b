"""Drifters: a whole tick that is mostly thought, for benchmarks. Own brains of 4 KB, senses, movement, births, deaths.

Each drifter sees its kind in eight sectors (four others in sight on average), feels its velocity and its memory, thinks
with a network of its own (12-60-4: 1,024 parameters, 4,096 bytes as float32) and pushes. One in five hundred splits in
a tick and as many die, by chance, so that the population holds; a child's brain is a mutated copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt
from typing import Annotated, Any

from msgspec import Meta

from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.ecs.component import Component, f32
from swarm.ecs.system import system
from swarm.stages.index import index
from swarm.stages.mind import mind
from swarm.stages.move import move
from swarm.stages.own import Own
from swarm.stages.sectors import Sectors
from swarm.stages.sense import sense
from swarm.stages.think import think
from swarm.world import World

RADIUS = 4.0  # m, how far a drifter sees
CROWD = 4.0  # others within that, on average
CHANCE = 0.002  # of a birth, and of dying, per drifter and tick
HIDDEN = 60
PUSH, DRAG = 10.0, 1.0  # m/s2, 1/s


class Body(Component):
    """Where a drifter is and how it moves."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


Mind = mind(
    kin=Sectors(8, radius=RADIUS, of=Body.pos),
    speed=Own(Body.vel, scale=0.1),
    actions=("push_x", "push_y"),
    memory=2,
)


@dataclass(frozen=True)
class Settings:
    """The settings of the scene."""

    agents: Annotated[int, Meta(ge=1)] = 2000  # drifters, at all times within chance
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: Any = "auto"
    threads: Annotated[int, Meta(ge=1)] | None = None
    dtype: str = "float32"  # how brains are stored


def build(settings: Settings) -> World:
    """The world at tick 0."""
    s = settings
    side = max(4 * RADIUS, sqrt(s.agents * pi * RADIUS**2 / CROWD))
    world = World(size=(side, side), tick=1 / 30, backend=s.backend, seed=s.seed, threads=s.threads)
    mlp = MLP((Mind.inputs, HIDDEN, Mind.outputs), activation="tanh", output="tanh")
    world.spawn(
        s.agents, Body(pos=world.scatter), Mind, name="drifter", brains=mlp, dtype=s.dtype, mutation=Mutation(0.02)
    )
    world.schedule = (index(Body.pos), sense(Mind), think(Mind), steer, move(Body.pos, Body.vel), turn)
    return world


def comparable(found: Mapping[str, float]) -> str:
    """Why a benchmark does not count, or "": see `swarm.scenes`."""
    for what in ("born", "died"):
        if found[what] + 1 < 0.5 * CHANCE * found["alive"]:
            return f"{found[what]:,.1f} {what} a tick are too few for {found['alive']:,.0f} drifters"
    return ""


@system(reads=[Mind.actions], writes=[Body.vel], on_cuda=lambda world, dt: _kernels(world).steer(world, dt))
def steer(world: World, dt: float) -> None:
    """The brain's two actions accelerate the body; drag slows it."""
    for agents in world.query(Body, Mind):
        agents[Body].vel *= 1 - DRAG * dt
        agents[Body].vel += agents[Mind].actions * (PUSH * dt)


@system(reads=[Body.pos], on_cuda=lambda world, dt: _kernels(world).turn(world, dt))
def turn(world: World, dt: float) -> None:
    """Chance says who gives birth and who dies."""
    for agents in world.query(Body, Mind):
        agents.birth(agents.uniform(stream="birth") < CHANCE)
        agents.kill(agents.uniform(stream="death") < CHANCE)


def _kernels(world: World) -> Any:
    return world.backend.twin("swarm.bench.drifters")
