"""Town: thousands of people on their way through the day, every one by a brain, and one of them is you.

In the morning people go to work, then to market or to a park, and home at night; each has a time of its own. They know
the ways by flow fields, see others and you in eight directions, and push. Citizens share eight brains that were trained
to follow the way and to give room; strays have brains of their own, mutated copies of these, and some are odd.

You go where you click, and people give way; keys w, a, s, d walk, too.

Sources: A. Treuille, S. Cooper and Z. Popovic, "Continuum crowds", SIGGRAPH 2006 (one field of ways for a whole crowd).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from swarm import assets
from swarm.backend import rng
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.ecs.component import Component, f32, i32
from swarm.ecs.system import system
from swarm.look import Look
from swarm.marks import Box, Heat
from swarm.scenes import SceneError, town_map
from swarm.stages.collide import collide
from swarm.stages.flow import Flow
from swarm.stages.index import index
from swarm.stages.mind import mind
from swarm.stages.move import move
from swarm.stages.own import Own
from swarm.stages.sectors import Sectors
from swarm.stages.sense import sense
from swarm.stages.steer import steer
from swarm.stages.think import think
from swarm.world import World

TILE = 1.0  # m
NEAR, SEES = 2.5, 8.0  # m: how far people see each other, and you
HIDDEN = 24
BRAINS = 8
WATCH = "streams that turn with the hours, and crowds at the gates of yards. Click where you want to go"
GOALS = {"work": town_map.WORK, "market": town_map.MARKET, "park": town_map.PARK} | {
    f"home {k}": tile for k, tile in enumerate(town_map.HOMES)
}
WORK, MARKET, PARK, HOME = range(4)
TUNE = "day", "walk", "drag"

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]


class Body(Component):
    """Where somebody is and how they move."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Player(Component):
    """You: where you are, and where you want to be."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    wish = f32(2, unit="m")


class Day(Component):
    """Whose day it is: where somebody lives, how late they are, and where they go now."""

    home = i32()
    late = f32(unit="day")
    goal = i32()


@dataclass(frozen=True)
class Settings:
    """The settings of the scene."""

    agents: Count = 3000  # people
    strays: Annotated[float, Meta(ge=0, le=1)] = 0.1  # of them have brains of their own
    odd: Annotated[float, Meta(ge=0)] = 0.08  # standard deviation of what their brains differ by
    blocks: Annotated[int, Meta(ge=3)] | None = None  # along each side; None: room for the people
    brains: Literal["trained", "random"] = "trained"
    day: Positive = 90.0  # s
    walk: Positive = 12.0  # m/s2 at full push
    drag: Annotated[float, Meta(ge=0, lt=30)] = 4.0  # 1/s
    tick: Positive = 1 / 30  # s
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None


def minds(roads: Flow) -> Any:
    """What people sense and do in a town with these roads."""
    return mind(
        way=roads.to(Day.goal), others=Sectors(8, radius=NEAR, of=Body.pos),
        you=Sectors(8, radius=SEES, of=Player.pos), speed=Own(Body.vel, scale=1 / 3),
        actions=("push_x", "push_y"),
    )  # fmt: skip


def build(settings: Settings) -> World:
    """The world at tick 0: everybody somewhere in the streets, you at the market."""
    s = settings
    blocks = across(s)
    ground, Mind = place(blocks)
    side = ground.columns * TILE
    world = World((side, side), tick=s.tick, backend=s.backend, seed=s.seed, threads=s.threads)
    ground.set(world, town_map.plan(s.seed, blocks))
    mlp = MLP((Mind.inputs, HIDDEN, Mind.outputs), activation="tanh", output="tanh")
    strays = round(s.agents * s.strays)
    pool = taught(mlp, world, s.brains)
    for name, count in (("citizen", s.agents - strays), ("stray", strays)):
        where = streets(world, ground, count, name)
        draw = rng.uniform(s.seed, np.arange(count), 0, 0, rng.stream(f"{name} day"), 2)
        day = Day(home=(draw[:, 0] * len(town_map.HOMES)).astype(np.int32), late=draw[:, 1] * np.float32(0.15))
        which = np.arange(count, dtype=np.int32) % BRAINS
        if name == "citizen":
            world.spawn(count, Body(pos=where), day, Mind, name=name, brains=pool, brain=which)
        else:
            own = Brains(mlp, count, seed=s.seed, backend=world.backend, init="zeros")
            own.parameters[:] = pool.parameters[which]
            if s.odd and count:
                own.mutate(Mutation(s.odd))
            world.spawn(count, Body(pos=where), day, Mind, name=name, brains=own)
    middle = np.full((1, 2), side / 2, np.float32)
    world.spawn(1, Player(pos=middle, wish=middle), name="player")
    world.schedule = (
        plan_day(s.day),
        index(Body.pos),
        index(Player.pos),
        sense(Mind),
        think(Mind),
        steer(Body.vel, Mind.actions, push=s.walk, drag=s.drag),
        walk(s.walk, s.drag),
        move(Body.pos, Body.vel, edge="wall"),
        move(Player.pos, Player.vel, edge="wall"),
        index(Body.pos),
        collide(Body.pos, 0.3, Body.vel, tiles=ground, edge="wall"),
        collide(Player.pos, 0.4, Player.vel, tiles=ground, agents=False, edge="wall"),
    )
    return world


def few(settings: Settings) -> dict[str, Any]:
    """The same rules for one citizen in a town as large, see `swarm.scenes.tune`."""
    return {"agents": 1, "blocks": across(settings)}


def across(settings: Settings) -> int:
    """Blocks along each side of the town."""
    return settings.blocks or max(3, round(sqrt(settings.agents / 60)))


@cache
def place(blocks: int) -> tuple[Any, Any]:
    """What a town of `blocks` x `blocks` has: the ground, and its people's mind, which knows the ways."""
    ground = town_map.tiles(blocks)
    return ground, minds(Flow(ground, GOALS, scale=20.0))


def taught(mlp: MLP, world: World, how: str) -> Brains:
    """The eight trained brains of assets/brains/town.safetensors (tools/town.py made them), or as many random ones."""
    if how == "random":
        return Brains(mlp, BRAINS, seed=world.seed, backend=world.backend)
    return Brains.load(assets.path("brains/town.safetensors"), backend=world.backend)


def streets(world: World, ground: Any, count: int, name: str) -> np.ndarray:
    """Places float32 [count, 2] m on walkable tiles, keyed by the seed and each one's number."""
    free = np.flatnonzero(~world.backend.host(ground.solid_mask(world)).reshape(-1))
    draw = rng.uniform(world.seed, np.arange(count), 0, 0, rng.stream(f"{name} place"), 3)
    tile = free[(draw[:, 0].astype(float) * len(free)).astype(int)]
    corner = np.stack([tile % ground.columns, tile // ground.columns], axis=1)
    return ((corner + 0.3 + 0.4 * draw[:, 1:]) * TILE).astype(np.float32)


# --- systems ----------------------------------------------------------------------------------------------------------


def hour(world: World, day: float) -> float:
    """The time of day, 0..1; 0 is the morning."""
    return world.tick * world.dt / day % 1.0


def plan_day(day: float) -> Any:
    """Where everybody goes at this hour: work, market or park, home."""

    @system(reads=[Day.home, Day.late], writes=[Day.goal])
    def plan_day(world: World, dt: float) -> None:
        for people in world.query(Day):
            at, now = people[Day], np.float32(hour(world, day))
            mine = (now - at.late) % np.float32(1)
            leisure = np.where(people.table.slots % 2 == 0, MARKET, PARK)
            at.goal[:] = np.where(mine < 0.35, WORK, np.where(mine < 0.65, leisure, HOME + at.home))

    return plan_day


def walk(push: float, drag: float) -> Any:
    """You go where you want to be."""

    @system(reads=[Player.pos, Player.wish], writes=[Player.vel])
    def walk(world: World, dt: float) -> None:
        for you in world.query(Player):
            at = you[Player]
            way = at.wish - at.pos
            far = np.sqrt(way[:, :1] * way[:, :1] + way[:, 1:] * way[:, 1:])
            speed = np.minimum(far * np.float32(2), np.float32(1.5 * push / max(drag, 1.0)))
            at.vel[:] = way / np.maximum(far, np.float32(1e-3)) * speed

    return walk


def pointer(world: World, at: tuple[float, float], phase: str, button: int) -> bool:
    """The right button says where you want to be; whether the scene keeps the mouse. See `swarm.render.keys`."""
    if button != 3 or phase == "release":
        return button == 3
    _go(world, at)
    return True


def key(world: World, typed: str) -> str:
    """w, a, s and d walk; "" for anything else. See `swarm.render.keys`."""
    step = {"w": (0, 4), "a": (-4, 0), "s": (0, -4), "d": (4, 0)}.get(typed)
    if step is None:
        return ""
    x, y = world.backend.host(world.tables["player"].column(Player.pos))[0]
    _go(world, (x + step[0], y + step[1]))
    return "you walk"


HINT = "right click, W A S D: walk"


def _go(world: World, at: tuple[float, float]) -> None:
    inside = np.clip(np.asarray(at, np.float32), 0, np.asarray(world.size, np.float32) - 1)
    world.tables["player"].column(Player.wish)[:] = world.backend.array(inside)


# --- what is promised, watched and drawn ------------------------------------------------------------------------------


def closeness(world: World) -> np.ndarray:
    """How near everybody is to where they go, float64 [N]: 1 there, 1/2 twenty metres away."""
    found = []
    for table in world.tables.values():
        senses = next((c for kind in table.components for c in kind.columns if c.name == "senses"), None)
        if senses is not None:
            found.append(world.backend.host(table.column(senses))[:, 2].astype(np.float64))
    return np.concatenate(found)


def check(world: World) -> None:
    """Nobody is in a house or out of town. Raises `SceneError`."""
    town, host = world.backend.host(world.resources["tiles town"]), world.backend.host
    for column in (Body.pos, Player.pos):
        for table in world.tables_with(column):
            pos = host(table.column(column))
            if not ((pos >= 0) & (pos < np.asarray(world.size, np.float32))).all():
                raise SceneError(f"town: at tick {world.tick} a {table.name} has left the town.")
            x, y = np.minimum((pos / TILE).astype(int), np.array(town.shape)[::-1] - 1).T
            if (town[y, x] == town_map.HOUSE).any():
                raise SceneError(f"town: at tick {world.tick} a {table.name} is in a house.")


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    day = (world.scene or {}).get("settings", {}).get("day", 90.0)
    near, host = closeness(world), world.backend.host
    speed = [np.linalg.norm(host(t.column(Body.vel)), axis=1) for t in world.tables_with(Body.vel) if t.n]
    return {
        "hour": 24 * hour(world, day),
        "arrived": float((near > 0.9).mean()),
        "speed (m/s)": float(np.concatenate(speed).mean()),
    }


def look(world: World) -> tuple[Look, ...]:
    """Citizens and strays by where they go, you as a bright disc."""
    common = {"palette": "kinds", "limits": (-1, 9), "size": 1.1}
    return (
        Look("citizen", Body.pos, Body.vel, Day.goal, label="citizens", **common),
        Look("stray", Body.pos, Body.vel, Day.goal, shape="ring", label="strays", **common),
        Look("player", Player.pos, Player.vel, "#ffffff", size=2.0, glow=0.8, label="you"),
    )


def marks(world: World) -> tuple[Any, ...]:
    """Houses, grass, and where people go."""
    town, side = world.backend.host(world.resources["tiles town"]), world.size[0]
    wish = world.backend.host(world.tables["player"].column(Player.wish))[0].tolist()
    grass = np.isin(town, (town_map.GRASS, town_map.PARK))
    doors = np.isin(town, (town_map.WORK, town_map.MARKET, *town_map.HOMES))
    return (
        Heat(grass.astype(np.uint8), (0, 1), colour="#2f6d46", alpha=0.55, smooth=False),
        Heat(doors.astype(np.uint8), (0, 1), colour="#8a7a5c", alpha=0.3, smooth=False),
        Heat((town == town_map.HOUSE).astype(np.uint8), (0, 1), colour="#566072", alpha=0.95, smooth=False),
        Box((wish[0], wish[1]), (side / 60, side / 60), "accent", 0.8, radius=side / 120, outline=1.5),
    )
