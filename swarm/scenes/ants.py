"""Ants: a colony that finds food by a trail nobody has planned. No brains; a field, walls, and four rules.

An ant without food wanders. Where it feels the trail, it follows it, away from the nest, unless it is a scout. Where it
finds a crumb, it takes it, turns round and goes home by the scent of the nest, which spreads round the walls, and lays
the trail, the fainter the longer it carries. At the nest it puts the crumb down and goes out again, some as scouts; who
finds nothing for long becomes one, too. The trail spreads and fades: only what is used stays. A pile that is eaten up
is followed by another one somewhere else.

Source: J.-L. Deneubourg, S. Aron, S. Goss and J. M. Pasteels, "The self-organizing exploratory pattern of the Argentine
ant", J. Insect Behavior 3, 1990.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, pi, sqrt
from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta

from swarm.backend import rng
from swarm.backend.circle import cos_sin
from swarm.ecs.component import Component, bool_, f32, i32
from swarm.ecs.system import system
from swarm.look import Look
from swarm.marks import Box, Heat
from swarm.scenes import SceneError
from swarm.stages.bite import bite
from swarm.stages.collide import collide
from swarm.stages.deposit import deposit
from swarm.stages.diffuse import diffuse
from swarm.stages.field import Field
from swarm.stages.field_senses import Probe
from swarm.stages.flow import Flow
from swarm.stages.index import index
from swarm.stages.mind import mind
from swarm.stages.move import move
from swarm.stages.sense import sense
from swarm.stages.tiles import Tiles
from swarm.stages.turn import turn
from swarm.world import World

FEELERS = (40.0, 0.0, -40.0)  # degrees from the nose: left, ahead, right
REACH = 2.5  # m, how long they are
PILES = 3
WATCH = "thin threads to a pile that thicken to roads round the walls, and dissolve when the pile is gone"
TUNE = "rate", "lost", "scouts", "patience", "fade", "spread", "tire"

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]


class Ant(Component):
    """Where an ant is, where it looks, and what it carries."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    heading = f32(unit="rad")
    speed = f32(unit="m/s")
    load = f32()  # crumbs: 0 or 1
    seeking = bool_(default=True)  # has no load
    scent = f32()  # what it adds to the trail in a tick
    scouts = bool_(default=True)  # goes where there is no trail
    since = i32(unit="tick")  # since it was at the nest or found a crumb


class Crumb(Component):
    """A piece of food."""

    pos = f32(2, unit="m")
    left = f32(default=1.0)  # 1, or 0 in the tick in which it is taken


@dataclass(frozen=True)
class Settings:
    """The settings of the scene."""

    agents: Count = 4000  # ants
    cells: Annotated[int, Meta(ge=32)] | None = None  # of 1 m, along each side of the world; None: ten for each ant
    crumbs: Positive = 0.5  # in all piles together, for each ant
    walls: Annotated[int, Meta(ge=0)] = 5
    speed: Positive = 8.0  # m/s
    rate: Positive = 6.0  # rad/s, of turning
    lost: Annotated[float, Meta(ge=0, le=1)] = 0.25  # of a turn that is by chance
    scouts: Annotated[float, Meta(ge=0, le=1)] = 0.1  # of the ants that leave the nest
    patience: Count = 300  # ticks until an ant that finds nothing becomes a scout
    fade: Annotated[float, Meta(ge=0)] = 0.1  # 1/s, of the trail
    spread: Annotated[float, Meta(ge=0)] = 0.05  # m2/s, of the trail
    tire: Annotated[float, Meta(ge=0, le=1)] = 0.01  # of its scent that a carrying ant loses in a tick
    tick: Positive = 1 / 10  # s
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None


def build(settings: Settings) -> World:
    """The world at tick 0: all ants at the nest in the middle, walls and piles around it."""
    s = settings
    side = cells(s)
    world = World((side, side), tick=s.tick, backend=s.backend, seed=s.seed, threads=s.threads)
    trail, ground, mind_ = place(side)
    ground.set(world, walls(s.seed, side, s.walls))

    def anywhere(count: int) -> np.ndarray:
        return (world.scatter(count)[:, 0] / np.float32(side) - np.float32(0.5)) * np.float32(2 * pi)

    facing = anywhere(s.agents)
    ants = Ant(pos=np.full(2, side / 2, np.float32), heading=facing, speed=s.speed, vel=nose(facing, s.speed))
    world.spawn(s.agents, ants, mind_, name="ant")
    pile = max(1, round(s.agents * s.crumbs / PILES))
    world.spawn(0, Crumb, name="crumb")
    for number in range(PILES):
        places = heap(world, pile, number)
        world.spawn(len(places), Crumb(pos=places), name="crumb")
    world.resources |= {"piles": PILES, "brought": 0}
    world.schedule = (
        sense(mind_, pos=Ant.pos),
        decide(mind_, s.lost),
        turn(Ant.heading, Ant.speed, Ant.vel, by=mind_.actions, rate=s.rate, limit=s.speed),
        move(Ant.pos, Ant.vel),
        collide(Ant.pos, 0.3, Ant.vel, tiles=ground, agents=False),
        index(Crumb.pos, cap=4096),
        bite(Ant.pos, Crumb.pos, from_=Crumb.left, into=Ant.load, reach=1.0, amount=1.0, when=Ant.seeking),
        carry(s),
        deposit(Ant.pos, Ant.scent, into=trail),
        diffuse(trail, rate=s.spread, decay=s.fade, tiles=ground),
        replenish(pile),
    )
    return world


def few(settings: Settings) -> dict[str, Any]:
    """The same rules for one ant in a place as large with piles as large, see `swarm.scenes.tune`."""
    return {"agents": 1, "cells": cells(settings), "crumbs": settings.agents * settings.crumbs}


def cells(settings: Settings) -> int:
    """Along each side of the world."""
    return settings.cells or max(64, ceil(sqrt(10 * settings.agents)))


@cache
def place(side: int) -> tuple[Field, Tiles, Any]:
    """What a world of `side` cells has: the trail, the ground, and the ants' mind, which feels both."""
    trail, ground = Field("trail", (side, side)), Tiles("ground", (side, side))
    nest = [(side // 2 + x, side // 2 + y) for x in range(-4, 5) for y in range(-4, 5) if x * x + y * y <= 16]
    home = Flow(ground, {"nest": nest}, scale=side / 4)
    return trail, ground, mind("Mind", trail=Probe(trail, FEELERS, REACH, Ant.vel), home=home, actions=("turn", "push"))


def walls(seed: int, side: int, count: int) -> np.ndarray:
    """The map uint8 [side, side]: bars a quarter of the world long that leave the nest free, keyed by the seed."""
    tiles, draw = np.zeros((side, side), np.uint8), rng.uniform(seed, np.arange(count), 0, 0, rng.stream("walls"), 4)
    thick, long = max(2, side // 100), side // 4
    for k, (around, away, _, _) in enumerate(draw.astype(float)):
        angle = 2 * pi * (k + 0.6 * around) / max(count, 1)
        far = side * (0.16 + 0.1 * away)
        x, y = side / 2 + far * np.cos(angle), side / 2 + far * np.sin(angle)
        if abs(np.cos(angle)) > abs(np.sin(angle)):
            tiles[int(y - long / 2) : int(y + long / 2), int(x) : int(x) + thick] = 1
        else:
            tiles[int(y) : int(y) + thick, int(x - long / 2) : int(x + long / 2)] = 1
    return tiles


def heap(world: World, count: int, number: int) -> np.ndarray:
    """Where the crumbs of a pile lie, float32 [count, 2] m: a disc far from the nest, six crumbs a square metre, which
    leaves out walls. Keyed by the seed and the pile's number."""
    side = float(world.size[0])
    around, away = rng.uniform(world.seed, [number], 0, 0, rng.stream("pile"), 2)[0].astype(float)
    angle, far = 2 * pi * (number / PILES + 0.25 * around), side * (0.33 + 0.1 * away)
    draw = rng.uniform(world.seed, np.arange(count), number, 0, rng.stream("crumb"), 2).astype(float)
    r, phi = sqrt(count / (6 * pi)) * np.sqrt(draw[:, 0]), 2 * pi * draw[:, 1]
    x, y = side / 2 + far * np.cos(angle) + r * np.cos(phi), side / 2 + far * np.sin(angle) + r * np.sin(phi)
    places = np.stack([x % side, y % side], axis=1).astype(np.float32)
    solid = world.backend.host(world.resources["tiles ground"])[places[:, 1].astype(int), places[:, 0].astype(int)] > 0
    return places[~solid]


# --- systems ----------------------------------------------------------------------------------------------------------


def decide(mind_: Any, lost: float) -> Any:
    """What an ant does with what it feels, in the place of a brain."""

    @system(reads=[mind_.senses, Ant.vel, Ant.seeking, Ant.scouts], writes=[mind_.actions])
    def decide(world: World, dt: float) -> None:
        for ants in world.query(Ant):
            table, chance = ants.table, ants.uniform(2, stream="wander")
            columns = (mind_.inputs_, Ant.vel, Ant.seeking, Ant.scouts)
            felt = (table.column(column) for column in columns)
            world.backend.twin(__name__).choose(*felt, chance, np.float32(lost), table.column(mind_.outputs_))

    return decide


def carry(s: Settings) -> Any:
    """Who has found a crumb turns round and lays a trail; who brings one to the nest puts it down and turns round; who
    has run into a wall turns anywhere."""

    numbers = Numbers(*map(np.float32, (s.speed, 1 - s.tire, s.scouts, s.patience)))
    columns = (Ant.pos, Ant.vel, Ant.heading, Ant.load, Ant.seeking, Ant.scent, Ant.scouts, Ant.since)

    @system(reads=columns, writes=columns[1:])
    def carry(world: World, dt: float) -> None:
        for ants in world.query(Ant):
            half, at = np.float32(world.size[0] / 2), [ants.table.column(column) for column in columns]
            chance, kernels = ants.uniform(2, stream="carry"), world.backend.twin(__name__)
            world.resources["brought"] += kernels.handle(*at, chance, half, numbers)

    return carry


def nose(heading: np.ndarray, speed: float) -> np.ndarray:
    """Velocities float32 [N, 2] m/s along headings float32 [N] rad."""
    return np.stack(cos_sin(heading), axis=1) * np.float32(speed)


def replenish(pile: int) -> Any:
    """When as much as a pile is gone, another one appears."""

    @system(reads=[Crumb.pos], writes=[])
    def replenish(world: World, dt: float) -> None:
        if world.tables["crumb"].n <= (PILES - 1) * pile * 0.9:
            places = heap(world, pile, world.resources["piles"])
            world.spawn(len(places), Crumb(pos=places), name="crumb")
            world.resources["piles"] += 1

    return replenish


# --- what is promised, watched and drawn ------------------------------------------------------------------------------


def check(world: World) -> None:
    """Crumbs are brought, carried or lying there, none is lost; nobody is in a wall. Raises `SceneError`."""
    host, ants, crumbs = world.backend.host, world.tables["ant"], world.tables["crumb"]
    made = crumbs.n + crumbs.died_total
    laden = int(host(ants.column(Ant.load)).sum())
    if made != crumbs.n + laden + world.resources["brought"]:
        raise SceneError(
            f"ants: at tick {world.tick} {crumbs.died_total} crumbs were taken, but {laden} are carried and "
            f"{world.resources['brought']} were brought home."
        )
    column, row = host(ants.column(Ant.pos)).astype(int).T
    if host(world.resources["tiles ground"])[row, column].any():
        raise SceneError(f"ants: at tick {world.tick} an ant is in a wall.")


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    host, ants = world.backend.host, world.tables["ant"]
    return {
        "carrying": float((host(ants.column(Ant.load)) > 0).mean()),
        "brought (a second)": world.resources["brought"] / max(world.tick * world.dt, world.dt),
    }


def look(world: World) -> tuple[Look, ...]:
    """Crumbs green, ants bright where they carry one."""
    return (
        Look("crumb", Crumb.pos, colour="#8fd06a", size=0.5, shape="disc", label="food"),
        Look("ant", Ant.pos, Ant.vel, Ant.load, limits=(0.0, 1.0), palette="ember", size=1.3, label="ants"),
    )


def marks(world: World) -> tuple[Any, ...]:
    """The trail, the walls and the nest."""
    host, side = world.backend.host, world.size[0]
    trail = world.resources.get("field trail", np.zeros((2, 2), np.float32))  # none before the first tick
    return (
        Heat(np.sqrt(host(trail)), (0.1, 2.5), palette="tide", alpha=0.8),
        Heat(host(world.resources["tiles ground"]), (0, 1), colour="#7a8296", alpha=0.9, smooth=False),
        Box((side / 2, side / 2), (9, 9), "accent", 0.35, radius=4.5),
        Box((side / 2, side / 2), (9, 9), "accent", 0.9, radius=4.5, outline=1.5),
    )


# --- kernel: the reference; ants_cpu.py has the twin ------------------------------------------------------------------

PI, HOME = np.float32(pi), np.float32(4.5)  # HOME: m, how large the nest is
FELT = np.float32(0.002)  # what a feeler feels at least
OUTWARDS = np.float32(0.6)  # how much a trail away from the nest counts more, and one towards it less
SIDES = (
    tuple(np.float32(np.cos(np.radians(a))) for a in FEELERS),
    tuple(np.float32(np.sin(np.radians(a))) for a in FEELERS),
)


class Numbers(NamedTuple):
    """Settings for `handle`: speed m/s, what is kept of the scent in a tick, chance to leave as a scout, patience."""

    speed: np.float32
    keep: np.float32
    scouts: np.float32
    patience: np.float32


def choose(senses: Any, vel: Any, seeking: Any, scouts: Any, chance: Any, lost: Any, actions: Any) -> None:
    """Fill actions float32 [N, 2]: which way to turn, -1..1, left being positive, and 0.

    senses float32 [N, 6]: the trail at the left, middle and right feeler, the unit vector to the nest, closeness;
    vel float32 [N, 2] m/s; seeking, scouts bool [N]; chance float32 [N, 2] in 0..1; lost: the part of a turn that is
    by chance.
    """
    one, none = np.float32(1), np.float32(0)
    x, y = vel.T
    length = np.sqrt(x * x + y * y)
    still = length == none
    length = np.where(still, one, length)
    c, s = np.where(still, one, x / length), y / length
    hx, hy = senses[:, 3], senses[:, 4]
    along, across = c * hx + s * hy, c * hy - s * hx  # the nest, in the ant's frame
    left, ahead, right = (
        senses[:, k] * (one - OUTWARDS * (SIDES[0][k] * along + SIDES[1][k] * across)) for k in range(3)
    )
    best = np.where((ahead >= left) & (ahead >= right), none, np.where(left > right, one, -one))
    best[scouts | (np.maximum(np.maximum(left, ahead), right) < FELT)] = 0
    homing = np.where(along < 0, np.where(across < 0, -one, one), np.clip(across + across, -one, one))
    wander = (chance[:, 0] + chance[:, 1] - one) * (lost + lost)
    actions[:, 0] = np.clip(np.where(seeking, best, homing) + wander, -one, one)
    actions[:, 1] = 0


def handle(
    pos: Any, vel: Any, heading: Any, load: Any, seeking: Any, scent: Any, scouts: Any, since: Any, chance: Any,
    half: Any, numbers: Numbers,
) -> int:  # fmt: skip
    """What `carry` does with the columns of the ants, in place; returns how many crumbs were put down.

    chance float32 [N, 2] in 0..1: who becomes a scout, where somebody at a wall turns; half: m, where the nest is.
    """
    x, y = (pos - half).T
    at_home = x * x + y * y < HOME * HOME
    found, brought = seeking & (load > 0), ~seeking & at_home
    vx, vy = vel.T
    blocked = vx * vx + vy * vy < np.float32(0.8) * numbers.speed * numbers.speed
    load[brought] = 0
    scent *= numbers.keep
    scent[found], scent[brought] = 1, 0
    since += 1
    since[found | at_home] = 0
    scouts[found] = False
    scouts[brought] = chance[brought, 0] < numbers.scouts
    scouts[since > numbers.patience] = True
    about = found | brought
    heading[about] += PI
    vel[about] = -vel[about]
    blocked &= ~about
    heading[blocked] += chance[blocked, 1] * (PI + PI)
    heading[heading > PI] -= PI + PI
    vel[blocked] = np.stack(cos_sin(heading[blocked]), axis=1) * numbers.speed
    np.equal(load, 0, out=seeking)
    return int(brought.sum())
