"""Many samples for one brain: a tile of four samples shares every load of a parameter.

Serves x [N, B, I], one x [1, B, I] for all brains, and pools shared by agents (`brain` names the row of each agent),
whose samples are first grouped by brain. A task is one brain and up to 64 of its samples.

    rows     [N][stride]  parameters, flat                   read once per 4 samples, from L1 after the first
    x        [..][I]      float32 | float64                  read
    out      [..][O]      same                               written
    sample   [S]          sample s of a unit reads x row sample[s] % modulus and writes out row sample[s]
    unit     [U][3]       brain, first and last + 1 place in `sample`

Sums: the bias first, then inputs in order, one fused chain per output; the same for a tile of four samples and for one.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.activate_cpu import activate
from swarm.backend.jit import kernel
from swarm.brain.draw_cpu import flat
from swarm.brain.mlp import Layout
from swarm.brain.tiles_cpu import load

UNIT = 64  # samples of one task


def forward_batch(rows: np.ndarray, layout: Layout, x: np.ndarray, out: np.ndarray, brain: np.ndarray | None) -> None:
    """As `swarm.brain.forward.forward`, for any B and for shared pools."""
    n, b = out.shape[:2]
    if not out.size:
        return
    w = flat(rows)
    samples = n * b
    if brain is None:
        sample, counts = np.arange(samples, dtype=np.int64), np.full(n, b, np.int64)
    else:
        owner = np.repeat(np.asarray(brain, np.int64), b)
        sample, counts = np.argsort(owner, kind="stable"), np.bincount(owner, minlength=len(rows))
    unit = _units(counts, np.concatenate([[0], np.cumsum(counts)]))
    width = 16 * (-(-max(max(k.inputs, k.outputs) for k in layout.layers) // 16) + 2)
    target = out if out.flags.c_contiguous else np.empty_like(out, order="C")
    modulus = b if len(x) == 1 and n > 1 else samples
    x = np.ascontiguousarray(x).reshape(-1)
    _batch(w, layout.stride, layout.table, np.zeros(64, w.dtype), x, target.reshape(-1), sample, unit, modulus, width)
    if target is not out:
        out[...] = target


def _units(counts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    pieces = -(-counts // UNIT)
    brain = np.repeat(np.arange(len(counts)), pieces)
    piece = np.arange(len(brain)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = starts[brain] + piece * UNIT
    return np.stack([brain, first, np.minimum(first + UNIT, starts[brain + 1])], axis=1).astype(np.int64)


@kernel(parallel=True)
def _batch(w, stride, table, none, x, out, sample, unit, modulus, width):
    for u in prange(unit.shape[0]):
        scratch = np.zeros(8 * width + 32, x.dtype)
        _unit(w, stride, table, none, x, out, sample, modulus, width, scratch, unit[u, 0], unit[u, 1], unit[u, 2])


@kernel(allocates=False)
def _unit(w, stride, table, none, x, out, sample, modulus, width, scratch, brain, first, last):
    layers = table.shape[0]
    inputs, outputs = table[0, 0], table[layers - 1, 1]
    a = simd.aligned(simd.pointer(scratch, 0))
    b = simd.pointer(a, 4 * width)
    row = simd.pointer(w, brain * stride)
    for s in range(first, last, 4):
        live = min(4, last - s)
        for r in range(4):  # a short tile computes its last sample again
            at = (sample[s + min(r, live - 1)] % modulus) * inputs
            for i in range(inputs):
                a[r * width + i] = x[at + i]
        y, z = a, b
        for k in range(layers):
            _layer4(row, none, table[k, 0], table[k, 1], table[k, 2], table[k, 3], y, z, width)
            for r in range(4):
                activate(table[k, 4], z, r * width, table[k, 1])
            y, z = z, y
        for r in range(live):
            at = sample[s + r] * outputs
            for j in range(outputs):
                out[at + j] = y[r * width + j]


@kernel(allocates=False)
def _layer4(row, none, inputs, outputs, weight, bias, x, y, width):
    """Four samples, thirty-two or sixteen columns at a time."""
    absent = simd.pointer(none, 0)
    j = 0
    while j < outputs:
        w = simd.pointer(row, weight + j)
        b = absent if bias < 0 else simd.pointer(row, bias + j)
        if j + 16 < outputs:
            _tile4x2(w, b, inputs, outputs, x, simd.pointer(y, j), width)
            j += 32
        else:
            _tile4x1(w, b, inputs, outputs, x, simd.pointer(y, j), width)
            j += 16


@kernel(inline=True)
def _tile4x2(w, b, inputs, outputs, x, y, width):
    a0, b0 = load(b, 0), load(b, 16)
    a1, a2, a3, b1, b2, b3 = a0, a0, a0, b0, b0, b0
    for i in range(inputs):
        p, q = load(w, i * outputs), load(w, i * outputs + 16)
        s0, s1 = simd.splat_at(x, i), simd.splat_at(x, width + i)
        s2, s3 = simd.splat_at(x, 2 * width + i), simd.splat_at(x, 3 * width + i)
        a0, b0 = simd.fma(s0, p, a0), simd.fma(s0, q, b0)
        a1, b1 = simd.fma(s1, p, a1), simd.fma(s1, q, b1)
        a2, b2 = simd.fma(s2, p, a2), simd.fma(s2, q, b2)
        a3, b3 = simd.fma(s3, p, a3), simd.fma(s3, q, b3)
    simd.store(y, 0, a0)
    simd.store(y, 16, b0)
    simd.store(y, width, a1)
    simd.store(y, width + 16, b1)
    simd.store(y, 2 * width, a2)
    simd.store(y, 2 * width + 16, b2)
    simd.store(y, 3 * width, a3)
    simd.store(y, 3 * width + 16, b3)


@kernel(inline=True)
def _tile4x1(w, b, inputs, outputs, x, y, width):
    a0 = load(b, 0)
    a1, a2, a3 = a0, a0, a0
    for i in range(inputs):
        p = load(w, i * outputs)
        a0 = simd.fma(simd.splat_at(x, i), p, a0)
        a1 = simd.fma(simd.splat_at(x, width + i), p, a1)
        a2 = simd.fma(simd.splat_at(x, 2 * width + i), p, a2)
        a3 = simd.fma(simd.splat_at(x, 3 * width + i), p, a3)
    simd.store(y, 0, a0)
    simd.store(y, width, a1)
    simd.store(y, 2 * width, a2)
    simd.store(y, 3 * width, a3)
