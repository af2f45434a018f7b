"""Dropout factors and input noise of a batch, drawn from counters: the same integers as `jitter.py`.

    name, step, k0, k1   the brain's name, its steps done before, the seed's halves: the key of all draws

Sixty-four values of Philox take about 100 vector operations: two a unit and sample, beside the 4 I flops of its sum.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.rng import stream
from swarm.backend.rng_cpu import draws16, normal64, philox16
from swarm.train.workspace import INPUTS, OUTPUTS, X_STRIDE, Y_STRIDE, M, X

_DROPOUT, _NOISE = np.uint32(stream("dropout")), np.uint32(stream("noise"))
_ZERO = np.float32(0)


@kernel(allocates=False)
def draw_dropout(s, plan, k, count, name, step, k0, k1, limit, scale):
    """Factors for hidden layer k: 0 for a word below `limit` (uint32), else `scale`."""
    width = (plan[k, OUTPUTS] + 15) // 16 * 16
    zero, kept, bound = simd.splat(_ZERO), simd.splat(scale), simd.splat(limit)
    b, j = 0, 0
    for chunk in range((count * width + 63) // 64):
        words = philox16(np.uint32(name), np.uint32(k), np.uint32(step), draws16(_DROPOUT, chunk), k0, k1)
        for word in words:
            if b < count:
                simd.store(s, plan[k, M] + b * plan[k, Y_STRIDE] + j, simd.select(word < bound, zero, kept))
            j += 16
            if j == width:
                b, j = b + 1, 0


@kernel(allocates=False)
def add_noise(s, plan, count, name, step, k0, k1, sigma):
    """Add `sigma` times standard normals to the inputs of the batch."""
    width = (plan[0, INPUTS] + 15) // 16 * 16
    scale = simd.splat(sigma)
    b, i = 0, 0
    for chunk in range((count * width + 63) // 64):
        for normals in normal64(np.uint32(name), np.uint32(0), np.uint32(step), _NOISE, chunk, k0, k1):
            if b < count:
                at = plan[0, X] + b * plan[0, X_STRIDE] + i
                simd.store(s, at, simd.fma(scale, normals, simd.load(s, at)))
            i += 16
            if i == width:
                b, i = b + 1, 0
