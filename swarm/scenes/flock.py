"""Flock: a hundred or a hundred thousand birds without brains that steer by Reynolds' three rules, in a gusty wind.

Every bird is drawn to its neighbours' middle, matches their velocity and keeps its distance; it would like to go at
cruising speed, and gusts keep it from it.

Source: C. W. Reynolds, "Flocks, herds and schools: a distributed behavioral model", SIGGRAPH 1987.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from swarm.ecs.component import Component, f32
from swarm.ecs.system import system
from swarm.look import Look
from swarm.scenes import SceneError
from swarm.stages.flock import flock
from swarm.stages.index import index
from swarm.stages.move import move
from swarm.world import World

WATCH = "groups form within seconds, meet, and pass through each other"
TUNE = "cohesion", "alignment", "separation", "cruise", "limit", "wind"

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
Weight = Annotated[float, Meta(ge=0)]


class Body(Component):
    """Where a bird is and how it flies."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    strain = f32(unit="m/s2")  # how hard its neighbours and the wind have lately pulled it from cruising speed


@dataclass(frozen=True)
class Settings:
    """The settings of the scene."""

    agents: Count = 3000  # birds
    radius: Positive = 5.0  # m, how far a bird looks
    crowd: Positive = 11.0  # neighbours within the radius at the start, on average; sets the size of the world
    cohesion: Weight = 3.0  # 1/s2
    alignment: Weight = 1.0  # 1/s
    separation: Weight = 3.0  # m2/s2
    cruise: Positive = 8.0  # m/s
    limit: Positive = 14.0  # m/s, the greatest speed
    wind: Weight = 20.0  # m/s2, the strongest gust along each axis
    tick: Positive = 1 / 60  # s
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None


def build(settings: Settings) -> World:
    """The world at tick 0: birds everywhere, flying anywhere."""
    s = settings
    high = max(2 * s.radius, sqrt(s.agents * pi * s.radius**2 / s.crowd * 9 / 16))
    world = World((high * 16 / 9, high), tick=s.tick, backend=s.backend, seed=s.seed, threads=s.threads)

    def anyhow(count: int) -> np.ndarray:
        return (world.scatter(count) / np.asarray(world.size, np.float32) * 2 - 1) * np.float32(s.cruise)

    world.spawn(s.agents, Body(pos=world.scatter, vel=anyhow), name="bird")
    world.schedule = (
        index(Body.pos),
        flock(Body.pos, Body.vel, s.radius, s.cohesion, s.alignment, s.separation),
        fly(s.cruise, s.wind),
        move(Body.pos, Body.vel, limit=s.limit),
    )
    return world


def few(settings: Settings) -> dict[str, Any]:
    """The same rules for one bird, see `swarm.scenes.tune`."""
    return {"agents": 1}


def fly(cruise: float, wind: float) -> Any:
    """Gusts push; in half a second a bird is back at cruising speed."""

    @system(reads=[Body.vel], writes=[Body.vel, Body.strain])
    def fly(world: World, dt: float) -> None:
        for birds in world.query(Body):
            gust, table = birds.uniform(2, stream="gust"), birds.table
            numbers = np.float32(cruise), np.float32(wind), np.float32(dt)
            world.backend.twin(__name__).settle(table.column(Body.vel), table.column(Body.strain), gust, *numbers)

    return fly


# --- what is promised, watched and drawn ------------------------------------------------------------------------------


def check(world: World) -> None:
    """Every bird is in the world and flies, no faster than it can. Raises `SceneError`."""
    host, table = world.backend.host, world.tables["bird"]
    pos, vel = host(table.column(Body.pos)), host(table.column(Body.vel))
    if not ((pos >= 0) & (pos < np.asarray(world.size, np.float32))).all():
        raise SceneError(f"flock: at tick {world.tick} a bird has left the world.")
    speed, limit = np.linalg.norm(vel, axis=1), (world.scene or {}).get("settings", {}).get("limit", np.inf)
    if not (speed <= limit * (1 + 1e-5)).all() and world.tick:
        raise SceneError(f"flock: at tick {world.tick} a bird flies at {speed.max():g} m/s.")


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    vel = world.backend.host(world.tables["bird"].column(Body.vel)).astype(np.float64)
    speed = np.linalg.norm(vel, axis=1)
    return {
        "speed (m/s)": float(speed.mean()),
        "order": float(np.linalg.norm((vel / np.maximum(speed, 1e-9)[:, None]).mean(axis=0))),
    }


def look(world: World) -> tuple[Look, ...]:
    """Birds, brighter where they are pulled."""
    return (Look("bird", Body.pos, Body.vel, Body.strain, palette="tide", size=1.6, glow=0.25, label="birds"),)


# --- kernel: the reference; flock_cpu.py has the twin -----------------------------------------------------------------

_KEPT, _BACK = np.float32(0.98), np.float32(2)  # of the strain from tick to tick; 1/s, how fast the speed comes back


def settle(vel: Any, strain: Any, gust: Any, cruise: Any, wind: Any, dt: Any) -> None:
    """vel float32 [N, 2] m/s after a gust [N, 2] in 0..1, half of the way back to `cruise` m/s a third of a second
    later; strain [N] m/s2 follows how far off it was. In place."""
    vel += (gust - np.float32(0.5)) * (wind * dt + wind * dt)
    speed = np.sqrt(vel[:, 0] * vel[:, 0] + vel[:, 1] * vel[:, 1])
    strain *= _KEPT
    strain += abs(speed - cruise) / dt * (np.float32(1) - _KEPT)
    vel *= (np.float32(1) + (cruise / np.maximum(speed, np.float32(0.1)) - np.float32(1)) * (_BACK * dt))[:, None]
