"""The ten activations against closed forms in high precision, and their derivatives against differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from swarm.brain.activations import ACTIVATIONS, CODES, activate, derivative

mpmath.mp.dps = 40

CLOSED_FORMS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "leakyrelu": lambda z: z if z > 0 else mpmath.mpf(0.01) * z,
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "selu": lambda z: (
        mpmath.mpf(1.0507009873554805) * (z if z > 0 else mpmath.mpf(1.6732632423543772) * mpmath.expm1(z))
    ),
    "hardshrink": lambda z: z if abs(z) > 0.5 else mpmath.mpf(0),
    "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
}
POINTS = np.concatenate([np.linspace(-12, 12, 97) + 0.01, [-90.0, -30.0, 0.0, 30.0, 90.0]])
everyone = pytest.mark.parametrize("name", ACTIVATIONS)


def test_the_ten_names_and_their_codes() -> None:
    assert len(ACTIVATIONS) == 10
    assert set(ACTIVATIONS) == set(CLOSED_FORMS)
    assert [CODES[name] for name in ACTIVATIONS] == list(range(10))


@everyone
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_agree_with_the_closed_form(name: str, dtype: type) -> None:
    z = POINTS.astype(dtype)
    got = activate(CODES[name], z)
    assert got.dtype == dtype
    expected = np.array([float(CLOSED_FORMS[name](mpmath.mpf(float(v)))) for v in z])
    condition = 1 + np.square(z, dtype=np.float64) * (name == "gelu")  # how far its tail magnifies a rounded argument
    error = np.abs(got - expected)
    assert (error <= 6 * np.finfo(dtype).eps * condition * np.abs(expected) + np.finfo(dtype).tiny).all()


@everyone
def test_derivatives_agree_with_the_closed_form(name: str) -> None:
    z = np.array([v for v in POINTS if abs(abs(v) - 0.5) > 1e-3 and v != 0 and abs(v) < 40])
    expected = [float(mpmath.diff(CLOSED_FORMS[name], mpmath.mpf(float(v)))) for v in z]
    for dtype, bound in ((np.float64, 1e-13), (np.float32, 2e-6)):
        got = derivative(CODES[name], z.astype(dtype))
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=bound, atol=bound / 10)


def test_derivatives_at_the_kinks() -> None:
    at = {"relu": (0.0, 0.0), "leakyrelu": (0.0, 0.01), "elu": (0.0, 1.0), "hardshrink": (0.5, 0.0)}
    for name, (z, value) in at.items():
        assert derivative(CODES[name], np.array([z]))[0] == value


@everyone
def test_extremes_stay_quiet_and_nan_stays_nan(name: str) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for dtype in (np.float32, np.float64):
            z = np.array([-1e30, -1e4, 1e4, 1e30], dtype)
            assert np.isfinite(activate(CODES[name], z)).all()
    assert np.isnan(activate(CODES[name], np.array([np.nan], np.float32))).all()
