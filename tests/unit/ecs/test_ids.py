"""Slots: what is given out, in which order, and what happens to the last generation."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend.device import choose
from swarm.ecs.ids import FIRST_CAPACITY, LAST_GENERATION, Ids, join, split


@pytest.fixture(params=["reference", "cpu"])
def ids(request):
    return Ids(choose(request.param))


def test_an_id_holds_slot_and_generation():
    whole = join(np.array([1, 2**32 - 1], np.uint32), np.array([3, 2**32 - 1], np.uint32))
    assert whole.dtype == np.uint64
    assert whole.tolist() == [(1 << 32) + 3, 2**64 - 1]
    assert split(whole[0]) == (1, 3)
    assert split(int(whole[1])) == (2**32 - 1, 2**32 - 1)


def test_the_first_slot_is_one(ids):
    assert ids.take(3).tolist() == [1, 2, 3]
    assert ids.generation[:5].tolist() == [0, 1, 1, 1, 0]
    assert ids.used == 4


def test_freed_slots_come_back_lowest_first_with_a_higher_generation(ids):
    slots = ids.take(6)
    ids.enter(slots, 0, np.arange(6, dtype=np.int32))
    ids.release(np.array([5, 2], np.uint32), 9)
    assert ids.table[[2, 5]].tolist() == [-1, -1]
    assert ids.died[[2, 5]].tolist() == [9, 9]
    assert ids.take(3).tolist() == [2, 5, 7]
    assert ids.generation[[1, 2, 5, 7]].tolist() == [1, 2, 2, 1]


def test_the_arrays_grow_and_keep_what_they_hold(ids):
    first = ids.take(10)
    ids.enter(first, 3, np.arange(10, dtype=np.int32))
    more = ids.take(5 * FIRST_CAPACITY)
    assert more.tolist() == list(range(11, 11 + 5 * FIRST_CAPACITY))
    assert (ids.table[first] == 3).all()
    assert len(ids) == 8 * FIRST_CAPACITY
    assert ids.spare == int(ids.free.sum()) == len(ids) - 1 - 10 - 5 * FIRST_CAPACITY


def test_nothing_is_taken_for_nobody(ids):
    assert len(ids.take(0)) == 0
    assert ids.used == 0
    ids.release(np.empty(0, np.uint32), 1)
    assert ids.spare == 0


def test_a_slot_whose_generations_are_used_up_stays_closed(ids):
    slots = ids.take(2)
    ids.generation[1] = LAST_GENERATION
    ids.release(slots, 4)
    assert ids.take(2).tolist() == [2, 3]
    assert not ids.free[1]
    assert ids.spare == int(ids.free.sum())


def test_order_lists_the_living_by_id(ids):
    slots = ids.take(6)  # slots 1..6; table 0 holds 1, 3, 5 in rows 2, 0, 1; table 1 holds 2, 4 in rows 1, 0
    ids.enter(slots[[0, 2, 4]], 0, np.array([2, 0, 1], np.int32))
    ids.enter(slots[[1, 3]], 1, np.array([1, 0], np.int32))
    ids.enter(slots[[5]], 2, np.array([0], np.int32))
    assert ids.order(np.array([0, 3, -1, -1]), 5).tolist() == [2, 4, 0, 3, 1]
    assert ids.order(np.array([-1, 0, -1, -1]), 2).tolist() == [1, 0]
    assert ids.order(np.array([1, -1, 0, -1]), 4).tolist() == [3, 1, 2, 0]
