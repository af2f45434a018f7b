"""move on the CPU: plain loops, which the compiler turns into vectors.

    pos [N][2] float32 m read|write, in row order      vel [N][2] float32 m/s read, written where too fast
    24 bytes and 12 flops an entity; memory-bound

Tasks of 4,096 entities. Single operations, never fused: equal bits with the reference.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.stages.move import cost, wrap  # noqa: F401  (shared with the reference)

_ROWS = 4096  # of one task


def drift(pos, vel, dt, width, height, limit):
    """See `move.drift`."""
    bad = _all(pos, vel, dt, width, height, limit)
    return -1 if bad >= len(pos) else bad


@kernel(parallel=True)
def _all(pos, vel, dt, width, height, limit):
    tasks = (len(pos) + _ROWS - 1) // _ROWS
    if tasks <= 1:
        return _some(pos, vel, dt, width, height, limit, 0, len(pos))
    bad = np.full(tasks, len(pos))
    for task in prange(tasks):
        low, high = task * _ROWS, min(len(pos), (task + 1) * _ROWS)
        bad[task] = _some(pos, vel, dt, width, height, limit, low, high)
    return bad.min()


@kernel
def _some(pos, vel, dt, width, height, limit, low, high):
    if limit < np.inf:
        _slow(vel[low:high], limit)
    return low + _step(pos[low:high], vel[low:high], dt, width, height, len(pos))


@kernel
def _slow(vel, limit):
    for i in range(len(vel)):
        speed = np.sqrt(vel[i, 0] * vel[i, 0] + vel[i, 1] * vel[i, 1])
        if speed > limit:
            factor = limit / speed
            vel[i, 0] *= factor
            vel[i, 1] *= factor


@kernel(inline=True)
def _wrap(x, side):
    x = x - side * np.floor(x / side)
    x = x + side if x < 0 else x
    x = x - side if x >= side else x
    return x if x >= 0 and x < side else x * np.float32(0) + np.float32(0)


@kernel
def _step(pos, vel, dt, width, height, size):
    wrong = np.int32(0)
    for i in range(len(pos)):
        x, y = pos[i, 0] + vel[i, 0] * dt, pos[i, 1] + vel[i, 1] * dt
        wrong |= np.int32(x - x != 0) | np.int32(y - y != 0)  # 1 for NaN and infinite
        pos[i, 0], pos[i, 1] = _wrap(x, width), _wrap(y, height)
    i = 0
    if wrong == 0:
        return size
    while pos[i, 0] == pos[i, 0] and pos[i, 1] == pos[i, 1]:
        i += 1
    return i
