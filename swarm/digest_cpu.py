"""The hash of rows in numba; see digest.py. Chunks of rows run in parallel, every row is summed by one thread."""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm import digest as reference
from swarm.backend.jit import kernel

_SMALL = 16384  # words that NumPy hashes as fast
_ROWS = 1024  # rows per chunk


@kernel(inline=True)
def _mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def sums(parts):
    return reference.sums(parts, row_hashes)


def hashes(part):
    return reference.hashes(part, row_hashes)


def row_hashes(rows, multipliers, ids, key, out):
    if rows.size < _SMALL:
        reference.row_hashes(rows, multipliers, ids, key, out)
    else:
        _row_hashes(rows, multipliers, ids, key, out)


@kernel(parallel=True)
def _row_hashes(words, multipliers, ids, key, out):
    n, width = words.shape
    for chunk in prange((n + _ROWS - 1) // _ROWS):
        for i in range(chunk * _ROWS, min(n, (chunk + 1) * _ROWS)):
            total = np.uint64(0)
            for j in range(width):
                total += np.uint64(words[i, j]) * multipliers[j]
            out[i] = _mix(_mix(ids[i] ^ key) + total)
