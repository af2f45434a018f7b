// Whole numbers added up by all threads of a launch: exact, so the order in which blocks finish does not matter.

// Add what every thread of the block brings to *total, by one atomic. All threads of the block must come here, and
// only once in a kernel.
INLINE void tally(i64* total, i64 mine) {
    __shared__ u64 parts[32];
    u64 sum = (u64)mine;
    for (int step = 16; step > 0; step >>= 1) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
    if ((threadIdx.x & 31) == 0) parts[threadIdx.x >> 5] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (u32 warp = 1; warp < blockDim.x / 32; warp++) sum += parts[warp];
        if (sum) atomicAdd((u64*)total, sum);
    }
}

// Energy in whole quanta of 2^-12 J; 0 for what is not finite.
INLINE i64 quanta(float joule) { return finite(joule) ? (i64)rintf(joule * 4096.0f) : 0; }
