// First weights on CUDA: the draws of `init.py`, sixteen lanes at a time.
//
//     rows    [>= N][stride]  float32 | float64 | float16 | bfloat16   written, gaps left alone
//     births  [3][K] i32      rows to fill, slots, generations         read
//     plan                    the layout (draw.cuh)                  read
//     scales  [blocks]        deviation or bound of each block         read
//
// Bytes per brain: one row. Instructions per parameter: 16 for the draw, 37 for a normal, some 15 to find the block, scale
// and write: arithmetic is the roof, not memory. Lanes and neighbours: draw.cuh.
//
// Macro: DTYPE (row.cuh). `uniform`: draws in +-1 instead of normal ones.

#include "draw.cuh"

KERNEL fill(Store* rows, const Plan* plan, const Sum* scales, const int* births, int n, u32 tick, u64 seed,
            int uniform) {
    const int lane = thread() % 16, count = plan->count;
    for (Walk k = walk(plan); k.item < n; next(k)) {
        Store* row = rows + (size_t)births[k.item] * plan->stride;
        const u32 slot = births[n + k.item], generation = births[2 * (size_t)n + k.item];
        const int p = k.unit * SPAN + lane;
#pragma unroll
        for (int c = 0; c < MINE; c += 4) {
            if (p + 16 * c >= count) break;
            const u32 draw = (u32)(k.unit * SPAN / 64 + c / 4) * 16 + lane;
            const uint4 four = philox(slot, generation, tick, counter(STREAM_INIT, draw), (u32)seed, (u32)(seed >> 32));
#pragma unroll
            for (int j = 0; j < 4; j += 2) {
                if (p + 16 * (c + j) >= count) break;
                const u32 u = j ? four.z : four.x, v = j ? four.w : four.y;
                const float2 z = uniform ? make_float2(2.0f * to_uniform(u) - 1.0f, 2.0f * to_uniform(v) - 1.0f)
                                         : to_normals(u, v);
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    const int q = p + 16 * (c + j + i);
                    if (q >= count) break;
                    int number;
                    const Block block = block_of(plan, q, &number);
                    row[block.start + q - block.first] = nearest((Sum)(i ? z.y : z.x) * scales[number]);
                }
            }
        }
    }
}
