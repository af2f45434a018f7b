"""Losses at values known by hand, and where naive formulas overflow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.errors import DataError, SettingsError
from swarm.train import SGD, Adam, backward, backward_cpu, evaluate, fit, losses
from swarm.train.losses import LOSSES, bce, cross_entropy, huber, mse
from swarm.train.samples import check

RNG = np.random.default_rng(4)
X = RNG.standard_normal((70, 4)).astype(np.float32)
TARGETS = {
    "cross_entropy": RNG.integers(0, 3, 70), "mse": RNG.standard_normal((70, 3)), "bce": RNG.random((70, 3)),
    "huber": 3 * RNG.standard_normal((70, 3)),
}  # fmt: skip


def test_known_values():
    value, gradient = cross_entropy(np.log([[[1.0, 2.0, 5.0]]]), np.array([[1]]))
    assert value[0, 0] == pytest.approx(math.log(4))
    np.testing.assert_allclose(gradient[0, 0], [0.125, 0.25 - 1, 0.625])
    value, gradient = mse(np.array([[[1.0, 2.0]]]), np.array([[[0.0, 4.0]]]))
    assert value[0, 0] == 2.5
    np.testing.assert_allclose(gradient[0, 0], [1, -2])
    value, gradient = bce(np.log([[[3.0, 1.0]]]), np.array([[[1.0, 0.25]]]))
    assert value[0, 0] == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    np.testing.assert_allclose(gradient[0, 0], [-0.125, 0.125])
    value, gradient = huber(np.array([[[1.5, 2.0, -4.0, 1.0]]]), np.array([[[1.0, 0.5, 0.0, 0.0]]]))
    assert value[0, 0] == pytest.approx((0.125 + 1.0 + 3.5 + 0.5) / 4)
    np.testing.assert_allclose(gradient[0, 0], [0.125, 0.25, -0.25, 0.25])


@pytest.mark.parametrize("module", [backward, backward_cpu])
@pytest.mark.parametrize("outputs", [2, 10, 16, 17, 40])
def test_logits_of_any_size(module, outputs):
    """Logits of 1e4: exp overflows, the loss does not."""
    brains = Brains(MLP((outputs, outputs), bias=False), 1, backend="reference", init="zeros")
    brains.weight(0)[0] = np.eye(outputs)
    x = np.zeros((3, outputs), np.float32)
    x[0, 0], x[1, 1], x[2, :] = 1e4, 1e4, -1e4
    samples = check(x, np.zeros(3, int), "cross_entropy", outputs, outputs, np.dtype(np.float32))
    total, hits = np.zeros(1), np.zeros(1, np.int64)
    module.score(brains.rows, brains.layout, samples, total, hits)
    assert total[0] == pytest.approx(1e4 + math.log(outputs), rel=1e-6)
    assert hits[0] == 2  # of equal outputs the first counts
    out = np.zeros_like(brains.rows)
    module.gradients(brains.rows, brains.layout, samples, np.array([[0, 1, 2]], np.int32), out, np.zeros(1))
    assert np.isfinite(out).all()


@pytest.mark.parametrize("module", [backward, backward_cpu])
@pytest.mark.parametrize("outputs", [1, 3, 16, 17, 40])
@pytest.mark.parametrize("loss", ["bce", "huber"])
def test_outputs_of_any_size_and_number(module, outputs, loss):
    """Outputs of 1e4 and 1e-4, and the last sample's targets at the end of their array."""
    brains = Brains(MLP((outputs, outputs), bias=False), 1, backend="reference", init="zeros")
    brains.weight(0)[0] = np.eye(outputs)
    x = np.concatenate([np.full((1, outputs), z) for z in (1e4, -1e4, 30, 1e-4, -0.7)]).astype(np.float32)
    targets = np.random.default_rng(0).random((5, outputs))
    samples = check(x, targets, loss, outputs, outputs, np.dtype(np.float32))
    total, out = np.zeros(1), np.zeros_like(brains.rows)
    module.gradients(brains.rows, brains.layout, samples, np.arange(5, dtype=np.int32)[None], out, total)
    value, slope = LOSSES[loss](x[None].astype(np.float64), targets[None])
    assert total[0] == pytest.approx(value.sum(), rel=1e-6)
    layer = brains.layout.layers[0]
    found = out[0, layer.weight : layer.weight + outputs * outputs].reshape(outputs, outputs)
    np.testing.assert_allclose(found, x.T.astype(np.float64) @ slope[0] / 5, rtol=2e-5, atol=1e-3)


def pool(**settings) -> Brains:
    return Brains(MLP((4, 9, 3), "tanh"), 3, **{"seed": 2, "backend": "cpu", **settings})


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9), Adam(0.01, clip=1)])
@pytest.mark.parametrize("name", LOSSES)
def test_a_function_is_as_good_as_a_name(name, optimizer):
    named, own = pool(), pool()
    settings = {"optimizer": optimizer, "epochs": 3, "batch_size": 16, "validation": (X, TARGETS[name])}
    first = fit(named, X, TARGETS[name], loss=name, **settings)
    second = fit(own, X, TARGETS[name], loss=LOSSES[name], **settings)
    np.testing.assert_allclose(own.parameters, named.parameters, atol=5e-6)
    np.testing.assert_allclose(second.training_curve, first.training_curve, rtol=1e-5)
    np.testing.assert_allclose(second.validation_loss, first.validation_loss, rtol=1e-5)
    np.testing.assert_allclose(evaluate(own, X, TARGETS[name], LOSSES[name]).loss, second.validation_loss, rtol=1e-6)


def test_a_function_of_targets_of_another_shape():
    """Targets [M, 2, 3]: the loss is the distance to the nearer of two points."""

    def nearer(outputs, points):
        error = outputs[:, :, None] - points
        square = np.square(error).sum(axis=3)
        best = square.argmin(axis=2)[:, :, None]
        slope = 2 * np.take_along_axis(error, best[:, :, :, None], axis=2)[:, :, 0]
        return np.take_along_axis(square, best, axis=2)[:, :, 0], slope

    brains = Brains([MLP((4, 9, 3)), MLP((4, 5, 3)), MLP((4, 9, 3))], seed=1, backend="cpu")
    points = RNG.standard_normal((1, 2, 3)) + np.zeros((70, 1, 1))
    report = fit(brains, X, points, loss=nearer, optimizer=Adam(0.03), epochs=40)
    assert (report.training_loss < 0.1 * report.training_curve[0]).all()


@pytest.mark.parametrize("loss", [*LOSSES, mse])
def test_a_sum_is_the_mean_times_the_batch(loss):
    mean, total = pool(), pool()
    y = TARGETS[loss if isinstance(loss, str) else "mse"]
    fit(mean, X[:64], y[:64], loss=loss, optimizer=SGD(0.32), batch_size=16)
    report = fit(total, X[:64], y[:64], loss=loss, optimizer=SGD(0.02), batch_size=16, reduction="sum")
    np.testing.assert_allclose(total.parameters, mean.parameters, atol=2e-6)
    np.testing.assert_allclose(report.training_loss, fit(pool(), X[:64], y[:64], loss=loss, optimizer=SGD(0.32),
                                                         batch_size=16).training_loss, rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("cross", "Did you mean 'cross_entropy'"), ("CrossEntropyLoss", "cross_entropy"), ("l2", "'mse'"),
        ("mean_squared_error", "'mse'"), ("binary-cross-entropy", "'bce'"), ("BCE", "'bce'"),
        ("smooth_l1", "'huber'"), ("huber_loss", "'huber'"), ("hubert", "'huber'"), ("nothing", "Known: bce"),
        (None, "unknown"), (3, "a function of"),
    ],
)  # fmt: skip
def test_losses_by_other_names(loss, words):
    with pytest.raises(SettingsError, match=words):
        losses.check(loss)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda z, t: z.sum(), "not .value, gradient."),
        (lambda z, t: (z.sum(axis=2), z[0]), r"a gradient .*must be numbers \[N, B, O\] = \(3, "),
        (lambda z, t: (z, z), r"a value \(3, \d+, 3\).*\[N, B\]"),
        (lambda z, t: (z.sum(axis=2), z.astype(complex)), "of complex"),
    ],
)
def test_functions_that_return_something_else(function, words):
    brains = pool()
    before = brains.rows.copy()
    with pytest.raises(SettingsError, match=words):
        fit(brains, X, TARGETS["mse"], loss=function)
    np.testing.assert_array_equal(brains.rows, before)


def test_targets_that_do_not_fit():
    with pytest.raises(DataError, match=r"bce takes targets 0\.\.1, y\[2, 1\] is -0.5"):
        fit(pool(), X[:3], [[0, 1, 0], [0, 0, 0], [1, -0.5, 7]], loss="bce")
    with pytest.raises(DataError, match=r"huber takes targets \[samples, 3\]"):
        fit(pool(), X, TARGETS["cross_entropy"], loss="huber")
    broken = np.zeros((70, 2, 3))
    broken[1, 0, 2] = np.nan
    with pytest.raises(DataError, match=r"y\[1, 0, 2\] is nan"):
        fit(pool(), X, broken, loss=mse)
    with pytest.raises(SettingsError, match="reduction 'average'"):
        fit(pool(), X, TARGETS["mse"], loss="mse", reduction="average")
