"""flock on CUDA against the CPU: equal bits, because sixteen lanes add in the order of the CPU's sixteen."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm.errors import NonFiniteError, ScheduleError
from swarm.stages.flock import Flock
from tests.cuda.stages import CASES, build, name_of, radius_of, run
from tests.cuda.twins import both, differing, host
from tests.unit.stages.worlds import Body, Plant, places, shuffle, world

pytestmark = pytest.mark.usefixtures("cuda_device")


def flocked(backend: str, case: dict, **weights: float) -> tuple[swarm.World, Flock]:
    w, radius = build(backend, case), radius_of(case)
    stage = swarm.flock(Body.pos, Body.vel, radius=radius, **weights)
    assert run(w, swarm.index(Body.pos, cap=case["cap"]), stage) is None
    return w, stage


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_equal_velocities(case):
    weights = {"cohesion": 0.3, "alignment": 0.2, "separation": 0.1}
    (one, _), (two, _) = (flocked(backend, case, **weights) for backend in ("cpu", "cuda"))
    assert not differing(one, two)
    if case["bodies"] > 100 and case["cap"] > 5:
        assert differing(one, build("cpu", case))  # somebody was steered


@pytest.mark.parametrize("case", CASES[3:], ids=name_of)
def test_equal_sums(case):
    """All seven, as bits, of everybody."""
    found = []
    for backend in ("cpu", "cuda"):
        w, stage = flocked(backend, case, cohesion=0, alignment=0, separation=0)
        grid = w.indices[Body.pos]
        with w.backend.running():
            sums = host(w, stage.sums(w, grid))
        found.append([sums[base : base + t.n] for base, t in zip(grid.base, grid.tables, strict=True)])
    for ours, theirs in zip(*found, strict=True):
        assert ours.view(np.uint32).tolist() == theirs.view(np.uint32).tolist()


def test_birds_that_nearly_touch():
    """Nearer than a thousandth of the radius the push is bounded."""
    found = []
    for backend in ("cpu", "cuda"):
        w = world(backend)
        w.spawn(4, Body(pos=[[10, 10], [10.002, 10], [10.003, 10.001], [12, 10]], vel=0), name="bird")
        stage = swarm.flock(Body.pos, Body.vel, radius=4.0, cohesion=0.0, alignment=0.0, separation=1.0)
        assert run(w, swarm.index(Body.pos, radius=4.0), stage) is None
        found.append(host(w, w.tables["bird"].column(Body.vel)))
    assert found[0].any()
    assert found[0].tobytes() == found[1].tobytes()


@settings(max_examples=20, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    st.integers(0, 10**6), st.sampled_from([(64.0, 64.0), (20.0, 33.0), (7.3, 400.0), (1000.0, 9.0)]),
    st.floats(0.01, 0.5), st.integers(0, 200), st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([256, 3]),
)  # fmt: skip
def test_any_world(seed, size, reach, bodies, step, cap):
    case = {"seed": seed, "size": size, "reach": reach, "bodies": bodies, "plants": 0, "step": step, "cap": cap}
    (one, _), (two, _) = (flocked(backend, case) for backend in ("cpu", "cuda"))
    assert not differing(one, two)


def test_members_without_a_velocity():
    """A table that has positions only is counted and stands still."""
    made = []
    for backend in ("cpu", "cuda"):
        rng = np.random.default_rng(3)
        w = world(backend)
        w.spawn(40, Plant(pos=places(rng, 40, w.size)), Body(pos=places(rng, 40, w.size), vel=1), name="both")
        w.spawn(90, Plant(pos=places(rng, 90, w.size)), name="plant")
        stage = swarm.flock(Plant.pos, Body.vel, radius=8)
        assert run(w, swarm.index(Plant.pos), stage) is None
        made.append(w)
    assert not differing(*made)


def test_the_order_of_rows_and_threads_does_not_matter(hosted):
    found = []
    for shuffled in (False, True):
        w = build("cuda", CASES[6])
        if shuffled:
            shuffle(w, 1)
        stages = swarm.index(Body.pos), swarm.flock(Body.pos, Body.vel, radius=2)
        assert run(w, *stages) is None
        with w.backend.running(), hosted.racing() if shuffled else nullcontext():
            stages[1](w, w.dt)
        found.append(w)
    assert not differing(*found)


def test_ticks_of_a_flock_are_those_of_the_cpu():
    """Seven ticks, the last of them replayed from a graph: the same bits to the end."""

    def make(backend: str) -> swarm.World:
        w = build(backend, CASES[6])
        flock = swarm.flock(Body.pos, Body.vel, radius=2, separation=0.1)
        w.schedule = swarm.index(Body.pos), flock, swarm.move(Body.pos, Body.vel, limit=3)
        return w

    one, two = both(make, ticks=7)
    assert two._runner is not None
    assert getattr(two._runner._parts[0], "graph", None) is not None
    assert one.hash() == two.hash()


def test_alone_nobody_is_steered():
    w = world("cuda")
    w.spawn(1, Body(pos=5, vel=2), name="one")
    assert run(w, swarm.index(Body.pos), swarm.flock(Body.pos, Body.vel, radius=2)) is None
    assert host(w, w.tables["one"].column(Body.vel)).tolist() == [[2, 2]]


def test_a_place_outside_is_a_fault():
    stage = swarm.flock(Body.pos, Body.vel, radius=3)
    errors = []
    for backend in ("cpu", "cuda"):
        w = build(backend, CASES[7])

        def lose(world, dt):
            for row in (41, 17):
                world.tables["one"].column(Body.pos)[row] = np.float32(np.nan)

        if backend == "cpu":
            with pytest.raises(NonFiniteError) as caught:
                run(w, swarm.index(Body.pos), lose, stage)
        else:
            assert run(w, swarm.index(Body.pos), lose, stage) == (2, 0, 17)
            with pytest.raises(NonFiniteError) as caught:
                stage.accuse(w, w.tables["one"], 17)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_an_index_is_needed():
    w = build("cuda", CASES[7])
    with w.backend.running(), pytest.raises(ScheduleError, match="no index of Body"):
        swarm.flock(Body.pos, Body.vel, radius=3)(w, w.dt)
