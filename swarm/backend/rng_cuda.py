"""The launches of rng.cu: the same integers and uniforms as `rng.py`, the normals of `rng_cpu.py`, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.backend.rng import VALUES, key
from swarm.errors import SettingsError

STEM = "swarm.backend.rng"
UNIFORM, NORMAL, WORDS = range(3)
VARIANTS = tuple({"KIND": kind} for kind in (UNIFORM, NORMAL, WORDS))


def words(seed: int, slots: Any, generations: Any, tick: int, stream: int, count: int) -> Any:
    """As `rng.words`: uint32 [N, count] on the device."""
    return _drawn(WORDS, seed, slots, generations, tick, stream, count).view(np.uint32)


def uniform(seed: int, slots: Any, generations: Any, tick: int, stream: int, count: int) -> Any:
    """As `rng.uniform`: float32 [N, count] on the device."""
    return _drawn(UNIFORM, seed, slots, generations, tick, stream, count)


def normal(seed: int, slots: Any, generations: Any, tick: int, stream: int, count: int) -> Any:
    """As `rng_cpu.normal`: float32 [N, count] on the device."""
    return _drawn(NORMAL, seed, slots, generations, tick, stream, count)


def draw_on(world: Any, table: int, slots: Any, registry: Any, out: Any, stream: int, kind: int = UNIFORM) -> None:
    """Fill out [capacity, count] for the living of a table in this tick; may be captured.

    world: the ledger's array. table: its number there. slots [capacity] u32. registry: the generation of every slot.
    out: float32, or u32 for `kind` WORDS; rows beyond the living keep what they held.
    """
    capacity, count = out.shape
    _check(count)
    if count:
        draw, number = cuda.current().module(STEM, KIND=kind)["draw_on"], np.int32(table)
        sizes = (np.int32(count), np.uint32(stream))
        draw(capacity, world, number, slots, registry, out, *sizes, per=_draws(count))


def _drawn(kind: int, seed: int, slots: Any, generations: Any, tick: int, stream: int, count: int) -> Any:
    _check(count)
    device = cuda.current()
    slots = as_words(device, slots).reshape(-1)
    generations = spread(device, generations, len(slots))
    out = device.xp.empty((len(slots), count), np.float32)
    if out.size:
        draw = device.module(STEM, KIND=kind)["draw"]
        sizes = (np.int32(len(slots)), np.int32(count), np.uint32(tick & 0xFFFFFFFF), np.uint32(stream))
        low, high = key(seed)
        draw(len(slots), slots, generations, out, *sizes, np.uint64(high << 32 | low), per=_draws(count))
    return out


def as_words(device: Any, values: Any, dtype: Any = np.uint32) -> Any:
    """Numbers on the host or the device as a contiguous device array of `dtype`."""
    if not isinstance(values, device.xp.ndarray):
        values = device.xp.asarray(np.ascontiguousarray(values, dtype))
    return device.xp.ascontiguousarray(values, dtype)


def spread(device: Any, values: Any, count: int) -> Any:
    """uint32 [count] on the device from one number or `count` of them."""
    if isinstance(values, device.xp.ndarray) and values.size == count:
        return as_words(device, values).reshape(-1)
    if not isinstance(values, device.xp.ndarray) and np.ndim(values) == 0:
        return device.xp.full(count, np.uint32(values), np.uint32)
    return as_words(device, device.xp.broadcast_to(as_words(device, values).reshape(-1), (count,)))


def _draws(count: int) -> int:
    """How many draws give the first `count` values."""
    return count // 64 * 16 + min(16, count % 64)


def _check(count: int) -> None:
    if count > VALUES:
        raise SettingsError(f"random numbers: {count:,} asked of one entity, stream and tick; at most {VALUES:,}.")
