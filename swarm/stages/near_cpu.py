"""Candidates around a place, side by side in memory, for sixteen lanes at a time.

All entities of a cell look through the same three by three cells. `runs` finds them in the packed arrays, `gather`
copies them one behind the other and ends with a vector of NaN, which no comparison lets through; so the loops over
candidates have neither tails nor seams.

Tried and lost (100,000 seekers, two a cell): vectors straight over the runs, masked at their ends, need one each at
least and cost 8% more; handing the grid to these functions as one tuple counts references in every call, 60% more.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core.extending import intrinsic

from swarm.backend import simd
from swarm.backend.jit import kernel
from swarm.backend.simd import F32x16

RUNS = 12  # numbers that `runs` writes at most
AHEAD = 16  # entities between a prefetch and its use
_NAN = np.float32(np.nan)


@kernel(inline=True)
def cell_of(x, per, cells):
    """The cell of a coordinate inside the world, along one axis."""
    return min(np.int32(x * per), np.int32(cells - 1))


@kernel(inline=True)
def first_cell(world, i, columns, rows):
    """Where the cells of row i's world begin; world int32 [N] is empty where there is only one."""
    return world[i] * columns * rows if len(world) else np.int32(0)


@kernel(inline=True)
def beyond(left, right, cells):
    """Whether cells left..right reach over the seam, or all the way round."""
    return left < 0 or right >= cells or right - left + 1 >= cells


@kernel(inline=True)
def runs(start, first, columns, rows, left, right, low, high, out):
    """The runs of the packed arrays in cells left..right, low..high, each cell once.

    first: the first cell of the world, as `first_cell` has it. Bounds may be one cell outside. Fills out[k], out[k + 1]
    = begin, end for k = 0, 2, ... below the number returned.
    """
    if right - left + 1 >= columns:
        left, right = np.int32(0), np.int32(columns - 1)
    if high - low + 1 >= rows:
        low, high = np.int32(0), np.int32(rows - 1)
    count = 0
    for step in range(low, high + 1):
        row = step + rows if step < 0 else step - rows if step >= rows else step
        c = first + row * columns
        out[count], out[count + 1] = start[c + max(left, 0)], start[c + min(right + 1, columns)]
        count += 2
        if left < 0:
            out[count], out[count + 1] = start[c + columns - 1], start[c + columns]
            count += 2
        elif right >= columns:
            out[count], out[count + 1] = start[c], start[c + 1]
            count += 2
    return count


@kernel(inline=True)
def gather(out, count, xs, ys, entries, named, x, y, entry):
    """Copy the runs into the buffers x, y and, if `named`, entry, and close them; returns how many candidates."""
    total = 0
    for k in range(0, count, 2):
        begin, end = out[k], out[k + 1]
        for p in range(0, end - begin, 16):
            simd.store(x, total + p, simd.load(xs, begin + p))
            simd.store(y, total + p, simd.load(ys, begin + p))
            if named:
                simd.store(entry, total + p, simd.load(entries, begin + p))
        total += end - begin
    simd.store(x, total, simd.splat(_NAN))
    return total


@kernel(inline=True)
def hide(flag, entry, x, total):
    """Put NaN in the place of candidates whose flag, bool by entry, is not set; an empty flag hides nobody."""
    if len(flag):
        for k in range(total):
            if not flag[entry[k]]:
                x[k] = _NAN


@kernel(inline=True)
def shortest(d, side):
    """`near.shortest` in sixteen lanes."""
    half, whole = simd.splat(side * np.float32(0.5)), simd.splat(side)
    return simd.select(d > half, d - whole, simd.select(d < -half, d + whole, d))


@kernel(inline=True)
def shortest1(d, side):
    """`near.shortest` of one difference."""
    half = side * np.float32(0.5)
    return d - side if d > half else d + side if d < -half else d


@kernel(inline=True)
def sector_of(dx, dy, edges):
    """`directions.sector_of` of one difference."""
    if dx == 0 and dy == 0:
        return 0
    n, half = len(edges), (len(edges) + 1) // 2
    above = dy > 0 or (dy == 0 and dx >= 0)
    low, high = (1, half) if above else (half, n)
    sector = 0 if above else half - 1
    for j in range(low, high):
        if edges[j, 0] * dy - edges[j, 1] * dx >= 0:
            sector += 1
    return sector


def _fold8(combine):
    """Fold eight vectors at once: lane k < 8 of the result is the fold of vector k, in the order of `simd.total`."""

    @intrinsic
    def operation(typingctx, a0, a1, a2, a3, a4, a5, a6, a7):
        def codegen(context, builder, signature, args):
            def pick(a, b, lanes):
                return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))

            vectors, width = list(args), 16
            while len(vectors) > 1:
                half = width // 2
                low = [group + lane for group in range(0, 32, width) for lane in range(half)]
                high = [lane + half for lane in low]
                halves = zip(vectors[::2], vectors[1::2], strict=True)
                vectors = [combine(builder, pick(a, b, low), pick(a, b, high)) for a, b in halves]
                width = half
            low, high = [*range(0, 16, 2), *[0] * 8], [*range(1, 16, 2), *[1] * 8]
            return combine(builder, pick(vectors[0], vectors[0], low), pick(vectors[0], vectors[0], high))

        return F32x16(*[F32x16] * 8), codegen

    return operation


smallest8 = _fold8(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))
total8 = _fold8(lambda builder, a, b: builder.fadd(a, b))
