"""Ants: what they decide, that no crumb is lost, and that the colony lives on its trails."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.scenes import SceneError, ants_cpu, check, scene
from swarm.scenes import ants as reference
from swarm.scenes.ants import FELT, Ant, Crumb

SMALL = {"agents": 400, "seed": 4, "threads": 1}


def turns(senses, heading=0.0, seeking=True, scout=False) -> float:
    """Which way one ant turns, without chance."""
    actions = np.zeros((1, 2), np.float32)
    about = reference.nose(np.array([heading], np.float32), 3.0), np.array([seeking]), np.array([scout])
    chance = np.full((1, 2), 0.5, np.float32)
    reference.choose(np.array([senses], np.float32), *about, chance, np.float32(0.3), actions)
    return float(actions[0, 0])


def test_an_ant_turns_to_the_feeler_that_feels_most_unless_it_is_a_scout():
    away = (-1, 0, 0.5)  # the nest is behind
    assert turns((5, 1, 1, *away)) == 1 and turns((1, 1, 5, *away)) == -1 and turns((1, 5, 1, *away)) == 0
    assert turns((5, 1, 1, *away), scout=True) == 0
    assert turns((FELT / 9, 0, 0, *away)) == 0


def test_of_two_equal_trails_it_takes_the_one_that_leads_away_from_the_nest():
    assert turns((1, 0, 1, 0, -1, 0.5)) == 1  # the nest is at the right
    assert turns((1, 0, 1, 0, 1, 0.5)) == -1


def test_a_laden_ant_turns_home():
    assert turns((9, 9, 9, 0, 1, 0.5), seeking=False) == 1
    assert turns((9, 9, 9, 1, 0, 0.5), seeking=False) == 0
    assert turns((9, 9, 9, 0, 1, 0.5), heading=np.pi / 2, seeking=False) == pytest.approx(0, abs=1e-6)
    assert abs(turns((9, 9, 9, -1, 0.01, 0.5), seeking=False)) == 1


def test_the_kernel_has_the_bits_of_the_reference():
    rng, n = np.random.default_rng(0), 10_000
    senses = np.hstack([rng.random((n, 3)) * (rng.random((n, 3)) < 0.6), rng.normal(size=(n, 3))]).astype(np.float32)
    vel = rng.normal(size=(n, 2)).astype(np.float32)
    vel[:9] = 0
    flags, chance = rng.random((2, n)) < 0.5, rng.random((n, 2), np.float32)
    mine, theirs = np.empty((2, n, 2), np.float32)
    for module, out in ((reference, mine), (ants_cpu, theirs)):
        module.choose(senses, vel, *flags, chance, np.float32(0.25), out)
    assert np.array_equal(mine, theirs) and len(np.unique(mine[:, 0])) > 1000


def test_what_ants_do_with_their_loads_has_the_bits_of_the_reference():
    rng, n = np.random.default_rng(1), 10_000
    pos, vel = rng.uniform(0, 40, (n, 2)), rng.normal(0, 6, (n, 2))
    load = (rng.random(n) < 0.5).astype(np.float32)
    seeking = (load == 0) | (rng.random(n) < 0.3)
    columns = [
        pos.astype(np.float32), vel.astype(np.float32), rng.uniform(-3.1, 3.1, n).astype(np.float32), load, seeking,
        rng.random(n, np.float32), rng.random(n) < 0.5, rng.integers(0, 400, n, dtype=np.int32),
    ]  # fmt: skip
    chance, numbers = rng.random((n, 2), np.float32), reference.Numbers(*map(np.float32, (8, 0.99, 0.1, 300)))
    both = [[column.copy() for column in columns] for _ in range(2)]
    counts = [m.handle(*c, chance, np.float32(20), numbers) for m, c in zip((reference, ants_cpu), both, strict=True)]
    assert counts[0] == counts[1] == np.count_nonzero(~seeking & (((pos - 20) ** 2).sum(1) < 4.5**2))
    assert all(np.array_equal(a, b) for a, b in zip(*both, strict=True))


def test_crumbs_are_brought_home_along_trails_and_none_is_lost():
    world = scene("ants", **SMALL)
    for t in range(500):
        world.step()
        if t % 100 == 0:
            check(world)
    check(world)
    assert world.resources["brought"] > 100
    trail = world.resources["field trail"]
    assert 0.02 < (trail > 0.05).mean() < 0.6  # ways, not a cloud


def test_without_a_trail_they_bring_less():
    brought = []
    for fade in (0.1, 50.0):
        world = scene("ants", **SMALL, cells=128, fade=fade)
        for _ in range(1000):
            world.step()
        brought.append(world.resources["brought"])
    assert brought[0] > 1.4 * brought[1]


def test_a_pile_that_is_gone_is_followed_by_another():
    world = scene("ants", **SMALL, crumbs=0.1)
    for _ in range(500):
        world.step()
    check(world)
    assert world.resources["piles"] > 3


def test_check_sees_a_lost_crumb_and_an_ant_in_a_wall():
    world = scene("ants", **SMALL)
    world.step()
    world.tables["ant"].column(Ant.load)[0] = 1
    with pytest.raises(SceneError, match="are carried"):
        check(world)
    world = scene("ants", **SMALL)
    row, column = np.argwhere(world.resources["tiles ground"])[0]
    world.tables["ant"].column(Ant.pos)[0] = column + 0.5, row + 0.5
    with pytest.raises(SceneError, match="in a wall"):
        check(world)
    assert world.tables["crumb"].has(Crumb.left)
