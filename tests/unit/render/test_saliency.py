"""Saliency: slopes in closed form, against central differences for every activation, and what the parts add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import ACTIVATIONS, MLP, Brains
from swarm.render import saliency

KINKED = {"relu", "leakyrelu", "elu", "selu", "hardshrink"}


def one(mlp: MLP, seed: int = 0, dtype: str = "float32") -> Brains:
    brains = Brains(mlp, 1, seed=seed, backend="reference", dtype=dtype)
    if mlp.bias:
        for k in range(len(mlp.widths) - 1):
            brains.bias(k)[:] = np.linspace(-0.6, 0.7, brains.bias(k).size)
    return brains


def looked(brains: Brains, x: np.ndarray, actions: int | None = None) -> tuple[saliency.Thought, np.ndarray]:
    net = saliency.network(brains)
    thought = saliency.think(net, x)
    return thought, saliency.slopes(net, thought, actions)[0]


def differences(brains: Brains, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    net, wide = saliency.network(brains), len(x)
    ways = [saliency.think(net, x + s * step * np.eye(wide)[k]).layers[-1] for k in range(wide) for s in (1, -1)]
    return ((np.array(ways[::2]) - np.array(ways[1::2])) / (2 * step)).T


@pytest.mark.parametrize("output", ACTIVATIONS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_slopes_are_central_differences(hidden: str, output: str):
    brains = one(MLP((5, 8, 6, 3), activation=hidden, output=output), seed=3)
    x = np.array([0.3, -1.2, 0.8, 2.1, -0.4])
    thought, slopes = looked(brains, x)
    if {hidden, output} & KINKED:  # the step must not cross a kink
        edges = [abs(abs(z) - edge) for z in thought.sums for edge in (0.0, 0.5)]
        assert min(e.min() for e in edges) > 1e-4
    assert slopes.shape == (3, 5)
    assert np.allclose(slopes, differences(brains, x), rtol=1e-6, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 9), min_size=2, max_size=5), st.booleans())
def test_slopes_hold_for_any_widths(seed: int, widths: list[int], bias: bool):
    brains = one(MLP(widths, activation="tanh", output="sigmoid", bias=bias), seed=seed)
    x = np.random.default_rng(seed).normal(size=widths[0])
    assert np.allclose(looked(brains, x)[1], differences(brains, x), rtol=1e-5, atol=1e-8)


def test_without_hidden_layers_the_slopes_are_the_weights():
    brains = one(MLP((4, 3)))
    _, slopes = looked(brains, np.ones(4))
    assert np.array_equal(slopes, brains.weight(0)[0].T.astype(np.float64))


def test_one_unit_in_closed_form():
    brains = one(MLP((2, 1, 1), activation="tanh", output="sigmoid"))
    brains.weight(0)[0] = [[0.5], [-2.0]]
    brains.weight(1)[0] = [[3.0]]
    brains.bias(0)[:], brains.bias(1)[:] = 0.25, -0.5
    thought, slopes = looked(brains, np.array([1.0, 0.5]))
    h = np.tanh(0.5 - 1.0 + 0.25)
    y = 1 / (1 + np.exp(-(3 * h - 0.5)))
    assert thought.layers[1] == pytest.approx([y])
    assert slopes[0] == pytest.approx(y * (1 - y) * 3 * (1 - h * h) * np.array([0.5, -2.0]))


@pytest.mark.parametrize("name", ["identity", "relu", "leakyrelu"])
def test_straight_pieces_without_biases_add_up_to_the_action(name: str):
    brains = one(MLP((6, 9, 7, 4), activation=name, output=name, bias=False), seed=5)
    x = np.random.default_rng(1).normal(size=6)
    thought, slopes = looked(brains, x)
    assert np.allclose((slopes * x).sum(axis=1), thought.layers[-1], atol=1e-12)
    assert np.abs(thought.layers[-1]).max() > 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_it_thinks_as_the_pool_does(dtype: str):
    brains = one(MLP((7, 11, 3), activation="gelu", output="tanh"), seed=2, dtype=dtype)
    x = np.random.default_rng(4).normal(size=7)
    thought, _ = looked(brains, x)
    for mine, theirs in zip(thought.layers, brains.activations(x[None])):
        assert np.allclose(mine, theirs[0, 0], atol=1e-5)


@pytest.mark.parametrize("action", [0, 2])
def test_flows_from_a_unit_add_up_to_its_slope_times_itself(action: int):
    brains = one(MLP((4, 9, 6, 3), activation="mish", output="tanh"), seed=8)
    net = saliency.network(brains)
    thought = saliency.think(net, np.array([0.3, -1.0, 2.0, 0.7]))
    slopes = saliency.slopes(net, thought)
    flows = saliency.flows(net, thought, slopes, action)
    assert [f.shape for f in flows] == [(4, 9), (9, 6), (6, 3)]
    for flow, h, g in zip(flows, (thought.inputs, *thought.layers), slopes, strict=False):
        assert np.allclose(flow.sum(axis=1), h * g[action])
    assert not np.delete(flows[-1], action, axis=1).any()


def test_slopes_of_hidden_units_are_those_of_the_rest_of_the_network():
    whole = one(MLP((3, 6, 4, 2), activation="tanh"), seed=1)
    net = saliency.network(whole)
    thought = saliency.think(net, np.array([0.5, -0.2, 1.0]))
    rest = saliency.Network(*(part[1:] for part in net))
    again = saliency.slopes(rest, saliency.think(rest, thought.layers[0]))
    assert np.allclose(saliency.slopes(net, thought)[1], again[0])


def test_only_the_first_outputs_where_asked():
    brains = one(MLP((3, 5, 4)))
    x = np.array([0.1, 0.2, -0.3])
    assert np.array_equal(looked(brains, x, 2)[1], looked(brains, x)[1][:2])
