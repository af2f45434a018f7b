"""Every stage gives each id the same bits whatever the order of the rows and however many threads run."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import MLP, Own, Sectors
from tests.unit.stages.worlds import BACKENDS, Body, Energy, Plant, by_id, places, shuffle, world

COUNT = 12_000  # more than one task and one histogram
Mind = swarm.mind(
    food=Sectors(8, 4, of=Plant.pos), kin=Sectors(8, 3, of=Body.pos), crowd=Sectors(5, 3, of=Body.pos, reduce="count"),
    level=Own(Energy.level), actions=("x", "y"), memory=2,
)  # fmt: skip


def steer(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].vel += agents[Mind].actions * np.float32(dt)


STAGES = (
    swarm.index(Body.pos),
    swarm.index(Plant.pos, where=Plant.ripe),
    swarm.sense(Mind),
    swarm.think(Mind),
    steer,
    swarm.flock(Body.pos, Body.vel, radius=3, separation=0.01),
    swarm.move(Body.pos, Body.vel, limit=20),
    swarm.graze(Body.pos, Plant.pos, into=Energy.level, reach=1.5, gain=Plant.energy, ripe=Plant.ripe),
    swarm.split(Energy.level, above=3, pos=Body.pos),
)


def result(backend: str, ticks: int, threads: int = 1, shuffled: int | None = None):
    """Columns in id order after some ticks."""
    rng = np.random.default_rng(1)
    count = COUNT if backend == "cpu" else 600
    side = 4 * count**0.5
    w = world(backend, (side, side * 0.75), threads=threads)
    w.spawn(count, Plant(pos=places(rng, count, w.size)), name="plant")
    vel = rng.normal(size=(count, 2)).astype(np.float32)
    w.spawn(count, Body(pos=places(rng, count, w.size), vel=vel), Energy(level=2), Mind(), name="forager",
            brains=MLP((Mind.inputs, 6, Mind.outputs)))  # fmt: skip
    w.schedule = STAGES
    for tick in range(ticks):
        if shuffled is not None:
            shuffle(w, shuffled + tick)
        w.step()
    table = w.tables["forager"]
    columns = {
        c.key: by_id(table, table.column(c)) for c in (Body.pos, Body.vel, Energy.level, Mind.inputs_, Mind.outputs_)
    }
    plants = w.tables["plant"]
    return {**columns, "ids": np.sort(table.ids()), "ripe": by_id(plants, plants.column(Plant.ripe)), "hash": w.hash()}


def assert_same(one: dict, two: dict) -> None:
    for key, value in one.items():
        assert np.array_equal(value, two[key]), key


@pytest.mark.parametrize("backend", BACKENDS)
def test_permuted_rows(backend: str):
    plain = result(backend, 4)
    assert len(plain["ids"]) > (COUNT if backend == "cpu" else 600)  # there were births
    assert not plain["ripe"].all()  # and meals
    assert_same(plain, result(backend, 4, shuffled=11))


def test_threads():
    one, two = result("cpu", 4, threads=1), result("cpu", 4, threads=2)
    assert_same(one, two)


def test_permuted_rows_on_two_threads():
    assert_same(result("cpu", 3, threads=1), result("cpu", 3, threads=2, shuffled=5))
