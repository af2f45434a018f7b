"""A scene that a test writes into a file of its own: it needs no kernels, and can be slow, faulty or deadly."""

from __future__ import annotations

from pathlib import Path

SCENE = '''"""Walkers with a brain that nobody asks: they drift, split by chance, and die."""
import os
import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

import swarm
from swarm import Component, f32


class Body(Component):
    pos, vel = f32(2, unit="m"), f32(2, unit="m/s")
    mood = f32()


Mind = swarm.mind(speed=swarm.Own(Body.vel), actions=("x",))


@dataclass(frozen=True)
class Settings:
    """Of the walkers."""

    agents: Annotated[int, Meta(ge=1, description="walkers at the start")] = 40
    seed: int = 0
    backend: str = "reference"
    threads: int | None = None
    speed: Annotated[float, Meta(gt=0, le=9, extra={"unit": "m/s"})] = 1.0
    deadly: float = 0.05  # chance to die in a tick
    fault: int = -1  # the tick at which a system raises
    levels: tuple[int, ...] = (1, 2)


def walk(world, dt):
    for agents in world.query(Body):
        agents[Body].vel = agents.normal(2, stream="wind") * world.resources["speed"]
        agents[Body].pos = np.mod(agents[Body].pos + agents[Body].vel * dt, 20).astype("f4")


def die(world, dt):
    for agents in world.query(Body):
        agents.birth(agents.uniform(stream="births") < 0.05)
        agents.kill(agents.uniform(stream="deaths") < world.resources["deadly"])


def rest(world, dt):
    time.sleep(float(os.environ.get("SWARM_TEST_REST", 0)))
    if world.tick == world.resources["fault"]:
        raise RuntimeError("too tired")


def build(s):
    world = swarm.World(20, seed=s.seed, backend=s.backend, threads=s.threads)
    world.resources |= {"speed": s.speed, "deadly": s.deadly, "fault": s.fault}
    world.spawn(s.agents, Body(pos=world.scatter), Mind, name="walker", brains=swarm.MLP((2, 1)))
    world.schedule = (walk, die, rest)
    return world


def check(world):
    assert world.counts()["walker"] >= 0, "fewer than nobody"


def statistics(world):
    return {"wind (m/s)": world.view(Body.vel)[1].std() if world.counts()["walker"] else 0.0}


def record(world, folder):
    world.record(folder / "moods.csv", every=7, mood=swarm.mean(Body.mood), alive=swarm.count("walker"))


class Calm:
    """The same, without wind."""

    from dataclasses import dataclass as _frozen

    @_frozen(frozen=True)
    class Settings(Settings):
        speed: float = 0.1

    build = build
'''


def write(folder: Path, name: str = "walkers.py", *changes: tuple[str, str]) -> Path:
    """The scene in `folder`, with texts replaced."""
    text = SCENE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / name).write_text(text)
    return folder / name
