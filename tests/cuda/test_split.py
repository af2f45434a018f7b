"""split on CUDA against the CPU: who gives birth, what is shared, where children start, whom a cap refuses."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from tests.cuda.twins import both, columns
from tests.unit.stages.worlds import Body, Energy, shuffle, world

pytestmark = pytest.mark.usefixtures("cuda_device")


def cells(backend, stages, cap=None, count=70, seed=0):
    rng = np.random.default_rng(seed)
    w = world(backend, (7.0, 64.0))
    level = rng.integers(1, 20_000, count) * 2.0**-12
    pos = (rng.random((count, 2)) * (7, 64)).astype(np.float32)
    w.spawn(count, Body(pos=pos, vel=rng.normal(size=(count, 2))), Energy(level=level), name="cell", cap=cap)
    shuffle(w, seed)
    w.schedule = stages
    return w


@pytest.mark.parametrize("cap", [None, 70, 75, 100, 10_000])
def test_equal_to_the_cpu(cap):
    """Until nobody is rich any more; capacity grows on the way."""
    split = swarm.split(Energy.level, above=0.5, pos=Body.pos, spread=0.75)
    one, two = both(lambda backend: cells(backend, (split,), cap), 4)
    for name in ("born_total", "died_total", "refused_total", "n"):
        assert getattr(one.tables["cell"], name) == getattr(two.tables["cell"], name)
    assert (two.tables["cell"].born_total > 0) == (cap != 70)
    assert (two.tables["cell"].refused_total > 0) == (cap in (70, 75, 100))
    total = columns(two)["cell/Energy.level"].sum(dtype=np.float64)
    assert total == columns(cells("cpu", ()))["cell/Energy.level"].sum(dtype=np.float64)


def reaper(world, dt):
    """Kill those who are slowest to the left: some of them rich."""
    for agents in world.query(Body, Energy):
        agents.kill(agents[Body].vel[:, 0] < -0.5)


@pytest.mark.parametrize("cap", [None, 72])
def test_the_dying_make_room_and_give_birth(cap):
    split = swarm.split(Energy.level, above=1.0, pos=Body.pos)
    _, two = both(lambda backend: cells(backend, (reaper, split), cap), 3)
    assert two.tables["cell"].died_total > 0


def test_two_splits_share_one_cap():
    stages = tuple(swarm.split(Energy.level, above=above, pos=Body.pos) for above in (3.0, 2.0))
    _, two = both(lambda backend: cells(backend, stages, 90), 2)
    assert two.tables["cell"].n == 90
    assert two.tables["cell"].refused_total > 0


def test_without_a_position_only_the_level_is_shared():
    def make(backend):
        w = world(backend)
        w.spawn(3, Energy(level=np.array([2, 8, 8], np.float32)), name="cell")
        w.schedule = (swarm.split(Energy.level, above=8),)
        return w

    _, two = both(make)
    assert columns(two)["cell/Energy.level"].tolist() == [2, 4, 4, 4, 4]


def test_nobody_rich_enough_nothing_happens():
    split = swarm.split(Energy.level, above=100, pos=Body.pos)
    _, two = both(lambda backend: cells(backend, (split,), 71))
    assert two.counts() == {"cell": 70}
    assert two.tables["cell"].refused_total == 0


def test_a_cap_counts_those_who_split_and_those_a_system_bears():
    """The first request of the tick was admitted by split, the second one is the barrier's to admit."""

    def breed(world: swarm.World, dt: float) -> None:
        for agents in world.query(Body):
            agents.birth(np.arange(20))

    made = []
    for backend in ("cpu", "cuda"):
        w = world(backend)
        w.spawn(40, Body(pos=w.scatter), Energy(level=np.arange(40) % 4), name="cell", cap=65)
        w.schedule = (swarm.split(Energy.level, above=2, pos=Body.pos), breed)
        w.step()
        made.append(w)
    assert made[0].counts() == made[1].counts() == {"cell": 65}
    assert made[0].tables["cell"].refused_total == made[1].tables["cell"].refused_total
    assert made[0].hash() == made[1].hash()
