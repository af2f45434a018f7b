"""Where one network and its batch lie while it is trained: a flat float32 workspace per thread.

Widths are padded to sixteen lanes, so the kernels need no masks: what stands in a pad is never read into a real
element. A network stays there for several steps, in the core's own cache.

Weights lie as in the pool, [I, O] with O in lanes. A narrow last layer (up to sixteen outputs behind a hidden layer)
lies turned, [O, I] with I in lanes, and its values [O, B] with the samples in lanes: one output of a thousand networks
would otherwise fill fifteen of sixteen lanes with nothing, and losses run over sixteen samples at a time.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from swarm.brain.mlp import Layout

_APART = 80  # elements between spans, so that equal places of them do not lie whole pages apart
NARROW = 16  # outputs at most of a last layer that lies turned

# columns of `plan`, one row per layer: widths, offsets in the row, activation; offsets and strides in the workspace of
# weights, biases, inputs, slopes, values and of what dropout multiplies the values by; rows and columns of the weights
(
    INPUTS, OUTPUTS, WEIGHT, BIAS, CODE,
    W, W_STRIDE, C, X, X_STRIDE, Z, Y, Y_STRIDE, M, TURNED, W_ROWS, W_COLUMNS,
) = range(17)  # fmt: skip
COLUMNS = 17

# columns of `offsets`, one row per architecture: elements of all weights; where things begin; where the architecture's
# rows of a table of many plans begin and end; elements from row to row where samples lie in lanes
(
    WEIGHTS, D, E, TRANSPOSED, ZEROS, LABELS, TARGETS, SHARES, GRADIENT, CONSTANTS, FIRST, LAST, LANES,
) = range(13)  # fmt: skip
OFFSETS = 13


class Workspace(NamedTuple):
    """plan [layers, 17] int64 and offsets [13] int64, as named above.

    Weights stand at 0; behind them are as many elements for each span more that was asked for: an optimizer's moments,
    then a mask. size: elements in all.
    """

    plan: np.ndarray
    offsets: np.ndarray
    size: int


def up(value: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-value // step) * step


def stride(width: int) -> int:
    """Elements from row to row of a span: whole vectors, and never a multiple of 1024 bytes, which would crowd few sets
    of the first cache when a column is read."""
    vectors = up(width, 16) // 16
    return 16 * (vectors + (vectors % 16 == 0))


def is_turned(layout: Layout, k: int) -> bool:
    """Whether layer k lies turned."""
    return 0 < k == len(layout.layers) - 1 and layout.layers[k].outputs <= NARROW


@cache
def workspace(layout: Layout, batch: int, spans: int = 0, whole: bool = False, dropout: bool = False) -> Workspace:
    """The workspace of one network of this layout with batches of up to `batch` samples.

    spans: how many more spans, each as long as the weights, lie behind them. whole: one more for all of the gradient;
    else there is room for eight rows of it. dropout: hidden values are kept twice, as they are and with units dropped.
    """
    B, lanes = up(batch, 16), stride(batch)
    plan, offsets = np.zeros((len(layout.layers), COLUMNS), np.int64), np.zeros(OFFSETS, np.int64)
    at = 0
    for k, (row, layer) in enumerate(zip(plan, layout.layers, strict=True)):
        row[[INPUTS, OUTPUTS, WEIGHT, BIAS, CODE]] = layer
        row[TURNED] = is_turned(layout, k)
        rows, columns = (layer.outputs, layer.inputs) if row[TURNED] else (layer.inputs, layer.outputs)
        row[W], row[W_STRIDE], row[W_ROWS], row[W_COLUMNS] = at, up(columns, 16), rows, columns
        row[C] = at + rows * row[W_STRIDE]
        at = int(row[C] + up(layer.outputs, 16))
    weights = at
    at *= 1 + spans

    def take(elements: int) -> int:
        nonlocal at
        start, at = at, at + up(int(elements), 16) + _APART
        return start

    gradient = take(weights if whole else 8 * max(int(row[W_STRIDE]) for row in plan))
    widths = [stride(layout.inputs), *(stride(layer.outputs) for layer in layout.layers)]
    x = take(B * widths[0])
    for k, row in enumerate(plan):
        row[X], row[X_STRIDE] = x, widths[k]
        each = lanes * int(row[OUTPUTS]) if row[TURNED] else B * widths[k + 1]
        row[Y_STRIDE] = lanes if row[TURNED] else widths[k + 1]
        row[Y] = x = take(each)
        row[Z] = take(each)
        if dropout and k < len(plan) - 1:
            row[M], x = take(each), take(each)
    widest = max(B * max(widths[1:]), lanes * int(plan[-1, OUTPUTS]))
    d, e = take(widest), take(widest)
    hidden = [layer.outputs * widths[k + 1] for k, layer in enumerate(layout.layers[1:])]
    transposed = take(max(hidden, default=0))
    zeros = take(max(*widths[1:], lanes, 32))
    offsets[[WEIGHTS, D, E, TRANSPOSED, ZEROS]] = weights, d, e, transposed, zeros
    offsets[LABELS], offsets[SHARES], offsets[CONSTANTS] = take(lanes), take(lanes), take(16)
    offsets[TARGETS] = take(lanes * layout.outputs if plan[-1, TURNED] else 0)  # else they are read where they lie
    offsets[GRADIENT], offsets[LAST], offsets[LANES] = gradient, len(plan), lanes
    plan.flags.writeable = offsets.flags.writeable = False
    return Workspace(plan, offsets, at + 64)
