"""Which snapshots to drop: the older, the sparser. Gaps grow with age, within a limit of bytes and of number."""

from __future__ import annotations

from collections.abc import Mapping

MOST = 32  # snapshots of one run


def dropped(sizes: Mapping[int, int], most_bytes: float, most: int = MOST) -> list[int]:
    """The ticks to drop, in the order in which to drop them, of snapshots tick -> bytes.

    The newest stays, even if it alone is over the limit. Of the others the one goes whose absence leaves the smallest
    gap in proportion to its age, until the rest fit; that spaces them by powers. The choice depends on what is there
    alone: whoever is interrupted in dropping goes on alike.
    """
    ticks, gone = sorted(sizes), []
    total = sum(sizes.values())
    while len(ticks) > 1 and (total > most_bytes or len(ticks) > most):
        newest, before = ticks[-1], [0, *ticks]  # the world's birth, tick 0, can be made again
        k = min(range(len(ticks) - 1), key=lambda k: ((ticks[k + 1] - before[k]) / (newest - before[k] or 1), k))
        total -= sizes[ticks[k]]
        gone.append(ticks.pop(k))
    return gone
