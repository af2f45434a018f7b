"""Slots and flags in numba; see ids.py. Flags are looked at eight at a time; long ones by all threads, in chunks."""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel
from swarm.ecs import ids as reference

_SMALL = 16384  # flags that NumPy finds as fast
_CHUNK = 65536  # flags per chunk
_ROWS = 8192  # slots per chunk
_FEW = 32  # births that NumPy deals slots to as fast
_LAST = np.uint32(reference.LAST_GENERATION)


def where(flags, out):
    if len(flags) < _SMALL or not flags.flags.c_contiguous:
        return reference.where(flags, out)
    starts = np.zeros((len(flags) + _CHUNK - 1) // _CHUNK + 1, np.int64)
    flags = flags.view(np.uint8)
    _count(flags, starts)
    np.cumsum(starts, out=starts)
    _collect(flags, starts, out)
    return int(starts[-1])


@kernel(parallel=True)
def _count(flags, starts):
    n = len(flags)
    for chunk in prange((n + _CHUNK - 1) // _CHUNK):
        total = 0
        for i in range(chunk * _CHUNK, min(n, (chunk + 1) * _CHUNK)):
            total += flags[i]
        starts[chunk + 1] = total


@kernel(inline=True)
def _gather(flags, i, out, k, stop):
    """Append the places of set flags, from `i` on, to the `k` that `out` has, until it holds `stop`."""
    while k + 8 <= stop:  # eight at a time: skipped when none is set, else without a branch to mispredict
        any_ = flags[i]
        for j in range(1, 8):
            any_ |= flags[i + j]
        if any_:
            for j in range(8):
                out[k] = i + j
                k += flags[i + j]
        i += 8
    while k < stop:
        if flags[i]:
            out[k] = i
            k += 1
        i += 1


@kernel(parallel=True)
def _collect(flags, starts, out):
    n = len(flags)
    for chunk in prange((n + _CHUNK - 1) // _CHUNK):
        k, stop, i = starts[chunk], starts[chunk + 1], chunk * _CHUNK
        if (stop - k) * 20 < _CHUNK:
            _gather(flags, i, out, k, stop)
        else:
            while k < stop:
                out[k] = i
                k += flags[i]
                i += 1


def take(free, generation, out):
    _take(free.view(np.uint8), generation, out)
    return int(out[-1])


@kernel
def _take(free, generation, out):
    _gather(free, 0, out, 0, len(out))
    for i in range(len(out)):
        free[out[i]] = 0
        generation[out[i]] += np.uint32(1)


def deal(free, generation, beside, counts, out):
    if len(beside) < _FEW:
        reference.deal(free, generation, beside, counts, out)
        return
    first = np.cumsum(counts) - counts
    asked, spots = first.copy(), np.empty(len(out), np.uint32)
    _deal(free.view(np.uint8), generation, beside, first, np.cumsum(counts), spots, asked, out)


@kernel
def _deal(free, generation, beside, first, last, spots, asked, out):
    """spots [K]: the free slots of world 0, then those of world 1 ...; found in one pass over the flags."""
    worlds, left, slot = len(first), len(out), 0
    while left > 0:
        if slot + 8 <= len(free):
            any_ = free[slot]
            for j in range(1, 8):
                any_ |= free[slot + j]
            if not any_:
                slot += 8
                continue
        for _ in range(min(8, len(free) - slot)):
            world = slot % worlds
            if free[slot] and first[world] < last[world]:
                spots[first[world]] = slot
                first[world] += 1
                left -= 1
            slot += 1
    for i in range(len(out)):
        world = beside[i] % np.uint32(worlds)
        out[i] = spots[asked[world]]
        asked[world] += 1
        free[out[i]] = 0
        generation[out[i]] += np.uint32(1)


def release(slots, tick, generation, table, died, free):
    if len(slots) < _SMALL // 4 or np.ndim(tick):
        return reference.release(slots, tick, generation, table, died, free)
    return _release(slots, tick, generation, table, died, free)


@kernel(parallel=True)
def _release(slots, tick, generation, table, died, free):
    count, total = len(slots), 0
    for chunk in prange((count + _ROWS - 1) // _ROWS):
        again = 0
        for i in range(chunk * _ROWS, min(count, (chunk + 1) * _ROWS)):
            slot = slots[i]
            table[slot] = -1
            died[slot] = tick
            open_ = generation[slot] != _LAST
            free[slot] = open_
            again += open_
        total += again
    return total


@kernel
def in_order(table, row, base, out):
    k, count, slot = 0, len(out), 0
    while k < count:  # without a branch to mispredict; base[-1] is -1: nobody lives there
        start = base[table[slot]]
        out[k] = start + row[slot]
        k += start >= 0
        slot += 1
