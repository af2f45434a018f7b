"""Gradients of a population, every brain with its own weights: the contract and the plain reference.

    forward   z_k = h_k W_k + c_k,  h_(k+1) = f_k(z_k)
    backward  d_k = dL/dh_(k+1) * f'_k(z_k);  dL/dW_k = h_k^T d_k;  dL/dc_k = sum over b of d_k;  dL/dh_k = d_k W_k^T

L is the mean (or the sum, as `samples.reduction` says) of the loss over the batch, each sample times its weight where
there are weights. Source: Rumelhart, Hinton and Williams, Nature 323, 1986. `backward_cpu` has the same functions,
without weights, noise and gates, and agrees within the rounding of its other order of additions.
"""

from __future__ import annotations

import numpy as np

from swarm.brain.activations import activate, derivative
from swarm.brain.forward import weight
from swarm.brain.mlp import Layout
from swarm.train.losses import values
from swarm.train.samples import Samples

_CHUNK_BYTES = 64 << 20  # activations held at a time


def gradients(
    rows: np.ndarray,
    layout: Layout,
    samples: Samples,
    index: np.ndarray,
    out: np.ndarray,
    total: np.ndarray,
    weights: np.ndarray | None = None,
    noise: np.ndarray | None = None,
    gates: list[np.ndarray] | None = None,
) -> None:
    """The gradient of the loss of one batch, for every brain.

    rows     [N][stride]      parameters, float32 | float64                                    read
    index    [N | 1][B]       which samples; one row of indices is a batch all share, integers  read
    out      [N][stride]      dL/dw where the parameters stand, 0 in the gaps                   write
    total    [N]              the sum of the samples' weighted losses, float64                added to
    weights  [N | 1][B]       of the samples, None: 1                                           read
    noise    [N][B][I]        added to the inputs, None: nothing                                read
    gates    [N][B][H_k] each  what hidden activations are multiplied by (dropout), None: 1     read
    """
    for part in _chunks(rows, layout, index.shape[1]):
        at = index if len(index) == 1 else index[part]
        x = samples.inputs(at, layout.compute)
        each = None
        if weights is not None:  # a sample of weight 0 has no say: 0 times infinity, in any layer, would have one
            each = (weights if len(weights) == 1 else weights[part]).astype(layout.compute)
            x = np.where(each[:, :, None] == 0, 0, x)
        x = x if noise is None else x + noise[part]
        doors = None if gates is None else [gate[part] for gate in gates]
        hidden, sums = _forward(rows[part], layout, x, doors)
        value, gradient = values(samples.loss, hidden[-1], samples.wanted(at))
        if each is not None:
            value = np.where(each == 0, 0, each * value)
            gradient = np.where(each[:, :, None] == 0, 0, each[:, :, None] * gradient)
        total[part] += value.sum(axis=1, dtype=np.float64)
        out[part] = 0
        _backward(rows[part], layout, hidden, sums, gradient / samples.over(index.shape[1]), out[part], doors)


def _forward(
    rows: np.ndarray, layout: Layout, x: np.ndarray, gates: list[np.ndarray] | None = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inputs and activations h_0 .. h_K, and the sums z_0 .. z_(K-1), each [N, B, width]."""
    hidden, sums = [np.broadcast_to(x, (len(rows), *x.shape[1:]))], []
    for k, layer in enumerate(layout.layers):
        z = hidden[-1] @ weight(rows, layout, layer)
        if layer.bias >= 0:
            z += rows[:, None, layer.bias : layer.bias + layer.outputs]
        sums.append(z)
        h = activate(layer.activation, z)
        hidden.append(h * gates[k] if gates is not None and k < len(gates) else h)
    return hidden, sums


def _backward(rows, layout: Layout, hidden, sums, d: np.ndarray, out: np.ndarray, gates=None) -> None:
    for k, (layer, h, z) in reversed(list(enumerate(zip(layout.layers, hidden, sums, strict=False)))):
        if gates is not None and k < len(gates):
            d = d * gates[k]
        d = d * derivative(layer.activation, z)
        weight(out, layout, layer)[:] = np.swapaxes(h, 1, 2) @ d
        if layer.bias >= 0:
            out[:, layer.bias : layer.bias + layer.outputs] = d.sum(axis=1)
        d = d @ np.swapaxes(weight(rows, layout, layer), 1, 2)


def activations(rows: np.ndarray, layout: Layout, x: np.ndarray) -> list[np.ndarray]:
    """What every layer answers to x [N | 1, B, I]: arrays [N, B, H_k] of the layout's `compute`, the outputs last."""
    parts = [
        _forward(rows[part], layout, x if len(x) == 1 else x[part])[0][1:] for part in _chunks(rows, layout, x.shape[1])
    ]
    if not parts:
        return [np.empty((0, x.shape[1], layer.outputs), layout.compute) for layer in layout.layers]
    return [np.concatenate(layer) for layer in zip(*parts, strict=True)]


def outputs(rows: np.ndarray, layout: Layout, samples: Samples, start: int, out: np.ndarray) -> None:
    """What every brain answers to samples start .. start + B - 1: out [N][B][O], dtype of the rows, write."""
    index = np.arange(start, start + out.shape[1])[None]
    for part in _chunks(rows, layout, out.shape[1]):
        out[part] = _forward(rows[part], layout, samples.inputs(index, layout.compute))[0][-1]


def score(rows: np.ndarray, layout: Layout, samples: Samples, total: np.ndarray, hits: np.ndarray) -> None:
    """Sum of the losses over all samples, and how many labels the largest output (the first of equals) names.

    total [N] float64 and hits [N] int64 are written; hits stay 0 where the targets are not labels.
    """
    total[:], hits[:] = 0, 0
    for start in range(0, len(samples), 256):
        index = np.arange(start, min(start + 256, len(samples)))[None]
        answer = np.empty((len(rows), index.shape[1], layout.outputs), layout.compute)
        outputs(rows, layout, samples, start, answer)
        wanted = samples.wanted(index)
        total += values(samples.loss, answer, wanted)[0].sum(axis=1, dtype=np.float64)
        if samples.loss == "cross_entropy":
            hits += (answer.argmax(axis=2) == wanted).sum(axis=1)


def _chunks(rows: np.ndarray, layout: Layout, B: int) -> list[slice]:
    """Runs of brains whose activations fit the memory held at a time."""
    each = layout.compute.itemsize * B * (layout.inputs + 2 * sum(layer.outputs for layer in layout.layers))
    step = max(1, _CHUNK_BYTES // each)
    return [slice(start, min(start + step, len(rows))) for start in range(0, len(rows), step)]
