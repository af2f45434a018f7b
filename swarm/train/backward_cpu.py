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
from swarm.train.network_cpu import (
    CROSS_ENTROPY,
    backward,
    forward,
    give_weights,
    loss,
    meet,
    take_samples,
    take_weights,
)
from swarm.train.workspace import OUTPUTS, Y_STRIDE, workspace

_BATCH = 64  # samples at a time where there is no batch to keep: 200 kB of MNIST, which the second cache holds
_NO_OUT = np.empty((0, 0, 0), np.float32)


def flat(samples):
    """x, labels, targets, the loss's code and whether a batch's losses are averaged, as kernels take them."""
    code, mean = losses.CODES[samples.loss], samples.reduction == "mean"
    return samples.x.reshape(-1), samples.labels, samples.targets.reshape(-1), code, mean


@kernel
def _gradients(
    start, stop, s, rows, stride, plan, weights, zeros, turned, d, e, x, labels, targets, kind, mean, index, out, total
):  # fmt: skip
    B = index.shape[1]
    for n in range(start, stop):
        own = index[min(n, index.shape[0] - 1)]
        take_weights(rows, n * stride, s, plan, 0)
        s[weights : 2 * weights] = np.float32(0)
        total[n] += meet(s, plan, zeros, x, labels, targets, kind, mean, own, 0, B, 0, d)
        backward(s, plan, zeros, turned, d, e, B, weights, np.float32(1))
        give_weights(out, n * stride, s, plan, weights)


def gradients(rows, layout, samples, index, out, total):
    """As `backward.gradients`, float32."""
    w = workspace(layout, index.shape[1], 1)
    x, labels, targets, kind, mean = flat(samples)
    out[:] = 0
    index, source, sink = np.ascontiguousarray(index, np.int32), rows.reshape(-1), out.reshape(-1)

    def work(start, stop, s):
        _gradients(
            start, stop, s, source, rows.shape[1], w.plan, w.weights, w.zeros, w.turned, w.d, w.e, x, labels, targets,
            kind, mean, index, sink, total,
        )  # fmt: skip

    deal(len(rows), w.size, work)


@kernel
def _answer(
    begin, end, s, rows, stride, plan, zeros, d, x, labels, targets, kind, index, out, total, hits
):  # fmt: skip
    """Networks begin .. end - 1 meet the samples of `index`: outputs to `out` unless it is empty, losses and hits
    to `total` and `hits` unless they are."""
    B, last = index.size, plan.shape[0] - 1
    outputs, width = plan[last, OUTPUTS], plan[last, Y_STRIDE]
    for n in range(begin, end):
        take_weights(rows, n * stride, s, plan, 0)
        value, right = 0.0, 0
        for first in range(0, B, _BATCH):
            count = min(_BATCH, B - first)
            take_samples(x, index, first, count, s, plan)
            y = forward(s, plan, zeros, count)
            if out.size > 0:
                for b in range(count):
                    for j in range(outputs):
                        out[n, first + b, j] = s[y + b * width + j]
            if total.size > 0:
                value += loss(kind, s, y, width, outputs, labels, targets, index, first, count, np.float32(1), d)
                if kind == CROSS_ENTROPY:
                    right += _hits(s, y, width, outputs, labels, index, first, count)
        if total.size > 0:
            total[n], hits[n] = value, right


@kernel
def _hits(s, y, width, outputs, labels, index, first, count):
    """How many of the samples have their label where the largest output is, the first of equals."""
    right = 0
    for b in range(count):
        best = 0
        for j in range(1, outputs):
            if s[y + b * width + j] > s[y + b * width + best]:
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
    x, labels, targets, kind, _ = flat(samples)
    source = rows.reshape(-1)

    def work(start, stop, s):
        _answer(
            start, stop, s, source, rows.shape[1], w.plan, w.zeros, w.d, x, labels, targets, kind, index,
            out, total, hits,
        )  # fmt: skip

    deal(len(rows), w.size, work)
