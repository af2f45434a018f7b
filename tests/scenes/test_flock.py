"""The flock: groups form, neighbours fly the same way and keep apart; kernels and reference agree to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.scenes import SceneError, check, scene
from swarm.scenes import flock as reference
from swarm.scenes import flock_cpu as kernels
from swarm.scenes.flock import Body


def local_order(world) -> tuple[float, float]:
    """How alike neighbours' directions are, 1 for all the same, and the mean distance to the nearest; brute force."""
    table = world.tables["bird"]
    pos, vel = (np.array(table.column(c), np.float64) for c in (Body.pos, Body.vel))
    away = pos[:, None] - pos[None]
    away -= np.asarray(world.size) * np.rint(away / world.size)
    distance = np.linalg.norm(away, axis=2)
    way = vel / np.linalg.norm(vel, axis=1, keepdims=True)
    near = distance < 5
    mean = np.linalg.norm((near[:, :, None] * way[None]).sum(axis=1), axis=1) / near.sum(axis=1)
    np.fill_diagonal(distance, np.inf)
    return float(mean[near.sum(axis=1) > 3].mean()), float(distance.min(axis=1).mean())


def test_neighbours_come_to_fly_the_same_way_and_keep_apart():
    world = scene("flock", agents=400, seed=2)
    before, _ = local_order(world)
    for _ in range(600):
        world.step()
    check(world)
    after, apart = local_order(world)
    assert before < 0.5 and after > 0.9
    assert 0.5 < apart < 3.0


def test_without_the_three_rules_there_is_no_flock():
    world = scene("flock", agents=400, seed=2, cohesion=0, alignment=0, separation=0)
    for _ in range(600):
        world.step()
    assert local_order(world)[0] < 0.5


@pytest.mark.parametrize("count", [0, 1, 50, 20_000])
def test_the_kernel_has_the_bits_of_the_reference(count):
    rng = np.random.default_rng(count)
    vel, gust = rng.normal(0, 8, (count, 2)).astype(np.float32), rng.random((count, 2), np.float32)
    strain = rng.random(count, np.float32)
    vel[:1] = 0
    mine, theirs = (vel.copy(), strain.copy()), (vel.copy(), strain.copy())
    for module, arrays in ((reference, mine), (kernels, theirs)):
        module.settle(*arrays, gust, np.float32(8), np.float32(20), np.float32(1 / 60))
    assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert count == 0 or not np.array_equal(mine[0], vel)


def test_without_wind_a_lone_bird_comes_back_to_cruising_speed():
    vel, strain = np.array([[2.0, 0.0]], np.float32), np.zeros(1, np.float32)
    for _ in range(300):
        reference.settle(vel, strain, np.full((1, 2), 0.5, np.float32), *map(np.float32, (8, 0, 1 / 60)))
    assert vel[0, 0] == pytest.approx(8, abs=0.01) and vel[0, 1] == 0 and strain[0] < 5


def test_check_sees_a_bird_that_is_too_fast():
    world = scene("flock", agents=10)
    world.step()
    world.tables["bird"].column(Body.vel)[3] = 40, 0
    with pytest.raises(SceneError, match="flies at 40 m/s"):
        check(world)
