// Inference with sizes read at run time: deep networks, pools too small to compile for, and all groups of a mixed pool
// in one launch. One sample for each brain; the same order of additions as forward.cu, the same bits.
//
//     groups   [G + 1]       Group: where the rows of one architecture are, its first chunk; the last one closes  read
//     layers   [..][5]       inputs, outputs, weight, bias (-1 = none), activation                            read
//     rows     [n][stride]   parameters of a group                                                            read once
//     x        [N][I]        inputs; a group's brain k has row place[k], without `place` row k                read
//     out      [N][O]        outputs, same rows                                                               written
//     spans    two spans of the widest layer for each tile: shared memory, or `scratch` where they do not fit
//
// Bytes and flops per brain as in forward.cu. A tile of TILE lanes takes a brain; a chunk is as many brains as a block
// has tiles. Blocks walk over chunks and a chunk never mixes groups, so that no warp goes two ways. Lanes take a column
// each and read neighbouring elements, 2 to 8 bytes; packed layers are read 16 bytes at a time. Source: forward.py.

#include "activate.cuh"
#include "row.cuh"
#include "site.cuh"
#include "tile.cuh"

#ifndef SPAN
#define SPAN 64    // elements of the widest layer, rounded up
#define THREADS 128
#define FAR 0      // 1: spans lie in `scratch`
#endif

struct Group {  // 48 bytes; forward_cuda.py has the same fields
    const Store* rows;
    const i64* place;  // [n], or null
    const int* alive;  // how many brains live; null: `count`
    int count, stride, layers, layer, first, spare;
};

constexpr int TILES = THREADS / TILE;
constexpr int APART = SPAN + (FAR || TILE == 32 ? 0 : TILE / 2);  // two spans: neighbouring tiles TILE banks apart

// The inputs c, c + step, ... below `end` of one column, in order; eight loads at a time.
INLINE Sum chain(const Store* w, int outputs, const Sum* x, int c, int step, int end, Sum sum) {
    int i = c;
    for (; i + 7 * step < end; i += 8 * step) {
        Store raw[8];
#pragma unroll
        for (int n = 0; n < 8; n++) raw[n] = w[(i64)(i + n * step) * outputs];
#pragma unroll
        for (int n = 0; n < 8; n++) sum = fma_(x[i + n * step], wide(raw[n]), sum);
    }
    for (; i < end; i += step) sum = fma_(x[i], wide(w[(i64)i * outputs]), sum);
    return sum;
}

// tile.cuh's wide layer without the activation.
INLINE void wide_any(int inputs, int outputs, const Store* w, const Store* b, const Sum* x, Sum* y, int lane) {
    for (int j = 0; j < outputs;) {
        const int left = outputs - j, take = left > 48 ? 64 : left > 16 ? 32 : 16, chains = take == 16 ? 4 : 2;
        const int columns = least(take, left), even = inputs / chains * chains;
        int side = 1;
        while (side < columns && side < TILE) side *= 2;
        const int groups = least(chains, TILE / side), group = lane / side % groups;
        for (int s = 0; s < columns; s += side) {
            const int column = j + least(s + lane % side, columns - 1);
            Sum sum[4] = {0, 0, 0, 0};
#pragma unroll
            for (int c = 0; c < 4; c++) {
                if (c < chains && c % groups == group) {
                    const Sum start = c == 0 && b ? wide(b[column]) : (Sum)0;
                    sum[c] = chain(w + column, outputs, x, c, chains, even, start);
                    if (c == 0) sum[c] = chain(w + column, outputs, x, even, 1, inputs, sum[c]);
                }
            }
#pragma unroll
            for (int c = 0; c < 4; c++) sum[c] = __shfl_sync(EVERY, sum[c], c % groups * side + lane % side, TILE);
            const Sum z = chains == 4 ? (sum[0] + sum[1]) + (sum[2] + sum[3]) : sum[0] + sum[1];
            if (lane < side && s + lane < columns) y[column] = z;
        }
        j += take;
    }
}

KERNEL forward_any(World* world, u32 site, const Group* groups, int number, const int* __restrict__ layers,
                   const Given* __restrict__ x, Given* __restrict__ out, Sum* scratch) {
#if FAR
    Sum* spans = scratch + (i64)blockIdx.x * (TILES * 2 * APART);
#else
    __shared__ __align__(16) Sum spans[TILES * 2 * APART];
#endif
    const int lane = threadIdx.x % TILE, tile = threadIdx.x / TILE;
    Sum* mine = spans + tile * (2 * APART);
    const int chunks = groups[number].first;
    for (int chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
        int g = 0;
        for (int end = number; end - g > 1;) {
            const int middle = (g + end) / 2;
            if (groups[middle].first <= chunk) {
                g = middle;
            } else {
                end = middle;
            }
        }
        const Group group = groups[g];
        const int total = group.alive ? *group.alive : world ? living(world, site) : group.count;
        const int first = (chunk - group.first) * TILES + tile;
        if (first - tile % (32 / TILE) >= total) continue;  // the whole warp has no brain
        const bool live = first < total;
        const int k = live ? first : total - 1;
        const i64 place = group.place ? group.place[k] : k;
        const Store* row = group.rows + (i64)k * group.stride;
        const int* layer = layers + 5 * group.layer;
        const int inputs = layer[0], outputs = layer[5 * (group.layers - 1) + 1];
        Sum *from = mine, *to = mine + APART;
        for (int i = lane; i < inputs; i += TILE) from[i] = x[place * inputs + i];
        __syncwarp();
        for (int n = 0; n < group.layers; n++, layer += 5) {
            const Store* w = row + layer[2];
            const Store* b = layer[3] < 0 ? nullptr : row + layer[3];
            if (is_packed(layer[1])) {
                packed_layer<VECTOR>(layer[0], layer[1], IDENTITY, w, b, from, to, lane);
            } else {
                wide_any(layer[0], layer[1], w, b, from, to, lane);
            }
            __syncwarp();
            for (int o = lane; o < layer[1]; o += TILE) to[o] = activate_(layer[4], to[o]);
            __syncwarp();
            Sum* swap = from;
            from = to;
            to = swap;
        }
        for (int o = lane; o < outputs && live; o += TILE) {
            out[place * outputs + o] = (Given)from[o];
            if (world && !finite((float)from[o])) accuse(world, site, (int)place);
        }
        __syncwarp();
    }
}
