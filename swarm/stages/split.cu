// split on CUDA: who is rich enough is counted and listed, admitted under the cap, and shares with its child.
//
//     flag      level [N] float32 J, dying [N] bool read; rows [K] int32, found [2] int32 written: how many are rich,
//               how many are dying; 5 bytes an entity, 4 a child
//     scatter   rows read; slots, generations [N] uint32 read; place [K][2] float32 m written: the offset
//     share     rows read; level read|write, given [K] float32 J written; pos [N][2] float32 m read, place read|write
//     K children, some 60 bytes each, read at random
//
// Rows are listed in any order, one atomic a warp: the barrier sorts them by id, and what is drawn is keyed by id.
// Single operations in the order of split.py: equal bits.
//
// Macro: POS_STEP, floats from one row's position to the next one's.

#include "philox.cuh"
#include "site.cuh"
#include "wrap.cuh"

#ifndef POS_STEP
#define POS_STEP 2
#endif

// How many of the warp's lanes come before this one and have their bit set.
INLINE int before(u32 votes) { return __popc(votes & ((1u << (threadIdx.x & 31)) - 1)); }

KERNEL flag(World* world, u32 site, const float* level, const u8* dying, int* rows, int* found, float above) {
    const int n = living(world, site), lane = threadIdx.x & 31;
    for (int first = blockIdx.x * blockDim.x; first < n; first += threads()) {  // whole blocks, so that warps can vote
        const int i = first + threadIdx.x;
        const u32 rich = __ballot_sync(0xFFFFFFFFu, i < n && level[i] >= above);
        const u32 leaving = __ballot_sync(0xFFFFFFFFu, i < n && dying[i]);
        if (lane == 0 && leaving) atomicAdd(found + 1, __popc(leaving));
        if (!rich) continue;
        int place = lane == 0 ? atomicAdd(found, __popc(rich)) : 0;
        place = __shfl_sync(0xFFFFFFFFu, place, 0);
        if (rich >> lane & 1) rows[place + before(rich)] = i;
    }
}

// The children are asked for. Their offsets are uniform within `spread` metres on each axis, keyed by seed, tick and
// the parent's id. place may be null.
KERNEL scatter(World* world, u32 site, const int* rows, const int* count, const u32* slots, const u32* generations,
               float* place, float spread) {
    if (thread() == 0) counts(world)[table_of(site)].births += *count;
    if (!place) return;
    for (int k = thread(); k < *count; k += threads()) {
        const int i = rows[k];
        for (int axis = 0; axis < 2; axis++) {
            const float u = uniform_at(world, slots[i], generations[i], STREAM_PLACE, axis);
            place[2 * (i64)k + axis] = (u * 2.0f - 1.0f) * spread;
        }
    }
}

// The child gets half in whole quanta, rounded down, and starts beside its parent. pos may be null.
KERNEL share(const int* rows, const int* count, float* level, float* given, const float* pos, float2* place,
             float quantum, u64 sides) {
    for (int k = thread(); k < *count; k += threads()) {
        const int i = rows[k];
        const float whole = level[i], half = floorf(whole * 0.5f / quantum) * quantum;
        given[k] = half;
        level[i] = whole - half;
        if (!pos) continue;
        const float* at = pos + (i64)i * POS_STEP;
        const float2 away = place[k];
        place[k] = make_float2(wrap(at[0] + away.x, first_of(sides)), wrap(at[1] + away.y, second_of(sides)));
    }
}
