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
from swarm.backend.polynomials import CONSTANTS, POLYNOMIALS
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


_zero = _constant(*CONSTANTS["zero"])
_half = _constant(*CONSTANTS["half"])
_one = _constant(*CONSTANTS["one"])
_two = _constant(*CONSTANTS["two"])
_infinity = _constant(*CONSTANTS["infinity"])
_nan = _constant(*CONSTANTS["nan"])
_log2_e = _constant(*CONSTANTS["log2_e"])
_ln2_high = _constant(*CONSTANTS["ln2_high"])
_ln2_low = _constant(*CONSTANTS["ln2_low"])
_exp_high = _constant(*CONSTANTS["exp_high"])
_exp_low = _constant(*CONSTANTS["exp_low"])
_expm1_high = _constant(*CONSTANTS["expm1_high"])
_expm1_low = _constant(*CONSTANTS["expm1_low"])
_tanh_high = _constant(*CONSTANTS["tanh_high"])
_erf_limit = _constant(*CONSTANTS["erf_limit"])
_two_over_pi = _constant(*CONSTANTS["two_over_pi"])
_pi_1 = _constant(*CONSTANTS["pi_1"])
_pi_2 = _constant(*CONSTANTS["pi_2"])
_pi_3 = _constant(*CONSTANTS["pi_3"])
_lift_log2 = _constant(*CONSTANTS["lift_log2"])
_lift = _constant(*CONSTANTS["lift"])
_smallest_normal = _constant(*CONSTANTS["smallest_normal"])

_expm1_tail = _polynomial(*POLYNOMIALS["expm1_tail"])
_log_tail = _polynomial(*POLYNOMIALS["log_tail"])
_sin_tail = _polynomial(*POLYNOMIALS["sin_tail"])
_cos_tail = _polynomial(*POLYNOMIALS["cos_tail"])
_erf_near = _polynomial(*POLYNOMIALS["erf_near"])
_erf_far = _polynomial(*POLYNOMIALS["erf_far"])

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


@kernel(inline=True)
def erf_and_gauss(x):
    """The error function, with the bits of `erf`, and exp(-x^2)."""
    a = minimum(_erf_limit(x), absolute(x))
    near = a * _erf_near(a * a)
    gauss = exp(-(x * x))  # behind the limit `erf` takes that of the limit, which 1 swallows as well
    far = fma(-gauss, _erf_far(_one(x) / maximum(_one(x), a)), _one(x))
    return copysign(select(a < _one(x), near, far), x), gauss


__all__ = ["F32x16", "F64x16", "cos", "erf", "erf_and_gauss", "exp", "expm1", "log", "sigmoid", "sin", "tanh"]
