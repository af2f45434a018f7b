"""Many worlds in one: slots, keys and admission of each are those it has alone; sums, views and what is refused."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import (
    MLP,
    Brains,
    Clock,
    Component,
    Mutation,
    Own,
    World,
    f32,
    flock,
    graze,
    i32,
    index,
    mind,
    move,
    scene,
    sense,
    think,
)  # fmt: skip
from swarm.backend import rng
from swarm.backend.device import choose
from swarm.brain import vary
from swarm.ecs import admission
from swarm.ecs.ids import Ids
from swarm.errors import BackendError, ScheduleError, SettingsError
from swarm.worlds import join

PACKAGE = Path(__file__).parents[3] / "swarm"
SEEDS = np.array([5, 2**63 + 9, 0], np.uint64)
TICKS = np.array([0, 2**32 + 7, 41])


class Body(Component):
    pos = f32(2, unit="m")
    energy = f32(default=0.25)
    age = i32()


def grow(world, dt):
    for agents in world.query(Body):
        agents[Body].age += 1
        agents[Body].energy += agents.uniform()
        agents.birth(agents.uniform(stream="birth") < 0.2)
        agents.kill(agents.uniform(stream="death") < 0.15)


def make(seed=0, backend="reference", count=5, cap=9, shared=True) -> World:
    world = World(size=(8, 8), tick=0.5, backend=backend, seed=seed)
    mind = MLP((2, 3, 1))
    world.spawn(count, Body(pos=world.scatter), name="own", brains=mind, mutation=Mutation(0.1, 0.5), cap=cap)
    if shared:
        pool = Brains(mind, 2, seed=seed, backend=backend)
        world.spawn(3, Body(pos=world.scatter), name="shared", brains=pool, brain=[1, 0, 1])
    world.schedule = (grow,)
    return world


@pytest.fixture(params=["reference", "cpu"])
def backend(request):
    """Many worlds run on the host."""
    return request.param


@pytest.fixture
def three(backend):
    return join((make(seed, backend, count=3 + seed) for seed in range(3)), 3)


# --- slots ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(2, 5), st.sampled_from(["reference", "cpu"]))
def test_deal_gives_every_world_the_slots_it_takes_alone(data, worlds, backend):
    where = choose(backend)
    together, alone = Ids(where, worlds), [Ids(where) for _ in range(worlds)]
    for tick in range(3):
        beside = data.draw(st.lists(st.integers(0, 40 * worlds - 1), max_size=90))
        beside = np.array(beside, np.uint32)
        out = together.deal(beside, np.empty(len(beside), np.uint32))
        for k, ids in enumerate(alone):
            mine = beside % worlds == k
            assert (out[mine] // worlds).tolist() == ids.take(int(mine.sum())).tolist()
        gone = out[np.array(data.draw(st.lists(st.booleans(), min_size=len(out), max_size=len(out))), bool)]
        together.release(gone, np.full(len(gone), tick))
        for k, ids in enumerate(alone):
            ids.release(gone[gone % worlds == k] // worlds, tick)
            n = min(len(ids), len(together) // worlds)
            for name in ("generation", "free", "died", "table"):
                assert getattr(together, name)[k::worlds][:n].tolist() == getattr(ids, name)[:n].tolist()
            assert together.spare[k] == together.free[k::worlds].sum()
    assert together.used == 1 + max(np.flatnonzero(together.generation), default=-1)


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 16, 70])
@pytest.mark.parametrize("kind", ["words", "uniform", "normal"])
def test_keys_of_several_worlds_draw_what_each_draws_alone(backend, kind, count):
    draw = getattr(choose(backend).twin("swarm.backend.rng"), kind)
    slots = np.concatenate([np.arange(40), [2**32 - 1, 2**32 - 2, 2**32 - 3, 2**31]]).astype(np.uint32)
    generations = np.arange(len(slots), dtype=np.uint32)
    got = draw(SEEDS, slots, generations, TICKS, 300, count)
    for k in range(3):
        mine = slots % 3 == k
        alone = draw(int(SEEDS[k]), slots[mine] // 3, generations[mine], int(TICKS[k]), 300, count)
        assert np.array_equal(got[mine], alone)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30), st.integers(2, 70_000))
def test_kernels_divide_slots_exactly(slots, worlds):
    slots = np.array(slots, np.uint32)
    local = ((slots.astype(np.float64) + 0.5) * (1.0 / worlds)).astype(np.uint32)  # as rng_cpu does
    assert np.array_equal(local, slots // np.uint32(worlds))


def test_brains_vary_by_the_keys_of_their_worlds(backend):
    slots, generations = np.arange(3, 12), np.arange(9) % 4
    pool = Brains(MLP((3, 5, 2)), 9, seed=1, backend=backend, dtype="bfloat16")
    kin = pool.clone()
    rows, how = np.arange(9), Mutation(0.3, 0.6)
    calls = {
        "initialise": lambda p, at, *keys: p.initialise(at, *keys),
        "inherit": lambda p, at, *keys: p.inherit(at, at, *keys, mutation=how),
        "cross": lambda p, at, *keys: p.cross(at, at, at, *keys, units=False, mutation=how),
    }
    for name, call in calls.items():
        together, apart = kin.clone(), kin.clone()
        call(together, rows, slots, generations, TICKS, SEEDS)
        for k in range(3):
            mine = slots % 3 == k
            call(apart, rows[mine], slots[mine] // 3, generations[mine], int(TICKS[k]), int(SEEDS[k]))
        assert np.array_equal(together.rows[:9], apart.rows[:9]), name
        assert not np.array_equal(together.rows[:9], kin.rows[:9]), name


# --- admission --------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(2, 4), st.sampled_from(["reference", "cpu"]))
def test_the_lowest_of_every_world_are_admitted(data, worlds, backend):
    world = np.array(data.draw(st.lists(st.integers(0, worlds - 1), max_size=40)), np.int32)
    priority = np.array(data.draw(st.permutations(range(len(world)))), np.uint64) << np.uint64(58)
    room = np.array(data.draw(st.lists(st.integers(0, 12), min_size=worlds, max_size=worlds)))
    found = choose(backend).twin("swarm.ecs.admission").lowest(world, priority, room)
    for k in range(worlds):
        mine = np.flatnonzero(world == k)
        assert set(mine[found[mine]]) == set(mine[np.argsort(priority[mine])][: room[k]])


def test_several_children_of_one_parent_are_admitted_as_alone(backend):
    def crowd(world, dt):
        for agents in world.query(Body):
            rows = np.argsort(agents.table.slots)
            agents.birth(np.repeat(rows, 3))

    def crowded(seed):
        world = make(seed, backend, count=2 + seed, cap=6, shared=False)
        world.schedule = (crowd,)
        return world

    world, alone = join(map(crowded, range(3)), 3), [crowded(k) for k in range(3)]
    for _ in range(2):
        world.step()
        for k, one in enumerate(alone):
            one.step()
            assert world.hash(k) == one.hash()
    assert world.tables["own"].population.tolist() == [6, 6, 6]
    assert world.tables["own"].refused_total.tolist() == [one.tables["own"].refused_total for one in alone]


def test_admission_of_one_world_takes_a_number():
    table = SimpleNamespace(cap=None)
    assert admission.let_in(None, table, np.arange(3), 7) is None  # type: ignore[arg-type]


# --- worlds in and out ------------------------------------------------------------------------------------------------


def test_worlds_by_hand_live_as_they_do_alone(three, backend):
    alone = [make(seed, backend, count=3 + seed) for seed in range(3)]
    for _ in range(12):
        assert [three.hash(k) for k in range(3)] == [world.hash() for world in alone]
        for world in (three, *alone):
            world.step()
    assert [three.counts(k) for k in range(3)] == [world.counts() for world in alone]
    assert three.counts()["own"] == sum(three.counts(k)["own"] for k in range(3))


def test_worlds_may_be_joined_at_different_ticks(backend):
    older = make(1, backend)
    for _ in range(4):
        older.step()
    world = join([make(0, backend), older.apart(0)], 2)
    assert world.ticks.tolist() == [0, 4]
    for one in (world, older):
        one.step()
    assert world.hash(1) == older.hash() and world.ticks.tolist() == [1, 5]


def test_ids_name_entities_of_their_worlds(three):
    for _ in range(6):
        three.step()
    table = three.tables["own"]
    child = int(np.flatnonzero(table.parents)[0])
    entity = three.get(int(table.ids()[child]))
    assert entity.born == table.born[child] < 6
    assert entity.parent >> 32 and (entity.parent >> 32) % 3 == table.worlds[child]
    three.kill(table.ids()[:1])
    three.step()
    assert three.counts()["own"] == len(table)


def test_rows_know_their_world_and_its_tick(three):
    for _ in range(4):
        three.step()
    table = three.tables["own"]
    assert np.array_equal(table.worlds, table.slots % 3)
    assert np.array_equal(table.population, np.bincount(table.worlds, minlength=3))
    assert np.array_equal(three.tick_of(table), np.full(len(table), 4))
    three._begun[1] = 3  # as after a reset
    assert np.array_equal(three.tick_of(table), np.where(table.worlds == 1, 1, 4))
    assert np.array_equal(three.tick_of(np.array([4, 5])), [1, 4])
    one = make()
    assert one.tick_of(one.tables["own"]) == 0 and one.tables["own"].worlds.size == 0


def test_a_view_of_one_world(three):
    ids, pos, age = three.view(Body.pos, Body.age, of=2)
    alone = [t.worlds == 2 for t in three.tables.values()]
    assert len(ids) == len(pos) == len(age) == sum(mask.sum() for mask in alone)
    assert set((ids >> np.uint64(32)) % 3) == {2}
    assert len(three.view(Body.pos)[0]) == three.tables["own"].n + three.tables["shared"].n


# --- neighbours -------------------------------------------------------------------------------------------------------


class Bird(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Seed(Component):
    pos = f32(2, unit="m")


def flocking(seed, backend):
    """Cells that hold more than their cap, and sums of floats in the order of ids."""
    world = World(size=(12, 12), tick=0.1, backend=backend, seed=seed)
    world.spawn(40 + seed, Bird(pos=world.scatter, vel=lambda n: world.scatter(n) - 6), name="bird")
    world.schedule = (index(Bird.pos, cap=3), flock(Bird.pos, Bird.vel, radius=3), move(Bird.pos, Bird.vel, limit=4))
    return world


def pecking(seed, backend):
    """Birds at one place that want the same seed: a draw by seed, tick and id decides."""
    world = World(size=(12, 12), tick=0.1, backend=backend, seed=seed)
    world.spawn(6, Bird(pos=(3, 3)), Body(pos=(3, 3)), name="bird")
    world.spawn(3 + seed, Seed(pos=world.scatter), name="far")
    world.spawn(3, Seed(pos=(3, 3.5)), name="near")
    world.schedule = (index(Seed.pos), graze(Bird.pos, Seed.pos, into=Body.energy, reach=1, gain=1))
    return world


@pytest.mark.parametrize("build", [flocking, pecking])
def test_neighbours_are_those_of_ones_own_world(backend, build):
    world, alone = join((build(seed, backend) for seed in range(3)), 3), [build(seed, backend) for seed in range(3)]
    for _ in range(5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a cell over its cap
            for one in (world, *alone):
                one.step()
        assert [world.hash(k) for k in range(3)] == [one.hash() for one in alone]
    if build is flocking:
        assert sum(one.indices[Bird.pos].overflow for one in alone) == world.indices[Bird.pos].overflow > 0
    else:
        assert {one.counts()["near"] for one in alone} == {0}


# --- minds ------------------------------------------------------------------------------------------------------------

Eye = mind(now=Clock(0.7), level=Own(Body.energy), actions=("go",), paced=True)


def thinking(seed, backend, **how):
    world = World(size=(12, 12), tick=0.1, backend=backend, seed=seed)
    brains = MLP((Eye.inputs, 3, Eye.outputs))
    world.spawn(4 + 2 * seed, Body(pos=world.scatter), Eye, name="thinker", brains=brains)
    world.schedule = (sense(Eye), think(Eye, **how), act, grow)
    return world


def act(world, dt):
    for agents in world.query(Body, Eye):
        agents[Body].energy += agents[Eye].actions[:, 0]


@pytest.mark.parametrize("how", [{"every": 3}, {"every": 2, "brains": 3}, {"brains": 2}])
def test_minds_know_the_time_and_their_turn_in_their_own_world(backend, how):
    alone = [thinking(seed, backend, **how) for seed in range(3)]
    for _ in range(4):
        alone[1].step()
    world = join([one.apart(0) for one in alone], 3)  # at different ticks
    for _ in range(8):
        assert [world.hash(k) for k in range(3)] == [one.hash() for one in alone]
        for one in (world, *alone):
            one.step()
    assert join([world.apart(k) for k in range(3)], 3).hash() == world.hash()


def test_what_cannot_go_in_says_why(backend):
    driven = thinking(0, backend)
    driven.override(int(driven.tables["thinker"].ids()[0]), [1.0])
    with pytest.raises(SettingsError, match="driven by `override`"):
        join([driven, thinking(1, backend)], 2)
    world = scene("flock", worlds=2, agents=20, backend=backend)
    world.resources["late"] = np.zeros((2, 3))
    with pytest.raises(SettingsError, match=r"'late' was made by a system.*in the scene's build"):
        world.reset(0)


# --- sums -------------------------------------------------------------------------------------------------------------


def test_totals_add_up_by_world(three, backend):
    for _ in range(5):
        three.step()
    table = three.tables["own"]
    of, energy, age = table.worlds, table.column(Body.energy), table.column(Body.age)
    some = np.flatnonzero(age > 2)
    assert three.total(table).tolist() == np.bincount(of, minlength=3).tolist()
    assert three.total(table, rows=some).tolist() == np.bincount(of[some], minlength=3).tolist()
    assert three.total(table, age).dtype == np.int64
    for k in range(3):
        assert three.total(table, age)[k] == age[of == k].sum()
        assert three.total(table, age[some], some)[k] == age[some][of[some] == k].sum()
        apart = three.apart(k)
        mine = apart.tables["own"]
        exact = np.rint(mine.column(Body.energy) * 4) / 4
        whole = np.rint(energy * 4) / 4
        assert three.total(table, whole, exact=True)[k] == apart.total(mine, exact, exact=True) == exact.sum()
        assert three.total(table, energy)[k] == apart.total(mine, mine.column(Body.energy))
        old = mine.column(Body.age) > 2
        assert three.total(table, energy[some], some)[k] == apart.total(mine, mine.column(Body.energy)[old], old)
    before = three.total(table, energy)
    table.permute(np.random.default_rng(1).permutation(table.n))
    assert np.array_equal(three.total(table, table.column(Body.energy)), before)


def test_totals_of_one_world_are_numbers():
    world = make()
    table = world.tables["own"]
    assert world.total(table) == 5 and world.total(table, rows=table.column(Body.energy) > 1) == 0
    assert world.total(table, table.column(Body.energy)) == 1.25
    assert isinstance(world.total(table, table.column(Body.age)), int)
    with pytest.raises(SettingsError, match=r"there are 5 rows of 'own'. Give \[5\]"):
        world.total(table, np.zeros(4))


# --- what is refused --------------------------------------------------------------------------------------------------


def test_nobody_is_spawned_into_nobody_knows_which_world(three):
    with pytest.raises(SettingsError, match="spawn: these are 3 worlds in one"):
        three.spawn(1, Body, name="own")
    with pytest.raises(SettingsError, match="scatter: these are 3 worlds"):
        three.scatter(2)


@pytest.mark.parametrize("k", [-1, 3, True, 1.0])
def test_numbers_of_worlds_that_are_not_there(three, k):
    for ask in (three.hash, three.apart, three.counts, lambda k: three.view(Body.pos, of=k)):
        with pytest.raises(SettingsError, match="there is no world"):
            ask(k)


def test_worlds_of_another_make_are_not_joined():
    with pytest.raises(SettingsError, match="world 1 cannot join the others: cap of 'own' is 8, the first one's"):
        join([make(0), make(1, cap=8)], 2)
    with pytest.raises(SettingsError, match="it has other tables"):
        join([make(0), make(1, shared=False)], 2)
    with pytest.raises(SettingsError, match="2 or more"):
        join([make(0)], 1)
    with pytest.raises(SettingsError, match="1 worlds were given, 2 announced"):
        join([make(0)], 2)
    first, second = make(0), make(1)
    first.resources["x"], second.resources["x"] = 1, np.zeros(2)
    with pytest.raises(SettingsError, match="resource 'x' is float64"):
        join([first, second], 2)


def test_brains_of_several_architectures_are_not_joined_yet():
    def mixed(seed):
        world = World(size=8, backend="reference", seed=seed)
        world.spawn(2, Body, name="own", brains=[MLP((2, 1)), MLP((2, 2, 1))])
        return world

    with pytest.raises(SettingsError, match="several architectures cannot be joined yet"):
        join([mixed(0), mixed(1)], 2)


def test_worlds_on_a_card_are_not_joined_yet(monkeypatch):
    first = make()
    monkeypatch.setattr(World, "backend", SimpleNamespace(device=object()), raising=False)
    del first.__dict__["backend"]
    with pytest.raises(BackendError, match="cpu and reference so far"):
        join([first, first], 2)


def test_resets_that_cannot_be(three):
    with pytest.raises(SettingsError, match="no scene built this world"):
        three.reset(0)
    world = scene("foragers", worlds=2, agents=3, backend="reference")
    for which, match in (([0, 0], "different numbers"), (2, "no world 2"), (np.zeros(3, bool), "a mask")):
        with pytest.raises(SettingsError, match=match):
            world.reset(which)
    with pytest.raises(SettingsError, match="1 seeds for 2 worlds"):
        world.reset([0, 1], seeds=[4])
    world.schedule = (lambda world, dt: world.reset(0),)
    with pytest.raises(ScheduleError, match="a tick is under way"):
        world.step()


SCENE = """
from dataclasses import dataclass
import swarm

@dataclass(frozen=True)
class Settings:
    FIELDS

class Body(swarm.Component):
    x = swarm.f32()

def build(settings):
    world = swarm.World(size=9, backend="reference")
    world.spawn(3, Body)
    RESOURCES
    return world
"""


@pytest.mark.parametrize(
    ("fields", "resources", "values", "match"),
    [
        ("agents: int = 1", "pass", {"worlds": 2}, "settings have no `seed`"),
        ("seed: int = 1", "world.resources['sum'] = 1", {"worlds": 2}, r"keep resources \(sum\).*MANY = True"),
        ("seed: int = 1", "pass", {"worlds": 0}, "worlds is 0; give how many"),
        ("seed: int = 1", "pass", {"worlds": 2, "seeds": [1]}, "1 seeds for 2 worlds"),
    ],
)
def test_scenes_that_cannot_run_many_worlds(tmp_path, fields, resources, values, match):
    path = tmp_path / "own.py"
    path.write_text(SCENE.replace("FIELDS", fields).replace("RESOURCES", resources))
    with pytest.raises(SettingsError, match=match):
        scene(str(path), **values)


def test_a_scene_without_score_says_so(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(SCENE.replace("FIELDS", "seed: int = 1").replace("RESOURCES", "pass"))
    with pytest.raises(SettingsError, match="has no `score`"):
        scene(str(path), worlds=2).score()
    with pytest.raises(SettingsError, match="no scene built this world"):
        make().score()


# --- the rule that keeps it so ----------------------------------------------------------------------------------------


def test_stages_draw_by_the_keys_of_all_worlds():
    """`world.seed` and `world.tick` are those of one world: random numbers take `world.seeds` and `world.ticks`."""
    for room in ("stages", "ecs"):
        for path in sorted((PACKAGE / room).glob("*.py")):
            if not path.stem.endswith("_cuda"):
                assert not re.search(r"world\.seed\b", path.read_text()), (
                    f"{path.name}: give world.seeds and world.ticks"
                )


def test_the_plain_reference_takes_keys_of_several_worlds():
    local, tick, low, high = rng.named(SEEDS, np.array([0, 4, 8], np.uint32), TICKS)
    assert local.tolist() == [0, 1, 2] and tick.tolist() == [0, 7, 41]
    assert (low + (high << np.uint64(32))).tolist() == [5, 2**63 + 9, 0]
    assert rng.named(3, local, 2**32 + 1)[1:] == (1, 3, 0)
    assert vary.select_start(65) == 128
