"""One world: looking up entities, reading and writing them, ids in order, and two worlds that do not meet."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from swarm import MLP, Component, World, f32, i32
from swarm.errors import DeadError, SchemaError, SettingsError


class Body(Component):
    pos = f32(2, unit="m")
    mass = f32(default=2.0)


class Plant(Component):
    energy = i32()


@pytest.fixture
def world(backend):
    return World(size=(32, 16), tick=0.25, backend=backend, seed=5)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"size": 0}, r"size is 0; give metres, more than 0"),
        ({"size": (1, 2, 3)}, r"give width and height"),
        ({"size": "big"}, r"give width and height|size is"),
        ({"size": (1, float("inf"))}, r"size is inf"),
        ({"tick": 0}, r"tick is 0; give seconds"),
        ({"tick": -0.1}, r"tick is -0.1"),
        ({"tick": float("nan")}, r"tick is nan"),
        ({"seed": -1}, r"seed: -1"),
        ({"seed": 2**64}, r"seed"),
        ({"backend": "gpu"}, r"'gpu' is unknown"),
        ({"threads": 0}, r"threads: 0"),
        ({"max_catch_up": 0}, r"max_catch_up is 0"),
    ],
)
def test_settings_out_of_range_are_refused(values, text):
    with pytest.raises(SettingsError, match=text):
        World(**values)


def test_a_world_has_what_it_was_given():
    world = World(size=8, tick=0.5, backend="reference", seed=2**64 - 1)
    assert world.size == (8.0, 8.0)
    assert (world.dt, world.tick, world.seed, world.threads) == (0.5, 0, 2**64 - 1, 1)
    assert repr(world) == "<World 8 x 8 m at tick 0: empty; reference>"


def test_get_write_and_brain_go_by_id(world):
    ids = world.spawn(3, Body(pos=[[1, 2], [3, 4], [5, 6]]), name="thing", brains=MLP((2, 1)))
    world.tables["thing"].permute(np.array([2, 0, 1]))
    entity = world.get(ids[1])
    assert entity[Body.pos].tolist() == [3, 4]
    assert entity[Body].mass == 2
    assert (entity.id, entity.table, entity.parent, entity.born) == (int(ids[1]), "thing", 0, -1)
    assert "Body.pos = [3. 4.] m" in repr(entity)
    world.write(Body.pos, ids[1], (7, 8))
    world.write(Body.mass, ids[0], 9)
    assert entity[Body.pos].tolist() == [3, 4]  # what was looked up stays
    assert world.get(ids[1])[Body.pos].tolist() == [7, 8]
    assert world.get(ids[0])[Body].mass == 9
    world.brain(ids[2]).parameters[:] = 1
    assert (world.brain(ids[2]).flat() == 1).all()
    assert not (world.brain(ids[0]).flat() == 1).any()


@pytest.mark.parametrize(
    ("do", "text"),
    [
        (lambda w, id: w.write(Body.pos, id, (1, 2, 3)), r"Body.pos got shape \(3,\), wants \(2,\)"),
        (lambda w, id: w.write(Plant.energy, id, 1), r"table 'thing' has no column Plant.energy"),
        (lambda w, id: w.write(Body.mass, id, "x"), r"Body.mass is float32"),
        (lambda w, id: w.brain(id), r"table 'thing' has no brains"),
        (lambda w, id: w.get(id)[Plant.energy], r"has no Plant.energy"),
        (lambda w, id: w.view(), r"give columns"),
        (lambda w, id: w.view(Plant.energy), r"no table has Plant.energy"),
        (lambda w, id: list(w.query(3)), r"3 is no component"),
    ],
)
def test_what_does_not_fit_is_refused(do, text):
    world = World(backend="reference")
    ids = world.spawn(2, Body, name="thing")
    with pytest.raises(SchemaError, match=text):
        do(world, ids[0])


def test_the_dead_say_when_they_died(world):
    ids = world.spawn(3, Body, name="thing")
    world.step()
    world.step()
    world.kill(ids[1])
    world.kill(ids[1:2])
    assert world.get(ids[1])  # lives until the barrier
    world.step()
    for use in (world.get, world.brain, lambda id: world.write(Body.mass, id, 1), world.kill):
        with pytest.raises(DeadError, match=rf"entity {ids[1]} \(slot 2, generation 1\) died at tick 2"):
            use(ids[1])
    assert world.get(ids[2]).id == ids[2]
    again = world.spawn(1, Body, name="thing")  # takes the same slot
    assert int(again[0]) == (2 << 32) + 2
    with pytest.raises(DeadError, match="died at tick 2"):
        world.get(ids[1])
    for _ in range(2):
        world.kill(world.tables["thing"].ids()[-1])
        world.step()
        world.spawn(1, Body, name="thing")
    with pytest.raises(DeadError, match=r"slot 2, generation 1\) died before tick"):
        world.get(ids[1])
    for id in (0, 5, (99 << 32) + 1, (2 << 32) + 77, 2**64 - 1):
        with pytest.raises(DeadError, match="never lived in this world"):
            world.get(id)


def test_queries_yield_tables_that_have_everything(world):
    world.spawn(2, Body, name="stone")
    world.spawn(3, Body, Plant, name="tree")
    world.spawn(0, Body, Plant, name="none")
    assert [a.name for a in world.query(Body)] == ["stone", "tree"]
    assert [a.name for a in world.query(Plant, Body)] == ["tree"]
    assert [a.name for a in world.query()] == ["stone", "tree"]
    assert [t.name for t in world.tables_with(Body.pos, Plant.energy)] == ["tree", "none"]
    assert world.counts() == {"stone": 2, "tree": 3, "none": 0}


def test_order_is_by_id_over_tables_and_made_once(world):
    stones, trees = world.spawn(4, Body, name="stone"), world.spawn(3, Body, Plant, name="tree")
    world.spawn(2, Plant, name="other")
    world.kill(stones[1])
    world.step()
    more = world.spawn(2, Body, name="stone")
    for table in world.tables.values():
        table.permute(np.random.default_rng(1).permutation(table.n))
    tables = world.tables_with(Body.pos)
    ids = np.concatenate([table.ids() for table in tables])
    order = world.order(tables)
    assert order.dtype == np.int32
    assert ids[order].tolist() == sorted([*stones[[0, 2, 3]].tolist(), *trees.tolist(), *more.tolist()])
    assert world.order(tables) is order
    turned = world.order(tables[::-1])
    assert np.concatenate([table.ids() for table in tables[::-1]])[turned].tolist() == ids[order].tolist()
    world.step()
    assert world.order(tables) is order  # nobody was born or died
    world.kill(stones[0])
    world.step()
    assert len(world.order(tables)) == len(order) - 1
    if isinstance(order, np.ndarray):
        with pytest.raises(ValueError, match="read-only"):
            order[0] = 1


def test_permuting_refuses_what_is_no_permutation(world):
    world.spawn(3, Body, name="thing")
    table = world.tables["thing"]
    with pytest.raises(SchemaError, match="not a permutation"):
        table.permute(np.array([0, 0, 1]))
    next(world.query(Body)).birth([0])
    with pytest.raises(SchemaError, match="births and deaths are queued"):
        table.permute(np.array([0, 2, 1]))


def test_two_worlds_in_one_process_do_not_meet(world):
    def run(world, ticks):
        def live(world, dt):
            for agents in world.query(Body):
                agents[Body].pos = (agents[Body].pos + agents.normal(2) * dt) % 16
                agents.birth(agents.uniform() < 0.1)
                agents.kill(agents.uniform() < 0.1)

        world.spawn(50, Body(pos=world.scatter), name="thing")
        world.schedule = (live,)
        for _ in range(ticks):
            world.step()
        return world.hash()

    def fresh(seed):
        return World(size=(16, 16), backend=world.backend, seed=seed)

    alone = [run(fresh(seed), 12) for seed in (1, 2)]
    found: dict[int, str] = {}
    workers = [threading.Thread(target=lambda s=s: found.update({s: run(fresh(s), 12)})) for s in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [found[1], found[2]] == alone
    assert alone[0] != alone[1]
