"""Strokes and sectors that lie in the world: what an agent senses, its trail, walls. Sent once, drawn with any camera.

A shape is a row of twelve floats, made by `stroke` and `sector`; many at a time are made as arrays of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.render import palette, programs
from swarm.render.camera import Camera

FLOATS = 12
STROKE, SECTOR = 0.0, 1.0


def stroke(start: Any, way: Any, colour: str, alpha: Any, width: Any, blunt: bool = False) -> np.ndarray:
    """Straight pieces from `start` along `way`, m, [K, 2] or [2] each; `width` pt. Their ends are round, or `blunt` so
    that the pieces of a curve do not overlap. Rows [K, 12]."""
    start, way = np.broadcast_arrays(np.atleast_2d(np.asarray(start, float)), np.atleast_2d(np.asarray(way, float)))
    return rows(len(start), (start, way), colour, alpha, STROKE, width, 1.0 if blunt else 0.0, 0.0)


def sector(
    outer: float,
    first: float,
    last: float,
    colour: str,
    alpha: float,
    inner: float = 0.0,
    width: float = 0.0,
    at: Any = (0.0, 0.0),
) -> np.ndarray:
    """Between two radii, m, and two angles, rad counter-clockwise; filled, or its border `width` pt wide. [1, 12]."""
    ends = np.array([at], float), np.array([[outer, inner]], float)
    return rows(1, ends, colour, alpha, SECTOR, width, first, last)


def rows(
    count: int, ends: Any, colour: str, alpha: Any, kind: float, width: Any, first: float, last: float
) -> np.ndarray:
    """Rows [K, 12] of one kind: ends = (where from [K, 2], way or radii [K, 2]), m; the rest one for all or [K]."""
    made = np.empty((count, FLOATS), np.float32)
    made[:, 0:2], made[:, 2:4] = ends
    made[:, 4:7], made[:, 7] = palette.rgb(colour), alpha
    made[:, 8], made[:, 9], made[:, 10], made[:, 11] = kind, width, first, last
    return made


NONE = np.zeros((0, FLOATS), np.float32)


class Shapes:
    """Rows on the GPU. `put` them when they change, `draw` them for each picture."""

    def __init__(self, context: Any, program: Any) -> None:
        self.context, self.program = context, program
        self.rows = NONE
        self.fresh = False
        self.buffer: Any = None
        self.array: Any = None

    def put(self, rows: np.ndarray) -> None:
        """Draw these from now on, float32 [K, 12]; they are sent with the next `draw`."""
        self.rows, self.fresh = rows, True

    def draw(self, camera: Camera, ghost: float, ui: float, home: tuple[float, float] = (0.0, 0.0)) -> None:
        """Draw them around `home`, m, and their images where the picture shows more than the world."""
        if not len(self.rows):
            return
        if self.fresh:
            self._send()
        far = float(np.abs(self.rows[:, 2:4]).max()) + 8 * ui / camera.scale
        origin, images = camera.images(margin=min(far, max(camera.world)))
        programs.place(self.program, camera)
        programs.put(self.program, origin=origin, home=home, ghost=ghost, ui=ui)
        for image in images:
            self.program["image"] = image
            self.array.render(self.context.TRIANGLE_STRIP, 4, instances=len(self.rows))

    def _send(self) -> None:
        self.fresh = False
        if self.buffer is None or self.buffer.size < self.rows.nbytes:
            self.release()
            self.buffer = self.context.buffer(reserve=max(4096, 2 * self.rows.nbytes), dynamic=True)
            self.array = self.context.vertex_array(self.program, [(self.buffer, "4f 4f 4f /i", "ends", "ink", "what")])
        self.buffer.write(np.ascontiguousarray(self.rows, np.float32))

    def release(self) -> None:
        """Give the GPU's memory back."""
        for thing in (self.array, self.buffer):
            if thing is not None:
                thing.release()
        self.array = self.buffer = None
