"""Compute the polynomial coefficients that stand in `swarm/backend/polynomials.py`.

    pip install mpmath && python tools/minimax.py

Each polynomial minimises the greatest error of `weight * (f - p)` on its interval by the Remez exchange (Remez 1934),
in 60 digits. Printed beside each is the error reached, in units of the last place that matters.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


def remez(f: Function, low: float, high: float, degree: int, weight: Function) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients (constant first) and the greatest weighted error of the minimax polynomial."""
    low, high, points = mp.mpf(low), mp.mpf(high), degree + 2
    nodes = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / (points - 1)) for i in range(points)]
    grid = [low + (high - low) * (1 - mp.cos(mp.pi * i / 1200)) / 2 for i in range(1201)]
    exact = [(x, f(x), weight(x)) for x in grid]
    for _ in range(12):
        rows = [[*(x**k for k in range(degree + 1)), (-1) ** i / weight(x)] for i, x in enumerate(nodes)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([f(x) for x in nodes]))
        c = list(solution[: degree + 1])
        errors = [w * (y - mp.polyval(c[::-1], x)) for x, y, w in exact]
        peaks: list[int] = []
        for i, e in enumerate(errors):  # the largest error of each run of one sign
            if peaks and (errors[peaks[-1]] > 0) == (e > 0):
                if abs(e) > abs(errors[peaks[-1]]):
                    peaks[-1] = i
            else:
                peaks.append(i)
        while len(peaks) > points:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        if len(peaks) < points:
            break
        worst = max(abs(errors[i]) for i in peaks)
        nodes = [grid[i] for i in peaks]
        if worst / min(abs(errors[i]) for i in peaks) < 1.001:
            break
    return c, max(abs(e) for e in errors)


def safe(f: Function, limit: Function) -> Function:
    """`f` away from zero and its known limit there, where the formula divides nothing by nothing."""
    return lambda x: limit(x) if abs(x) < mp.mpf("1e-18") else f(x)


HALF_LN2 = mp.log(2) / 2
S = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2
QUARTER = (mp.pi / 4) ** 2
ERF0 = 2 / mp.sqrt(mp.pi)

# name, f, interval, degree (float32, float64), weight that makes the error relative to the result
JOBS = (
    (
        "expm1: (e^r - 1 - r) / r^2",
        safe(lambda r: (mp.expm1(r) - r) / r**2, lambda r: mp.mpf(1) / 2 + r / 6),
        -HALF_LN2,
        HALF_LN2,
        (4, 10),
        lambda r: abs(r) if r else mp.mpf("1e-9"),
    ),
    (
        "log: (log((1+s)/(1-s)) - 2s) / s^3, in z = s^2",
        safe(
            lambda z: (2 * mp.atanh(mp.sqrt(z)) - 2 * mp.sqrt(z)) / mp.sqrt(z) ** 3, lambda z: mp.mpf(2) / 3 + z * 2 / 5
        ),
        0,
        S,
        (3, 7),
        lambda z: z + mp.mpf("1e-9"),
    ),
    (
        "sin: (sin r - r) / r^3, in z = r^2",
        safe(lambda z: (mp.sin(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3, lambda z: -mp.mpf(1) / 6 + z / 120),
        0,
        QUARTER,
        (3, 6),
        lambda z: z + mp.mpf("1e-9"),
    ),
    (
        "cos: (cos r - 1 + r^2/2) / r^4, in z = r^2",
        safe(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, lambda z: mp.mpf(1) / 24 - z / 720),
        0,
        QUARTER,
        (2, 6),
        lambda z: z**2 + mp.mpf("1e-9"),
    ),
    (
        "erf below 1: erf(x) / x, in z = x^2",
        safe(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z), lambda z: ERF0 * (1 - z / 3)),
        0,
        1,
        (6, 12),
        lambda z: mp.mpf(1),
    ),
    (
        "erf above 1: erfc(x) exp(x^2), in t = 1/x, x < 4",
        lambda t: mp.erfc(1 / t) * mp.exp(1 / t**2),
        mp.mpf(1) / 4,
        1,
        (7,),
        lambda t: mp.exp(-1 / t**2),
    ),
    (
        "erf above 1: erfc(x) exp(x^2), in t = 1/x, x < 6",
        lambda t: mp.erfc(1 / t) * mp.exp(1 / t**2),
        mp.mpf(1) / 6,
        1,
        (16,),
        lambda t: mp.exp(-1 / t**2),
    ),
)

if __name__ == "__main__":
    for name, f, low, high, degrees, weight in JOBS:
        for degree in degrees:
            c, error = remez(f, low, high, degree, weight)
            print(f"{name}; degree {degree}; greatest error {mp.nstr(error, 3)} = 2^{mp.nstr(mp.log(error, 2), 4)}")
            print("    (" + ", ".join(repr(float(x)) for x in c) + ")")
