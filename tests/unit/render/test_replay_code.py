"""The code of a replay: what is packed comes back bit by bit, whoever is born, dies, or crosses the edge."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.render.replay import motion, packing
from swarm.render.replay.motion import Frame, Rows


def test_packed_arrays_come_back():
    arrays = {"a": np.arange(5, dtype=np.uint8), "b": np.arange(7, dtype=np.uint32) << 20, "c": np.int32([-1, 2])}
    again = packing.unpack(packing.pack(arrays))
    assert list(again) == ["a", "b", "c"]
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        np.testing.assert_array_equal(again[name], array)


def test_planes_are_low_bytes_then_high_bytes():
    values = np.array([0x0102, 0x0304, 0xFFFE], np.uint16)
    assert packing.planes(values).tolist() == [0x02, 0x04, 0xFE, 0x01, 0x03, 0xFF]
    np.testing.assert_array_equal(packing.joined(packing.planes(values), np.uint16), values)


def test_zigzag_makes_small_differences_of_both_signs_small():
    assert motion.zigzag(np.array([0, 65535, 1, 65534, 2], np.uint16)).tolist() == [0, 1, 2, 3, 4]
    every = np.arange(65536).astype(np.uint16)
    np.testing.assert_array_equal(motion.unzigzag(motion.zigzag(every)), every)


def rows(ids: np.ndarray, rng: np.random.Generator) -> Rows:
    """Entities of these ids with drawn columns."""
    n = len(ids)
    return Rows(
        np.sort(ids).astype(np.uint64),
        rng.integers(0, 2**50, n).astype(np.uint64),
        rng.integers(-1, 10**6, n).astype(np.int32),
        rng.integers(0, 65536, (n, 2)).astype(np.uint16),
        *(rng.integers(0, 256, n).astype(np.uint8) for _ in range(3)),
    )


def history(seed: int, ticks: int, most: int) -> list[Frame]:
    """Two tables in which everything changes at random; identities stay with their ids."""
    rng = np.random.default_rng(seed)
    everybody = {name: rows((np.arange(most) + 1) << 32 | rng.integers(0, 9, most), rng) for name in ("a", "b")}
    frames = []
    for tick in range(ticks):
        tables = {}
        for name, all_rows in everybody.items():
            live = all_rows.taken(np.flatnonzero(rng.uniform(size=most) < rng.uniform()))
            drawn = rows(live.ids, rng)
            drawn.parents, drawn.born = live.parents, live.born
            tables[name] = drawn
        frames.append(Frame(3 * tick + 7, tables))
    return frames


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(0, 12))
def test_frames_come_back_bit_by_bit(seed, ticks, most):
    frames = history(seed, ticks, most)
    again = motion.decode(motion.encode(frames), ["a", "b"])
    assert [frame.tick for frame in again] == [frame.tick for frame in frames]
    for was, found in zip(frames, again, strict=True):
        for name in ("a", "b"):
            for field in fields(Rows):
                ours, theirs = getattr(found.tables[name], field.name), getattr(was.tables[name], field.name)
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours, theirs)


def test_those_who_go_straight_on_cost_next_to_nothing():
    """A thousand entities at constant velocity, some across the edge: three bytes each for all of 30 frames."""
    rng = np.random.default_rng(0)
    start = rows(np.arange(1, 1001) << 32, rng)
    velocity = rng.integers(-300, 300, (1000, 2)).astype(np.int16).view(np.uint16)
    frames = []
    for k in range(30):
        now = start.taken(slice(None))
        now.place = start.place + np.uint16(k) * velocity
        frames.append(Frame(k, {"a": now}))
    once = len(motion.encode(frames[:2]))
    assert len(motion.encode(frames)) < once + 3000
