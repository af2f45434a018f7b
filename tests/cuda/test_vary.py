"""Births, crossovers and copies on CUDA: the bits of the CPU, by hand and in a captured barrier."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import cuda, rng
from swarm.backend.ledger import Ledger
from swarm.brain import vary_cuda
from swarm.brain.brains import Brains
from swarm.brain.mlp import DTYPES
from swarm.brain.vary import Mutation
from swarm.errors import BackendError
from tests.cuda.pools import ALL, LARGE, SMALL, check_equal, host, pair

dtypes = pytest.mark.parametrize("dtype", DTYPES)
PARENTS, CHILDREN = np.array([3, 0, 3, 9, 11]), np.array([20, 22, 21, 29, 11])  # the last one is its own child
SLOTS, GENERATIONS = np.array([7, 2**32 - 1, 0, 9, 8], np.uint32), np.array([1, 0, 2**31, 4, 1], np.uint32)


@dtypes
@pytest.mark.parametrize(("sigma", "rate"), [(0.1, 1.0), (0.1, 0.3), (3.0, 1e-3)])
def test_births_have_equal_bits(cuda_device, dtype, sigma, rate):
    for mlp in ALL:
        one, two = pair(mlp, 30, dtype=dtype)
        for tick in (0, 2**32 - 1):
            for pool in (one, two):
                pool.inherit(PARENTS, CHILDREN, SLOTS, GENERATIONS, tick, mutation=Mutation(sigma, rate))
        check_equal(one, two)


@dtypes
@pytest.mark.parametrize("mutation", [None, Mutation(0.0), Mutation(1.0, 0.0)])
def test_exact_copies(cuda_device, dtype, mutation):
    one, two = pair(SMALL, 30, dtype=dtype)
    for pool in (one, two):
        pool.inherit(PARENTS, CHILDREN, mutation=mutation)
    check_equal(one, two)


@dtypes
@pytest.mark.parametrize("units", [False, True])
def test_crossovers_have_equal_bits(cuda_device, dtype, units):
    second = np.array([4, 4, 5, 29, 2])
    for mlp in ALL:
        one, two = pair(mlp, 30, dtype=dtype)
        for pool in (one, two):
            pool.cross(
                [3, 0, 3, 29, 11], second, CHILDREN, SLOTS, GENERATIONS, 9, units=units, mutation=Mutation(0.1, 0.5)
            )
        check_equal(one, two)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounding_by_noise_for_numbers_of_all_sizes(cuda_device, dtype):
    """Steps that are lost, ones that jump from subnormal to normal, overflow, infinity and NaN."""
    one, two = pair(LARGE, 40, dtype=dtype, init="zeros")
    raw = np.random.default_rng(3).integers(0, 1 << 16, (20, one.layout.count)).astype(np.uint16)
    start = raw.view(one.dtype).astype(np.float32)
    for sigma in (1e-8, 1e-6, 1.0, 3e4):
        for pool in (one, two):
            with np.errstate(invalid="ignore"):  # NaN is a number of its own here
                pool.set(np.arange(20), start)
            pool.inherit(np.arange(20), np.arange(20, 40), tick=3, mutation=Mutation(sigma))
        ours, theirs = (host(pool)[0].astype(np.float32) for pool in (one, two))
        broken = np.isnan(ours)
        assert (np.isnan(theirs) == broken).all() and ours[~broken].tobytes() == theirs[~broken].tobytes()


def test_float16_keeps_small_steps_on_average(cuda_device):
    """A step of a twentieth of a place moves the mean by as much, above and below 2^-14 where places stop shrinking."""
    for start, place in ((0.7, 2.0**-11), (2.0**-15, 2.0**-24)):
        brains = Brains(LARGE, 40, backend="cuda", dtype="float16", init="zeros")
        start = float(np.float16(start))
        brains.set(slice(None), np.full(LARGE.count, start))
        for tick in range(20):
            brains.mutate(Mutation(place / 20), tick=tick)
        moved = brains.backend.host(brains.flat()).astype(np.float64) - start
        assert moved.any() and abs(moved.mean()) < 5 * moved.std() / moved.size**0.5
        assert 0.1 * place < moved.std() < 2 * place


def test_moves_and_permutations(cuda_device):
    one, two = pair(SMALL, 12, dtype="bfloat16")
    order = np.random.default_rng(1).permutation(12)
    for pool in (one, two):
        pool.move([11, 3, 9], [0, 3, 1])
        pool.n = 10
        pool.n = 12
        pool.permute(order)
    check_equal(one, two)


def test_no_race(hosted):
    two = Brains(SMALL, 30, backend="cuda", dtype="float16")
    with hosted.racing():
        two.inherit(PARENTS, CHILDREN, SLOTS, mutation=Mutation(0.1, 0.5))
        two.cross(PARENTS[:4], PARENTS[:4], CHILDREN[:4], units=True)
        two.move([5], [6])
    assert host(two)[0].any()


def barrier(device, n: int, go: int = 1, tick: int = 5):
    """What a barrier has on the device: the ledger, parents, children, slots, every slot's generation, the count."""
    xp = device.xp
    ledger = Ledger(device, 1)
    ledger.world["key0"], ledger.world["key1"] = rng.key(2**40 + 9)
    ledger.world["tick"], ledger.world["go"] = tick, go
    ledger.push()
    parents, children = (np.array(rows + [10**6] * 3, np.int32) for rows in ([3, 0, 3, 9], [20, 22, 21, 29]))
    slots = np.array([7, 0, 9, 8, *[10**6] * 3], np.uint32)
    generations = np.arange(50, 60, dtype=np.uint32)
    arrays = [xp.asarray(a) for a in (parents, children, slots, generations, np.array([n], np.int32))]
    return ledger, arrays


@dtypes
def test_births_of_a_barrier(cuda_device, dtype):
    """Places beyond the count are not looked at; generations by slot; tick, seed and go from the world."""
    one, two = pair(SMALL, 30, dtype=dtype)
    keys = np.array([7, 0, 9, 8], np.uint32)
    ledger, arrays = barrier(cuda_device, 4)
    how = (0.1, 0.4)
    with cuda.using(cuda_device):
        vary_cuda.kept_plan(cuda_device, two.layout, *how)
        with cuda_device.capture() as graph:
            vary_cuda.inherit_on(ledger.array, two.rows, two.layout, *arrays, *how)
        for tick in (5, 6):
            ledger.world["tick"] = tick
            ledger.push()
            graph.launch()
            one.inherit([3, 0, 3, 9], [20, 22, 21, 29], keys, 50 + keys, tick, 2**40 + 9, Mutation(*how))
            check_equal(one, two)
        ledger.world["go"] = 0
        ledger.push()
        graph.launch()
    check_equal(one, two)


@pytest.mark.parametrize(("sigma", "rate"), [(0.0, 1.0), (0.3, 0.0)])
def test_exact_births_and_moves_of_a_barrier(cuda_device, sigma, rate):
    one, two = pair(SMALL, 30)
    ledger, (parents, children, slots, generations, count) = barrier(cuda_device, 3)
    target = cuda_device.xp.asarray(np.array([5, 4, 6, 10**6, 10**6], np.int32))
    with cuda.using(cuda_device), cuda_device.capture() as graph:
        arrays = (parents, children, slots, generations, count)
        vary_cuda.inherit_on(ledger.array, two.rows, two.layout, *arrays, sigma, rate)
        vary_cuda.move_on(ledger.array, two.rows, two.layout, children, target, count)
    for go in (0, 1):
        ledger.world["go"] = go
        ledger.push()
        graph.launch()
        if go:
            one.inherit([3, 0, 3], [20, 22, 21])
            one.move([20, 22, 21], [5, 4, 6])
        check_equal(one, two)


def test_a_plan_must_be_there_before_the_capture(cuda_device):
    two = Brains(SMALL, 30, backend="cuda")
    ledger, arrays = barrier(cuda_device, 3)
    with cuda.using(cuda_device), pytest.raises(BackendError, match="run once before"), cuda_device.capture():
        vary_cuda.inherit_on(ledger.array, two.rows, two.layout, *arrays, 0.123, 1.0)
