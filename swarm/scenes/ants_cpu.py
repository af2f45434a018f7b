"""What ants decide and do with their loads, on the CPU: one pass over the ants each.

    senses  [N][6] float32  read     vel [N][2] float32 read     seeking, scouts [N] bool read
    chance  [N][2] float32  read     actions [N][2] float32 written
    50 bytes and some 30 flops an ant to decide; 50 bytes, half of them written, and 15 flops to carry

Single operations, never fused: equal bits with the reference.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.circle_cpu import cos_sin
from swarm.backend.jit import kernel
from swarm.scenes.ants import FELT, HOME, OUTWARDS, PI, SIDES

_ANTS = 4096  # of one task
_COS, _SIN = (np.array(side, np.float32) for side in SIDES)


def choose(senses, vel, seeking, scouts, chance, lost, actions):
    about = senses, vel, seeking, scouts, chance, lost, actions
    if len(vel) <= _ANTS:
        _some(*about, 0, len(vel))
    else:
        _all(*about)


@kernel(parallel=True)
def _all(senses, vel, seeking, scouts, chance, lost, actions):
    for task in prange((len(vel) + _ANTS - 1) // _ANTS):
        low = np.int64(task) * _ANTS
        _some(senses, vel, seeking, scouts, chance, lost, actions, low, min(len(vel), low + _ANTS))


@kernel
def _some(senses, vel, seeking, scouts, chance, lost, actions, low, high):
    one, none = np.float32(1), np.float32(0)
    for i in range(low, high):
        c, s = vel[i, 0], vel[i, 1]
        length = np.sqrt(c * c + s * s)
        c, s = (c / length, s / length) if length != none else (one, none)
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


def handle(pos, vel, heading, load, seeking, scent, scouts, since, chance, half, numbers):
    about = pos, vel, heading, load, seeking, scent, scouts, since, chance, half, numbers
    brought = np.zeros((len(pos) + _ANTS - 1) // _ANTS, np.int64)
    if len(brought) > 1:
        _handle_all(*about, brought)
    elif len(brought):
        brought[0] = _handle(*about, 0, len(pos))
    return int(brought.sum())


@kernel(parallel=True)
def _handle_all(pos, vel, heading, load, seeking, scent, scouts, since, chance, half, numbers, brought):
    for task in prange(len(brought)):
        low = np.int64(task) * _ANTS
        high = min(len(pos), low + _ANTS)
        about = pos, vel, heading, load, seeking, scent, scouts, since, chance, half, numbers
        brought[task] = _handle(*about, low, high)


@kernel
def _handle(pos, vel, heading, load, seeking, scent, scouts, since, chance, half, numbers, low, high):
    none, count, least = np.float32(0), 0, np.float32(0.8) * numbers.speed * numbers.speed
    for i in range(low, high):
        x, y = pos[i, 0] - half, pos[i, 1] - half
        at_home = x * x + y * y < HOME * HOME
        found, brought = seeking[i] and load[i] > none, not seeking[i] and at_home
        scent[i] *= numbers.keep
        since[i] += 1
        if found or at_home:
            since[i] = 0
        if found:
            scent[i], scouts[i] = np.float32(1), False
        if brought:
            load[i], scent[i], scouts[i] = none, none, chance[i, 0] < numbers.scouts
            count += 1
        if np.float32(since[i]) > numbers.patience:
            scouts[i] = True
        vx, vy = vel[i, 0], vel[i, 1]
        if found or brought:
            heading[i] += PI
            vel[i, 0], vel[i, 1] = -vx, -vy
        elif vx * vx + vy * vy < least:
            heading[i] += chance[i, 1] * (PI + PI)
        if heading[i] > PI:
            heading[i] -= PI + PI
        if not (found or brought) and vx * vx + vy * vy < least:
            c, s = cos_sin(heading[i])
            vel[i, 0], vel[i, 1] = c * numbers.speed, s * numbers.speed
        seeking[i] = load[i] == none
    return count
