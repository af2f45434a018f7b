"""graze on CUDA against the CPU: the same winners, shares and books from the same state."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import swarm
from swarm.errors import NonFiniteError
from tests.cuda.twins import both, columns, host
from tests.unit.stages.worlds import Body, Energy, Plant, places, shuffle, world

pytestmark = pytest.mark.usefixtures("cuda_device")

SIZES = [(64.0, 64.0), (20.0, 33.0), (1000.0, 9.0)]


def pasture(backend, seed, stages, bodies=200, plants=120, step=0.0, size=(64.0, 64.0), tables=2):
    """Eaters in two tables, one of which is food as well; food in two; rows out of id order."""
    rng = np.random.default_rng(seed)
    w = world(backend, size, seed)
    for name, extra in (("one", ()), ("two", (Plant(pos=0, ripe=False, energy=0),)))[:tables]:
        pos = places(rng, bodies, size, step)
        w.spawn(bodies, Body(pos=pos), Energy(level=rng.integers(0, 64, bodies) / 16), *extra, name=name)
    for name in ("grass", "bush")[:tables]:
        ripe, energy = rng.random(plants) < 0.6, rng.integers(0, 64, plants) / 16
        w.spawn(plants, Plant(pos=places(rng, plants, size, step), ripe=ripe, energy=energy), name=name)
    shuffle(w, seed)
    w.schedule = stages
    return w


@pytest.mark.parametrize("tables", [1, 2])
@pytest.mark.parametrize("share", ["nearest", "equal"])
@pytest.mark.parametrize(("ripe", "column"), [(True, True), (False, True), (True, False), (False, False)])
def test_same_winners_and_levels(tables, share, ripe, column):
    """Positions on a lattice, so that many are equally near and priorities decide."""
    graze = swarm.graze(
        Body.pos, Plant.pos, into=Energy.level, reach=2.5, gain=Plant.energy if column else 0.25,
        ripe=Plant.ripe if ripe else None, share=share,
    )  # fmt: skip
    _, w = both(lambda backend: pasture(backend, 5, (swarm.index(Plant.pos), graze), step=1.0, tables=tables))
    assert (columns(w)["one/Energy.level"] != 0).any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("indexed", [False, True])
def test_worlds_down_to_a_cell_an_axis(seed, indexed):
    size, step = SIZES[seed % 3], (0.0, 0.25)[seed % 2]
    reach = (0.5, 0.3, 0.1, 0.02)[seed] * min(size)
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=reach, gain=Plant.energy, ripe=Plant.ripe)
    stages = (swarm.index(Plant.pos), *([swarm.index(Body.pos, radius=reach)] * indexed), graze)
    both(lambda backend: pasture(backend, seed, stages, 90, 60, step, size))


def test_crowded_cells():
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=10.0, gain=Plant.energy)
    stages = (swarm.index(Plant.pos, cap=3), swarm.index(Body.pos, radius=10, cap=4), graze)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        both(lambda backend: pasture(backend, 1, stages, 90, 60))


def test_two_grazing_stages_do_not_eat_one_plant_twice():
    graze = [swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=2.0) for _ in range(2)]

    def make(backend):
        w = world(backend)
        w.spawn(1, Plant(pos=5.0), name="plant")
        w.spawn(2, Body(pos=5.5), Energy(level=1), name="eater")
        w.schedule = (swarm.index(Plant.pos), *graze)
        return w

    _, w = both(make)
    assert sorted(columns(w)["eater/Energy.level"].tolist()) == [1, 3]
    assert w.counts()["plant"] == 0


def test_nobody_eats_itself():
    def make(backend):
        w = world(backend)
        pos = np.array([[5, 5], [50, 50], [5.5, 5]], np.float32)
        w.spawn(3, Body(pos=pos), Energy(level=[1, 1, 4]), name="cannibal")
        graze = swarm.graze(Body.pos, Body.pos, into=Energy.level, gain=Energy.level)
        w.schedule = (swarm.index(Body.pos), graze)
        return w

    _, w = both(make)
    assert sorted(columns(w)["cannibal/Energy.level"].tolist()) == [1, 1, 4]


def test_nothing_to_eat_and_nobody_to_eat_it():
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=Plant.energy)
    for bodies, plants in ((0, 5), (5, 0), (0, 0)):
        both(lambda backend, b=bodies, p=plants: pasture(backend, 2, (swarm.index(Plant.pos), graze), b, p))


def test_the_order_of_rows_decides_nothing():
    graze = swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=3, gain=Plant.energy, share="equal")
    made = [pasture("cuda", 4, (swarm.index(Plant.pos), graze), step=1.0) for _ in range(2)]
    shuffle(made[1], 99)
    for w in made:
        w.step()
    one, two = map(columns, made)
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_what_was_eaten_is_counted():
    from swarm.stages import graze_cuda

    stage = swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=3, gain=Plant.energy)

    class Counted:
        name, reads, writes, needs = "counted", stage.reads, stage.writes, stage.needs

        def __call__(self, world, dt):
            stage(world, dt)

        def on_cuda(self, world, dt):
            graze_cuda.run(stage, world, dt, world.resources["eaten"])

    w = pasture("cuda", 6, (swarm.index(Plant.pos), Counted()))
    w.resources["eaten"] = w.backend.zeros(1, np.int64)
    before = sum(columns(w)[f"{name}/Plant.energy"].sum(dtype=np.float64) for name in ("two", "grass", "bush"))
    w.step()
    after = sum(columns(w)[f"{name}/Plant.energy"].sum(dtype=np.float64) for name in ("two", "grass", "bush"))
    assert host(w, w.resources["eaten"]).tolist() == [(before - after) * 4096]
    assert before > after


def test_a_claimant_outside_the_world_is_named():
    w = world("cuda")
    w.spawn(3, Plant(pos=1.0), name="plant")
    ids = w.spawn(3, Body(pos=np.array([[1, 1], [1, 1], [-3, 1]], np.float32)), Energy(), name="eater")
    w.schedule = (swarm.index(Plant.pos), swarm.graze(Body.pos, Plant.pos, into=Energy.level))
    with pytest.raises(NonFiniteError, match=f"graze Plant.pos: entity {ids[2]} of table 'eater'"):
        w.step()
