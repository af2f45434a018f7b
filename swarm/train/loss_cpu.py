"""Losses of a batch in the workspace, and their gradients at the outputs.

    y   values of the last layer: [B, O] with outputs in lanes, or turned, [O, B] with samples in lanes     read
    g   the gradient there, in the same form                                                               write

Labels, targets and each sample's share (its weight; over B for the mean) are gathered first. A sample of share 0
counts for nothing, whatever its loss. In lanes of outputs a sample's sums are taken across lanes in the engine's
order; turned, sixteen samples go side by side and every sum runs over the outputs in order. Definitions: `losses`.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.vmath import exp, log
from swarm.train.workspace import LABELS, LANES, OUTPUTS, SHARES, TARGETS, TURNED, Y_STRIDE, Y

CROSS_ENTROPY, MSE, BCE, HUBER = range(4)
_ONE, _ZERO, _HALF, _TWO = np.float32(1), np.float32(0), np.float32(0.5), np.float32(2)
_LOWEST = np.float32(-np.inf)


@kernel(allocates=False)
def loss(kind, s, plan, o, labels, targets, weights, index, first, count, share, g):
    """The sum of the weighted losses of samples index[first : first + count]; share * gradient goes to g.

    weights: of the same positions, or empty for 1 each.
    """
    last = plan.shape[0] - 1
    if plan[last, TURNED]:
        y, outputs = plan[last, Y], plan[last, OUTPUTS]
        return _turned(kind, s, y, outputs, o, labels, targets, weights, index, first, count, share, g)
    total, y, stride, outputs = 0.0, plan[last, Y], plan[last, Y_STRIDE], plan[last, OUTPUTS]
    for b in range(count):
        sample = np.int64(index[first + b])
        weight = weights[first + b] if weights.size > 0 else _ONE
        at, to = y + b * stride, g + b * stride
        if weight == _ZERO:
            for j in range(0, outputs, 16):
                simd.store(s, to + j, simd.splat(_ZERO))
            continue
        part = share * weight
        if kind == CROSS_ENTROPY:
            value = _cross_entropy(s, at, outputs, labels[sample], part, to)
        elif kind == BCE:
            value = _bce(s, at, outputs, targets, sample * outputs, part, to)
        elif kind == HUBER:
            value = _huber(s, at, outputs, targets, sample * outputs, part, to)
        else:
            value = _mse(s, at, outputs, targets, sample * outputs, part, to)
        total += np.float64(weight) * value
    return total


# --- a sample's outputs in lanes ------------------------------------------------------------------------------------


@kernel(allocates=False)
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


@kernel(allocates=False)
def _mse(s, y, outputs, targets, at, share, g):
    """One sample: mean of (y - t)^2, and share * 2 (y - t) / O written to s[g ...]."""
    part = _ONE / np.float32(outputs)
    scale = _TWO * part * share
    value = _ZERO
    for j in range(outputs):
        error = s[y + j] - targets[at + j]
        value += error * error
        s[g + j] = scale * error
    return value * part


@kernel(allocates=False)
def _bce(s, y, outputs, targets, at, share, g):
    """One sample: mean of max(y, 0) - y t + log(1 + e), e = exp(-|y|); share * (sigmoid(y) - t) / O to s[g ...]."""
    zero = simd.splat(_ZERO)
    part = _ONE / np.float32(outputs)
    scale, sums = simd.splat(part * share), zero
    for j in range(0, outputs, 16):
        real = simd.first(outputs - j)
        value, slope = _bce16(simd.load(s, y + j), simd.load_masked(targets, at + j, real, zero))
        sums = sums + simd.select(real, value, zero)
        simd.store(s, g + j, simd.select(real, slope * scale, zero))
    return simd.total(sums) * part


@kernel(allocates=False)
def _huber(s, y, outputs, targets, at, share, g):
    """One sample: mean of e^2 / 2, or |e| - 1/2 behind 1, e = y - t; share * e / O, e cut to -1..1, to s[g ...]."""
    zero = simd.splat(_ZERO)
    part = _ONE / np.float32(outputs)
    scale, sums = simd.splat(part * share), zero
    for j in range(0, outputs, 16):
        real = simd.first(outputs - j)
        value, slope = _huber16(simd.load(s, y + j), simd.load_masked(targets, at + j, real, zero))
        sums = sums + simd.select(real, value, zero)
        simd.store(s, g + j, simd.select(real, slope * scale, zero))
    return simd.total(sums) * part


@kernel(inline=True)
def _bce16(z, t):
    """Values and slopes of sixteen binary cross-entropies."""
    zero, one = simd.splat(_ZERO), simd.splat(_ONE)
    e = exp(-simd.absolute(z))
    return simd.maximum(z, zero) - z * t + log(one + e), simd.select(z >= zero, one, e) / (one + e) - t


@kernel(inline=True)
def _huber16(z, t):
    """Values and slopes of sixteen Huber losses."""
    one, half = simd.splat(_ONE), simd.splat(_HALF)
    error = z - t
    size = simd.absolute(error)
    value = simd.select(size > one, size - half, half * error * error)
    return value, simd.select(size > one, simd.copysign(one, error), error)


# --- sixteen samples in lanes ---------------------------------------------------------------------------------------


@kernel(allocates=False)
def _turned(kind, s, y, outputs, o, labels, targets, weights, index, first, count, share, g):
    lanes, total = o[LANES], 0.0
    for b in range(count):
        sample = np.int64(index[first + b])
        if kind == CROSS_ENTROPY:
            s[o[LABELS] + b] = np.float32(labels[sample])
        else:
            for j in range(outputs):
                s[o[TARGETS] + j * lanes + b] = targets[sample * outputs + j]
        s[o[SHARES] + b] = weights[first + b] if weights.size > 0 else _ONE
    zero = simd.splat(_ZERO)
    for b in range(0, count, 16):
        weight = simd.load(s, o[SHARES] + b)
        real = simd.first(count - b) & (weight != zero)
        part = weight * simd.splat(share)
        if kind == CROSS_ENTROPY:
            value = _cross_entropy_across(s, y + b, lanes, outputs, simd.load(s, o[LABELS] + b), part, real, g + b)
        else:
            value = _errors_across(kind, s, y + b, lanes, outputs, o[TARGETS] + b, part, real, g + b)
        total += np.float64(simd.total(simd.select(real, weight * value, zero)))
    return total


@kernel(allocates=False)
def _cross_entropy_across(s, y, lanes, outputs, label, part, real, g):
    """Sixteen samples: the losses of the logits in rows `lanes` apart; part * (softmax - onehot), 0 unless real."""
    zero, one = simd.splat(_ZERO), simd.splat(_ONE)
    peak = simd.load(s, y)
    for j in range(1, outputs):
        peak = simd.maximum(simd.load(s, y + j * lanes), peak)
    sums, chosen = zero, zero
    for j in range(outputs):
        z = simd.load(s, y + j * lanes) - peak
        e = exp(z)
        simd.store(s, g + j * lanes, e)
        sums = sums + e
        chosen = simd.select(label == simd.splat(np.float32(j)), z, chosen)
    scale = part / sums
    for j in range(outputs):
        hot = simd.select(label == simd.splat(np.float32(j)), part, zero)
        slope = simd.load(s, g + j * lanes) * scale - hot
        simd.store(s, g + j * lanes, simd.select(real, slope, zero))
    return log(simd.select(real, sums, one)) - chosen


@kernel(allocates=False)
def _errors_across(kind, s, y, lanes, outputs, t, part, real, g):
    """Sixteen samples: mean squared, binary cross-entropy or Huber losses over the outputs; else as above."""
    zero, over = simd.splat(_ZERO), simd.splat(_ONE / np.float32(outputs))
    sums = zero
    for j in range(outputs):
        z, wanted = simd.load(s, y + j * lanes), simd.load(s, t + j * lanes)
        if kind == BCE:
            value, slope = _bce16(z, wanted)
        elif kind == HUBER:
            value, slope = _huber16(z, wanted)
        else:
            error = z - wanted
            value, slope = error * error, simd.splat(_TWO) * error
        sums = sums + value
        simd.store(s, g + j * lanes, simd.select(real, slope * (part * over), zero))
    return sums * over
