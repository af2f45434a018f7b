"""`swarm check` passes what is repeatable and names what is not."""

from __future__ import annotations

import pytest

from swarm.scenes import repeat

VALUES = {"agents": 120, "seed": 5}

FAULTY = """
from dataclasses import dataclass
import numpy as np
import swarm
from swarm import Component, f32

class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")

class Mood(Component):
    level = f32()

@dataclass(frozen=True)
class Settings:
    agents: int = 60
    seed: int = 1
    backend: str = "auto"
    threads: int | None = None

def drift(world, dt):
    for agents in world.query(Body):
        agents[Body].vel = agents.normal(2, stream="wind")

def fault(world, dt):
    for agents in world.query(Mood):
        FAULT

def build(settings):
    world = swarm.World(size=(50, 50), seed=settings.seed, backend=settings.backend, threads=settings.threads)
    world.spawn(settings.agents, Body(pos=world.scatter), Mood, name="walker")
    world.schedule = (drift, swarm.move(Body.pos, Body.vel), fault)
    return world
"""


def _scene(tmp_path, fault: str) -> str:
    path = tmp_path / "faulty.py"
    path.write_text(FAULTY.replace("FAULT", fault))
    return str(path)


@pytest.mark.parametrize("way", repeat.ways("cpu"))
def test_foragers_repeat(way):
    digest, finding = repeat.compare("foragers", VALUES, 60, way)
    assert finding is None and len(digest) == 16


def test_the_global_generator_is_found(tmp_path):
    path = _scene(tmp_path, "agents[Mood].level += np.random.random(len(agents)).astype('f4')")
    _, finding = repeat.compare(path, {}, 20, "again")
    assert finding is not None and finding.system == "fault" and finding.tick == 0
    assert "walker/Mood.level" in str(finding) and "entity" in str(finding)


def test_a_sum_in_row_order_is_found(tmp_path):
    fault = "agents[Mood].level[0] += np.cumsum(agents[Body].vel[:, 0])[-1]"
    _, finding = repeat.compare(_scene(tmp_path, fault), {}, 20, "permuted")
    assert finding is not None and finding.system == "fault"
    assert "walker/Mood.level" in str(finding)


def test_a_clean_scene_of_ones_own_passes(tmp_path, capsys):
    path = _scene(tmp_path, "agents[Mood].level += 1")
    assert repeat.check(path, ticks=12) == 0
    assert "repeatable" in capsys.readouterr().out
