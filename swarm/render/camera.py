"""Which part of the world the picture shows. Pure arithmetic, so that it can be tested without a window.

The world's y axis points up, the pixels' y axis points down, as mice count it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Camera:
    """A centre (m), a scale (px per m) and the picture's size (px) over a world of `world` m, which repeats."""

    world: tuple[float, float]
    size: tuple[int, int]
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self.fit()

    def fit(self, fill: float = 1.0) -> None:
        """Show the whole world, centred; `fill` < 1 leaves a margin, > 1 comes closer."""
        self.x, self.y = self.world[0] / 2, self.world[1] / 2
        self.scale = fill * min(self.size[0] / self.world[0], self.size[1] / self.world[1])

    def cover(self) -> None:
        """Fill the picture with the world, centred: nothing beyond its edge is in sight."""
        self.fit()
        self.scale = max(self.size[0] / self.world[0], self.size[1] / self.world[1])

    @property
    def closest(self) -> float:
        """The largest scale: 6 m across the shorter side."""
        return min(self.size) / min(6.0, *self.world)

    @property
    def farthest(self) -> float:
        """The smallest scale: the world takes two fifths of the picture."""
        return 0.4 * min(self.size[0] / self.world[0], self.size[1] / self.world[1])

    def to_world(self, px: float, py: float) -> tuple[float, float]:
        """The place (m) under a pixel; not wrapped, so images of the world have places of their own."""
        return self.x + (px - self.size[0] / 2) / self.scale, self.y - (py - self.size[1] / 2) / self.scale

    def to_pixel(self, x: float, y: float) -> tuple[float, float]:
        """The pixel at which a place (m) appears."""
        return self.size[0] / 2 + (x - self.x) * self.scale, self.size[1] / 2 - (y - self.y) * self.scale

    def pan(self, dx: float, dy: float) -> None:
        """Drag the picture by so many pixels; the centre stays inside the world, on the torus."""
        self.x = (self.x - dx / self.scale) % self.world[0]
        self.y = (self.y + dy / self.scale) % self.world[1]

    def zoom(self, factor: float, px: float, py: float) -> None:
        """Scale by `factor` so that the place under the pixel stays under it."""
        x, y = self.to_world(px, py)
        self.scale = min(max(self.scale * factor, self.farthest), self.closest)
        self.x = (x - (px - self.size[0] / 2) / self.scale) % self.world[0]
        self.y = (y + (py - self.size[1] / 2) / self.scale) % self.world[1]

    def resize(self, size: tuple[int, int]) -> None:
        """The picture's size changed: as much of the world as before along the shorter side."""
        size = max(1, size[0]), max(1, size[1])
        self.scale *= min(size) / min(self.size)
        self.size = size
        self.scale = min(max(self.scale, self.farthest), self.closest)

    def images(self, margin: float = 0.0) -> tuple[tuple[float, float], list[tuple[float, float]]]:
        """How to cover the picture with the world: an origin (m) and offsets (m).

        Every place is moved by whole worlds to lie within one world's size of the origin, which is the picture's
        lower left corner, `margin` m of shapes' reach farther out; then it is drawn once for each offset. So a picture
        no larger than the world draws everybody once, wherever it lies on the torus.
        """
        origin, counts = [], []
        for centre, pixels, length in zip((self.x, self.y), self.size, self.world, strict=True):
            half = pixels / self.scale / 2 + margin
            origin.append(centre - half)
            counts.append(math.ceil(2 * half / length))
        offsets = [(i * self.world[0], j * self.world[1]) for j in range(counts[1]) for i in range(counts[0])]
        return (origin[0], origin[1]), offsets
