"""Directions: which of n sectors a difference of positions lies in, by the signs of cross products."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.stages.grid import Packed
from swarm.stages.near import Pairs


def edges(n: int) -> np.ndarray:
    """Boundary directions float32 [n, 2], longest component 1: multiples of 45 degrees are exact, opposites too."""
    angle = 2 * np.pi * np.arange(n) / n
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    way[np.abs(way) < 1e-9] = 0
    way /= np.abs(way).max(axis=1, keepdims=True)
    way[np.abs(np.abs(way) - 1) < 1e-9] = np.sign(way[np.abs(np.abs(way) - 1) < 1e-9])
    if n % 2 == 0:
        way[n // 2 :] = -way[: n // 2]
    return way.astype(np.float32)


def sector_of(dx: np.ndarray, dy: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The sector int64 [K] of differences float32 [K] m: boundaries passed since +x or, for those below, since -x."""
    n, half = len(edges), (len(edges) + 1) // 2
    above = (dy > 0) | ((dy == 0) & (dx >= 0))
    passed = [edges[j, 0] * dy - edges[j, 1] * dx >= 0 for j in range(1, n)]
    up = sum((passed[j - 1] for j in range(1, half)), np.zeros(len(dx), np.int64))
    down = sum((passed[j - 1] for j in range(half, n)), np.full(len(dx), half - 1))
    return np.where((dx == 0) & (dy == 0), 0, np.where(above, up, down))


def placed(grid: Packed, pair: Pairs, frame: np.ndarray, flag: np.ndarray, edges: np.ndarray) -> Any:
    """For pairs that count: row * n + sector, int64 [K]; and which pairs those are, bool or a slice."""
    keep: Any = flag[grid.entry[pair.p]] if len(flag) else slice(None)
    i, dx, dy = pair.i[keep], pair.dx[keep], pair.dy[keep]
    if len(frame):
        c, s = frame[i].T
        dx, dy = dx * c + dy * s, dy * c - dx * s
    return i * len(edges) + sector_of(dx, dy, edges), keep
