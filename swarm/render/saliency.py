"""Saliency: how much each action of a brain follows from each of its inputs, exactly.

    forward   z_k = h_k W_k + c_k,  h_(k+1) = f_k(z_k),  h_0 the inputs
    slopes    G_K = 1 (one row per action);  D_k = G_(k+1) * f'_k(z_k);  G_k = D_k W_k^T;  G_0 = da/dx
    flows     F_k[i, j] = h_k[i] W_k[i, j] D_k[j] for one action; the flows from a unit add up to h_k[i] G_k[i]

This is back-propagation from every action at once (Rumelhart, Hinton and Williams, Nature 323, 1986). Memory counts as
an input like any other, so the slope by a sense is the one with memory held fixed: what the sense does in this tick.
Times the input itself it says what the action consists of now; in a brain of straight pieces without biases
(relu, leakyrelu, identity) these parts add up to the action (Euler). All of it is one brain, in float64 on the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from swarm.brain.activations import activate, derivative

if TYPE_CHECKING:
    from swarm.brain.brains import Brains


class Network(NamedTuple):
    """One brain in float64: layer k has weights[k] [I_k, O_k], biases[k] [O_k], activation code codes[k]."""

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    codes: tuple[int, ...]


class Thought(NamedTuple):
    """One thought: inputs [I], the sums z_k before and the activations h_(k+1) behind each layer, [H_k] each."""

    inputs: np.ndarray
    sums: tuple[np.ndarray, ...]
    layers: tuple[np.ndarray, ...]  # hidden layers first, outputs last


def network(brain: Brains, flat: np.ndarray | None = None) -> Network:
    """The only brain of a pool of one, widened. flat: its parameters as `Brains.flat` gives them, if at hand."""
    values = (brain.backend.host(brain.flat())[0] if flat is None else flat).astype(np.float64)
    weights, biases, at = [], [], 0
    for layer in brain.layout.layers:
        size = layer.inputs * layer.outputs
        weights.append(values[at : at + size].reshape(layer.inputs, layer.outputs))
        at += size
        wide = layer.outputs if layer.bias >= 0 else 0
        biases.append(values[at : at + wide] if wide else np.zeros(layer.outputs))
        at += wide
    return Network(tuple(weights), tuple(biases), tuple(layer.activation for layer in brain.layout.layers))


def think(brain: Network, inputs: np.ndarray) -> Thought:
    """What the brain makes of inputs [I]."""
    h = x = np.asarray(inputs, np.float64)
    sums, layers = [], []
    for weight, bias, code in zip(*brain, strict=True):
        z = h @ weight + bias
        h = activate(code, z)
        sums.append(z)
        layers.append(h)
    return Thought(x, tuple(sums), tuple(layers))


def slopes(brain: Network, thought: Thought, actions: int | None = None) -> tuple[np.ndarray, ...]:
    """The derivative of each of the first `actions` outputs (None: all) by the inputs, G_0 [A, I], and by the
    activations of each hidden layer, G_k [A, H_k].

    At a kink of an activation it is the one-sided value that training takes, `swarm.brain.activations.derivative`.
    """
    g = np.eye(len(thought.sums[-1]))[:actions]
    found = []
    for weight, code, z in zip(reversed(brain.weights), reversed(brain.codes), reversed(thought.sums), strict=True):
        g = (g * derivative(code, z)) @ weight.T
        found.append(g)
    return tuple(reversed(found))


def flows(brain: Network, thought: Thought, slopes: tuple[np.ndarray, ...], action: int) -> tuple[np.ndarray, ...]:
    """What each connection brings to one action, F_k [I_k, O_k]: activation times weight times slope behind it."""
    unit = np.zeros(len(thought.sums[-1]))
    unit[action] = 1.0
    behind = (*(g[action] for g in slopes[1:]), unit)
    before = (thought.inputs, *thought.layers[:-1])
    parts = zip(before, brain.weights, brain.codes, thought.sums, behind, strict=True)
    return tuple(h[:, None] * weight * (g * derivative(code, z)) for h, weight, code, z, g in parts)
