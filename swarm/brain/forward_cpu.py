"""Inference on the CPU: every parameter is read once, from memory straight into a multiply-add.

    rows     [N][stride]   parameters, flat                               read once, in order
    x        [N][I]        float32 | float64                              read
    out      [N][O]        same                                           written
    scratch  three spans of the widest layer, a task's own: stay in L1

Bytes per brain: row_bytes + 4 I + 4 O. Flops per brain: 2 per weight. At 16-32-4 float32 that is half a flop a byte, so
memory is the roof: a core moves some 6 bytes a cycle and its vector unit could eat 64.

A task takes 128 brains one after the other, so the rows stream; the row `AHEAD` bytes further on is asked for while one
is computed (16-32-4 float32: 1.67 times the time of reading without, 1.14 with). The layers are `tiles_cpu.layer`.

Two forms of one kernel, equal bits: `_fixed` is compiled for one layout, its sizes constants (16-16-4: 17 ns a brain
in cache); `_any` reads sizes at run time (35 ns) and serves networks of five layers or more and pools too small to be
worth a compilation, such as the thousand architectures of a mixed pool.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.brain.batch_cpu import forward_batch
from swarm.brain.mlp import Layout
from swarm.brain.tiles_cpu import is_packed, layer

BRAINS = 128  # brains of one task
AHEAD = 8192  # bytes
DEEPEST = 4  # layers that `_fixed` spells out
WORTH = 1 << 20  # parameters from which a layout gets a kernel of its own


def forward(rows: np.ndarray, layout: Layout, x: np.ndarray, out: np.ndarray, brain: np.ndarray | None = None) -> None:
    """As `swarm.brain.forward.forward`; `rows` must have 128 spare bytes behind its last row."""
    if brain is not None or x.shape[1] != 1 or (len(x) == 1 and len(out) > 1):
        forward_batch(rows, layout, x, out, brain)
        return
    if not len(out):
        return
    w = rows.reshape(-1)
    if w.dtype.itemsize == 2:
        w = w.view(np.uint16)
    own = out if out.flags.c_contiguous else np.empty_like(out, order="C")
    count, width = len(out), 16 * (-(-max(max(k.inputs, k.outputs) for k in layout.layers) // 16) + 1)
    x, none = np.ascontiguousarray(x).reshape(-1), np.zeros(64, w.dtype)
    if len(layout.layers) <= DEEPEST and count * layout.count >= WORTH:
        _fixed(*_sizes(layout), width)(w, none, x, own.reshape(-1), count)
    else:
        _any(w, layout.stride, layout.table, none, x, own.reshape(-1), count, width)
    if own is not out:
        out[...] = own


def _sizes(layout: Layout) -> tuple[int, ...]:
    values = [len(layout.layers), layout.stride, layout.dtype.itemsize]
    for k in range(DEEPEST):
        values += layout.layers[k] if k < len(layout.layers) else (0, 0, 0, 0, 0)
    return tuple(int(v) for v in values)


@kernel(inline=True)
def _first_input(x, at, inputs, outputs, span):
    """The first layer's inputs: where they are, or copied where the packed tile reads sixteen at a time."""
    given = simd.pointer(x, at)
    if not is_packed(outputs):
        return given
    for i in range(inputs):
        span[i] = given[i]
    return span


@kernel(inline=True)
def _finish(out, at, outputs, y):
    for j in range(0, outputs, 16):
        simd.store_masked(out, at + j, simd.load(y, j), simd.first(outputs - j))


@cache
def _fixed(
    LAYERS, STRIDE, ITEM, I0, O0, W0, B0, C0, I1, O1, W1, B1, C1, I2, O2, W2, B2, C2, I3, O3, W3, B3, C3, WIDTH
):  # fmt: skip
    """The kernel of one layout: closure values are constants to the compiler, and part of the disk cache's key."""
    LINE, FAR = 64 // ITEM, AHEAD // ITEM
    O = (O0, O1, O2, O3)[LAYERS - 1]  # noqa: E741

    @kernel(parallel=True)
    def think(w, none, x, out, count):
        for task in prange((count + BRAINS - 1) // BRAINS):
            scratch = np.zeros(3 * WIDTH + 32, x.dtype)
            a = simd.aligned(simd.pointer(scratch, 0))
            b, c = simd.pointer(a, WIDTH), simd.pointer(a, 2 * WIDTH)
            absent = simd.pointer(none, 0)
            for n in range(task * BRAINS, min(count, task * BRAINS + BRAINS)):
                row = simd.pointer(w, n * STRIDE)
                for j in range(0, STRIDE, LINE):
                    simd.prefetch(row, FAR + j)
                layer(row, absent, I0, O0, W0, B0, C0, _first_input(x, n * I0, I0, O0, c), a)
                y = a
                if LAYERS > 1:
                    layer(row, absent, I1, O1, W1, B1, C1, a, b)
                    y = b
                if LAYERS > 2:
                    layer(row, absent, I2, O2, W2, B2, C2, b, a)
                    y = a
                if LAYERS > 3:
                    layer(row, absent, I3, O3, W3, B3, C3, a, b)
                    y = b
                _finish(out, n * O, O, y)

    return think


@kernel(parallel=True)
def _any(w, stride, table, none, x, out, count, width):
    for task in prange((count + BRAINS - 1) // BRAINS):
        scratch = np.zeros(3 * width + 32, x.dtype)
        _any_task(w, stride, table, none, x, out, count, width, scratch, task * BRAINS)


@kernel(allocates=False)
def _any_task(w, stride, table, none, x, out, count, width, scratch, start):
    layers = table.shape[0]
    inputs, outputs = table[0, 0], table[layers - 1, 1]
    a = simd.aligned(simd.pointer(scratch, 0))
    b, c = simd.pointer(a, width), simd.pointer(a, 2 * width)
    absent = simd.pointer(none, 0)
    for n in range(start, min(count, start + BRAINS)):
        row = simd.pointer(w, n * stride)
        x_or_copy = _first_input(x, n * inputs, inputs, table[0, 1], c)
        y = x_or_copy
        for k in range(layers):
            target = a if k % 2 == 0 else b
            layer(row, absent, table[k, 0], table[k, 1], table[k, 2], table[k, 3], table[k, 4], y, target)
            y = target
        _finish(out, n * outputs, outputs, y)
