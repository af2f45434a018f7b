"""The coefficients of our elementary functions: one source for vmath.py, which the CPU runs, and for vmath.cuh.

Remez minimax polynomials from `tools/minimax.py`. Each name has a value for float32 and one for float64. The CUDA text
spells every number in hexadecimal, rounded once, so that both compilers see the same bits.
"""

from __future__ import annotations

import numpy as np

CONSTANTS: dict[str, tuple[float, float]] = {
    "zero": (0.0, 0.0),
    "half": (0.5, 0.5),
    "one": (1.0, 1.0),
    "two": (2.0, 2.0),
    "infinity": (np.inf, np.inf),
    "nan": (np.nan, np.nan),
    "log2_e": (1.4426950408889634, 1.4426950408889634),
    "ln2_high": (0.693145751953125, 0.6931471804855391),  # few bits, so that whole multiples are exact
    "ln2_low": (1.428606765330187e-06, 7.440617110012397e-11),
    "exp_high": (89.0, 710.0),  # beyond it exp overflows
    "exp_low": (-104.0, -746.0),  # below it exp is 0
    "expm1_high": (88.0, 709.0),
    "expm1_low": (-18.0, -40.0),  # below it expm1 rounds to -1
    "tanh_high": (9.5, 20.0),  # beyond it tanh rounds to 1
    "erf_limit": (4.0, 6.0),
    "two_over_pi": (0.6366197723675814, 0.6366197723675814),
    "pi_1": (1.5703125, 1.5707963267341256),  # pi/2 in three pieces
    "pi_2": (0.0004838267923332751, 6.077100506303966e-11),
    "pi_3": (2.5633440682570896e-12, 2.0222662487959506e-21),
    "smallest_normal": (1.1754943508222875e-38, 2.2250738585072014e-308),
    "lift": (33554432.0, 18014398509481984.0),  # 2^25, 2^54
    "lift_log2": (25.0, 54.0),
}

POLYNOMIALS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {  # c0 + c1 x + c2 x^2 + ...
    "expm1_tail": (  # (e^r - 1 - r) / r^2
        (0.5000000061896278, 0.1666654304173428, 0.04166628218867005, 0.008366577281797767, 0.0013946438048269133),
        (0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321626, 0.0013888888888866856,
         0.0001984126988613183, 2.480158736051261e-05, 2.7557244211713583e-06, 2.755724280015225e-07,
         2.510903357830715e-08, 2.0924430106145884e-09),
    ),
    "log_tail": (  # (log((1+s)/(1-s)) - 2s) / s^3
        (0.6666666564545991, 0.40000335190250796, 0.2853730857891574, 0.23582150649853148),
        (0.6666666666666666, 0.4000000000000624, 0.2857142856908736, 0.22222222646570516, 0.18181775683858817,
         0.15387089945792845, 0.13250136629690384, 0.13251159292428025),
    ),
    "sin_tail": (  # (sin r - r) / r^3
        (-0.16666666641626932, 0.00833332938593694, -0.00019839334851803886, 2.7183116479024373e-06),
        (-0.16666666666666666, 0.008333333333333323, -0.00019841269841255137, 2.755731921422713e-06,
         -2.50521049213464e-08, 1.6058367894933585e-10, -7.578761850462182e-13),
    ),
    "cos_tail": (  # (cos r - 1 + r^2/2) / r^4
        (0.041666646866450524, -0.0013887367515918513, 2.4438451601042042e-05),
        (0.041666666666666664, -0.0013888888888888874, 2.480158730157154e-05, -2.7557319215394486e-07,
         2.087675437036554e-09, -1.1470293744329719e-11, 4.73813063563557e-14),
    ),
    "erf_near": (  # erf(x) / x below 1
        (1.128379165913784, -0.376126271361604, 0.11283600177931878, -0.026854444650184734, 0.005189535437874084,
         -0.0008020842084070508, 7.88912206620953e-05),
        (1.1283791670955126, -0.3761263890318375, 0.11283791670954885, -0.026866170645077875, 0.005223977624828431,
         -0.0008548326981425542, 0.0001205533113295582, -1.4925595772180906e-05, 1.64610084778027e-06,
         -1.6350396222864617e-07, 1.466032872274226e-08, -1.137495573607015e-09, 5.960685338520971e-11),
    ),
    "erf_far": (  # erfc(x) exp(x^2) above 1, in 1/x
        (0.00020107860594199435, 0.5590956449165224, 0.04601972955370997, -0.4964929698739316, 0.5662814646603587,
         -0.3496065045027159, 0.12013363894829575, -0.01804850684793984),
        (-1.1692076701706102e-05, 0.5645077778708522, -0.003920561156901507, -0.2535860149631322, -0.1318627757309747,
         0.7961632967079035, -0.421974346105392, -2.3677523576551507, 7.3289075359542055, -11.992697743231675,
         13.4556952325429, -11.011228654190532, 6.635757839608932, -2.8877921315533084, 0.8623964102824434,
         -0.15857860913174152, 0.013560368984082123),
    ),
}  # fmt: skip


def cuda() -> str:
    """Both as CUDA: `vm::name(like)` is a constant in the type of its argument, `vm::name(x)` a polynomial's value in
    fused multiply-adds, the highest coefficient first."""
    lines = ["namespace vm {\n"]
    for name, values in CONSTANTS.items():
        for kind, value in zip(("float", "double"), values, strict=True):
            lines.append(f"INLINE {kind} {name}({kind}) {{ return {_literal(value, kind)}; }}\n")
    for name, both in POLYNOMIALS.items():
        for kind, coefficients in zip(("float", "double"), both, strict=True):
            text = _literal(coefficients[-1], kind)
            for c in coefficients[-2::-1]:
                text = f"fma_({text}, x, {_literal(c, kind)})"
            lines.append(f"INLINE {kind} {name}({kind} x) {{ return {text}; }}\n")
    return "".join([*lines, "}\n"])


def _literal(value: float, kind: str) -> str:
    if not np.isfinite(value):
        bits = "0x7F800000u" if np.isinf(value) else "0x7FC00000u"
        long = "0x7FF0000000000000LL" if np.isinf(value) else "0x7FF8000000000000LL"
        return f"__uint_as_float({bits})" if kind == "float" else f"__longlong_as_double({long})"
    return f"{float(np.float32(value)).hex()}f" if kind == "float" else float(value).hex()
