"""Admission to several worlds in numba; see admission.py.

    world [K] int32, priority [K] u64   read twice        found [K] bool   written
    heap  [W][most room] u64            a world's lowest so far, the largest of them first

A newcomer that is lower than the largest of a full heap takes its place: K log(room) at the worst, and in random order
most are looked at once.
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel


def lowest(world, priority, room):
    """See `admission.lowest`."""
    return _lowest(world, priority, np.minimum(room, len(world)).astype(np.int64))


@kernel
def _lowest(world, priority, room):
    first = np.zeros(len(room) + 1, np.int64)
    counts, held = np.zeros(len(room), np.int64), np.zeros(len(room), np.int64)
    for w in world:
        counts[w] += 1
    for w in range(len(room)):
        first[w + 1] = first[w] + min(counts[w], room[w])
    heap, found = np.empty(first[-1], np.uint64), np.zeros(len(world), np.bool_)
    for i in range(len(world)):
        w = world[i]
        start, size = first[w], first[w + 1] - first[w]
        if held[w] < size:
            at = held[w]
            held[w] += 1
            while at > 0 and heap[start + (at - 1) // 2] < priority[i]:
                heap[start + at] = heap[start + (at - 1) // 2]
                at = (at - 1) // 2
            heap[start + at] = priority[i]
        elif size > 0 and priority[i] < heap[start]:
            at = 0
            while 2 * at + 1 < size:
                child = 2 * at + 1
                if child + 1 < size and heap[start + child + 1] > heap[start + child]:
                    child += 1
                if heap[start + child] <= priority[i]:
                    break
                heap[start + at] = heap[start + child]
                at = child
            heap[start + at] = priority[i]
    for i in range(len(world)):
        w = world[i]
        if held[w] > 0 and priority[i] <= heap[first[w]]:
            found[i] = True
    return found
