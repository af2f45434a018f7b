"""One network in its workspace: take in weights and samples, forward, loss, backward with the update fused in.

    s       the workspace, float32, laid out by `workspace.py`: weights, activations, gradients of one network
    x       [M][I] uint8 | float32     the data set, flat; rows picked by an index               read
    labels  [M] int32, targets [M][O] float32: the one the loss uses                             read

Per step: B I elements are read from the data set; 4 B I H + 6 B H O flops run in tiles (`tile_cpu`), from the core's
own caches; activations and the softmax run on vectors. Everything is in one fixed order: batches in the order of the
index, sums over k, over samples and over outputs ascending.
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
from swarm.backend.vmath import exp, log
from swarm.train.derive_cpu import derive, keeps_sums
from swarm.train.samples import UNIT
from swarm.train.tile_cpu import product, update
from swarm.train.workspace import (
    BIAS,
    CODE,
    INPUTS,
    OUTPUTS,
    W_STRIDE,
    WEIGHT,
    X_STRIDE,
    Y_STRIDE,
    C,
    W,
    X,
    Y,
    Z,
)

_UNIT = np.float32(UNIT)
_ONE, _ZERO, _LOWEST = np.float32(1), np.float32(0), np.float32(-np.inf)
CROSS_ENTROPY, MSE, BCE, HUBER = range(4)


@kernel
def take_weights(rows, start, s, plan, shift):
    """Copy a row of the pool (flat, from element `start`) into the workspace, columns padded, or a row of moments to
    the span `shift` behind the weights."""
    for k in range(plan.shape[0]):
        outputs, at = plan[k, OUTPUTS], start + plan[k, WEIGHT]
        for i in range(plan[k, INPUTS]):
            to = shift + plan[k, W] + i * plan[k, W_STRIDE]
            for j in range(outputs):
                s[to + j] = rows[at + i * outputs + j]
        if plan[k, BIAS] >= 0:
            for j in range(outputs):
                s[shift + plan[k, C] + j] = rows[start + plan[k, BIAS] + j]


@kernel
def take_mask(row, s, plan, shift):
    """Copy a row of uint8 to the span `shift` behind the weights."""
    for k in range(plan.shape[0]):
        outputs, at = plan[k, OUTPUTS], plan[k, WEIGHT]
        for i in range(plan[k, INPUTS]):
            to = shift + plan[k, W] + i * plan[k, W_STRIDE]
            for j in range(outputs):
                s[to + j] = np.float32(row[at + i * outputs + j])
        if plan[k, BIAS] >= 0:
            for j in range(outputs):
                s[shift + plan[k, C] + j] = np.float32(row[plan[k, BIAS] + j])


@kernel
def give_weights(rows, start, s, plan, shift):
    """Copy weights (shift 0), or gradients or moments (shift = their distance behind), out of the workspace into a
    row."""
    for k in range(plan.shape[0]):
        outputs, at = plan[k, OUTPUTS], start + plan[k, WEIGHT]
        for i in range(plan[k, INPUTS]):
            to = shift + plan[k, W] + i * plan[k, W_STRIDE]
            for j in range(outputs):
                rows[at + i * outputs + j] = s[to + j]
        if plan[k, BIAS] >= 0:
            for j in range(outputs):
                rows[start + plan[k, BIAS] + j] = s[shift + plan[k, C] + j]


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


@kernel
def take_samples(x, index, first, count, s, plan):
    """Gather the samples index[first : first + count] as the rows of the first layer's input."""
    inputs, whole = plan[0, INPUTS], plan[0, INPUTS] // 16 * 16
    for b in range(count):
        at, to = np.int64(index[first + b]) * inputs, plan[0, X] + b * plan[0, X_STRIDE]
        for i in range(0, whole, 16):
            simd.store(s, to + i, _sixteen(x, at + i))
        for i in range(whole, inputs):
            s[to + i] = _one(x, at + i)


@kernel
def ask_for_samples(x, index, first, count, plan):
    """Prefetch the samples index[first : first + count]: they lie anywhere in memory, and the next step wants them."""
    inputs, line = plan[0, INPUTS], 64 // x.itemsize
    for b in range(count):
        at = np.int64(index[first + b]) * inputs
        for i in range(0, inputs, line):
            simd.prefetch(x, at + i)


@kernel
def forward(s, plan, zeros, count):
    """All layers for `count` samples; returns where the outputs lie."""
    rows = (count + 7) // 8 * 8
    for k in range(plan.shape[0]):
        y, stride = plan[k, Y], plan[k, Y_STRIDE]
        start = plan[k, C] if plan[k, BIAS] >= 0 else zeros
        product(
            s, rows, plan[k, W_STRIDE], plan[k, X], plan[k, X_STRIDE], 1, plan[k, W], plan[k, W_STRIDE],
            plan[k, INPUTS], start, 0, y, stride,
        )  # fmt: skip
        if keeps_sums(plan[k, CODE]):
            for j in range(0, rows * stride, 16):
                simd.store(s, plan[k, Z] + j, simd.load(s, y + j))
        activate(plan[k, CODE], s, y, rows * stride)
    return plan[plan.shape[0] - 1, Y]


@kernel
def _cross_entropy(s, y, outputs, label, share, g):
    """One sample: the loss of logits s[y ...], and share * (softmax - onehot) written to s[g ...]."""
    lowest, zero = simd.splat(_LOWEST), simd.splat(_ZERO)
    top = lowest
    for j in range(0, outputs, 16):
        top = simd.maximum(simd.select(simd.first(outputs - j), simd.load(s, y + j), lowest), top)
    peak = simd.splat(simd.largest(top))
    sums = zero
    for j in range(0, outputs, 16):
        e = simd.select(simd.first(outputs - j), exp(simd.load(s, y + j) - peak), zero)
        simd.store(s, g + j, e)
        sums = sums + e
    amount = simd.total(sums)
    scale = simd.splat(share / amount)
    value = simd.lane(log(simd.splat(amount)), 0) - (s[y + label] - simd.lane(peak, 0))
    for j in range(0, outputs, 16):
        simd.store(s, g + j, simd.load(s, g + j) * scale)
    s[g + label] -= share
    return value


@kernel
def _mse(s, y, outputs, targets, at, share, g):
    """One sample: mean of (y - t)^2, and share * 2 (y - t) / O written to s[g ...]."""
    part = _ONE / np.float32(outputs)
    scale = np.float32(2) * part * share
    value = _ZERO
    for j in range(outputs):
        error = s[y + j] - targets[at + j]
        value += error * error
        s[g + j] = scale * error
    return value * part


@kernel
def _bce(s, y, outputs, targets, at, share, g):
    """One sample: mean of max(y, 0) - y t + log(1 + e), e = exp(-|y|); share * (sigmoid(y) - t) / O to s[g ...]."""
    zero, one = simd.splat(_ZERO), simd.splat(_ONE)
    part = _ONE / np.float32(outputs)
    scale, sums = simd.splat(part * share), zero
    for j in range(0, outputs, 16):
        real = simd.first(outputs - j)
        z, t = simd.load(s, y + j), simd.load_masked(targets, at + j, real, zero)
        e = exp(-simd.absolute(z))
        value = simd.maximum(z, zero) - z * t + log(one + e)
        slope = (simd.select(z >= zero, one, e) / (one + e) - t) * scale
        sums = sums + simd.select(real, value, zero)
        simd.store(s, g + j, simd.select(real, slope, zero))
    return simd.total(sums) * part


@kernel
def _huber(s, y, outputs, targets, at, share, g):
    """One sample: mean of e^2 / 2, or |e| - 1/2 behind 1, e = y - t; share * e / O, e cut to -1..1, to s[g ...]."""
    zero, one, half = simd.splat(_ZERO), simd.splat(_ONE), simd.splat(np.float32(0.5))
    part = _ONE / np.float32(outputs)
    scale, sums = simd.splat(part * share), zero
    for j in range(0, outputs, 16):
        real = simd.first(outputs - j)
        error = simd.load(s, y + j) - simd.load_masked(targets, at + j, real, zero)
        size = simd.absolute(error)
        value = simd.select(size > one, size - half, half * error * error)
        slope = simd.select(size > one, simd.copysign(one, error), error) * scale
        sums = sums + simd.select(real, value, zero)
        simd.store(s, g + j, simd.select(real, slope, zero))
    return simd.total(sums) * part


@kernel
def loss(kind, s, y, stride, outputs, labels, targets, index, first, count, share, g):
    """Sum of the losses of `count` samples; the gradient at the outputs, times `share`, goes to the rows at g."""
    total = 0.0
    for b in range(count):
        sample = np.int64(index[first + b])
        if kind == CROSS_ENTROPY:
            total += _cross_entropy(s, y + b * stride, outputs, labels[sample], share, g + b * stride)
        elif kind == BCE:
            total += _bce(s, y + b * stride, outputs, targets, sample * outputs, share, g + b * stride)
        elif kind == HUBER:
            total += _huber(s, y + b * stride, outputs, targets, sample * outputs, share, g + b * stride)
        else:
            total += _mse(s, y + b * stride, outputs, targets, sample * outputs, share, g + b * stride)
    return total


@kernel
def meet(s, plan, zeros, x, labels, targets, kind, mean, index, first, count, ahead, d):
    """A batch, index[first : first + count], up to its loss: returns the sum; the gradient at the outputs goes to d.

    The `ahead` samples behind it are asked for before the forward pass, which hides their latency. mean: the gradient
    is that of the mean over the batch, not of the sum.
    """
    last = plan.shape[0] - 1
    take_samples(x, index, first, count, s, plan)
    ask_for_samples(x, index, first + count, ahead, plan)
    y = forward(s, plan, zeros, count)
    share = _ONE / np.float32(count) if mean else _ONE
    return loss(
        kind, s, y, plan[last, Y_STRIDE], plan[last, OUTPUTS], labels, targets, index, first, count, share, d
    )


@kernel
def _turn(s, plan, k, turned, stride):
    """The weight [I, O] of layer k transposed: row o, `stride` apart, holds the weights that lead to output o."""
    for i in range(plan[k, INPUTS]):
        at = plan[k, W] + i * plan[k, W_STRIDE]
        for o in range(plan[k, OUTPUTS]):
            s[turned + o * stride + i] = s[at + o]


@kernel
def backward(s, plan, zeros, turned, d, e, count, shift, scale):
    """From the gradient at the outputs, rows at d: parameters at `shift` behind the weights += scale * gradient.

    shift 0 and scale -rate is a step of descent; a zeroed span behind the weights and scale 1 gives the gradient
    itself.
    """
    rows = (count + 7) // 8 * 8
    for k in range(plan.shape[0] - 1, -1, -1):
        stride, columns = plan[k, Y_STRIDE], plan[k, W_STRIDE]
        derive(plan[k, CODE], s, d, plan[k, Y], plan[k, Z], rows * stride)
        if k > 0:  # before the weights change
            _turn(s, plan, k, turned, plan[k, X_STRIDE])
            product(
                s, rows, (plan[k, INPUTS] + 15) // 16 * 16, d, stride, 1, turned, plan[k, X_STRIDE], plan[k, OUTPUTS],
                zeros, 0, e, plan[k, X_STRIDE],
            )  # fmt: skip
        update(
            s, (plan[k, INPUTS] + 7) // 8 * 8, columns, plan[k, X], 1, plan[k, X_STRIDE], d, stride, count,
            shift + plan[k, W], columns, scale,
        )  # fmt: skip
        if plan[k, BIAS] >= 0:
            for j in range(0, columns, 16):
                sums = simd.splat(_ZERO)
                for b in range(count):
                    sums = sums + simd.load(s, d + b * stride + j)
                at = shift + plan[k, C] + j
                simd.store(s, at, simd.fma(simd.splat(scale), sums, simd.load(s, at)))
        d, e = e, d
