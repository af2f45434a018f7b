"""move on the CPU: eight entities in sixteen lanes.

    pos [N][2] float32 m read|write, in row order      vel [N][2] float32 m/s read, written where too fast
    24 bytes and 12 flops an entity; memory-bound

One thread: 100,000 entities are done before another thread is awake. x and y alternate in the lanes,
and so do the sides of the world. Single operations, never fused: equal bits with the reference.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import select, splat
from swarm.stages.move import cost, wrap  # noqa: F401  (shared with the reference)


def drift(pos, vel, dt, width, height, limit):
    """See `move.drift`."""
    if limit < np.inf:
        _slow(vel, limit)
    flat = np.ascontiguousarray(pos)  # itself, unless it is a part of a wider row
    good = _step(flat.reshape(-1), np.ascontiguousarray(vel).reshape(-1), dt, width, height)
    if flat is not pos:
        pos[:] = flat
    return -1 if good else _first_bad(pos)


@kernel
def _slow(vel, limit):
    for i in range(len(vel)):
        speed = np.sqrt(vel[i, 0] * vel[i, 0] + vel[i, 1] * vel[i, 1])
        if speed > limit:
            factor = limit / speed
            vel[i, 0] *= factor
            vel[i, 1] *= factor


@kernel(inline=True)
def _step16(x, v, dt, side):
    """New positions, wrapped; NaN where they are not finite."""
    zero = splat(np.float32(0))
    x = x + v * splat(dt)
    x = x - side * simd.floor(x / side)
    x = select(x < zero, x + side, x)
    x = select(x >= side, x - side, x)
    return select((x >= zero) & (x < side), x, x * zero + zero)


@kernel
def _step(pos, vel, dt, width, height):
    """Move all; returns whether all new positions are finite."""
    even = (simd.iota() & splat(np.int32(1))) == splat(np.int32(0))
    side = select(even, splat(width), splat(height))
    whole = len(pos) // 16 * 16
    zero = splat(np.float32(0))
    wrong = zero
    for k in range(0, whole, 16):
        x = _step16(simd.load(pos, k), simd.load(vel, k), dt, side)
        wrong = wrong + x * zero
        simd.store(pos, k, x)
    if whole < len(pos):
        rest = simd.first(len(pos) - whole)
        x = _step16(simd.load_masked(pos, whole, rest, zero), simd.load_masked(vel, whole, rest, zero), dt, side)
        wrong = wrong + x * zero
        simd.store_masked(pos, whole, x, rest)
    return simd.total(wrong) == 0


@kernel
def _first_bad(pos):
    for i in range(len(pos)):
        if pos[i, 0] != pos[i, 0] or pos[i, 1] != pos[i, 1]:
            return i
    return -1


def confine(pos, vel, dt, width, height, limit, bounce):
    """See `move.confine`."""
    if limit < np.inf:
        _slow(vel, limit)
    sides = np.array([width, height], np.float32)
    return _confine(pos, vel, dt, sides, np.nextafter(sides, np.float32(0)), bounce)


@kernel
def _confine(pos, vel, dt, sides, lasts, bounce):
    bad, zero = -1, np.float32(0)
    for i in range(len(pos)):
        for axis in range(2):
            side, last, v = sides[axis], lasts[axis], vel[i, axis]
            step = v * dt
            x = pos[i, axis] + step
            if x < zero or x > last:
                if bounce:
                    x = -x if x < zero else side + side - x
                x = zero if x < zero else last if x > last else x
                if abs(step) < np.inf:
                    vel[i, axis] = -v if bounce else zero
            x += step * zero
            pos[i, axis] = x
            if bad < 0 and not np.isfinite(x):
                bad = i
    return bad
