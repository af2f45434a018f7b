// Random numbers of many entities: values 0 .. count-1 of each, as rng.py numbers them.
//
//     slots [N], generations [N] u32 read        out [N][count] float32 or u32 write
//     4 bytes a value written; instructions a value, counted in sm_90 code: 16 for a quarter of a draw, 5 to store, 37 for
//     a normal: words and uniforms are bound by memory or nearly so, normals by arithmetic
//
// A lane takes one draw of one entity and stores up to four values, sixteen places apart; sixteen lanes write sixteen
// neighbours. Lanes walk on by as many draws as there are lanes, without a division.
//
// Macro KIND: 0 uniform in [0, 1), 1 standard normal, 2 the words themselves.

#include "philox.cuh"

#ifndef KIND
#define KIND 0
#endif

// Store the values of draw `d` of an entity, those below `count`.
INLINE void store(float* row, int count, u32 d, uint4 four) {
    const int p = (int)(d / 16 * 64 + d % 16);
#if KIND == 1
    const float2 low = to_normals(four.x, four.y);
    row[p] = low.x;
    if (p + 16 < count) row[p + 16] = low.y;
    if (p + 32 < count) {
        const float2 high = to_normals(four.z, four.w);
        row[p + 32] = high.x;
        if (p + 48 < count) row[p + 48] = high.y;
    }
#else
    const u32 word[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int w = 0; w < 4; w++)
        if (p + 16 * w < count) row[p + 16 * w] = KIND == 0 ? to_uniform(word[w]) : __uint_as_float(word[w]);
#endif
}

// `registry` says whether generations are looked up by slot instead of by row.
INLINE void fill(const u32* slots, const u32* generations, bool registry, float* out, int n, int count, u32 tick,
                 u32 stream, u32 k0, u32 k1) {
    const int draws = count / 64 * 16 + min(16, count % 64);
    const int down = threads() / draws, right = threads() % draws;
    int row = thread() / draws, d = thread() % draws;
    while (row < n) {
        const u32 slot = slots[row], generation = generations[registry ? slot : row];
        store(out + (size_t)row * count, count, d, philox(slot, generation, tick, counter(stream, d), k0, k1));
        row += down;
        d += right;
        if (d >= draws) {
            d -= draws;
            row++;
        }
    }
}

// Tick and seed by value: for calls outside of a tick.
KERNEL draw(const u32* slots, const u32* generations, float* out, int n, int count, u32 tick, u32 stream, u64 seed) {
    fill(slots, generations, false, out, n, count, tick, stream, (u32)seed, (u32)(seed >> 32));
}

// Tick, seed and how many live from the world: may be captured. generations [slots]: of every slot.
KERNEL draw_on(const World* world, int table, const u32* slots, const u32* generations, float* out, int count,
               u32 stream) {
    fill(slots, generations, true, out, counts(world)[table].n, count, world->tick, stream, world->key0, world->key1);
}
