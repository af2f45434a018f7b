// The drifters' own systems on CUDA: to push, and to give birth or die by chance.
//
//     steer   outputs [N][OUTPUTS] float32 read: two actions from ACTIONS_AT on; vel [N][2] float32 m/s read|write
//             24 bytes and 6 flops a drifter, one lane an axis
//     turn    slots, generations [N] uint32 read; dying [N] bool write where chance kills; rows [N] int32, count [1]
//             int32 write: who gives birth, in any order (the barrier sorts). 8 bytes and two draws a drifter
//
// Single operations in the order of drifters.py. Macros: OUTPUTS, ACTIONS_AT for steer; BIRTH, DEATH for turn: streams.

#include "philox.cuh"
#include "site.cuh"

#ifndef OUTPUTS
#define OUTPUTS 4
#define ACTIONS_AT 0
#endif
#ifndef BIRTH
#define BIRTH 0
#define DEATH 1
#endif

KERNEL steer(World* world, u32 site, float* vel, const float* outputs, float keep, float push) {
    const int n = living(world, site);
    for (int k = thread(); k < 2 * n; k += threads()) {
        const float action = outputs[(i64)(k >> 1) * OUTPUTS + ACTIONS_AT + (k & 1)];
        vel[k] = vel[k] * keep + action * push;
    }
}

KERNEL turn(World* world, u32 site, const u32* slots, const u32* generations, u8* dying, int* rows, int* count,
            float chance) {
    const int n = living(world, site);
    for (int i = thread(); i < n; i += threads()) {
        if (uniform_at(world, slots[i], generations[i], BIRTH, 0) < chance) rows[atomicAdd(count, 1)] = i;
        if (uniform_at(world, slots[i], generations[i], DEATH, 0) < chance) dying[i] = 1;
    }
}
