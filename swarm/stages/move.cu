// move on CUDA: two agents a lane, sixteen bytes at a time.
//
//     pos [N][2] float32 m read|write        vel [N][2] float32 m/s read, written where too fast
//     24 bytes and 12 flops an agent; memory-bound
//
// Neighbouring lanes read neighbouring float4. Columns that are parts of wider rows take one agent a lane, with a
// stride. Single operations, never fused: equal bits with the reference. A position that is not finite is a fault.
//
// Macros: LIMITED, whether there is a greatest speed; PACKED, whether both columns stand alone; else POS_STEP and
// VEL_STEP, floats from row to row.

#include "site.cuh"
#include "wrap.cuh"

#ifndef LIMITED
#define LIMITED 0
#endif
#ifndef PACKED
#define PACKED 1
#endif
#ifndef POS_STEP
#define POS_STEP 2
#endif
#ifndef VEL_STEP
#define VEL_STEP 2
#endif

// v, slowed to the limit if it is faster; says whether it was.
INLINE bool slow(float2& v, float limit) {
    const float speed = sqrtf(v.x * v.x + v.y * v.y);
    if (!(speed > limit)) return false;
    const float factor = limit / speed;
    v.x *= factor;
    v.y *= factor;
    return true;
}

// One step; says whether the new position is finite.
INLINE bool go(float2& p, float2 v, float dt, float width, float height) {
    p.x = wrap(p.x + v.x * dt, width);
    p.y = wrap(p.y + v.y * dt, height);
    return p.x == p.x && p.y == p.y;
}

INLINE void one(World* world, u32 site, float* pos, float* vel, int i, float dt, float width, float height,
                float limit) {
    float* at = pos + (i64)i * POS_STEP;
    float* speed = vel + (i64)i * VEL_STEP;
    float2 p = make_float2(at[0], at[1]), v = make_float2(speed[0], speed[1]);
    if (LIMITED && slow(v, limit)) {
        speed[0] = v.x;
        speed[1] = v.y;
    }
    if (!go(p, v, dt, width, height)) accuse(world, site, i);
    at[0] = p.x;
    at[1] = p.y;
}

KERNEL drift(World* world, u32 site, float* pos, float* vel, float dt, float width, float height, float limit) {
    const int n = living(world, site);
#if PACKED
    for (int k = thread(); 2 * k < n; k += threads()) {
        if (2 * k + 1 == n) {
            one(world, site, pos, vel, 2 * k, dt, width, height, limit);
            continue;
        }
        const float4 p = ((const float4*)pos)[k], v = ((const float4*)vel)[k];
        float2 p0 = make_float2(p.x, p.y), p1 = make_float2(p.z, p.w);
        float2 v0 = make_float2(v.x, v.y), v1 = make_float2(v.z, v.w);
        if (LIMITED) {
            const bool first = slow(v0, limit), second = slow(v1, limit);
            if (first || second) ((float4*)vel)[k] = make_float4(v0.x, v0.y, v1.x, v1.y);
        }
        const bool good0 = go(p0, v0, dt, width, height), good1 = go(p1, v1, dt, width, height);
        ((float4*)pos)[k] = make_float4(p0.x, p0.y, p1.x, p1.y);
        if (!good0 || !good1) accuse(world, site, 2 * k + good0);
    }
#else
    for (int i = thread(); i < n; i += threads()) one(world, site, pos, vel, i, dt, width, height, limit);
#endif
}
