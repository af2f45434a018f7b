"""What stands in the way, drawn without a word from the scene: walls, round obstacles, solid tiles.

They are found where the world's systems name them: what `collide` keeps agents out of, what rays and flow fields know.
A scene that declares `marks` draws its own obstacles; then none are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from swarm.marks import Heat
from swarm.render.shapes import NONE, SECTOR, rows, stroke
from swarm.render.theme import Theme

WIDTH = 2.5  # pt, of a wall


class Found(NamedTuple):
    """Where a world's obstacles are kept: columns and tile maps, each once."""

    segments: tuple[tuple[Any, Any], ...]  # columns of both ends, m
    circles: tuple[tuple[Any, Any], ...]  # column of the middle, m; radius: m or a column
    tiles: tuple[Any, ...]

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return bool(self.segments or self.circles or self.tiles)


def find(world: Any) -> Found:
    """What the systems of a world's schedule, and the senses of its minds, say of obstacles."""
    segments: dict[Any, None] = {}
    circles: dict[Any, None] = {}
    tiles: dict[int, Any] = {}
    for thing in _things(world):
        ends = getattr(thing, "segments", None) or getattr(thing, "walls", None)
        if isinstance(ends, tuple) and len(ends) == 2:
            segments[ends] = None
        if isinstance(getattr(thing, "circles", None), tuple):
            middle, _ = thing.circles
            circles[middle, thing.round.column or thing.round.value] = None
        for raster in (getattr(thing, "tiles", None), getattr(thing, "raster", None)):
            if hasattr(raster, "solid_mask"):
                tiles[id(raster)] = raster
    return Found(tuple(segments), tuple(circles), tuple(tiles.values()))


def _things(world: Any) -> Iterator[Any]:
    for system in getattr(world, "schedule", ()):
        if hasattr(system, "obstacles"):
            yield system.obstacles
        yield from getattr(getattr(system, "mind", None), "parts", {}).values()


def solid(world: Any, found: Found, theme: Theme) -> list[Heat]:
    """The solid tiles as heat maps."""
    masks = [np.asarray(world.backend.host(tiles.solid_mask(world))) for tiles in found.tiles]
    return [
        Heat(mask.astype(np.uint8), (0, 1), alpha=0.55, smooth=False, colour=theme.quiet)
        for mask in masks
        if mask.ndim == 2
    ]


def shapes(world: Any, found: Found, theme: Theme) -> np.ndarray:
    """Walls and round obstacles as rows of `swarm.render.shapes`, float32 [K, 12]."""
    host, made = world.backend.host, [NONE]
    sides = np.asarray(world.size)
    for a, b in found.segments:
        for table in world.tables_with(a, b):
            start, end = (np.asarray(host(table.column(column)), float) for column in (a, b))
            way = end - start
            way -= sides * np.rint(way / sides)
            made.append(stroke(start, way, theme.quiet, 0.95, WIDTH) if len(start) else NONE)
    for middle, radius in found.circles:
        for table in world.tables_with(middle, *(() if isinstance(radius, float) else (radius,))):
            at = np.asarray(host(table.column(middle)), float)
            r = np.full(len(at), radius) if isinstance(radius, float) else np.asarray(host(table.column(radius)), float)
            ends = at, np.stack([r, np.zeros_like(r)], axis=1)
            for alpha, width in ((0.35, 0.0), (0.9, 1.5)):
                made.append(rows(len(at), ends, theme.quiet, alpha, SECTOR, width, 0.0, 2 * np.pi))
    return np.concatenate(made)
