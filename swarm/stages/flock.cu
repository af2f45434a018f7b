// flock on CUDA: sixteen lanes a seeker, a candidate a lane, seven sums in seven registers.
//
//     vel   [capacity][2] float32 m/s  read at random, once (pack); read and written in row order (steer)
//     packed [members][2] float32 m/s  written in the grid's order, then read once per seeker's cells
//     pos   [capacity][2] float32 m    read, 8 bytes a seeker from anywhere     own.entry [n] int32 read in order
//     grid  start, x, y, entry         read once per seeker's cells, nearly all from cache
//     sums  [entries][7]  float32      written, one row a time; read in order (steer)
//     236 bytes an entity, nearly all from cache; 18 flops a candidate
//
// The sixteen lanes of a seeker read sixteen candidates side by side, 64 bytes an array. Candidate number k, counted
// over all runs, belongs to lane k modulo sixteen, each lane adds in its order, and lanes are folded 8, 4, 2, 1 apart:
// the CPU kernel's order, so all bits agree with it. A run that does not start at a multiple of sixteen wastes lanes at
// its ends; reading across runs would need a search of the run for every candidate. The fold carries two registers as
// one from the first step on: each half keeps one and hands over the other, eight shuffles instead of twenty-eight.

#include "near.cuh"
#include "site.cuh"

#define SUMS 7

#ifndef VEL_STEP
#define VEL_STEP 2
#endif
INLINE float2 velocity(const float* vel, int row) { return pair_of<VEL_STEP>(vel, row); }

// packed[p] = the velocity of the p-th member, for the members from one table; vel may be null: they stand still.
KERNEL pack(const World* world, u32 site, int base, const Grid* grid, const float* vel, float2* packed) {
    const int n = living(world, site), members = grid->members;
    for (int p = thread(); p < members; p += threads()) {
        const int row = __ldg(grid->entry + p) - base;
        if (row >= 0 && row < n) packed[p] = vel == nullptr ? make_float2(0.0f, 0.0f) : velocity(vel, row);
    }
}

// Registers a and b of sixteen lanes as one: lanes with `bit` hold b's, the others a's, each added to its partner's.
INLINE float halve(float a, float b, int bit) {
    const bool upper = threadIdx.x & bit;
    const float other = __shfl_xor_sync(0xFFFFFFFFu, upper ? a : b, bit);
    return (upper ? b : a) + other;
}

// The seekers are the members from one table: row 0 is entry `base` of `grid`.
KERNEL neighbour_sums(World* world, u32 site, int base, const float* pos, const Grid* grid, const float2* packed,
                      float radius, float* sums) {
    const int n = living(world, site), many = visits(grid, n);
    const Grid g = *grid;
    const float limit = radius * radius, tiny = limit * 0x1p-20f;
    const int lane = threadIdx.x & 15, in_warp = (threadIdx.x >> 4) & 1;
    for (int v = thread() >> 4; v - in_warp < many; v += threads() >> 4) {  // the same rounds for both halves of a warp
        int row = v < many ? visited(grid, base, n, v) : -1;
        float count = 0.0f, vx = 0.0f, vy = 0.0f, dxs = 0.0f, dys = 0.0f, px = 0.0f, py = 0.0f;
        if (row >= 0) {
            const float2 at = at_row(pos, row);
            if (!inside(g, at.x, at.y)) {
                if (lane == 0) accuse(world, site, row);
                row = -1;
            } else {
                const int column = cell_of(at.x, g.per_x, g.columns), line = cell_of(at.y, g.per_y, g.rows);
                const bool seam = at_seam(g, column, line);
                const int me = base + row;
                int before = 0;  // candidates of the runs so far
                each_run(g, column, line, [&](int begin, int end) {
                    for (int p = begin + ((lane - before) & 15); p < end; p += 16) {
                        float dx = __ldg(g.x + p) - at.x, dy = __ldg(g.y + p) - at.y;
                        if (seam) dx = shortest(dx, g.width), dy = shortest(dy, g.height);
                        const float d2 = dx * dx + dy * dy;
                        if (!(d2 < limit) || __ldg(g.entry + p) == me) continue;
                        const float weight = 1.0f / (d2 > tiny ? d2 : tiny);
                        const float2 their = __ldg(packed + p);
                        count += 1.0f;
                        vx += their.x, vy += their.y;
                        dxs += dx, dys += dy;
                        px -= dx * weight, py -= dy * weight;
                    }
                    before += end - begin;
                });
            }
        }
        const float a = halve(count, vx, 8), b = halve(vy, dxs, 8), c = halve(dys, px, 8), d = halve(py, 0.0f, 8);
        const float e = halve(a, b, 4), f = halve(c, d, 4);
        float sum = halve(e, f, 2);
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, 1);
        const int k = (lane >> 3 & 1) | (lane >> 1 & 2) | (lane << 1 & 4);  // which of the sums this lane holds
        if (row >= 0 && k < SUMS && (lane & 1) == 0) sums[(i64)(base + row) * SUMS + k] = sum;
    }
}

// vel += dt * (cohesion * mean offset + alignment * (mean velocity - vel) + separation * push); see `flock.steer`.
KERNEL steer(const World* world, u32 site, const float* sums, const float* weights, float dt, float* vel) {
    const int n = living(world, site);
    const float cohesion = weights[0], alignment = weights[1], separation = weights[2];
    for (int row = thread(); row < n; row += threads()) {
        const float* sum = sums + (i64)row * SUMS;
        if (!(sum[0] > 0.0f)) continue;
        const float share = 1.0f / sum[0];
        float2 v = velocity(vel, row);
        v.x += dt * (cohesion * (sum[3] * share) + alignment * (sum[1] * share - v.x) + separation * sum[5]);
        v.y += dt * (cohesion * (sum[4] * share) + alignment * (sum[2] * share - v.y) + separation * sum[6]);
        vel[(i64)row * VEL_STEP] = v.x;
        vel[(i64)row * VEL_STEP + 1] = v.y;
    }
}
