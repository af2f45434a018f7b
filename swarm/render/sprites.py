"""One table on the GPU: three vertex buffers, two programs, and the choice between shapes and points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from swarm.look import Look
from swarm.render import palette, programs
from swarm.render.camera import Camera
from swarm.render.columns import Columns
from swarm.render.theme import Theme

POINTS_BELOW = 2.0   # px of shape length under which agents become points
LEGIBLE = 6.0        # px that a shape may be enlarged to when there is room around it

_SHAPE = {"drop": 0, "disc": 1, "ring": 2}
_WIDTH = {"drop": 0.24, "disc": 0.5, "ring": 0.5}


class Programs:
    """The programs that all tables share."""

    def __init__(self, context: Any) -> None:
        self.sprite = programs.build(context, "sprite")
        self.point = programs.build(context, "point")

    def release(self) -> None:
        """Give the GPU's memory back."""
        self.sprite.release()
        self.point.release()


class Sprites:
    """Draws the table of one look. `upload` after the world has moved, `draw` for each picture."""

    def __init__(self, context: Any, shared: Programs, look: Look, theme: Theme) -> None:
        self.context, self.shared, self.theme = context, shared, theme
        self.columns = Columns(look)
        self.colours = _colours(look, theme)
        self.palette = context.texture((256, 1), 3, self.colours.tobytes(), alignment=1)
        self.palette.filter = context.NEAREST, context.NEAREST
        self.capacity = 0
        self.buffers: list[Any] = []
        self.arrays: list[Any] = []

    def upload(self, world: Any, alpha: float) -> None:
        """Read the world's columns and send them: `columns.BYTES` per agent."""
        self.columns.read(world, alpha)
        c = self.columns
        if len(c.place) > self.capacity:
            self._allocate(len(c.place))
        for buffer, column in zip(self.buffers, (c.place, c.heading, c.tint), strict=True):
            buffer.write(np.ascontiguousarray(column[: c.n]))

    def draw(self, camera: Camera) -> None:
        """Draw all agents, and their images where the picture shows more than the world."""
        look, n = self.columns.look, self.columns.n
        if not n:
            return
        length = look.size * camera.scale
        spacing = camera.scale * math.sqrt(camera.world[0] * camera.world[1] / n)
        shown = max(length, min(LEGIBLE, 0.55 * spacing))
        images = camera.images(margin=(2 + shown) / camera.scale)
        if shown < POINTS_BELOW:
            self._points(camera, images, length)
        else:
            self._shapes(camera, images, shown)

    def _shapes(self, camera: Camera, images: list[tuple[float, float]], shown: float) -> None:
        look, program, theme = self.columns.look, self.shared.sprite, self.theme
        glow = look.glow if theme.glow else 0.0
        programs.place(program, camera)
        programs.put(program, size=shown, shape=_SHAPE[look.shape], shape_width=_WIDTH[look.shape], palette=0,
                     glow=glow, glow_reach=min(40.0, 0.7 * shown) if glow else 0.0, ghost=theme.ghost,
                     rim=palette.rgb(theme.ground))
        self.palette.use(0)
        for image in images:
            program["image"] = image
            self.arrays[0].render(self.context.TRIANGLE_STRIP, 4, instances=self.columns.n)

    def _points(self, camera: Camera, images: list[tuple[float, float]], length: float) -> None:
        look, program = self.columns.look, self.shared.point
        area = (length * length) * (0.35 if look.shape == "drop" else 0.8)
        programs.place(program, camera)
        programs.put(program, point_px=POINTS_BELOW, shown=min(1.0, max(0.18, area / POINTS_BELOW)), palette=0,
                     ghost=self.theme.ghost)
        self.palette.use(0)
        for image in images:
            program["image"] = image
            self.arrays[1].render(self.context.POINTS, self.columns.n)

    def _allocate(self, capacity: int) -> None:
        self._drop()
        self.buffers = [self.context.buffer(reserve=capacity * width, dynamic=True) for width in (8, 4, 2)]
        place, heading, tint = self.buffers
        self.arrays = [
            self.context.vertex_array(self.shared.sprite, [
                (place, "2f4 /i", "place"), (heading, "2f2 /i", "heading"), (tint, "2f1 /i", "tint")]),
            self.context.vertex_array(self.shared.point, [(place, "2f4", "place"), (tint, "2f1", "tint")]),
        ]
        self.capacity = capacity

    def _drop(self) -> None:
        for thing in (*self.arrays, *self.buffers):
            thing.release()
        self.arrays, self.buffers, self.capacity = [], [], 0

    def release(self) -> None:
        """Give the GPU's memory back."""
        self._drop()
        self.palette.release()


def _colours(look: Look, theme: Theme) -> np.ndarray:
    """The look's 256 colours, uint8 [256, 3]."""
    if isinstance(look.colour, str):
        plain = np.rint(255 * np.array(palette.rgb(look.colour))).astype(np.uint8)
        return np.repeat(plain[None], 256, axis=0)
    return palette.table(look.palette, theme.name)
