"""Mixed pools on CUDA: one launch for all groups, births and deaths with the book on the host, equal bits."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import Component, Own, f32
from swarm.brain.brains import Brains
from swarm.brain.forward_cuda import Plan
from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.errors import SettingsError
from tests.cuda.pools import check_equal, pair
from tests.cuda.twins import both

A, B, C = MLP((3, 5, 2)), MLP((3, 2), output="tanh"), MLP((3, 4, 4, 2), "relu", bias=False)
ORDER = [A, B, A, C, B, A]
X = np.random.default_rng(0).normal(0, 1, (40, 3)).astype(np.float32)


def check(one: Brains, two: Brains) -> None:
    """Parameters, groups and answers have equal bits."""
    check_equal(one, two)
    x = X[: one.n]
    assert two.backend.host(two(x)).tobytes() == one(x).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_answers_have_equal_bits(cuda_device, dtype):
    one, two = pair(ORDER, dtype=dtype)
    check(one, two)
    for x, shared in ((np.resize(X, (6, 4, 3)), False), (np.resize(X, (1, 4, 3)), False), (X[:4], True)):
        assert two.backend.host(two(x, shared=shared)).tobytes() == one(x, shared=shared).tobytes()


def test_one_launch_thinks_for_all_groups(hosted):
    brains = Brains(ORDER, backend="cuda")
    x = hosted.xp.asarray(X[:6])
    brains(x)
    launches, reads = hosted.launches, hosted.reads
    brains(x)
    assert (hosted.launches, hosted.reads) == (launches + 1, reads)


def test_edits_clones_files_and_other_backends(cuda_device, tmp_path):
    one, two = pair(ORDER)
    for brains in (one, two):
        brains.initialise([1, 3], tick=7)
        brains.set([0, 4], Brains([C, MLP((3, 7, 2))], seed=8, backend="cpu"))  # from the host, one of them new here
        brains.mutate(Mutation(0.1), tick=2)
        brains.cross([2, 4], [5, 4], [2, 4], tick=3)
    check(one, two)
    check(one.clone(), two.clone())
    check(one.clone([5, 1, 5]), two.clone(cuda_device.xp.asarray(np.array([5, 1, 5]))))
    check(one.astype("bfloat16"), two.astype("bfloat16"))
    check(two.to("cpu"), one.to("cuda"))
    check(one, pickle.loads(pickle.dumps(two)))
    two.save(tmp_path / "two")
    check(one, Brains.load(tmp_path / "two", backend="cuda"))
    check(Brains.load(tmp_path / "two", backend="cpu"), two)


def test_keys_on_the_device_are_dealt_to_the_groups(cuda_device):
    one, two = pair(ORDER)
    slots = np.array([9, 2, 5, 1], np.uint32)
    for brains, keys in ((one, slots), (two, cuda_device.xp.asarray(slots))):
        brains.grow(10)
        brains.inherit([3, 1, 0, 5], [6, 7, 8, 9], keys, keys, 4, mutation=Mutation(0.3))
        brains.n = 10
    check(one, two)


def test_births_that_are_not_settled_are_refused(cuda_device):
    brains = Brains(ORDER, backend="cuda")
    brains.grow(8)
    brains.inherit([0], [6])
    with pytest.raises(SettingsError, match="Set n first"):
        brains(X[:6])
    brains.n = 7
    assert brains(X[:7]).shape == (7, 2)


def test_a_captured_launch_follows_births_and_deaths_until_a_group_grows(cuda_device):
    one, two = pair(ORDER)
    for brains in (one, two):
        brains.inherit([0] * 2, [2, 5])
        brains.grow(24)
        brains.inherit([0, 1, 3] * 6, np.arange(6, 24), mutation=Mutation(0.1))
        brains.n = 24
    x, out = cuda_device.xp.asarray(X[:24]), cuda_device.xp.zeros((24, 2), np.float32)
    with two.backend.running():
        plan = Plan.of(cuda_device, two.launch_groups(), x.dtype)
        plan.launch(x, out)  # compiled before it is captured
        with cuda_device.capture() as graph:
            plan.launch(x, out)
    epoch = cuda_device.epoch
    for brains in (one, two):
        brains.move([23, 22, 21], [0, 4, 7])
        brains.n = 21
        brains.permute(np.arange(21)[::-1])
        brains.inherit([3], [9])
        brains.n = 21
    assert cuda_device.epoch == epoch
    graph.launch()
    assert two.backend.host(out)[:21].tobytes() == one(X[:21]).tobytes()
    two.grow(100)
    two.inherit([0] * 79, np.arange(21, 100))
    two.n = 100
    assert cuda_device.epoch > epoch


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_life_of_births_deaths_and_permutations(cuda_device, data):
    one, two = pair(data.draw(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=8)))
    for tick in range(data.draw(st.integers(1, 4))):
        n = one.n
        dead = data.draw(st.sets(st.integers(0, n - 1), max_size=n - 1))
        parents = data.draw(st.lists(st.integers(0, n - 1), max_size=4))
        whole, left = n + len(parents), n + len(parents) - len(dead)
        holes = [k for k in sorted(dead) if k < left]
        last = [k for k in range(left, whole) if k not in dead]
        order = data.draw(st.permutations(range(left)))
        for brains in (one, two):
            brains.grow(whole)
            brains.inherit(parents, np.arange(n, whole), tick=tick, mutation=Mutation(0.1))
            brains.move(last, holes)
            brains.n = left
            brains.permute(order)
        check(one, two)


class Body(Component):
    vel = f32(2, unit="m/s")


Mind = swarm.mind(speed=Own(Body.vel), actions=("x", "y"), memory=2)


def live(world: swarm.World, dt: float) -> None:
    for agents in world.query(Body, Mind):
        agents[Body].vel += agents[Mind].actions * np.float32(dt)
        agents.birth(agents.uniform(stream="born") < np.float32(0.2))
        agents.kill(agents.uniform(stream="died") < np.float32(0.15))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_worlds_of_several_architectures_live_equally(cuda_device, dtype):
    def make(backend: str) -> swarm.World:
        world = swarm.World(size=(64, 64), backend=backend, seed=3)
        mlps = [MLP((Mind.inputs, 3 + k % 3, Mind.outputs)) for k in range(40)]
        brains = Brains(mlps, seed=5, backend=backend, dtype=dtype)
        world.spawn(40, Body(vel=(1.0, 0.5)), Mind(), name="a", brains=brains, mutation=Mutation(0.1, 0.5))
        world.schedule = (swarm.sense(Mind), swarm.think(Mind), live)
        return world

    one, two = both(make, 8)
    assert one.counts() == two.counts() != {"a": 40}
    check_equal(one.tables["a"].own_brains, two.tables["a"].own_brains)
    assert one.hash() == two.hash()
