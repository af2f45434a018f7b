"""Brains on CUDA answer with the bits of the CPU kernels: every width, dtype, activation, tile and way to launch."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarm import Brains
from swarm.backend import cuda
from swarm.brain import batch_cuda, forward, forward_cuda
from swarm.brain.activations import ACTIVATIONS
from swarm.brain.forward_cuda import Shape
from swarm.brain.mlp import DTYPES, MLP

dtypes = pytest.mark.parametrize("dtype", DTYPES)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
architectures = st.builds(
    MLP, st.lists(st.integers(1, 70), min_size=2, max_size=6), st.sampled_from(ACTIVATIONS),
    st.sampled_from(ACTIVATIONS), st.booleans(),
)  # fmt: skip


def pool(mlp: MLP, count: int, dtype: str) -> Brains:
    return Brains(mlp, count, seed=5, backend="cpu", dtype=dtype, init="uniform")


def answers(device, brains: Brains, x: np.ndarray, brain: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """What the CPU's kernels and the device's give for samples x [N | 1, B, I]."""
    n = len(brains) if brain is None else len(brain)
    x = np.ascontiguousarray(x, brains.layout.compute)
    expected = np.full((n, x.shape[1], brains.outputs), np.nan, x.dtype)
    brains.forward(x, expected, brain)
    xp = device.xp
    out = xp.empty(expected.shape, expected.dtype)
    rows = xp.asarray(brains.rows.view(np.uint8)).view(brains.dtype)
    with cuda.using(device):
        own = None if brain is None else xp.asarray(brain)
        forward_cuda.forward(rows, brains.layout, xp.asarray(x), out, own)
    return device.read(out), expected


def samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape) * 2


def same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    assert not np.isnan(expected).any()
    np.testing.assert_array_equal(got.view(f"u{got.itemsize}"), expected.view(f"u{got.itemsize}"))


@dtypes
@few
@given(architectures, st.integers(1, 40))
def test_any_architecture_with_sizes_at_run_time(cuda_device, dtype, mlp, count):
    """One to five layers of 1 to 70 units, with and without biases, hidden and last layers of any activation."""
    same(*answers(cuda_device, pool(mlp, count, dtype), samples(count, 1, mlp.inputs)))


LAYOUTS = (
    (MLP((16, 32, 4)), 37),
    (MLP((19, 70, 13, 2), ("mish", "gelu"), "sigmoid"), 21),
    (MLP((784, 40, 10), "relu"), 5),
    (MLP((3, 8, 1, 20, 57), ("selu", "elu", "leakyrelu"), "hardshrink", bias=False), 9),
)


@dtypes
@pytest.mark.parametrize(("mlp", "count"), LAYOUTS, ids=[str(mlp) for mlp, _ in LAYOUTS])
def test_kernels_of_one_layout(cuda_device, dtype, mlp, count, monkeypatch):
    monkeypatch.setattr(forward_cuda, "WORTH", 1)
    same(*answers(cuda_device, pool(mlp, count, dtype), samples(count, 1, mlp.inputs)))


SHAPES = (Shape(4, 1, 64), Shape(8, 1, 128), Shape(16, 1, 32), Shape(32, 1, 64), Shape(32, 2, 64))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_lanes_for_a_brain_change_no_bit(cuda_device, dtype, shape, monkeypatch):
    """129 columns are two pieces of 64 and one of one; 28 and 17 are pieces of 32, partly there."""
    monkeypatch.setattr(forward_cuda, "WORTH", 1)
    monkeypatch.setattr(forward_cuda, "shape", lambda *_: shape)
    mlp = MLP((7, 129, 28, 8, 17))
    same(*answers(cuda_device, pool(mlp, 11, dtype), samples(11, 1, 7)))


def test_results_do_not_depend_on_the_order_of_threads(hosted, monkeypatch):
    monkeypatch.setattr(forward_cuda, "WORTH", 1)
    brains = pool(MLP((16, 32, 4)), 21, "float32")
    shared = np.random.default_rng(2).integers(0, 21, 60).astype(np.int32)
    with hosted.racing():
        same(*answers(hosted, brains, samples(21, 1, 16)))
        same(*answers(hosted, brains, samples(21, 5, 16)))
    for order in ("descending", 1, 2):  # where an agent stands among those of its brain may change, no result
        hosted.order = order
        same(*answers(hosted, brains, samples(60, 1, 16), shared))


@dtypes
@few
@given(architectures, st.integers(1, 5), st.sampled_from([2, 3, 5, 17, 70]), st.booleans())
def test_many_samples_own_and_shared(cuda_device, dtype, mlp, count, many, shared):
    x = samples(1 if shared else count, many, mlp.inputs)
    same(*answers(cuda_device, pool(mlp, count, dtype), x))


@dtypes
@few
@given(architectures, st.integers(1, 300), st.integers(1, 120), st.sampled_from([1, 2]))
def test_shared_pools(cuda_device, dtype, mlp, brains, agents, many):
    """Agents in the order of their brains: none, one or many for each."""
    brain = np.random.default_rng(agents).integers(0, brains, agents).astype(np.int32)
    same(*answers(cuda_device, pool(mlp, brains, dtype), samples(agents, many, mlp.inputs), brain))


def test_activations_that_do_not_fit_in_shared_memory(cuda_device):
    brains = pool(MLP((3, 9000, 2)), 3, "float32")
    assert forward_cuda.shape(brains.layout, 3) is None
    same(*answers(cuda_device, brains, samples(3, 1, 3)))
    same(*answers(cuda_device, brains, samples(3, 2, 3)))


def test_long_rows_get_a_block_for_a_brain(cuda_device, monkeypatch):
    monkeypatch.setattr(forward_cuda, "WORTH", 1)
    brains = pool(MLP((130, 300, 5)), 3, "float32")
    assert forward_cuda.shape(brains.layout, 3) == Shape(32, forward_cuda.TEAM, 32 * forward_cuda.TEAM)
    assert forward_cuda.shape(brains.layout, 100_000).team == 1
    same(*answers(cuda_device, brains, samples(3, 1, 130)))


@dtypes
def test_groups_of_a_mixed_pool_in_one_launch(hosted, dtype):
    """Brains of nine architectures, shuffled; each finds its own input and writes its own answer."""
    hidden = ([], [1], [8], [30], [70], [5, 5], [64, 3], [20, 20, 20], [4] * 5)
    mlps = [MLP((6, *hidden[k % 9], 3), "tanh", bias=k % 2 == 0) for k in np.random.default_rng(3).permutation(60)]
    cpu = Brains(mlps, seed=2, backend="cpu", dtype=dtype, init="uniform")
    there = Brains(mlps, seed=2, backend="cuda", dtype=dtype, init="uniform")
    x = samples(60, 6)
    before = hosted.launches
    same(there.backend.host(there(x)), cpu(x))
    assert hosted.launches == before + 1
    x = samples(60, 3, 6)
    same(there.backend.host(there(x)), cpu(x))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_reference_runs_on_arrays_of_the_device(hosted, name, monkeypatch):
    """What has no kernel computes through the array module; the stand-in has no error function of its own."""
    xp = hosted.xp
    special = SimpleNamespace(erfc=lambda z: xp.asarray(np.vectorize(math.erfc)(hosted.read(z))))
    monkeypatch.setitem(sys.modules, "cupyx.scipy.special", special)
    brains = pool(MLP((5, 9, 3), name, name), 11, "float32")
    for brain in (None, np.arange(7, dtype=np.int32) % 3):
        n = 11 if brain is None else 7
        x = samples(n, 2, 5).astype(np.float32)
        expected = np.empty((n, 2, 3), np.float32)
        forward.forward(brains.rows, brains.layout, x, expected, brain)
        out = xp.empty(expected.shape, np.float32)
        own = None if brain is None else xp.asarray(brain)
        with cuda.using(hosted):
            forward.forward(xp.asarray(brains.rows), brains.layout, xp.asarray(x), out, own)
        np.testing.assert_allclose(hosted.read(out), expected, rtol=1e-6)


def test_tiles_by_layout():
    """Counted, not measured: lanes grow with the row and stop where a layer has no work for more."""
    small, wide, long = MLP((16, 32, 4)), MLP((32, 128, 4)), MLP((64, 256, 64, 4))
    assert [forward_cuda.tile_of(m.layout("float32")) for m in (small, wide, long)] == [8, 16, 32]
    assert forward_cuda.tile_of(small.layout("bfloat16")) == 8
    assert forward_cuda.tile_of(MLP((5000, 4)).layout("float32")) == 8
    for mlp in (small, wide, long, MLP((1000, 1500, 1))):
        for dtype in DTYPES:
            layout = mlp.layout(dtype)
            for count in (1, 1000, 10**6):
                shape = forward_cuda.shape(layout, count)
                spans = shape.block // shape.per * 2 * layout.compute.itemsize * (max(mlp.widths) + 40)
                assert shape.block % 32 == 0
                assert spans <= forward_cuda.SHARED
                assert shape.per <= shape.block


def test_samples_of_a_block_follow_the_pool(hosted):
    """Few agents for each brain take few samples at a time; wide layers leave room for few."""

    def taken(widths, average):
        layout = MLP(widths).layout("float32")
        rows = hosted.xp.zeros((1, layout.stride), np.float32)
        with cuda.using(hosted):
            return batch_cuda.Job(hosted, rows, layout, 10_000, 1, 10_000, average, np.float32).samples

    assert [taken((16, 32, 4), average) for average in (1, 8, 100)] == [4, 16, 64]
    assert [taken((16, width, 4), 100) for width in (64, 256, 1024)] == [64, 16, 4]
