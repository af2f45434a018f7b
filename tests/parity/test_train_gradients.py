"""Gradients: against differences of the loss itself (float64), and the kernels against the reference (float32)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.brain.activations import ACTIVATIONS, CODES, activate
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP, Layout
from swarm.train import backward, backward_cpu
from swarm.train.losses import LOSSES
from swarm.train.samples import Samples, check

STEP = 1e-6  # of the central differences: error about STEP^2 f''' + 1e-16 / STEP


def material(mlp: MLP, loss: str, dtype: str, count: int, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, mlp.inputs))
    y = rng.integers(0, mlp.outputs, count) if loss == "cross_entropy" else rng.standard_normal((count, mlp.outputs))
    y = rng.random(y.shape) if loss == "bce" else y
    return check(x, y, loss, mlp.inputs, mlp.outputs, np.dtype(dtype))


def gradients(module, brains: Brains, samples: Samples, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    out, total = np.full_like(brains.rows, 9), np.zeros(len(brains))
    module.gradients(brains.rows, brains.layout, samples, index, out, total)
    return out, total


def differences(
    row: np.ndarray, layout: Layout, samples: Samples, index: np.ndarray, weights: Any = None, noise: Any = None,
    gates: Any = (),
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The gradient of one brain, and the difference of the loss in each parameter: of two brains of one population.

    index and weights [1, B], noise [B, I], gates [B, H_k] each.
    """
    places = np.concatenate([block.start + np.arange(block.length) for block in layout.blocks])
    k, rows = 1 + np.arange(len(places)), np.repeat(row[None], 1 + 2 * len(places), axis=0)
    rows[k, places] += STEP
    rows[k + len(places), places] -= STEP
    noise, *gates = (None if a is None else np.repeat(a[None], len(rows), axis=0) for a in (noise, *gates))
    gradient, total = np.empty_like(rows), np.zeros(len(rows))
    backward.gradients(rows, layout, samples, index, gradient, total, weights, noise, gates or None)
    loss = total / samples.over(index.shape[1])
    return gradient[0, places], (loss[k] - loss[k + len(places)]) / (2 * STEP)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_reference_follows_differences_of_the_loss(activation, loss, bias):
    mlp = MLP((4, 6, 5, 3), activation, output="tanh" if loss == "mse" else "identity", bias=bias)
    brains = Brains(mlp, 2, seed=11, dtype="float64", backend="reference", init="uniform")
    samples = material(mlp, loss, "float64", 7)
    for row, index in zip(brains.rows, ([[0, 1, 2, 3]], [[6, 5, 2, 2]]), strict=True):
        gradient, difference = differences(row, brains.layout, samples, np.array(index))
        np.testing.assert_allclose(gradient, difference, rtol=1e-6, atol=2e-9)
        assert abs(difference).max() > 1e-3


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 5), (4, 6, 3, 5)])
@pytest.mark.parametrize("loss", LOSSES)
def test_weights_noise_and_dropout_follow_differences(loss, hidden, reduction):
    mlp, B, rng = MLP((4, *hidden, 3), "tanh"), 6, np.random.default_rng(1)
    samples = replace(material(mlp, loss, "float64", B), reduction=reduction)
    brain = Brains(mlp, 1, seed=3, dtype="float64", backend="reference", init="uniform")
    weights = np.array([[1, 0, 0.5, 2, 0.25, 1]], np.float32)
    gates = [2.0 * (rng.random((B, width)) < 0.5) for width in hidden]
    gradient, difference = differences(
        brain.rows[0], brain.layout, samples, np.arange(B)[None], weights, rng.normal(size=(B, 4)), gates
    )
    np.testing.assert_allclose(gradient, difference, rtol=1e-6, atol=5e-9)
    assert abs(difference).max() > 1e-3


def sizes(brains: Brains, samples: Samples, index: np.ndarray) -> float:
    """The largest gradient of any parameter, in float64: what errors are measured against."""
    wide = Brains(brains.mlp, len(brains), dtype="float64", backend="reference", init="zeros")
    wide.set(np.arange(len(brains)), brains.flat())
    own = Samples(samples.x.astype(np.float64), samples.labels, samples.targets.astype(np.float64), samples.loss)
    return float(abs(gradients(backward, wide, own, index)[0]).max())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    widths=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    activation=st.sampled_from([name for name in ACTIVATIONS if name != "hardshrink"]),  # it jumps: see below
    loss=st.sampled_from(list(LOSSES)),
    B=st.integers(1, 33),
    shared=st.booleans(),
    bias=st.booleans(),
)
def test_kernels_agree_with_the_reference(widths, activation, loss, B, shared, bias):
    mlp = MLP(widths, activation, bias=bias)
    brains = Brains(mlp, 3, seed=4, backend="cpu")
    samples = material(mlp, loss, "float32", 50)
    index = np.random.default_rng(B).integers(0, 50, (1 if shared else 3, B)).astype(np.int32)
    expected, losses = gradients(backward, brains, samples, index)
    got, totals = gradients(backward_cpu, brains, samples, index)
    bound = 2e-6 * max(1.0, sizes(brains, samples, index))  # 32 units in the last place of the largest gradient
    assert abs(got - expected).max() <= bound
    np.testing.assert_allclose(totals, losses, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivatives_of_the_kernels(activation):
    """A layer of one input and weight 1 shows f' itself: sums at, near and far from the kinks."""
    mlp = MLP((1, 1), output=activation, bias=False)
    brains = Brains(mlp, 1, backend="cpu", init="zeros")
    brains.weight(0)[:] = 1
    z = np.array([-30, -9, -3, -1, -0.6, -0.5, -0.4, -1e-3, 0, 1e-3, 0.4, 0.5, 0.6, 1, 3, 9, 30], np.float32)[:, None]
    samples = Samples(z, np.empty(0, np.int32), np.zeros_like(z) - 1, "mse")
    index = np.arange(len(z), dtype=np.int32)
    for k in index:  # one sample at a time: the gradient is 2 (f + 1) z f'
        got, _ = gradients(backward_cpu, brains, samples, index[None, k : k + 1])
        expected, _ = gradients(backward, brains, samples, index[None, k : k + 1])
        factor = float(abs(2 * (activate(CODES[activation], z[k : k + 1])[0, 0] + 1) * z[k, 0]))
        assert got[0, 0] == pytest.approx(expected[0, 0], rel=2e-6, abs=1.2e-7 * factor)  # an ulp of f, which is 1


def test_scores_and_outputs_agree():
    mlp = MLP((30, 20, 12), "mish")
    brains = Brains(mlp, 4, seed=1, backend="cpu")
    samples = material(mlp, "cross_entropy", "float32", 300)
    found = []
    for module in (backward, backward_cpu):
        total, hits, out = np.zeros(4), np.zeros(4, np.int64), np.empty((4, 130, 12), np.float32)
        module.score(brains.rows, brains.layout, samples, total, hits)
        module.outputs(brains.rows, brains.layout, samples, 100, out)
        found.append((total, hits, out))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-5)
    np.testing.assert_array_equal(found[1][1], found[0][1])
    np.testing.assert_allclose(found[1][2], found[0][2], atol=2e-6)
    np.testing.assert_allclose(found[0][2], brains(samples.x[100:230], shared=True), atol=2e-6)
