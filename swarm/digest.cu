// The hash of rows on CUDA; integers equal to those of digest.py.
//
//     rows        [n][width] u32 or u8   read, once      one column, one table
//     multipliers [width] u64            written by `steps`, read from the cache
//     ids         [n] u64                read
//     out         [n] u64                written, where somebody wants each row's hash
//     total       [1] u64                added to, one atomic a block: a sum modulo 2^64 has no order
//
// Bytes per row: its own and 8, with `out` 8 more. Narrow rows take a lane each, and neighbouring lanes read neighbouring
// rows; wide rows take a warp, and neighbouring lanes read neighbouring words. Steele, Lea and Flood, 2014.
//
// Macros: WORD, bytes of a word, 4 or 1; LANES of a row, 1 or 32.

#include "scan.cuh"

#ifndef WORD
#define WORD 4
#define LANES 32
#endif
#if WORD == 4
typedef u32 Word;
#else
typedef u8 Word;
#endif

INLINE u64 mix(u64 x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    return x ^ x >> 31;
}

KERNEL steps(u64* multipliers, u64 key, int width) {
    for (int j = thread(); j < width; j += threads())
        multipliers[j] = mix(key + (u64)(j + 1) * 0x9E3779B97F4A7C15ull) | 1ull;
}

// out, total may be null. Whole blocks of 256.
KERNEL row_hashes(const Word* rows, const u64* multipliers, const u64* ids, u64* out, u64* total, int n, int width,
                  u64 key) {
    const int lane = LANES == 1 ? 0 : threadIdx.x & 31, step = threads() / LANES;
    u64 all = 0;
    for (int first = blockIdx.x * (blockDim.x / LANES); first < n; first += step) {  // whole blocks: warps must shuffle
        const int i = first + threadIdx.x / LANES;
        u64 sum = 0;
        if (i < n) {
            const Word* row = rows + (size_t)i * width;
            for (int j = lane; j < width; j += LANES) sum += (u64)row[j] * multipliers[j];
        }
#if LANES == 32
        for (int far = 16; far > 0; far /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, far);
#endif
        if (i >= n || lane > 0) continue;
        const u64 hash = mix(mix(ids[i] ^ key) + sum);
        if (out != nullptr) out[i] = hash;
        all += hash;
    }
    all = block_sum(all);
    if (threadIdx.x == 0 && total != nullptr && all) atomicAdd(total, all);
}
