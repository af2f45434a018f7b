"""The birds' own speed on the CPU: one pass, 8 + 8 + 4 bytes read and 12 written a bird; memory-bound.

    vel [N][2] float32 m/s read|write    strain [N] float32 m/s2 read|write    gust [N][2] float32 read

Single operations, never fused: equal bits with the reference.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.scenes.flock import _BACK, _KEPT

_BIRDS = 8192  # of one task


def settle(vel, strain, gust, cruise, wind, dt):
    (_some if len(vel) <= _BIRDS else _all)(vel, strain, gust, cruise, wind, dt)


@kernel(parallel=True)
def _all(vel, strain, gust, cruise, wind, dt):
    for task in prange((len(vel) + _BIRDS - 1) // _BIRDS):
        rows = slice(np.int64(task) * _BIRDS, min(len(vel), (np.int64(task) + 1) * _BIRDS))
        _some(vel[rows], strain[rows], gust[rows], cruise, wind, dt)


@kernel
def _some(vel, strain, gust, cruise, wind, dt):
    one, half, least = np.float32(1), np.float32(0.5), np.float32(0.1)
    push = wind * dt + wind * dt
    for i in range(len(vel)):
        x, y = vel[i, 0] + (gust[i, 0] - half) * push, vel[i, 1] + (gust[i, 1] - half) * push
        speed = np.sqrt(x * x + y * y)
        strain[i] = strain[i] * _KEPT + abs(speed - cruise) / dt * (one - _KEPT)
        factor = one + (cruise / max(speed, least) - one) * (_BACK * dt)
        vel[i, 0], vel[i, 1] = x * factor, y * factor
