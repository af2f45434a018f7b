// Own on CUDA: all the numbers an agent feels of itself, copied and scaled into its senses in one launch.
//
//     feel   [FEELS] Feel     where each number comes from, its scale and its place    read, from cache
//     values [capacity][..]   any dtype, the columns they name                         read once
//     out    [capacity][W]    float32, FEELS columns                                   written
//     itemsize + 4 bytes and one flop a number
//
// A lane writes one number of one row, FEELS lanes a row, so that what lies side by side is written by neighbours.
// Products are taken in float32, of numbers of 32 bits and more that are no float32 in float64, as NumPy does.
//
// Macros: FEELS numbers a row.

#include "site.cuh"

struct Feel {  // 24 bytes; own_cuda.py has the same fields
    const u8* values;  // of row 0
    int stride;        // bytes from row to row
    int kind;          // KINDS of own_cuda.py
    int at;            // column of `out`
    float scale;
};

template <class T> INLINE float small(const u8* p, float scale) {
    return scale == 1.0f ? (float)*(const T*)p : (float)*(const T*)p * scale;
}

template <class T> INLINE float large(const u8* p, float scale) {
    return scale == 1.0f ? (float)*(const T*)p : (float)((double)*(const T*)p * (double)scale);
}

INLINE float felt(const Feel& feel, int row) {
    const u8* p = feel.values + (i64)row * feel.stride;
    switch (feel.kind) {
        case 0: return small<float>(p, feel.scale);
        case 1: return large<double>(p, feel.scale);
        case 2: return *p ? feel.scale : 0.0f * feel.scale;  // bool
        case 3: return small<u8>(p, feel.scale);
        case 4: return small<signed char>(p, feel.scale);
        case 5: return small<u16>(p, feel.scale);
        case 6: return small<short>(p, feel.scale);
        case 7: return large<u32>(p, feel.scale);
        case 8: return large<int>(p, feel.scale);
        case 9: return large<u64>(p, feel.scale);
        default: return large<i64>(p, feel.scale);
    }
}

// Note where number k comes from; launched when columns moved.
KERNEL bind(Feel* feel, int k, const u8* values, int stride, int kind, int at, float scale) {
    feel[k] = {values, stride, kind, at, scale};
}

// width: floats a row of `out`.
KERNEL own(const World* world, u32 site, const Feel* feel, float* out, int width) {
    const int n = living(world, site);
    for (i64 k = thread(); k < (i64)n * FEELS; k += threads()) {
        const int row = (int)(k / FEELS);
        const Feel one = feel[k - (i64)row * FEELS];
        out[(i64)row * width + one.at] = felt(one, row);
    }
}
