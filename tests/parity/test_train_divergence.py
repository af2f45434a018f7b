"""A batch whose loss is not a finite number is not learned, and the network stops there; others go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, Brains
from swarm.train.samples import Samples
from tests.parity.descents import Descent, material

M, B = 40, 5
LOSSES = ("cross_entropy", "mse", "bce", "huber")
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(params=["cpu", "reference"])
def backend(request) -> str:
    return request.param


def struck(loss: str, outputs: int) -> Samples:
    """Samples of which number 13 is not a number."""
    samples = material(loss, M, 9, outputs)
    x = samples.x.copy()
    x[13] = np.nan
    return replace(samples, x=x)


@pytest.mark.parametrize("outputs", [3, 18])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.01, clip=1.0)], ids=["sgd", "adam"])
def test_it_stops_before_the_batch_that_is_not_finite(backend, loss, outputs, optimizer):
    samples = struck(loss, outputs)
    mlps = [MLP((9, 7, outputs), "identity"), MLP((9, 6, outputs), "identity"), MLP((9, 7, outputs), "identity")]
    index = np.random.default_rng(0).integers(14, M, (3, 23))
    index[0, 12] = index[1, 22] = 13  # the third batch of brain 0, the last of brain 1
    descent = Descent(Brains(mlps, seed=1, backend=backend), samples, optimizer, B)
    descent(index)
    assert descent.active.tolist() == [False, False, True]
    assert descent.step.tolist() == [2, 4, 5]
    until = Descent(Brains(mlps, seed=1, backend=backend), samples, optimizer, B)
    until(index, lengths=np.array([10, 20, 23]))
    assert descent.rows() == until.rows()
    assert [descent.memory(k) for k in range(3)] == [until.memory(k) for k in range(3)]
    assert descent.total.tobytes() == until.total.tobytes()
    assert np.isfinite(descent.total).all()
    rows = descent.rows()
    descent(index[:, :10])  # who has stopped is left alone from then on
    assert descent.rows()[:2] == rows[:2]
    assert descent.rows()[2] != rows[2]
    assert descent.step.tolist() == [2, 4, 7]


def test_a_rate_that_is_too_large_ends_in_the_same_step(backend):
    samples = material("mse", M, 9, 3)
    brains = Brains(MLP((9, 7, 3), "identity"), 3, seed=1, backend=backend)
    descent = Descent(brains, samples, SGD([0.1, 1e6, 1e30]), B)
    descent(np.arange(M)[None])
    assert descent.active.tolist() == [True, False, False]
    assert descent.step.tolist() == [8, 2, 1]
    assert np.isfinite(descent.total).all()
    assert np.isfinite(brains.flat()[0]).all()


def test_weights_that_are_not_finite_stop_before_the_first_step(backend):
    samples = material("cross_entropy", M, 9, 3)
    brains = Brains([MLP((9, 7, 3), "tanh"), MLP((9, 3))], seed=1, backend=backend)
    brains[0].groups[0].weight(0)[0, 0] = np.nan
    brains[1].groups[0].bias(0)[0, 1] = np.nan
    descent = Descent(brains, samples, SGD(0.1), B)
    before = descent.rows()
    descent(np.arange(M)[None])
    assert descent.rows() == before
    assert descent.step.tolist() == descent.total.tolist() == [0, 0]
    assert not descent.active.any()


def test_who_is_not_active_or_has_no_samples_is_left_alone(backend):
    samples = material("huber", M, 9, 3)
    descent = Descent(Brains(MLP((9, 7, 3), "mish"), 3, seed=1, backend=backend), samples, Adam(0.01), B)
    before = descent.rows()
    descent.active[0] = False
    descent(np.arange(M)[None], lengths=np.array([10, 0, 10]))
    assert descent.rows()[:2] == before[:2]
    assert descent.rows()[2] != before[2]
    assert descent.step.tolist() == [0, 0, 2]
    assert descent.active.tolist() == [False, True, True]
    assert descent.total[:2].tolist() == [0, 0]
    assert descent.total[2] > 0
