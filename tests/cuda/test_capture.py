"""Runs of stages that are recorded and replayed do what the same launches do one by one, whatever comes between."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import swarm
from swarm import Component, f32
from swarm.backend import cuda
from swarm.capture import Run
from swarm.errors import BackendError, NonFiniteError, ScheduleError
from tests.cuda.twins import both, differing


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0, unit="J")


def feed(world: swarm.World, dt: float) -> None:
    for agents in world.query(Energy):
        agents[Energy].level += np.float32(0.25)


def cull(world: swarm.World, dt: float) -> None:
    for agents in world.query(Body):
        agents.kill(agents.uniform() < np.float32(0.1))


def fill(world: swarm.World, dt: float) -> None:
    """On a device: 1 J for everybody, by a fill and a copy."""
    for table in world.tables_with(Energy.level):
        device, level = world.backend.device, table.storage[Energy.level]
        key = id(world), len(level)
        if key not in SCRATCH:
            SCRATCH[key] = device.xp.full(len(level), np.float32(1.0), np.float32)
            device.changed()
        device.copy(level, SCRATCH[key])


SCRATCH: dict[Any, Any] = {}


@swarm.system(reads=[], writes=[Energy.level], on_cuda=fill)
def rest(world: swarm.World, dt: float) -> None:
    for agents in world.query(Energy):
        agents[Energy].level = 1.0


def make(*systems: Any, agents: int = 60, capture: bool = True) -> Callable[[str], swarm.World]:
    def world(backend: str) -> swarm.World:
        made = swarm.World(size=(64, 64), backend=backend, seed=3)
        vel = np.random.default_rng(0).normal(size=(agents, 2))
        made.spawn(agents, Body(pos=made.scatter, vel=vel), Energy, name="a")
        made.schedule = systems
        made.capture = capture
        return made

    return world


MOVE, INDEX = swarm.move(Body.pos, Body.vel), swarm.index(Body.pos, radius=4)
SPLIT = swarm.split(Energy.level, 2.0, Body.pos)


def runs(world: swarm.World) -> list[Run]:
    """The runs of a world, the barrier's own included."""
    runner: Any = world._runner
    found = [part for part in runner._parts if isinstance(part, Run)]
    return found if runner._barrier is None else [*found, runner._barrier]


def recorded(world: swarm.World) -> list[bool]:
    return [run.graph is not None for run in runs(world)]


def test_a_schedule_of_stages_is_one_graph_with_its_barrier(cuda_device: Any):
    one, two = both(make(MOVE, INDEX), ticks=2)
    assert recorded(two) == [False]
    for _ in range(4):
        one.step()
        two.step()
    assert recorded(two) == [True]
    assert not differing(one, two)
    assert two.tick == 6
    assert two.indices[Body.pos].tick == 5


def test_births_that_a_run_queues_are_queued_again(cuda_device: Any):
    one, two = both(make(SPLIT, MOVE, feed, cull), ticks=14)
    assert one.tables["a"].born_total == two.tables["a"].born_total > 60
    assert recorded(two)[0]


def test_captured_and_uncaptured_runs_are_equal(cuda_device: Any):
    worlds = [make(SPLIT, MOVE, INDEX, feed, cull, capture=capture)("cuda") for capture in (True, False)]
    for _ in range(12):
        for world in worlds:
            world.step()
    assert worlds[0].hash() == worlds[1].hash()
    assert recorded(worlds[0])[0]
    assert not any(recorded(worlds[1]))


def test_capture_can_be_turned_off_and_on(cuda_device: Any):
    one, two = both(make(MOVE), ticks=5)
    two.capture = False
    graph = runs(two)[0].graph
    launched: list[bool] = []
    runs(two)[0].graph = type("Spy", (), {"launch": lambda self: launched.append(True) or graph.launch()})()
    one.step()
    two.step()
    assert not launched
    two.capture = True
    one.step()
    two.step()
    assert launched
    assert not differing(one, two)


def test_growth_ends_what_was_recorded(cuda_device: Any):
    one, two = both(make(MOVE, INDEX), ticks=5)
    before = runs(two)[0].graph
    for world in (one, two):
        world.spawn(500, Body(pos=world.scatter, vel=(0.5, 0.25)), Energy, name="a")
        for _ in range(5):
            world.step()
    assert runs(two)[0].graph not in (None, before)
    assert not differing(one, two)


def test_entities_that_come_within_capacity_need_no_new_graph(cuda_device: Any):
    one, two = both(make(MOVE), ticks=5)
    before = runs(two)[0].graph
    for world in (one, two):
        world.spawn(3, Body(pos=world.scatter, vel=(0.5, 0.25)), Energy, name="a")
        for _ in range(3):
            world.step()
    assert runs(two)[0].graph is before
    assert not differing(one, two)


def test_deaths_between_ticks_are_seen_by_a_recorded_barrier(cuda_device: Any):
    one, two = both(make(MOVE), ticks=5)
    assert recorded(two) == [True]
    for world in (one, two):
        world.kill(world.view(Body.pos)[0][10:20])
        for _ in range(2):
            world.step()
    assert two.counts() == {"a": 50}
    assert not differing(one, two)


def test_a_cap_that_changes_is_heeded(cuda_device: Any):
    one, two = both(make(feed, SPLIT), ticks=3)
    for world in (one, two):
        world.spawn(0, Body, Energy, name="a", cap=70)
        for _ in range(4):
            world.step()
    assert one.tables["a"].refused_total == two.tables["a"].refused_total
    assert two.counts()["a"] <= 70
    assert not differing(one, two)


def test_a_mutation_that_changes_is_heeded(cuda_device: Any):
    """One run with the barrier in it: how brains mutate was recorded."""

    def worlds(backend: str) -> swarm.World:
        made = swarm.World(size=(64, 64), backend=backend, seed=3)
        brains, mutation = swarm.MLP((2, 3, 1)), swarm.Mutation(0.1)
        made.spawn(3, Body(pos=made.scatter), Energy(level=2048), name="a", brains=brains, mutation=mutation)
        made.spawn(1600, Body(pos=made.scatter), Energy(level=0), name="slots to spare")
        with made.backend.running():
            made.tables["a"].reserve(800, "test")
        made.schedule = (swarm.split(Energy.level, 1.0),)
        return made

    one, two = worlds("cpu"), worlds("cuda")
    for tick in range(7):
        if tick == 5:
            assert recorded(two) == [True]
            for world in (one, two):
                world.spawn(0, Body, Energy, name="a", mutation=swarm.Mutation(0.5))
        one.step()
        two.step()
        assert one.hash() == two.hash(), tick
    assert two.tables["a"].born_total > 90


def test_a_system_of_ones_own_is_captured(cuda_device: Any):
    SCRATCH.clear()
    _, two = both(make(feed, rest, MOVE), ticks=5)
    assert recorded(two)[0]
    assert [run.name for run in runs(two)] == ["rest + move Body.pos", "barrier"]
    SCRATCH.clear()


def test_resources_that_change_are_heeded(cuda_device: Any):
    def lift(world: swarm.World, dt: float) -> None:
        device = world.backend.device
        for table in world.tables_with(Energy.level):
            device.copy(table.storage[Energy.level][:8], world.resources["given"])
            device.fill(table.storage[Energy.level][8:16], world.resources["byte"])

    @swarm.system(on_cuda=lift)
    def on_the_host(world: swarm.World, dt: float) -> None:
        for agents in world.query(Energy):
            level = agents[Energy].level
            level[:8] = world.resources["given"]
            level[8:16] = np.full(32, world.resources["byte"], np.uint8).view(np.float32)

    worlds = [make(MOVE, on_the_host)(backend) for backend in ("cpu", "cuda")]
    kept = []  # so that the arrays are at different places
    for tick in range(10):
        for world in worlds:
            if tick in (0, 5):
                kept.append(world.backend.array(np.full(8, tick + 0.5, np.float32)))
                world.resources.update(given=kept[-1], byte=tick)
            if tick == 8:
                world.resources["byte"] = 9
            world.step()
        assert not [name for name in differing(*worlds) if "Energy" in name], tick


def test_what_cannot_be_recorded_names_the_system_and_the_remedy(hosted: Any):
    def look(world: swarm.World, dt: float) -> None:
        world.backend.host(world.tables["a"].column(Body.pos))

    @swarm.system(on_cuda=look)
    def peek(world: swarm.World, dt: float) -> None: ...

    world, other = make(MOVE, peek)("cuda"), make(MOVE)("cuda")

    def ticks() -> None:
        for _ in range(5):
            world.step()

    with pytest.raises(BackendError, match=r"peek: cannot be recorded .* world\.capture = False"):
        ticks()
    assert 1 < world.tick < 5
    world.capture = False
    world.step()
    for _ in range(world.tick):
        other.step()
    assert other.hash() == world.hash()


def test_memory_that_moves_while_recording_is_no_harm(hosted: Any):
    """In ticks in which the run has queued births, which must not be queued twice; nothing is kept of the attempts."""
    calls, kept = [], []

    def late(world: swarm.World, dt: float) -> None:
        if cuda.current().capturing and len(calls) < 3:
            calls.append(world.tick)
            cuda.current().changed()

    @swarm.system(on_cuda=late)
    def grows(world: swarm.World, dt: float) -> None: ...

    split = swarm.split(Energy.level, 0.25, Body.pos)
    world = make(split, MOVE, grows, feed, cull, agents=40)("cuda")
    other = make(split, MOVE, feed, cull, agents=40)("cuda")
    for one in (world, other):
        one.spawn(0, Body, Energy, name="a", cap=60)
    for _ in range(20):
        world.step()
        other.step()
        assert world.tables["a"].born_total == other.tables["a"].born_total
        if calls and calls[-1] == world.tick - 1:
            kept.append(recorded(world)[0])
    assert kept == [False] * 3
    assert recorded(world)[0]
    assert world.hash() == other.hash()


def test_on_cuda_must_be_a_function():
    with pytest.raises(ScheduleError, match="on_cuda is 3"):
        swarm.system(on_cuda=3)(feed)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- the profile


def test_a_run_is_one_row_of_the_profile(cuda_device: Any):
    world = make(MOVE, INDEX, feed)("cuda")
    for _ in range(5):
        world.step()
    assert world.profile.names == ("move Body.pos + index Body.pos", "feed", "barrier", "tick")
    assert all(world.profile[name].count == 5 for name in world.profile)
    assert "times of launching" in str(world.profile)
    with pytest.raises(KeyError, match="runs inside"):
        world.profile["index Body.pos"]


def test_a_long_run_is_shown_by_its_ends(hosted: Any):
    world = make(MOVE, INDEX, swarm.index(Body.pos, radius=5), MOVE)("cuda")
    assert "move Body.pos ... move Body.pos #2 (4 systems)" in str(world.profile)


def test_exact_times_are_per_system(cuda_device: Any):
    one, world = both(make(MOVE, INDEX, feed), ticks=4)
    world.profile.exact = True
    for _ in range(3):
        one.step()
        world.step()
    assert world.profile.names == ("move Body.pos", "index Body.pos", "feed", "barrier", "tick")
    assert world.profile["index Body.pos"].count == 3
    assert "on the device" in str(world.profile)
    world.profile.exact = False
    one.step()
    world.step()
    assert world.profile.names[0] == "move Body.pos + index Body.pos"
    assert not differing(one, world)


def test_a_stage_without_kernels_runs_through_the_reference(hosted: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(swarm.stages.move.Move, "on_cuda", None)
    world = make(MOVE)("cuda")
    assert world.profile.names[0] == "move Body.pos (reference)"


def test_the_host_has_one_row_per_system():
    world = make(MOVE, INDEX, feed)("cpu")
    world.step()
    assert world.profile.names == ("move Body.pos", "index Body.pos", "feed", "barrier", "tick")
    assert not world.profile.note


# ---------------------------------------------------------------------- faults


@pytest.mark.parametrize("ticks", [0, 5])
def test_a_fault_is_told_as_on_the_cpu(ticks: int, cuda_device: Any):
    told = []
    for backend in ("cpu", "cuda"):
        world = make(INDEX, MOVE)(backend)
        for _ in range(ticks):
            world.step()
        ids, _ = world.view(Body.pos)
        world.write(Body.vel, ids[7], (np.nan, 1.0))
        with pytest.raises(NonFiniteError) as caught:
            world.step()
        told.append(str(caught.value))
        assert world.tick == ticks
        assert f"in system 'move Body.pos' at tick {ticks}" in caught.value.__notes__
    assert told[0] == told[1]


def test_a_world_goes_on_when_the_fault_is_mended(cuda_device: Any):
    worlds = [make(MOVE)(backend) for backend in ("cpu", "cuda")]
    for world in worlds:
        for _ in range(4):
            world.step()
        ids, _, vel = world.view(Body.pos, Body.vel)
        at = world.get(ids[7])[Body.pos]
        world.write(Body.vel, ids[7], (np.nan, 1.0))
        with pytest.raises(NonFiniteError):
            world.step()
        world.write(Body.vel, ids[7], vel[7])
        world.write(Body.pos, ids[7], at)
    one, two = (world.view(Body.pos) for world in worlds)
    others = np.arange(60) != 7
    for world in worlds:
        for _ in range(3):
            world.step()
    assert worlds[0].tick == worlds[1].tick == 7
    assert np.array_equal(one[0], two[0])
    assert np.isfinite(worlds[1].view(Body.pos)[1]).all()
    assert others.sum() == 59


def test_a_fault_without_words_of_its_own(cuda_device: Any):
    world = make(MOVE)("cuda")
    ids, _ = world.view(Body.pos)
    world.write(Body.vel, ids[2], (np.inf, 0.0))
    error = swarm.capture.accusation(world, "mine", None, world.tables["a"], 2)
    assert f"mine: entity {ids[2]} of table 'a' has Body.vel = [inf  0.] at tick 0" in str(error)


# ---------------------------------------------------------------------- staying small


def test_the_memory_of_a_world_comes_back_with_its_last_reference(hosted: Any):
    gc.collect()
    free = hosted.memory()[0]
    gc.disable()
    try:
        world = make(SPLIT, MOVE, feed)("cuda")
        for _ in range(6):
            world.step()
        assert hosted.memory()[0] < free
        del world
        assert hosted.memory()[0] == free
    finally:
        gc.enable()


def test_memory_does_not_grow(cuda_device: Any):
    """Ten thousand ticks on a card, where 200 bytes lost in each would show; others may use the card meanwhile."""
    ticks, slack = (10_000, 2_000_000) if cuda_device.gpu else (60, 0)
    world = make(SPLIT, MOVE, INDEX, feed, cull, agents=40)("cuda")
    world.spawn(0, Body, Energy, name="a", cap=60)
    left = []
    for _ in range(ticks):
        world.step()
        left.append(cuda_device.memory()[0])
    assert min(left[ticks * 2 // 3 :]) >= min(left[ticks // 3 : ticks * 2 // 3]) - slack
    assert world.tables["a"].refused_total
