// Many samples for one brain on CUDA: a small matrix product for each run of samples of one brain.
//
// Serves x [N, B, I], one x [1, B, I] for all brains, and pools shared by agents, whose samples are first put in the
// order of their brains: `tally` counts them, `sums` and `starts` add up, `deal` gives each agent its place.
//
//     rows     [n][stride]   parameters                                    read once for each block that needs them
//     layers   [L][5]        inputs, outputs, weight, bias (-1 = none), activation                 read
//     x        [..][I]       sample s reads row s % modulus                                        read
//     out      [..][O]       sample s writes row s                                                 written
//     brain    [S]           i32, row of each agent, or null: sample s belongs to brain s / each   read
//     sample   [S]           i32, the samples in the order of their brains, or null: as they are   read
//     total    [1]           i32, how many samples there are, or null: batch->samples              read
//
// A block takes SAMPLES places of that order and splits them into runs of one brain. Parameters come through shared
// memory a slab at a time, widened once; lanes take neighbouring columns and every loaded parameter serves R samples.
// Inputs and hidden values of the block stay in shared memory, or in `scratch` where they do not fit. Bytes: parameters
// once per block, inputs and outputs. Flops per sample: 2 per weight; from some ten samples on, arithmetic. Order of
// additions as in batch_cpu.py: the bias, then inputs in order, one fused chain for each output. Equal bits. Which
// place an agent gets within its brain depends on the order of the threads; no result does.

#include "activate.cuh"
#include "row.cuh"
#include "scan.cuh"
#include "site.cuh"

#ifndef SAMPLES
#define SAMPLES 16  // 4, 16 or 64
#define SPAN 64     // elements of the widest layer, rounded up
#define FAR 0       // 1: spans lie in scratch
#endif

struct Batch {  // 32 bytes; batch_cuda.py has the same fields
    Sum* scratch;
    int layers, stride, samples, each, modulus, spare;
};

constexpr int WARPS = 4;                                      // of a block
constexpr int DOWN = SAMPLES / 4 < WARPS ? SAMPLES / 4 : WARPS;  // of them above one another, by samples
constexpr int ACROSS = WARPS / DOWN;                          // side by side, by columns
constexpr int R = SAMPLES / DOWN;                             // samples of a thread
constexpr int COLUMNS = 32 * ACROSS, SLAB = ACROSS > 1 ? 16 : 32;
constexpr int APART = SPAN + 1;

// Columns from j on of one layer for `many` samples; all threads of the block.
INLINE void columns(const Store* w, const Store* b, int inputs, int outputs, int code, int j, const Sum* x, Sum* y,
                    int many, Sum* slab) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int mine = warp % ACROSS * 32 + lane, column = j + mine, first = warp / ACROSS;
    const bool inside = column < outputs;
    Sum sum[R];
#pragma unroll
    for (int r = 0; r < R; r++) sum[r] = inside && b ? wide(b[column]) : (Sum)0;
    for (int i = 0; i < inputs; i += SLAB) {
        const int deep = inputs - i < SLAB ? inputs - i : SLAB;
        __syncthreads();  // who still reads the slab before
        for (int e = threadIdx.x; e < deep * COLUMNS; e += 32 * WARPS) {
            const int row = e / COLUMNS, at = j + e % COLUMNS;
            slab[e] = at < outputs ? wide(w[(i64)(i + row) * outputs + at]) : (Sum)0;
        }
        __syncthreads();
        for (int k = 0; k < deep; k++) {
            const Sum weight = slab[k * COLUMNS + mine];
#pragma unroll
            for (int r = 0; r < R; r++) {
                const int s = first + r * DOWN;
                if (s < many) sum[r] = fma_(x[s * APART + i + k], weight, sum[r]);
            }
        }
    }
#pragma unroll
    for (int r = 0; r < R; r++) {
        const int s = first + r * DOWN;
        if (inside && s < many) y[s * APART + column] = sum[r];
    }
    for (int s = first; inside && s < many; s += DOWN) y[s * APART + column] = activate_(code, y[s * APART + column]);
}

KERNEL forward_batch(const Batch* batch, const Store* __restrict__ rows, const int* __restrict__ layers,
                     const Given* __restrict__ x, Given* __restrict__ out, const int* brain, const int* sample,
                     const int* total) {
    __shared__ Sum slab[SLAB * COLUMNS];
#if FAR
    Sum* spans = batch->scratch + (i64)blockIdx.x * (2 * SAMPLES * APART);
#else
    __shared__ Sum spans[2 * SAMPLES * APART];
#endif
    __shared__ int whose[SAMPLES], named[SAMPLES];
    const int depth = batch->layers, modulus = batch->modulus;
    const int inputs = layers[0], outputs = layers[5 * depth - 4];
    const int end = total ? *total : batch->samples;
    for (int start = blockIdx.x * SAMPLES; start < end; start += gridDim.x * SAMPLES) {
        const int here = end - start < SAMPLES ? end - start : SAMPLES;
        __syncthreads();
        for (int s = threadIdx.x; s < here; s += 32 * WARPS) {
            named[s] = sample ? sample[start + s] : start + s;
            whose[s] = brain ? brain[named[s]] : named[s] / batch->each;
        }
        __syncthreads();
        for (int from = 0, to = 0; from < here; from = to) {
            while (to < here && whose[to] == whose[from]) to++;
            const int many = to - from;
            const Store* row = rows + (i64)whose[from] * batch->stride;
            for (int e = threadIdx.x; e < many * inputs; e += 32 * WARPS) {
                const int s = e / inputs, i = e % inputs;
                spans[s * APART + i] = x[(i64)(named[from + s] % modulus) * inputs + i];
            }
            const int* layer = layers;
            Sum *y = spans, *z = spans + SAMPLES * APART;
            for (int k = 0; k < depth; k++, layer += 5) {
                const Store* b = layer[3] < 0 ? nullptr : row + layer[3];
                for (int j = 0; j < layer[1]; j += COLUMNS) {
                    columns(row + layer[2], b, layer[0], layer[1], layer[4], j, y, z, many, slab);
                }
                __syncthreads();
                Sum* swap = y;
                y = z;
                z = swap;
            }
            for (int e = threadIdx.x; e < many * outputs; e += 32 * WARPS) {
                const int s = e / outputs, o = e % outputs;
                out[(i64)named[from + s] * outputs + o] = (Given)y[s * APART + o];
            }
            __syncthreads();
        }
    }
}

// --- the samples in the order of their brains; counts is zero at first --------------------------------------------

// How many agents each of `pool` brains has. An agent without a brain is a fault, and thinks nothing.
KERNEL tally(World* world, u32 site, int samples, const int* brain, int* counts_, int pool) {
    const int n = world ? living(world, site) : samples;
    for (int i = thread(); i < n; i += threads()) {
        if ((u32)brain[i] < (u32)pool) {
            atomicAdd(&counts_[brain[i]], 1);
        } else if (world) {
            accuse(world, site, i);
        }
    }
}

// First of two launches for the starts: a block's sum for every tile of blockDim brains.
KERNEL sums(const int* counts_, int pool, int* tile_sums) {
    const int tiles = (pool + blockDim.x - 1) / blockDim.x;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int k = tile * blockDim.x + threadIdx.x;
        const int sum = block_sum(k < pool ? counts_[k] : 0);
        if (threadIdx.x == 0) tile_sums[tile] = sum;
    }
}

// Second: each brain's first place, and how many samples there are.
KERNEL starts(int* counts_, int pool, const int* tile_sums, int* total) {
    const int tiles = (pool + blockDim.x - 1) / blockDim.x;
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const int k = tile * blockDim.x + threadIdx.x, mine = k < pool ? counts_[k] : 0;
        int whole;
        const int place = sum_before(tile_sums, tile) + block_exclusive(mine, &whole);
        if (k < pool) counts_[k] = place;
        if (k == pool - 1) *total = place + mine;
    }
}

// Each agent takes the next place of its brain.
KERNEL deal(const World* world, u32 site, int samples, const int* brain, int* starts_, int pool, int* sample) {
    const int n = world ? living(world, site) : samples;
    for (int i = thread(); i < n; i += threads()) {
        if ((u32)brain[i] < (u32)pool) sample[atomicAdd(&starts_[brain[i]], 1)] = i;
    }
}
