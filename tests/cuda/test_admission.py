"""Admission on CUDA against admission.py: the same births are let in, however many there are and whoever asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarm import Component, World, i32
from swarm.backend import cuda
from swarm.ecs import admission, admission_cuda
from swarm.ecs.memory import Scratch


class Cell(Component):
    mark = i32()


def make(backend, count, cap):
    world = World(size=(8, 8), backend=backend, seed=2**63 + 9)
    world.spawn(count, Cell(mark=np.arange(count)), name="cell", cap=cap)
    world.tick = 70_000
    if backend == "cuda":
        world._runner.balance()
    return world


def chosen(device, world, rows, dying):
    """Rows of the table that may split, ascending, and how many were refused."""
    xp, table = device.xp, world.tables["cell"]
    scratch = Scratch(world.backend)
    with world.backend.running():
        found = xp.asarray(np.array([len(rows), dying], np.int32))
        given = xp.asarray(np.asarray(rows, np.int32))
        let_in, kept = admission_cuda.rows(world, table, given, found, len(rows), scratch.array)
        world.ledger.pull()
        return np.sort(device.read(let_in)[: int(device.read(kept)[0])]), int(world.ledger.counts["refused"][0])


some = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@some
@given(st.integers(1, 400), st.integers(0, 420), st.integers(0, 9), st.integers(0, 99))
def test_rows_that_may_split(cuda_device, count, cap, dying, seed):
    host, device = make("reference", count, cap), make("cuda", count, cap)
    rows = np.random.default_rng(seed).permutation(count)[: 1 + count // 2]
    room = min(len(rows), max(0, cap - count + dying))
    expected = np.sort(rows)
    if room < len(rows):
        expected = expected[admission.admit(host, host.tables["cell"], expected, room)]
    got, refused = chosen(cuda_device, device, rows, dying)
    assert got.tolist() == expected.tolist()
    assert refused == len(rows) - room


def test_many(cuda_device):
    """More candidates than one block has threads, and several in the bin where the room ends."""
    host, device = make("reference", 20_000, 24_000), make("cuda", 20_000, 24_000)
    rows = np.arange(0, 20_000, 2)
    expected = rows[admission.admit(host, host.tables["cell"], rows, 4000)]
    got, refused = chosen(cuda_device, device, rows, 0)
    assert got.tolist() == expected.tolist()
    assert refused == 6000


def test_births_queued_before_take_their_room(cuda_device):
    world = make("cuda", 50, 60)
    with world.backend.running():
        world.ask(world.tables["cell"], cuda_device.xp.asarray(np.arange(7, dtype=np.int32)), {})
    got, refused = chosen(cuda_device, world, np.arange(50), 0)
    assert (len(got), refused) == (3, 47)


@pytest.mark.parametrize(
    "priorities", [np.arange(300) << 3, np.arange(300) << 49, np.full(300, 7), np.arange(300) << 55]
)
@pytest.mark.parametrize("room", [0, 1, 150, 299])
def test_the_limit_is_the_first_priority_that_is_too_high(cuda_device, priorities, room):
    """Priorities that share their upper bits or are all equal: as no draw would ever give them."""
    xp = cuda_device.xp
    with cuda.using(cuda_device):
        kernels = cuda_device.module(admission_cuda.STEM)
        words = np.random.default_rng(room).permutation(priorities.astype(np.uint64))
        state = np.zeros(admission_cuda.STATE_BYTES, np.uint8)
        state[:8].view(np.int32)[:] = len(words), room
        np.add.at(state[24:].view(np.uint32), (words >> np.uint64(52)).astype(int), 1)
        state, priority = xp.asarray(state), xp.asarray(words)
        close = xp.empty(len(words), np.uint64)
        kernels["near"](len(words), state, priority, close)
        kernels["limit"](1, state, close, blocks=1)
        limit = cuda_device.read(state)[16:24].view(np.uint64)[0]
    assert limit == np.sort(words)[room]
