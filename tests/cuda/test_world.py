"""A world of Python systems on CUDA: the same integers and, where sums have one order, the same bits as on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import swarm
from swarm import Component, Mutation, f32, i32, u8
from swarm.errors import DeadError, NonFiniteError, SchemaError, StaleError
from tests.cuda.twins import both, differing


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Life(Component):
    energy = f32(default=1.0, unit="J")
    mark = u8()
    kin = i32(3, default=7)


def empty(backend: str, agents: int = 60) -> swarm.World:
    world = swarm.World(size=(64, 64), backend=backend, seed=3)
    world.spawn(agents, Body(pos=world.scatter, vel=(1.0, 0.0)), Life, name="a")
    return world


def drift(world: swarm.World, dt: float) -> None:
    for agents in world.query(Body):
        agents[Body].vel += agents.normal(2, stream="gust") * np.float32(dt)
        agents[Body].pos += agents[Body].vel * np.float32(dt)
        agents[Body].pos %= np.float32(64)


def cull(world: swarm.World, dt: float) -> None:
    for agents in world.query(Body):
        agents.kill(agents.uniform() < np.float32(0.1))


def breed(world: swarm.World, dt: float) -> None:
    for agents in world.query(Body, Life):
        agents.birth(agents.uniform() < np.float32(0.15), Life(energy=0.5, kin=(1, 2, 3)))


def with_schedule(*systems: Any, agents: int = 60, **table: Any) -> Callable[[str], swarm.World]:
    def make(backend: str) -> swarm.World:
        world = empty(backend, agents)
        world.spawn(0, Body, Life, name="a", **table)
        world.schedule = systems
        return world

    return make


def test_python_systems_write_columns_in_place(cuda_device: Any):
    both(with_schedule(drift), ticks=3)


def test_births_and_deaths_in_one_tick(cuda_device: Any):
    one, two = both(with_schedule(drift, breed, cull), ticks=12)
    table, other = one.tables["a"], two.tables["a"]
    assert table.born_total == other.born_total > 0
    assert table.died_total == other.died_total > 0
    assert one.hash() == two.hash()


def test_growth_at_the_barrier(cuda_device: Any):
    def double(world: swarm.World, dt: float) -> None:
        for agents in world.query(Body):
            agents.birth(np.ones(len(agents), bool))

    one, two = both(with_schedule(double, agents=40), ticks=3)
    assert two.counts() == {"a": 320} == one.counts()


def test_a_cap_refuses_the_same_births(cuda_device: Any):
    one, two = both(with_schedule(breed, cap=70), ticks=8)
    assert two.tables["a"].refused_total == one.tables["a"].refused_total > 0


def test_births_by_row_numbers_with_a_value_for_each(cuda_device: Any):
    def litter(world: swarm.World, dt: float) -> None:
        for agents in world.query(Body, Life):
            rows = np.array([5, 3, 3, 0])
            agents.birth(rows, Life(energy=np.arange(4, dtype=np.float32)))

    both(with_schedule(litter), ticks=3)


def test_births_by_mask_with_a_value_for_each(cuda_device: Any):
    def heirs(world: swarm.World, dt: float) -> None:
        for agents in world.query(Body, Life):
            mask = agents.uniform() < np.float32(0.2)
            agents.birth(mask, Life(energy=lambda count: np.linspace(0, 1, count, dtype=np.float32)))

    both(with_schedule(heirs), ticks=3)


def test_brains_are_born_with_their_agents(cuda_device: Any):
    def make(backend: str) -> swarm.World:
        world = swarm.World(size=(64, 64), backend=backend, seed=3)
        world.spawn(30, Body(pos=world.scatter), Life, name="a", brains=swarm.MLP((3, 4, 2)), mutation=Mutation(0.1))
        world.schedule = (breed, cull)
        return world

    one, two = both(make, ticks=6)
    assert one.hash() == two.hash()


def test_masks_and_one_value_for_all_wait_for_nothing(hosted: Any):
    world = with_schedule(drift, breed, cull)("cuda")
    for _ in range(2):  # slots grow
        world.step()
    reads = hosted.reads
    world.step()
    assert hosted.reads - reads == 1  # the ledger
    world.capture = False
    world.step()
    assert hosted.reads - reads == 2


def test_a_system_spawns(cuda_device: Any):
    def arrive(world: swarm.World, dt: float) -> None:
        if world.tick in (1, 2):
            world.spawn(3, Body(pos=world.scatter), Life(energy=2.0), name="a")
            world.spawn(2, Body(pos=world.scatter), name=f"b{world.tick}")

    one, two = both(with_schedule(breed, arrive, cull, drift), ticks=5)
    assert set(two.counts()) == {"a", "b1", "b2"}
    assert one.hash() == two.hash()


def test_kill_by_ids_between_ticks(cuda_device: Any):
    one, two = both(with_schedule(drift), ticks=1)
    for world in (one, two):
        ids, _ = world.view(Body.pos)
        world.kill(ids[5:12])
        world.step()
        with pytest.raises(DeadError, match="died at tick 1"):
            world.kill(ids[5])
        with pytest.raises(DeadError):
            world.get(ids[6])
    assert not differing(one, two)
    assert two.counts() == {"a": 53}


def test_births_between_ticks(cuda_device: Any):
    one, two = both(with_schedule(drift), ticks=1)
    for world in (one, two):
        breed(world, 0.0)
        world.step()
    assert two.counts()["a"] > 60
    assert not differing(one, two)


def test_get_write_and_view(cuda_device: Any):
    one, two = both(with_schedule(drift), ticks=2)
    for world in (one, two):
        ids, _ = world.view(Body.pos)
        world.write(Body.vel, ids[3], (3.0, 4.0))
        world.write(Life.mark, ids[4], 9)
    ids, pos, vel, mark = two.view(Body.pos, Body.vel, Life.mark)
    for mine, theirs in zip((ids, pos, vel, mark), one.view(Body.pos, Body.vel, Life.mark)):
        assert type(mine) is np.ndarray
        assert np.array_equal(mine, theirs)
    assert vel[3].tolist() == [3.0, 4.0]
    assert two.get(ids[4])[Life.mark] == 9
    assert two.get(ids[3])[Body].vel.tolist() == [3.0, 4.0]
    assert two.get(ids[4]).born == one.get(ids[4]).born == -1


def test_a_view_between_two_ticks(cuda_device: Any):
    one, two = with_schedule(drift, breed, cull)("cpu"), with_schedule(drift, breed, cull)("cuda")
    for _ in range(3):
        a, b = (world.view(Body.pos, alpha=0.4) for world in (one, two))
        assert all(np.array_equal(x, y) for x, y in zip(a, b))
        one.step()
        two.step()
    assert np.array_equal(one.view(Body.pos, alpha=0.4)[1], two.view(Body.pos, alpha=0.4)[1])


def test_a_view_copies_only_what_was_asked(hosted: Any, monkeypatch: pytest.MonkeyPatch):
    world = with_schedule(drift)("cuda")
    read, seen = hosted.read, []

    def counted(array: Any) -> np.ndarray:
        seen.append(array.nbytes)
        return read(array)

    monkeypatch.setattr(hosted, "read", counted)
    world.view(Body.pos)
    assert seen == [60 * 8, 60 * 8]  # ids and positions


def test_an_error_in_a_tick_forgets_what_was_queued(cuda_device: Any):
    def fails(world: swarm.World, dt: float) -> None:
        if world.tick == 2:
            raise ValueError("on purpose")

    def make(backend: str) -> swarm.World:
        world = with_schedule(drift, breed, cull, fails)(backend)
        for _ in range(2):
            world.step()
        with pytest.raises(ValueError, match="on purpose"):
            world.step()
        world.schedule = (drift, breed, cull)
        return world

    one, two = both(make, ticks=3)
    assert one.hash() == two.hash()


def test_a_view_kept_beyond_the_barrier_is_of_agents_only_on_cuda(cuda_device: Any):
    world = with_schedule(drift)("cuda")
    agents = next(iter(world.query(Body)))
    kept = agents[Body].pos
    world.step()
    with pytest.raises(StaleError):
        agents[Body]
    assert kept.shape == (60, 2)


def test_wrong_values_are_refused_as_on_the_host(cuda_device: Any):
    world = with_schedule(drift)("cuda")
    agents = next(iter(world.query(Body, Life)))
    with pytest.raises(SchemaError, match="out of range"):
        agents[Life].mark = np.full(60, 300)
    with pytest.raises(SchemaError, match=r"Body.pos is \(60, 2\), got \(59, 2\)"):
        agents[Body].pos = np.zeros((59, 2), np.float32)
    with pytest.raises(SchemaError, match="Ids are not rows"):
        agents.kill([60])
    with pytest.raises(SchemaError, match="the mask is"):
        agents.kill(np.zeros(59, bool))
    with pytest.raises(NonFiniteError, match="in row 1"):
        world.spawn(2, Body(pos=[[1.0, 1.0], [np.nan, 1.0]]), name="b")


def test_permuted_rows_change_nothing(cuda_device: Any):
    one, two = with_schedule(drift, breed, cull)("cuda"), with_schedule(drift, breed, cull)("cuda")
    for tick in range(6):
        if tick == 3:
            table = two.tables["a"]
            with two.backend.running():
                table.permute(np.random.default_rng(0).permutation(table.n))
        one.step()
        two.step()
    assert not differing(one, two)
    assert one.hash() == two.hash()


def test_two_worlds_share_a_device(cuda_device: Any):
    one, two = with_schedule(drift, breed, cull)("cuda"), with_schedule(breed, cull, drift, agents=90)("cuda")
    alone = [with_schedule(drift, breed, cull)("cuda"), with_schedule(breed, cull, drift, agents=90)("cuda")]
    for _ in range(5):
        one.step()
        two.step()
    for world in alone:
        for _ in range(5):
            world.step()
    assert [one.hash(), two.hash()] == [world.hash() for world in alone]
