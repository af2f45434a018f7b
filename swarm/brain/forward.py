"""Inference for a population, every brain with its own weights: the contract and the plain reference.

    for each layer:  h[n, b, :] <- f(h[n, b, :] @ W[n] + c[n])

Source: any textbook on multilayer perceptrons; rows as `Layout` says. Sums run in float32 (float64 rows: in float64),
bfloat16 parameters are widened exactly. A brain's result does not depend on its company: one small matrix product each.
`forward_cpu.forward` has the same signature and agrees within the rounding of its other order of additions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from swarm.brain.activations import activate
from swarm.brain.mlp import Layout

_CHUNK_BYTES = 16 << 20  # widened weights held at a time


class Cost(NamedTuple):
    """What one launch must move and compute, whatever the implementation."""

    bytes: int
    flops: int


def cost(layout: Layout, N: int, B: int = 1, shared_input: bool = False) -> Cost:
    """Bytes of parameters, inputs and outputs, each touched once; 2 flops per multiply-add, activations not counted.

    The parameters are counted as the row holds them, padding included: that is what memory delivers.
    """
    moved = layout.compute.itemsize * (B * layout.inputs * (1 if shared_input else N) + N * B * layout.outputs)
    work = sum(2 * layer.inputs * layer.outputs + (layer.outputs if layer.bias >= 0 else 0) for layer in layout.layers)
    return Cost(N * layout.row_bytes + moved, N * B * work)


def forward(rows: np.ndarray, layout: Layout, x: np.ndarray, out: np.ndarray, brain: np.ndarray | None = None) -> None:
    """Fill `out` with the outputs of N brains for B samples each.

    rows  [>= N][stride]  parameters, dtype of the layout         read
    x     [N | 1][B][I]   inputs; one for all when the first axis is 1, float32 (float64 rows: float64)  read
    out   [N][B][O]       same dtype as x                          write
    brain [N]             row that thinks for each agent of a shared pool, integers; None = row n for agent n  read
    """
    count = len(out)
    step = max(1, _CHUNK_BYTES // max(1, layout.stride * layout.compute.itemsize))
    for start in range(0, count, step):
        stop = min(start + step, count)
        own = rows[start:stop] if brain is None else rows[brain[start:stop]]
        h = x if len(x) == 1 and count > 1 else x[start:stop]
        out[start:stop] = layers(own, layout, h)[-1]


def forward_rows(
    rows: np.ndarray, layout: Layout, x: np.ndarray, out: np.ndarray, at: np.ndarray, brain: np.ndarray | None = None
) -> None:
    """Let some brains think: fill out[at] from x[at], the others of `out` stay as they are.

    rows  [>= N][stride]   parameters, dtype of the layout         read, only those that think
    x     [N][1][I]        inputs, float32 (float64 rows: float64) read
    out   [N][1][O]        same dtype as x                         write
    at    [K]              integers, each there once; fastest ascending   read
    brain [K]              the row that thinks for each; None = at        read

    A brain answers as in `forward`, bit by bit.
    """
    brain = at if brain is None else brain
    step = max(1, _CHUNK_BYTES // max(1, layout.stride * layout.compute.itemsize))
    for start in range(0, len(at), step):
        some = slice(start, start + step)
        out[at[some]] = layers(rows[brain[some]], layout, x[at[some]])[-1]


def layers(rows: np.ndarray, layout: Layout, x: np.ndarray) -> list[np.ndarray]:
    """The activations behind every layer, a list of [N, B, H_k], the outputs last. Arguments as for `forward`."""
    found, h = [], x
    for layer in layout.layers:
        z = np.matmul(h, weight(rows, layout, layer).astype(layout.compute))
        if layer.bias >= 0:
            z += rows[:, None, layer.bias : layer.bias + layer.outputs].astype(layout.compute)
        h = activate(layer.activation, z)
        found.append(h)
    return found


def weight(rows: np.ndarray, layout: Layout, layer) -> np.ndarray:
    """View [N, I, H] of one layer's weights in rows [N, >= P]."""
    return rows[:, layer.weight : layer.weight + layer.inputs * layer.outputs].reshape(-1, layer.inputs, layer.outputs)
