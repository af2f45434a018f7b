"""Inference on the CPU: every parameter is read once, from memory straight into a multiply-add.

    rows     [N][stride]   parameters, flat                               read once, in order
    x        [N][I]        float32 | float64                              read
    out      [N][O]        same                                           written
    scratch  two spans of a block's widest layer, a task's own: stay in L1

Bytes per brain: row_bytes + 4 I + 4 O. Flops per brain: 2 per weight. At 16-32-4 float32 that is half a flop a byte, so
memory is the roof: a core moves some 6 to 12 bytes a cycle and its vector unit could eat 64.

A task takes 128 brains in blocks of some 2 KB of rows, layer by layer: one brain, or a few that are small. The rows
stream, and those `AHEAD` bytes further on are asked for while one is computed.

Measured, time over the time of reading once, 16-16-4 and 19-32-2, float32 and bfloat16, caches cold: 1.07, 1.15, 1.09,
1.11. Tried and lost: asking 8 KB ahead 1.13, 1.14, 1.11, 1.14; blocks of 16 KB, faster in cache (20 against 25 ns a
brain), read every row in two visits: 1.23, 1.29, 1.11, 1.16; without asking ahead 1.18, 1.21, 1.18, 1.20.

Two forms of one kernel, equal bits: `_fixed` is compiled for one layout, its sizes constants; `_any` reads sizes at run
time and serves networks of five layers or more and pools too small to be worth a compilation, such as the thousand
architectures of a mixed pool.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.activate_cpu import activate
from swarm.backend.jit import kernel
from swarm.brain.batch_cpu import forward_batch
from swarm.brain.draw_cpu import flat
from swarm.brain.mlp import Layout
from swarm.brain.tiles_cpu import is_packed, layer

BRAINS = 128  # brains of one task
AHEAD = 2048  # bytes
CACHED = 2048  # bytes of rows in one block
DEEPEST = 4  # layers that `_fixed` spells out
WORTH = 1 << 20  # parameters from which a layout gets a kernel of its own


def forward(rows: np.ndarray, layout: Layout, x: np.ndarray, out: np.ndarray, brain: np.ndarray | None = None) -> None:
    """As `swarm.brain.forward.forward`; `rows` must have 128 spare bytes behind its last row."""
    if brain is not None or x.shape[1] != 1 or (len(x) == 1 and len(out) > 1):
        forward_batch(rows, layout, x, out, brain)
        return
    if not len(out):
        return
    w = flat(rows)
    own = out if out.flags.c_contiguous else np.empty_like(out, order="C")
    count, width = len(out), 16 * -(-max(max(k.inputs, k.outputs) for k in layout.layers) // 16)
    block = max(1, min(16, CACHED // layout.row_bytes))
    x, none = np.ascontiguousarray(x).reshape(-1), np.zeros(64, w.dtype)
    if len(layout.layers) <= DEEPEST and count * layout.count >= WORTH:
        _fixed(*_sizes(layout), width, block)(w, none, x, own.reshape(-1), count)
    else:
        _any(w, layout.stride, layout.table, none, x, own.reshape(-1), count, width, block, 64 // w.itemsize)
    if own is not out:
        out[...] = own


def forward_rows(
    rows: np.ndarray, layout: Layout, x: np.ndarray, out: np.ndarray, at: np.ndarray, brain: np.ndarray | None = None
) -> None:
    """As `swarm.brain.forward.forward_rows`; x and out contiguous. One form for all layouts: `_any`, brain by brain."""
    w, width = flat(rows), 16 * -(-max(max(k.inputs, k.outputs) for k in layout.layers) // 16)
    at = np.ascontiguousarray(at, np.int64)
    brain = at if brain is None else np.ascontiguousarray(brain, np.int64)
    ahead = max(2, AHEAD // layout.row_bytes)  # brains
    sizes = layout.stride, layout.table, np.zeros(64, w.dtype), x.reshape(-1), out.reshape(-1)
    _listed(w, *sizes, at, brain, width, ahead, 64 // w.itemsize)


def _sizes(layout: Layout) -> tuple[int, ...]:
    values = [len(layout.layers), layout.stride, layout.dtype.itemsize]
    for k in range(DEEPEST):
        values += layout.layers[k] if k < len(layout.layers) else (0, 0, 0, 0, 0)
    return tuple(int(v) for v in values)


@kernel(inline=True)
def _up(outputs, last):
    """How far apart the outputs of a block's brains stand: side by side where packed tiles write the last layer."""
    return outputs if last and is_packed(outputs) else (outputs + 15) & -16


@kernel(inline=True)
def _given(x, inputs, outputs, span, count):
    """The first layer's inputs where they are, or copied where the packed tiles would read past the end."""
    if not is_packed(outputs):
        return x
    for i in range(count * inputs):
        span[i] = x[i]
    return span


@kernel(inline=True)
def _finish(y, ys, out, outputs, count):
    for n in range(count):
        for j in range(0, outputs, 16):
            simd.store_masked(out, n * outputs + j, simd.load(y, n * ys + j), simd.first(outputs - j))


@kernel(inline=True)
def _finish_packed(y, out, size):
    for j in range(0, size, 16):
        simd.store_masked(out, j, simd.load(y, j), simd.first(size - j))


@cache
def _fixed(
    LAYERS, STRIDE, ITEM, I0, O0, W0, B0, C0, I1, O1, W1, B1, C1, I2, O2, W2, B2, C2, I3, O3, W3, B3, C3, WIDTH, BLOCK
):  # fmt: skip
    """The kernel of one layout: closure values are constants to the compiler, and part of the disk cache's key."""
    STEP = 64 // ITEM
    FAR, LINES = AHEAD // ITEM, -(-STRIDE // STEP)
    I, O, C = I0, (O0, O1, O2, O3)[LAYERS - 1], (C0, C1, C2, C3)[LAYERS - 1]  # noqa: E741

    @kernel(parallel=True)
    def think(w, none, x, out, total):
        for task in prange((total + BRAINS - 1) // BRAINS):
            scratch = np.zeros(2 * BLOCK * WIDTH + 64, x.dtype)
            a = simd.aligned(simd.pointer(scratch, 0))
            b = simd.pointer(a, BLOCK * WIDTH + 16)
            z = simd.pointer(none, 0)
            stop = min(total, task * BRAINS + BRAINS)
            for n in range(task * BRAINS, stop, BLOCK):
                count = min(BLOCK, stop - n)
                row = simd.pointer(w, n * STRIDE)
                given = _given(simd.pointer(x, n * I), I, O0, b, count)
                s0 = _up(O0, LAYERS == 1)
                layer(row, STRIDE, z, I, O0, W0, B0, given, I, a, s0, count, FAR, LINES, STEP)
                y, ys = a, s0
                if LAYERS > 1:
                    activate(C0, a, 0, count * s0)
                    s1 = _up(O1, LAYERS == 2)
                    layer(row, STRIDE, z, I1, O1, W1, B1, a, s0, b, s1, count, 0, 0, STEP)
                    y, ys = b, s1
                if LAYERS > 2:
                    activate(C1, b, 0, count * s1)
                    s2 = _up(O2, LAYERS == 3)
                    layer(row, STRIDE, z, I2, O2, W2, B2, b, s1, a, s2, count, 0, 0, STEP)
                    y, ys = a, s2
                if LAYERS > 3:
                    activate(C2, a, 0, count * s2)
                    s3 = _up(O3, True)
                    layer(row, STRIDE, z, I3, O3, W3, B3, a, s2, b, s3, count, 0, 0, STEP)
                    y, ys = b, s3
                activate(C, y, 0, count * ys)
                if is_packed(O):
                    _finish_packed(y, simd.pointer(out, n * O), count * O)
                else:
                    _finish(y, ys, simd.pointer(out, n * O), O, count)

    return think


@kernel(parallel=True)
def _any(w, stride, table, none, x, out, total, width, block, step):
    for task in prange((total + BRAINS - 1) // BRAINS):
        scratch = np.zeros(2 * block * width + 64, x.dtype)
        start = task * BRAINS
        _any_task(w, stride, table, none, x, out, width, block, step, scratch, start, min(total, start + BRAINS))


@kernel(allocates=False)
def _any_task(w, stride, table, none, x, out, width, block, step, scratch, start, stop):
    layers = table.shape[0]
    inputs, outputs = table[0, 0], table[layers - 1, 1]
    a = simd.aligned(simd.pointer(scratch, 0))
    b, z = simd.pointer(a, block * width + 16), simd.pointer(none, 0)
    for n in range(start, stop, block):
        count = min(block, stop - n)
        row, h, y = simd.pointer(w, n * stride), b, a
        xs, ys = inputs, inputs
        h = _given(simd.pointer(x, n * inputs), inputs, table[0, 1], b, count)
        for k in range(layers):
            y = a if k % 2 == 0 else b
            ys = _up(table[k, 1], k == layers - 1)
            far, lines = (AHEAD // 64 * step, (stride + step - 1) // step) if k == 0 else (0, 0)
            layer(
                row,
                stride,
                z,
                table[k, 0],
                table[k, 1],
                table[k, 2],
                table[k, 3],
                h,
                xs,
                y,
                ys,
                count,
                far,
                lines,
                step,
            )
            activate(table[k, 4], y, 0, count * ys)
            h, xs = y, ys
        if is_packed(outputs):
            _finish_packed(y, simd.pointer(out, n * outputs), count * outputs)
        else:
            _finish(y, ys, simd.pointer(out, n * outputs), outputs, count)


@kernel(parallel=True)
def _listed(w, stride, table, none, x, out, at, brain, width, ahead, step):
    total = len(at)
    for task in prange((total + BRAINS - 1) // BRAINS):
        scratch = np.zeros(2 * width + 64, x.dtype)
        start = task * BRAINS
        stop = min(total, start + BRAINS)
        _listed_task(w, stride, table, none, x, out, at, brain, width, ahead, step, scratch, start, stop)


@kernel(allocates=False)
def _listed_task(w, stride, table, none, x, out, at, brain, width, ahead, step, scratch, start, stop):
    """`_any_task` in blocks of one brain, each in a row of its own; the row asked for is that of the list's next."""
    layers, last = table.shape[0], len(at) - 1
    inputs, outputs = table[0, 0], table[layers - 1, 1]
    a = simd.aligned(simd.pointer(scratch, 0))
    b, z = simd.pointer(a, width + 16), simd.pointer(none, 0)
    for n in range(start, stop):
        row, h, y = simd.pointer(w, brain[n] * stride), b, a
        h = _given(simd.pointer(x, at[n] * inputs), inputs, table[0, 1], b, 1)
        far, lines = (brain[min(n + ahead, last)] - brain[n]) * stride, (stride + step - 1) // step
        for k in range(layers):
            y = a if k % 2 == 0 else b
            outs = table[k, 1]
            layer(row, stride, z, table[k, 0], outs, table[k, 2], table[k, 3], h, 0, y, 0, 1, far, lines, step)
            activate(table[k, 4], y, 0, _up(outs, k == layers - 1))
            h, lines = y, 0
        if is_packed(outputs):
            _finish_packed(y, simd.pointer(out, at[n] * outputs), outputs)
        else:
            _finish(y, 0, simd.pointer(out, at[n] * outputs), outputs, 1)
