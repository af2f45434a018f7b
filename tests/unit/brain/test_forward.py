"""The plain reference against loops written by hand in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm.brain.activations import ACTIVATIONS
from swarm.brain.brains import Brains
from swarm.brain.forward import cost, forward, layers
from swarm.brain.mlp import MLP

BOUND = {"float32": 2e-6, "float64": 1e-14, "bfloat16": 2e-6, "float16": 2e-6}


def by_hand(brains: Brains, k: int, x: list[float]) -> list[float]:
    """One brain, one sample, one multiplication at a time."""
    h, names = x, [*brains.mlp.activation, brains.mlp.output]
    for layer, name in enumerate(names):
        weight = brains.weight(layer)[k].astype(np.float64).tolist()
        bias = brains.bias(layer)[k].astype(np.float64).tolist() if brains.mlp.bias else [0.0] * len(weight[0])
        h = [bias[o] + sum(h[i] * weight[i][o] for i in range(len(h))) for o in range(len(weight[0]))]
        h = [activated(name, z) for z in h]
    return h


def activated(name: str, z: float) -> float:
    below = math.expm1(min(z, 0.0))
    return {
        "identity": z,
        "sigmoid": 1 / (1 + math.exp(-z)),
        "tanh": math.tanh(z),
        "relu": max(z, 0.0),
        "leakyrelu": z if z > 0 else 0.01 * z,
        "elu": z if z > 0 else below,
        "gelu": 0.5 * z * (1 + math.erf(z / math.sqrt(2))),
        "selu": 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * below),
        "hardshrink": z if abs(z) > 0.5 else 0.0,
        "mish": z * math.tanh(math.log1p(math.exp(z))),
    }[name]


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize(
    "mlp", [MLP((3, 5, 4, 2)), MLP((7, 3)), MLP((1, 9, 1), "mish", "sigmoid", bias=False)], ids=str
)
def test_forward_is_what_the_loops_give(mlp: MLP, dtype: str) -> None:
    brains = Brains(mlp, 4, seed=3, backend="reference", dtype=dtype, init="uniform")
    x = np.random.default_rng(1).normal(size=(4, 6, mlp.inputs))
    got = brains(x)
    assert got.shape == (4, 6, mlp.outputs)
    assert got.dtype == (np.float64 if dtype == "float64" else np.float32)
    seen = x if dtype == "float64" else x.astype(np.float32).astype(np.float64)
    for k in range(4):
        for b in range(6):
            assert got[k, b] == pytest.approx(by_hand(brains, k, seen[k, b].tolist()), abs=BOUND[dtype] * 8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_in_every_place(name: str) -> None:
    brains = Brains(MLP((4, 6, 5, 3), ("tanh", name), name), 2, seed=1, backend="reference", dtype="float64")
    x = np.random.default_rng(2).normal(size=(2, 4))
    for k in range(2):
        assert brains(x)[k] == pytest.approx(by_hand(brains, k, x[k].tolist()), abs=1e-13)


def test_shared_inputs_and_shared_pools() -> None:
    brains = Brains(MLP((3, 8, 2)), 5, seed=4, backend="reference")
    x = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)
    everyone = brains(x, shared=True)
    np.testing.assert_array_equal(everyone, brains(x[None]))
    np.testing.assert_array_equal(everyone, brains(np.repeat(x[None], 5, axis=0)))
    np.testing.assert_allclose(brains(x[0], shared=True), everyone[:, 0], rtol=1e-5, atol=1e-6)
    brain = np.array([4, 0, 0, 3, 1, 4], np.int32)
    out = np.empty((6, 1, 2), np.float32)
    forward(brains.rows, brains.layout, x[:, None], out, brain)
    np.testing.assert_allclose(out[:, 0], everyone[brain, np.arange(6)], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out[:, 0], brains.clone(brain)(x))


def test_a_brain_does_not_depend_on_its_company() -> None:
    brains = Brains(MLP((19, 32, 4)), 40, seed=8, backend="reference")
    x = np.random.default_rng(5).normal(size=(40, 19)).astype(np.float32)
    order = np.random.default_rng(6).permutation(40)
    whole = brains(x)
    np.testing.assert_array_equal(brains.clone(order)(x[order]), whole[order])
    np.testing.assert_array_equal(brains[17](x[17:18]), whole[17:18])


def test_layers_show_the_way_to_the_outputs() -> None:
    brains = Brains(MLP((3, 8, 5, 2), "relu"), 4, seed=4, backend="reference")
    x = np.random.default_rng(3).normal(size=(4, 2, 3)).astype(np.float32)
    found = layers(brains.rows, brains.layout, x)
    assert [h.shape for h in found] == [(4, 2, 8), (4, 2, 5), (4, 2, 2)]
    assert (found[0] >= 0).all()
    np.testing.assert_array_equal(found[-1], brains(x))


def test_cost_counts_the_row_and_the_multiply_adds() -> None:
    layout = MLP((16, 32, 4)).layout("float32")
    assert cost(layout, 1000) == (1000 * (676 * 4 + 16 * 4 + 4 * 4), 1000 * (2 * (512 + 128) + 36))
    assert cost(layout, 10, B=3, shared_input=True).bytes == 10 * 2704 + 3 * 64 + 10 * 3 * 16
    assert cost(MLP((3, 2), bias=False).layout("float64"), 1) == (6 * 8 + 3 * 8 + 2 * 8, 12)
