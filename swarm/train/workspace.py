"""Where one network and its batch lie while it is trained: a flat float32 workspace per thread.

Widths are padded to sixteen lanes and rows to tiles of eight, so the kernels need no masks: what stands in a pad is
never read into a real element. A network stays there for several steps, in the core's own cache.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from swarm.brain.mlp import Layout

INPUTS, OUTPUTS, WEIGHT, BIAS, CODE, W, W_STRIDE, C, X, X_STRIDE, Z, Y, Y_STRIDE = range(13)  # columns of `plan`


class Workspace(NamedTuple):
    """plan [layers, 13] int64: widths, offsets in the row, activation, and offsets and strides in the workspace.

    weights: elements of all padded weights and biases, at 0; behind them are as many elements for each span more that
    was asked for: gradients first, then an optimizer's moments, then a mask.
    d, e: two spans for gradients of activations. turned: a transposed weight. zeros: a span of zeros. size: elements
    in all.
    """

    plan: np.ndarray
    weights: int
    d: int
    e: int
    turned: int
    zeros: int
    size: int


def up(value: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-value // step) * step


def stride(width: int) -> int:
    """Elements from row to row of a span: whole vectors, and never a multiple of 1024 bytes, which would crowd few sets
    of the first cache when a column is read."""
    vectors = up(width, 16) // 16
    return 16 * (vectors + (vectors % 16 == 0))


@cache
def workspace(layout: Layout, batch: int, spans: int = 0) -> Workspace:
    """The workspace of one network of this layout with batches of up to `batch` samples.

    spans: how many more spans, each as long as the weights, lie behind them.
    """
    B = up(batch, 8)
    plan = np.zeros((len(layout.layers), 13), np.int64)
    at = 0
    for row, layer in zip(plan, layout.layers, strict=True):
        row[[INPUTS, OUTPUTS, WEIGHT, BIAS, CODE]] = layer
        row[W], row[W_STRIDE] = at, up(layer.outputs, 16)
        row[C] = at + up(layer.inputs, 8) * row[W_STRIDE]
        at = int(row[C] + row[W_STRIDE])
    weights = at
    at *= 1 + spans

    def take(elements: int) -> int:
        nonlocal at
        start, at = at, at + up(int(elements), 16)
        return start

    widths = [stride(layout.inputs), *(stride(layer.outputs) for layer in layout.layers)]
    y = take(B * widths[0])
    for k, row in enumerate(plan):
        row[X], row[X_STRIDE] = y, widths[k]
        y = take(B * widths[k + 1])
        row[Y], row[Y_STRIDE], row[Z] = y, widths[k + 1], take(B * widths[k + 1])
    widest = max(widths[1:])
    d, e = take(B * widest), take(B * widest)
    turned = take(max((layer.outputs * widths[k + 1] for k, layer in enumerate(layout.layers[1:])), default=0))
    zeros = take(max(widest, 32))
    plan.flags.writeable = False
    return Workspace(plan, weights, d, e, turned, zeros, at + 64)
