"""The first layer of a batch whose inputs are mostly zero, on the CPU: forward sample by sample, gradient by groups.

    inputs, first   the lists of `sparse.Sparse`                       read
    x               workspace rows of the batch, float32, dense        read
    numbers         [groups][B] int32, counts [groups] int32           scratch of the thread

Forward: four samples at a time, each along its own list: per listed input one scalar of x and a row of weights, two
flops a weight; samples are taken in the order of their list's length, so that the four end together. Gradient: a group
of eight inputs meets the samples in which any of them is on (MNIST: 26 to 32% of all). Sums have the terms of the dense
way in its order.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.train.sparse import GROUP
from swarm.train.tile_cpu import VECTORS, product_listed, update_listed

_F32, _I64 = ir.FloatType(), ir.IntType(64)
_V16 = ir.VectorType(_F32, 16)
TOGETHER = 4  # samples that go along their lists at a time


def _emit(builder, context, signature, args, samples: int, vectors: int) -> None:
    s = context.make_array(signature.args[0])(context, builder, args[0]).data
    inputs = context.make_array(signature.args[1])(context, builder, args[1]).data
    b0, bk, depth = args[2:5]
    lists, rows, begin, out = (args[5 + samples * i : 5 + samples * (i + 1)] for i in range(4))

    def vector(at, v):
        return builder.bitcast(builder.gep(s, [builder.add(at, _I64(16 * v))]), _V16.as_pointer())

    def load(at, v):
        value = builder.load(vector(at, v))
        value.align = 4
        return value

    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_V16, [_V16] * 3), "llvm.fma.v16f32")
    cells = [(r, v) for r in range(samples) for v in range(vectors)]
    start = {(r, v): load(begin[r], v) for r, v in cells}
    before = builder.block
    head, body, done = (builder.append_basic_block(name) for name in ("walk.head", "walk.body", "walk.done"))
    builder.branch(head)
    builder.position_at_end(head)
    k = builder.phi(_I64)
    k.add_incoming(_I64(0), before)
    sums = {cell: builder.phi(_V16) for cell in cells}
    for cell in cells:
        sums[cell].add_incoming(start[cell], before)
    builder.cbranch(builder.icmp_signed("<", k, depth), body, done)
    builder.position_at_end(body)
    for r in range(samples):
        at = builder.zext(builder.load(builder.gep(inputs, [builder.add(lists[r], k)])), _I64)
        one = builder.insert_element(
            ir.Constant(_V16, ir.Undefined), builder.load(builder.gep(s, [builder.add(rows[r], at)])), ir.IntType(32)(0)
        )
        spread = builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16))
        row = builder.add(b0, builder.mul(at, bk))
        for v in range(vectors):
            sums[r, v].add_incoming(builder.call(fma, [spread, load(row, v), sums[r, v]]), body)
    k.add_incoming(builder.add(k, _I64(1)), body)
    builder.branch(head)
    builder.position_at_end(done)
    for r, v in cells:
        builder.store(sums[r, v], vector(out[r], v)).align = 4


def _four(vectors: int):
    @intrinsic
    def walk(typingctx, s, inputs, b0, bk, depth, l0, l1, l2, l3, x0, x1, x2, x3, i0, i1, i2, i3, o0, o1, o2, o3):
        def codegen(context, builder, signature, args):
            _emit(builder, context, signature, args, 4, vectors)
            return context.get_dummy_value()

        return types.void(s, inputs, *[types.intp] * 19), codegen

    return walk


def _one(vectors: int):
    @intrinsic
    def walk(typingctx, s, inputs, b0, bk, depth, l0, x0, i0, o0):
        def codegen(context, builder, signature, args):
            _emit(builder, context, signature, args, 1, vectors)
            return context.get_dummy_value()

        return types.void(s, inputs, *[types.intp] * 7), codegen

    return walk


_four_wide, _four_narrow = _four(VECTORS), _four(1)
_one_wide, _one_narrow = _one(VECTORS), _one(1)


@kernel(allocates=False)
def _by_length(inputs_first, index, at, count, order, buckets):
    """The batch's samples by the length of their lists, shortest first: a counting sort over lengths / 4."""
    last = buckets.size - 1
    buckets[:] = 0
    for b in range(count):
        sample = index[at + b]
        buckets[min((inputs_first[sample + 1] - inputs_first[sample]) // 4, last)] += 1
    total = 0
    for q in range(last + 1):
        buckets[q], total = total, total + buckets[q]
    for b in range(count):
        sample = index[at + b]
        q = min((inputs_first[sample + 1] - inputs_first[sample]) // 4, last)
        order[buckets[q]] = b
        buckets[q] += 1


@kernel(allocates=False)
def forward_sparse(s, count, columns, x, xs, w, ws, i0, y, ys, inputs, first, index, at, order, buckets):
    """Sums of the first layer for samples index[at : at + count], whose dense rows lie at x, `xs` apart.

    Sixteen or thirty-two columns of the weights at a time, for all samples: the rows that are in use then fit the first
    cache (MNIST: 350 pixels that are ever on much, a line of 64 bytes each).
    """
    _by_length(first, index, at, count, order, buckets)
    v = 0
    while v + 16 * VECTORS <= columns:
        _columns(s, columns >= 0, count, x, xs, w + v, ws, i0 + v, y + v, ys, inputs, first, index, at, order)
        v += 16 * VECTORS
    while v < columns:
        _columns(s, columns < 0, count, x, xs, w + v, ws, i0 + v, y + v, ys, inputs, first, index, at, order)
        v += 16


@kernel(allocates=False)
def _columns(s, wide, count, x, xs, w, ws, i0, y, ys, inputs, first, index, at, order):
    """Some columns of the first layer's sums."""
    q = 0
    while q + TOGETHER <= count:
        b0, b1, b2, b3 = order[q], order[q + 1], order[q + 2], order[q + 3]
        n0, n1, n2, n3 = index[at + b0], index[at + b1], index[at + b2], index[at + b3]
        l0, l1, l2, l3 = first[n0], first[n1], first[n2], first[n3]
        e0, e1, e2, e3 = first[n0 + 1] - l0, first[n1 + 1] - l1, first[n2 + 1] - l2, first[n3 + 1] - l3
        x0, x1, x2, x3 = x + b0 * xs, x + b1 * xs, x + b2 * xs, x + b3 * xs
        y0, y1, y2, y3 = y + b0 * ys, y + b1 * ys, y + b2 * ys, y + b3 * ys
        n = min(min(e0, e1), min(e2, e3))
        if wide:
            _four_wide(s, inputs, w, ws, n, l0, l1, l2, l3, x0, x1, x2, x3, i0, i0, i0, i0, y0, y1, y2, y3)
        else:
            _four_narrow(s, inputs, w, ws, n, l0, l1, l2, l3, x0, x1, x2, x3, i0, i0, i0, i0, y0, y1, y2, y3)
        _rest(s, wide, inputs, w, ws, l0, n, e0, x0, y0, y0)
        _rest(s, wide, inputs, w, ws, l1, n, e1, x1, y1, y1)
        _rest(s, wide, inputs, w, ws, l2, n, e2, x2, y2, y2)
        _rest(s, wide, inputs, w, ws, l3, n, e3, x3, y3, y3)
        q += TOGETHER
    while q < count:
        b, n = order[q], index[at + order[q]]
        _rest(s, wide, inputs, w, ws, first[n], 0, first[n + 1] - first[n], x + b * xs, i0, y + b * ys)
        q += 1


@kernel(inline=True)
def _rest(s, wide, inputs, w, ws, start, done, length, x, i, y):
    """What one sample's list has behind `done`, from sums at i to sums at y."""
    if done < length or i != y:
        if wide:
            _one_wide(s, inputs, w, ws, length - done, start + done, x, i, y)
        else:
            _one_narrow(s, inputs, w, ws, length - done, start + done, x, i, y)


@kernel(allocates=False)
def ask_for_lists(lists, first, index, at, count):
    """Prefetch the lists of the samples index[at : at + count]."""
    for b in range(count):
        n = index[at + b]
        for k in range(first[n], first[n + 1] + 32, 32):
            simd.prefetch(lists, k)


@kernel(allocates=False)
def list_samples(groups, start, index, at, count, numbers, counts):
    """For each group of inputs the samples of the batch in which it is not zero: numbers [groups, B], counts."""
    counts[:] = 0
    each = numbers.shape[1]
    flat = numbers.reshape(-1)
    for b in range(count):
        sample = index[at + b]
        for k in range(start[sample], start[sample + 1]):
            g = groups[k]
            c = counts[g]
            flat[g * each + c] = b
            counts[g] = c + 1


@kernel(allocates=False)
def update_sparse(s, whole, columns, x, xs, d, ds, w, ws, scale, numbers, counts):
    """w += scale * gradient for the first `whole` groups of the inputs; a group that nobody had keeps its bits."""
    flat, each = numbers.reshape(-1), numbers.shape[1]
    for g in range(whole):
        if counts[g] > 0:
            update_listed(
                s, GROUP, columns, x + g * GROUP, 1, xs, d, ds, flat, g * each, counts[g], w + g * GROUP * ws, ws, scale
            )


@kernel(allocates=False)
def gradient_sparse(s, g, columns, x, xs, d, ds, out, zeros, numbers, counts):
    """The gradient of group g's eight rows of weights, written to `out`."""
    flat, each = numbers.reshape(-1), numbers.shape[1]
    product_listed(s, GROUP, columns, x + g * GROUP, 1, xs, d, ds, flat, g * each, counts[g], zeros, 0, out, columns)
