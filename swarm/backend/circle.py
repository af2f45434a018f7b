"""Sine and cosine in single operations of float64: the same bits from NumPy on every processor, from numba, from CuPy.

For stages that have no vector kernel: a C library's sine differs from machine to machine, and vmath.py fuses its
multiply-adds, which NumPy cannot. Reduction by multiples of pi/2 in three pieces and the polynomials of polynomials.py,
Horner's rule, one rounding an operation. Error below 1e-15 for |x| <= 1e6; float32 results are those of vmath.py but
for the rare last place. `circle_cpu.py` has the same for kernels, one number at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend.polynomials import CONSTANTS, POLYNOMIALS

TWO_OVER_PI, PI_1, PI_2, PI_3 = (CONSTANTS[name][1] for name in ("two_over_pi", "pi_1", "pi_2", "pi_3"))
SIN, COS = POLYNOMIALS["sin_tail"][1], POLYNOMIALS["cos_tail"][1]


def cos_sin(x: Any) -> tuple[Any, Any]:
    """cos x and sin x, float32 [N], of radians float32 [N]; NaN where x is not finite."""
    y = x.astype(np.float64)
    n = np.rint(y * TWO_OVER_PI)
    r = ((y - n * PI_1) - n * PI_2) - n * PI_3
    z = r * r
    sine, cosine = r + r * z * _horner(SIN, z), 1.0 - 0.5 * z + z * z * _horner(COS, z)
    quadrant = n - 4.0 * np.floor(n * 0.25)
    odd = (quadrant == 1) | (quadrant == 3)
    c, s = np.where(odd, sine, cosine), np.where(odd, cosine, sine)
    c = np.where((quadrant == 1) | (quadrant == 2), -c, c)
    s = np.where(quadrant >= 2, -s, s)
    return c.astype(np.float32), s.astype(np.float32)


def _horner(coefficients: tuple[float, ...], z: Any) -> Any:
    value = z * 0 + coefficients[-1]
    for c in coefficients[-2::-1]:
        value = value * z + c
    return value
