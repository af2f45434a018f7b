"""Losses at values known by hand, and where naive formulas overflow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import backward, backward_cpu
from swarm.train.losses import cross_entropy, mse
from swarm.train.samples import check


def test_known_values():
    value, gradient = cross_entropy(np.log([[[1.0, 2.0, 5.0]]]), np.array([[1]]))
    assert value[0, 0] == pytest.approx(math.log(4))
    np.testing.assert_allclose(gradient[0, 0], [0.125, 0.25 - 1, 0.625])
    value, gradient = mse(np.array([[[1.0, 2.0]]]), np.array([[[0.0, 4.0]]]))
    assert value[0, 0] == 2.5
    np.testing.assert_allclose(gradient[0, 0], [1, -2])


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
