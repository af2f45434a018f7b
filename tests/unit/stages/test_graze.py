"""graze: who gets what; ripe, gain and dying food; contests against a brute-force oracle."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from tests.unit.stages.worlds import Body, Energy, Plant, differences, host, places, run, world


def pasture(backend, eaters, food, size=(64.0, 64.0), reach=2.0, ripe=True, energy=1.0, seed=7, index=None, **options):
    w = world(backend, size, seed)
    w.spawn(len(food), Plant(pos=food, ripe=ripe, energy=energy), name="plant")
    w.spawn(len(eaters), Body(pos=eaters), Energy(level=10), name="eater")
    stages = (
        index or swarm.index(Plant.pos),
        swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=reach, **options),
    )
    run(w, *stages)
    return w


def levels(w):
    return host(w.tables["eater"], Energy.level)


def claims(eaters, food, size, reach, available):
    """Each eater's nearest available food (lowest row on ties) and its squared distance; -1 for none."""
    dx, dy = differences(eaters, food, size)
    d2 = np.where((dx * dx + dy * dy < np.float32(reach) ** 2) & available, dx * dx + dy * dy, np.inf)
    target = d2.argmin(axis=1)
    nearest = d2[np.arange(len(eaters)), target]
    return np.where(nearest < np.inf, target, -1), nearest


@pytest.mark.parametrize("indexed", [False, True])
def test_against_the_oracle(backend: str, indexed: bool):
    rng = np.random.default_rng(2)
    size = (40.0, 30.0)
    eaters, food = places(rng, 400, size), places(rng, 300, size)
    ripe = rng.random(300) < 0.7
    energy = (rng.integers(0, 100, 300) / 64).astype(np.float32)
    index = swarm.index(Plant.pos, where=Plant.ripe if indexed else None)
    w = world(backend, size)
    w.spawn(300, Plant(pos=food, ripe=ripe, energy=energy), name="plant")
    w.spawn(400, Body(pos=eaters), Energy(level=10), name="eater")
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=1.5, gain=Plant.energy, ripe=Plant.ripe)
    first = (index, *([swarm.index(Body.pos, radius=3)] * indexed))
    run(w, *first, graze)

    target, d2 = claims(eaters, food, size, 1.5, ripe)
    want = np.full(400, 10, np.float32)
    eaten = np.zeros(300, bool)
    for plant in np.unique(target[target >= 0]):
        mine = np.flatnonzero(target == plant)
        winner = mine[d2[mine].argmin()]  # random positions: no ties
        want[winner] += energy[plant]
        eaten[plant] = True
    assert eaten.any()
    assert np.array_equal(levels(w), want)
    assert np.array_equal(host(w.tables["plant"], Plant.ripe), ripe & ~eaten)
    assert np.array_equal(host(w.tables["plant"], Plant.energy), np.where(eaten, 0, energy))


def test_nearest_wins_and_the_lowest_id_of_equal_food(backend: str):
    eaters = np.array([[10, 10], [11.5, 10], [30, 30]], np.float32)
    food = np.array([[11, 10], [29, 30], [31, 30], [30, 31]], np.float32)
    w = pasture(backend, eaters, food, gain=Plant.energy, energy=np.array([1, 2, 3, 4], np.float32))
    assert levels(w).tolist() == [10, 11, 12]
    assert host(w.tables["plant"], Plant.energy).tolist() == [0, 0, 3, 4]


def test_reach_is_open_and_goes_round_the_torus(backend: str):
    eaters = np.array([[0.5, 63.5], [20, 20]], np.float32)
    food = np.array([[63.5, 0.25], [22, 20]], np.float32)
    w = pasture(backend, eaters, food, gain=Plant.energy)
    assert levels(w).tolist() == [11, 10]


def test_everything_within_reach_is_found_across_cells_and_seams(backend: str):
    """900 pairs far from each other, the food 0.1% nearer than the reach in every direction: everybody is fed."""
    rng = np.random.default_rng(0)
    size, reach = (240.0, 240.0), 2.0
    spots = np.stack(np.meshgrid(np.arange(30), np.arange(30)), axis=-1).reshape(-1, 2) * 8.0
    eaters = (spots + rng.random((900, 2)) * 3).astype(np.float32)
    angle = rng.random(900) * 2 * np.pi
    food = (eaters + 0.999 * reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)) % np.array(size)
    w = pasture(backend, eaters, food.astype(np.float32), size, reach, gain=Plant.energy)
    assert (levels(w) == 11).all()


def test_without_columns_the_food_dies(backend: str):
    w = world(backend)
    w.spawn(3, Plant(pos=np.array([[5, 5], [40, 40], [9, 9]], np.float32)), name="plant")
    w.spawn(2, Body(pos=np.array([[5.5, 5], [9, 9.5]], np.float32)), Energy(level=1), name="eater")
    w.schedule = (swarm.index(Plant.pos), swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=2.5))
    w.step()
    assert w.counts() == {"plant": 1, "eater": 2}
    assert levels(w).tolist() == [3.5, 3.5]
    assert host(w.tables["plant"], Plant.pos).tolist() == [[40, 40]]


def test_two_grazing_stages_do_not_eat_one_plant_twice(backend: str):
    w = world(backend)
    w.spawn(1, Plant(pos=5.0), name="plant")
    w.spawn(2, Body(pos=5.5), Energy(level=1), name="eater")
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=2.0)
    w.schedule = (swarm.index(Plant.pos), graze, swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=2.0))
    w.step()
    assert sorted(levels(w).tolist()) == [1, 3]


def test_several_tables_on_both_sides(backend: str):
    w = world(backend)
    for k, name in enumerate(("grass", "bush")):
        extra = (Energy(),) if k else ()
        w.spawn(1, Plant(pos=np.float32(10 + 20 * k), energy=np.float32(k + 1)), *extra, name=name)
    w.spawn(1, Body(pos=10.5), Energy(level=0), name="deer")
    w.spawn(
        2,
        Body(pos=np.array([[30.5, 30], [10.2, 10]], np.float32)),
        Energy(level=0),
        Plant(pos=60, energy=0),
        name="odd",
    )
    run(w, swarm.index(Plant.pos), swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=Plant.energy))
    assert host(w.tables["deer"], Energy.level).tolist() == [0]
    assert host(w.tables["odd"], Energy.level).tolist() == [2, 1]


def test_nobody_eats_itself(backend: str):
    w = world(backend)
    w.spawn(2, Body(pos=np.array([[5, 5], [50, 50]], np.float32)), Energy(level=1), name="cannibal")
    run(w, swarm.index(Body.pos), swarm.graze(Body.pos, Body.pos, into=Energy.level, gain=Energy.level))
    assert host(w.tables["cannibal"], Energy.level).tolist() == [1, 1]


def test_nothing_to_eat_and_nobody_to_eat_it(backend: str):
    none = np.empty((0, 2), np.float32)
    some = np.ones((3, 2), np.float32)
    assert levels(pasture(backend, some, none)).tolist() == [10, 10, 10]
    assert levels(pasture(backend, none, some)).tolist() == []
    assert levels(pasture(backend, some, some, gain=Plant.energy, energy=0.0)).tolist() == [10, 10, 10]


def test_a_claimant_outside_the_world_is_named(backend: str):
    w = world(backend)
    w.spawn(3, Plant(pos=1.0), name="plant")
    ids = w.spawn(3, Body(pos=1.0), Energy(), name="eater")
    w.tables["eater"].column(Body.pos)[2, 0] = -3
    with pytest.raises(NonFiniteError, match=f"graze Plant.pos: entity {ids[2]} of table 'eater'"):
        run(w, swarm.index(Plant.pos), swarm.graze(Body.pos, Plant.pos, into=Energy.level))


def test_equal_shares_in_whole_quanta(backend: str):
    """5 quanta among 3 claimants: one each, two more for the nearest; and a plant for one alone."""
    w = world(backend)
    quantum = 2.0**-12
    w.spawn(2, Plant(pos=np.array([[10, 10], [40, 40]], np.float32), energy=np.array([5, 7]) * quantum), name="plant")
    pos = np.array([[10.5, 10], [10, 10.25], [9.5, 9.5], [40, 40.5], [60, 60]], np.float32)
    w.spawn(3, Body(pos=pos[:3]), Energy(level=1), name="deer")
    w.spawn(2, Body(pos=pos[3:]), Energy(level=1), Plant(pos=20, ripe=False), name="odd")
    graze = swarm.graze(
        Body.pos, Plant.pos, into=Energy.level, gain=Plant.energy, ripe=Plant.ripe, reach=1.5, share="equal"
    )
    run(w, swarm.index(Plant.pos), graze)
    assert ((host(w.tables["deer"], Energy.level) - 1) / quantum).tolist() == [1, 3, 1]
    assert ((host(w.tables["odd"], Energy.level) - 1) / quantum).tolist() == [7, 0]
    assert host(w.tables["plant"], Plant.energy).tolist() == [0, 0]


def test_bad_settings_are_refused():
    with pytest.raises(SettingsError, match=r"share is 'all'. Choose one of nearest, equal"):
        swarm.graze(Body.pos, Plant.pos, into=Energy.level, share="all")
    with pytest.raises(SettingsError, match="reach"):
        swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=0)
    with pytest.raises(SettingsError, match="gain"):
        swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=float("nan"))
    with pytest.raises(SchemaError, match="must be bool"):
        swarm.graze(Body.pos, Plant.pos, into=Energy.level, ripe=Plant.energy)
    w = world()
    w.spawn(1, Plant(pos=1.0), name="plant")
    w.spawn(1, Body(pos=1.0), Energy(), name="eater")
    with pytest.raises(ScheduleError, match=r"index of Plant.pos"):
        w.schedule = (swarm.graze(Body.pos, Plant.pos, into=Energy.level),)
