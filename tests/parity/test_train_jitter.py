"""Dropout and input noise: kernels drop the units the reference drops, and steps with both follow the plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import MLP, SGD, Brains
from swarm.backend import rng
from swarm.train.field import Jitter
from swarm.train.jitter_cpu import add_noise, draw_dropout
from swarm.train.workspace import OUTPUTS, X_STRIDE, Y_STRIDE, M, X, workspace
from tests.parity.descents import Descent, material
from tests.parity.plain import Network

BOUND = 1e-5  # what is kept of 0.9 dropout counts ten times


def jitter(dropout, noise, keys, seed: int = 11) -> Jitter:
    names = np.asarray(keys, np.uint32)
    p, sigma = (np.full(names.shape, a, float) for a in (dropout, noise))
    return Jitter(p, names, seed, sigma, names + np.uint32(5), seed + 1)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    hidden=st.lists(st.integers(1, 70), min_size=1, max_size=3), B=st.integers(1, 40),
    p=st.sampled_from([1e-9, 0.1, 0.5, 0.75, 1 - 1e-12]), key=st.integers(0, 2**32 - 1), step=st.integers(0, 2**31),
    seed=st.integers(0, 2**63),
)  # fmt: skip
def test_kernels_drop_the_units_the_reference_drops(hidden, B, p, key, step, seed):
    layout = MLP((3, *hidden, 2)).layout("float32")
    own = jitter(p, 0, [key], seed)
    expected = own.gates(np.array([0]), step, B, layout)
    w = workspace(layout, B, 0, False, True)
    plan = w.plan.copy()  # kernels are compiled for one that may be written
    for k, width in enumerate(hidden):
        s = np.full(w.size, 9, np.float32)
        limit, kept = np.uint32(min(math.floor(p * 2.0**32), 2**32 - 1)), np.float32(1 / (1 - p))
        draw_dropout(s, plan, k, B, np.uint32(key), step, *map(np.uint32, rng.key(seed)), limit, kept)
        assert w.plan[k, OUTPUTS] == width
        at = w.plan[k, M] + np.arange(B)[:, None] * w.plan[k, Y_STRIDE] + np.arange(width)
        np.testing.assert_array_equal(s[at], expected[k][0])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    I=st.integers(1, 70), B=st.integers(1, 40), key=st.integers(0, 2**32 - 1), step=st.integers(0, 2**31),
    seed=st.integers(0, 2**63),
)  # fmt: skip
def test_kernels_add_the_noise_the_reference_adds(I, B, key, step, seed):
    layout = MLP((I, 2)).layout("float32")
    own = jitter(0, 0.5, [key], seed)
    expected = own.noises(np.array([0]), step, B, layout)
    w = workspace(layout, B)
    s = np.ones(w.size, np.float32)
    keys = map(np.uint32, rng.key(own.noise_seed))
    add_noise(s, w.plan.copy(), B, own.noise_keys[0], step, *keys, np.float32(0.5))
    at = w.plan[0, X] + np.arange(B)[:, None] * w.plan[0, X_STRIDE] + np.arange(I)
    np.testing.assert_allclose(s[at] - 1, expected[0], atol=1e-6)


def test_what_is_dropped_has_its_share_and_what_is_kept_makes_up_for_it():
    layout = MLP((3, 64, 2)).layout("float32")
    for p in (0.1, 0.5, 0.9):
        gate = np.concatenate([jitter(p, 0, [0]).gates(np.array([0]), t, 50, layout)[0] for t in range(10)])
        assert set(np.unique(gate)) == {np.float32(0), np.float32(1 / (1 - p))}
        spread = math.sqrt(p * (1 - p) / gate.size)
        assert abs((gate == 0).mean() - p) < 5 * spread
        assert gate.mean() == pytest.approx(1, abs=5 * spread / (1 - p))


@pytest.mark.parametrize("outputs", [3, 18])
def test_steps_with_dropout_and_noise_follow_the_plain_loop(outputs):
    """Ragged batches, calls that continue: batch position, unit, layer and step name the draws, and nothing else."""
    I, B, size = 21, 6, 40
    samples = material("mse", size, I, outputs)
    seen, wanted = samples.x.astype(float), samples.targets.astype(float)
    mlps = [
        MLP((I, 17, outputs), "tanh"), MLP((I, 9, 33, 6, outputs), "gelu"), MLP((I, outputs)),
        MLP((I, 17, outputs), "elu", bias=False), MLP((I, 5, outputs), "mish"), MLP((I, 40, 3, outputs), "sigmoid"),
    ]  # fmt: skip
    own = jitter([0.5, 0.2, 0.4, 0.9, 0, 0], [0.1, 0, 1, 0, 0.3, 0], [3, 1, 4, 1, 5, 9])
    index = np.random.default_rng(0).integers(0, size, (len(mlps), 21))
    pools = [Brains(mlps, seed=3, backend=name) for name in ("cpu", "reference")]
    networks = [Network(brain) for brain in pools[0]]
    twins = [Descent(pool, samples, SGD(0.05), B, own) for pool in pools]
    for start, stop in ((0, 10), (10, 21)):
        for twin in twins:
            twin(index[:, start:stop])
        for k, network in enumerate(networks):
            layout, step = pools[0][k].groups[0].layout, 2 if start else 0
            for first in range(start, stop, B):
                at = index[k, first : min(first + B, stop)]
                gates = own.gates(np.array([k]), step, len(at), layout)
                noise = own.noises(np.array([k]), step, len(at), layout)
                network.step(
                    seen[at], wanted[at], "mse", 0.05,
                    noise=None if noise is None else noise[0].astype(float),
                    gates=None if gates is None else [gate[0].astype(float) for gate in gates],
                )  # fmt: skip
                step += 1
            for pool in pools:
                assert network.distance(pool[k]) < BOUND
    for twin in twins:
        assert twin.step.tolist() == [4] * len(mlps)


def test_dropout_of_zero_is_none():
    samples = material("cross_entropy", 40, 12, 4)
    index = np.arange(40)[None]
    found = []
    for own in (None, jitter([0.5, 0], 0, [0, 1])):
        descent = Descent(Brains(MLP((12, 9, 4), "relu"), 2, seed=1, backend="cpu"), samples, SGD(0.1), 7, own)
        descent(index)
        found.append(descent.rows())
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]
