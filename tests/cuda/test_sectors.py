"""Sectors on CUDA against the CPU: equal bits, whatever the number of sectors, the world and the order of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import Sectors
from swarm.errors import NonFiniteError, ScheduleError
from tests.cuda.stages import CASES, assert_same, build, contents, name_of, radius_of, run
from tests.cuda.twins import differing, host
from tests.unit.stages.worlds import Body, Plant, places, shuffle, world

pytestmark = pytest.mark.usefixtures("cuda_device")


def mind(n: int, radius: float, reduce: str, memory: int = 1):
    """Senses of plants and of its own kind."""
    return swarm.mind(
        food=Sectors(n, radius, of=Plant.pos, reduce=reduce), kin=Sectors(n, radius / 2, of=Body.pos, reduce=reduce),
        actions=("x",), memory=memory,
    )  # fmt: skip


def seen(backend: str, case: dict, Mind, indexed: bool = True) -> swarm.World:
    """A world with minds in two tables after one round of sensing; without `indexed` seekers come in row order."""
    w = build(backend, case)
    rng = np.random.default_rng(case["seed"] + 1)
    for name, count in (("minds", case["bodies"]), ("others", 40)):
        w.spawn(count, Body(pos=places(rng, count, case["size"], case["step"])), Mind(), name=name)
    kin = swarm.index(Body.pos, cap=case["cap"] if indexed else 1)
    assert run(w, kin, swarm.index(Plant.pos, where=Plant.ripe), swarm.sense(Mind, Body.pos)) is None
    return w


@pytest.mark.parametrize("reduce", ["closeness", "count"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_eight_sectors(case, reduce):
    Mind = mind(8, radius_of(case), reduce)
    one, two = (seen(backend, case, Mind) for backend in ("cpu", "cuda"))
    assert not differing(one, two)
    if case["plants"] > 100 and case["cap"] > 1:
        assert one.tables["others"].column(Mind.senses).any()


@pytest.mark.parametrize(("n", "reduce"), [(1, "closeness"), (2, "count"), (3, "closeness"), (13, "closeness"),
                                           (13, "count"), (70, "closeness"), (400, "count")])  # fmt: skip
def test_any_number_of_sectors(n, reduce):
    """70 need shorter blocks, 400 do not fit into shared memory at all."""
    Mind = mind(n, 9.0, reduce)
    one, two = (seen(backend, CASES[7], Mind) for backend in ("cpu", "cuda"))
    assert not differing(one, two)
    assert one.tables["minds"].column(Mind.senses).any()


@settings(max_examples=20, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    st.integers(0, 10**6), st.sampled_from([(64.0, 64.0), (20.0, 33.0), (7.3, 400.0), (1000.0, 9.0)]),
    st.floats(0.01, 0.5), st.integers(0, 90), st.integers(0, 300), st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([256, 3]),
)  # fmt: skip
def test_any_world(seed, size, reach, bodies, plants, step, cap):
    case = {
        "seed": seed, "size": size, "reach": reach, "bodies": bodies, "plants": plants, "step": step, "cap": cap,
    }  # fmt: skip
    Mind = mind(8, radius_of(case), "closeness")
    assert not differing(*(seen(backend, case, Mind) for backend in ("cpu", "cuda")))


@pytest.mark.parametrize(("cells", "side"), [(1, 24.0), (2, 7.0), (3, 7.6), (4, 13.7), (7, 6.5), (7, 24.0)])
def test_agents_on_borders(cells, side):
    """Places on the edges of cells and of the world, and one rounding before them: index, senses and sums agree.

    In the fractional worlds the last place times cells per metre rounds up to a cell that is not there.
    """
    edges = np.arange(cells) * np.float32(side / cells)
    last = np.nextafter(np.float32(side), np.float32(0))
    steps = np.unique(np.concatenate([edges, np.nextafter(edges[1:], np.float32(0)), [last]]))
    pos = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2).astype(np.float32)
    radius = side / cells * 0.99 if cells > 1 else side / 2
    Mind = swarm.mind(kin=Sectors(8, radius, of=Body.pos), actions=("x",), memory=1)
    made = []
    for backend in ("cpu", "cuda"):
        w = world(backend, (side, side))
        w.spawn(len(pos), Body(pos=pos, vel=pos[:, ::-1]), Mind(), name="minds")
        flock = swarm.flock(Body.pos, Body.vel, radius=radius)
        assert run(w, swarm.index(Body.pos), swarm.sense(Mind), flock) is None
        made.append(w)
    assert made[1].indices[Body.pos].shape == (cells, cells)
    assert not differing(*made)
    assert_same(*(contents(w, w.indices[Body.pos]) for w in made))


def test_seekers_in_row_order():
    """An index that left somebody out is no order to visit by."""
    Mind = mind(8, 9.0, "closeness")
    one, two = (seen(backend, CASES[7], Mind, indexed=False) for backend in ("cpu", "cuda"))
    assert not one.indices[Body.pos].complete
    assert not differing(one, two)


def test_exact_angles_and_the_very_same_place():
    """Neighbours on all boundaries between sectors, one on top of the seeker, one at the radius exactly."""
    around = np.array([(x, y) for x in (-2, 0, 2) for y in (-2, 0, 2)] + [(3, 0)], np.float32)
    Mind = swarm.mind(
        food=Sectors(8, 3, of=Plant.pos), many=Sectors(8, 3, of=Plant.pos, reduce="count"),
        four=Sectors(4, 3, of=Plant.pos, reduce="count"), actions=("x",),
    )  # fmt: skip
    found = []
    for backend in ("cpu", "cuda"):
        w = world(backend)
        w.spawn(len(around), Plant(pos=around + 32), name="plant")
        w.spawn(1, Body(pos=32.0), Mind(), name="mind")
        assert run(w, swarm.index(Plant.pos), swarm.sense(Mind)) is None
        found.append(host(w, w.tables["mind"].column(Mind.senses))[0])
    assert np.array_equal(*found)
    assert found[0][8:16].tolist() == [2, 1, 1, 1, 1, 1, 1, 1]


def test_the_order_of_rows_does_not_matter():
    Mind = mind(8, 9.0, "closeness")
    found = []
    for shuffled in (False, True):
        w = build("cuda", CASES[7])
        w.spawn(100, Body(pos=w.scatter), Mind(), name="minds")
        if shuffled:
            shuffle(w, 1)
        assert run(w, swarm.index(Body.pos), swarm.index(Plant.pos), swarm.sense(Mind, Body.pos)) is None
        table = w.tables["minds"]
        ids, senses = host(w, table.ids()), host(w, table.column(Mind.senses))
        found.append(senses[np.argsort(ids)])
    assert found[0].any()
    assert np.array_equal(*found)


def test_the_order_of_threads_does_not_matter(hosted):
    Mind = mind(8, 9.0, "closeness")
    w = seen("cuda", CASES[7], Mind)
    before = host(w, w.tables["minds"].column(Mind.senses))
    sense = w.schedule[-1]
    with w.backend.running(), hosted.racing():
        sense(w, w.dt)
    assert np.array_equal(before, host(w, w.tables["minds"].column(Mind.senses)))


@pytest.mark.parametrize("reduce", ["closeness", "count"])
def test_what_is_not_a_sense_is_left_alone(reduce):
    """Memory, and the rows behind the last, keep what they hold."""
    Mind = mind(13, 9.0, reduce, memory=2)
    w = build("cuda", CASES[7])
    w.spawn(30, Body(pos=w.scatter), Mind(), name="minds")
    table = w.tables["minds"]
    inputs = table.storage[Mind.inputs_]
    w.backend.device.write(inputs, np.full(inputs.shape, 7, np.float32))
    assert run(w, swarm.index(Body.pos), swarm.index(Plant.pos), swarm.sense(Mind, Body.pos)) is None
    after = host(w, inputs)
    assert (after[:30, 26:] == 7).all()
    assert (after[30:] == 7).all()
    assert (after[:30, :26] != 7).any(axis=1).all()


@pytest.mark.parametrize("value", [np.nan, -1.0, 64.0])
def test_a_seeker_outside_is_a_fault(value):
    """In row order and in the grid's, by the words of the CPU."""
    Mind = swarm.mind(food=Sectors(8, 3, of=Plant.pos), actions=("x",))
    errors = []
    for backend in ("cpu", "cuda"):
        w = build(backend, CASES[7])
        w.spawn(40, Body(pos=w.scatter), Mind(), name="minds")
        for row in (33, 12):
            w.tables["minds"].column(Body.pos)[row, 0] = np.float32(value)
        stages = swarm.index(Plant.pos), swarm.sense(Mind)
        if backend == "cpu":
            with pytest.raises(NonFiniteError) as caught:
                run(w, *stages)
        else:
            assert run(w, *stages) == (1, w.tables["minds"].index, 12)
            with pytest.raises(NonFiniteError) as caught:
                stages[1].accuse(w, w.tables["minds"], 12)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_seekers_that_left_the_world_behind_the_index():
    """They are visited in the grid's order and found out all the same."""
    Mind = swarm.mind(kin=Sectors(8, 3, of=Body.pos), actions=("x",))
    w = world("cuda")
    w.spawn(40, Body(pos=w.scatter), Mind(), name="minds")

    def lose(world, dt):
        world.tables["minds"].column(Body.pos)[7] = np.float32(np.inf)

    assert run(w, swarm.index(Body.pos), lose, swarm.sense(Mind)) == (2, 0, 7)


def test_an_index_is_needed():
    Mind = swarm.mind(food=Sectors(8, 3, of=Plant.pos), actions=("x",))
    w = build("cuda", CASES[7])
    w.spawn(4, Body(pos=w.scatter), Mind(), name="minds")
    with w.backend.running(), pytest.raises(ScheduleError, match="no index of Plant"):
        swarm.sense(Mind)(w, w.dt)
