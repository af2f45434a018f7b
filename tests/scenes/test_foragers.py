"""The foragers scene: its books, its settings, and that evolution there is more than chance."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend.rng import stream
from swarm.errors import SettingsError
from swarm.evolve.assay import assay
from swarm.scenes import SceneError, check, foragers, scene
from swarm.scenes.foragers import BURNT, EATEN, LOST, QUANTUM, Body, Energy, Line, Mind, Plant

SMALL = {"agents": 150, "seed": 3, "threads": 1}


def test_widths_are_those_of_the_issue():
    assert (Mind.inputs, Mind.outputs) == (19, 2)
    world = scene("foragers", **SMALL)
    assert world.tables["forager"].brains.layout.count == 706
    assert world.counts() == {"plant": 300, "forager": 150}


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_books_balance_to_the_quantum_while_agents_are_born_and_die(backend):
    world = scene("foragers", **SMALL | {"backend": backend})
    for _ in range(150):
        world.step()
        check(world)
    table, books = world.tables["forager"], world.resources["books"]
    assert table.born_total > 20 and table.died_total > 20
    assert books[EATEN] > 0 and books[BURNT] > 0
    levels = table.column(Energy.level).astype(np.float64) / QUANTUM
    assert (levels == np.rint(levels)).all()


def test_check_sees_one_quantum():
    world = scene("foragers", **SMALL)
    world.step()
    world.tables["forager"].column(Energy.level)[5] += np.float32(QUANTUM)
    with pytest.raises(SceneError, match="by the books"):
        check(world)


def test_a_cap_lets_nobody_pay_for_a_child_that_is_refused():
    world = scene("foragers", **SMALL | {"cap": 150, "meal": 2.0, "regrow": 5})
    for _ in range(200):
        world.step()
        assert world.tables["forager"].n <= 150
        check(world)
    assert world.tables["forager"].born_total > 50


def test_starvation_is_booked():
    world = scene("foragers", **SMALL | {"meal": 0.01, "lifespan": "none"})
    for _ in range(200):
        world.step()
    check(world)
    assert world.tables["forager"].n == 0
    assert world.resources["books"][LOST] <= 0  # who starves has spent a little more than it had


def test_generations_count_births():
    world = scene("foragers", **SMALL | {"lifespan": "none"})
    table, seen = world.tables["forager"], {}
    for _ in range(120):
        world.step()
        generation = table.column(Line.generation)
        for id, parent, born, g in zip(table.ids(), table.parents, table.born, generation):
            if born < world.tick - 1 and parent and int(parent) in seen and int(id) not in seen:
                assert g == seen[int(parent)] + 1
            if born < world.tick - 1:
                seen.setdefault(int(id), int(g))
    assert table.column(Line.generation).max() >= 2


def test_foragers_steer_by_what_their_brain_says():
    world = scene("foragers", **SMALL | {"drag": 0.0})
    table = world.tables["forager"]
    before = np.array(table.column(Body.vel))
    world.schedule = world.schedule[:6]  # up to steer
    world.step()
    pushed = table.column(Mind.actions) * np.float32(30.0 * world.dt)
    np.testing.assert_allclose(table.column(Body.vel), before + pushed, rtol=1e-6)
    assert np.abs(table.column(Mind.actions)).max() <= 1


def test_eaten_plants_ripen_elsewhere_after_their_wait():
    world = scene("foragers", **SMALL | {"regrow": 10})
    plants = world.tables["plant"]
    for _ in range(5):
        world.step()
    eaten = np.flatnonzero(~plants.column(Plant.ripe))
    place = np.array(plants.column(Plant.pos)[eaten])
    assert len(eaten) and (plants.column(Plant.energy)[eaten] == 0).all()
    world.tables["forager"].column(Body.pos)[:] = 0  # out of the way
    for _ in range(11):
        world.step()
    assert plants.column(Plant.ripe)[eaten].mean() > 0.9
    assert (plants.column(Plant.pos)[eaten] != place).any(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"agnets": 5}, "Did you mean 'agents'"),
        ({"agents": 0}, "agents"),
        ({"agents": "many"}, "agents"),
        ({"mutation": -1.0}, "mutation"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_bad_settings_are_named(values, text):
    with pytest.raises(SettingsError, match=text):
        scene("foragers", **values)


def test_an_unknown_scene_is_suggested():
    with pytest.raises(SettingsError, match="Did you mean 'foragers'"):
        scene("forager")


def test_evolution_beats_drift_in_a_common_garden():
    result = assay("foragers", {"agents": 500, "seed": 1, "threads": 1}, 700, sample=250, gardens=4, garden_ticks=250)
    assert result.births > 500 and result.generations > 3
    assert len(result.evolved) == len(result.neutral) == 4
    assert min(result.evolved) > max(result.neutral), result
    assert result.ratio > 1.03 and result.t > 5, result


def test_the_neutral_run_has_as_many_births_and_deaths():
    from swarm.evolve.assay import evolve, neutral

    settings = foragers.Settings(agents=200, seed=2, threads=1)
    evolved, born, died = evolve(foragers, settings, 120, lambda what, done: None)
    control = neutral(foragers, settings, born, died, lambda what, done: None)
    assert (control.n, control.born_total, control.died_total) == (evolved.n, evolved.born_total, evolved.died_total)
    assert sum(born) > 20 and stream("neutral") < 256


def test_nobody_is_born_dies_or_hungers_in_a_garden():
    founders = scene("foragers", **SMALL).tables["forager"].brains
    world = foragers.garden(foragers.Settings(threads=1), founders.clone(np.arange(80)), 9)
    for _ in range(100):
        world.step()
    table = world.tables["forager"]
    assert table.n == 80 and table.born_total == 0 and (table.column(Energy.level) == Energy.level.default).all()
    assert foragers.intake(world).shape == (80,) and foragers.intake(world).mean() > 0
