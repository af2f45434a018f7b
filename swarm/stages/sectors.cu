// Sectors on CUDA: one seeker a lane, its nearest squared distances per sector in shared memory.
//
//     pos    [capacity][2] float32 m  read, 8 bytes a lane from anywhere    own.entry [n] int32 read in order
//     grid   start [C+1]              six reads a seeker                    x, y, entry [n] read, nearly all from cache
//     out    [capacity][W] float32    NSECTORS columns written
//     look   [1 + 2 NSECTORS] float32 the radius (m), then the sectors' edges
//     per seeker 12 + 4 NSECTORS bytes and its share of the candidates, 108 bytes per member of a cell; 30 flops and
//     comparisons a candidate
//
// Seekers are visited in the order of their own grid where it holds everybody: the lanes of a warp then stand in a few
// cells side by side and read the same candidates, mostly one cache line at a time. An octant takes three comparisons
// (NSECTORS 8), any other sector one cross product an edge. Lane l keeps its numbers in bank l, so keeping one never
// conflicts. At the end the warp turns its block round: NSECTORS neighbouring lanes write the senses of one row side by
// side, which makes four rows a store for eight sectors; the rows themselves lie anywhere. Each sector sense of a mind
// is a launch of its own: one for all would save 12 of some 100 bytes a seeker, the place and the order, and would hold
// the numbers of all of them in shared memory at once, which halves the warps at work.
// Differences, squares and sums are single operations, never fused: equal bits with the CPU and the reference.
//
// Macros: NSECTORS; COUNTING 1 = how many, 0 = closeness; KIN 1 = the seekers are members of `grid`, row 0 is entry
// `base`; WARPS of a block, so few that NSECTORS numbers a lane fit into shared memory; with SHARED 0 they do not even
// fit for one, and the row of `out` itself holds them.

#include "near.cuh"
#include "site.cuh"

#if COUNTING
#define NOBODY 0.0f
#else
#define NOBODY infinity()
#endif

// The sector of a difference that is not further than the radius; see `sectors.sector_of`.
INLINE int sector_of(float dx, float dy, const float* edges) {
    const bool up = dy > 0.0f || (dy == 0.0f && dx >= 0.0f);
#if NSECTORS == 8
    const float ux = up ? dx : -dx, uy = up ? dy : -dy;
    const bool past45 = uy >= ux && uy > 0.0f;  // not for the very same place, which is sector 0
    const bool past90 = past45 && ux <= 0.0f;
    const bool past135 = past90 && uy <= -ux;
    return (up ? 0 : 4) + (int)past45 + (int)past90 + (int)past135;
#else
    if (dx == 0.0f && dy == 0.0f) return 0;
    const int half = (NSECTORS + 1) / 2;
    int sector = up ? 0 : half - 1;
    for (int j = up ? 1 : half; j < (up ? half : NSECTORS); j++)
        sector += __ldg(edges + 2 * j) * dy - __ldg(edges + 2 * j + 1) * dx >= 0.0f;
    return sector;
#endif
}

INLINE float sense_of(float kept, float radius) {
#if COUNTING
    return kept;
#else
    return kept < infinity() ? 1.0f - sqrtf(kept) / radius : 0.0f;
#endif
}

// form: base, and the floats a row of `out` in the upper half. own: the seekers' own grid, or null. out: the first of
// the columns in row 0.
KERNEL sectors(World* world, u32 site, u64 form, const float* pos, const Grid* grid, const Grid* own, float* out,
               const float* look) {
    const int n = living(world, site), many = visits(own, n), base = (int)(u32)form, width = (int)(form >> 32);
    const float radius = look[0], limit = radius * radius;
    const float* edges = look + 1;
    const Grid g = *grid;
    const int lane = threadIdx.x & 31;
#if SHARED
    __shared__ float kept[WARPS][NSECTORS * 32];
    float* mine = kept[threadIdx.x >> 5] + lane;
    const int step = 32;
#endif
    for (int v = thread(); v - lane < many; v += threads()) {  // the same rounds for all lanes of a warp
        int row = v < many ? visited(own, base, n, v) : -1;
        float2 at = make_float2(0.0f, 0.0f);
        if (row >= 0) {
            at = at_row(pos, row);
            if (!inside(g, at.x, at.y)) {
                accuse(world, site, row);
                row = -1;
            }
        }
#if !SHARED
        float* mine = out + (i64)(row < 0 ? 0 : row) * width;
        const int step = 1;
#endif
        if (row >= 0) {
            for (int k = 0; k < NSECTORS; k++) mine[k * step] = NOBODY;
            const int column = cell_of(at.x, g.per_x, g.columns), line = cell_of(at.y, g.per_y, g.rows);
            const bool seam = at_seam(g, column, line);
            each_run(g, column, line, [&](int p, int end) {
                for (; p < end; p++) {
                    float dx = __ldg(g.x + p) - at.x, dy = __ldg(g.y + p) - at.y;
                    if (seam) dx = shortest(dx, g.width), dy = shortest(dy, g.height);
                    const float d2 = dx * dx + dy * dy;
                    if (!(d2 < limit)) continue;
#if KIN
                    if (__ldg(g.entry + p) == base + row) continue;
#endif
                    float* best = mine + sector_of(dx, dy, edges) * step;
#if COUNTING
                    *best += 1.0f;
#else
                    if (d2 < *best) *best = d2;
#endif
                }
            });
        }
#if SHARED
        __syncwarp();
        for (int k = lane; k < NSECTORS * 32; k += 32) {
            const int whose = k / NSECTORS, sector = k - whose * NSECTORS;
            const int target = __shfl_sync(0xFFFFFFFFu, row, whose);
            if (target >= 0)
                out[(i64)target * width + sector] = sense_of(kept[threadIdx.x >> 5][sector * 32 + whose], radius);
        }
        __syncwarp();
#else
        if (row >= 0)
            for (int k = 0; k < NSECTORS; k++) mine[k] = sense_of(mine[k], radius);
#endif
    }
}
