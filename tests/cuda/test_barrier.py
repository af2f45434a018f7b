"""The barrier on CUDA against the CPU's: whoever asks for what, the same ids, rows, columns, brains and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import MLP, Brains, Component, Mutation, World, barrier_cuda, bool_, f32, f64, i32, u8
from swarm.backend import cuda
from swarm.digest import difference
from swarm.errors import CapacityError, SchemaError
from tests.cuda.twins import host

pytestmark = pytest.mark.usefixtures("cuda_device")


class Body(Component):
    mark = i32()
    pos = f32(2, unit="m")
    bits = u8(3)
    on = bool_()
    mass = f64(default=2.0)
    wide = f32(2, 6)


class Memo(Component):
    resets = True
    value = f32(3, default=0.5)
    flag = u8(default=3)


OWN = MLP((2, 3, 1))


def make(backend, brains: Any = OWN, mutation=None, cap=None, own=9, shared=5, dtype="float32"):
    """Two tables, one with own brains, one that shares a pool."""
    world = World(size=(8, 8), backend=backend, seed=3, threads=None if backend == "cuda" else 1)
    random = np.random.default_rng(4)

    def body(count):
        bits, wide = random.integers(0, 256, (count, 3)).astype(np.uint8), random.random((count, 2, 6))
        return Body(mark=np.arange(count), pos=random.random((count, 2)), bits=bits, on=bits[:, 0] > 99, wide=wide)

    memo = Memo(value=random.random((own, 3)), flag=7)
    world.spawn(own, body(own), memo, name="own", brains=brains, mutation=mutation, cap=cap, dtype=dtype)
    if shared:
        pool = Brains(MLP((2, 2)), count=3, seed=1, backend=backend)
        world.spawn(shared, body(shared), name="shared", brains=pool, brain=np.arange(shared) % 3)
    return world


def tick(world, program):
    """program: (table, verb, rows in id order, how values are given)."""

    def system(world, dt):
        for table, verb, picks, how in program:
            for agents in world.query(Body):
                if agents.name == table:
                    act(world, agents, verb, picks, how)

    world.schedule = (system,)
    world.step()


def act(world, agents, verb, picks, how):
    order = np.argsort(host(world, agents.ids))
    rows = order[np.array(picks, int) % len(order)].astype(np.int32)
    if how == "mask":
        rows = np.isin(np.arange(len(order)), rows)
    if verb == "kill":
        agents.kill(world.backend.array(rows))
        return
    count = int(rows.sum()) if how == "mask" else len(rows)
    given = {
        "each": [Body(mark=1000 + np.arange(count), bits=np.arange(3 * count).reshape(count, 3).astype(np.uint8))],
        "one": [Body(pos=(1.5, 2.5), on=True, mass=4.0)],
    }
    agents.birth(world.backend.array(rows), *given.get(how, []))


def check(one, two):
    """Not only the same by id: the same rows, and books that fit."""
    for a, b in zip(one.tables.values(), two.tables.values(), strict=True):
        assert (a.n, a.born_total, a.died_total, a.refused_total) == (b.n, b.born_total, b.died_total, b.refused_total)
        for key, array in a.storage.items():
            assert array[: a.n].tobytes() == host(two, b.storage[key])[: a.n].tobytes(), (a.name, key)
        assert not host(two, b.storage["dying"]).any()
        slots = host(two, b.slots)
        assert (host(two, two.ids.row)[slots] == np.arange(b.n)).all()
        assert (host(two, two.ids.table)[slots] == b.index).all()
        assert not b.births
        assert not b.deaths
        if a.own_brains is not None:
            assert a.own_brains.n == b.own_brains.n == a.n
            for x, y in zip(a.own_brains.groups, b.own_brains.groups, strict=True):
                assert x.rows[: len(x)].tobytes() == host(two, y.rows)[: len(x)].tobytes()
    assert (one.ids.used, one.ids.spare, one.tick) == (two.ids.used, two.ids.spare, two.tick)
    for key in ("generation", "table", "died", "free"):
        assert (getattr(one.ids, key)[: one.ids.used] == host(two, getattr(two.ids, key))[: one.ids.used]).all(), key
    assert two.ids.spare == host(two, two.ids.free).sum()
    assert one.hash() == two.hash()
    assert difference(one, two) is None


picks = st.lists(st.integers(0, 63), max_size=12)
verbs = st.sampled_from(["birth", "birth", "kill"])
ask = st.tuples(st.sampled_from(["own", "shared"]), verbs, picks, st.sampled_from(["rows", "mask", "each", "one"]))
programs = st.lists(st.lists(ask, max_size=5), min_size=1, max_size=4)
some = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@some
@given(programs, st.one_of(st.none(), st.integers(4, 12)))
def test_births_and_deaths_are_the_cpus(program, cap):
    one, two = make("cpu", cap=cap), make("cuda", cap=cap)
    for queued in program:
        tick(one, queued)
        tick(two, queued)
        check(one, two)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_mutated_brains_are_the_cpus(dtype):
    """Also those of heirs, which are changed in place when their siblings have read them."""
    worlds = [make(backend, mutation=Mutation(0.1, 0.7), dtype=dtype) for backend in ("cpu", "cuda")]
    program = [("own", "birth", [0, 1, 1, 1, 4, 5], "rows"), ("own", "kill", [1, 2, 5, 7], "rows")]
    for _ in range(3):
        for world in worlds:
            tick(world, program)
        check(*worlds)


def test_brains_of_several_architectures():
    mlps = [MLP((2, 2 + k % 3, 1)) for k in range(9)]
    worlds = [make(backend, mlps) for backend in ("cpu", "cuda")]
    program = [("own", "birth", [0, 1, 1, 2, 4, 5, 5], "rows"), ("own", "kill", [0, 1, 2, 5, 7], "rows")]
    for _ in range(3):
        for world in worlds:
            tick(world, program)
        check(*worlds)


def pair(**how):
    return [make(backend, **how) for backend in ("cpu", "cuda")]


def test_everybody_dies_and_gives_birth():
    worlds = pair()
    everybody = list(range(40))
    for program in (
        [("own", "birth", everybody, "each"), ("own", "kill", everybody, "rows")],
        [("own", "birth", everybody[:3], "rows"), ("own", "kill", everybody, "rows")],
        [("own", "kill", list(range(64)), "rows"), ("shared", "birth", [0, 0], "one")],
        [("shared", "kill", [0, 1, 2, 3, 4, 5, 6], "rows")],
    ):
        for world in worlds:
            tick(world, program)
        check(*worlds)
    assert worlds[1].counts() == {"own": 0, "shared": 0}


@pytest.mark.parametrize("parent", [5, 6, 7])
def test_a_dying_parent_around_the_first_row_that_goes(parent):
    """Nine rows, four deaths, one birth: rows 6 to 8 go, and only a child whose parent's row stays takes that row."""
    worlds = pair()
    for world in worlds:
        tick(world, [("own", "birth", [parent], "rows"), ("own", "kill", [0, 1, 2, parent], "rows")])
    check(*worlds)
    assert worlds[1].counts()["own"] == 6


@pytest.mark.parametrize("cap", [None, 2500])
def test_more_than_one_block(cap):
    """Thousands of rows and children: sums over several tiles, capacities and slots that double at the barrier."""
    random = np.random.default_rng(0)
    worlds = pair(own=2100, shared=0, brains=None, cap=cap)
    for _ in range(1 if cap else 2):
        births, deaths = random.integers(0, 2100, 1100).tolist(), random.integers(0, 2100, 300).tolist()
        program = [("own", "birth", births, "each"), ("own", "kill", deaths, "rows")]
        for world in worlds:
            tick(world, program)
        check(*worlds)
    own = worlds[1].tables["own"]
    assert own.capacity > 4096 or own.refused_total > 300


def test_one_parent_of_many():
    """Siblings keep the order in which they were asked for, over several requests."""
    worlds = pair(shared=0)
    queen = [4] * 300
    for cap in (None, 150):
        for world in worlds:
            world.tables["own"].cap = cap
            births = [("own", "birth", [4, 3], "one"), ("own", "birth", queen, "each")]
            tick(world, [*births, ("own", "kill", [4], "rows")])
        check(*worlds)


def test_values_for_parts_of_wider_columns():
    """Senses, actions and memory are parts of what goes into a brain and comes out of it."""
    mind = swarm.mind(mass=swarm.Own(Body.mass), actions=("left", "right"), memory=3)
    worlds = []
    for backend in ("cpu", "cuda"):
        world = World(size=(8, 8), backend=backend, seed=3)
        world.spawn(6, Body(mark=np.arange(6)), mind, name="own", brains=MLP((mind.inputs, 4, mind.outputs)))

        def system(world, dt):
            for agents in world.query(Body):
                actions = world.backend.array(np.arange(4, dtype=np.float32).reshape(2, 2))
                agents.birth(world.backend.array(np.array([4, 1])), mind(actions=actions, memory=(7, 8, 9)))
                agents.birth(world.backend.array(np.array([1])), mind(senses=2.5))
                agents.kill(world.backend.array(np.array([1])))

        world.schedule = (system,)
        world.step()
        worlds.append(world)
    check(*worlds)
    memory = host(worlds[1], worlds[1].tables["own"].column(mind.memory))
    assert (memory == (7, 8, 9)).all(axis=1).sum() == 2


def test_those_who_arrive_come_behind_the_newborn():
    worlds = pair()
    for world in worlds:

        def system(world, dt):
            if world.tick == 0:
                world.spawn(3, Body(mark=7), Memo, name="own")
                world.spawn(2, Body(mark=8), name="late")
            for agents in world.query(Memo):
                agents.birth(agents[Body].mark < 3)
                agents.kill(agents[Body].mark == 0)

        world.schedule = (system,)
        world.step()
    check(*worlds)
    for world in worlds:
        world.step()
    check(*worlds)


def test_a_slot_whose_generations_are_used_up_stays_closed():
    worlds = pair(shared=0)
    for world in worlds:
        table = world.tables["own"]
        for array in (world.ids.generation, table.storage["generations"]):
            with world.backend.running():
                array[3:5] = np.uint32(2**32 - 1)
        tick(world, [("own", "kill", [0, 1, 2, 3, 4], "rows"), ("own", "birth", [3], "rows")])
        tick(world, [("own", "birth", [0, 0, 1, 1, 2, 2], "rows")])
    check(*worlds)


class System:
    """A system that only launches: it asks for children of rows that are on the device, and how many count."""

    def __init__(self, rows, count=None, values=None):
        self.name, self.reads, self.writes = "asks", (), ()
        self.rows, self.count, self.values = rows, count, values or {}

    def __call__(self, world, dt):
        raise AssertionError("on a device only")

    def on_cuda(self, world, dt):
        world.ask(world.tables["own"], self.rows, self.values, self.count)


def on_device(world, values, dtype):
    with world.backend.running():
        return world.backend.array(np.array(values, dtype))


def test_one_read_a_tick_and_graphs_change_nothing():
    """How many of the rows count is known on the device only. After two quiet ticks the launches are replayed."""
    worlds = [make("cuda", own=60, brains=None, shared=0) for _ in range(2)]
    for world, capture in zip(worlds, (False, True)):
        world.capture = capture
        marks = on_device(world, [5, 6, 7, 8], np.int32)
        system = System(on_device(world, [9, 4, 2, 3], np.int32), on_device(world, [2], np.int32), {Body.mark: marks})
        world.schedule = (system,)
    cpu = make("cpu", own=60, brains=None, shared=0)

    def births(world, dt):
        for agents in world.query(Body):
            agents.birth(np.array([4, 9]), Body(mark=np.array([6, 5])))

    cpu.schedule = (births,)
    for world in (cpu, *worlds):
        before = 0 if world is cpu else world.backend.device.reads
        for _ in range(6):
            world.step()
        if world is not cpu:
            assert world.backend.device.reads - before == 6 + 1  # one more where the slots run out
    runner: Any = worlds[1]._runner
    assert runner._parts[0].graph is not None
    for world in worlds:
        assert world.counts() == {"own": 72}
        check(cpu, world)


def test_other_requests_between_replayed_barriers():
    """The books of a recorded barrier stay as they are while another one is launched."""
    worlds = pair(shared=0)
    runner: Any = worlds[1]._runner
    graphs = set()
    for tick in range(12):
        for world in worlds:
            for agents in world.query(Body):
                agents.kill(agents[Body].mark == 100 - tick)
                if tick in (6, 8):
                    agents.birth(agents[Body].mark < 2, Body(mark=tick))
            world.step()
        graphs.add(runner._barrier.graph)
        check(*worlds)
    assert len(graphs) >= 2  # None, and what was recorded


@pytest.mark.parametrize("row", [9, -1, -(2**31)])
def test_rows_that_are_none_are_told(row):
    world = make("cuda")
    world.schedule = (System(on_device(world, [3, row], np.int32)),)
    before = world.hash()
    with pytest.raises(SchemaError, match=f"birth in table 'own': row {row} of 9"):
        world.step()
    assert world.hash() == before
    world.schedule = ()
    world.step()
    assert world.counts() == {"own": 9, "shared": 5}


def test_too_many_children_leave_the_world_as_it_was(hosted):
    """Memory ends while the barrier makes room: nothing is born, nobody has died, and the next tick works."""
    cpu, world = pair()
    hosted.limit = hosted.limit - hosted.memory()[0] + (1 << 20)
    rows = list(range(9)) * 2000
    with pytest.raises(CapacityError):
        tick(world, [("own", "birth", rows, "rows"), ("own", "kill", [3], "rows")])
    check(cpu, world)
    for each in (cpu, world):
        tick(each, [("own", "birth", [0], "rows"), ("own", "kill", [3], "rows")])
    check(cpu, world)


def test_no_kernel_depends_on_the_order_of_threads(hosted):
    """Lists in order of arrival differ, and nothing else."""
    worlds = pair(cap=14)
    program = [("own", "birth", [1, 1, 1, 4, 5, 5, 0, 3], "each"), ("own", "kill", [1, 5, 8], "rows")]
    for world in worlds:
        tick(world, [*program, ("shared", "birth", [0, 0, 0, 1, 2], "rows")])  # makes the lists
    kept: Any = barrier_cuda._of(worlds[1])
    loose = [entry.arrays[name] for entry in kept.plan.entries for name in ("arrival", "group")]
    loose += [kept.scratch.array("close", 1, np.uint64)]
    tick(worlds[0], program)
    with hosted.racing(exempt=loose):
        tick(worlds[1], program)
    check(*worlds)


def test_the_device_is_the_tests(cuda_device):
    assert cuda.device() is cuda_device
