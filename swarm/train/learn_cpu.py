"""Backward through a network in its workspace, parameters moved as their gradients come: nothing is stored for later.

From the last layer to the first: the derivative; the gradient at the layer's inputs, before its weights change; then
the weights. Plain descent adds -rate times the gradient straight from the registers of the tile. Other rules get the
gradient of eight rows of weights at a time, which the first cache holds. A rule that needs all of it, for a norm, has
it laid out as the weights are, at `o[GRADIENT]`.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.train.listed_cpu import gradient_sparse, update_sparse
from swarm.train.move_cpu import GRADIENT as WHOLE
from swarm.train.move_cpu import PLAIN, clip, move
from swarm.train.network_cpu import bias_gradient, drop_back, slope, turn_back
from swarm.train.sparse import GROUP
from swarm.train.tile_cpu import product, update
from swarm.train.workspace import (
    BIAS,
    CONSTANTS,
    GRADIENT,
    LANES,
    OUTPUTS,
    TURNED,
    W_ROWS,
    W_STRIDE,
    WEIGHTS,
    X_STRIDE,
    Y_STRIDE,
    ZEROS,
    C,
    D,
    E,
    W,
    X,
)

_ZERO = np.float32(0)


@kernel(allocates=False)
def backward(s, o, plan, count, rule, scale, slots, masked, limit, dropped, numbers, counts):
    """From the gradient at the outputs, at o[D]: every parameter moved by `rule`.

    rule PLAIN adds scale * gradient, WHOLE leaves the gradient at o[GRADIENT]; others are those of `move_cpu`, whose
    constants stand at o[CONSTANTS]. limit: of the gradient's norm, infinite for none. numbers, counts: the samples of
    each group of inputs (`listed_cpu.list_samples`), counts empty for a dense batch.
    """
    d, e = o[D], o[E]
    whole = rule == WHOLE or limit < np.inf
    for k in range(plan.shape[0] - 1, -1, -1):
        if dropped and k < plan.shape[0] - 1:
            drop_back(s, plan, k, d, count)
        slope(s, plan, k, d, count)
        if k > 0:
            turn_back(s, o, plan, k, d, e, count)
        sparse = k == 0 and counts.size > 0
        if whole:
            _store(s, o, plan, k, d, count, sparse, numbers, counts)
        elif rule == PLAIN:
            _descend(s, o, plan, k, d, count, scale, sparse, numbers, counts)
        else:
            _move(s, o, plan, k, d, count, rule, slots, masked, sparse, numbers, counts)
        d, e = e, d
    if whole and rule != WHOLE:
        if limit < np.inf:
            clip(s, o[CONSTANTS], plan, o[GRADIENT], limit, masked, (1 + slots) * o[WEIGHTS])
        if rule == PLAIN:
            for j in range(0, o[WEIGHTS], 16):
                simd.store(s, j, simd.fma(simd.splat(scale), simd.load(s, o[GRADIENT] + j), simd.load(s, j)))
        else:
            move(s, np.int64(0), o[GRADIENT], o[WEIGHTS], o[WEIGHTS], slots, masked, rule, o[CONSTANTS])


@kernel(allocates=False)
def _sides(plan, o, k, d):
    """The gradient of layer k's weights as a product a b over the samples: a, its strides, b, its stride."""
    one = np.int64(1)
    if plan[k, TURNED]:
        return d, o[LANES], one, plan[k, X], plan[k, X_STRIDE]
    return plan[k, X], one, plan[k, X_STRIDE], d, plan[k, Y_STRIDE]


@kernel(allocates=False)
def _descend(s, o, plan, k, d, count, scale, sparse, numbers, counts):
    """Weights and biases of layer k += scale * gradient."""
    a, ar, ak, b, bk = _sides(plan, o, k, d)
    w, columns, done = plan[k, W], plan[k, W_STRIDE], 0
    if sparse:
        done = plan[k, W_ROWS] // GROUP
        update_sparse(s, done, columns, a, ak, b, bk, w, columns, scale, numbers, counts)
        done *= GROUP
    if done < plan[k, W_ROWS]:
        update(
            s, plan[k, W_ROWS] - done, columns, a + done * ar, ar, ak, b, bk, count, w + done * columns, columns, scale
        )
    if plan[k, BIAS] >= 0:
        bias_gradient(s, plan, k, d, count, o[GRADIENT])
        for j in range(0, plan[k, OUTPUTS], 16):
            sums = simd.load(s, o[GRADIENT] + j)
            simd.store(s, plan[k, C] + j, simd.fma(simd.splat(scale), sums, simd.load(s, plan[k, C] + j)))


@kernel(allocates=False)
def _move(s, o, plan, k, d, count, rule, slots, masked, sparse, numbers, counts):
    """Weights and biases of layer k moved by the rule, eight rows of weights at a time."""
    a, ar, ak, b, bk = _sides(plan, o, k, d)
    g, n, columns = o[GRADIENT], o[WEIGHTS], plan[k, W_STRIDE]
    for row in range(0, plan[k, W_ROWS], GROUP):
        rows, w = min(GROUP, plan[k, W_ROWS] - row), plan[k, W] + row * columns
        if sparse and rows == GROUP:
            gradient_sparse(s, row // GROUP, columns, plan[k, X], ak, b, bk, g, o[ZEROS], numbers, counts)
        else:
            product(s, rows, columns, a + row * ar, ar, ak, b, bk, count, o[ZEROS], np.int64(0), g, columns)
        move(s, w, g, rows * columns, n, slots, masked, rule, o[CONSTANTS])
    if plan[k, BIAS] >= 0:
        bias_gradient(s, plan, k, d, count, g)
        move(s, plan[k, C], g, (plan[k, OUTPUTS] + 15) // 16 * 16, n, slots, masked, rule, o[CONSTANTS])


@kernel(allocates=False)
def _store(s, o, plan, k, d, count, sparse, numbers, counts):
    """The gradient of layer k where o[GRADIENT] has it."""
    a, ar, ak, b, bk = _sides(plan, o, k, d)
    g, columns, done = o[GRADIENT] + plan[k, W], plan[k, W_STRIDE], 0
    if sparse:
        for group in range(plan[k, W_ROWS] // GROUP):
            out = g + group * GROUP * columns
            gradient_sparse(s, group, columns, plan[k, X], ak, b, bk, out, o[ZEROS], numbers, counts)
        done = plan[k, W_ROWS] // GROUP * GROUP
    if done < plan[k, W_ROWS]:
        product(
            s, plan[k, W_ROWS] - done, columns, a + done * ar, ar, ak, b, bk, count, o[ZEROS], np.int64(0),
            g + done * columns, columns,
        )  # fmt: skip
    if plan[k, BIAS] >= 0:
        bias_gradient(s, plan, k, d, count, o[GRADIENT] + plan[k, C])
