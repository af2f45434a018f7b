// exp, expm1, log, sin, cos, tanh, sigmoid and erf for float and double: vmath.py operation by operation.
//
// The coefficients are vmath.py's own (polynomials.py); every product, sum and fused multiply-add stands in the same
// place, so that results have the bits of the CPU kernels. Only the bits of a NaN differ. No table, no branch.

#include "polynomials.cuh"

namespace vm {

INLINE float rint_(float x) { return rintf(x); }
INLINE double rint_(double x) { return rint(x); }
INLINE float abs_(float x) { return fabsf(x); }
INLINE double abs_(double x) { return fabs(x); }
INLINE float sign_of(float a, float b) { return copysignf(a, b); }
INLINE double sign_of(double a, double b) { return copysign(a, b); }

// As simd.minimum and simd.maximum: a NaN in `a` gives b.
template <typename T> INLINE T lower(T a, T b) { return a < b ? a : b; }
template <typename T> INLINE T upper(T a, T b) { return a > b ? a : b; }

// 2^n for whole n within the exponents of normal numbers; something for NaN, which a product then makes NaN.
INLINE float power_of_two(float n) { return __uint_as_float(((u32)(n == n ? (int)n : 0) + 127u) << 23); }
INLINE double power_of_two(double n) {
    return __longlong_as_double((i64)(((u64)(n == n ? (i64)n : 0) + 1023ull) << 52));
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)); x positive and normal.
INLINE float split(float x, float* e) {
    const int k = (int)(__float_as_uint(x) - 0x3F3504F3u) >> 23;
    *e = (float)k;
    return __uint_as_float(__float_as_uint(x) - ((u32)k << 23));
}
INLINE double split(double x, double* e) {
    const u64 raw = (u64)__double_as_longlong(x);
    const i64 k = (i64)(raw - 0x3FE6A09E667F3BCDull) >> 52;
    *e = (double)k;
    return __longlong_as_double((i64)(raw - ((u64)k << 52)));
}

// expm1 where neither end of the range is in sight.
template <typename T> INLINE T expm1_inner(T x) {
    const T n = rint_(x * log2_e(x));
    const T r = fma_(n, -ln2_low(x), fma_(n, -ln2_high(x), x));
    const T p = fma_(r * r, expm1_tail(r), r);
    const T scale = power_of_two(n);
    return fma_(scale, p, scale - one(x));
}

template <typename T> INLINE T quadrant(T x) { return rint_(x * two_over_pi(x)); }

template <typename T> INLINE T remainder(T x, T n) {
    return fma_(n, -pi_3(x), fma_(n, -pi_2(x), fma_(n, -pi_1(x), x)));
}

template <typename T> INLINE T sin_near(T r) {
    const T z = r * r;
    return fma_(r * z, sin_tail(z), r);
}

template <typename T> INLINE T cos_near(T r) {
    const T z = r * r;
    return fma_(z * z, cos_tail(z), fma_(z, -half(r), one(r)));
}

// The sine of r + n pi/2 for whole n.
template <typename T> INLINE T turn(T r, T n) {
    const T parity = abs_(n - two(n) * rint_(n * half(n)));
    const T value = parity > half(r) ? cos_near(r) : sin_near(r);
    const T y = n * half(n) * half(n);
    const T f = rint_(y);
    const T quarter = f > y ? f - one(n) : f;
    const T q = n - two(n) * two(n) * quarter;
    return q >= two(n) ? -value : value;
}

}  // namespace vm

// e^x.
template <typename T> INLINE T exp_(T x) {
    x = vm::lower(vm::exp_high(x), vm::upper(vm::exp_low(x), x));  // NaN passes: the constant stands first
    const T n = vm::rint_(x * vm::log2_e(x));
    const T r = fma_(n, -vm::ln2_low(x), fma_(n, -vm::ln2_high(x), x));
    const T p = fma_(r * r, vm::expm1_tail(r), r) + vm::one(x);
    const T half = vm::rint_(n * vm::half(x));  // in two steps, since 2^n itself may leave the range
    return p * vm::power_of_two(half) * vm::power_of_two(n - half);
}

// e^x - 1 for x that does not overflow, such as all x up to 0: without the test for the upper end.
template <typename T> INLINE T expm1_low_(T x) {
    return vm::expm1_inner(vm::lower(vm::expm1_high(x), vm::upper(vm::expm1_low(x), x)));
}

// e^x - 1, exact to the last places near 0 too.
template <typename T> INLINE T expm1_(T x) { return x > vm::expm1_high(x) ? exp_(x) : expm1_low_(x); }

// e / (e + 2) with e = expm1(2 |x|).
template <typename T> INLINE T tanh_(T x) {
    const T e = vm::expm1_inner(vm::two(x) * vm::lower(vm::tanh_high(x), vm::abs_(x)));
    return vm::sign_of(e / (e + vm::two(x)), x);
}

// 1 / (1 + e^-x).
template <typename T> INLINE T sigmoid_(T x) { return vm::one(x) / (vm::one(x) + exp_(-x)); }

// Natural logarithm; -inf at 0, NaN below.
template <typename T> INLINE T log_(T x) {
    const bool small = x < vm::smallest_normal(x);
    T e;
    const T t = vm::split(small ? x * vm::lift(x) : x, &e) - vm::one(x);
    e = e - (small ? vm::lift_log2(x) : vm::zero(x));
    const T s = t / (t + vm::two(x));
    const T z = s * s;
    const T tail = z * s * vm::log_tail(z);
    const T low = fma_(e, vm::ln2_low(x), fma_(-s, t, tail));
    T value = fma_(e, vm::ln2_high(x), t + low);
    value = x < vm::infinity(x) ? value : x;
    value = x == vm::zero(x) ? -vm::infinity(x) : value;
    return x < vm::zero(x) ? vm::nan(x) : value;
}

// Sine and cosine of radians.
template <typename T> INLINE T sin_(T x) {
    const T n = vm::quadrant(x);
    return vm::turn(vm::remainder(x, n), n);
}
template <typename T> INLINE T cos_(T x) {
    const T n = vm::quadrant(x);
    return vm::turn(vm::remainder(x, n), n + vm::one(x));
}

// The error function: a polynomial below 1, 1 - exp(-x^2) q(1/x) above.
template <typename T> INLINE T erf_(T x) {
    const T a = vm::lower(vm::erf_limit(x), vm::abs_(x));
    const T near = a * vm::erf_near(a * a);
    const T b = vm::upper(vm::one(x), a);
    const T far = fma_(-exp_(-(b * b)), vm::erf_far(vm::one(x) / b), vm::one(x));
    return vm::sign_of(a < vm::one(x) ? near : far, x);
}
