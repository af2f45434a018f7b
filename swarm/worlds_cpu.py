"""Sums by world in numba; see worlds.py. One pass over the rows in their order, so equal bits.

world [N] int32, values [N] any number   read, once      out [W] float64   read|write, in cache
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel


def sums(world, values, count):
    """See `worlds.sums`."""
    out = np.zeros(count)
    _sums(world, values, out)
    return out


@kernel
def _sums(world, values, out):
    for i in range(len(world)):
        out[world[i]] += np.float64(values[i])
