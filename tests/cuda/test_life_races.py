"""move, graze and the foragers' systems leave the same memory in whatever order threads and blocks run; split lists its
parents in any order, and its children are the same.
"""

from __future__ import annotations

import pytest

import swarm
from swarm.scenes import scene
from tests.cuda.test_graze import pasture
from tests.cuda.twins import columns
from tests.unit.stages.worlds import Body, Energy, Plant


def alone(device, world, step):
    """Run one system by itself, every launch in several orders from the same memory."""
    number = list(world.schedule).index(step)
    world.step_number = number
    with world.backend.running(), device.racing():
        step.on_cuda(world, world.dt)


@pytest.mark.parametrize("share", ["nearest", "equal"])
def test_contests(hosted, share):
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=2.5, gain=Plant.energy, share=share)
    w = pasture("cuda", 5, (swarm.index(Plant.pos), swarm.move(Body.pos, Body.vel, limit=3.0), graze), step=1.0)
    w.step()
    w.indices[Plant.pos].tick = w.tick
    alone(hosted, w, w.schedule[1])
    alone(hosted, w, graze)


def test_the_foragers_systems(hosted):
    w = scene("foragers", agents=300, seed=3, backend="cuda", regrow=1, lifespan=20, meal=1.0)
    for _ in range(4):
        w.step()
    for grid in w.indices.values():
        grid.tick = w.tick
    for name in ("ripen", "steer", "graze", "live", "die"):
        alone(hosted, w, w.schedule[w.schedule.names.index(name)])


@pytest.mark.parametrize("order", ["descending", 5])
def test_split_gives_the_same_children(hosted, order):
    made = []
    for how in ("ascending", order):
        hosted.order = how
        w = scene("foragers", agents=300, seed=3, backend="cuda", start=1.2, cap=400)
        for _ in range(2):
            w.step()
        made.append(w)
    assert made[0].tables["forager"].born_total > 50
    one, two = map(columns, made)
    assert {name for name in one if one[name].tobytes() != two[name].tobytes()} == set()
    assert made[0].hash() == made[1].hash()
