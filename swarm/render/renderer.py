"""Draws a world into a framebuffer: ground, heat maps, marks below, tables as their looks say, marks above, overlay.

upload(world, alpha)   once per frame that shows something new
draw(target)           any number of times
release()              when done
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarm.look import Look
from swarm.marks import Box, Heat, Line, Text
from swarm.render import drawing
from swarm.render import theme as themes
from swarm.render.camera import Camera
from swarm.render.figures import Figures, declared
from swarm.render.ground import Ground
from swarm.render.heat import HeatMaps
from swarm.render.hud import Hud
from swarm.render.panel import Panel
from swarm.render.sprites import Programs, Sprites


class Renderer:
    """One world's picture on one OpenGL context.

    context  a moderngl context (`swarm.render.context`)
    size     px
    title    the name in the overlay; by default the scene's
    figures  to go on from; by default new ones
    ui       px per point of the overlay: 1, or 2 on a dense display
    """

    def __init__(
        self,
        context: Any,
        world: Any,
        size: tuple[int, int],
        *,
        scene: Any = None,
        looks: Iterable[Look] | None = None,
        theme: str | themes.Theme = "dark",
        ui: float = 1.0,
        title: str | None = None,
        figures: Figures | None = None,
    ) -> None:
        self.context = context
        self.theme = themes.choose(theme)
        self.looks = tuple(looks) if looks is not None else declared(world, scene)
        self.camera = Camera((float(world.size[0]), float(world.size[1])), size)
        self.figures = figures or Figures(world, scene, self.looks)
        self.figures.title = title or self.figures.title
        self.hud: Hud | None = Hud(self.theme, ui)
        self.note = ""  # state of the run, shown beside the title
        self.hint = ""  # keys, shown at the bottom
        self.ui = ui
        self.shared = Programs(context)
        self.ground = Ground(context, self.theme)
        self.heat = HeatMaps(context, self.theme)
        self.panel = Panel(context, self.theme)
        self.sprites = [Sprites(context, self.shared, look, self.theme) for look in self.looks]
        self.marks: list[Box | Line | Text] = []

    def upload(self, world: Any, alpha: float | None = None) -> None:
        """Send the tables' columns, `alpha` of the way between the last two ticks (None: the last)."""
        for sprites in self.sprites:
            sprites.upload(world, alpha)
        declare = getattr(self.figures.scene, "marks", None)
        marks = () if declare is None else tuple(declare(world))
        self.marks = [mark for mark in marks if not isinstance(mark, Heat)]
        self.heat.upload(mark for mark in marks if isinstance(mark, Heat))

    def draw(self, target: Any) -> None:
        """Paint the picture into a moderngl framebuffer of the camera's size."""
        target.use()
        target.viewport = 0, 0, *self.camera.size
        self.ground.draw(self.camera, self.ui)
        self.heat.draw(self.camera)
        self._mark(over=False)
        for sprites in self.sprites:
            sprites.draw(self.camera)
        self._mark(over=True)
        if self.hud is not None:
            self.hud.build(self.panel, self.camera, self.figures, self.sprites, self.note, self.hint)
            self.panel.draw(self.camera.size)

    def _mark(self, over: bool) -> None:
        marks = [mark for mark in self.marks if mark.over == over]
        drawing.draw(self.panel, marks, self.camera, self.theme, self.ui)

    def release(self) -> None:
        """Give the GPU's memory back. The context stays."""
        for thing in (*self.sprites, self.panel, self.heat, self.ground, self.shared):
            thing.release()
        self.sprites = []
