// CUDA C++ on the host, for tests: g++ compiles a .cu file with this header in front of it, and host.cpp runs its
// kernels on one processor thread. It is there to find mistakes, not to be fast.
//
// What runs how
//   Blocks run one after the other; nothing in one block may wait for another block. The threads of a block are fibers:
//   each runs until it meets a barrier (__syncthreads, __syncwarp, a shuffle, a ballot) or ends, then the next one runs.
//   When all have stopped, the barriers that are complete are let go and the next round begins. Which thread and which
//   block goes first is the launch's choice (ascending, descending, shuffled): a result that depends on it is a race.
//
// What is an error, reported with the kernel, the block, the thread and the line
//   - a barrier that not every thread of the block reaches at the same line, or a warp operation that not every lane of
//     its mask reaches: what is missing is named, and whether it ended or waits elsewhere;
//   - reading another lane's value that takes no part; a lane outside of its own mask; a lane the block does not have;
//   - an index outside of an array with a known size (shared or local), a vector at an address it is not aligned for,
//     shifts by the width or more, a float that does not fit the integer it is cast to, signed overflow, division by 0,
//     a bool that is neither 0 nor 1 (UBSan's checks; the handlers are in host.cpp);
//   - an address that belongs to no array: arrays of the tests end at an unreadable page (memory.py);
//   - a launch that runs for longer than its time limit (a loop that waits for another thread).
//
// What is not seen
//   Memory models (fences do nothing, stores are seen at once), races that every order of threads resolves alike, and
//   indices that leave one part of an array for another part of it.
//
// Shared memory is filled with 0xFF before each block (NaN, -1), local variables with 0xFE, new arrays with 0xCB.
// Arithmetic is IEEE: no contraction, denormals kept, the same as the options in swarm/backend/source.py ask of CUDA.
#pragma once

typedef __SIZE_TYPE__ size_t;

#define __global__ __attribute__((used, noinline))
#define __device__
#define __host__
#define __forceinline__ inline
#define __constant__ static const
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("shim_shared")))  // one section: host.cpp fills it before each block

// ---------------------------------------------------------------------------------------------- vector types

#define SHIM_VECTORS(T, name, one, two, four)                                                                          \
    struct __attribute__((aligned(one))) name##1 { T x; };                                                             \
    struct __attribute__((aligned(two))) name##2 { T x, y; };                                                          \
    struct name##3 { T x, y, z; };                                                                                     \
    struct __attribute__((aligned(four))) name##4 { T x, y, z, w; };                                                   \
    static inline name##1 make_##name##1(T x) { return {x}; }                                                          \
    static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                                  \
    static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                                          \
    static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

SHIM_VECTORS(signed char, char, 1, 2, 4)
SHIM_VECTORS(unsigned char, uchar, 1, 2, 4)
SHIM_VECTORS(short, short, 2, 4, 8)
SHIM_VECTORS(unsigned short, ushort, 2, 4, 8)
SHIM_VECTORS(int, int, 4, 8, 16)
SHIM_VECTORS(unsigned int, uint, 4, 8, 16)
SHIM_VECTORS(float, float, 4, 8, 16)
SHIM_VECTORS(long long, longlong, 8, 16, 16)
SHIM_VECTORS(unsigned long long, ulonglong, 8, 16, 16)
SHIM_VECTORS(double, double, 8, 16, 16)

struct dim3 { unsigned int x, y, z; };
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static const int warpSize = 32;

// ---------------------------------------------------------------------------------------------- barriers

namespace shim {
enum Kind { SHIM_NOTHING, SHIM_BLOCK, SHIM_BLOCK_OR, SHIM_BLOCK_AND, SHIM_BLOCK_COUNT, SHIM_WARP, SHIM_SHUFFLE, SHIM_SHUFFLE_UP, SHIM_SHUFFLE_DOWN, SHIM_SHUFFLE_XOR,
            SHIM_BALLOT, SHIM_ANY, SHIM_ALL, SHIM_REDUCE_ADD, SHIM_REDUCE_MIN, SHIM_REDUCE_MAX, SHIM_REDUCE_AND, SHIM_REDUCE_OR };

int block_barrier(const char* where, int kind, int value);
unsigned long long warp_barrier(const char* where, int kind, unsigned mask, unsigned long long value, int lane, int width);
[[noreturn]] void fail(const char* where, const char* what);

static inline void warp_sync(const char* where, unsigned mask = 0xFFFFFFFFu) { warp_barrier(where, SHIM_WARP, mask, 0, 0, 32); }

template <class T> static inline auto shuffle(const char* where, int kind, unsigned mask, T value, int lane, int width = 32) {
    decltype(+value) moved = value;  // what is smaller than an int is moved as an int, as in CUDA
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &moved, sizeof moved);
    bits = warp_barrier(where, kind, mask, bits, lane, width);
    __builtin_memcpy(&moved, &bits, sizeof moved);
    return moved;
}

static inline unsigned vote(const char* where, int kind, unsigned mask, int predicate) {
    return (unsigned)warp_barrier(where, kind, mask, predicate != 0, 0, 32);
}

static inline unsigned reduce(const char* where, int kind, unsigned mask, unsigned value) {
    return (unsigned)warp_barrier(where, kind, mask, value, 0, 32);
}
}  // namespace shim

#define SHIM_TEXT_(x) #x
#define SHIM_TEXT(x) SHIM_TEXT_(x)
#define SHIM_HERE(what) what " at " __FILE__ ":" SHIM_TEXT(__LINE__)

#define __syncthreads() ((void)shim::block_barrier(SHIM_HERE("__syncthreads"), shim::SHIM_BLOCK, 0))
#define __syncthreads_or(p) shim::block_barrier(SHIM_HERE("__syncthreads_or"), shim::SHIM_BLOCK_OR, (p) != 0)
#define __syncthreads_and(p) shim::block_barrier(SHIM_HERE("__syncthreads_and"), shim::SHIM_BLOCK_AND, (p) != 0)
#define __syncthreads_count(p) shim::block_barrier(SHIM_HERE("__syncthreads_count"), shim::SHIM_BLOCK_COUNT, (p) != 0)
#define __syncwarp(...) shim::warp_sync(SHIM_HERE("__syncwarp") __VA_OPT__(, ) __VA_ARGS__)
#define __shfl_sync(...) shim::shuffle(SHIM_HERE("__shfl_sync"), shim::SHIM_SHUFFLE, __VA_ARGS__)
#define __shfl_up_sync(...) shim::shuffle(SHIM_HERE("__shfl_up_sync"), shim::SHIM_SHUFFLE_UP, __VA_ARGS__)
#define __shfl_down_sync(...) shim::shuffle(SHIM_HERE("__shfl_down_sync"), shim::SHIM_SHUFFLE_DOWN, __VA_ARGS__)
#define __shfl_xor_sync(...) shim::shuffle(SHIM_HERE("__shfl_xor_sync"), shim::SHIM_SHUFFLE_XOR, __VA_ARGS__)
#define __ballot_sync(...) shim::vote(SHIM_HERE("__ballot_sync"), shim::SHIM_BALLOT, __VA_ARGS__)
#define __any_sync(...) (int)shim::vote(SHIM_HERE("__any_sync"), shim::SHIM_ANY, __VA_ARGS__)
#define __all_sync(...) (int)shim::vote(SHIM_HERE("__all_sync"), shim::SHIM_ALL, __VA_ARGS__)

static inline void __threadfence() {}
static inline void __threadfence_block() {}

// ---------------------------------------------------------------------------------------------- atomics

#define SHIM_ATOMIC(name, T, expression)                                                                               \
    static inline T name(T* at, T value) {                                                                             \
        T old = *at;                                                                                                   \
        *at = expression;                                                                                              \
        return old;                                                                                                    \
    }
#define SHIM_ATOMICS(T)                                                                                                \
    SHIM_ATOMIC(atomicMin, T, value < old ? value : old)                                                               \
    SHIM_ATOMIC(atomicMax, T, value > old ? value : old)                                                               \
    SHIM_ATOMIC(atomicExch, T, value)                                                                                  \
    SHIM_ATOMIC(atomicOr, T, old | value)                                                                              \
    SHIM_ATOMIC(atomicAnd, T, old & value)                                                                             \
    SHIM_ATOMIC(atomicXor, T, old ^ value)                                                                             \
    static inline T atomicCAS(T* at, T compare, T value) {                                                             \
        T old = *at;                                                                                                   \
        if (old == compare) *at = value;                                                                               \
        return old;                                                                                                    \
    }
SHIM_ATOMICS(int)
SHIM_ATOMICS(unsigned int)
SHIM_ATOMICS(unsigned long long)
SHIM_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)value))
SHIM_ATOMIC(atomicAdd, unsigned int, old + value)
SHIM_ATOMIC(atomicAdd, unsigned long long, old + value)
SHIM_ATOMIC(atomicSub, int, (int)((unsigned)old - (unsigned)value))
SHIM_ATOMIC(atomicSub, unsigned int, old - value)
// none on floats: their sums would depend on the order of the threads

#ifndef SHIM_RUNTIME
// ---------------------------------------------------------------------------------------------- arithmetic

extern "C" {
float sqrtf(float);
float floorf(float);
float ceilf(float);
float truncf(float);
float rintf(float);
float fmodf(float, float);
double sqrt(double);
double floor(double);
double ceil(double);
double trunc(double);
double rint(double);
double fmod(double, double);
int abs(int) noexcept;
}
static inline float abs(float x) { return __builtin_fabsf(x); }
static inline double abs(double x) { return __builtin_fabs(x); }
static inline float floor(float x) { return floorf(x); }
static inline float ceil(float x) { return ceilf(x); }
static inline float rint(float x) { return rintf(x); }
static inline float sqrt(float x) { return sqrtf(x); }
#define fabsf(x) __builtin_fabsf(x)
#define fabs(x) __builtin_fabs(x)
#define copysignf(x, y) __builtin_copysignf(x, y)
#define copysign(x, y) __builtin_copysign(x, y)
#define fmaf(x, y, z) __builtin_fmaf(x, y, z)
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)

template <class T> static inline T __ldg(const T* at) { return *at; }

#define SHIM_MINMAX(T)                                                                                                 \
    static inline T min(T a, T b) { return b < a ? b : a; }                                                            \
    static inline T max(T a, T b) { return a < b ? b : a; }
SHIM_MINMAX(int)
SHIM_MINMAX(unsigned int)
SHIM_MINMAX(long long)
SHIM_MINMAX(unsigned long long)

static inline unsigned int __float_as_uint(float x) { return __builtin_bit_cast(unsigned int, x); }
static inline float __uint_as_float(unsigned int x) { return __builtin_bit_cast(float, x); }
static inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
static inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
static inline long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
static inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
static inline int __double2hiint(double x) { return (int)(__double_as_longlong(x) >> 32); }
static inline int __double2loint(double x) { return (int)__double_as_longlong(x); }
static inline double __hiloint2double(int high, int low) {
    return __longlong_as_double((long long)((unsigned long long)(unsigned)high << 32 | (unsigned)low));
}

// The smaller, the larger: a number before NaN, -0 below +0; two NaN give CUDA's NaN.
static inline float fminf(float a, float b) {
    if (isnan(a)) return isnan(b) ? __uint_as_float(0x7FFFFFFFu) : b;
    if (isnan(b)) return a;
    return a < b || (a == b && signbit(a)) ? a : b;
}
static inline float fmaxf(float a, float b) {
    if (isnan(a)) return isnan(b) ? __uint_as_float(0x7FFFFFFFu) : b;
    if (isnan(b)) return a;
    return a > b || (a == b && !signbit(a)) ? a : b;
}
static inline double fmin(double a, double b) {
    if (isnan(a)) return b;
    if (isnan(b)) return a;
    return a < b || (a == b && signbit(a)) ? a : b;
}
static inline double fmax(double a, double b) {
    if (isnan(a)) return b;
    if (isnan(b)) return a;
    return a > b || (a == b && !signbit(a)) ? a : b;
}
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }

// Floats to integers, as CUDA does it: NaN gives 0, what is too large gives the largest.
namespace shim {
template <class T> static inline T saturate(double x, double low, double high, T least, T most) {
    return isnan(x) ? (T)0 : x <= low ? least : x >= high ? most : (T)x;
}
static inline int to_int(double x) { return saturate<int>(x, -2147483648.0, 2147483647.0, (int)0x80000000, 0x7FFFFFFF); }
static inline unsigned to_uint(double x) { return saturate<unsigned>(x, 0.0, 4294967295.0, 0u, 0xFFFFFFFFu); }
}  // namespace shim
static inline int __float2int_rn(float x) { return shim::to_int(rint((double)x)); }
static inline int __float2int_rz(float x) { return shim::to_int(trunc((double)x)); }
static inline int __float2int_rd(float x) { return shim::to_int(floor((double)x)); }
static inline int __float2int_ru(float x) { return shim::to_int(ceil((double)x)); }
static inline unsigned __float2uint_rn(float x) { return shim::to_uint(rint((double)x)); }
static inline unsigned __float2uint_rz(float x) { return shim::to_uint(trunc((double)x)); }
static inline unsigned __float2uint_rd(float x) { return shim::to_uint(floor((double)x)); }
static inline int __double2int_rn(double x) { return shim::to_int(rint((double)x)); }
static inline int __double2int_rz(double x) { return shim::to_int(trunc((double)x)); }
static inline int __double2int_rd(double x) { return shim::to_int(floor((double)x)); }
static inline float __int2float_rn(int x) { return (float)x; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }
static inline float __ull2float_rn(unsigned long long x) { return (float)x; }
static inline double __uint2double_rn(unsigned x) { return (double)x; }
static inline float __double2float_rn(double x) { return (float)x; }

static inline unsigned int __umulhi(unsigned int a, unsigned int b) {
    return (unsigned int)((unsigned long long)a * b >> 32);
}
static inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline int __popc(unsigned int x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline unsigned int __brev(unsigned int x) {
    unsigned int y = 0;
    for (int i = 0; i < 32; i++) y |= (x >> i & 1u) << (31 - i);
    return y;
}
static inline unsigned int __byte_perm(unsigned int a, unsigned int b, unsigned int selector) {
    unsigned long long bytes = (unsigned long long)b << 32 | a;
    unsigned int y = 0;
    for (int i = 0; i < 4; i++) y |= (unsigned int)(bytes >> 8 * (selector >> 4 * i & 7u) & 0xFFu) << 8 * i;
    return y;
}
static inline unsigned int __funnelshift_l(unsigned int low, unsigned int high, unsigned int by) {
    return (unsigned int)((((unsigned long long)high << 32 | low) << (by & 31u)) >> 32);
}
static inline unsigned int __funnelshift_r(unsigned int low, unsigned int high, unsigned int by) {
    return (unsigned int)(((unsigned long long)high << 32 | low) >> (by & 31u));
}

#endif  // SHIM_RUNTIME

// ---------------------------------------------------------------------------------------------- how Python calls kernels

namespace shim {
enum { MOST_PARAMETERS = 16 };

struct Parameter {  // kind: 'p' pointer, 'f' float, 'i' signed, 'u' unsigned, 'b' bool, 's' anything else, 'v' void
    char kind, pointee;
    short constant;  // of a pointer: whether it is to const
    int size, pointee_size;
};

struct Entry {
    void (*call)(void (*)(), void**);
    void (*function)();
    int count;
    Parameter parameters[MOST_PARAMETERS];
};

template <class T> struct Describe { static constexpr char kind = 's'; static constexpr int size = sizeof(T); };
template <> struct Describe<void> { static constexpr char kind = 'v'; static constexpr int size = 0; };
template <> struct Describe<bool> { static constexpr char kind = 'b'; static constexpr int size = 1; };
#define SHIM_DESCRIBE(T, letter)                                                                                       \
    template <> struct Describe<T> { static constexpr char kind = letter; static constexpr int size = sizeof(T); };
SHIM_DESCRIBE(float, 'f') SHIM_DESCRIBE(double, 'f')
SHIM_DESCRIBE(char, 'i') SHIM_DESCRIBE(signed char, 'i') SHIM_DESCRIBE(short, 'i') SHIM_DESCRIBE(int, 'i')
SHIM_DESCRIBE(long, 'i') SHIM_DESCRIBE(long long, 'i')
SHIM_DESCRIBE(unsigned char, 'u') SHIM_DESCRIBE(unsigned short, 'u') SHIM_DESCRIBE(unsigned int, 'u')
SHIM_DESCRIBE(unsigned long, 'u') SHIM_DESCRIBE(unsigned long long, 'u')

template <class T> struct Plain { using type = T; static constexpr bool constant = false; };
template <class T> struct Plain<const T> { using type = T; static constexpr bool constant = true; };

template <class T> struct Of {
    static constexpr Parameter parameter() {
        using P = typename Plain<T>::type;
        return {Describe<P>::kind, 0, 0, Describe<P>::size, 0};
    }
};
template <class T> struct Of<T*> {
    static constexpr Parameter parameter() {
        using P = typename Plain<T>::type;
        return {'p', Describe<P>::kind, Plain<T>::constant, sizeof(void*), Describe<P>::size};
    }
};

template <int... I> struct Places {};
template <int N, int... I> struct Count : Count<N - 1, N - 1, I...> {};
template <int... I> struct Count<0, I...> { using type = Places<I...>; };

template <class... P, int... I> static void spread(void (*kernel)(P...), void** arguments, Places<I...>) {
    kernel(*(typename Plain<P>::type*)arguments[I]...);
}
template <class... P> static void call(void (*function)(), void** arguments) {
    spread((void (*)(P...))function, arguments, typename Count<sizeof...(P)>::type());
}
template <class... P> static constexpr Entry entry(void (*call_)(void (*)(), void**), void (*function)()) {
    static_assert(sizeof...(P) <= MOST_PARAMETERS, "too many parameters");
    return {call_, function, (int)sizeof...(P), {Of<P>::parameter()...}};
}
template <class... P> static Entry make(void (*kernel)(P...)) { return entry<P...>(call<P...>, (void (*)())kernel); }
}  // namespace shim
