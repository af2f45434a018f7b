"""`brains.gradients` and `brains.activations`: against differences of the loss, every activation and every loss."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import ACTIVATIONS, MLP, SGD, Brains, SwarmError, fit
from swarm.errors import DataError, SchemaError, SettingsError
from swarm.train.losses import LOSSES, huber

STEP = 1e-6  # of the central differences, float64
LAYERS = MLP((4, 6, 3), "tanh")


def targets(loss: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if loss == "cross_entropy":
        return rng.integers(0, 3, shape)
    return rng.random((*shape, 3)) if loss == "bce" else 3 * rng.standard_normal((*shape, 3))


def differences(brains: Brains, x: np.ndarray, y: np.ndarray, loss: str) -> np.ndarray:
    """[N, P] of the mean loss of a batch, from answers alone; zero in the gaps."""
    out = np.zeros(brains.parameters.shape)
    shared = x.ndim == 2
    for block in brains.layout.blocks:
        for p in range(block.start, block.start + block.length):
            found = []
            for step in (STEP, -STEP):
                other = brains.clone()
                other.parameters[:, p] += step
                answers = other(x, shared=shared)
                found.append(LOSSES[loss](answers, y[None] if shared else y)[0].mean(axis=1))
            out[:, p] = (found[0] - found[1]) / (2 * STEP)
    return out


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_the_loss(activation, loss):
    brains = Brains(MLP((4, 5, 3), activation), 2, seed=3, dtype="float64", backend="reference", init="uniform")
    x = np.random.default_rng(1).standard_normal((2, 6, 4))
    for own in (True, False):
        samples, y = (x, targets(loss, (2, 6))) if own else (x[0], targets(loss, (6,)))
        expected = differences(brains, samples, y, loss)
        np.testing.assert_allclose(brains.gradients(samples, y, loss), expected, rtol=1e-6, atol=3e-9)
        summed = brains.gradients(samples, y, loss, reduction="sum")
        np.testing.assert_allclose(summed, 6 * expected, rtol=1e-6, atol=2e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_the_groups_of_a_mixed_population(loss):
    mlps = [MLP((4, h, 3), name) for h, name in enumerate(ACTIVATIONS, 1)] + [MLP((4, 2, 3), "tanh"), MLP((4, 3))]
    mixed = Brains(mlps, seed=6, dtype="float64", backend="cpu")
    x, y = np.random.default_rng(2).standard_normal((5, 4)), targets(loss, (5,))
    for group in mixed.groups:
        np.testing.assert_allclose(group.gradients(x, y, loss), differences(group, x, y, loss), rtol=1e-6, atol=3e-9)
    for look in (lambda: mixed.gradients(x, y, loss), lambda: mixed.activations(x)):
        with pytest.raises(SettingsError, match=r"for group in brains.groups: group.*x"):
            look()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_kernels_agree_with_float64(loss, dtype):
    brains = Brains(MLP((4, 21, 3), "gelu"), 3, seed=3, dtype=dtype, backend="cpu")
    x, y = np.random.default_rng(1).standard_normal((9, 4)).astype(np.float32), targets(loss, (9,))
    found, wide = brains.gradients(x, y, loss), brains.astype("float64")
    assert found.shape == brains.parameters.shape
    assert found.dtype == np.float32
    for block, same in zip(brains.layout.blocks, wide.layout.blocks, strict=True):
        mine = found[:, block.start : block.start + block.length]
        theirs = wide.gradients(x, y, loss)[:, same.start : same.start + same.length]
        np.testing.assert_allclose(mine, theirs, atol=2e-6)


def test_a_step_of_descent_is_the_gradient():
    brains = Brains(LAYERS, 3, seed=1, backend="cpu")
    x, y = np.random.default_rng(1).integers(0, 256, (8, 4)).astype(np.uint8), targets("cross_entropy", (8,))
    expected = brains.parameters - np.float32(0.5) * brains.gradients(x, y)
    fit(brains, x, y, optimizer=SGD(0.5), shuffle=False)
    np.testing.assert_allclose(brains.parameters, expected, atol=1e-7)


def test_a_function_for_a_loss():
    brains = Brains(LAYERS, 3, seed=1, backend="cpu")
    x, y = np.random.default_rng(1).standard_normal((8, 4)), targets("huber", (8,))
    np.testing.assert_allclose(brains.gradients(x, y, huber), brains.gradients(x, y, "huber"), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_activations_layer_by_layer(dtype):
    brains = Brains(MLP((4, 6, 5, 3), ("tanh", "relu"), output="sigmoid"), 2, seed=1, dtype=dtype, backend="cpu")
    x = np.random.default_rng(1).standard_normal((2, 7, 4)).astype(np.float32)
    first, second, last = brains.activations(x)
    assert (first.shape, second.shape, last.shape) == ((2, 7, 6), (2, 7, 5), (2, 7, 3))
    wide = brains.astype("float64")
    expected = np.tanh(x.astype(np.float64) @ wide.weight(0) + wide.bias(0)[:, None])
    np.testing.assert_allclose(first, expected, atol=1e-6)
    expected = np.maximum(expected @ wide.weight(1) + wide.bias(1)[:, None], 0)
    np.testing.assert_allclose(second, expected, atol=2e-6)
    np.testing.assert_allclose(last, brains(x), atol=1e-6)
    np.testing.assert_allclose(brains.activations(x[0], shared=True)[2], brains(x[:1]), atol=1e-6)
    assert brains.activations(x[:, 0])[0].shape == (2, 1, 6)
    assert [h.shape for h in Brains(LAYERS, 0).activations(x[0], shared=True)] == [(0, 7, 6), (0, 7, 3)]


def test_what_does_not_fit():
    brains = Brains(LAYERS, 3, backend="reference")
    x, y = np.zeros((5, 4)), np.zeros(5, int)
    with pytest.raises(DataError, match=r"gradients: .*3 inputs, the networks take 4"):
        brains.gradients(x[:, :3], y)
    with pytest.raises(DataError, match=r"do not fit 3 brains.*x \[3, B, I\]"):
        brains.gradients(np.zeros((2, 5, 4)), np.zeros((2, 5), int))
    with pytest.raises(DataError, match=r"bce takes targets 0..1, y.1, 2. is 1.5"):
        brains.gradients(x, np.array([[0, 1, 1]] + [[0.5, 0, 1.5]] * 4), "bce")
    with pytest.raises(SettingsError, match="mean"):
        brains.gradients(x, y, reduction="meen")
    with pytest.raises(SchemaError, match="3 inputs"):
        brains.activations(x[:, :3], shared=True)
    assert issubclass(DataError, SwarmError)
