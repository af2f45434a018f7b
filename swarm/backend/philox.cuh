// Philox4x32-10: the integers of rng.py, the floats of rng_cpu.py, equal bits.
//
//     const u32 word = word_at(world, slot, generation, STREAM_PICK, p);    // value p of an entity in this tick
//     const float u = to_uniform(word);                                     // [0, 1)
//
// A draw costs 64 instructions, 20 of them wide products, and gives four words: values p, p + 16, p + 32, p + 48 of the
// 64 that begin at a multiple of 64. Who needs many values of one entity calls `philox` with `counter` and uses
// all four; neighbouring lanes then take neighbouring draws and store neighbouring values.
//
// Streams are numbers: STREAM_INIT, STREAM_MUTATE and so on are those of rng.STREAMS.

#include "streams.cuh"
#include "vmath.cuh"

// One draw. c3: `counter(stream, draw)`.
INLINE uint4 philox(u32 slot, u32 generation, u32 tick, u32 c3, u32 k0, u32 k1) {
    u32 a = slot, b = generation, c = tick, d = c3;
#pragma unroll
    for (int i = 0; i < 10; i++) {
        const u64 left = (u64)a * 0xD2511F53u, right = (u64)c * 0xCD9E8D57u;
        a = (u32)(right >> 32) ^ b ^ (k0 + (u32)i * 0x9E3779B9u);
        c = (u32)(left >> 32) ^ d ^ (k1 + (u32)i * 0xBB67AE85u);
        b = (u32)right;
        d = (u32)left;
    }
    return make_uint4(a, b, c, d);
}

INLINE u32 counter(u32 stream, u32 draw) { return stream << 20 | draw; }

// Which draw, and which of its words, value p of an entity comes from.
INLINE u32 draw_of(u32 p) { return p / 64 * 16 + p % 16; }
INLINE u32 word_of(u32 p) { return p / 16 % 4; }

INLINE u32 pick(uint4 four, u32 word) {
    return word == 0 ? four.x : word == 1 ? four.y : word == 2 ? four.z : four.w;
}

// Float in [0, 1): the upper 24 bits.
INLINE float to_uniform(u32 word) { return (float)(word >> 8) * 0x1p-24f; }

// log_ of vmath.cuh for x in [2^-24, 1], where no case is special.
INLINE float log_below_one(float x) {
    float e;
    const float t = vm::split(x, &e) - 1.0f, s = t / (t + 2.0f), z = s * s;
    const float low = fma_(e, vm::ln2_low(x), fma_(-s, t, z * s * vm::log_tail(z)));
    return fma_(e, vm::ln2_high(x), t + low);
}

// Two standard normals from two words (Box and Muller 1958).
INLINE float2 to_normals(u32 u, u32 v) {
    const float r = sqrtf(-2.0f * log_below_one((float)((u >> 8) + 1u) * 0x1p-24f));
    const float angle = 0x1.921fb6p+2f * to_uniform(v);  // 2 pi
    // sin_ and cos_ of vmath.cuh, both at once: the quadrant is a whole number up to 4, so its bits choose
    const float shifted = angle * vm::two_over_pi(angle) + 12582912.0f;  // 3 2^22: rounds to whole numbers
    const float rest = vm::remainder(angle, shifted - 12582912.0f);
    const float sine = vm::sin_near(rest), cosine = vm::cos_near(rest);
    const u32 q = __float_as_uint(shifted);
    const u32 x = __float_as_uint(q & 1u ? sine : cosine) ^ ((q + 1u) << 30 & 0x80000000u);
    const u32 y = __float_as_uint(q & 1u ? cosine : sine) ^ (q << 30 & 0x80000000u);
    return make_float2(r * __uint_as_float(x), r * __uint_as_float(y));
}

// Value p of an entity in a tick.
INLINE u32 word_at(u32 slot, u32 generation, u32 tick, u32 stream, u32 p, u32 k0, u32 k1) {
    return pick(philox(slot, generation, tick, counter(stream, draw_of(p)), k0, k1), word_of(p));
}
INLINE float uniform_at(u32 slot, u32 generation, u32 tick, u32 stream, u32 p, u32 k0, u32 k1) {
    return to_uniform(word_at(slot, generation, tick, stream, p, k0, k1));
}
INLINE float normal_at(u32 slot, u32 generation, u32 tick, u32 stream, u32 p, u32 k0, u32 k1) {
    const uint4 four = philox(slot, generation, tick, counter(stream, draw_of(p)), k0, k1);
    const u32 word = word_of(p);
    const float2 both = word < 2 ? to_normals(four.x, four.y) : to_normals(four.z, four.w);
    return word % 2 ? both.y : both.x;
}

// The same in the world's tick and with its seed.
INLINE u32 word_at(const World* world, u32 slot, u32 generation, u32 stream, u32 p) {
    return word_at(slot, generation, world->tick, stream, p, world->key0, world->key1);
}
INLINE float uniform_at(const World* world, u32 slot, u32 generation, u32 stream, u32 p) {
    return uniform_at(slot, generation, world->tick, stream, p, world->key0, world->key1);
}
INLINE float normal_at(const World* world, u32 slot, u32 generation, u32 stream, u32 p) {
    return normal_at(slot, generation, world->tick, stream, p, world->key0, world->key1);
}
