"""`circle.cos_sin` for kernels: the same operations in the same order, so the same bits."""

from __future__ import annotations

import numpy as np

from swarm.backend.circle import COS, PI_1, PI_2, PI_3, SIN, TWO_OVER_PI
from swarm.backend.jit import kernel


@kernel(inline=True)
def cos_sin(x):
    """(cos x, sin x) in float32 of one angle float32, rad."""
    y = np.float64(x)
    n = np.rint(y * TWO_OVER_PI)
    r = ((y - n * PI_1) - n * PI_2) - n * PI_3
    z = r * r
    p, q = z * 0 + SIN[len(SIN) - 1], z * 0 + COS[len(COS) - 1]
    for k in range(len(SIN) - 2, -1, -1):
        p = p * z + SIN[k]
    for k in range(len(COS) - 2, -1, -1):
        q = q * z + COS[k]
    sine, cosine = r + r * z * p, 1.0 - 0.5 * z + z * z * q
    quadrant = n - 4.0 * np.floor(n * 0.25)
    c, s = cosine, sine
    if quadrant == 1:
        c, s = -sine, cosine
    elif quadrant == 2:
        c, s = -cosine, -sine
    elif quadrant == 3:
        c, s = sine, -cosine
    return np.float32(c), np.float32(s)
