"""The launches of digest.cu: all parts of a world are added up on the device and read together, once.

What lies on the host (resources, an architecture's row numbers) is hashed there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swarm import digest as reference
from swarm.backend import cuda
from swarm.digest import Part
from swarm.ecs.memory import words

STEM = "swarm.digest"
VARIANTS = tuple({"WORD": word, "LANES": lanes} for word in (4, 1) for lanes in (32, 1))
_WIDE = 16  # words from which on a row takes a warp


def sums(parts: Sequence[Part]) -> list[int]:
    """As `digest.sums`."""
    device = cuda.current()
    totals = device.xp.zeros(len(parts) + 1, np.uint64)
    for k, part in enumerate(parts):
        if not isinstance(part.array, np.ndarray):
            _launch(device, part, None, totals[k : k + 1])
    found = device.read(totals).tolist()
    return [
        sum(reference.sums([part])) if isinstance(part.array, np.ndarray) else found[k] for k, part in enumerate(parts)
    ]


def hashes(part: Part) -> np.ndarray:
    """As `digest.hashes`."""
    if isinstance(part.array, np.ndarray):
        return reference.hashes(part)
    device = cuda.current()
    out = device.xp.empty(len(part.array), np.uint64)
    _launch(device, part, out, None)
    return device.read(out)


def _launch(device: Any, part: Part, out: Any, total: Any) -> None:
    n = len(part.array)
    if not n:
        return
    rows, key = words(device.xp.ascontiguousarray(part.array)), reference.key_of(part)
    ids = device.take(part.ids) if isinstance(part.ids, np.ndarray) else part.ids
    width = rows.shape[1]
    multipliers, lanes = device.xp.empty(width, np.uint64), 32 if width >= _WIDE else 1
    kernels = device.module(STEM, WORD=rows.itemsize, LANES=lanes)
    kernels["steps"](width, multipliers, key, np.int32(width))
    kernels["row_hashes"](n, rows, multipliers, ids, out, total, np.int32(n), np.int32(width), key, per=lanes)
