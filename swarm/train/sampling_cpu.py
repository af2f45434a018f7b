"""Sample orders on the CPU: the same integers as `sampling.py`, sixteen positions at a time.

    segments         [K | 1][4] int64   stretches         read
    lengths          [K] int64          of the rows       read
    shuffles, draws  [K][12] uint32     round keys        read
    out              [K][count] int32                     written

About 90 integer operations for sixteen positions and one pass of the Feistel network, and fewer than two passes a
position: some 10 operations a sample, against the thousands its training takes.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.rng_cpu import words  # noqa: F401  (the other half of the twin)
from swarm.train.deal_cpu import deal
from swarm.train.parts import sizes_of
from swarm.train.permutation import MIX, ROUNDS, bits_of

_FIRST, _SHIFT, _SECOND, _LAST = (np.uint32(m) for m in MIX)
_ONE = np.uint32(1)


@kernel(inline=True)
def _mix(value, key):
    value = (value ^ simd.splat(key)) * simd.splat(_FIRST)
    value = (value ^ (value >> simd.splat(_SHIFT))) * simd.splat(_SECOND)
    return value ^ (value >> simd.splat(_LAST))


@kernel(inline=True)
def _permute(value, keys, low, bits):
    shift = simd.splat(np.uint32(low))
    low_mask = simd.splat(np.uint32((_ONE << np.uint32(low)) - _ONE))
    high_mask = simd.splat(np.uint32((_ONE << np.uint32(bits - low)) - _ONE))
    left, right = value >> shift, value & low_mask
    for i in range(0, ROUNDS, 2):
        left = (left ^ _mix(right, keys[i])) & high_mask
        right = (right ^ _mix(left, keys[i + 1])) & low_mask
    return (left << shift) | right


@kernel
def _row(M, bits, segment, count, shuffles, draws, k, start, out):
    limit = simd.splat(np.uint32(M))
    lanes = simd.bits(simd.iota(), limit)
    line = np.empty(16, np.int32)
    first = segment[1] - segment[0]
    inner, outer = simd.splat(np.uint32(segment[0])), simd.splat(np.uint32(segment[2] - first))  # wraps below 0
    edge = simd.splat(np.uint32(first))
    for j in range(0, count, 16):
        at = simd.splat(np.uint32(start + j)) + lanes
        inside = at < limit  # lanes behind the end may lie beyond M: they need not come back
        if shuffles.shape[0] > 0:
            keys = shuffles[k]
            at = _permute(at, keys, bits // 2, bits)
            outside = at >= limit
            while simd.any_lane(outside & inside):
                at = simd.select(outside, _permute(at, keys, bits // 2, bits), at)
                outside = at >= limit
        if draws.shape[0] > 0:
            at = simd.mulhi(_permute(at, draws[k], 16, 32), limit)
        at = simd.select(at < edge, at + inner, at + outer)
        simd.store(line, 0, simd.bits(at, simd.iota()))
        for i in range(min(16, count - j)):
            out[k, j + i] = line[i]
    out[k, count:] = 0


@kernel
def _rows(begin, end, sizes, bits, segments, lengths, shuffles, draws, start, out):
    for k in range(begin, end):
        s = min(k, segments.shape[0] - 1)
        _row(sizes[s], bits[s], segments[s], lengths[k], shuffles, draws, k, start, out)


def indices(segments, lengths, shuffles, draws, start, out):
    """As `sampling.indices`: equal integers."""
    sizes = sizes_of(segments)
    known, kind = np.unique(sizes, return_inverse=True)
    bits = np.array([bits_of(int(M)) for M in known], np.int64)[kind.reshape(-1)]
    lengths = np.ascontiguousarray(np.broadcast_to(lengths, (len(out),)), np.int64)
    segments = np.ascontiguousarray(segments, np.int64)
    shuffles, draws = np.ascontiguousarray(shuffles), np.ascontiguousarray(draws)

    def work(begin, end, _):
        _rows(begin, end, sizes, bits, segments, lengths, shuffles, draws, start, out)

    deal(len(out), 0, work)
