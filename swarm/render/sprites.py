"""One table's ways to be drawn, by how large an agent appears.

denser than two in three px of side   counts in a density map (`density`)
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
from swarm.render import density as densities
from swarm.render.buffers import Buffers
from swarm.render.camera import Camera
from swarm.render.columns import Columns, Seen
from swarm.render.density import Density
from swarm.render.theme import Theme

DENSITY_BELOW = 1.5  # px between neighbours, and two lengths, under which a table of many becomes a density map
MANY = 20_000
SLACK = 1.25  # how much nearer the picture must come until what was chosen farther out is left
LIGHT = 40.0  # px of light around a shape, at most
DOTS_BELOW = 2.0  # px of shape length under which agents become dots
QUADS_ABOVE = 24.0  # px of shape and light together above which agents become quads

_SHAPE = {"drop": 0, "disc": 1, "ring": 2}
_LEGIBLE = {"drop": 9.0, "disc": 4.5, "ring": 6.0}  # px that a shape is enlarged to where there is room around it
_DETAIL = {  # px of length over which a shape gets its detail: fading of the body, light on the head, rim
    "drop": ((4, 9), (7, 14), (6, 10)),
    "disc": ((5, 12), (7, 14), (6, 10)),
    "ring": ((5, 12), (7, 14), (6, 10)),
}
_WIDTH = {"drop": 0.24, "disc": 0.5, "ring": 0.5}


class Programs:
    """The programs that all tables share."""

    def __init__(self, context: Any) -> None:
        self.quad = programs.build(context, "sprite")
        self.point = programs.build(context, "sprite", define="POINT")
        self.dot = programs.build(context, "dot")
        self.mote = programs.build(context, "mote")
        self.shape = programs.build(context, "shape")
        self.density = programs.build(context, "density", camera=False)
        self.software = programs.software(context)

    def release(self) -> None:
        """Give the GPU's memory back."""
        for program in (self.quad, self.point, self.dot, self.mote, self.shape, self.density):
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
        self.alpha = 1.0
        self.level = "sprites"  # how it was drawn last
        self.thinks = False  # whether its entities have a mind
        self.map: Density | None = None  # made when there are too many for points
        self.taken = 0  # how often columns were taken
        self.buffers = Buffers(context, shared)

    def take(self, world: Any, follow: bool, seen: Seen, paint: colouring.Paint) -> None:
        """Copy what is drawn of the world: the only call that reads it."""
        if paint.what != self.paint.what or paint.palette != self.paint.palette or paint.limits != self.paint.limits:
            self.columns.started = False  # other limits, from now on
        self.paint = paint
        value = None if paint.read is None else paint.read(world, seen)
        self.columns.read(world, value, paint.limits, follow, seen)
        table = world.tables.get(self.columns.look.table)
        self.thinks = any(hasattr(component, "inputs_") for component in getattr(table, "components", ()))
        self.taken += 1

    def show(self, alpha: float) -> None:
        """Stand `alpha` of the way between the last two ticks."""
        self.alpha = alpha
        self._recolour()

    def retheme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.theme = theme
        self.taken += 1  # the density map holds colours
        self._recolour()

    def _recolour(self) -> None:
        colours = _colours(self.paint, self.theme)
        if colours is not self.colours:
            self.colours = colours
            self.palette.write(colours.tobytes(), alignment=1)

    def shown(self, camera: Camera) -> float:
        """The length of a shape, px: its own, or enlarged to what is legible where there is room."""
        look = self.columns.look
        return max(look.size * camera.scale, min(_LEGIBLE[look.shape], 0.55 * self._spacing(camera)))

    def _spacing(self, camera: Camera) -> float:
        """How far agents are from each other, px, if they are spread evenly."""
        return camera.scale * math.sqrt(camera.world[0] * camera.world[1] / max(1, self.columns.n))

    def choose(self, camera: Camera) -> str:
        """How the table is drawn at this zoom: "sprites", "points" or "density"; changes only beyond a margin."""
        n = self.columns.n
        spacing = self._spacing(camera)
        slack = SLACK if self.level == "density" else 1.0
        if n >= MANY and max(spacing, 2.0 * self.columns.look.size * camera.scale) < DENSITY_BELOW * slack:
            self.level = "density"
        else:
            self.level = (
                "points"
                if self.shown(camera) < DOTS_BELOW * (SLACK if self.level == "points" else 1.0)
                else ("sprites")
            )
        return self.level

    def draw(self, camera: Camera, target: Any, ui: float) -> None:
        """Draw all agents, and their images where the picture shows more than the world, into `target`."""
        if not self.columns.n:
            return
        level = self.choose(camera)
        if not (level == "density" and self.shared.software):
            self.buffers.send(self.columns, self.taken, camera, self._reach(camera))
            if not self.buffers.n:
                return
        self.palette.use(0)
        if level == "density":
            self._density(camera, target, ui)
        elif level == "points":
            self._points(camera)
        else:
            self._sprites(camera)

    def wake(self, program: Any, camera: Camera, share: float) -> None:
        """Draw the way of the last tick of everybody as a line; nothing for tables that stand still or are a map."""
        if not self.columns.n or not self.columns.farthest:
            return
        self.buffers.send(self.columns, self.taken, camera, self._reach(camera))
        if self.buffers.n:
            programs.put(program, share=share)
            self.palette.use(0)
            lines = self.buffers.lines(program)
            self._render(program, lines, self.context.LINES, camera, self.columns.farthest * camera.scale, 2)

    def _density(self, camera: Camera, target: Any, ui: float) -> None:
        if self.map is None:
            self.map = Density(self.context, self.shared.density)

        def count(size: tuple[int, int]) -> np.ndarray:
            return densities.count(self.columns, self.colours, camera, size, self.theme.ghost)

        def motes() -> None:
            self._render(self.shared.mote, self.buffers.arrays["mote"], self.context.POINTS, camera, 0.0)

        by_hand = count if self.shared.software else None
        self.map.accumulate(camera, ui, self.taken, by_hand, motes)
        self.map.develop(target, camera, self.columns.n, self.theme.glow)

    def _points(self, camera: Camera) -> None:
        look = self.columns.look
        area = (look.size * camera.scale) ** 2 * (0.35 if look.shape == "drop" else 0.8)
        programs.put(self.shared.dot, dot_px=DOTS_BELOW, shown=min(1.0, max(0.18, area / DOTS_BELOW)))
        self._render(self.shared.dot, self.buffers.arrays["dot"], self.context.POINTS, camera, DOTS_BELOW)

    def _sprites(self, camera: Camera) -> None:
        look, shown = self.columns.look, self.shown(camera)
        room = 0.5 * (self._spacing(camera) - shown)  # px; in a crowd lights would only add up to a haze
        glow = look.glow * _rise(2.5, 6.0, room) if self.theme.glow else 0.0
        light = min(LIGHT, 0.7 * shown, room) if glow else 0.0
        small = shown + 2 * light < QUADS_ABOVE
        program = self.shared.point if small else self.shared.quad
        programs.put(
            program,
            size=shown,
            sized=0.0 if look.lengths is None else 1.0,
            shape=_SHAPE[look.shape],
            shape_width=_WIDTH[look.shape],
            glow=glow,
            glow_reach=light,
            rim=palette.rgb(self.theme.ground),
            detail=tuple(_rise(low, high, shown) for low, high in _DETAIL[look.shape]),
        )
        if small:
            self._render(program, self.buffers.arrays["point"], self.context.POINTS, camera, shown + light)
        else:
            self._render(program, self.buffers.arrays["quad"], self.context.TRIANGLE_STRIP, camera, shown + light, 4)

    def _reach(self, camera: Camera) -> float:
        """How far from its place an agent may be seen, px."""
        return self.shown(camera) + LIGHT + 2.0

    def _render(self, program: Any, array: Any, mode: int, camera: Camera, reach: float, vertices: int = 0) -> None:
        """Draw an array, once for each image of the world in sight; `reach` px is what shapes need.

        vertices: of each agent, 0 where it is one vertex.
        """
        origin, images = camera.images(margin=(2 + reach) / camera.scale)
        programs.place(program, camera)
        programs.put(program, origin=origin, palette=0, ghost=self.theme.ghost, behind=1.0 - self.alpha)
        n = self.buffers.n
        for image in images:
            program["image"] = image
            array.render(mode, vertices or n, instances=n if vertices else 1)

    def release(self) -> None:
        """Give the GPU's memory back."""
        self.buffers.release()
        self.palette.release()
        if self.map is not None:
            self.map.release()
            self.map = None


def _colours(paint: colouring.Paint, theme: Theme) -> np.ndarray:
    """The 256 colours, uint8 [256, 3]."""
    if paint.palette.startswith("#"):
        plain = np.rint(255 * np.array(palette.rgb(paint.palette))).astype(np.uint8)
        return np.repeat(plain[None], 256, axis=0)
    return palette.table(paint.palette, theme.name)


def _rise(low: float, high: float, value: float) -> float:
    """From 0 at `low` to 1 at `high`, smoothly."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
