"""Births and deaths in numba; see barrier.py. Small batches take the reference: a launch costs more than they do.

All columns of a chunk of children are copied by one thread, in one launch: `settle` gets the columns' addresses.
Sorting by slot is a least-significant-digit radix sort of 11 bits a pass, two or three passes over K.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import carray, prange, types
from numba.core.extending import intrinsic

from swarm import barrier as reference
from swarm.backend.jit import kernel

_SMALL = 4096  # rows that NumPy handles as fast
_ROWS = 4096  # rows per chunk
_BITS = 11


def by_slot(slots, rows, order, sorted, scratch):
    if len(rows) < _SMALL // 4:
        reference.by_slot(slots, rows, order, sorted, scratch)
        return
    keys = scratch.array("keys", len(rows), np.uint32)
    turns = scratch.array("turns", len(rows), np.int32)
    _by_slot(slots, rows, order, sorted, turns, keys)


@kernel
def _by_slot(slots, rows, order, keys, order2, keys2):
    count = len(rows)
    counts = np.zeros((3, 1 << _BITS), np.int32)
    mask = np.uint32((1 << _BITS) - 1)
    largest, ascending = np.uint32(0), True
    for i in range(count):
        key = slots[rows[i]]
        ascending &= key >= largest
        largest = max(largest, key)
        keys[i], order[i] = key, i
        counts[0, key & mask] += 1
        counts[1, (key >> np.uint32(_BITS)) & mask] += 1
        counts[2, key >> np.uint32(2 * _BITS)] += 1
    if ascending:
        return
    turned = False
    for digit in range(3):
        shift = np.uint32(digit * _BITS)
        if (largest >> shift) == 0:
            break
        total = 0
        for d in range(1 << _BITS):
            here = counts[digit, d]
            counts[digit, d] = total
            total += here
        for i in range(count):
            d = (keys[i] >> shift) & mask
            at = counts[digit, d]
            counts[digit, d] = at + 1
            keys2[at], order2[at] = keys[i], order[i]
        keys, keys2 = keys2, keys
        order, order2 = order2, order
        turned = not turned
    if turned:
        keys2[:] = keys
        order2[:] = order


def places(n, dead, parent, dying, child, src, dst, heirs):
    if len(dead) + len(parent) < _SMALL:
        return reference.places(n, dead, parent, dying, child, src, dst, heirs)
    return _places(n, dead, parent, dying, child, src, dst, heirs)


@kernel
def _places(n, dead, parent, dying, child, src, dst, heirs):
    births = len(parent)
    after = n + births - len(dead)
    h = k = f = 0
    for i in range(births):
        row = parent[i]
        if row < after and dying[row] and (i + 1 == births or parent[i + 1] != row):
            child[i] = row
            dying[row] = False
            heirs[h] = i
            h += 1
        else:
            child[i] = -1
            src[k] = row
            k += 1
    for i in range(len(dead)):  # free rows, ascending: the holes, then the end
        if dead[i] < after and dying[dead[i]]:
            dst[f] = dead[i]
            f += 1
    for row in range(n, after):
        dst[f] = row
        f += 1
    f = 0
    for i in range(births):
        if child[i] < 0:
            child[i] = dst[f]
            f += 1
    for row in range(after, n):
        if not dying[row]:
            src[k] = row
            k += 1
    return k, h


def settle(blocks, src, dst, born, child):
    if len(src) + len(child) < _SMALL:
        reference.settle(blocks, src, dst, born, child)
        return
    wide = [block for block in blocks if block.words.dtype == np.uint32]
    reference.settle([block for block in blocks if block.words.dtype != np.uint32], src, dst, born, child)
    columns = np.zeros((len(wide), 3), np.int64)
    start, defaults = 0, [np.empty(0, np.uint32)]
    for k, block in enumerate(wide):
        first = -1
        if block.default is not None:
            first, start = start, start + len(block.default)
            defaults.append(block.default)
        columns[k] = block.words.ctypes.data, block.words.shape[1], first if not block.inherits else -2
    _settle(columns, np.concatenate(defaults), src, dst, born, child)


@intrinsic
def _at(typingctx, address):
    """The address as a pointer to u32."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], ir.IntType(32).as_pointer())

    return types.CPointer(types.uint32)(types.int64), codegen


@kernel(parallel=True)
def _settle(columns, defaults, src, dst, born, child):
    """columns [C, 3]: address, words per row, and -2 children copy, -1 only movers, else where their default starts."""
    copies, children = len(src), len(child)
    chunks = (max(copies, children) + _ROWS - 1) // _ROWS
    for chunk in prange(chunks):
        first, stop = chunk * _ROWS, min(copies, (chunk + 1) * _ROWS)
        for c in range(len(columns)):
            width, default = columns[c, 1], columns[c, 2]
            words = carray(_at(columns[c, 0]), (1 << 40,))
            start = first if default == -2 else max(first, born)
            if width == 1:
                for i in range(start, stop):
                    words[dst[i]] = words[src[i]]
            elif width == 2:
                for i in range(start, stop):
                    d, s = 2 * np.int64(dst[i]), 2 * np.int64(src[i])
                    a, b = words[s], words[s + 1]
                    words[d] = a
                    words[d + 1] = b
            else:
                for i in range(start, stop):
                    d, s = width * np.int64(dst[i]), width * np.int64(src[i])
                    for j in range(width):
                        words[d + j] = words[s + j]
            if default >= 0:
                for i in range(first, min(children, (chunk + 1) * _ROWS)):
                    d = width * np.int64(child[i])
                    for j in range(width):
                        words[d + j] = defaults[default + j]


def enroll(child, slot, parent_slot, moved, tick, table, identity, registry):
    if len(child) + len(moved) < _SMALL or np.ndim(tick):
        reference.enroll(child, slot, parent_slot, moved, tick, table, identity, registry)
    else:
        _enroll(child, slot, parent_slot, moved, tick, table, identity, registry)


@kernel(parallel=True)
def _enroll(child, slot, parent_slot, moved, tick, table, identity, registry):
    slots, generations, parents, born = identity
    generation, tables, rows = registry
    count = len(child)
    for chunk in prange((count + _ROWS - 1) // _ROWS):
        for i in range(chunk * _ROWS, min(count, (chunk + 1) * _ROWS)):
            row, s = child[i], slot[i]
            slots[row] = s
            generations[row] = generation[s]
            parents[row] = (np.uint64(parent_slot[i]) << np.uint64(32)) | np.uint64(generation[parent_slot[i]])
            born[row] = tick
            tables[s] = table
            rows[s] = row
    for i in range(len(moved)):
        rows[slots[moved[i]]] = moved[i]
