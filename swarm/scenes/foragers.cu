// The foragers' own systems on CUDA, one kernel each (ripen has two), so that the whole tick is one captured run.
//
//     age     ripe [N] bool, waited [N] int32 tick, energy [N] float32 J   read|write      5 bytes a plant
//     sow     waited [N] read; pos [N][2] float32 m written, waited too, where a plant ripens   4 bytes a plant
//     steer   actions [N][2] float32 of rows of OUTPUTS read; vel [N][2] float32 m/s read|write
//             24 bytes and 6 flops a forager, one lane an axis
//     live    vel read, level [N] float32 J read|write                     16 bytes and 9 flops a forager
//     grow    born [N] int64 tick read, generation [N] int32 read|write    8 bytes a forager
//     die     level, slots, generations [N] read, dying [N] bool written   13 bytes and one draw a forager
//     note    level, eaten [N] float32 J read|write                        16 bytes a forager
//     books   [6] int64 quanta of 2^-12 J read|write: whole numbers, so atomics add up to the same in any order
//
// One thread a row, neighbours read neighbouring rows. Single operations in the order of foragers.py: equal bits.
//
// Macros: OUTPUTS for steer; CHANCE and STREAM for die: whether chance kills, and its random stream.

#include "philox.cuh"
#include "site.cuh"
#include "tally.cuh"

#ifndef OUTPUTS
#define OUTPUTS 2
#endif
#ifndef STREAM
#define CHANCE 0
#define STREAM 0
#endif

enum { FOUNDERS, SOWN, GROWN, EATEN, BURNT, LOST };  // the places in the books
const int DUE = -1;                                   // waited, between age and sow

// Eaten plants wait one tick more; those that have waited long enough hold a meal again and are due to be sown.
KERNEL age(World* world, u32 site, u8* ripe, int* waited, float* energy, i64* books, int wait, float meal) {
    const int n = living(world, site);
    i64 grown = 0;
    for (int i = thread(); i < n; i += threads()) {
        if (ripe[i]) continue;
        const int ticks = waited[i] + 1;
        waited[i] = ticks > wait ? DUE : ticks;
        if (ticks <= wait) continue;
        ripe[i] = 1;
        energy[i] = meal;
        grown += quanta(meal);
    }
    tally(books + GROWN, grown);
}

// Plants that are due get a new place, keyed by seed, tick and id.
KERNEL sow(World* world, u32 site, const u32* slots, const u32* generations, int* waited, float* pos, float width,
           float height) {
    const int n = living(world, site);
    const float sides[2] = {width, height};
    for (int i = thread(); i < n; i += threads()) {
        if (waited[i] != DUE) continue;
        waited[i] = 0;
        for (int axis = 0; axis < 2; axis++) {
            const float place = uniform_at(world, slots[i], generations[i], STREAM_PLACE, axis) * sides[axis];
            const float below = __uint_as_float(__float_as_uint(sides[axis]) - 1);  // the largest float under the side
            pos[2 * (i64)i + axis] = fminf(place, below);
        }
    }
}

// The brain's two actions accelerate the body; drag slows it.
KERNEL steer(World* world, u32 site, float* vel, const float* actions, float keep, float push) {
    const int n = living(world, site);
    for (int k = thread(); k < 2 * n; k += threads()) {
        const float action = actions[(i64)(k >> 1) * OUTPUTS + (k & 1)];
        vel[k] = vel[k] * keep + action * push;
    }
}

// Being and moving cost energy in whole quanta; what lies above `most` is burnt as well. `moving`: quanta per m2/s2.
KERNEL live(World* world, u32 site, const float2* vel, float* level, i64* books, float moving, float living_,
            float most) {
    const int n = living(world, site);
    i64 burnt = 0;
    for (int i = thread(); i < n; i += threads()) {
        const float2 v = vel[i];
        const float left = level[i];
        float paid = (v.x * v.x + v.y * v.y) * moving;
        paid = rintf(paid + living_) * (1.0f / 4096.0f);
        const float over = left - most;
        paid = paid >= over || paid != paid ? paid : over;
        level[i] = left - paid;
        burnt += quanta(paid);
        if (!finite(paid)) accuse(world, site, i);
    }
    tally(books + BURNT, burnt);
}

// Who entered at the last barrier is one birth further from the founders.
KERNEL grow(World* world, u32 site, const i64* born, int* generation) {
    const int n = living(world, site);
    for (int i = thread(); i < n; i += threads())
        if (world->tick && born[i] == (i64)world->tick - 1) generation[i] += 1;
}

// Who has nothing left starves; chance kills others.
KERNEL die(World* world, u32 site, const float* level, u8* dying, const u32* slots, const u32* generations, i64* books,
           float chance) {
    const int n = living(world, site);
    i64 lost = 0;
    for (int i = thread(); i < n; i += threads()) {
        bool dead = level[i] <= 0.0f;
        if (CHANCE && !dead) dead = uniform_at(world, slots[i], generations[i], STREAM, 0) < chance;
        if (!dead) continue;
        dying[i] = 1;
        lost += quanta(level[i]);
    }
    tally(books + LOST, lost);
}

// Write down what was eaten and set hunger back to where it was.
KERNEL note(World* world, u32 site, float* level, float* eaten, float normal) {
    const int n = living(world, site);
    for (int i = thread(); i < n; i += threads()) {
        eaten[i] += level[i] - normal;
        level[i] = normal;
    }
}
