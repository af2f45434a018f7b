"""index on CUDA against the CPU: the same members in the same order, to the integer."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import Component, f32
from swarm.backend import rng as random
from swarm.ecs.component import Column
from swarm.errors import NonFiniteError, ScheduleError
from swarm.stages import grid as grids
from swarm.stages.grid_cuda import GRID, SORT_BYTES, TILE
from tests.cuda.stages import CASES, assert_same, build, contents, name_of, radius_of, run
from tests.cuda.twins import host
from tests.unit.stages.worlds import Body, Plant, places, shuffle, world

pytestmark = pytest.mark.usefixtures("cuda_device")


def both(case: dict, *stages) -> list[swarm.World]:
    """The stages run on the CPU and on CUDA."""
    made = [build(backend, case) for backend in ("cpu", "cuda")]
    for w in made:
        assert run(w, *stages) is None
    return made


@pytest.mark.parametrize("flagged", [False, True])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_equal_integers(case, flagged):
    stage = swarm.index(Plant.pos, radius=radius_of(case), where=Plant.ripe if flagged else None, cap=case["cap"])
    one, two = both(case, stage)
    assert_same(contents(one, one.indices[Plant.pos]), contents(two, two.indices[Plant.pos]))


@pytest.mark.parametrize("plants", [511, 512, 513, 1024])
def test_as_many_members_as_a_power_of_two(plants):
    """Where the number of cells that are worth their memory doubles; two tables of so many plants."""
    case = {"seed": 8, "size": (64.0, 48.0), "reach": 0.005, "bodies": 0, "plants": plants, "step": 0.0}
    one, two = both(case, swarm.index(Plant.pos, radius=radius_of(case)))
    assert_same(contents(one, one.indices[Plant.pos]), contents(two, two.indices[Plant.pos]))


@settings(max_examples=25, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([(64.0, 64.0), (20.0, 33.0), (7.3, 400.0), (1000.0, 9.0)]),
    st.floats(0.01, 0.5), st.integers(0, 400), st.sampled_from([0.0, 0.25, 1.0, 8.0]), st.integers(1, 70),
)  # fmt: skip
def test_any_world(seed, size, reach, count, step, cap):
    case = {"seed": seed, "size": size, "reach": reach, "bodies": 0, "plants": count, "step": step, "cap": cap}
    stage = swarm.index(Plant.pos, radius=radius_of(case), cap=cap)
    one, two = both(case, stage)
    assert_same(contents(one, one.indices[Plant.pos]), contents(two, two.indices[Plant.pos]))


def test_the_order_of_rows_does_not_matter():
    found = []
    for seed in (1, 2):
        w = build("cuda", CASES[4])
        shuffle(w, seed)
        assert run(w, swarm.index(Plant.pos, radius=3, cap=4)) is None
        found.append(contents(w, w.indices[Plant.pos]))
    assert found[0]["overflow"] > 0
    assert_same(*found)


def test_the_order_of_threads_does_not_matter(hosted):
    """Where an entity arrives in its cell depends on it, and with it the work arrays; the grid does not."""
    w = build("cuda", CASES[4])
    stage = swarm.index(Plant.pos, radius=3, cap=4)
    run(w, stage)
    grid = w.indices[Plant.pos]
    work = [grid.arrays[name] for name in ("counts", "arrival", "record", "crowded", "windows")]
    before = contents(w, grid)
    with hosted.racing(exempt=work):
        run(w, stage)
    assert before["overflow"] > 0
    assert_same(before, contents(w, grid))


@pytest.mark.parametrize("cap", [1, 7, 255, 299])
def test_windows_of_slots_with_many_digits(cap, cuda_device):
    """300 in one cell with slots from all of 32 bits: the window of `index.thin`, found digit by digit."""
    rng = np.random.default_rng(cap)
    w = world("cuda", (8.0, 8.0), seed=cap)
    w.spawn(300, Body(pos=places(rng, 300, w.size)), name="body")
    slots = rng.permutation(np.concatenate([rng.integers(0, 2**32, 200), rng.integers(0, 2**9, 400)]))
    slots = np.array(list(dict.fromkeys(slots.tolist()))[:300], np.uint32)
    table = w.tables["body"]
    cuda_device.write(table.storage["slots"][:300], slots)
    run(w, swarm.index(Body.pos, radius=4, cap=cap))
    begin = int(random.words(cap, np.array([0]), 0, 0, random.stream("crowding"), 1)[0, 0]) % 300
    keep = (np.arange(300) - begin) % 300 < cap
    grid = w.indices[Body.pos]
    with pytest.warns(UserWarning, match=f"{300 - cap} were left"):
        assert (grid.shape, grid.overflow) == ((1, 1), 300 - cap)
    assert host(w, grid.entry).tolist() == np.argsort(slots)[keep].tolist()


def test_where_it_grows_without_being_asked(cuda_device):
    """A recorded index, replayed after more came to live: more cells and the same as one made anew."""
    rng = np.random.default_rng(3)
    stage = swarm.index(Body.pos, radius=0.5)
    w = world("cuda", (64.0, 64.0))
    w.spawn(1200, Body(pos=places(rng, 1200, w.size)), name="body")
    run(w, stage)
    table = w.tables["body"]
    with w.backend.running():
        w.ledger.counts["n"] = 900
        w.ledger.push()
        with cuda_device.capture() as graph:
            stage(w, w.dt)
        graph.launch()
        grid = w.indices[Body.pos]
        few = grid.found
        w.ledger.counts["n"] = table.n
        w.ledger.push()
        graph.launch()
        w.tick += 1
        grid.tick = w.tick
    assert few.shape == grids.fit(grid.size, 0.5, 900)
    assert grid.shape == grids.fit(grid.size, 0.5, 1200) != few.shape
    assert (few.n, grid.n) == (900, 1200)
    fresh = world("cpu", (64.0, 64.0))
    fresh.spawn(1200, Body(pos=host(w, table.column(Body.pos))), name="body")
    run(fresh, stage)
    assert_same(contents(fresh, fresh.indices[Body.pos]), contents(w, grid))


def test_nothing_moves_and_nothing_is_read_in_later_ticks(cuda_device):
    w = build("cuda", CASES[7])
    stage = swarm.index(Plant.pos, radius=3)
    run(w, stage)
    epoch, held = cuda_device.epoch, {k: a.data.ptr for k, a in w.indices[Plant.pos].arrays.items()}
    with w.backend.running():
        w.tick += 1
        reads = cuda_device.reads
        stage(w, w.dt)
        assert cuda_device.reads == reads
    assert cuda_device.epoch == epoch
    assert {k: a.data.ptr for k, a in w.indices[Plant.pos].arrays.items()} == held
    grid = w.indices[Plant.pos]
    assert (grid.n, grid.shape, grid.complete, len(grid.entry)) == (grid.n, grid.shape, True, grid.n)
    assert cuda_device.reads == reads + 1  # all of it at once


@pytest.mark.parametrize("value", [np.nan, -1.0, 64.0, np.inf])
def test_a_position_outside_is_a_fault(value):
    errors = []
    for backend in ("cpu", "cuda"):
        w = build(backend, CASES[7])
        stage = swarm.index(Body.pos, radius=3)
        for name, row in (("two", 5), ("one", 21), ("one", 9)):
            w.tables[name].column(Body.pos)[row, 1] = np.float32(value)
        if backend == "cpu":
            with pytest.raises(NonFiniteError) as caught:
                run(w, stage)
        else:
            assert run(w, stage) == (0, 0, 9)
            with pytest.raises(NonFiniteError) as caught:
                stage.accuse(w, w.tables["one"], 9)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_a_step_tells_whose_position_it_was():
    """The same words as on the CPU, and the tick has not happened. `move` ran behind it, so places are later ones."""
    errors = []
    for backend, value in (("cpu", np.nan), ("cuda", np.nan), ("cuda", 70.0)):
        w = build(backend, CASES[7])
        for table in w.tables_with(Body.vel):
            table.column(Body.vel)[:, 1] = 0
        w.schedule = swarm.index(Body.pos, radius=3), swarm.move(Body.pos, Body.vel)
        w.step()
        w.tables["two"].column(Body.pos)[11, 0] = np.float32(value)
        before = w.tick
        with pytest.raises(NonFiniteError) as caught:
            w.step()
        assert w.tick == before
        errors.append(str(caught.value))
    assert errors[0] == errors[1]
    assert " nan 51.4" in errors[1]
    assert errors[2].endswith("That is where a later system put it in this tick; before, it was not inside.")


def test_nobody_there():
    one, two = both({**CASES[0], "plants": 0}, swarm.index(Plant.pos, radius=3), swarm.index(Body.vel, radius=3))
    for column in (Plant.pos, Body.vel):
        assert_same(contents(one, one.indices[column]), contents(two, two.indices[column]))
    assert two.indices[Plant.pos].n == 0


def test_a_table_without_room_for_anybody():
    w = world("cuda")
    w.spawn(0, Body, name="body")
    assert w.tables["body"].capacity == 0
    assert run(w, swarm.index(Body.pos, radius=3)) is None
    assert w.indices[Body.pos].n == 0


def test_the_radius_must_be_known():
    w = world("cuda")
    with pytest.raises(ScheduleError, match="how far it looks"):
        run(w, swarm.index(Body.pos))


class Pair(Component):
    ends = f32(4, unit="m")


FAR = Column(np.float32, (2,), parent=Pair.ends, part=slice(2, 4))


def test_positions_may_be_part_of_a_wider_column():
    """Rows of four floats, of which the last two are indexed."""
    FAR.name, FAR.owner = "far", Pair
    found = []
    for backend in ("cpu", "cuda"):
        rng = np.random.default_rng(8)
        w = world(backend)
        w.spawn(150, Pair(ends=rng.random((150, 4)) * 60), name="pair")
        w.tables["pair"]._columns.add(FAR)
        assert run(w, swarm.index(FAR, radius=4)) is None
        found.append(contents(w, w.indices[FAR]))
    assert found[0]["n"] == 150
    assert_same(*found)


def test_the_warning_comes_when_it_is_asked_for():
    w = world("cuda", (20.0, 20.0))
    w.spawn(50, Body(pos=w.scatter), name="body")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(w, swarm.index(Body.pos, radius=5, cap=2))
    with pytest.warns(UserWarning, match="cap=2"):
        assert w.indices[Body.pos].overflow > 0


def test_the_struct_is_as_large_as_python_says(hosted):
    """Sizes, and the places of the numbers that Python reads."""
    text = (
        '#include "index.cu"\n'
        "KERNEL sizes(int* out) { Grid g; const char* at = (const char*)&g; out[0] = sizeof(Sort); out[4] = TILE; "
        "out[1] = sizeof(Grid); out[2] = (const char*)&g.columns - at; out[3] = (const char*)&g.complete - at; }\n"
    )
    out = hosted.xp.zeros(5, np.int32)
    hosted.kernels(text)["sizes"](1, out, block=32)
    found = hosted.read(out).tolist()
    assert found[:2] == [SORT_BYTES, GRID.itemsize]
    assert found[2:] == [GRID.itemsize - 24, GRID.itemsize - 4, TILE]  # six int32 at the end
    assert tuple(GRID.names or ())[-6:] == ("columns", "rows", "members", "most", "overflow", "complete")
