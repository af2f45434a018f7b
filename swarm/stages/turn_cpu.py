"""turn on the CPU: one agent after the other, in vectors as the compiler finds them.

    by [N][2] float32 read        heading [N] float32 rad, speed [N] float32 m/s read|write
    vel [N][2] float32 m/s write
    32 bytes and some 50 flops an agent

Single operations, never fused: equal bits with the reference.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.circle_cpu import cos_sin
from swarm.backend.jit import kernel
from swarm.backend.tasks import first_bad
from swarm.stages.turn import _PI, TAU, cost  # noqa: F401  (shared with the reference)

_AGENTS = 4096  # of one task


def head(by, heading, speed, vel, rate, push, keep, least, most):
    """See `turn.head`."""
    about = by, heading, speed, vel, rate, push, keep, least, most
    return first_bad(_all, _some, about, len(heading), _AGENTS, len(heading))


@kernel(parallel=True)
def _all(by, heading, speed, vel, rate, push, keep, least, most, bad):
    for task in prange(len(bad)):
        low = np.int64(task) * _AGENTS
        high = min(len(heading), low + _AGENTS)
        bad[task] = _some(by, heading, speed, vel, rate, push, keep, least, most, low, high)


@kernel
def _some(by, heading, speed, vel, rate, push, keep, least, most, low, high):
    bad = len(heading)
    for i in range(low, high):
        angle = heading[i] + by[i, 0] * rate
        angle = angle - TAU * np.floor((angle + _PI) / TAU)
        angle = -_PI if angle >= _PI or angle < -_PI else angle
        pace = speed[i] * keep + by[i, 1] * push
        pace = least if pace < least else most if pace > most else pace
        heading[i], speed[i] = angle, pace
        c, s = cos_sin(angle)
        vel[i, 0], vel[i, 1] = c * pace, s * pace
        if not (np.isfinite(angle) and np.isfinite(pace)):
            bad = min(bad, i)
    return bad
