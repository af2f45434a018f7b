"""Predators: hares graze, foxes hunt hares, and both have brains of their own that evolve against each other.

A hare senses plants, foxes and hares in eight directions each, a fox hares and foxes; both feel their energy and their
velocity. They think, push, and pay for it. Who holds enough splits, and the child's brain is a mutated copy. Only what
helps against the brains of the other side lasts.

Energy is counted in quanta of 2^-12 J; `check` holds the books of all three kinds to the quantum. Plants, lines and
books are the foragers'.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.ecs.component import Column, Component, bool_, f32, i32
from swarm.ecs.system import system
from swarm.look import Look
from swarm.scenes import SceneError
from swarm.scenes.foragers import BURNT, FOUNDERS, GROWN, LOST, Line, Plant, added, quanta, ripen
from swarm.scenes.foragers import held as held_in
from swarm.stages.bite import bite
from swarm.stages.graze import graze
from swarm.stages.index import index
from swarm.stages.mind import mind
from swarm.stages.move import move
from swarm.stages.own import Own
from swarm.stages.sectors import Sectors
from swarm.stages.sense import sense
from swarm.stages.split import QUANTUM, split
from swarm.stages.steer import steer
from swarm.stages.think import think
from swarm.world import World

MANY = True
HIDDEN = 24
WATCH = "foxes multiply until hares are scarce, then both hold, generation after generation"
SIGHT = 12.0  # m
TUNE = (
    "hare_living", "fox_living", "moving", "hare_push", "fox_push", "drag", "reach", "catch", "bite", "rest", "meal",
    "regrow", "rich", "fox_rich", "lifespan", "fox_lifespan", "mutation",
)  # fmt: skip

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Hare(Component):
    """Where a hare is, how it moves and what it lives on."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    level = f32(unit="J")


class Fox(Component):
    """Where a fox is, how it moves and what it lives on."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    level = f32(unit="J")
    hungry = bool_(default=True)  # a fox that has eaten lets hares go for a while
    eaten = f32(unit="J")  # what it held before it bit
    rest = i32(unit="tick")


HareMind = mind(
    "HareMind",
    food=Sectors(8, radius=SIGHT, of=Plant.pos), foxes=Sectors(8, radius=SIGHT, of=Fox.pos),
    hares=Sectors(8, radius=SIGHT, of=Hare.pos), energy=Own(Hare.level), speed=Own(Hare.vel, scale=0.1),
    actions=("push_x", "push_y"),
)  # fmt: skip
FoxMind = mind(
    "FoxMind",
    hares=Sectors(8, radius=SIGHT, of=Hare.pos), foxes=Sectors(8, radius=SIGHT, of=Fox.pos),
    energy=Own(Fox.level), speed=Own(Fox.vel, scale=0.1),
    actions=("push_x", "push_y"),
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The settings of the scene; lengths in m, energies in J, durations in ticks unless they say otherwise."""

    agents: Count = 2000  # animals at the start
    foxes: Share = 0.1  # of them
    room: Positive = 14.0  # m2 of the world for each animal of the start
    plants: Positive = 1.5  # for each animal of the start
    meal: Positive = 0.5  # J that a ripe plant holds
    regrow: Count = 90  # ticks until an eaten plant is ripe again
    reach: Positive = 1.5  # m, of a hare's mouth
    catch: Positive = 1.2  # m, of a fox's
    bite: Positive = 0.5  # J that a fox takes at once
    rest: Annotated[int, Meta(ge=0)] = 20  # ticks after a bite until a fox is hungry again
    hare_living: Annotated[float, Meta(ge=0)] = 0.15  # J/s
    fox_living: Annotated[float, Meta(ge=0)] = 0.15
    moving: Annotated[float, Meta(ge=0)] = 0.0004  # J s/m2: times the square of the speed
    hare_push: Positive = 30.0  # m/s2 at full push
    fox_push: Positive = 34.0
    drag: Annotated[float, Meta(ge=0, lt=30)] = 2.0  # 1/s
    rich: Positive = 1.0  # J at which a hare splits
    fox_rich: Positive = 2.0  # J at which a fox splits
    lifespan: Count = 600  # mean ticks until death by chance
    fox_lifespan: Count = 900
    mutation: Annotated[float, Meta(ge=0)] = 0.05  # standard deviation added to each parameter of a child's brain
    tick: Positive = 1 / 30  # s
    dtype: str = "float32"  # how brains are stored
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None


def build(settings: Settings) -> World:
    """The world at tick 0: founders with random brains, every plant ripe."""
    s = settings
    side = max(4 * SIGHT, sqrt(s.agents * s.room))
    world = World((side, side), tick=s.tick, backend=s.backend, seed=s.seed, threads=s.threads)
    foxes, meal = round(s.agents * s.foxes), quanta(s.meal)
    world.spawn(round(s.agents * s.plants), Plant(pos=world.scatter, energy=meal), name="plant")
    for name, count, of, kind, start in (
        ("hare", s.agents - foxes, Hare, HareMind, s.rich / 2),
        ("fox", foxes, Fox, FoxMind, s.fox_rich / 2),
    ):
        brains = MLP((kind.inputs, HIDDEN, kind.outputs), activation="tanh", output="tanh")
        body = of(pos=world.scatter, level=quanta(start))
        world.spawn(count, body, Line, kind, name=name, brains=brains, dtype=s.dtype, mutation=Mutation(s.mutation))
    books = np.zeros(6, np.int64)  # as the foragers keep them; what is eaten only changes hands
    books[FOUNDERS] = held(world)
    world.resources["books"] = books
    world.schedule = (
        ripen(s.regrow, meal),
        index(Plant.pos, where=Plant.ripe),
        index(Hare.pos),
        index(Fox.pos),
        sense(HareMind),
        sense(FoxMind),
        think(HareMind),
        think(FoxMind),
        steer(Hare.vel, HareMind.actions, push=s.hare_push, drag=s.drag),
        steer(Fox.vel, FoxMind.actions, push=s.fox_push, drag=s.drag),
        graze(Hare.pos, Plant.pos, into=Hare.level, reach=s.reach, gain=Plant.energy, ripe=Plant.ripe),
        remember,
        bite(Fox.pos, Hare.pos, from_=Hare.level, into=Fox.level, reach=s.catch, amount=s.bite, when=Fox.hungry),
        digest(s.rest),
        move(Hare.pos, Hare.vel),
        move(Fox.pos, Fox.vel),
        live(Hare.vel, Hare.level, s.hare_living, s.moving, 2 * s.rich),
        live(Fox.vel, Fox.level, s.fox_living, s.moving, 2 * s.fox_rich),
        split(Hare.level, above=s.rich, pos=Hare.pos),
        split(Fox.level, above=s.fox_rich, pos=Fox.pos),
        die(Hare.level, s.lifespan),
        die(Fox.level, s.fox_lifespan),
    )
    return world


def few(settings: Settings) -> dict[str, Any]:
    """The same rules for one animal, see `swarm.scenes.tune`."""
    return {"agents": 1}


# --- systems: made by a call that takes their settings, as stages are -------------------------------------------------


def live(vel: Column, level: Column, living: float, moving: float, most: float) -> Any:
    """Being and moving cost energy, in whole quanta; what lies above `most` is burnt as well."""

    @system(reads=[vel], writes=[level])
    def live(world: World, dt: float) -> None:
        for table in world.tables_with(vel, level):
            v, held = table.column(vel), table.column(level)
            paid = np.rint((v[:, 0] * v[:, 0] + v[:, 1] * v[:, 1]) * np.float32(moving * dt / QUANTUM)
                           + np.float32(living * dt / QUANTUM)) * np.float32(QUANTUM)  # fmt: skip
            np.maximum(paid, held - np.float32(most), out=paid)
            held -= paid
            world.resources["books"][..., BURNT] += added(world, table, paid)

    return live


def remember(world: World, dt: float) -> None:
    """Foxes note what they hold before they bite."""
    for table in world.tables_with(Fox.level):
        table.column(Fox.eaten)[:] = table.column(Fox.level)


def digest(rest: int) -> Any:
    """A fox that has gained from a bite is not hungry for `rest` ticks."""

    @system(reads=[Fox.level, Fox.eaten], writes=[Fox.hungry, Fox.rest])
    def digest(world: World, dt: float) -> None:
        for table in world.tables_with(Fox.level):
            resting = table.column(Fox.rest)
            np.maximum(resting - 1, 0, out=resting)
            resting[table.column(Fox.level) > table.column(Fox.eaten)] = rest
            np.equal(resting, 0, out=table.column(Fox.hungry))

    return digest


def die(level: Column, lifespan: int) -> Any:
    """Who has nothing left starves, and chance kills the others; what the dead held is lost."""

    @system(reads=[level], writes=[Line.generation])
    def die(world: World, dt: float) -> None:
        assert level.owner is not None
        for agents in world.query(level.owner, Line):
            table, held, tick = agents.table, agents.table.column(level), world.tick_of(agents.table)
            table.column(Line.generation)[(table.born == tick - 1) & (tick > 0)] += 1
            agents.kill((held <= 0) | (agents.uniform(stream=f"{table.name} lifespan") < np.float32(1 / lifespan)))
            world.resources["books"][..., LOST] += added(world, table, held[table.dying], table.dying)

    return die


# --- what is promised, watched and drawn ------------------------------------------------------------------------------


def held(world: World) -> Any:
    """The quanta that plants, hares and foxes hold; of several worlds those of each, [W]."""
    return sum(held_in(world, column) for column in (Plant.energy, Hare.level, Fox.level))


def check(world: World) -> None:
    """The books balance to the quantum and nobody is out of the world. Raises `SceneError`."""
    books = np.moveaxis(world.backend.host(world.resources["books"]), -1, 0)
    found, expected = held(world), books[FOUNDERS] + books[GROWN] - books[BURNT] - books[LOST]
    if np.any(found != expected):
        raise SceneError(f"predators: at tick {world.tick} all hold {found} quanta, by the books {expected}.")
    for column in (Plant.pos, Hare.pos, Fox.pos):
        for table in world.tables_with(column):
            pos = world.backend.host(table.column(column))
            if not ((pos >= 0) & (pos < np.asarray(world.size, np.float32))).all():
                raise SceneError(f"predators: at tick {world.tick} a '{table.name}' has left the world.")


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    found = {"ripe plants": float(world.backend.host(world.tables["plant"].column(Plant.ripe)).mean())}
    for name, of in (("hare", Hare), ("fox", Fox)):
        table, host = world.tables[name], world.backend.host
        found[f"{name} generation"] = float(host(table.column(Line.generation)).mean()) if table.n else 0.0
        found[f"{name} speed (m/s)"] = (
            float(np.linalg.norm(host(table.column(of.vel)), axis=1).mean()) if table.n else 0.0
        )
    return found


def look(world: World) -> tuple[Look, ...]:
    """Plants as small discs, hares in cool and foxes in warm colours by energy."""
    return (
        Look("plant", Plant.pos, palette="moss", strength=Plant.ripe, size=0.9, shape="disc", label="plants"),
        Look(
            "hare", Hare.pos, Hare.vel, Hare.level, limits=(0.0, 1.0), palette="tide", size=2.2, glow=0.2, label="hares"
        ),
        Look(
            "fox", Fox.pos, Fox.vel, Fox.level, limits=(0.0, 2.0), palette="ember", size=3.6, glow=0.45, label="foxes"
        ),
    )
