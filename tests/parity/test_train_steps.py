"""Descent step by step: every parameter of every network of a mixed population against a plain loop in float64."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, Brains, RMSprop, fit
from swarm.train.parts import parts_of
from swarm.train.sampling import Order
from tests.parity.descents import Descent, material
from tests.parity.plain import LOSSES, F, Network

M, INPUTS, B = 40, 19, 5
BOUND = 4e-6  # float32 against float64 after seven steps of parameters of size 1
MARGIN = 1e-6
HIDDEN = ((), (7,), (17, 5), (9, 17, 4, 8))  # none, one, two, four
OUTPUTS = {"turned": 3, "wide": 18}  # a last layer of up to 16 lies turned in the kernels' workspace


def architectures(outputs: int) -> list[MLP]:
    return [
        MLP((INPUTS, *hidden, outputs), name, bias=bias)
        for hidden, name, bias in product(HIDDEN, F, (True, False))
        if hidden or name == "identity"  # without hidden layers there is nothing to activate
    ]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_network_follows_the_plain_loop(loss, outputs, dtype):
    """Every activation and depth, with own batches, weights, rates and lengths; the last batches are ragged."""
    mean = dtype == "uint8"
    samples = material(loss, M, INPUTS, OUTPUTS[outputs], dtype, "mean" if mean else "sum")
    seen = samples.inputs(np.arange(M), np.dtype(np.float64))
    wanted = samples.wanted(np.arange(M)).astype(int if loss == "cross_entropy" else float)
    mlps = architectures(OUTPUTS[outputs])
    N = len(mlps)
    rng = np.random.default_rng(0)
    optimizer = SGD(np.linspace(0.01, 0.1, N) / (1 if mean else B))
    pools = [Brains(mlps, seed=3, backend=name) for name in ("cpu", "reference")]
    twins = [Descent(pool, samples, optimizer, B) for pool in pools]
    networks, total = [Network(brain) for brain in pools[0]], np.zeros(N)
    for length in (3 * B + 2, 3, 3 * B):
        index = rng.integers(0, M, (N, length))
        lengths = rng.integers(0, length + 1, N)
        weights = (rng.random((N, length)) * (rng.random((N, length)) < 0.8)).astype(np.float32)
        factors = rng.random((N, -(-length // B)))
        for twin in twins:
            twin(index, lengths, weights, factors)
        for k, network in enumerate(networks):
            for t, start in enumerate(range(0, lengths[k], B)):
                span = slice(start, min(start + B, lengths[k]))
                at, rate = index[k, span], optimizer.learning_rate[k] * factors[k, t]
                total[k] += network.step(seen[at], wanted[at], loss, rate, weights[k, span], mean)
            assert network.margin > MARGIN
            for pool in pools:
                assert network.distance(pool[k]) < BOUND, pool[k]
    for twin in twins:
        np.testing.assert_allclose(twin.total, total, rtol=1e-5, atol=1e-6)
        assert twin.active.all()
    np.testing.assert_array_equal(twins[0].step, twins[1].step)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_one_row_is_for_all_brains(backend):
    samples = material("mse", M, INPUTS, 3)
    mlps = [MLP((INPUTS, 7, 3), "relu"), MLP((INPUTS, 3)), MLP((INPUTS, 7, 3), "relu")]
    rng = np.random.default_rng(1)
    one = (rng.integers(0, M, (1, 12)), np.array([11]), rng.random((1, 12), np.float32), rng.random((1, 3)))
    found = []
    for rows in (one, [np.repeat(a, 3, axis=0) for a in one]):
        descent = Descent(Brains(mlps, seed=1, backend=backend), samples, SGD(0.1), B)
        descent(*rows)
        found.append((descent.rows(), descent.total.tobytes(), descent.step.tolist()))
    assert found[0] == found[1]
    assert found[0][2] == [3, 3, 3]


OPTIMIZERS = {
    "sgd": SGD(0.1), "momentum": SGD(0.1, 0.9, True, 0.01, 0.5), "rmsprop": RMSprop(0.01, momentum=0.5),
    "adam": Adam(0.01), "adam clip": Adam(0.01, weight_decay=0.1, clip=0.3),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_many_steps_in_a_call_are_the_same_steps(name, dtype):
    samples = material("cross_entropy", M, INPUTS, 18, dtype)
    mlps = [MLP((INPUTS, 20, 18), "selu"), MLP((INPUTS, 18)), MLP((INPUTS, 8, 18), "gelu")]
    index = np.random.default_rng(0).integers(0, M, (3, 7 * B - 3))
    many, one = (
        Descent(Brains(mlps, seed=2, backend="cpu"), samples, OPTIMIZERS[name], B) for _ in range(2)
    )  # fmt: skip
    many(index)
    for start in range(0, index.shape[1], B):
        one(index[:, start : start + B])
    assert one.rows() == many.rows()
    assert [one.memory(k) for k in range(3)] == [many.memory(k) for k in range(3)]
    assert one.total.tobytes() == many.total.tobytes()
    assert one.step.tolist() == many.step.tolist() == [7, 7, 7]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("loss", LOSSES)
def test_samples_of_weight_0_have_no_influence(loss, outputs, backend):
    """Not even where their loss or their activations are not finite."""
    tame = material(loss, M, INPUTS, OUTPUTS[outputs])
    wild = replace(tame, x=tame.x.copy(), targets=tame.targets.copy(), labels=tame.labels.copy())
    wild.x[:5] = 1e20  # a loss of more than float32 has, where it is a square
    wild.x[5:10] = 3e38  # sums of more, and of infinity less infinity
    wild.targets[10:15] = -3e38
    wild.labels[:15] = 0
    mlps = [MLP((INPUTS, 7, OUTPUTS[outputs]), name) for name in F] + [MLP((INPUTS, OUTPUTS[outputs]))]
    rng = np.random.default_rng(1)
    index = rng.integers(0, M, (len(mlps), 17))
    weights = np.where(index < 15, 0, rng.random(index.shape)).astype(np.float32)
    assert (weights == 0).any(axis=1).all()
    found = []
    for samples in (tame, wild):
        descent = Descent(Brains(mlps, seed=1, backend=backend), samples, SGD(0.1), B)
        with np.errstate(all="ignore"):
            descent(index, weights=weights)
        assert descent.active.all()
        found.append((descent.rows(), descent.total.tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_batch_of_weight_0_teaches_nothing(backend):
    samples = material("huber", M, INPUTS, 3)
    descent = Descent(Brains(MLP((INPUTS, 6, 3), "tanh"), 2, backend=backend), samples, SGD(0.1), B)
    before = descent.rows()
    descent(np.arange(2 * B)[None], weights=np.zeros((1, 2 * B), np.float32))
    assert descent.rows() == before
    assert descent.step.tolist() == [2, 2]  # the steps were done
    assert descent.total.tolist() == [0, 0]


@pytest.mark.parametrize("sampling", ["own", "shared", "bootstrap"])
def test_fit_takes_the_batches_of_its_order(sampling):
    N, samples = 5, material("cross_entropy", M, 11, 4)
    x, y = samples.x, samples.labels
    brains = Brains(MLP((11, 9, 4), "tanh"), N, seed=8, backend="cpu")
    networks = [Network(brain) for brain in brains]
    report = fit(brains, x, y, optimizer=SGD(0.05), epochs=2, batch_size=B, sampling=sampling, seed=21)
    order = Order(parts_of(None, None, M, N), np.arange(N, dtype=np.uint32), sampling, True, 21)
    for epoch in range(2):
        index, _, _ = order.indices(epoch, 0, M)
        for k, network in enumerate(networks):
            own, total = index[min(k, len(index) - 1)], 0.0
            for start in range(0, M, B):
                at = own[start : start + B]
                total += network.step(x[at].astype(float), y[at], "cross_entropy", 0.05)
            assert report.training_curve[epoch, k] == pytest.approx(total / M, rel=1e-5)
    assert max(network.distance(brain) for network, brain in zip(networks, brains, strict=True)) < BOUND
