"""The numba twins of slots, order, births and hash give the same integers as NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import barrier, barrier_cpu, digest, digest_cpu
from swarm.ecs import ids, ids_cpu
from swarm.ecs.memory import Scratch, words
from swarm.ecs.table import Block

SIZES = st.sampled_from([0, 1, 7, 8, 9, 300, 20_000, 70_001])
quick = settings(max_examples=25, deadline=None)


@pytest.fixture(autouse=True)
def kernels_for_small_batches(monkeypatch):
    monkeypatch.setattr(barrier_cpu, "_SMALL", 0)
    monkeypatch.setattr(ids_cpu, "_SMALL", 0)
    monkeypatch.setattr(digest_cpu, "_SMALL", 0)


@quick
@given(SIZES, st.sampled_from([0.0, 0.01, 0.5, 1.0]), st.integers(0, 99))
def test_where(n, share, seed):
    flags = np.random.default_rng(seed).random(n) < share
    out, out2 = np.empty(n, np.int32), np.empty(n, np.int32)
    count = ids.where(flags, out)
    assert ids_cpu.where(flags, out2) == count
    assert (out[:count] == out2[:count]).all()


@quick
@given(SIZES, st.sampled_from([0.01, 0.5, 1.0]), st.integers(0, 99), st.floats(0, 1))
def test_take_and_release(n, share, seed, part):
    random = np.random.default_rng(seed)
    free = random.random(max(64, -(-n // 8) * 8)) < share
    count = int(free.sum() * part)
    sides = []
    for kernels in (ids, ids_cpu):
        f, generation = free.copy(), np.arange(len(free), dtype=np.uint32)
        table, died = np.zeros(len(free), np.int32), np.full(len(free), -1)
        out = np.empty(count, np.uint32)
        if count:
            kernels.take(f, generation, out)
            generation[out[::3]] = ids.LAST_GENERATION
            closed = kernels.release(out[::2].copy(), 7, generation, table, died, f)
            assert closed == len(out[::2]) - len(set(out[::2]) & set(out[::3]))
        sides.append((out, f, generation, table, died))
    for a, b in zip(*sides):
        assert (a == b).all()


@quick
@given(SIZES, st.integers(0, 99))
def test_in_order(n, seed):
    random = np.random.default_rng(seed)
    table, row = random.integers(-1, 4, n).astype(np.int32), random.integers(0, 1000, n).astype(np.int32)
    base = np.array([0, -1, 5000, 9000, -1])
    count = int(((table >= 0) & (table != 1)).sum())
    out, out2 = np.empty(count, np.int32), np.empty(count, np.int32)
    ids.in_order(table, row, base, out)
    ids_cpu.in_order(table, row, base, out2)
    assert (out == out2).all()


@quick
@given(SIZES, st.sampled_from([10, 3000, 2**23, 2**32 - 1]), st.integers(0, 99))
def test_by_slot(n, largest, seed):
    random = np.random.default_rng(seed)
    slots = random.integers(0, largest, 5000, dtype=np.uint64).astype(np.uint32)
    rows = random.integers(0, 5000, n).astype(np.int32)
    sides = []
    for kernels in (barrier, barrier_cpu):
        order, sorted_ = np.empty(n, np.int32), np.empty(n, np.uint32)
        kernels.by_slot(slots, rows, order, sorted_, Scratch())
        sides.append((order, sorted_))
    for a, b in zip(*sides):
        assert (a == b).all()


@quick
@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 400), st.integers(0, 99))
def test_places_and_settle(n, births, deaths, seed):
    random = np.random.default_rng(seed)
    deaths = min(deaths, n)
    dead = np.sort(random.choice(n, deaths, replace=False)).astype(np.int32)
    slots = random.permutation(n)
    parent = random.integers(0, n, births).astype(np.int32)
    parent = parent[np.argsort(slots[parent], kind="stable")]
    capacity = n + births
    columns = [random.integers(0, 250, (capacity, k), dtype=np.uint8).astype(kind) for k, kind in
               ((1, np.uint32), (2, np.uint32), (5, np.uint32), (3, np.uint8))]  # fmt: skip
    sides = []
    for kernels in (barrier, barrier_cpu):
        dying = np.zeros(n, np.bool_)
        dying[dead] = True
        child, src, dst, heirs = (np.full(births + deaths, -1, np.int32) for _ in range(4))
        copied, inherited = kernels.places(n, dead, parent, dying, child[:births], src, dst, heirs)
        assert not set(src[:copied].tolist()) & set(dst[:copied].tolist())
        held = [column.copy() for column in columns]
        blocks = [Block(words(c), True, None) for c in held[:2]]
        blocks += [Block(words(held[2]), False, np.arange(5, dtype=np.uint32)), Block(words(held[3]), True, None)]
        kernels.settle(blocks, src[:copied], dst[:copied], births - inherited, child[:births])
        after = n + births - deaths
        sides.append((child[:births], src[:copied], dst[:copied], heirs[:inherited], dying, *(c[:after] for c in held)))
    for a, b in zip(*sides):
        assert (a == b).all()


@quick
@given(SIZES, st.sampled_from([(np.uint8, 1), (np.uint8, 7), (np.uint32, 1), (np.uint32, 64)]), st.integers(0, 99))
def test_row_hashes(n, kind, seed):
    dtype, width = kind
    random = np.random.default_rng(seed)
    rows = random.integers(0, np.iinfo(dtype).max, (n, width), dtype=dtype, endpoint=True)
    multipliers, who = (random.integers(0, 2**64, k, dtype=np.uint64, endpoint=False) for k in (width, n))
    out, out2 = np.zeros(n, np.uint64), np.ones(n, np.uint64)
    digest.row_hashes(rows, multipliers, who, np.uint64(seed), out)
    digest_cpu.row_hashes(rows, multipliers, who, np.uint64(seed), out2)
    assert (out == out2).all()
