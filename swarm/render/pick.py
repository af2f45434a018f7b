"""Who is under the mouse, and where an entity is shown: on the copied columns, without the world.

A box around the pixel is cut out of the x coordinates first, two comparisons each: a million agents in 2 ms.
What is left, a few hundred, is measured exactly, the shortest way round the torus; so images beyond the edge count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swarm.render.camera import Camera
from swarm.render.columns import Columns

PIECE = 32_768


def nearest(
    columns: Columns, camera: Camera, x: float, y: float, reach: float, alpha: float
) -> tuple[int, float] | None:
    """(id, distance in px) of the entity shown nearest to the pixel and within `reach` px of it, or None."""
    if not columns.n:
        return None
    size = np.asarray(camera.world)
    at = np.mod(camera.to_world(x, y), size)
    radius = reach / camera.scale
    around = radius + (1.0 - alpha) * columns.farthest  # columns hold where agents are at alpha = 1
    rows = between(columns.place[: columns.n, 0], at[0], around, size[0])
    rows = rows[between(columns.place[rows, 1], at[1], around, size[1])]
    if not len(rows):
        return None
    off = columns.at(rows, alpha, camera.world) - at
    off -= size * np.rint(off / size)
    distance = np.hypot(off[:, 0], off[:, 1])
    best = int(np.lexsort((columns.ids[rows], distance))[0])
    return (int(columns.ids[rows[best]]), float(distance[best] * camera.scale)) if distance[best] <= radius else None


def between(values: np.ndarray, middle: float, around: float, side: float) -> np.ndarray:
    """Which of the values, 0 to `side`, lie within `around` of the middle on a circle of that length: indices.

    A piece that fits into the cache at a time: every other number of a row is read from memory once.
    """
    spare = 1e-5 * side  # float32
    low, high = middle - around - spare, middle + around + spare
    if high - low >= side:
        return np.arange(len(values))
    first, last = np.float32(low % side), np.float32(high % side)
    found = []
    for begin in range(0, len(values), PIECE):
        piece = np.ascontiguousarray(values[begin : begin + PIECE])
        above, below = piece >= first, piece <= last
        found.append(np.flatnonzero(above & below if first <= last else above | below) + begin)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def choose(
    tables: Sequence[tuple[Columns, bool, float]], camera: Camera, x: float, y: float, reach: float, alpha: float
) -> int:
    """The id under the pixel, 0 for none: of the tables (columns, whether they think, px they reach) thinkers first."""
    for thinking in (True, False):
        found = [
            nearest(columns, camera, x, y, max(reach, half), alpha)
            for columns, thinks, half in tables
            if thinks == thinking
        ]
        hits = [hit for hit in found if hit is not None]
        if hits:
            return min(hits, key=lambda hit: (hit[1], hit[0]))[0]
    return 0


def row_of(columns: Columns, id: int, guess: int = 0) -> int:
    """The row of an entity, -1 if it is not here; `guess`: where it was last."""
    if guess < columns.n and int(columns.ids[guess]) == id:
        return guess
    rows = np.flatnonzero(columns.ids[: columns.n] == np.uint64(id))
    return int(rows[0]) if len(rows) else -1
