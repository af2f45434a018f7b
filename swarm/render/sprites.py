"""One table on the GPU: four vertex buffers, and three ways to draw them by how large an agent appears.

below 2 px      a dot each, its alpha keeps the light of the true area
up to 24 px     a point each, the shape drawn inside it: one vertex per agent
above           a quad each, turned and tight: four vertices, fewer pixels, no limit of size
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from swarm.look import Look
from swarm.render import colouring, palette, programs
from swarm.render.camera import Camera
from swarm.render.columns import Columns, Seen
from swarm.render.theme import Theme

DOTS_BELOW = 2.0  # px of shape length under which agents become dots
QUADS_ABOVE = 24.0  # px of shape and light together above which agents become quads

_SHAPE = {"drop": 0, "disc": 1, "ring": 2}
_LEGIBLE = {"drop": 9.0, "disc": 4.5, "ring": 6.0}  # px that a shape is enlarged to where there is room around it
_WIDTH = {"drop": 0.24, "disc": 0.5, "ring": 0.5}


class Programs:
    """The programs that all tables share."""

    def __init__(self, context: Any) -> None:
        self.quad = programs.build(context, "sprite")
        self.point = programs.build(context, "sprite", define="POINT")
        self.dot = programs.build(context, "dot")

    def release(self) -> None:
        """Give the GPU's memory back."""
        for program in (self.quad, self.point, self.dot):
            program.release()


class Sprites:
    """Draws the table of one look: `take` after the world has moved, `show` and `draw` for each picture."""

    def __init__(self, context: Any, shared: Programs, look: Look, theme: Theme) -> None:
        self.context, self.shared, self.theme = context, shared, theme
        self.columns = Columns(look)
        self.paint = colouring.scene(look)
        self.colours = _colours(self.paint, theme)
        self.palette = context.texture((256, 1), 3, self.colours.tobytes(), alignment=1)
        self.palette.filter = context.NEAREST, context.NEAREST
        self.capacity = 0
        self.alpha = 1.0
        self.thinks = False  # whether its entities have a mind
        self.fresh = False  # whether the columns are newer than the buffers
        self.buffers: list[Any] = []
        self.arrays: list[Any] = []

    def take(self, world: Any, follow: bool, seen: Seen, paint: colouring.Paint) -> None:
        """Copy what is drawn of the world: the only call that reads it."""
        if paint.what != self.paint.what or paint.palette != self.paint.palette or paint.limits != self.paint.limits:
            self.columns.started = False  # other limits, from now on
        self.paint = paint
        value = None if paint.read is None else paint.read(world, seen)
        self.columns.read(world, value, paint.limits, follow, seen)
        table = world.tables.get(self.columns.look.table)
        self.thinks = any(hasattr(component, "inputs_") for component in getattr(table, "components", ()))
        self.fresh = True

    def show(self, alpha: float) -> None:
        """Stand `alpha` of the way between the last two ticks; new columns are sent, `columns.BYTES` per agent."""
        c, self.alpha = self.columns, alpha
        if not self.fresh:
            return
        self.fresh = False
        colours = _colours(self.paint, self.theme)
        if colours is not self.colours:
            self.colours = colours
            self.palette.write(colours.tobytes())
        if len(c.place) > self.capacity:
            self._allocate(len(c.place))
        if c.n:
            for buffer, column in zip(self.buffers, (c.place, c.way, c.heading, c.tint), strict=True):
                buffer.write(column[: c.n])

    def shown(self, camera: Camera) -> float:
        """The length of a shape, px: its own, or enlarged to what is legible where there is room."""
        look = self.columns.look
        spacing = camera.scale * math.sqrt(camera.world[0] * camera.world[1] / max(1, self.columns.n))
        return max(look.size * camera.scale, min(_LEGIBLE[look.shape], 0.55 * spacing))

    def draw(self, camera: Camera) -> None:
        """Draw all agents, and their images where the picture shows more than the world."""
        look, n = self.columns.look, self.columns.n
        if not n:
            return
        length, shown = look.size * camera.scale, self.shown(camera)
        glow = look.glow if self.theme.glow else 0.0
        light = min(40.0, 0.7 * shown) if glow else 0.0
        way = 0 if shown < DOTS_BELOW else 1 if shown + 2 * light < QUADS_ABOVE else 2
        program = (self.shared.dot, self.shared.point, self.shared.quad)[way]
        origin, images = camera.images(margin=(2 + shown + light) / camera.scale)
        programs.place(program, camera)
        programs.put(program, origin=origin, palette=0, ghost=self.theme.ghost, behind=1.0 - self.alpha)
        if way == 0:
            area = (length * length) * (0.35 if look.shape == "drop" else 0.8)
            programs.put(program, dot_px=DOTS_BELOW, shown=min(1.0, max(0.18, area / DOTS_BELOW)))
        else:
            programs.put(
                program,
                size=shown,
                shape=_SHAPE[look.shape],
                shape_width=_WIDTH[look.shape],
                glow=glow,
                glow_reach=light,
                rim=palette.rgb(self.theme.ground),
            )
        self.palette.use(0)
        for image in images:
            program["image"] = image
            if way == 2:
                self.arrays[2].render(self.context.TRIANGLE_STRIP, 4, instances=n)
            else:
                self.arrays[way].render(self.context.POINTS, n)

    def _allocate(self, capacity: int) -> None:
        self._drop()
        self.buffers = [self.context.buffer(reserve=capacity * width, dynamic=True) for width in (8, 4, 2, 2)]
        forms = ("2f4", "place"), ("2f2", "way"), ("2f1", "heading"), ("2f1", "tint")
        shared, each = self.shared, [(buffer, *form) for buffer, form in zip(self.buffers, forms, strict=True)]
        self.arrays = [
            self.context.vertex_array(shared.dot, [each[0], each[1], each[3]]),
            self.context.vertex_array(shared.point, each),
            self.context.vertex_array(shared.quad, [(buffer, form + " /i", name) for buffer, form, name in each]),
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


def _colours(paint: colouring.Paint, theme: Theme) -> np.ndarray:
    """The 256 colours, uint8 [256, 3]."""
    if paint.palette.startswith("#"):
        plain = np.rint(255 * np.array(palette.rgb(paint.palette))).astype(np.uint8)
        return np.repeat(plain[None], 256, axis=0)
    return palette.table(paint.palette, theme.name)
