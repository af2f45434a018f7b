"""The launches of admission.cu: who is let in under a cap, without a look from the host. All of it may be captured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.ecs.admission import admit  # noqa: F401  (shared with the reference)

STEM = "swarm.ecs.admission"
STATE_BYTES = 24 + 4 * 4096  # struct Admission

Arrays = Callable[[str, int, Any], Any]  # (name, elements, dtype) -> an array at least that long, kept between calls


def rows(world: Any, table: Any, rows: Any, found: Any, most: int, arrays: Arrays) -> tuple[Any, Any]:
    """The rows of `table` that may give birth to one child each, of those in `rows`, and how many they are.

    rows: int32, in any order, no row twice. found: int32 [2], how many there are (at most `most`) and how many rows of
    the table are dying. Returns int32 arrays: rows in any order, [1] their number. Who is refused is counted.
    """
    device = cuda.current()
    kept, let_in = arrays("kept", 1, np.int32)[:1], arrays("let in", most, np.int32)
    state, priority = arrays("admission", STATE_BYTES, np.uint8), arrays("priority", most, np.uint64)
    kernels, index = device.module(STEM), np.int32(table.index)
    kernels["rows_open"](4096, world.ledger.array, state, found, index, np.int32(table.cap), kept)
    choose(world, most, state, table.storage["slots"], None, priority, arrays, rows)
    kernels["keep"](most, world.ledger.array, state, rows, priority, let_in, kept, index)
    return let_in, kept


def choose(
    world: Any, most: int, state: Any, slots: Any, nth: Any, priority: Any, arrays: Arrays, rows: Any = None
) -> None:
    """Draw priorities [most] u64 for the candidates of `state` (count and room set) and set its limit.

    A candidate is keyed by slots[k], or slots[rows[k]] where `rows` are given, as that entity's nth[k]th child; without
    `nth` as its first.
    """
    device = cuda.current()
    kernels, close = device.module(STEM), arrays("close", most, np.uint64)
    kernels["weigh"](most, world.ledger.array, state, rows, slots, world.ids.generation, nth, priority)
    kernels["near"](most, state, priority, close)
    kernels["limit"](1, state, close, blocks=1)
