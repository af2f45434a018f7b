// Parameters of a row: read up to 16 bytes at a time and widened, narrowed and written.
//
// DTYPE says how rows are stored: 0 float32, 1 float64, 2 float16, 3 bfloat16. `Store` is one stored element, `Sum`
// what sums run in: double for float64, else float; `Given` is one input or output. Widening is exact. Narrowing is to nearest, ties to even
// (`nearest`), or up or down by sixteen bits of noise with the probabilities that make the mean right (`noisy`);
// draw_cpu.py has the same.
//
//     Raw<4> raw = fetch<4>(row + at);        // one load; several may be under way before the first is used
//     Sum w[4];
//     widen<4>(raw, w);
//
// `fetch<V>` needs V * sizeof(Store) in 2, 4, 8, 16 bytes, and that alignment.

#ifndef DTYPE
#define DTYPE 0
#endif

#if DTYPE == 1
typedef double Store;
typedef double Sum;
#elif DTYPE == 0
typedef float Store;
typedef float Sum;
#else
typedef u16 Store;
typedef float Sum;
#endif

#ifndef SINGLE
#define SINGLE 1
#endif

#if SINGLE  // inputs and outputs are float, whatever the sums run in
typedef float Given;
#else
typedef Sum Given;
#endif

constexpr int VECTOR = 16 / (int)sizeof(Store);  // elements of the widest load

template <int BYTES> struct RawOf;
template <> struct RawOf<2> { typedef u16 Type; };
template <> struct RawOf<4> { typedef u32 Type; };
template <> struct RawOf<8> { typedef uint2 Type; };
template <> struct RawOf<16> { typedef uint4 Type; };
template <int V> using Raw = typename RawOf<V * (int)sizeof(Store)>::Type;

template <int V> INLINE Raw<V> fetch(const Store* at) { return *(const Raw<V>*)at; }
template <int V> INLINE void put(Store* at, Raw<V> raw) { *(Raw<V>*)at = raw; }

// --- float16 --------------------------------------------------------------------------------------------------------

INLINE float from_half(u32 bits) {
#ifdef __CUDA_ARCH__
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"((u16)bits));
    return wide;
#else
    const u32 sign = (bits & 0x8000u) << 16, rest = bits & 0x7FFFu;
    if (rest >= 0x7C00u) return __uint_as_float(sign | 0x7F800000u | (rest & 0x3FFu) << 13);
    if (rest >= 0x0400u) return __uint_as_float(sign | (rest + (112u << 10)) << 13);
    const float tiny = (float)rest * 5.9604644775390625e-08f;  // 2^-24
    return sign ? -tiny : tiny;
#endif
}

// The sixteen bits of |x| with `more` (below 8192) added behind the last place that is kept.
INLINE u32 cut_half(float size, u32 more) {
    const bool small = size < 6.103515625e-05f;  // 2^-14: below, places no longer move with the exponent
    const u32 raw = __float_as_uint(small ? size + 6.103515625e-05f : size) + more;
    const u32 bits = (raw >> 13) - (small ? 113u << 10 : 112u << 10);
    return bits < 0x7C00u ? bits : 0x7C00u;
}

INLINE u16 half_nearest(float x) {
#ifdef __CUDA_ARCH__
    u16 bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
#else
    const u32 raw = __float_as_uint(x), sign = raw >> 16 & 0x8000u, rest = raw & 0x7FFFFFFFu;
    if (rest > 0x7F800000u) return (u16)(sign | 0x7E00u);
    if (rest < 0x38800000u) {  // whole numbers of 2^-24
        const float places = __uint_as_float(rest) * 16777216.0f;
        return (u16)(sign | (u32)rintf(places));
    }
    const u32 bits = rest >= 0x47800000u ? 0x7C00u : (rest + 0xFFFu + (rest >> 13 & 1u) - (112u << 23)) >> 13;
    return (u16)(sign | bits);
#endif
}

INLINE u16 half_noisy(float x, u32 noise) {
    const u32 raw = __float_as_uint(x), sign = raw >> 16 & 0x8000u, rest = raw & 0x7FFFFFFFu;
    if (rest >= 0x7F800000u) return (u16)(sign | (rest > 0x7F800000u ? 0x7E00u : 0x7C00u));
    return (u16)(sign | cut_half(__uint_as_float(rest), noise >> 3));
}

// --- bfloat16 -------------------------------------------------------------------------------------------------------

INLINE u16 brain_nearest(float x) {
    const u32 raw = __float_as_uint(x);
    return (u16)((raw + 0x7FFFu + (raw >> 16 & 1u)) >> 16);
}

INLINE u16 brain_noisy(float x, u32 noise) {
    const u32 raw = __float_as_uint(x);
    return (u16)((raw + ((raw & 0x7F800000u) == 0x7F800000u ? 0u : noise)) >> 16);
}

// --- any dtype ------------------------------------------------------------------------------------------------------

INLINE Sum wide(Store x) {
#if DTYPE == 2
    return from_half(x);
#elif DTYPE == 3
    return __uint_as_float((u32)x << 16);
#else
    return x;
#endif
}

INLINE Store nearest(Sum x) {
#if DTYPE == 2
    return half_nearest(x);
#elif DTYPE == 3
    return brain_nearest(x);
#else
    return x;
#endif
}

// `noise` is uniform below 65,536; float32 and float64 need none.
INLINE Store noisy(Sum x, u32 noise) {
#if DTYPE == 2
    return half_noisy(x, noise);
#elif DTYPE == 3
    return brain_noisy(x, noise);
#else
    return x;
#endif
}

template <int V> INLINE void widen(Raw<V> raw, Sum* to) {
    union {
        Raw<V> raw;
        Store part[V];
    } both;
    both.raw = raw;
#pragma unroll
    for (int v = 0; v < V; v++) to[v] = wide(both.part[v]);
}

template <int V> INLINE Raw<V> narrow(const Store* from) {
    union {
        Raw<V> raw;
        Store part[V];
    } both;
#pragma unroll
    for (int v = 0; v < V; v++) both.part[v] = from[v];
    return both.raw;
}
