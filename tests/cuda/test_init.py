"""First weights on CUDA: the bits of the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import cuda
from swarm.brain import init_cpu, init_cuda
from swarm.brain.brains import Brains
from swarm.brain.init import SCHEMES
from swarm.brain.mlp import DTYPES
from tests.cuda.pools import ALL, LARGE, SMALL, check_equal, host, pair


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init", ["auto", "uniform"])
def test_equal_bits(cuda_device, dtype, init):
    for mlp in ALL:
        check_equal(*pair(mlp, 23, dtype=dtype, init=init))


@pytest.mark.parametrize("init", SCHEMES)
def test_every_scheme(cuda_device, init):
    check_equal(*pair(SMALL, 5, init=init))


def test_chosen_rows_by_keys_of_their_own(cuda_device):
    """Other rows stay; keys may be on the device; seed and tick are 64 and 32 bits."""
    one, two = pair(SMALL, 40, seed=2**64 - 1)
    rows, slots, generations = (
        [3, 39, 0],
        np.array([2**32 - 1, 5, 9], np.uint32),
        np.array([1, 0, 2**32 - 1], np.uint32),
    )
    one.initialise(rows, slots, generations, tick=2**32 - 1)
    two.initialise(rows, cuda_device.xp.asarray(slots), cuda_device.xp.asarray(generations), tick=2**32 - 1)
    check_equal(one, two)
    one.initialise([-1], tick=3, seed=2**40, init="uniform")
    two.initialise(cuda_device.xp.asarray(np.array([-1])), tick=3, seed=2**40, init="uniform")
    check_equal(one, two)


def test_a_long_row_and_nobody(cuda_device):
    one, two = pair(LARGE, 0)
    assert host(two)[0].shape == (0, one.layout.stride)
    with cuda.using(cuda_device):
        init_cuda.fill(two.rows, two.layout, np.zeros(0, np.int64), [], [], 0, 0, "he")


def test_no_race(hosted):
    with hosted.racing():
        brains = Brains(SMALL, 9, backend="cuda", dtype="bfloat16")
    assert host(brains)[0].any()


def test_row_numbers_on_the_device_are_taken_as_they_are(cuda_device):
    one, two = pair(SMALL, 6, init="zeros")
    at, keys = np.array([4, 1]), np.array([7, 8], np.uint32)
    init_cpu.fill(one.rows, one.layout, at, keys, keys, 5, 1, "he")
    reads = cuda_device.reads
    with cuda.using(cuda_device):
        there = [cuda_device.xp.asarray(a) for a in (at, keys)]
        init_cuda.fill(two.rows, two.layout, there[0], there[1], keys, 5, 1, "he")
    assert cuda_device.reads == reads
    check_equal(one, two)
