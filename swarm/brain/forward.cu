// Inference for a population, every brain with its own weights and one sample: each parameter is read once.
//
//     rows     [N][STRIDE]   parameters                                            read once, 16 bytes a lane
//     x        [N][I]        inputs, Given (float; double for float64 rows)        read, staged in shared memory
//     out      [N][O]        outputs, Given                                        written
//     world, site            how many brains live; without a world `count` says it  read; fault: an output is not finite
//
// Bytes per brain: row_bytes + (I + O) inputs and outputs. Flops per brain: 2 per weight. At 16-32-4 float32 that is
// half a flop a byte; a card moves a byte in the time of some ten, so memory is the roof. A tile of TILE lanes takes a
// brain; a warp takes neighbouring ones, whose rows lie side by side. Neighbouring lanes read neighbouring 16 bytes of
// a row of weights, eight such loads under way before the first is used (tile.cuh; the machine code for sm_90 has them
// so). Where TEAM is above 1 a whole block takes one brain, its warps a piece of columns each. Inputs and hidden values
// stay in shared memory, spans of neighbouring tiles on other banks. The order of additions is tiles_cpu.py's: equal
// bits. One module for each layout: the macros come from the Layout object (forward_cuda.py). Source: forward.py.

#include "activate.cuh"

#ifndef LAYERS  // 16-32-4 tanh float32
#define LAYERS 2
#define WIDTHS 16, 32, 4
#define WEIGHTS 0, 544
#define BIASES 512, 672
#define CODES 2, 0
#define STRIDE 676
#define THREADS 128
#endif

#include "row.cuh"
#include "site.cuh"
#include "tile.cuh"

constexpr int WIDTH[] = {WIDTHS};
constexpr int WEIGHT[] = {WEIGHTS};
constexpr int BIAS[] = {BIASES};
constexpr int CODE[] = {CODES};
constexpr int I = WIDTH[0], O = WIDTH[LAYERS];

constexpr int GROUP = TEAM > 1 ? 32 * TEAM : 32;        // threads that wait for one another
constexpr int BRAINS = TEAM > 1 ? 1 : 32 / TILE;        // of a group
constexpr int GROUPS = THREADS / GROUP;                   // of a block
static_assert(THREADS % GROUP == 0 && (TEAM == 1 || (TILE == 32 && THREADS == GROUP)), "tiles and blocks must fit");

constexpr int TURNS = (BRAINS * I + GROUP - 1) / GROUP;  // to read the inputs
constexpr int UNROLL = TURNS < 4 ? TURNS : 4;

INLINE constexpr int widest() {
    int found = 0;
    for (int k = 0; k <= LAYERS; k++) found = WIDTH[k] > found ? WIDTH[k] : found;
    return found;
}
// A brain has two spans, so that neighbouring tiles are TILE banks apart.
constexpr int SPAN = (widest() + 31) / 32 * 32 + (BRAINS > 1 ? TILE / 2 : 0);

INLINE void wait() {
    if (TEAM > 1) {
        __syncthreads();
    } else {
        __syncwarp();
    }
}

template <int K> INLINE void layers(const Store* row, Sum* x, Sum* y, int lane, int team) {
    constexpr int INPUTS = WIDTH[K], OUTPUTS = WIDTH[K + 1], FUNCTION = CODE[K];
    constexpr int W = WEIGHT[K], B = BIAS[K];
    constexpr bool BIASED = B >= 0;
    const Store* b = row + (BIASED ? B : 0);
    if constexpr (is_packed(OUTPUTS)) {
        if (team == 0) packed_layer<VECTOR>(INPUTS, OUTPUTS, FUNCTION, row + W, BIASED ? b : nullptr, x, y, lane);
    } else {
        wide_layer<INPUTS, OUTPUTS, FUNCTION, BIASED>(row + W, b, x, y, lane, team);
    }
    wait();
    if constexpr (K + 1 < LAYERS) layers<K + 1>(row, y, x, lane, team);
}

// Not __restrict__: loads through the read-only path would be moved behind all_asked().
KERNEL forward(World* world, u32 site, int count, const Store* rows, const Given* __restrict__ x,
               Given* out) {
    __shared__ __align__(16) Sum spans[GROUPS * BRAINS * 2 * SPAN];
    const int total = world ? living(world, site) : count;
    const int member = threadIdx.x % GROUP, lane = member % TILE;
    const int team = TEAM > 1 ? member / 32 : 0, place = TEAM > 1 ? 0 : member / TILE;
    Sum* mine = spans + threadIdx.x / GROUP * (BRAINS * 2 * SPAN);  // the group's: for each brain two spans
    const Sum* answers = mine + (LAYERS % 2 ? SPAN : 0);
    const int groups = gridDim.x * GROUPS;
    for (int g = blockIdx.x * GROUPS + threadIdx.x / GROUP; (i64)g * BRAINS < total; g += groups) {
        const int first = g * BRAINS, here = least(BRAINS, total - first);
#pragma unroll UNROLL
        for (int k = 0; k < TURNS; k++) {
            const int e = k * GROUP + member;
            if (e < here * I) mine[e / I * (2 * SPAN) + e % I] = x[(i64)first * I + e];
        }
        wait();
        const int brain = least(first + place, total - 1);  // a tile too many repeats the last one
        const Store* row = rows + (i64)brain * STRIDE;
        Sum* span = mine + place * (2 * SPAN);
        layers<0>(row, span, span + SPAN, lane, team);
#pragma unroll 1
        for (int e = member; e < here * O; e += GROUP) {
            const Given answer = (Given)answers[e / O * (2 * SPAN) + e % O];
            out[(i64)first * O + e] = answer;
            if (SINGLE && world && !finite((float)answer)) accuse(world, site, first + e / O);  // worlds give floats
        }
        wait();
    }
}
