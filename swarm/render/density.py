"""So many agents that they are no longer told apart: a map of how many are where, in their mean colour.

    accumulate   every agent adds its colour and its weight to the cell it is shown in, once per tick and camera
    develop      one triangle over the picture: mean colour, as strong as many are there

On a graphics card the agents are points that add up in a float texture. Where the processor plays the card (llvmpipe),
a point costs 0.8 us there and 0.06 us in NumPy: then `count`, which is also the reference, fills the texture. Cells are
`CELL` points wide, 16 bytes each; agents send nothing beyond their columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.render import programs
from swarm.render.camera import Camera
from swarm.render.columns import Columns

CELL = 2.0  # pt
SPECK = 0.12  # what an entity of no strength weighs


class Density:
    """The map of one table."""

    def __init__(self, context: Any, program: Any) -> None:
        self.context, self.program = context, program
        self.array = context.vertex_array(program, [])
        self.cells: Any = None
        self.framebuffer: Any = None
        self.key: Any = None  # what the cells were filled from

    def accumulate(self, camera: Camera, ui: float, fresh: Any, count: Any, render: Callable[[], None]) -> None:
        """Fill the cells, unless camera and columns are the same as before (`fresh` differs for other columns).

        count(size): the cells float32 [rows, columns, 4], or None where render() is to draw them.
        """
        size = max(1, round(camera.size[0] / (CELL * ui))), max(1, round(camera.size[1] / (CELL * ui)))
        key = camera.x, camera.y, camera.scale, size, fresh
        if key == self.key:
            return
        self.key = key
        if self.cells is None or self.cells.size != size:
            self._drop()
            self.cells = self.context.texture(size, 4, dtype="f4")
            self.cells.filter = self.context.LINEAR, self.context.LINEAR
            self.cells.repeat_x = self.cells.repeat_y = False
            self.framebuffer = self.context.framebuffer(self.cells)
        if count is not None:
            self.cells.write(count(size))
            return
        self.framebuffer.use()
        self.framebuffer.clear()
        self.context.blend_func = self.context.ONE, self.context.ONE
        render()
        self.context.blend_func = self.context.ONE, self.context.ONE_MINUS_SRC_ALPHA

    def develop(self, target: Any, camera: Camera, n: int, dark: bool) -> None:
        """Paint what has added up over `target`; n: how many live in the whole world."""
        target.use()
        target.viewport = 0, 0, *camera.size
        width, height = self.cells.size
        cell = camera.size[0] * camera.size[1] / (width * height) / camera.scale**2  # m2
        even = n * cell / (camera.world[0] * camera.world[1])
        programs.put(self.program, cells=0, even=even, dark=1.0 if dark else 0.0)
        self.cells.use(0)
        self.array.render(self.context.TRIANGLES, 3)

    def _drop(self) -> None:
        for thing in (self.framebuffer, self.cells):
            if thing is not None:
                thing.release()
        self.framebuffer = self.cells = None

    def release(self) -> None:
        """Give the GPU's memory back."""
        self._drop()
        self.array.release()


def count(columns: Columns, colours: np.ndarray, camera: Camera, size: tuple[int, int], ghost: float) -> np.ndarray:
    """The sums of colour and weight in each cell, float32 [rows, columns, 4], the lowest row first.

    colours: uint8 [256, 3]. ghost: what images of the world weigh. Every agent stands where it is at the last tick.
    """
    n, (width, height) = columns.n, size
    (left, low), images = camera.images()
    place, tint = columns.place[:n], columns.tint[:n]
    found = np.zeros((4, width * height))
    table = np.concatenate([colours.T / np.float32(255), np.ones((1, 256), np.float32)]).astype(np.float32)
    weight = None if (tint[:, 1] == 255).all() else SPECK + (1 - SPECK) / np.float32(255) * tint[:, 1]
    home = [np.mod(place[:, k] - np.float32(edge), np.float32(camera.world[k])) for k, edge in enumerate((left, low))]
    for image in images:
        at = [home[k] + np.float32(image[k]) for k in (0, 1)]
        column = (at[0] * np.float32(camera.scale * width / camera.size[0])).astype(np.int32)
        row = (at[1] * np.float32(camera.scale * height / camera.size[1])).astype(np.int32)
        seen = np.flatnonzero((column < width) & (row < height))
        cell = row[seen] * np.int32(width) + column[seen]
        x, y = at[0][seen] + np.float32(left), at[1][seen] + np.float32(low)
        true = (x >= 0) & (y >= 0) & (x <= camera.world[0]) & (y <= camera.world[1])
        share = np.where(true, np.float32(1), np.float32(ghost)) * (1 if weight is None else weight[seen])
        for channel in range(4):
            found[channel] += np.bincount(cell, table[channel][tint[seen, 0]] * share, width * height)
    return np.ascontiguousarray(found.T, np.float32).reshape(height, width, 4)
