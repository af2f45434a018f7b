// Copying and reading device memory as fast as the card goes: what every benchmark on it is held against.
//
//   from    [n] u32                 words, the first 16-byte aligned        read
//   to      [n] u32                 words, the first 16-byte aligned        write
//   sums    [blocks] u32            sum of a block's words, modulo 2**32    write
//
// Bytes: copy 8 n, total 4 n (and 4 per block). Additions: copy none, total n. n < 2**32.
// One thread handles a piece of 16 bytes at a time; the lanes of a warp touch one run of 512 bytes. The `4` kernels have
// four such loads under way per thread, a block's width apart, so that the block covers one run of 16 KB. No read can be
// left out: `total` needs every word. The last words, fewer than four, go one by one to the first threads of block 0.
// Source: none needed; the layout of the loop follows the stream benchmark.

INLINE u32 folded(uint4 p) { return p.x + p.y + (p.z + p.w); }

// The sum over all threads of a block of at most 1024, to sums[block]. Integers: no order changes it.
INLINE void settle(u32 sum, u32* __restrict__ sums) {
    __shared__ u32 part[32];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    for (int k = 16; k; k >>= 1) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, k);
    if (lane == 0) part[warp] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        u32 all = 0;
        for (int k = 0; k < (int)(blockDim.x >> 5); k++) all += part[k];
        sums[blockIdx.x] = all;
    }
}

KERNEL copy(const u32* __restrict__ from, u32* __restrict__ to, u64 n) {
    const uint4* __restrict__ source = (const uint4*)from;
    uint4* __restrict__ target = (uint4*)to;
    const u64 pieces = n / 4;
    for (u64 i = thread(); i < pieces; i += threads()) target[i] = source[i];
    if (thread() < (int)(n % 4)) to[4 * pieces + thread()] = from[4 * pieces + thread()];
}

KERNEL copy4(const u32* __restrict__ from, u32* __restrict__ to, u64 n) {
    const uint4* __restrict__ source = (const uint4*)from;
    uint4* __restrict__ target = (uint4*)to;
    const u64 pieces = n / 4, step = blockDim.x;
    for (u64 i = (u64)blockIdx.x * 4 * step + threadIdx.x; i < pieces; i += (u64)gridDim.x * 4 * step) {
        if (i + 3 * step < pieces) {
            const uint4 a = source[i], b = source[i + step], c = source[i + 2 * step], d = source[i + 3 * step];
            target[i] = a;
            target[i + step] = b;
            target[i + 2 * step] = c;
            target[i + 3 * step] = d;
        } else {
            for (u64 k = i; k < pieces; k += step) target[k] = source[k];
        }
    }
    if (thread() < (int)(n % 4)) to[4 * pieces + thread()] = from[4 * pieces + thread()];
}

KERNEL total(const u32* __restrict__ from, u32* __restrict__ sums, u64 n) {
    const uint4* __restrict__ source = (const uint4*)from;
    const u64 pieces = n / 4;
    u32 sum = 0;
    for (u64 i = thread(); i < pieces; i += threads()) sum += folded(source[i]);
    if (thread() < (int)(n % 4)) sum += from[4 * pieces + thread()];
    settle(sum, sums);
}

KERNEL total4(const u32* __restrict__ from, u32* __restrict__ sums, u64 n) {
    const uint4* __restrict__ source = (const uint4*)from;
    const u64 pieces = n / 4, step = blockDim.x;
    u32 sum = 0;
    for (u64 i = (u64)blockIdx.x * 4 * step + threadIdx.x; i < pieces; i += (u64)gridDim.x * 4 * step) {
        if (i + 3 * step < pieces) {
            const uint4 a = source[i], b = source[i + step], c = source[i + 2 * step], d = source[i + 3 * step];
            sum += folded(a) + folded(b) + (folded(c) + folded(d));
        } else {
            for (u64 k = i; k < pieces; k += step) sum += folded(source[k]);
        }
    }
    if (thread() < (int)(n % 4)) sum += from[4 * pieces + thread()];
    settle(sum, sums);
}
