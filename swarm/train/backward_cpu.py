"""Gradients, answers and scores on the CPU: one network at a time per core, in the workspace of `network_cpu`.

    rows   [N][stride] float32   read once; each network is copied into its thread's workspace
    out    [N][stride] float32   written once

Flops per network and sample: 2 per weight forward, 2 more for the weight's gradient and 2 for the gradient of inputs
behind the first layer. A network's result depends neither on its thread nor on its company.
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel
from swarm.train import losses
from swarm.train.deal_cpu import deal
from swarm.train.learn_cpu import backward
from swarm.train.loss_cpu import CROSS_ENTROPY, loss
from swarm.train.move_cpu import GRADIENT as WHOLE
from swarm.train.network_cpu import forward, give_weights, take_samples, take_weights, value
from swarm.train.workspace import CONSTANTS, GRADIENT, OUTPUTS, ZEROS, D, workspace

_BATCH = 64  # samples at a time where there is no batch to keep: 200 kB of MNIST, which the second cache holds
_NO_OUT = np.empty((0, 0, 0), np.float32)
_ONE, _ZERO = np.float32(1), np.float32(0)


def flat(samples):
    """x, labels, targets, the loss's code and whether a batch's losses are averaged, as kernels take them."""
    code, mean = losses.CODES[samples.loss], samples.reduction == "mean"
    return samples.x.reshape(-1), samples.labels, samples.targets.reshape(-1), code, mean


@kernel
def _gradients(
    start, stop, s, rows, bytes, plan, o, x, labels, targets, kind, mean, index, weights, out, total, numbers, counts
):  # fmt: skip
    B = index.shape[1]
    whole, slots, masked, dropped = np.int64(WHOLE), np.int64(0), B < 0, B < 0  # no literals: compiled once for all
    share = _ONE / np.float32(B) if mean else _ONE
    s[o[ZEROS] : o[CONSTANTS]] = _ZERO
    for n in range(start, stop):
        own = index[min(n, index.shape[0] - 1)]
        take_weights(rows + n * bytes, s, plan, np.int64(0))
        take_samples(x, own, 0, B, s, plan)
        forward(s, o, plan, B)
        total[n] += loss(kind, s, plan, o, labels, targets, weights, own, 0, B, share, o[D])
        backward(s, o, plan, B, whole, _ONE, slots, masked, np.inf, dropped, numbers, counts)
        give_weights(out + n * bytes, s, plan, o[GRADIENT])


def gradients(rows, layout, samples, index, out, total):
    """As `backward.gradients`, float32."""
    w = workspace(layout, index.shape[1], 0, True)
    plan, offsets = w.plan.copy(), w.offsets.copy()  # writable: kernels compiled for the others serve here
    x, labels, targets, kind, mean = flat(samples)
    out[:] = 0
    index = np.ascontiguousarray(index, np.int32)
    none, numbers, counts = np.empty(0, np.float32), np.empty((0, 0), np.int32), np.empty(0, np.int32)

    def work(start, stop, s):
        _gradients(
            start, stop, s, rows.ctypes.data, layout.stride * 4, plan, offsets, x, labels, targets, kind, mean,
            index, none, out.ctypes.data, total, numbers, counts,
        )  # fmt: skip

    deal(len(rows), w.size, work)


@kernel
def _answer(begin, end, s, rows, bytes, plan, o, x, labels, targets, kind, index, weights, out, total, hits):
    """Networks begin .. end - 1 meet the samples of `index`: outputs to `out` unless it is empty, losses and hits
    to `total` and `hits` unless they are."""
    B, outputs = index.size, plan[plan.shape[0] - 1, OUTPUTS]
    s[o[ZEROS] : o[CONSTANTS]] = _ZERO
    for n in range(begin, end):
        take_weights(rows + n * bytes, s, plan, np.int64(0))
        found, right = 0.0, 0
        for first in range(0, B, _BATCH):
            count = min(_BATCH, B - first)
            take_samples(x, index, first, count, s, plan)
            forward(s, o, plan, count)
            if out.size > 0:
                for b in range(count):
                    for j in range(outputs):
                        out[n, first + b, j] = value(s, plan, b, j)
            if total.size > 0:
                found += loss(kind, s, plan, o, labels, targets, weights, index, first, count, _ONE, o[D])
                if kind == CROSS_ENTROPY:
                    right += _hits(s, plan, outputs, labels, index, first, count)
        if total.size > 0:
            total[n], hits[n] = found, right


@kernel(allocates=False)
def _hits(s, plan, outputs, labels, index, first, count):
    """How many of the samples have their label where the largest output is, the first of equals."""
    right = 0
    for b in range(count):
        best = 0
        for j in range(1, outputs):
            if value(s, plan, b, j) > value(s, plan, b, best):
                best = j
        right += best == labels[index[first + b]]
    return right


def outputs(rows, layout, samples, start, out):
    """As `backward.outputs`, float32."""
    index = np.arange(start, start + out.shape[1], dtype=np.int32)
    _answers(rows, layout, samples, index, out, np.empty(0), np.empty(0, np.int64))


def score(rows, layout, samples, total, hits):
    """As `backward.score`, float32."""
    _answers(rows, layout, samples, np.arange(len(samples), dtype=np.int32), _NO_OUT, total, hits)


def _answers(rows, layout, samples, index, out, total, hits):
    w = workspace(layout, _BATCH)
    plan, offsets = w.plan.copy(), w.offsets.copy()
    x, labels, targets, kind, _ = flat(samples)

    def work(start, stop, s):
        _answer(
            start, stop, s, rows.ctypes.data, layout.stride * 4, plan, offsets, x, labels, targets, kind, index,
            np.empty(0, np.float32), out, total, hits,
        )  # fmt: skip

    deal(len(rows), w.size, work)
