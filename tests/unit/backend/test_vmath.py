"""The vector functions against 60-digit values, in units of the last place, and at the edges."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from swarm.backend import simd, vmath
from swarm.backend.jit import kernel

mpmath.mp.dps = 60


def _runner(function):
    @kernel
    def run(x, out):
        for i in range(0, x.size, 16):
            simd.store(out, i, function(simd.load(x, i)))

    def call(values, dtype):
        x = np.zeros(-(-len(values) // 16) * 16, dtype)
        x[: len(values)] = values
        out = np.empty_like(x)
        run(x, out)
        return x[: len(values)], out[: len(values)]

    return call


EXACT = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "erf": mpmath.erf,
}
RUN = {name: _runner(getattr(vmath, name)) for name in EXACT}
BOUNDS = {  # float32, float64, as stated in the module's docstring
    "exp": (1.0, 1.0),
    "expm1": (2.0, 2.0),
    "tanh": (2.0, 2.0),
    "sigmoid": (2.5, 2.5),
    "log": (1.0, 1.0),
    "sin": (1.5, 1.5),
    "cos": (1.5, 1.5),
    "erf": (2.5, 4.0),
}


def _arguments(name: str, dtype) -> np.ndarray:
    rng = np.random.default_rng(3)
    double = dtype is np.float64
    if name == "log":
        x = np.concatenate([np.exp(rng.uniform(-85, 85, 500)), 1 + rng.normal(0, 0.1, 500), np.logspace(-8, 8, 200)])
        return np.abs(x)
    if name in ("sin", "cos"):
        return np.concatenate([rng.uniform(-7, 7, 900), rng.uniform(-1, 1, 300) * (1e6 if double else 1e4)])
    wide = {"exp": 700 if double else 86, "sigmoid": 80, "expm1": 80, "tanh": 25, "erf": 7}[name]
    tiny = np.logspace(-30, 0, 200) * rng.choice([-1, 1], 200)
    return np.concatenate([rng.uniform(-wide, wide, 500), rng.normal(0, 1, 500), tiny])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_within_the_stated_ulp(name, dtype):
    x, y = RUN[name](_arguments(name, dtype), dtype)
    exact = [EXACT[name](mpmath.mpf(float(v))) for v in x]
    rounded = np.array([float(v) for v in exact]).astype(dtype)
    place = np.spacing(np.abs(rounded)) if name not in ("sin", "cos") else np.full(len(x), np.spacing(dtype(1)))
    error = np.array([float(abs(mpmath.mpf(float(b)) - a) / mpmath.mpf(float(p))) for a, b, p in zip(exact, y, place)])
    worst = int(error.argmax())
    assert error[worst] <= BOUNDS[name][dtype is np.float64], (name, x[worst], y[worst], error[worst])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "values", "limits"),
    [
        ("exp", [np.inf, -np.inf, 0.0, 1000.0, -1000.0], [np.inf, 0.0, 1.0, np.inf, 0.0]),
        ("expm1", [np.inf, -np.inf, 0.0, 1000.0, -1000.0], [np.inf, -1.0, 0.0, np.inf, -1.0]),
        ("log", [np.inf, 0.0, 1.0], [np.inf, -np.inf, 0.0]),
        ("tanh", [np.inf, -np.inf, 0.0, 50.0, -50.0], [1.0, -1.0, 0.0, 1.0, -1.0]),
        ("sigmoid", [np.inf, -np.inf, 0.0], [1.0, 0.0, 0.5]),
        ("erf", [np.inf, -np.inf, 0.0], [1.0, -1.0, 0.0]),
        ("sin", [0.0], [0.0]),
        ("cos", [0.0], [1.0]),
    ],
)
def test_limits(name, values, limits, dtype):
    _, y = RUN[name](values, dtype)
    np.testing.assert_array_equal(y, np.array(limits, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_nan_stays_nan(name, dtype):
    _, y = RUN[name]([np.nan, 0.5], dtype)
    assert np.isnan(y[0]) and np.isfinite(y[1])


def test_log_of_a_negative_number_is_nan():
    _, y = RUN["log"]([-1.0, -np.inf], np.float32)
    assert np.isnan(y).all()


def test_subnormal_arguments_and_results():
    _, y = RUN["log"]([1e-40], np.float32)
    assert y[0] == np.float32(np.log(np.float64(np.float32(1e-40))))
    _, y = RUN["exp"]([-95.0], np.float32)
    np.testing.assert_allclose(y[0], np.exp(-95.0), atol=3e-45, rtol=0)
