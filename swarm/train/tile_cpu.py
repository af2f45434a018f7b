"""The one inner loop of training: a tile of a matrix product held in registers, as LLVM vector code.

    acc[r][v] = init + sum over k, in order, of a[r, k] * b[k, 16 v ...]          fused multiply-adds, one chain each

    a     scratch float32, element (r, k) at a0 + r * ar + k * ak     read, one scalar at a time, spread over the lanes
    b     scratch float32, vector (k, v) at b0 + k * bk + 16 v        read
    init  scratch float32, vector (r, v) at i0 + r * ir + 16 v        read
    out   the same shape at o0 + r * or + 16 v                        write
    list  int32, the numbers k in ascending order                     read, where there is one

`product` starts from init (a bias: ir = 0) and stores the sums. `update` starts from zero and stores
init + scale * sum, fused: a gradient goes straight into the weights. Forward, gradient of the inputs and gradient of
the weights are all this loop with other strides. Where terms are known to be zero, a list names the others: adding
zero to a sum changes nothing, so the bits are the same (`listed_cpu`).

Bytes per step of k: 32 of a, 128 of b, from L1; flops: 512 (8 rows x 2 vectors). Every element is one chain in the
order of k, so neither the tile's shape nor the processor changes a bit. Tiles: 8 x 2 with 512-bit registers (16
accumulators hide the latency of 4 x 2 pipes); 4 x 1 where a vector takes two or four registers, since 8 x 2 spills
there. Rows that are left are taken by 4, 2 and 1.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from swarm.backend import simd
from swarm.backend.jit import kernel

_F32, _I64 = ir.FloatType(), ir.IntType(64)
_V16 = ir.VectorType(_F32, 16)


ROWS, VECTORS = (8, 2) if simd.has_wide_registers() else (4, 1)


def _emit(builder, context, signature, args, rows: int, vectors: int, update: bool) -> None:
    pointer = context.make_array(signature.args[0])(context, builder, args[0]).data
    a0, ar, ak, b0, bk, depth, i0, ir_, o0, or_, scale = args[1:12]
    listed = None  # where the list of k begins
    if len(args) > 12:
        listed = builder.gep(context.make_array(signature.args[12])(context, builder, args[12]).data, [args[13]])

    def at(base, *terms):
        for times, step in terms:
            base = builder.add(base, builder.mul(step, _I64(times)))
        return builder.gep(pointer, [base])

    def vector(base, r, stride, v):
        address = builder.gep(at(base, (r, stride)), [_I64(16 * v)])
        return builder.bitcast(address, _V16.as_pointer())

    def load(address):
        value = builder.load(address)
        value.align = 4
        return value

    def spread(scalar):
        one = builder.insert_element(ir.Constant(_V16, ir.Undefined), scalar, ir.IntType(32)(0))
        return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16))

    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_V16, [_V16] * 3), "llvm.fma.v16f32")
    cells = [(r, v) for r in range(rows) for v in range(vectors)]
    zero = ir.Constant(_V16, [0.0] * 16)
    start = {cell: zero if update else load(vector(i0, cell[0], ir_, cell[1])) for cell in cells}

    before = builder.block
    head, body, done = (builder.append_basic_block(name) for name in ("tile.head", "tile.body", "tile.done"))
    builder.branch(head)
    builder.position_at_end(head)
    k = builder.phi(_I64)
    k.add_incoming(_I64(0), before)
    sums = {cell: builder.phi(_V16) for cell in cells}
    for cell in cells:
        sums[cell].add_incoming(start[cell], before)
    builder.cbranch(builder.icmp_signed("<", k, depth), body, done)

    builder.position_at_end(body)
    at_k = k if listed is None else builder.sext(builder.load(builder.gep(listed, [k])), _I64)
    lanes = [load(vector(builder.add(b0, builder.mul(at_k, bk)), 0, bk, v)) for v in range(vectors)]
    column = builder.add(a0, builder.mul(at_k, ak))
    for r in range(rows):
        scalar = spread(builder.load(at(column, (r, ar))))
        for v in range(vectors):
            sums[r, v].add_incoming(builder.call(fma, [scalar, lanes[v], sums[r, v]]), body)
    k.add_incoming(builder.add(k, _I64(1)), body)
    builder.branch(head)

    builder.position_at_end(done)
    scales = spread(scale)
    for r, v in cells:
        value = sums[r, v]
        if update:
            value = builder.call(fma, [scales, value, load(vector(i0, r, ir_, v))])
        builder.store(value, vector(o0, r, or_, v)).align = 4


def _tile(rows: int, vectors: int, update: bool):
    @intrinsic
    def tile(typingctx, s, a0, ar, ak, b0, bk, depth, i0, ir_, o0, or_, scale):
        def codegen(context, builder, signature, args):
            _emit(builder, context, signature, args, rows, vectors, update)
            return context.get_dummy_value()

        return types.void(s, *[types.intp] * 10, types.float32), codegen

    return tile


def _listed(rows: int, vectors: int, update: bool):
    @intrinsic
    def tile(typingctx, s, a0, ar, ak, b0, bk, depth, i0, ir_, o0, or_, scale, numbers, start):
        def codegen(context, builder, signature, args):
            _emit(builder, context, signature, args, rows, vectors, update)
            return context.get_dummy_value()

        return types.void(s, *[types.intp] * 10, types.float32, numbers, types.intp), codegen

    return tile


_sum_wide, _sum_narrow = _tile(ROWS, VECTORS, False), _tile(ROWS, 1, False)
_sum_four, _sum_two, _sum_one = _tile(4, 1, False), _tile(2, 1, False), _tile(1, 1, False)
_sum_one_wide = _tile(1, 4, False)
_update_wide, _update_narrow = _tile(ROWS, VECTORS, True), _tile(ROWS, 1, True)
_update_four, _update_two, _update_one = _tile(4, 1, True), _tile(2, 1, True), _tile(1, 1, True)
_update_one_wide = _tile(1, 4, True)
_listed_wide, _listed_narrow = _listed(ROWS, VECTORS, True), _listed(ROWS, 1, True)
_listed_sum_wide, _listed_sum_narrow = _listed(ROWS, VECTORS, False), _listed(ROWS, 1, False)


@kernel(allocates=False)
def product(s, rows, columns, a0, ar, ak, b0, bk, depth, i0, ir, o0, os):
    """out = init + a b for `rows` x `columns` (a multiple of 16); offsets, strides in elements."""
    one = types.float32(1)
    whole = rows // ROWS * ROWS
    v = 0
    while v + 16 * VECTORS <= columns:
        for r in range(0, whole, ROWS):
            _sum_wide(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, i0 + r * ir + v, ir, o0 + r * os + v, os, one)
        v += 16 * VECTORS
    while v < columns:
        for r in range(0, whole, ROWS):
            _sum_narrow(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, i0 + r * ir + v, ir, o0 + r * os + v, os, one)
        v += 16
    if whole < rows:
        _product_rest(s, whole, rows, columns, a0, ar, ak, b0, bk, depth, i0, ir, o0, os)


@kernel(allocates=False)
def _product_rest(s, r, rows, columns, a0, ar, ak, b0, bk, depth, i0, ir, o0, os):
    one = types.float32(1)
    while r < rows:
        a, i, o = a0 + r * ar, i0 + r * ir, o0 + r * os
        v = 0
        if rows - r >= 4:
            while v < columns:
                _sum_four(s, a, ar, ak, b0 + v, bk, depth, i + v, ir, o + v, os, one)
                v += 16
            r += 4
        elif rows - r >= 2:
            while v < columns:
                _sum_two(s, a, ar, ak, b0 + v, bk, depth, i + v, ir, o + v, os, one)
                v += 16
            r += 2
        else:
            while v + 64 <= columns:
                _sum_one_wide(s, a, ar, ak, b0 + v, bk, depth, i + v, ir, o + v, os, one)
                v += 64
            while v < columns:
                _sum_one(s, a, ar, ak, b0 + v, bk, depth, i + v, ir, o + v, os, one)
                v += 16
            r += 1


@kernel(allocates=False)
def update(s, rows, columns, a0, ar, ak, b0, bk, depth, o0, os, scale):
    """out += scale * a b, the sums first, then one fused multiply-add each; sizes as for `product`."""
    whole = rows // ROWS * ROWS
    v = 0
    while v + 16 * VECTORS <= columns:
        for r in range(0, whole, ROWS):
            o = o0 + r * os + v
            _update_wide(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, o, os, o, os, scale)
        v += 16 * VECTORS
    while v < columns:
        for r in range(0, whole, ROWS):
            o = o0 + r * os + v
            _update_narrow(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, o, os, o, os, scale)
        v += 16
    if whole < rows:
        _update_rest(s, whole, rows, columns, a0, ar, ak, b0, bk, depth, o0, os, scale)


@kernel(allocates=False)
def _update_rest(s, r, rows, columns, a0, ar, ak, b0, bk, depth, o0, os, scale):
    while r < rows:
        a, o = a0 + r * ar, o0 + r * os
        v = 0
        if rows - r >= 4:
            while v < columns:
                _update_four(s, a, ar, ak, b0 + v, bk, depth, o + v, os, o + v, os, scale)
                v += 16
            r += 4
        elif rows - r >= 2:
            while v < columns:
                _update_two(s, a, ar, ak, b0 + v, bk, depth, o + v, os, o + v, os, scale)
                v += 16
            r += 2
        else:
            while v + 64 <= columns:
                _update_one_wide(s, a, ar, ak, b0 + v, bk, depth, o + v, os, o + v, os, scale)
                v += 64
            while v < columns:
                _update_one(s, a, ar, ak, b0 + v, bk, depth, o + v, os, o + v, os, scale)
                v += 16
            r += 1


@kernel(allocates=False)
def update_listed(s, rows, columns, a0, ar, ak, b0, bk, numbers, start, depth, o0, os, scale):
    """As `update` for `rows` (a multiple of ROWS), over the `depth` numbers k of a list only."""
    v = 0
    while v + 16 * VECTORS <= columns:
        for r in range(0, rows, ROWS):
            o = o0 + r * os + v
            _listed_wide(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, o, os, o, os, scale, numbers, start)
        v += 16 * VECTORS
    while v < columns:
        for r in range(0, rows, ROWS):
            o = o0 + r * os + v
            _listed_narrow(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, o, os, o, os, scale, numbers, start)
        v += 16


@kernel(allocates=False)
def product_listed(s, rows, columns, a0, ar, ak, b0, bk, numbers, start, depth, i0, ir, o0, os):
    """As `product` for `rows` (a multiple of ROWS), over the `depth` numbers k of a list only."""
    one = types.float32(1)
    v = 0
    while v + 16 * VECTORS <= columns:
        for r in range(0, rows, ROWS):
            o, i = o0 + r * os + v, i0 + r * ir + v
            _listed_sum_wide(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, i, ir, o, os, one, numbers, start)
        v += 16 * VECTORS
    while v < columns:
        for r in range(0, rows, ROWS):
            o, i = o0 + r * os + v, i0 + r * ir + v
            _listed_sum_narrow(s, a0 + r * ar, ar, ak, b0 + v, bk, depth, i, ir, o, os, one, numbers, start)
        v += 16
