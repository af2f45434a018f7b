"""MGRIT: the sequential trainer as oracle, a linear problem with a known iteration, counts by closed forms, errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

import swarm
from swarm import MLP, SGD, Brains, fit, mgrit
from swarm.errors import NonFiniteError, SettingsError
from swarm.train.mgrit.loss import half_squares
from swarm.train.mgrit.problems import addition, xor

XOR = xor()
NET = {"loss": "mse", "reduction": "sum", "rate": 0.5, "backend": "reference", "weights": XOR.weights}


def solve(steps: int, **more):
    return mgrit(XOR.mlp, XOR.x, XOR.y, **{**NET, "steps": steps, **more})


def serial(steps: int, **more) -> np.ndarray:
    """All points of serial training, [N + 1, P]."""
    return solve(steps, levels=1, **more).trajectory.parameters


# --- the sequential trainer as oracle -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cycle", "more"),
    [
        ("two-level", {}),
        ("V", {"max_rate": 4.0}),
        ("F", {"max_rate": 4.0}),
        ("W", {"max_rate": 4.0}),
        ("parareal", {}),
        ("two-level", {"rule": "naive"}),
        ("two-level", {"relaxation": "F(CF)^2"}),
        ("V", {"coarsening": (4, 2), "max_rate": 4.0, "start": "nested"}),
        ("V", {"max_rate": 4.0, "start": "coarse"}),
    ],
)
def test_ends_where_serial_training_ends(cycle: str, more: dict):
    report = solve(40, cycle=cycle, **more)
    assert report.converged
    assert report.residuals[-1] <= 1e-9 * np.sqrt(40) == report.tolerance
    np.testing.assert_allclose(report.trajectory.parameters, serial(40), rtol=0, atol=1e-7)


def test_ends_where_fit_ends():
    brains = Brains(XOR.mlp, 1, dtype="float64", backend="reference")
    brains.set(0, XOR.weights)
    by_steps = brains.clone()
    fit(by_steps, XOR.x, XOR.y, loss="mse", reduction="sum", optimizer=SGD(0.5), epochs=30, batch_size=4, shuffle=False)
    report = mgrit(brains, XOR.x, XOR.y, steps=30, rate=0.5, reduction="sum", cycle="two-level")
    assert report.brains is brains
    np.testing.assert_allclose(brains.parameters, by_steps.parameters, rtol=0, atol=1e-7)


def test_serialised_data_are_those_of_fit_in_their_order():
    brains = Brains(XOR.mlp, 1, dtype="float64", backend="reference")
    brains.set(0, XOR.weights)
    x, y = np.roll(XOR.x, -1, axis=0), np.roll(XOR.y, -1, axis=0)  # the step into point 1 sees sample 1
    fit(brains, x, y, loss="mse", reduction="sum", optimizer=SGD(0.5), epochs=6, batch_size=1, shuffle=False,
        sampling="shared")  # fmt: skip
    report = solve(24, rule="serialised", cycle="two-level")
    assert report.converged
    np.testing.assert_allclose(report.brains.parameters, brains.parameters, rtol=0, atol=1e-7)
    with_batches = solve(24, batch_size=2, levels=1)
    assert not np.allclose(with_batches.brains.parameters, brains.parameters)


@pytest.mark.parametrize(("steps", "coarsening"), [(23, 3), (17, 4), (41, (3, 2))])
def test_factors_need_not_divide_the_steps(steps: int, coarsening):
    report = solve(steps, coarsening=coarsening, cycle="V", coarsest=3, max_rate=2.0)
    assert report.converged
    np.testing.assert_allclose(report.trajectory.parameters, serial(steps), rtol=0, atol=1e-7)


@pytest.mark.parametrize(("relaxation", "most"), [("F", 8), ("FCF", 4)])
def test_is_exact_after_as_many_iterations_as_coarse_steps(relaxation: str, most: int):
    """Each iteration makes the next coarse interval exact, with FCF the next two (Gander and Vandewalle 2007)."""
    report = solve(16, cycle="two-level", rule="naive", relaxation=relaxation, tolerance=1e-14, iterations=most)
    np.testing.assert_allclose(report.trajectory.parameters, serial(16), rtol=1e-13, atol=1e-13)
    k = most // 2
    early = solve(16, cycle="two-level", rule="naive", relaxation=relaxation, tolerance=1e-14, iterations=k)
    error = np.abs(early.trajectory.parameters - serial(16)).max(axis=1)
    assert error[:9].max() < 1e-13 < 1e-6 < error[-1]


def test_lanes_and_threads_change_no_bit():
    whole = solve(40, cycle="V", max_rate=4.0)
    few = solve(40, cycle="V", max_rate=4.0, lanes=3)
    np.testing.assert_array_equal(whole.trajectory.parameters, few.trajectory.parameters)
    assert whole.ledger.work() == few.ledger.work()


def test_float32_converges_to_what_its_rounding_allows():
    report = solve(40, dtype="float32", cycle="two-level")
    assert report.converged
    assert report.brains.dtype == np.float32
    np.testing.assert_allclose(report.brains.parameters, serial(40)[-1:], atol=1e-3)


# --- a linear problem: one weight, w <- (1 - a) w on the fine level, (1 - b) w on the coarse -------------------------

ONE = {"loss": half_squares, "reduction": "sum", "weights": [1.0], "backend": "reference"}


def line(steps: int, rate: float, **more):
    one = MLP((1, 1), bias=False)
    return mgrit(one, np.ones((1, 1)), np.zeros((1, 1)), **{**ONE, "steps": steps, "rate": rate, **more})


def residual_history(N: int, m: int, lam: float, mu: float, sweeps: int, count: int) -> list[float]:
    """The fine residuals of two-level MGRIT from the matrices: e <- S B^-1 (B - A) e at the C-points, S of CF-sweeps.

    A and B are lower bidiagonal, with -lam^m and -mu under the diagonal; e_0 = 0, the guess is 0 behind point 0.
    """
    n = N // m
    under = np.eye(n, k=-1)
    A, B = np.eye(n) - lam**m * under, np.eye(n) - mu * under
    e = lam ** (m * np.arange(1, n + 1))  # exact minus guess
    norms = [np.linalg.norm(A @ e)]
    for _ in range(count):
        for _ in range(sweeps):
            e = e - A @ e
        e = e - np.linalg.solve(B, A @ e)
        norms.append(np.linalg.norm(A @ e))
    return norms


@pytest.mark.parametrize(("relaxation", "sweeps"), [("F", 0), ("FCF", 1), ("F(CF)^2", 2)])
@pytest.mark.parametrize(
    ("N", "m", "rate", "rule"), [(64, 2, 0.1, "doubled"), (60, 3, 0.2, "naive"), (48, 4, 0.3, "naive")]
)
def test_residuals_are_those_of_the_iteration_matrix(
    relaxation: str, sweeps: int, N: int, m: int, rate: float, rule: str
):
    report = line(
        N, rate, cycle="two-level", coarsening=m, rule=rule, relaxation=relaxation, iterations=4, tolerance=1e-15
    )
    lam, mu = 1 - rate, 1 - report.levels[1].rate
    np.testing.assert_allclose(
        report.residuals, residual_history(N, m, lam, mu, sweeps, report.iterations), rtol=1e-6, atol=1e-14
    )


@pytest.mark.parametrize(("relaxation", "sweeps"), [("F", 0), ("FCF", 1)])
def test_the_factor_keeps_the_two_level_bound(relaxation: str, sweeps: int):
    """|lam^m - mu| (1 - |mu|^n) / (1 - |mu|) |lam|^(m sweeps): Dobrev, Kolev, Petersson and Schroder, SIAM J. Sci.
    Comput. 39(5), 2017."""
    N, m, rate = 200, 2, 0.02
    report = line(N, rate, cycle="two-level", relaxation=relaxation)
    lam, mu = 1 - rate, 1 - report.levels[1].rate
    bound = abs(lam**m - mu) * (1 - abs(mu) ** (N // m)) / (1 - abs(mu)) * abs(lam) ** (m * sweeps)
    assert report.converged
    assert report.factors.max() <= bound * (1 + 1e-9)
    assert report.factors.max() > 0.3 * bound


# --- what it costs, by closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "sweeps", "relaxation"), [(2, 1, "FCF"), (4, 1, "FCF"), (2, 0, "F"), (5, 2, "FCFCF")])
def test_two_level_work_and_path(m: int, sweeps: int, relaxation: str):
    N, k = 40, 3
    n = N // m
    report = solve(N, cycle="two-level", coarsening=m, relaxation=relaxation, iterations=k, tolerance=1e-15)
    relaxed = (m - 1) * n + n  # F and, at the C-points, the residual
    assert report.iterations == k
    # at the start one F and residual; an iteration has one behind each CF-sweep and one behind the correction
    assert report.work.tolist() == [(1 + k * (sweeps + 1)) * relaxed, k * 2 * n]
    assert report.path() == (1 + k * (sweeps + 1)) * m + k * (1 + n)
    waves = -(-n // 7)
    assert report.path(7) == (1 + k * (sweeps + 1)) * m * waves + k * (waves + n)
    assert report.path(1) == report.work.sum()
    assert report.speedup(7) == N / report.path(7)


@pytest.mark.parametrize(("cycle", "visits"), [("V", 1), ("F", 4), ("W", 8)])
def test_how_often_cycles_visit_the_coarsest_level(cycle: str, visits: int):
    report = solve(64, cycle=cycle, levels=5, max_rate=2.0, iterations=2, tolerance=1e-15)
    last = report.levels[-1]
    assert report.ledger.launches[last.number, 1, last.steps] == 2 * visits


def test_one_level_is_serial_training():
    report = solve(25, levels=1)
    assert (report.iterations, report.converged, report.path(), report.work.tolist()) == (1, True, 25, [25])


# --- reports --------------------------------------------------------------------------------------------------------


def test_report_tells(tmp_path):
    report = solve(40, cycle="V", max_rate=4.0)
    assert "converged after" in str(report)
    np.testing.assert_allclose(report.factors, report.residuals[1:] / report.residuals[:-1])
    assert report.factor**report.iterations == pytest.approx(report.residuals[-1] / report.residuals[0])
    facts = json.loads(json.dumps(report.facts()))
    assert facts["iterations"] == report.iterations
    assert [level["rate"] for level in facts["levels"]] == [1 * 0.5, 1, 2]
    assert report.table().row_count == 3
    assert len(report.trajectory) == 41
    assert (report.level_seconds > 0).all()
    pytest.importorskip("matplotlib")
    report.plot(tmp_path / "residuals.svg")
    assert "iteration" in (tmp_path / "residuals.svg").read_text() or (tmp_path / "residuals.svg").stat().st_size > 1000


def test_public_names_are_one_function():
    assert swarm.mgrit is swarm.train.mgrit is mgrit


def test_problems():
    assert XOR.mlp.count == 16
    assert XOR.weights[0] == 2 * np.random.RandomState(1).random_sample() - 1
    other = addition(seed=3, pairs=50)
    assert other.mlp.count == len(other.weights) == 12_032
    powers = 1 << np.arange(11, -1, -1)
    first, second, total = other.x[:, :12] @ powers, other.x[:, 12:] @ powers, other.y @ powers
    np.testing.assert_array_equal(total, (first + second) % 4096)
    assert not np.array_equal(other.weights, addition(seed=4, pairs=50).weights)


def test_half_squares_are_half_the_outputs_times_mse():
    outputs, targets = np.random.default_rng(0).random((3, 5, 4)), np.ones((1, 5, 4))
    value, gradient = half_squares(outputs, targets)
    np.testing.assert_allclose(value, np.square(outputs - 1).sum(axis=2) / 2)
    np.testing.assert_allclose(gradient, outputs - 1)


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_coarse_level_that_diverges_is_named():
    with pytest.raises(NonFiniteError, match=r"level 2 \(50 steps of length 3.6\) diverges. Lower max_rate below 3.6"):
        line(200, 0.9, cycle="V")


def test_points_that_are_not_finite_are_told_with_their_level():
    with pytest.raises(NonFiniteError, match=r"level 1 .* no longer finite numbers\. Lower max_rate"):
        line(4000, 1.9, cycle="two-level", coarsening=10)


def test_a_training_that_diverges_itself_is_told():
    with pytest.raises(NonFiniteError, match=r"the training itself \(4,000 steps of length 9\).*smaller rate"):
        line(4000, 9.0, levels=1)


def test_a_level_that_hinders_is_named_when_the_limit_is_reached():
    report = line(40, 0.9, cycle="V", levels=3, iterations=3)
    assert not report.converged
    assert report.unstable is not None
    assert report.unstable.number == 2
    assert "not converged after 3 iterations" in str(report)


def test_tolerance_below_the_arithmetic():
    with pytest.raises(SettingsError, match=r"below what float32 reaches .* or take dtype='float64'"):
        solve(40, dtype="float32", tolerance=1e-9)
    with pytest.raises(SettingsError, match="below what float64 reaches"):
        solve(40, tolerance=1e-18)


def test_stops_where_rounding_ends_it():
    report = solve(200, cycle="two-level", tolerance=6e-16, iterations=40)
    assert report.status in ("stagnated", "converged")
    assert report.iterations < 40


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"cycle": "U"}, "cycle 'U' is unknown"),
        ({"start": "cold"}, "start 'cold' is unknown"),
        ({"cycle": "parareal", "relaxation": "FCF"}, "Parareal relaxes by F"),
        ({"iterations": 0}, "iterations = 0"),
        ({"lanes": 0}, "lanes = 0"),
        ({"batch_size": 5}, "batch_size = 5"),
        ({"tolerance": -1.0}, "tolerance = -1.0"),
        ({"reduction": "max"}, "reduction 'max' is unknown"),
        ({"loss": "msee"}, "loss 'msee' is unknown"),
    ],
)
def test_bad_settings_are_refused(given: dict, word: str):
    with pytest.raises(SettingsError, match=word):
        solve(20, **given)


def test_one_network_is_trained():
    two = Brains(XOR.mlp, 2, dtype="float64", backend="reference")
    with pytest.raises(SettingsError, match="one network is trained, not 2 brains"):
        mgrit(two, XOR.x, XOR.y, steps=10, rate=1.0)
    mgrit(two[1:2], XOR.x, XOR.y, steps=10, rate=1.0)
    with pytest.raises(SettingsError, match="weights are for an MLP"):
        mgrit(two[0], XOR.x, XOR.y, steps=10, rate=1.0, weights=XOR.weights)
    with pytest.raises(SettingsError, match="computes in float64"):
        mgrit(two[0], XOR.x, XOR.y, steps=10, rate=1.0, dtype="float32")
