"""Slots on CUDA, where the host gives them out or wants to know: spawning, loading, looking. See ids.py.

Whole-array operations of CuPy; each waits for the device. Births and deaths inside a tick are barrier.cu's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.ecs.ids import LAST_GENERATION


def where(flags: Any, out: Any) -> int:
    """As `ids.where`."""
    found = cuda.current().xp.flatnonzero(flags)
    out[: len(found)] = found
    return len(found)


def take(free: Any, generation: Any, out: Any) -> int:
    """As `ids.take`."""
    xp, device = cuda.current().xp, cuda.current()
    slots = xp.flatnonzero(free)[: len(out)]
    out[...] = slots
    free[slots] = False
    generation[slots] += np.uint32(1)
    return int(device.read(out[-1:])[0])


def release(slots: Any, tick: int, generation: Any, table: Any, died: Any, free: Any) -> int:
    """As `ids.release`."""
    table[slots] = -1
    died[slots] = tick
    again = generation[slots] != np.uint32(LAST_GENERATION)
    free[slots] = again
    return int(again.sum())


def in_order(table: Any, row: Any, base: Any, out: Any) -> None:
    """As `ids.in_order`."""
    xp = cuda.current().xp
    living = xp.flatnonzero(table >= 0)
    start = base[table[living]]
    chosen = start >= 0
    out[...] = start[chosen] + row[living[chosen]]
