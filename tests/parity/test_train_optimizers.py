"""Optimizers step by step against their formulas written once more, in float64, one network at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, AdamW, Brains, CosineRate, RMSprop, StepRate, WarmupRate, fit
from swarm.train import backward
from swarm.train.samples import check

M, N, B, EPOCHS = 90, 4, 16, 4
BOUND = 5e-6  # float32 against float64 after 24 steps, parameters of size 1
rng = np.random.default_rng(7)
X = rng.standard_normal((M, 11)).astype(np.float32)
LABELS = rng.integers(0, 5, M)
LAYERS = {"turned": MLP((11, 19, 5), "tanh"), "wide": MLP((11, 19, 18), "tanh"), "flat": MLP((11, 5))}  # last layers

RATES = np.array([0.02, 0.01, 0.05, 0.0])
SMALL = RATES / 10
OPTIMIZERS = {
    "momentum": SGD(RATES, momentum=0.9),
    "nesterov": SGD(RATES, momentum=[0.9, 0.5, 0.9, 0.3], nesterov=[True, False, True, True]),
    "decay": SGD(RATES, weight_decay=[0.1, 0, 0.01, 1]),
    "clip": SGD(RATES * 3, momentum=[0, 0.5, 0, 0.5], clip=[0.2, math.inf, 0.1, 1]),
    "rmsprop": RMSprop(SMALL, decay=[0.9, 0.99, 0.95, 0.9], epsilon=1e-3),
    "rmsprop momentum": RMSprop(SMALL, momentum=[0.5, 0, 0.9, 0.1], weight_decay=0.01, epsilon=1e-3, clip=0.3),
    "adam": Adam(SMALL, epsilon=1e-4),
    "adam all": Adam(
        SMALL, [0.9, 0.8, 0, 0.5], [0.99, 0.999, 0.9, 0.5], [1e-3, 1e-4, 1e-3, 1e-3], [0, 0.1, 0.2, 0], 0.3
    ),
    "adamw": AdamW(SMALL, epsilon=1e-4, weight_decay=[0, 0.5, 2, 1]),
    "adamw clip": AdamW(SMALL, beta1=0.8, epsilon=1e-3, clip=[0.1, 0.2, math.inf, 0.2]),
}


class Twin:
    """One network's optimizer, in float64, on vectors without gaps."""

    def __init__(self, optimizer, k: int, trains: np.ndarray | None = None) -> None:
        self.kind, self.t, self.m, self.v, self.trains = type(optimizer), 0, 0.0, 0.0, trains
        for name, value in vars(optimizer).items():
            setattr(self, name, value[k] if np.ndim(value) else value)

    def step(self, w: np.ndarray, g: np.ndarray, factor: float) -> np.ndarray:
        self.t += 1
        rate, start = self.learning_rate * factor, w
        g = g if self.trains is None else g * self.trains
        if self.clip is not None:
            g = g * min(1.0, self.clip / (math.sqrt((g * g).sum()) + 1e-6))
        if self.kind is AdamW:
            w = w * (1 - rate * self.weight_decay)
        else:
            g = g + self.weight_decay * w
        if self.kind is SGD:
            self.v = self.momentum * self.v + g
            w = w - rate * (g + self.momentum * self.v if self.nesterov else self.v)
        elif self.kind is RMSprop:
            self.m = self.decay * self.m + (1 - self.decay) * g * g
            self.v = self.momentum * self.v + g / (np.sqrt(self.m) + self.epsilon)
            w = w - rate * self.v
        else:
            self.m = self.beta1 * self.m + (1 - self.beta1) * g
            self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
            mean, square = self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)
            w = w - rate * mean / (np.sqrt(square) + self.epsilon)
        return w if self.trains is None else np.where(self.trains, w, start)


def followed(brains: Brains, optimizer, factors=None, trains=None, loss="cross_entropy", y=LABELS, reduction="mean"):
    """[N, count] parameters after EPOCHS over the samples in their order, by the twins."""
    wide = brains.astype("float64").to("reference")
    samples = check(X, y, loss, brains.inputs, brains.outputs, np.dtype(np.float64), reduction=reduction)
    twins = [Twin(optimizer, k, None if trains is None else trains[k]) for k in range(len(brains))]
    t = 0
    for _ in range(EPOCHS):
        for start in range(0, M, B):
            index = np.arange(start, min(start + B, M))[None]
            gradient = wide.clone()
            backward.gradients(wide.rows, wide.layout, samples, index, gradient.rows, np.zeros(len(brains)))
            for k, twin in enumerate(twins):
                factor = 1.0 if factors is None else factors(t, k)
                wide.set(k, twin.step(wide.flat([k])[0], gradient.flat([k])[0], factor))
            t += 1
    return wide.flat()


def pool(backend: str = "cpu", layers: str = "turned", **settings) -> Brains:
    return Brains(LAYERS[layers], N, seed=5, backend=backend, **settings)


def train(brains: Brains, optimizer, y=LABELS, **settings) -> np.ndarray:
    fit(brains, X, y, **{"optimizer": optimizer, "epochs": EPOCHS, "batch_size": B, "shuffle": False, **settings})
    return brains.flat()


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_follows_its_formula(name, layers):
    start = pool(layers=layers)
    expected = followed(start, OPTIMIZERS[name])
    assert abs(expected - start.flat())[:3].max() > 0.01  # it moved; the last brain's rate is 0
    np.testing.assert_array_equal(expected[3], start.flat()[3])
    for backend in ("cpu", "reference"):
        assert abs(train(pool(backend, layers), OPTIMIZERS[name]) - expected).max() < BOUND


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float64_follows_to_the_last_digits(name):
    expected = followed(pool(dtype="float64"), OPTIMIZERS[name])
    assert abs(train(pool(dtype="float64"), OPTIMIZERS[name]) - expected).max() < 1e-13


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("name", ["momentum", "adam", "plain"])
def test_schedules_change_the_rate_step_by_step(backend, name):
    steps = EPOCHS * math.ceil(M / B)
    start = [0.1, 0.2, 0.5, 0]
    schedule = WarmupRate(5, start).then(CosineRate(final=0.1)) * StepRate([3, 7, 9, 1], 0.5)

    def factors(t: int, k: int) -> float:
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * (t - 5) / (steps - 5))) / 2
        warm = start[k] + (1 - start[k]) * t / 5
        return (warm if t < 5 else cosine) * 0.5 ** (t // [3, 7, 9, 1][k])

    optimizer = SGD(RATES * 5) if name == "plain" else OPTIMIZERS[name]
    expected = followed(pool(), optimizer, factors)
    assert abs(train(pool(backend), optimizer, schedule=schedule) - expected).max() < BOUND


@pytest.mark.parametrize("layers", ["turned", "wide"])
@pytest.mark.parametrize("name", [*OPTIMIZERS, "plain"])
def test_masks_hold_what_does_not_train(name, layers):
    optimizer = SGD(RATES * 5) if name == "plain" else OPTIMIZERS[name]
    rng = np.random.default_rng(1)
    frozen, pruned = (rng.random((N, 11, 19)) < 0.4 for _ in range(2))
    trains = np.ones(pool(layers=layers).flat().shape, bool)
    trains[:, : 11 * 19] = ~(frozen | pruned).reshape(N, -1)
    trains[:, -LAYERS[layers].outputs :] = False  # the last layer's biases
    for backend in ("cpu", "reference"):
        brains = pool(backend, layers)
        brains.weight(0)[pruned] = 0
        start, expected = brains.flat(), followed(brains, optimizer, trains=trains)
        brains = pool(backend, layers)
        found = train(brains, optimizer, freeze={0: frozen, -1: (None, True)}, prune={0: (pruned, None)})
        assert abs(found - expected).max() < BOUND
        np.testing.assert_array_equal(found[~trains], start[~trains])
        assert (brains.weight(0)[pruned] == 0).all()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce", "huber"])
def test_every_loss_and_reduction(backend, loss, reduction):
    rng = np.random.default_rng(2)
    y = LABELS if loss == "cross_entropy" else rng.random((M, 5)) * (1 if loss == "bce" else 4)
    rates = RATES if reduction == "mean" else RATES / B
    for optimizer in (SGD(rates), SGD(rates, momentum=0.5)):
        expected = followed(pool(), optimizer, loss=loss, y=y, reduction=reduction)
        found = train(pool(backend), optimizer, y, loss=loss, reduction=reduction)
        assert abs(found - expected).max() < BOUND
