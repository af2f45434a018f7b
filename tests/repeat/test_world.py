"""The same seed gives the same run: again, with another number of threads, with rows permuted, after save and load."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from swarm import MLP, Component, Mutation, World, f32
from swarm.digest import difference

TICKS = 30


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0, unit="J")


class Plant(Component):
    pos = f32(2, unit="m")


def move(world, dt):
    for agents in world.query(Body):
        agents[Body].vel += agents.normal(2, stream="gust") * np.float32(dt)
        agents[Body].pos = (agents[Body].pos + agents[Body].vel * np.float32(dt)) % np.float32(world.size)


def live(world, dt):
    for agents in world.query(Energy):
        agents[Energy].level -= agents.uniform() * np.float32(0.2)
        agents.kill(agents[Energy].level <= 0)
        rich = agents.uniform() < 0.13
        agents.birth(rich, Energy(level=lambda count: np.ones(count)))
        agents.birth(np.flatnonzero(agents.uniform() < 0.02), Energy)
    world.spawn(world.tick % 3, Plant(pos=world.scatter), name="plant")


def make(backend, threads=None, seed=9):
    world = World(size=(64, 32), tick=0.1, backend=backend, seed=seed, threads=threads)
    brains = MLP((3, 4, 2))
    body = Body(pos=world.scatter, vel=0)
    world.spawn(3000, body, Energy, name="agent", brains=brains, mutation=Mutation(0.1), cap=3300, dtype="bfloat16")
    world.spawn(50, Plant(pos=world.scatter), name="plant")
    world.schedule = (move, live)
    return world


def run(world, ticks=TICKS, each=None):
    for t in range(ticks):
        if each is not None:
            world = each(world, t) or world
        world.step()
    return world


@pytest.fixture(scope="module", params=["reference", "cpu"])
def straight(request):
    """A run that nothing disturbed. It has births, deaths and refusals."""
    world = run(make(request.param))
    table = world.tables["agent"]
    assert table.born_total > 1000
    assert table.died_total > 1000
    assert table.refused_total > 10
    return world


def same(world, straight):
    assert difference(straight, world) is None
    assert world.hash() == straight.hash()


def test_again(straight):
    same(run(make(straight.backend.name)), straight)


def test_with_one_thread(straight):
    same(run(make(straight.backend.name, threads=1)), straight)


def test_with_rows_permuted_every_third_tick(straight):
    random = np.random.default_rng(0)

    def shuffle(world, t):
        if t % 3 == 0:
            for table in world.tables.values():
                table.permute(random.permutation(table.n))

    same(run(make(straight.backend.name), each=shuffle), straight)


def test_saved_and_loaded_on_the_way(straight, tmp_path):
    def reload(world, t):
        if t not in (4, 17):
            return None
        world.save(tmp_path / "world")
        return World.load(tmp_path / "world", [Body, Energy, Plant], (move, live), backend=straight.backend.name)

    same(run(make(straight.backend.name), each=reload), straight)


def test_in_a_worker_thread_beside_another_world(straight):
    worlds = [make(straight.backend.name), make(straight.backend.name, seed=10)]
    workers = [threading.Thread(target=run, args=(world,)) for world in worlds]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    same(worlds[0], straight)
    assert worlds[1].hash() != straight.hash()


def test_asking_for_views_and_copies_changes_nothing(straight):
    def look(world, t):
        world.view(Body.pos, alpha=0.5)
        world.get(int(world.tables["agent"].ids()[0]))
        world.hash()

    same(run(make(straight.backend.name), each=look), straight)


def test_another_seed_is_another_run(straight):
    assert run(make(straight.backend.name, seed=10)).hash() != straight.hash()
