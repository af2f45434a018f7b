// Births on CUDA: copy, mutate and round in one pass over the bytes; crossover; copies of rows.
//
//     rows     [>= N][stride]  float32 | float64 | float16 | bfloat16    parents read, children written
//     births   [4][K] i32      parents, children, slots, generations     read (crossover: first, second, children, ...)
//     plan                     the layout, sigma, rate (draw.cuh)        read
//
// Bytes per birth: two rows. Instructions per float32 parameter, counted in sm_90 code: 16 for a quarter of a Philox call,
// 37 for half a logarithm, half a root, a sine or a cosine with IEEE division and root, 7 to read, add and write: 60, or
// 7.5 for each byte moved (16 bits: 66, or 16.5); 16 more for rates below 1. A card that issues fewer for each byte it can
// copy is bound by them, the others by memory. Exact copies and crossover (20 a parameter) are bound by memory. Lanes and
// neighbours: draw.cuh; copies move 16 bytes a lane, neighbours side by side.
//
// A child may be its own parent: every element is read and written by one lane. Steps are multiplied and added apart, in
// the order of the reference. Macro: DTYPE (row.cuh).

#include "draw.cuh"

// The sixteen bits that round value p of a lane; `at` counts its values. Their draw serves SPAN = 128 values.
INLINE u32 half_word(uint4 four, int at) {
    const u32 word = pick(four, at / 2);
    return at % 2 ? word >> 16 : word & 0xFFFFu;
}

// Steps for a lane's parameters of one span, those that are taken.
INLINE void mutate(const Plan* plan, const Store* from, Store* to, int span, u32 slot, u32 generation, u32 tick, u32 k0,
                   u32 k1) {
    const int lane = thread() % 16, p = span * SPAN + lane, count = plan->count;
    const float rate = plan->rate;
    const Sum sigma = plan->sigma;
    int at[MINE];
    Store old[MINE];
    elements(plan, p, at);
#pragma unroll
    for (int j = 0; j < MINE; j++)
        if (p + 16 * j < count) old[j] = from[at[j]];
    uint4 noise = make_uint4(0, 0, 0, 0);
    if (SPAN == 128) noise = philox(slot, generation, tick, counter(STREAM_ROUND, span * 16 + lane), k0, k1);
#pragma unroll
    for (int c = 0; c < MINE; c += 4) {  // a draw gives four values
        if (p + 16 * c >= count) break;
        const u32 draw = (u32)(span * SPAN / 64 + c / 4) * 16 + lane;
        const uint4 four = philox(slot, generation, tick, counter(STREAM_MUTATE, draw), k0, k1);
        uint4 chance = make_uint4(0, 0, 0, 0);
        if (rate < 1.0f) {
            const u32 behind = (u32)((count + 63) / 64) * 16;  // draws that the steps use up
            chance = philox(slot, generation, tick, counter(STREAM_MUTATE, behind + draw), k0, k1);
        }
#pragma unroll
        for (int j = 0; j < 4; j += 2) {
            if (p + 16 * (c + j) >= count) break;
            const float2 z = j ? to_normals(four.z, four.w) : to_normals(four.x, four.y);
#pragma unroll
            for (int i = 0; i < 2; i++) {
                if (p + 16 * (c + j + i) >= count) break;
                const Sum before = wide(old[c + j + i]);
                const Sum after = before + sigma * (Sum)(i ? z.y : z.x);
                const bool taken = !(rate < 1.0f) || to_uniform(pick(chance, j + i)) < rate;
                to[at[c + j + i]] = noisy(taken ? after : before, half_word(noise, c + j + i));
            }
        }
    }
}

// Tick and seed by value: for calls outside of a tick.
KERNEL inherit(Store* rows, const Plan* plan, const int* births, int n, u32 tick, u64 seed) {
    for (Walk k = walk(plan); k.item < n; next(k)) {
        const size_t parent = births[k.item], child = births[n + k.item];
        const u32 slot = births[2 * (size_t)n + k.item], generation = births[3 * (size_t)n + k.item];
        mutate(plan, rows + parent * plan->stride, rows + child * plan->stride, k.unit, slot, generation, tick,
               (u32)seed, (u32)(seed >> 32));
    }
}

// For the barrier: `count` [1] births, if the world says go. generations [slots]: of every slot. May be captured.
KERNEL inherit_on(const World* world, Store* rows, const Plan* plan, const int* parents, const int* children,
                  const u32* slots, const u32* generations, const int* count) {
    const int n = world->go ? *count : 0;
    for (Walk k = walk(plan); k.item < n; next(k)) {
        const size_t parent = parents[k.item], child = children[k.item];
        const u32 slot = slots[k.item];
        mutate(plan, rows + parent * plan->stride, rows + child * plan->stride, k.unit, slot, generations[slot],
               world->tick, world->key0, world->key1);
    }
}

// Each parameter, or each unit, from one of two parents: the top bit of its word says which.
// births [5][n]: first, second, children, slots, generations.
KERNEL cross(Store* rows, const Plan* plan, const int* births, int n, u32 tick, u64 seed, int units) {
    const int lane = thread() % 16;
    const u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
    for (Walk k = walk(plan); k.item < n; next(k)) {
        const Store* first = rows + (size_t)births[k.item] * plan->stride;
        const Store* second = rows + (size_t)births[n + k.item] * plan->stride;
        Store* child = rows + (size_t)births[2 * (size_t)n + k.item] * plan->stride;
        const u32 slot = births[3 * (size_t)n + k.item], generation = births[4 * (size_t)n + k.item];
        const int p = k.unit * SPAN + lane;
        int at[MINE];
        elements(plan, p, at);
#pragma unroll
        for (int c = 0; c < MINE; c += 4) {
            if (p + 16 * c >= plan->count) break;
            uint4 four = make_uint4(0, 0, 0, 0);
            if (!units) {
                const u32 draw = (u32)(k.unit * SPAN / 64 + c / 4) * 16 + lane;
                four = philox(slot, generation, tick, counter(STREAM_CROSS, draw), k0, k1);
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const int q = p + 16 * (c + j);
                if (q >= plan->count) break;
                u32 word = pick(four, j);
                if (units) {  // a draw for each value: rare enough
                    int number;
                    const Block block = block_of(plan, q, &number);
                    const u32 unit = block.unit + (q - block.first) % block.outputs;
                    word = word_at(slot, generation, tick, STREAM_CROSS, unit, k0, k1);
                }
                child[at[c + j]] = (word >> 31 ? second : first)[at[c + j]];
            }
        }
    }
}

// Rows of `width` times 16 bytes; where `to` is `from`, no row is read and written.
INLINE void copy_rows(uint4* to, const uint4* from, const int* source, const int* target, int n, int width) {
    const int down = threads() / width, right = threads() % width;
    int row = thread() / width, at = thread() % width;
    while (row < n) {
        to[(size_t)target[row] * width + at] = from[(size_t)source[row] * width + at];
        row += down;
        at += right;
        if (at >= width) {
            at -= width;
            row++;
        }
    }
}

// pairs [2][n]: from and to.
KERNEL copy(uint4* to, const uint4* from, const int* pairs, int n, int width) {
    copy_rows(to, from, pairs, pairs + n, n, width);
}

// For the barrier: `count` [1] rows, if the world says go. May be captured.
KERNEL copy_on(const World* world, uint4* rows, const int* source, const int* target, const int* count, int width) {
    copy_rows(rows, rows, source, target, world->go ? *count : 0, width);
}
