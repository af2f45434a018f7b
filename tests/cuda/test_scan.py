"""Running sums of blocks and of arrays longer than a block, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import cuda
from tests.cuda.snippets import kernels

TEXT = r"""
#include "scan.cuh"

KERNEL blocks(const int* in, int* sums, int* before, int* through, u64* totals) {  // twice, at once
    for (int again = 0; again < 2; again++) {
        int total;
        sums[thread()] = block_sum(in[thread()]);
        before[thread()] = block_exclusive(in[thread()], &total);
        through[thread()] = block_inclusive(in[thread()]);
        totals[thread()] = block_sum((u64)total << 30) / blockDim.x;
    }
}

#define EACH 3

INLINE u64 mine(const int* in, int first, int n) {
    u64 sum = 0;
    for (int k = 0; k < EACH; k++) sum += first + k < n ? in[first + k] : 0;
    return sum;
}

KERNEL tile_sums(const int* in, u64* sums, int n) {
    const int tile = EACH * blockDim.x;
    for (int t = blockIdx.x; t * tile < n; t += gridDim.x) {
        const u64 sum = block_sum(mine(in, t * tile + EACH * threadIdx.x, n));
        if (threadIdx.x == 0) sums[t] = sum;
    }
}

KERNEL tile_starts(const int* in, const u64* sums, u64* out, int n) {
    const int tile = EACH * blockDim.x;
    for (int t = blockIdx.x; t * tile < n; t += gridDim.x) {
        const int first = t * tile + EACH * threadIdx.x;
        u64 place = sum_before(sums, t) + block_exclusive(mine(in, first, n), nullptr);
        for (int k = 0; k < EACH && first + k < n; k++) {
            out[first + k] = place;
            place += in[first + k];
        }
    }
}

KERNEL flags(const u8* in, u64* found, int* count, int n) {
    found[thread()] = eight(in, 8 * thread(), n);
    count[thread()] = set_of(found[thread()]);
}
"""


@pytest.fixture
def scan(cuda_device):
    with cuda.using(cuda_device):
        yield kernels(cuda_device, TEXT)


@pytest.mark.parametrize("block", [32, 256, 1024])
def test_a_block(cuda_device, scan, block):
    xp, n = cuda_device.xp, 2 * block
    numbers = np.random.default_rng(block).integers(-50, 1000, n).astype(np.int32)
    sums, before, through = (xp.empty(n, np.int32) for _ in range(3))
    totals = xp.empty(n, np.uint64)
    scan["blocks"](n, xp.asarray(numbers), sums, before, through, totals, block=block)
    each = numbers.reshape(2, block)
    running = each.cumsum(axis=1)
    assert (cuda_device.read(through).reshape(2, block) == running).all()
    assert (cuda_device.read(before).reshape(2, block) == running - each).all()
    assert (cuda_device.read(sums).reshape(2, block) == running[:, -1:]).all()
    assert (cuda_device.read(totals).reshape(2, block).astype(np.int64) == running[:, -1:].astype(np.int64) << 30).all()


@pytest.mark.parametrize(("n", "blocks"), [(1, 1), (95, 1), (97, 4), (1000, 3), (1000, 20)])
def test_an_array_in_two_launches(cuda_device, scan, n, blocks):
    """Also with fewer blocks than tiles."""
    xp = cuda_device.xp
    numbers = np.random.default_rng(n).integers(0, 1 << 30, n).astype(np.int32)
    given, sums, out = xp.asarray(numbers), xp.empty(20, np.uint64), xp.empty(n, np.uint64)
    scan["tile_sums"](1, given, sums, np.int32(n), block=32, blocks=blocks)
    scan["tile_starts"](1, given, sums, out, np.int32(n), block=32, blocks=blocks)
    expected = numbers.cumsum(dtype=np.uint64) - numbers.astype(np.uint64)
    assert (cuda_device.read(out) == expected).all()


@pytest.mark.parametrize("n", [0, 1, 8, 250, 253])
def test_eight_flags_at_once(cuda_device, scan, n):
    """Nothing beyond byte n is looked at: the array ends there."""
    xp = cuda_device.xp
    flags = (np.random.default_rng(n).random(n) < 0.4).astype(np.uint8)
    found, count = xp.empty(32, np.uint64), xp.empty(32, np.int32)
    scan["flags"](32, xp.asarray(flags) if n else None, found, count, np.int32(n), block=32)
    padded = np.concatenate([flags, np.zeros(256 - n, np.uint8)])
    assert (cuda_device.read(found) == padded.view(np.uint64)).all()
    assert (cuda_device.read(count) == padded.reshape(32, 8).sum(axis=1)).all()


def test_the_order_of_threads_does_not_matter(hosted):
    kernel, xp = kernels(hosted, TEXT), hosted.xp
    n, sums = 500, xp.empty(8, np.uint64)
    given, out = xp.asarray(np.arange(n, dtype=np.int32)), xp.empty(n, np.uint64)
    with cuda.using(hosted), hosted.racing():
        kernel["tile_sums"](1, given, sums, np.int32(n), block=64, blocks=2)
        kernel["tile_starts"](1, given, sums, out, np.int32(n), block=64, blocks=2)
    assert (hosted.read(out) == np.arange(n).cumsum() - np.arange(n)).all()
