"""Steps of gradient descent on the CPU: one network at a time per core, its batch and gradient in the first caches.

    rows   [n + 1][stride]  float32 | float64   read once and written once per step
    right  [n + 1][stride]  the same type       read once per step
    s      workspace of a thread: for each layer values [B][H] and their gradients, then the gradient [stride]

Flops per network, step and sample: 2 per weight forward, 2 for its gradient, 2 for that of inputs behind the first
layer. Units of a layer lie side by side, so inner loops run over vectors; a sum over inputs or samples has one order.
Activations take whole layers, sixteen values at a time, with the bits of `vmath`. A step of the XOR network (16
weights, 4 samples) takes about half a microsecond; through NumPy it is 60, nearly all of it calls.

A point's result depends neither on its thread nor on its company. Losses and activations that are not here (functions
of the user; elu, gelu, selu, hardshrink, mish) go through the reference.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from swarm.backend import simd
from swarm.backend.activate_cpu import IDENTITY, LEAKYRELU, RELU, SIGMOID, TANH
from swarm.backend.jit import kernel
from swarm.backend.vmath import exp, sigmoid, tanh
from swarm.train import losses
from swarm.train.deal_cpu import deal, desk
from swarm.train.mgrit import advance
from swarm.train.mgrit.loss import half_squares

_ACTIVATIONS = (IDENTITY, SIGMOID, TANH, RELU, LEAKYRELU)
_CROSS_ENTROPY, _MSE, _BCE, _HUBER, _HALF_SQUARES = range(5)
_SLOPE = 0.01
_SMALL = 200_000  # multiplications of a launch that one thread does sooner than two begin
_NOTHING = {np.dtype(kind): np.empty((0, 0), kind) for kind in (np.float32, np.float64)}


def march(rows, layout, samples, starts, depth, rate, batch, right):
    """As `advance.march`."""
    if not _known(layout, samples):
        advance.march(rows, layout, samples, starts, depth, rate, batch, right)
        return
    _launch(rows, layout, samples, starts, depth, rate, batch, right, rows, True)


def apply(rows, layout, samples, starts, out, rate, batch, right):
    """As `advance.apply`."""
    if not _known(layout, samples):
        advance.apply(rows, layout, samples, starts, out, rate, batch, right)
        return
    _launch(rows, layout, samples, starts, 1, rate, batch, right, out, False)


def _known(layout, samples):
    named = samples.loss == half_squares or isinstance(samples.loss, str)
    return named and samples.x.dtype == layout.dtype and all(k.activation in _ACTIVATIONS for k in layout.layers)


def _launch(rows, layout, samples, starts, depth, rate, batch, right, out, chained):
    kind = _HALF_SQUARES if samples.loss == half_squares else losses.CODES[samples.loss]
    B, dtype = batch or len(samples), rows.dtype
    places, table, size = _places(layout, B)
    share = dtype.type(1 / samples.over(B))
    x = samples.x.reshape(-1)
    targets, labels = samples.targets.reshape(-1).astype(dtype, copy=False), samples.labels
    right = _NOTHING[dtype] if right is None else right

    def work(first, last, own):
        _steps(
            first, last, own.view(dtype), places, table, rows, out, right, starts, depth, dtype.type(rate), share, kind,
            x, targets, labels, np.int64(batch), len(samples), B, chained,
        )  # fmt: skip

    room = size * (dtype.itemsize // 4)
    if len(starts) * depth * B * layout.count < _SMALL or len(starts) == 1:
        with desk(room) as own:
            work(0, len(starts), own)
    else:
        deal(len(starts), room, work)


@lru_cache(64)
def _places(layout, B):
    """Where values and gradients of each layer begin in the workspace, int64 [layers + 1][2], the last row holding the
    place of the parameters' gradient and the length of a row; the layout's table; the workspace's size. Spans begin on
    vectors."""
    places, at = np.zeros((len(layout.layers) + 1, 2), np.int64), 0
    for k, layer in enumerate(layout.layers):
        span = -(-B * layer.outputs // 16) * 16
        places[k] = at, at + span
        at += 2 * span
    places[-1] = at, layout.stride
    return places, layout.table.copy(), at + layout.stride + 16


@kernel
def _steps(
    first, last, s, places, table, rows, out, right, starts, depth, rate, share, kind,
    x, targets, labels, batch, K, B, chained,
):  # fmt: skip
    layers = table.shape[0]
    gradient, stride = places[layers, 0], places[layers, 1]
    for k in range(first, last):
        for t in range(depth):
            i = starts[k] + t
            w, to = rows[i], out[i + 1] if chained else out[k]
            sample = ((i + 1) * batch) % K if batch > 0 else 0
            _forward(w, s, places, table, x, sample, K, B)
            _loss(s, places, table, kind, share, targets, labels, sample, K, B)
            s[gradient : gradient + stride] = 0
            _backward(w, s, places, table, x, sample, K, B)
            if right.shape[0] > 0:
                g = right[i + 1]
                for p in range(stride):
                    to[p] = w[p] - rate * s[gradient + p] + g[p]
            else:
                for p in range(stride):
                    to[p] = w[p] - rate * s[gradient + p]


@kernel(allocates=False, merges=True)
def _forward(w, s, places, table, x, sample, K, B):
    for layer in range(table.shape[0]):
        I, O, weight, bias = table[layer, 0], table[layer, 1], table[layer, 2], table[layer, 3]
        z = places[layer, 0]
        for b in range(B):
            at = z + b * O
            if bias >= 0:
                for j in range(O):
                    s[at + j] = w[bias + j]
            else:
                for j in range(O):
                    s[at + j] = 0
            row = ((sample + b) % K) * I
            h = places[layer - 1, 0] + b * I
            for i in range(I):
                value = x[row + i] if layer == 0 else s[h + i]
                for j in range(O):
                    s[at + j] += value * w[weight + i * O + j]
        _activate(table[layer, 4], s, z, B * O)


@kernel(allocates=False)
def _activate(code, s, start, count):
    """A layer's values in place; those up to the next sixteen are overwritten too."""
    if code == SIGMOID:
        for j in range(start, start + count, 16):
            simd.store(s, j, sigmoid(simd.load(s, j)))
    elif code == TANH:
        for j in range(start, start + count, 16):
            simd.store(s, j, tanh(simd.load(s, j)))
    elif code == RELU:
        for j in range(start, start + count):
            s[j] = s[j] * 0 if s[j] <= 0 else s[j]  # NaN stays
    elif code == LEAKYRELU:
        for j in range(start, start + count):
            s[j] = s[j] * _SLOPE if s[j] <= 0 else s[j]


@kernel(allocates=False, merges=True)
def _loss(s, places, table, kind, share, targets, labels, sample, K, B):
    """The gradient of the batch's loss at the outputs."""
    layers = table.shape[0]
    O, y, g = table[layers - 1, 1], places[layers - 1, 0], places[layers - 1, 1]
    if kind == _CROSS_ENTROPY:
        _softmax(s, y, g, B, O)
    elif kind == _BCE:
        for j in range(B * O):
            s[g + j] = s[y + j]
        _activate(np.int64(SIGMOID), s, g, B * O)
    else:
        for j in range(B * O):
            s[g + j] = s[y + j]
    scale = share
    if kind == _MSE:
        scale = share * 2 / O
    elif kind == _BCE or kind == _HUBER:
        scale = share / O
    for b in range(B):
        row = (sample + b) % K
        if kind == _CROSS_ENTROPY:
            s[g + b * O + labels[row]] -= 1
        else:
            for j in range(O):
                s[g + b * O + j] -= targets[row * O + j]
    for j in range(B * O):
        e = s[g + j]
        if kind == _HUBER:
            e = min(max(e, -1), 1)
        s[g + j] = e * scale


@kernel(allocates=False, merges=True)
def _softmax(s, y, g, B, O):
    for b in range(B):
        top = s[y + b * O]
        for j in range(1, O):
            top = max(top, s[y + b * O + j])
        for j in range(O):
            s[g + b * O + j] = s[y + b * O + j] - top
    for j in range(0, B * O, 16):
        simd.store(s, g + j, exp(simd.load(s, g + j)))
    for b in range(B):
        total = s[g + b * O]
        for j in range(1, O):
            total += s[g + b * O + j]
        for j in range(O):
            s[g + b * O + j] /= total


@kernel(allocates=False, merges=True)
def _slope(code, s, y, g, count):
    """Gradients behind an activation become those of its sums; derivatives by the activation's value."""
    if code == SIGMOID:
        for j in range(count):
            s[g + j] *= s[y + j] * (1 - s[y + j])
    elif code == TANH:
        for j in range(count):
            s[g + j] *= 1 - s[y + j] * s[y + j]
    elif code == RELU:
        for j in range(count):
            s[g + j] = s[g + j] if s[y + j] > 0 else s[g + j] * 0
    elif code == LEAKYRELU:
        for j in range(count):
            s[g + j] = s[g + j] if s[y + j] > 0 else s[g + j] * _SLOPE


@kernel(allocates=False, merges=True)
def _backward(w, s, places, table, x, sample, K, B):
    gradient = places[table.shape[0], 0]
    for layer in range(table.shape[0] - 1, -1, -1):
        I, O, weight, bias = table[layer, 0], table[layer, 1], table[layer, 2], table[layer, 3]
        d = places[layer, 1]
        _slope(table[layer, 4], s, places[layer, 0], d, B * O)
        for b in range(B):
            at, row = d + b * O, ((sample + b) % K) * I
            h = places[layer - 1, 0] + b * I
            for i in range(I):
                value = x[row + i] if layer == 0 else s[h + i]
                to = gradient + weight + i * O
                for j in range(O):
                    s[to + j] += value * s[at + j]
            if bias >= 0:
                for j in range(O):
                    s[gradient + bias + j] += s[at + j]
            if layer > 0:
                _inputs(w, weight, s, at, places[layer - 1, 1] + b * I, I, O)


@kernel(allocates=False)
def _inputs(w, weight, s, d, to, I, O):
    """The gradient of a layer's inputs: four sums at a time, each in the order of its units."""
    whole = I // 4 * 4
    for i in range(0, whole, 4):
        p = weight + i * O
        q = s[d]
        a, b, c, e = q * w[p], q * w[p + O], q * w[p + 2 * O], q * w[p + 3 * O]
        for j in range(1, O):
            q = s[d + j]
            a += q * w[p + j]
            b += q * w[p + O + j]
            c += q * w[p + 2 * O + j]
            e += q * w[p + 3 * O + j]
        s[to + i], s[to + i + 1], s[to + i + 2], s[to + i + 3] = a, b, c, e
    for i in range(whole, I):
        p = weight + i * O
        a = s[d] * w[p]
        for j in range(1, O):
            a += s[d + j] * w[p + j]
        s[to + i] = a
