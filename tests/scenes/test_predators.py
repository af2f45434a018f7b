"""Predators: books to the quantum, foxes that rest after a meal, and both species lasting."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.scenes import SceneError, check, scene
from swarm.scenes.foragers import BURNT, GROWN, LOST, Line
from swarm.scenes.predators import Fox, Hare, held

SMALL = {"agents": 300, "seed": 3, "threads": 1}


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_books_balance_to_the_quantum_while_all_eat_and_are_eaten(backend):
    world = scene("predators", **SMALL, foxes=0.3, backend=backend)
    for _ in range(120):
        world.step()
        check(world)
    books = world.resources["books"]
    assert min(books[[GROWN, BURNT, LOST]]) > 0
    assert world.tables["hare"].died_total > 20 and world.tables["fox"].born_total > 0


def test_check_sees_one_quantum():
    world = scene("predators", **SMALL)
    world.step()
    before = held(world)
    world.tables["fox"].column(Fox.level)[2] += np.float32(2**-12)
    assert held(world) == before + 1
    with pytest.raises(SceneError, match="by the books"):
        check(world)


def test_a_fox_that_has_bitten_rests():
    world = scene("predators", agents=20, foxes=0.05, plants=0.1, rest=7, seed=1, threads=1)
    hares, foxes = world.tables["hare"], world.tables["fox"]
    hares.column(Hare.pos)[:], foxes.column(Fox.pos)[:] = 20, 20  # all in one place: the fox cannot miss
    hungry = []
    for _ in range(9):
        hares.column(Hare.pos)[:], foxes.column(Fox.pos)[:] = 20, 20
        world.step()
        hungry.append(int(foxes.column(Fox.hungry).sum()))
    assert hungry == [0] * 7 + [1, 0]


def test_both_species_last_and_both_evolve():
    world = scene("predators", agents=600, seed=0)
    for _ in range(1200):
        world.step()
    check(world)
    counts = world.counts()
    assert counts["hare"] > 100 and counts["fox"] > 60
    assert world.tables["hare"].column(Line.generation).mean() > 3
    assert world.tables["fox"].born_total > 50
