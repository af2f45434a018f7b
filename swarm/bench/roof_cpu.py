"""Reading and copying memory as fast as this processor can; several kernels, because no single one wins everywhere.

Data sheet. `words [n] uint32, read`; `sums [tasks] uint32, write`: the sum of a task's words, modulo 2**32, so that no
read can be left out and the result can be compared. Bytes per call: 4 n. Additions: n. A task is 2**15 words (128 KB):
threads take contiguous runs of tasks. The kernels differ in how many loads are under way at once, and from where.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import prange

from swarm.backend import simd
from swarm.backend.jit import kernel

TASK = 1 << 15  # words in a task


@kernel
def _tail(words, start, end):
    total = np.uint32(0)
    for i in range(start, end):
        total += words[i]
    return total


@kernel(parallel=True)
def _plain(words, sums):
    """One loop as the compiler likes it."""
    for task in prange(sums.size):
        total = np.uint32(0)
        for word in words[task * TASK : min((task + 1) * TASK, words.size)]:
            total += word
        sums[task] = total


@kernel(parallel=True)
def _row(words, sums):
    """Eight vectors side by side, one stream."""
    for task in prange(sums.size):
        start, end = task * TASK, min((task + 1) * TASK, words.size)
        a = b = c = d = e = f = g = h = simd.splat(np.uint32(0))
        i = start
        while i + 128 <= end:
            a = a + simd.load(words, i)
            b = b + simd.load(words, i + 16)
            c = c + simd.load(words, i + 32)
            d = d + simd.load(words, i + 48)
            e = e + simd.load(words, i + 64)
            f = f + simd.load(words, i + 80)
            g = g + simd.load(words, i + 96)
            h = h + simd.load(words, i + 112)
            i += 128
        sums[task] = simd.total((a + b) + (c + d) + ((e + f) + (g + h))) + _tail(words, i, end)


@kernel(parallel=True)
def _ahead(words, sums):
    """As `_row`, asking for the lines 2 KB ahead."""
    for task in prange(sums.size):
        start, end = task * TASK, min((task + 1) * TASK, words.size)
        a = b = c = d = simd.splat(np.uint32(0))
        i = start
        while i + 64 <= end:
            simd.prefetch(words, min(i + 512, words.size - 1))
            simd.prefetch(words, min(i + 528, words.size - 1))
            simd.prefetch(words, min(i + 544, words.size - 1))
            simd.prefetch(words, min(i + 560, words.size - 1))
            a = a + simd.load(words, i)
            b = b + simd.load(words, i + 16)
            c = c + simd.load(words, i + 32)
            d = d + simd.load(words, i + 48)
            i += 64
        sums[task] = simd.total((a + b) + (c + d)) + _tail(words, i, end)


@kernel(parallel=True)
def _streams(words, sums):
    """Four streams a quarter of a task apart: four pages are under way at once."""
    for task in prange(sums.size):
        start, end = task * TASK, min((task + 1) * TASK, words.size)
        quarter = (end - start) // 64 * 16
        a = b = c = d = simd.splat(np.uint32(0))
        for i in range(start, start + quarter, 16):
            a = a + simd.load(words, i)
            b = b + simd.load(words, i + quarter)
            c = c + simd.load(words, i + 2 * quarter)
            d = d + simd.load(words, i + 3 * quarter)
        sums[task] = simd.total((a + b) + (c + d)) + _tail(words, start + 4 * quarter, end)


@kernel(parallel=True)
def _copy(words, out):
    for task in prange((words.size + TASK - 1) // TASK):
        start, end = task * TASK, min((task + 1) * TASK, words.size)
        out[start:end] = words[start:end]


def _reader(function: Callable[[np.ndarray, np.ndarray], None]) -> Callable[[np.ndarray], int]:
    def read(words: np.ndarray) -> int:
        sums = np.empty((words.size + TASK - 1) // TASK, np.uint32)
        function(words, sums)
        return int(np.add.reduce(sums, dtype=np.uint32))

    return read


def readers() -> dict[str, Callable[[np.ndarray], int]]:
    """As `roof.readers`."""
    return {
        "plain": _reader(_plain),
        "row": _reader(_row),
        "ahead": _reader(_ahead),
        "streams": _reader(_streams),
    }


def copiers() -> dict[str, Callable[[np.ndarray, np.ndarray], None]]:
    """As `roof.copiers`."""
    return {"slices": copy}


def copy(words: np.ndarray, out: np.ndarray) -> None:
    """As `roof.copy`."""
    _copy(words, out)
