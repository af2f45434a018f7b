"""Draws a world into a framebuffer: ground, heat maps, marks below, tables as their looks say, marks above, overlay.

take(world)     once per tick that is to be seen: copies all that is drawn; nothing else ever reads the world
show(alpha)     once per frame: stand between the last two ticks
draw(target)    any number of times
release()       when done

`upload` takes and shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarm.errors import SettingsError
from swarm.look import Look
from swarm.marks import Box, Heat, Line, Text
from swarm.render import colouring, drawing, pick
from swarm.render import theme as themes
from swarm.render.camera import Camera
from swarm.render.columns import Seen
from swarm.render.figures import Figures, declared
from swarm.render.ground import Ground
from swarm.render.heat import HeatMaps
from swarm.render.hud import Hud
from swarm.render.lineage import Lineage
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
        self.selected = 0  # the id of the selected entity, 0 for none
        self.alpha = 1.0
        self.colouring = "scene"  # what is coloured by; `colour_by` sets it
        self.lineage = Lineage()
        self._offered = colouring.offered(world, self.looks)
        self._rows: dict[int, tuple[int, int]] = {}  # id -> (which table, row) where it was found last

    def upload(self, world: Any, alpha: float | None = None) -> None:
        """Take the world and show it, `alpha` of the way between the last two ticks (None: the last)."""
        self._take(world, follow=alpha is not None)
        self.show(alpha)

    def take(self, world: Any, focus: Any = None) -> None:
        """Copy what is drawn of the world as it stands between two ticks; until the next call it is not needed.

        focus: what `world.inspect` says of the selected agent, or None.
        """
        self._take(world, follow=True)

    def _take(self, world: Any, follow: bool) -> None:
        seen: Seen = {}
        self._offered = colouring.offered(world, self.looks)
        for k, sprites in enumerate(self.sprites):
            sprites.take(world, follow, seen, colouring.paint(world, self.looks, k, self.colouring, self.lineage))
        declare = getattr(self.figures.scene, "marks", None)
        marks = () if declare is None else tuple(declare(world))
        self.marks = [mark for mark in marks if not isinstance(mark, Heat)]
        self.heat.take(mark for mark in marks if isinstance(mark, Heat))

    def show(self, alpha: float | None = None) -> None:
        """Stand `alpha` of the way between the last two ticks (None: at the last) and send what is new to the GPU."""
        self.alpha = 1.0 if alpha is None else float(alpha)
        for sprites in self.sprites:
            sprites.show(self.alpha)
        self.heat.send()

    def colourings(self, world: Any = None) -> tuple[str, ...]:
        """What the picture can be coloured by: "scene", "species", "lineage", ..., "action push_x", "Energy.level"."""
        return self._offered if world is None else colouring.offered(world, self.looks)

    def colour_by(self, name: str) -> None:
        """Colour by one of `colourings`, from the next `take` on. Raises `SettingsError` for another name."""
        if name not in self._offered:
            raise SettingsError(f"colours: {name!r} is none of this world's. Choose one of {', '.join(self._offered)}.")
        self.colouring = name

    def pick(self, x: float, y: float, reach: float = 14.0) -> int:
        """The id of the entity shown nearest to a pixel, within `reach` pt or on its shape; 0 for none.

        Tables with a mind come first, so that an agent is found on top of its food.
        """
        tables = [(s.columns, s.thinks, 0.5 * s.shown(self.camera)) for s in self.sprites]
        return pick.choose(tables, self.camera, x, y, reach * self.ui, self.alpha)

    def place(self, id: int) -> tuple[float, float] | None:
        """Where an entity is shown now, m, inside the world; None if it is not drawn."""
        which, guess = self._rows.get(id, (0, 0))
        for k in (which, *range(len(self.sprites))) if self.sprites else ():
            columns = self.sprites[k].columns
            row = pick.row_of(columns, id, guess)
            if row >= 0:
                self._rows = {id: (k, row)} if len(self._rows) > 64 else {**self._rows, id: (k, row)}
                x, y = columns.at([row], self.alpha, self.camera.world)[0].tolist()
                return x, y
        return None

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
