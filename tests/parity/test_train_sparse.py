"""Inputs that are zero: the dense and the sparse way through the first layer have equal bits, whatever the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import MLP, SGD, Adam, Brains, RMSprop
from swarm.train import sparse
from swarm.train.field import Jitter
from swarm.train.samples import Samples
from swarm.train.sparse import Sparse
from tests.parity.descents import Descent, material

M = 70
OPTIMIZERS = {
    "sgd": SGD(0.1), "clip": SGD(0.1, clip=[0.2, np.inf, 0.1]), "momentum": SGD(0.1, 0.9, weight_decay=0.01),
    "rmsprop": RMSprop(0.01), "adam clip": Adam(0.01, clip=0.5),
}  # fmt: skip


def holed(samples: Samples, density: float, seed: int) -> Samples:
    """The same with zeros: scattered ones, a whole column, whole groups, and every tenth sample."""
    rng = np.random.default_rng(seed)
    x = samples.x.copy()
    I = x.shape[1]
    x[rng.random(x.shape) >= density] = 0
    x[:, rng.integers(I)] = 0
    group = 8 * rng.integers(I // 8)
    x[rng.random(len(x)) < 0.7, group : group + 8] = 0
    x[::10] = 0
    return replace(samples, x=x)


def ways(samples: Samples) -> dict[str, Samples]:
    """Dense; with every list, whether it pays or not; with either list alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "FORWARD", 1.0)
        patch.setattr(sparse, "BACKWARD", 1.0)
        full, none = Sparse.of(samples.x), Sparse.none()
    assert len(full.first) == len(full.start) == len(samples) + 1
    lists = {
        "dense": none, "sparse": full, "forward": replace(full, groups=none.groups, start=none.start),
        "backward": replace(full, inputs=none.inputs, first=none.first),
    }  # fmt: skip
    found = {}
    for name, held in lists.items():
        found[name] = replace(samples)
        found[name].__dict__["sparse"] = held  # where the cached property keeps it
    return found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    I=st.integers(16, 75), B=st.integers(1, 70), density=st.sampled_from([0.0, 0.05, 0.2, 0.6, 1.0]),
    dtype=st.sampled_from(["uint8", "float32"]), name=st.sampled_from(list(OPTIMIZERS)), wide=st.integers(1, 70),
    outputs=st.sampled_from([3, 17]), bias=st.booleans(), weighted=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_equal_bits(I, B, density, dtype, name, outputs, wide, bias, weighted, seed):
    samples = holed(material("cross_entropy", M, I, outputs, dtype), density, seed)
    mlps = [MLP(w, "relu", bias=bias) for w in ((I, wide, outputs), (I, outputs), (I, 5, 4, outputs))]
    rng = np.random.default_rng(seed)
    index = rng.integers(0, M, (3, 2 * B + 1))
    weights = rng.integers(0, 3, index.shape).astype(np.float32) if weighted else None
    found = {}
    for way, own in ways(samples).items():
        descent = Descent(Brains(mlps, seed=seed, backend="cpu"), own, OPTIMIZERS[name], B)
        start = descent.rows()
        descent(index, weights=weights)
        assert descent.active.all()
        assert weighted or not bias or all(a != b for a, b in zip(start, descent.rows(), strict=True))
        found[way] = (descent.rows(), [descent.memory(k) for k in range(3)], descent.total.tobytes())
    assert found["sparse"] == found["dense"]
    assert found["forward"] == found["dense"]
    assert found["backward"] == found["dense"]


def test_sparse_samples_follow_the_reference():
    """The lists of the data set itself, at MNIST's density."""
    samples = holed(material("mse", M, 43, 3), 0.2, 1)
    assert len(samples.sparse.first) > 0
    index = np.random.default_rng(0).integers(0, M, (2, 50))
    found = []
    for backend in ("cpu", "reference"):
        brains = Brains([MLP((43, 20, 3), "tanh"), MLP((43, 3))], seed=1, backend=backend)
        Descent(brains, samples, SGD(0.1), 8)(index)
        found.append([brain.flat() for brain in brains])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-6)


def test_noise_goes_on_top_of_zeros():
    """With noise no input is zero: brains with it take the dense way, those without the sparse one."""
    samples = holed(material("mse", M, 33, 3), 0.2, 1)
    index, names = np.arange(40)[None], np.arange(2, dtype=np.uint32)
    jitter = Jitter(np.zeros(2), names, 1, np.array([0.5, 0.0]), names, 2)
    found = {}
    for way, own in ways(samples).items():
        descent = Descent(Brains(MLP((33, 9, 3), "tanh"), 2, seed=1, backend="cpu"), own, SGD(0.1), 8, jitter)
        descent(index)
        found[way] = descent.rows()
    assert found["sparse"] == found["dense"]
    quiet = Descent(Brains(MLP((33, 9, 3), "tanh"), 2, seed=1, backend="cpu"), samples, SGD(0.1), 8)
    quiet(index)
    assert quiet.row(0) != found["dense"][0]
    assert quiet.row(1) == found["dense"][1]
