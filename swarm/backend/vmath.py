"""exp, expm1, log, sin, cos, tanh, sigmoid and erf on vectors: the same bits on every processor.

A C library's functions differ from machine to machine; these are polynomials of our own (Remez minimax, see
`tools/minimax.py`) in fused multiply-adds of fixed order, for F32x16 and F64x16 alike. Argument reductions follow
Cody and Waite, "Software Manual for the Elementary Functions" (1980); the logarithm's form is Tang's (ACM TOMS 16(4),
1990). Greatest errors measured against 60-digit values, in units of the last place (tests/unit/backend/test_vmath.py
holds them):

                 float32   float64   where
    exp          1         1         everywhere; below the normal range 2
    expm1        2         2         everywhere
    tanh         2         2         everywhere
    sigmoid      2.5       2.5       everywhere
    log          1         1         everywhere
    sin, cos     1.5       1.5       |x| <= 10,000 (float32), 1e6 (float64), as an absolute error in ulp(1)
    erf          2.5       4         everywhere

NaN stays NaN; infinities give the limits.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core.extending import intrinsic

from swarm.backend.jit import kernel
from swarm.backend.simd import (
    F32x16,
    F64x16,
    _call,
    _vector,
    absolute,
    copysign,
    fma,
    maximum,
    minimum,
    rint,
    select,
)

# --- constants and polynomials, one value for each width -------------------------------------------------------------


def _constant(single: float, double: float):
    """An intrinsic giving the constant in the lane type of its argument."""

    @intrinsic
    def constant(typingctx, like):
        def codegen(context, builder, signature, args):
            value = double if like == F64x16 else single
            return ir.Constant(_vector(like.element), [value] * 16)

        return like(like), codegen

    return constant


def _polynomial(single: tuple[float, ...], double: tuple[float, ...]):
    """An intrinsic giving c0 + x (c1 + x (c2 + ...)) in fused multiply-adds."""

    @intrinsic
    def polynomial(typingctx, x):
        def codegen(context, builder, signature, args):
            vector, coefficients = _vector(x.element), double if x == F64x16 else single
            value = ir.Constant(vector, [coefficients[-1]] * 16)
            for c in coefficients[-2::-1]:
                c16 = ir.Constant(vector, [c] * 16)
                value = _call(builder, f"llvm.fma.v16{x.element}", vector, [value, args[0], c16])
            return value

        return x(x), codegen

    return polynomial


_zero = _constant(0.0, 0.0)
_half = _constant(0.5, 0.5)
_one = _constant(1.0, 1.0)
_two = _constant(2.0, 2.0)
_infinity = _constant(float("inf"), float("inf"))
_nan = _constant(float("nan"), float("nan"))

_log2_e = _constant(1.4426950408889634, 1.4426950408889634)
_ln2_high = _constant(0.693145751953125, 0.6931471804855391)  # few bits, so that whole multiples are exact
_ln2_low = _constant(1.428606765330187e-06, 7.440617110012397e-11)
_exp_high = _constant(89.0, 710.0)  # beyond it exp overflows
_exp_low = _constant(-104.0, -746.0)  # below it exp is 0
_expm1_high = _constant(88.0, 709.0)
_expm1_low = _constant(-18.0, -40.0)  # below it expm1 rounds to -1
_tanh_high = _constant(9.5, 20.0)  # beyond it tanh rounds to 1

_expm1_tail = _polynomial(  # (e^r - 1 - r) / r^2
    (0.5000000061896278, 0.1666654304173428, 0.04166628218867005, 0.008366577281797767, 0.0013946438048269133),
    (0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321626, 0.0013888888888866856, 0.0001984126988613183,
     2.480158736051261e-05, 2.7557244211713583e-06, 2.755724280015225e-07, 2.510903357830715e-08,
     2.0924430106145884e-09),
)  # fmt: skip
_log_tail = _polynomial(  # (log((1+s)/(1-s)) - 2s) / s^3
    (0.6666666564545991, 0.40000335190250796, 0.2853730857891574, 0.23582150649853148),
    (0.6666666666666666, 0.4000000000000624, 0.2857142856908736, 0.22222222646570516, 0.18181775683858817,
     0.15387089945792845, 0.13250136629690384, 0.13251159292428025),
)  # fmt: skip
_sin_tail = _polynomial(  # (sin r - r) / r^3
    (-0.16666666641626932, 0.00833332938593694, -0.00019839334851803886, 2.7183116479024373e-06),
    (-0.16666666666666666, 0.008333333333333323, -0.00019841269841255137, 2.755731921422713e-06,
     -2.50521049213464e-08, 1.6058367894933585e-10, -7.578761850462182e-13),
)  # fmt: skip
_cos_tail = _polynomial(  # (cos r - 1 + r^2/2) / r^4
    (0.041666646866450524, -0.0013887367515918513, 2.4438451601042042e-05),
    (0.041666666666666664, -0.0013888888888888874, 2.480158730157154e-05, -2.7557319215394486e-07,
     2.087675437036554e-09, -1.1470293744329719e-11, 4.73813063563557e-14),
)  # fmt: skip
_erf_near = _polynomial(  # erf(x) / x below 1
    (1.128379165913784, -0.376126271361604, 0.11283600177931878, -0.026854444650184734, 0.005189535437874084,
     -0.0008020842084070508, 7.88912206620953e-05),
    (1.1283791670955126, -0.3761263890318375, 0.11283791670954885, -0.026866170645077875, 0.005223977624828431,
     -0.0008548326981425542, 0.0001205533113295582, -1.4925595772180906e-05, 1.64610084778027e-06,
     -1.6350396222864617e-07, 1.466032872274226e-08, -1.137495573607015e-09, 5.960685338520971e-11),
)  # fmt: skip
_erf_far = _polynomial(  # erfc(x) exp(x^2) above 1, in 1/x
    (0.00020107860594199435, 0.5590956449165224, 0.04601972955370997, -0.4964929698739316, 0.5662814646603587,
     -0.3496065045027159, 0.12013363894829575, -0.01804850684793984),
    (-1.1692076701706102e-05, 0.5645077778708522, -0.003920561156901507, -0.2535860149631322, -0.1318627757309747,
     0.7961632967079035, -0.421974346105392, -2.3677523576551507, 7.3289075359542055, -11.992697743231675,
     13.4556952325429, -11.011228654190532, 6.635757839608932, -2.8877921315533084, 0.8623964102824434,
     -0.15857860913174152, 0.013560368984082123),
)  # fmt: skip
_erf_limit = _constant(4.0, 6.0)
_two_over_pi = _constant(0.6366197723675814, 0.6366197723675814)
_pi_1 = _constant(1.5703125, 1.5707963267341256)  # pi/2 in three pieces
_pi_2 = _constant(0.0004838267923332751, 6.077100506303966e-11)
_pi_3 = _constant(2.5633440682570896e-12, 2.0222662487959506e-21)

# --- the exponent's bits ---------------------------------------------------------------------------------------------

_SHIFT = {"f32": (32, 23, 127), "f64": (64, 52, 1023)}


@intrinsic
def _power_of_two(typingctx, n):
    """2^n for whole n within the exponents of normal numbers."""

    def codegen(context, builder, signature, args):
        width, shift, bias = _SHIFT[n.element]
        integer = ir.VectorType(ir.IntType(width), 16)
        k = builder.fptosi(args[0], integer)
        k = builder.shl(builder.add(k, ir.Constant(integer, [bias] * 16)), ir.Constant(integer, [shift] * 16))
        return builder.bitcast(k, _vector(n.element))

    return n(n), codegen


_SQRT_HALF_BITS = {"f32": 0x3F3504F3, "f64": 0x3FE6A09E667F3BCD}


@intrinsic
def _exponent(typingctx, x):
    """The whole number e with x = m 2^e and m in [sqrt(1/2), sqrt(2)), as a float; x positive and normal."""

    def codegen(context, builder, signature, args):
        width, shift, _ = _SHIFT[x.element]
        integer = ir.VectorType(ir.IntType(width), 16)
        k = builder.sub(builder.bitcast(args[0], integer), ir.Constant(integer, [_SQRT_HALF_BITS[x.element]] * 16))
        return builder.sitofp(builder.ashr(k, ir.Constant(integer, [shift] * 16)), _vector(x.element))

    return x(x), codegen


@intrinsic
def _mantissa(typingctx, x):
    """The m of `_exponent`."""

    def codegen(context, builder, signature, args):
        width, shift, _ = _SHIFT[x.element]
        integer = ir.VectorType(ir.IntType(width), 16)
        k = builder.sub(builder.bitcast(args[0], integer), ir.Constant(integer, [_SQRT_HALF_BITS[x.element]] * 16))
        e = builder.shl(builder.ashr(k, ir.Constant(integer, [shift] * 16)), ir.Constant(integer, [shift] * 16))
        return builder.bitcast(builder.sub(builder.bitcast(args[0], integer), e), _vector(x.element))

    return x(x), codegen


_smallest_normal = _constant(1.1754943508222875e-38, 2.2250738585072014e-308)
_lift = _constant(33554432.0, 18014398509481984.0)  # 2^25, 2^54
_lift_log2 = _constant(25.0, 54.0)

# --- functions -------------------------------------------------------------------------------------------------------


@kernel(inline=True)
def exp(x):
    """e^x."""
    x = minimum(_exp_high(x), maximum(_exp_low(x), x))  # NaN passes: the constant stands first
    n = rint(x * _log2_e(x))
    r = fma(n, -_ln2_low(x), fma(n, -_ln2_high(x), x))
    p = fma(r * r, _expm1_tail(r), r) + _one(x)
    half = rint(n * _half(x))  # in two steps, since 2^n itself may leave the range
    return p * _power_of_two(half) * _power_of_two(n - half)


@kernel(inline=True)
def expm1(x):
    """e^x - 1, exact to the last places near 0 too."""
    big = x > _expm1_high(x)
    y = minimum(_expm1_high(x), maximum(_expm1_low(x), x))
    y = _expm1(y)
    return select(big, exp(x), y)


@kernel(inline=True)
def _expm1(x):
    n = rint(x * _log2_e(x))
    r = fma(n, -_ln2_low(x), fma(n, -_ln2_high(x), x))
    p = fma(r * r, _expm1_tail(r), r)
    scale = _power_of_two(n)
    return fma(scale, p, scale - _one(x))


@kernel(inline=True)
def tanh(x):
    """Hyperbolic tangent: e / (e + 2) with e = expm1(2 |x|)."""
    e = _expm1(_two(x) * minimum(_tanh_high(x), absolute(x)))
    return copysign(e / (e + _two(x)), x)


@kernel(inline=True)
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return _one(x) / (_one(x) + exp(-x))


@kernel(inline=True)
def log(x):
    """Natural logarithm; -inf at 0, NaN below."""
    small = x < _smallest_normal(x)
    y = select(small, x * _lift(x), x)
    e = _exponent(y) - select(small, _lift_log2(x), _zero(x))
    t = _mantissa(y) - _one(x)
    s = t / (t + _two(x))
    z = s * s
    tail = z * s * _log_tail(z)  # log m = 2s + s^3 (...), and 2s = t - s t keeps the leading digits exact
    low = fma(e, _ln2_low(x), fma(-s, t, tail))
    value = fma(e, _ln2_high(x), t + low)
    value = select(x < _infinity(x), value, x)
    value = select(x == _zero(x), -_infinity(x), value)
    return select(x < _zero(x), _nan(x), value)


@kernel(inline=True)
def _quadrant(x):
    return rint(x * _two_over_pi(x))


@kernel(inline=True)
def _remainder(x, n):
    return fma(n, -_pi_3(x), fma(n, -_pi_2(x), fma(n, -_pi_1(x), x)))


@kernel(inline=True)
def _sin_near(r):
    z = r * r
    return fma(r * z, _sin_tail(z), r)


@kernel(inline=True)
def _cos_near(r):
    z = r * r
    return fma(z * z, _cos_tail(z), fma(z, -_half(r), _one(r)))


@kernel(inline=True)
def _parity(n):
    """n modulo 2 as 0 or 1, and n modulo 4 below 2 or not, by whole-number floats."""
    return absolute(n - _two(n) * rint(n * _half(n)))


@kernel(inline=True)
def _turned(n):
    """True where n modulo 4 is 2 or 3, for whole n."""
    four = _two(n) * _two(n)
    q = n - four * _floor_quarter(n)
    return q >= _two(n)


@kernel(inline=True)
def _floor_quarter(n):
    y = n * _half(n) * _half(n)
    f = rint(y)
    return select(f > y, f - _one(n), f)


@kernel(inline=True)
def sin(x):
    """Sine of radians."""
    n = _quadrant(x)
    r = _remainder(x, n)
    value = select(_parity(n) > _half(x), _cos_near(r), _sin_near(r))
    return select(_turned(n), -value, value)


@kernel(inline=True)
def cos(x):
    """Cosine of radians."""
    n = _quadrant(x)
    r = _remainder(x, n)
    n = n + _one(x)
    value = select(_parity(n) > _half(x), _cos_near(r), _sin_near(r))
    return select(_turned(n), -value, value)


@kernel(inline=True)
def erf(x):
    """The error function: a polynomial below 1, 1 - exp(-x^2) q(1/x) above."""
    a = minimum(_erf_limit(x), absolute(x))
    near = a * _erf_near(a * a)
    b = maximum(_one(x), a)
    far = fma(-exp(-(b * b)), _erf_far(_one(x) / b), _one(x))
    return copysign(select(a < _one(x), near, far), x)


__all__ = ["F32x16", "F64x16", "cos", "erf", "exp", "expm1", "log", "sigmoid", "sin", "tanh"]
