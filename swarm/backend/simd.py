"""Vectors of sixteen lanes as ordinary values in numba code.

    acc = simd.load(bias, j)                       # F32x16
    for i in range(inputs):
        acc = simd.fma(simd.splat(x[i]), simd.load(weights, i * outputs + j), acc)
    simd.store(out, j, acc)

The logical width is sixteen on every machine: LLVM splits a vector into what the processor has (one 512-bit register,
two of 256 bit, four of 128 bit), so the order of additions, and with it every bit of a result, is the same everywhere.
Multiply-adds are fused where `fma` is written and nowhere else; no fast-math flag is ever set.

Types: F32x16, F64x16, I32x16 and U32x16 hold numbers; M16 holds one truth value per lane. Loads and stores take a
one-dimensional contiguous array and an element offset, need the alignment of one element only, and are not checked:
sixteen elements from the offset on must belong to the array's memory. `load_bf16` reads bfloat16 stored as uint16,
`load_f16` float16 stored as int16: numba has no arrays of either, and the two integers tell them apart.

Everything here is an intrinsic at module level: held in a closure it would never be found in the disk cache.
"""

from __future__ import annotations

import operator

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.codegen import get_host_cpu_features
from numba.core.datamodel import models
from numba.core.extending import intrinsic, overload, register_model

LANES = 16


class VectorType(types.Type):
    """Numba's type of a sixteen-lane vector; `element` is the LLVM name of one lane."""

    def __init__(self, name: str, scalar: types.Type, element: str):
        self.scalar, self.element = scalar, element
        super().__init__(name=name)

    def __reduce__(self):
        return _by_name, (self.name,)


F32x16 = VectorType("F32x16", types.float32, "f32")
F64x16 = VectorType("F64x16", types.float64, "f64")
I32x16 = VectorType("I32x16", types.int32, "i32")
U32x16 = VectorType("U32x16", types.uint32, "i32")
M16 = VectorType("M16", types.boolean, "i1")

_TYPES = {t.name: t for t in (F32x16, F64x16, I32x16, U32x16, M16)}
_LLVM = {"f32": ir.FloatType(), "f64": ir.DoubleType(), "i32": ir.IntType(32), "i1": ir.IntType(1)}
_FLOATS = (F32x16, F64x16)
_INTEGERS = (I32x16, U32x16)


def _by_name(name: str) -> VectorType:
    return _TYPES[name]


def _vector(element: str, lanes: int = LANES) -> ir.VectorType:
    return ir.VectorType(_LLVM[element], lanes)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _vector(fe_type.element))


def _of_scalar(scalar: types.Type) -> VectorType | None:
    return {types.float32: F32x16, types.float64: F64x16, types.int32: I32x16, types.uint32: U32x16}.get(scalar)


def _splat(builder, value, lanes: int = LANES):
    one = builder.insert_element(ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))


def _permute(builder, vector, order):
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _call(builder, name: str, result, args):
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, [a.type for a in args]), name)
    return builder.call(function, args)


def _element(context, builder, array_type, array, offset):
    if isinstance(array_type, types.CPointer):
        return builder.gep(array, [offset])
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _address(context, builder, array_type, array, offset, element: str, lanes: int = LANES):
    pointer = _element(context, builder, array_type, array, offset)
    return builder.bitcast(pointer, ir.VectorType(_LLVM.get(element, element), lanes).as_pointer())


def _item_bytes(array_type) -> int:
    return array_type.dtype.bitwidth // 8


# --- memory ---------------------------------------------------------------------------------------------------------


@intrinsic
def pointer(typingctx, array, offset):
    """The address of `array[offset]`, of a flat array or another pointer: one register where an array takes seven.

    Loads and stores take it in place of an array. It keeps nothing alive: use it inside the kernel that has the array.
    """

    def codegen(context, builder, signature, args):
        return _element(context, builder, signature.args[0], args[0], args[1])

    return types.CPointer(array.dtype)(array, types.intp), codegen


@intrinsic
def aligned(typingctx, pointer):
    """The first address at or behind `pointer` on a 64-byte boundary: a store that straddles one forwards late."""

    def codegen(context, builder, signature, args):
        word = ir.IntType(64)
        up = builder.add(builder.ptrtoint(args[0], word), word(63))
        return builder.inttoptr(builder.and_(up, word(-64)), args[0].type)

    return pointer(pointer), codegen


@intrinsic
def splat_at(typingctx, array, offset):
    """`array[offset]` in all lanes, not checked and not wrapped."""
    vector = _of_scalar(array.dtype)

    def codegen(context, builder, signature, args):
        return _splat(builder, builder.load(_element(context, builder, signature.args[0], args[0], args[1])))

    return vector(array, types.intp), codegen


@intrinsic
def load(typingctx, array, offset):
    """Sixteen elements of `array` from `offset` on."""
    vector = _of_scalar(array.dtype)

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, signature.args[0], args[0], args[1], vector.element)
        loaded = builder.load(pointer)
        loaded.align = _item_bytes(signature.args[0])
        return loaded

    return vector(array, types.intp), codegen


@intrinsic
def load_bf16(typingctx, array, offset):
    """Sixteen bfloat16 values, stored as uint16, widened to float32 (exact)."""

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, signature.args[0], args[0], args[1], ir.IntType(16))
        loaded = builder.load(pointer)
        loaded.align = 2
        wide = builder.zext(loaded, _vector("i32"))
        return builder.bitcast(builder.shl(wide, ir.Constant(_vector("i32"), [16] * LANES)), _vector("f32"))

    return F32x16(array, types.intp), codegen


def _has_half() -> bool:
    """Whether the processor widens float16 itself. Without, LLVM would call a function that numba does not link."""
    features = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    return any(name in features.split(",") for name in ("+f16c", "+neon", "+fp-armv8"))


@intrinsic
def load_f16(typingctx, array, offset):
    """Sixteen float16 values, stored as int16, widened to float32 (exact)."""

    def codegen(context, builder, signature, args):
        half, wide, number = ir.VectorType(ir.HalfType(), LANES), _vector("i32"), _vector("f32")
        pointer = _address(context, builder, signature.args[0], args[0], args[1], ir.IntType(16))
        loaded = builder.load(pointer)
        loaded.align = 2
        if _has_half():
            return builder.fpext(builder.bitcast(loaded, half), number)

        def all_of(value):
            return ir.Constant(wide, [value] * LANES)

        bits = builder.zext(loaded, wide)
        sign = builder.shl(builder.and_(bits, all_of(0x8000)), all_of(16))
        rest = builder.and_(bits, all_of(0x7FFF))
        shifted = builder.shl(rest, all_of(13))
        bias = builder.select(builder.icmp_unsigned(">=", rest, all_of(0x7C00)), all_of(224 << 23), all_of(112 << 23))
        small = builder.fmul(builder.uitofp(rest, number), ir.Constant(number, [2.0**-24] * LANES))
        size = builder.select(
            builder.icmp_unsigned("<", rest, all_of(0x400)), builder.bitcast(small, wide), builder.add(shifted, bias)
        )
        return builder.bitcast(builder.or_(size, sign), number)

    return F32x16(array, types.intp), codegen


@intrinsic
def store(typingctx, array, offset, vector):
    """Write sixteen lanes to `array` from `offset` on."""

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, signature.args[0], args[0], args[1], signature.args[2].element)
        written = builder.store(args[2], pointer)
        written.align = _item_bytes(signature.args[0])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@intrinsic
def store_u16(typingctx, array, offset, vector):
    """Write the low sixteen bits of each U32x16 lane to an array of uint16 or int16."""

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, signature.args[0], args[0], args[1], ir.IntType(16))
        written = builder.store(builder.trunc(args[2], ir.VectorType(ir.IntType(16), LANES)), pointer)
        written.align = 2
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


def _masked(context, builder, array_type, array, offset, element: str):
    pointer = _address(context, builder, array_type, array, offset, element)
    return pointer, ir.IntType(32)(_item_bytes(array_type)), f"v16{element}.p0"


@intrinsic
def load_masked(typingctx, array, offset, mask, other):
    """Elements where `mask` holds, the lanes of `other` elsewhere; memory behind unset lanes is not touched."""
    vector = _of_scalar(array.dtype)

    def codegen(context, builder, signature, args):
        pointer, align, suffix = _masked(context, builder, signature.args[0], args[0], args[1], vector.element)
        return _call(builder, f"llvm.masked.load.{suffix}", _vector(vector.element), [pointer, align, args[2], args[3]])

    return vector(array, types.intp, M16, vector), codegen


@intrinsic
def store_masked(typingctx, array, offset, vector, mask):
    """Write the lanes where `mask` holds; memory behind the others is not touched."""

    def codegen(context, builder, signature, args):
        pointer, align, suffix = _masked(context, builder, signature.args[0], args[0], args[1], vector.element)
        _call(builder, f"llvm.masked.store.{suffix}", ir.VoidType(), [args[2], pointer, align, args[3]])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector, M16), codegen


@intrinsic
def prefetch(typingctx, array, offset):
    """Ask for the cache line of `array[offset]`; never faults."""

    def codegen(context, builder, signature, args):
        pointer = _element(context, builder, signature.args[0], args[0], args[1])
        pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


# --- making vectors -------------------------------------------------------------------------------------------------


@intrinsic
def splat(typingctx, value):
    """The same value in all lanes; the lane type follows the scalar's (float32 -> F32x16, ...)."""
    vector = _of_scalar(value)

    def codegen(context, builder, signature, args):
        return _splat(builder, args[0])

    return None if vector is None else (vector(value), codegen)


@intrinsic
def iota(typingctx):
    """I32x16 of 0, 1, ... 15."""

    def codegen(context, builder, signature, args):
        return ir.Constant(_vector("i32"), list(range(LANES)))

    return I32x16(), codegen


@intrinsic
def first(typingctx, count):
    """M16 with the first `count` lanes set (none for count <= 0, all for count >= 16)."""

    def codegen(context, builder, signature, args):
        n = context.cast(builder, args[0], signature.args[0], types.int32)
        lanes = ir.Constant(_vector("i32"), list(range(LANES)))
        return builder.icmp_signed("<", lanes, _splat(builder, n))

    return M16(count), codegen


@intrinsic
def cast(typingctx, vector, like):
    """Numbers converted to the lane type of `like` (floats are cut towards zero when made integers)."""

    def codegen(context, builder, signature, args):
        old, new = signature.args[0], signature.args[1]
        target = _vector(new.element)
        if old.element == new.element:
            return args[0]
        if old in _FLOATS and new in _FLOATS:
            return (builder.fpext if new == F64x16 else builder.fptrunc)(args[0], target)
        if old in _FLOATS:
            return (builder.fptosi if new == I32x16 else builder.fptoui)(args[0], target)
        return (builder.sitofp if old == I32x16 else builder.uitofp)(args[0], target)

    return like(vector, like), codegen


@intrinsic
def bits(typingctx, vector, like):
    """The same 32 bits read as the lane type of `like`."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], _vector(signature.args[1].element))

    return like(vector, like), codegen


# --- arithmetic -----------------------------------------------------------------------------------------------------


def _binary(emit_float, emit_signed, emit_unsigned):
    @intrinsic
    def operation(typingctx, a, b):
        def codegen(context, builder, signature, args):
            emit = emit_float if a in _FLOATS else emit_signed if a == I32x16 else emit_unsigned
            return emit(builder, args[0], args[1])

        return a(a, b), codegen

    return operation


_add = _binary(lambda b, x, y: b.fadd(x, y), lambda b, x, y: b.add(x, y), lambda b, x, y: b.add(x, y))
_sub = _binary(lambda b, x, y: b.fsub(x, y), lambda b, x, y: b.sub(x, y), lambda b, x, y: b.sub(x, y))
_mul = _binary(lambda b, x, y: b.fmul(x, y), lambda b, x, y: b.mul(x, y), lambda b, x, y: b.mul(x, y))
_div = _binary(lambda b, x, y: b.fdiv(x, y), lambda b, x, y: b.sdiv(x, y), lambda b, x, y: b.udiv(x, y))
_and = _binary(None, lambda b, x, y: b.and_(x, y), lambda b, x, y: b.and_(x, y))
_or = _binary(None, lambda b, x, y: b.or_(x, y), lambda b, x, y: b.or_(x, y))
_xor = _binary(None, lambda b, x, y: b.xor(x, y), lambda b, x, y: b.xor(x, y))
_shl = _binary(None, lambda b, x, y: b.shl(x, y), lambda b, x, y: b.shl(x, y))
_shr = _binary(None, lambda b, x, y: b.ashr(x, y), lambda b, x, y: b.lshr(x, y))

for _operator, _function, _allowed in (
    (operator.add, _add, _FLOATS + _INTEGERS),
    (operator.sub, _sub, _FLOATS + _INTEGERS),
    (operator.mul, _mul, _FLOATS + _INTEGERS),
    (operator.truediv, _div, _FLOATS),
    (operator.and_, _and, _INTEGERS + (M16,)),
    (operator.or_, _or, _INTEGERS + (M16,)),
    (operator.xor, _xor, _INTEGERS + (M16,)),
    (operator.lshift, _shl, _INTEGERS),
    (operator.rshift, _shr, _INTEGERS),
):

    def _install(symbol, function, allowed):
        @overload(symbol, inline="never")
        def typed(a, b):
            if a == b and a in allowed:
                return lambda a, b: function(a, b)
            return None

    _install(_operator, _function, _allowed)


_512 = ("skylake-avx512", "cascadelake", "icelake-server", "sapphirerapids", "graniterapids", "znver4", "znver5")


def has_wide_registers() -> bool:
    """Whether the processor compiled for has 512-bit registers."""
    return config.CPU_NAME in _512 if config.CPU_NAME else bool(llvm.get_host_cpu_features().get("avx512f"))


def _select(builder, mask, a, b):
    """A selection that stays one. Stored where one side was loaded, LLVM would make it a masked store, for which AMD's
    processors take twenty cycles (measured on Zen 3) instead of two; `freeze` hides the load and costs nothing."""
    for side in (a, b):
        frozen = ir.Instruction(builder.block, side.type, "freeze", [side])
        builder._insert(frozen)  # llvmlite's builder has no method for it
        a, b = b, frozen
    return builder.select(mask, a, b)


def _comparison(sign: str):
    @intrinsic
    def compare(typingctx, a, b):
        def codegen(context, builder, signature, args):
            if a in _FLOATS:
                return (builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, args[0], args[1])
            return (builder.icmp_signed if a == I32x16 else builder.icmp_unsigned)(sign, args[0], args[1])

        return M16(a, b), codegen

    return compare


for _operator, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _install(_operator, _comparison(_sign), _FLOATS + _INTEGERS)


@intrinsic
def _negate(typingctx, a):
    def codegen(context, builder, signature, args):
        if a == M16:
            return builder.not_(args[0])
        return builder.fneg(args[0]) if a in _FLOATS else builder.neg(args[0])

    return a(a), codegen


@overload(operator.neg, inline="never")
def _neg(a):
    if isinstance(a, VectorType) and a != M16:
        return lambda a: _negate(a)
    return None


@overload(operator.invert, inline="never")
def _invert(a):
    if a == M16:
        return lambda a: _negate(a)
    return None


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c with one rounding, in every lane; scalars too."""

    def codegen(context, builder, signature, args):
        vector = isinstance(a, VectorType)
        element = a.element if vector else {types.float32: "f32", types.float64: "f64"}[a]
        return _call(builder, f"llvm.fma.{'v16' if vector else ''}{element}", args[0].type, list(args))

    return a(a, b, c), codegen


def _unary(name: str):
    @intrinsic
    def operation(typingctx, a):
        def codegen(context, builder, signature, args):
            return _call(builder, f"llvm.{name}.v16{a.element}", args[0].type, [args[0]])

        return a(a), codegen

    operation.__doc__ = f"Lane-wise {name} of a float vector (exact IEEE operation)."
    return operation


rint = _unary("rint")  # nearest whole number, ties to even
floor = _unary("floor")
sqrt = _unary("sqrt")
absolute = _unary("fabs")


@intrinsic
def copysign(typingctx, a, b):
    """The size of `a` with the sign of `b`."""

    def codegen(context, builder, signature, args):
        return _call(builder, f"llvm.copysign.v16{a.element}", args[0].type, list(args))

    return a(a, b), codegen


@intrinsic
def select(typingctx, mask, a, b):
    """Lanes of `a` where `mask` holds, of `b` elsewhere."""

    def codegen(context, builder, signature, args):
        return _select(builder, *args)

    return a(mask, a, b), codegen


def _extreme(sign: str):
    @intrinsic
    def operation(typingctx, a, b):
        def codegen(context, builder, signature, args):
            if a in _FLOATS:
                chosen = builder.fcmp_ordered(sign, args[0], args[1])
            else:
                chosen = (builder.icmp_signed if a == I32x16 else builder.icmp_unsigned)(sign, args[0], args[1])
            return _select(builder, chosen, args[0], args[1])

        return a(a, b), codegen

    return operation


minimum = _extreme("<")  # a < b ? a : b, so a NaN in `a` gives b: one instruction, the same on every processor
maximum = _extreme(">")


@intrinsic
def mulhi(typingctx, a, b):
    """The high 32 bits of the 64-bit products of U32x16 lanes."""

    def codegen(context, builder, signature, args):
        wide = ir.VectorType(ir.IntType(64), LANES)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, [32] * LANES)), _vector("i32"))

    return U32x16(a, b), codegen


# --- across lanes ---------------------------------------------------------------------------------------------------


def _fold(builder, vector, combine):
    """Lanes l and l + 8, then l + 4, l + 2, l + 1: the one reduction order of the engine."""
    width = LANES
    while width > 1:
        width //= 2
        low, high = _permute(builder, vector, range(width)), _permute(builder, vector, range(width, 2 * width))
        vector = combine(low, high)
    return builder.extract_element(vector, ir.IntType(32)(0))


@intrinsic
def total(typingctx, a):
    """Sum of the lanes in the engine's one order: l + (l + 8), then 4, 2, 1 apart."""

    def codegen(context, builder, signature, args):
        return _fold(builder, args[0], builder.fadd if a in _FLOATS else builder.add)

    return a.scalar(a), codegen


def _fold_extreme(sign: str):
    @intrinsic
    def operation(typingctx, a):
        def codegen(context, builder, signature, args):
            compare = builder.fcmp_ordered if a in _FLOATS else builder.icmp_signed
            return _fold(builder, args[0], lambda x, y: builder.select(compare(sign, x, y), x, y))

        return a.scalar(a), codegen

    return operation


smallest = _fold_extreme("<")  # of all lanes
largest = _fold_extreme(">")


@intrinsic
def fold(typingctx, a, size, width):
    """Of the first `size` lanes, the sums of those `width` apart, by halves, in lanes 0 .. width - 1 (literals)."""
    if not isinstance(size, types.IntegerLiteral) or not isinstance(width, types.IntegerLiteral):
        return None
    have, want = size.literal_value, width.literal_value

    def codegen(context, builder, signature, args):
        vector, lanes = args[0], have
        while lanes > want:
            lanes //= 2
            high = _permute(builder, vector, [*range(lanes, 2 * lanes), *([lanes] * (LANES - lanes))])
            vector = builder.fadd(vector, high) if a in _FLOATS else builder.add(vector, high)
        return vector

    return a(a, size, width), codegen


@intrinsic
def load_repeated(typingctx, array, offset, times):
    """Lane j holds array[offset + j // times], `times` a literal of 1, 2, 4, 8 or 16; reads 16 / times elements.

    The short load matters: a wide one that overlaps an earlier store only in part would wait for the cache.
    """
    if not isinstance(times, types.IntegerLiteral):
        return None
    vector, count = _of_scalar(array.dtype), times.literal_value

    def codegen(context, builder, signature, args):
        lanes = LANES // count
        pointer = _address(context, builder, signature.args[0], args[0], args[1], vector.element, lanes)
        loaded = builder.load(pointer)
        loaded.align = _item_bytes(signature.args[0])
        return _permute(builder, loaded, [j // count for j in range(LANES)])

    return vector(array, types.intp, times), codegen


@intrinsic
def rotate(typingctx, a, step):
    """Lane j holds a[(j + step) % 16]; `step` is a literal."""
    if not isinstance(step, types.IntegerLiteral):
        return None

    def codegen(context, builder, signature, args):
        return _permute(builder, args[0], [(j + step.literal_value) % LANES for j in range(LANES)])

    return a(a, step), codegen


@intrinsic
def at(typingctx, address, like):
    """The elements at an address, an int64, as a pointer that loads and stores take; of the dtype of the array `like`.

    It keeps nothing alive and checks nothing.
    """

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(types.int64, like), codegen


@intrinsic
def lane(typingctx, a, index):
    """One lane as a scalar."""

    def codegen(context, builder, signature, args):
        return builder.extract_element(args[0], args[1])

    return a.scalar(a, types.int32), codegen


@intrinsic
def mask_bits(typingctx, mask):
    """The mask as sixteen bits of an int32, lane 0 lowest."""

    def codegen(context, builder, signature, args):
        return builder.zext(builder.bitcast(args[0], ir.IntType(16)), ir.IntType(32))

    return types.int32(mask), codegen


@intrinsic
def lowest(typingctx, bits):
    """The place of the lowest bit of an int32 that is set; 32 if none is."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.int32(types.int32), codegen


@intrinsic
def any_lane(typingctx, mask):
    """True if any lane of the mask is set."""

    def codegen(context, builder, signature, args):
        return builder.icmp_unsigned("!=", builder.bitcast(args[0], ir.IntType(16)), ir.IntType(16)(0))

    return types.boolean(mask), codegen
