"""Descent step by step: every parameter of every network after every step, against a plain loop in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import SGD, fit
from swarm.train.field import Field
from swarm.train.parts import Parts
from swarm.train.samples import Samples, check
from swarm.train.sampling import Order

M, N, B, STEPS = 90, 5, 16, 40
BOUND = 2e-6  # float32 against float64 after 40 steps at rate 0.1, parameters of size 1
KINKED = ("relu", "elu")
MARGIN = 1e-6  # a sum nearer to a kink than this may fall to either side by rounding: then the seed must be another

F = {  # activation -> (f, f') of one number
    "identity": (lambda z: z, lambda z: 1.0),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "elu": (lambda z: z if z > 0 else math.expm1(z), lambda z: 1.0 if z > 0 else math.exp(z)),
    "gelu": (
        lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2))),
        lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))) + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    ),
}


class Twin:
    """One network, written once more from the formulas: lists of weights and biases, loops over layers and samples."""

    def __init__(self, brain: Brains) -> None:
        depth = len(brain.mlp.widths) - 1
        self.w = [brain.weight(k)[0].astype(np.float64) for k in range(depth)]
        self.c = [brain.bias(k)[0].astype(np.float64) if brain.mlp.bias else None for k in range(depth)]
        self.f = [np.vectorize(F[name][0], otypes=[float]) for name in (*brain.mlp.activation, brain.mlp.output)]
        self.kinked = [name in KINKED for name in (*brain.mlp.activation, brain.mlp.output)]
        self.margin = math.inf
        self.d = [np.vectorize(F[name][1], otypes=[float]) for name in (*brain.mlp.activation, brain.mlp.output)]

    def step(self, x: np.ndarray, y: np.ndarray, loss: str, rate: float) -> float:
        """One batch: returns the sum of the losses."""
        slopes = [np.zeros_like(w) for w in self.w]
        shifts = [np.zeros(w.shape[1]) for w in self.w]
        total = 0.0
        for sample, wanted in zip(x, y, strict=True):
            h, z = [sample], []
            for w, c, f, kinked in zip(self.w, self.c, self.f, self.kinked, strict=True):
                z.append(h[-1] @ w + (0 if c is None else c))
                if kinked:
                    self.margin = min(self.margin, abs(z[-1]).min())
                h.append(f(z[-1]))
            if loss == "cross_entropy":
                p = np.exp(h[-1]) / np.exp(h[-1]).sum()
                total -= math.log(p[wanted])
                g = p - (np.arange(len(p)) == wanted)
            else:
                total += np.mean((h[-1] - wanted) ** 2)
                g = 2 * (h[-1] - wanted) / len(h[-1])
            for k in reversed(range(len(self.w))):
                g = g * self.d[k](z[k])
                slopes[k] += np.outer(h[k], g) / len(x)
                shifts[k] += g / len(x)
                g = self.w[k] @ g
        for k, (slope, shift) in enumerate(zip(slopes, shifts, strict=True)):
            self.w[k] -= rate * slope
            if self.c[k] is not None:
                self.c[k] -= rate * shift
        return total

    def distance(self, brain: Brains) -> float:
        """The largest difference of a parameter."""
        parts = [abs(brain.weight(k)[0] - w).max() for k, w in enumerate(self.w)]
        parts += [abs(brain.bias(k)[0] - c).max() for k, c in enumerate(self.c) if c is not None]
        return max(parts)


def material(mlp: MLP, loss: str, bytes_: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.integers(0, 256, (M, mlp.inputs)).astype(np.uint8) if bytes_ else rng.standard_normal((M, mlp.inputs))
    y = rng.integers(0, mlp.outputs, M) if loss == "cross_entropy" else rng.standard_normal((M, mlp.outputs))
    return x, y


def descend(brains: Brains, samples: Samples, index: np.ndarray, rates: np.ndarray, total: np.ndarray) -> None:
    """Batches of B by plain descent, on the pool's backend."""
    optimizer, T = SGD(rates), -(-index.shape[1] // B)
    field = Field(brains.layout, brains.rows, optimizer.state(brains.rows), None, np.arange(N))
    brains.backend.twin("swarm.train.descend").descend(
        [field], samples, index, np.full(len(index), index.shape[1]), None, B, optimizer, np.ones((1, T)),
        np.zeros(N, np.int64), np.ones(N, bool), total,
    )  # fmt: skip


CASES = [  # widths, activations, loss, shared batches, uint8 inputs, bias
    ((7, 3), (), "cross_entropy", False, False, True),
    ((20, 33, 5), "relu", "cross_entropy", False, True, True),
    ((20, 33, 5), "gelu", "mse", True, False, True),
    ((9, 16, 8, 4), ("tanh", "elu"), "cross_entropy", True, True, True),
    ((12, 10, 17, 40, 3), ("sigmoid", "relu", "tanh"), "mse", False, False, False),
    ((5, 6, 18), "tanh", "cross_entropy", False, False, False),
]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize(("widths", "activation", "loss", "shared", "bytes_", "bias"), CASES)
def test_every_step_follows_the_twin(backend, widths, activation, loss, shared, bytes_, bias):
    mlp = MLP(widths, activation, bias=bias)
    brains = Brains(mlp, N, seed=3, backend=backend)
    x, y = material(mlp, loss, bytes_)
    samples = check(x, y, loss, mlp.inputs, mlp.outputs, np.dtype(np.float32))
    seen = samples.inputs(np.arange(M), np.dtype(np.float64))
    rates = np.linspace(0.02, 0.1, N).astype(np.float32)
    twins = [Twin(brains[k]) for k in range(N)]
    rng = np.random.default_rng(2)
    for _ in range(STEPS):
        count = int(rng.integers(1, B + 1))  # ragged batches
        index = rng.integers(0, M, (1 if shared else N, count)).astype(np.int32)
        total = np.zeros(N)
        with brains.backend.running():
            descend(brains, samples, index, rates, total)
        for k, twin in enumerate(twins):
            at = index[0 if shared else k]
            assert twin.step(seen[at], y[at], loss, float(rates[k])) == pytest.approx(total[k], rel=1e-5, abs=1e-5)
            assert twin.margin > MARGIN
            assert twin.distance(brains[k]) < BOUND


@pytest.mark.parametrize("sampling", ["own", "shared", "bootstrap"])
def test_fit_takes_the_batches_of_its_order(sampling):
    mlp = MLP((11, 9, 4), "tanh")
    brains = Brains(mlp, N, seed=8, backend="cpu")
    x, y = material(mlp, "cross_entropy", False)
    twins = [Twin(brains[k]) for k in range(N)]
    report = fit(brains, x, y, optimizer=SGD(0.05), epochs=2, batch_size=B, sampling=sampling, seed=21)
    order = Order(Parts.all(M), np.arange(N, dtype=np.uint32), sampling, True, 21)
    for epoch in range(2):
        index, _, _ = order.indices(epoch, 0, M)
        for k, twin in enumerate(twins):
            own, total = index[min(k, len(index) - 1)], 0.0
            for start in range(0, M, B):
                at = own[start : start + B]
                total += twin.step(x[at], y[at], "cross_entropy", 0.05)
            assert report.training_curve[epoch, k] == pytest.approx(total / M, rel=1e-5)
    assert max(twin.distance(brains[k]) for k, twin in enumerate(twins)) < BOUND


def test_many_steps_in_a_call_are_the_same_steps():
    mlp = MLP((13, 20, 6), "selu")
    x, y = material(mlp, "cross_entropy", True)
    samples = check(x, y, "cross_entropy", 13, 6, np.dtype(np.float32))
    index = np.random.default_rng(0).integers(0, M, (N, 7 * B - 3)).astype(np.int32)
    rates = np.full(N, 0.1, np.float32)
    one, many = (Brains(mlp, N, seed=2, backend="cpu") for _ in range(2))
    descend(many, samples, index, rates, np.zeros(N))
    for start in range(0, index.shape[1], B):
        descend(one, samples, index[:, start : start + B], rates, np.zeros(N))
    assert one.rows.tobytes() == many.rows.tobytes()
