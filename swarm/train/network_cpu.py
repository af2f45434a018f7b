"""One network in its workspace: take in weights and samples, forward, backward.

    s        the workspace, float32, laid out by `workspace.py`: weights, activations, gradients of one network
    o, plan  where things lie in it, `offsets` and `plan` of `workspace.Workspace`
    x        [M][I] uint8 | float32     the data set, flat; rows picked by an index               read

Per step: B I elements are read from the data set; 4 B I H + 6 B H O flops run in tiles (`tile_cpu`), from the core's
own caches, fewer where inputs are zero (`listed_cpu`); activations and losses run on vectors. Everything is in one
fixed order: batches in the order of the index, sums over k, over samples and over outputs ascending.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic, overload

from swarm.backend import simd
from swarm.backend.activate_cpu import activate
from swarm.backend.jit import kernel
from swarm.backend.simd import F32x16
from swarm.train.derive_cpu import activate_and_derive, derive, keeps_slopes
from swarm.train.listed_cpu import forward_sparse
from swarm.train.samples import UNIT
from swarm.train.tile_cpu import product
from swarm.train.workspace import (
    BIAS,
    CODE,
    INPUTS,
    LANES,
    OUTPUTS,
    TRANSPOSED,
    TURNED,
    W_COLUMNS,
    W_ROWS,
    W_STRIDE,
    WEIGHT,
    X_STRIDE,
    Y_STRIDE,
    ZEROS,
    C,
    M,
    W,
    X,
    Y,
    Z,
)

_UNIT, _ZERO = np.float32(UNIT), np.float32(0)


# --- rows of the pool ---------------------------------------------------------------------------------------------


@kernel(allocates=False)
def _copy(source, start, target, to, count):
    """target[to : to + count] = source[start : start + count], arrays or pointers of float32."""
    whole = count // 16 * 16
    for j in range(0, whole, 16):
        simd.store(target, to + j, simd.load(source, start + j))
    for j in range(whole, count):
        target[to + j] = source[start + j]


@kernel(allocates=False)
def take_weights(address, s, plan, shift):
    """Copy a row of parameters into the workspace, or a row of moments to the span `shift` behind the weights."""
    row = simd.at(address, s)
    for k in range(plan.shape[0]):
        at, to, step = plan[k, WEIGHT], shift + plan[k, W], plan[k, W_STRIDE]
        if plan[k, TURNED]:
            for i in range(plan[k, INPUTS]):
                for j in range(plan[k, OUTPUTS]):
                    s[to + j * step + i] = row[at + i * plan[k, OUTPUTS] + j]
        else:
            for i in range(plan[k, W_ROWS]):
                _copy(row, at + i * plan[k, W_COLUMNS], s, to + i * step, plan[k, W_COLUMNS])
        if plan[k, BIAS] >= 0:
            _copy(row, plan[k, BIAS], s, shift + plan[k, C], plan[k, OUTPUTS])


@kernel(allocates=False)
def give_weights(address, s, plan, shift):
    """Copy weights, or moments or gradients `shift` behind them, out of the workspace into a row."""
    row = simd.at(address, s)
    for k in range(plan.shape[0]):
        at, to, step = plan[k, WEIGHT], shift + plan[k, W], plan[k, W_STRIDE]
        if plan[k, TURNED]:
            for i in range(plan[k, INPUTS]):
                for j in range(plan[k, OUTPUTS]):
                    row[at + i * plan[k, OUTPUTS] + j] = s[to + j * step + i]
        else:
            for i in range(plan[k, W_ROWS]):
                _copy(s, to + i * step, row, at + i * plan[k, W_COLUMNS], plan[k, W_COLUMNS])
        if plan[k, BIAS] >= 0:
            _copy(s, shift + plan[k, C], row, plan[k, BIAS], plan[k, OUTPUTS])


@kernel(allocates=False)
def take_mask(address, like, s, plan, shift):
    """Copy a row of uint8 to the span `shift` behind the weights; `like` is an array of uint8."""
    row = simd.at(address, like)
    for k in range(plan.shape[0]):
        at, to, step = plan[k, WEIGHT], shift + plan[k, W], plan[k, W_STRIDE]
        for i in range(plan[k, INPUTS]):
            for j in range(plan[k, OUTPUTS]):
                place = to + j * step + i if plan[k, TURNED] else to + i * step + j
                s[place] = np.float32(row[at + i * plan[k, OUTPUTS] + j])
        if plan[k, BIAS] >= 0:
            for j in range(plan[k, OUTPUTS]):
                s[shift + plan[k, C] + j] = np.float32(row[plan[k, BIAS] + j])


# --- samples --------------------------------------------------------------------------------------------------------


@intrinsic
def _load_bytes(typingctx, array, offset):
    """Sixteen uint8 as F32x16."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ir.VectorType(ir.IntType(8), 16).as_pointer())
        loaded = builder.load(pointer)
        loaded.align = 1
        wide = builder.zext(loaded, ir.VectorType(ir.IntType(32), 16))
        return builder.sitofp(wide, ir.VectorType(ir.FloatType(), 16))

    return F32x16(array, types.intp), codegen


def _sixteen(x, at):
    raise NotImplementedError("compiled code only")


@overload(_sixteen, inline="never")
def _sixteen_typed(x, at):
    """Sixteen inputs as the network sees them: bytes scaled to 0..1."""
    if x.dtype == types.uint8:
        return lambda x, at: _load_bytes(x, at) * simd.splat(_UNIT)
    return lambda x, at: simd.load(x, at)


def _one(x, at):
    raise NotImplementedError("compiled code only")


@overload(_one, inline="never")
def _one_typed(x, at):
    if x.dtype == types.uint8:
        return lambda x, at: np.float32(x[at]) * _UNIT
    return lambda x, at: x[at]


@kernel(allocates=False)
def take_samples(x, index, first, count, s, plan):
    """Gather the samples index[first : first + count] as the rows of the first layer's input."""
    inputs, whole = plan[0, INPUTS], plan[0, INPUTS] // 16 * 16
    for b in range(count):
        at, to = np.int64(index[first + b]) * inputs, plan[0, X] + b * plan[0, X_STRIDE]
        for i in range(0, whole, 16):
            simd.store(s, to + i, _sixteen(x, at + i))
        if at + whole + 16 <= x.size:  # what is read of the next sample ends in the pad
            if whole < inputs:
                simd.store(s, to + whole, _sixteen(x, at + whole))
        else:
            for i in range(whole, inputs):
                s[to + i] = _one(x, at + i)


@kernel(allocates=False)
def blank(s, plan, weights, first, count):
    """The inputs of samples of weight 0 become 0, so that no overflow of theirs meets the others: 0 times infinity."""
    for b in range(count):
        if weights[first + b] == _ZERO:
            for i in range(0, plan[0, INPUTS], 16):
                simd.store(s, plan[0, X] + b * plan[0, X_STRIDE] + i, simd.splat(_ZERO))


@kernel(allocates=False)
def ask_for_samples(x, index, first, count, plan):
    """Prefetch the samples index[first : first + count]: they lie anywhere in memory, and the next step wants them."""
    inputs, line = plan[0, INPUTS], 64 // x.itemsize
    for b in range(count):
        at = np.int64(index[first + b]) * inputs
        for i in range(0, inputs, line):
            simd.prefetch(x, at + i)


# --- through the layers -------------------------------------------------------------------------------------------


@kernel(allocates=False)
def layer(s, o, plan, k, count):
    """Layer k for `count` samples, from its inputs to its values."""
    if plan[k, TURNED]:
        _turned(s, plan, k, count)
    else:
        none, one = np.int64(0), np.int64(1)  # literals would have it compiled once more for each
        start = plan[k, C] if plan[k, BIAS] >= 0 else o[ZEROS]
        product(
            s, count, plan[k, W_STRIDE], plan[k, X], plan[k, X_STRIDE], one, plan[k, W], plan[k, W_STRIDE],
            plan[k, INPUTS], start, none, plan[k, Y], plan[k, Y_STRIDE],
        )  # fmt: skip
    act(s, plan, k, count)


@kernel(allocates=False)
def first_sparse(s, o, plan, count, inputs, lists, index, first, order, buckets):
    """Layer 0 as `layer`, along the lists of inputs that are not zero."""
    start = plan[0, C] if plan[0, BIAS] >= 0 else o[ZEROS]
    forward_sparse(
        s, count, plan[0, W_STRIDE], plan[0, X], plan[0, X_STRIDE], plan[0, W], plan[0, W_STRIDE], start,
        plan[0, Y], plan[0, Y_STRIDE], inputs, lists, index, first, order, buckets,
    )  # fmt: skip
    act(s, plan, np.int64(0), count)


@kernel(allocates=False)
def _turned(s, plan, k, count):
    """Sums [O, B] of a layer that lies turned, from its inputs [B, I]: lanes of inputs, added across in the end."""
    inputs, step = plan[k, INPUTS], plan[k, W_STRIDE]
    whole, rest = inputs // 16 * 16, simd.first(inputs % 16)
    for b in range(count):
        x = plan[k, X] + b * plan[k, X_STRIDE]
        for j in range(plan[k, OUTPUTS]):
            w, sums = plan[k, W] + j * step, simd.splat(_ZERO)
            for i in range(0, whole, 16):
                sums = simd.fma(simd.load(s, x + i), simd.load(s, w + i), sums)
            if whole < inputs:
                product = simd.load(s, x + whole) * simd.load(s, w + whole)
                sums = sums + simd.select(rest, product, simd.splat(_ZERO))
            bias = s[plan[k, C] + j] if plan[k, BIAS] >= 0 else _ZERO
            s[plan[k, Y] + j * plan[k, Y_STRIDE] + b] = simd.total(sums) + bias


@kernel(allocates=False)
def extent(plan, k, count):
    """Elements of layer k's values for `count` samples, from where they begin."""
    return (plan[k, OUTPUTS] if plan[k, TURNED] else count) * plan[k, Y_STRIDE]


@kernel(allocates=False)
def act(s, plan, k, count):
    """Sums become values."""
    if keeps_slopes(plan[k, CODE]):
        activate_and_derive(plan[k, CODE], s, plan[k, Y], plan[k, Z], extent(plan, k, count))
    else:
        activate(plan[k, CODE], s, plan[k, Y], extent(plan, k, count))


@kernel(allocates=False)
def forward(s, o, plan, count):
    """All layers for `count` samples, without anything dropped."""
    for k in range(plan.shape[0]):
        layer(s, o, plan, k, count)


@kernel(allocates=False)
def value(s, plan, b, j):
    """Output j of sample b."""
    last = plan.shape[0] - 1
    step = plan[last, Y_STRIDE]
    return s[plan[last, Y] + (j * step + b if plan[last, TURNED] else b * step + j)]


@kernel(allocates=False)
def turn_back(s, o, plan, k, d, e, count):
    """From the gradient d at layer k's sums to the one at its inputs, [B, I], at e."""
    columns, zeros = (plan[k, INPUTS] + 15) // 16 * 16, o[ZEROS]
    none, one = np.int64(0), np.int64(1)
    if plan[k, TURNED]:
        product(
            s, count, columns, d, one, o[LANES], plan[k, W], plan[k, W_STRIDE], plan[k, OUTPUTS], zeros, none, e,
            plan[k, X_STRIDE],
        )  # fmt: skip
        return
    turned, step = o[TRANSPOSED], plan[k, X_STRIDE]
    for i in range(plan[k, INPUTS]):
        at = plan[k, W] + i * plan[k, W_STRIDE]
        for j in range(plan[k, OUTPUTS]):
            s[turned + j * step + i] = s[at + j]
    product(s, count, columns, d, plan[k, Y_STRIDE], one, turned, step, plan[k, OUTPUTS], zeros, none, e, step)


@kernel(allocates=False)
def slope(s, plan, k, d, count):
    """d at layer k's values becomes d at its sums."""
    derive(plan[k, CODE], s, d, plan[k, Y], plan[k, Z], extent(plan, k, count))


@kernel(allocates=False)
def bias_gradient(s, plan, k, d, count, out):
    """The sums over the samples of d, [O] padded to lanes, at out."""
    zero, step = simd.splat(_ZERO), plan[k, Y_STRIDE]
    if plan[k, TURNED]:
        for j in range(plan[k, OUTPUTS]):
            sums = zero
            for b in range(0, count, 16):
                sums = sums + simd.select(simd.first(count - b), simd.load(s, d + j * step + b), zero)
            s[out + j] = simd.total(sums)
        return
    j = 0
    while j + 64 <= plan[k, W_STRIDE]:  # four chains of additions side by side
        a0, a1, a2, a3 = zero, zero, zero, zero
        for b in range(count):
            at = d + b * step + j
            a0, a1 = a0 + simd.load(s, at), a1 + simd.load(s, at + 16)
            a2, a3 = a2 + simd.load(s, at + 32), a3 + simd.load(s, at + 48)
        simd.store(s, out + j, a0)
        simd.store(s, out + j + 16, a1)
        simd.store(s, out + j + 32, a2)
        simd.store(s, out + j + 48, a3)
        j += 64
    while j < plan[k, W_STRIDE]:
        sums = zero
        for b in range(count):
            sums = sums + simd.load(s, d + b * step + j)
        simd.store(s, out + j, sums)
        j += 16


@kernel(allocates=False)
def drop(s, plan, k, count):
    """The values of hidden layer k times its dropout's factors, to where the next layer reads."""
    for j in range(0, count * plan[k, Y_STRIDE], 16):
        simd.store(s, plan[k + 1, X] + j, simd.load(s, plan[k, Y] + j) * simd.load(s, plan[k, M] + j))


@kernel(allocates=False)
def drop_back(s, plan, k, d, count):
    """d behind the dropout of hidden layer k becomes d in front of it."""
    for j in range(0, count * plan[k, Y_STRIDE], 16):
        simd.store(s, d + j, simd.load(s, d + j) * simd.load(s, plan[k, M] + j))
