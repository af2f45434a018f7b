"""Saliency: how much each action of a brain follows from each of its inputs, exactly.

    forward   z_k = h_k W_k + c_k,  h_(k+1) = f_k(z_k),  h_0 the inputs
    slopes    G_K = 1 (one row per action);  G_k = (G_(k+1) * f'_k(z_k)) W_k^T;  the answer is G_0 = da/dx

This is back-propagation from every action at once (Rumelhart, Hinton and Williams, Nature 323, 1986). Memory counts as
an input like any other, so the slope by a sense is the one with memory held fixed: what the sense does in this tick.
Times the input itself it says what the action consists of now; for a brain of straight pieces without biases
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


def slopes(brain: Network, thought: Thought, actions: int | None = None) -> np.ndarray:
    """The derivative of each of the first `actions` outputs (None: all) by each input, [A, I].

    At a kink of an activation it is the one-sided value that training takes, `swarm.brain.activations.derivative`.
    """
    g = np.eye(len(thought.sums[-1]))[:actions]
    for weight, code, z in zip(reversed(brain.weights), reversed(brain.codes), reversed(thought.sums), strict=True):
        g = (g * derivative(code, z)) @ weight.T
    return g
