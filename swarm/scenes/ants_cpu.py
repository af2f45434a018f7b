"""What ants decide, on the CPU: one pass over the ants.

    senses  [N][6] float32  read     heading [N] float32 read     seeking, scouts [N] bool read
    chance  [N][2] float32  read     actions [N][2] float32 written
    46 bytes and some 60 flops an ant, most of them for the sine and the cosine

Single operations, never fused: equal bits with the reference.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.circle_cpu import cos_sin
from swarm.backend.jit import kernel
from swarm.scenes.ants import FELT, OUTWARDS, SIDES

_ANTS = 4096  # of one task
_COS, _SIN = (np.array(side, np.float32) for side in SIDES)


def choose(senses, heading, seeking, scouts, chance, lost, actions):
    about = senses, heading, seeking, scouts, chance, lost, actions
    if len(heading) <= _ANTS:
        _some(*about, 0, len(heading))
    else:
        _all(*about)


@kernel(parallel=True)
def _all(senses, heading, seeking, scouts, chance, lost, actions):
    for task in prange((len(heading) + _ANTS - 1) // _ANTS):
        low = np.int64(task) * _ANTS
        _some(senses, heading, seeking, scouts, chance, lost, actions, low, min(len(heading), low + _ANTS))


@kernel
def _some(senses, heading, seeking, scouts, chance, lost, actions, low, high):
    one, none = np.float32(1), np.float32(0)
    for i in range(low, high):
        c, s = cos_sin(heading[i])
        hx, hy = senses[i, 3], senses[i, 4]
        along, across = c * hx + s * hy, c * hy - s * hx
        if seeking[i]:
            left = senses[i, 0] * (one - OUTWARDS * (_COS[0] * along + _SIN[0] * across))
            ahead = senses[i, 1] * (one - OUTWARDS * (_COS[1] * along + _SIN[1] * across))
            right = senses[i, 2] * (one - OUTWARDS * (_COS[2] * along + _SIN[2] * across))
            wish = none if ahead >= left and ahead >= right else one if left > right else -one
            if scouts[i] or max(max(left, ahead), right) < FELT:
                wish = none
        elif along < none:
            wish = -one if across < none else one
        else:
            wish = min(max(across + across, -one), one)
        wander = (chance[i, 0] + chance[i, 1] - one) * (lost + lost)
        actions[i, 0], actions[i, 1] = min(max(wish + wander, -one), one), none
