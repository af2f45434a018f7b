"""Draws a world into a framebuffer: ground, heat maps, marks below, tables as their looks say, marks above, overlay.

take(world)     once per tick that is to be seen: copies all that is drawn; nothing else ever reads the world
show(alpha)     once per frame: stand between the last two ticks
draw(target)    any number of times
release()       when done

`upload` takes and shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from swarm.errors import SettingsError
from swarm.look import Look
from swarm.marks import Box, Heat, Line, Text
from swarm.render import colouring, drawing, palette, pick, shapes, walls
from swarm.render import focus as senses
from swarm.render import theme as themes
from swarm.render.camera import Camera
from swarm.render.columns import Seen
from swarm.render.figures import Figures, declared
from swarm.render.ground import Ground
from swarm.render.heat import HeatMaps
from swarm.render.hud import Hud
from swarm.render.lineage import Lineage
from swarm.render.panel import Panel
from swarm.render.shapes import Shapes
from swarm.render.sprites import Programs, Sprites
from swarm.render.trails import Trail
from swarm.render.wakes import Wakes


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
        self.around, self.past = Shapes(context, self.shared.shape), Shapes(context, self.shared.shape)
        self.walls = Shapes(context, self.shared.shape)
        self._found: Any = None  # the world's schedule, and where it says that obstacles are
        self.trail = Trail(self.camera.world)
        self.trails = False  # whether everybody draws a short trail
        self.wakes: Wakes | None = None
        self._tick = -1  # the tick that was taken last
        self.focus: Any = None  # what is known of the selected agent
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
        self._focus(world, focus)

    def _focus(self, world: Any, focus: Any) -> None:
        """Copy what is drawn of the selected agent: its senses, its trail, its name."""
        id = self.selected
        self.alpha = 1.0
        self.trail.add(id, int(world.tick), self.place(id) if id else None)
        self.past.put(self.trail.shapes(self.theme.accent))
        self.around.put(shapes.NONE if focus is None else senses.shapes(focus, self.theme, self._size(focus.table)))
        self.focus = focus

    def _take(self, world: Any, follow: bool) -> None:
        seen: Seen = {}
        self._tick = int(world.tick)
        self._offered = colouring.offered(world, self.looks)
        for k, sprites in enumerate(self.sprites):
            still = sprites.level == "density"  # there nobody sees the way of a tick
            sprites.take(
                world, follow and not still, seen, colouring.paint(world, self.looks, k, self.colouring, self.lineage)
            )
        declare = getattr(self.figures.scene, "marks", None)
        marks = self._obstacles(world) if declare is None else tuple(declare(world))
        self.marks = [mark for mark in marks if not isinstance(mark, Heat)]
        self.heat.take(mark for mark in marks if isinstance(mark, Heat))

    def _obstacles(self, world: Any) -> Sequence[Heat]:
        """Copy the obstacles of a world whose scene draws none."""
        if self._found is None or self._found[0] is not getattr(world, "schedule", None):
            self._found = getattr(world, "schedule", None), walls.find(world)
        found = self._found[1]
        if not found.any:
            return ()
        made = walls.shapes(world, found, self.theme)
        if not np.array_equal(made, self.walls.rows):
            self.walls.put(made)
        return walls.solid(world, found, self.theme)

    def show(self, alpha: float | None = None) -> None:
        """Stand `alpha` of the way between the last two ticks (None: at the last) and send what is new to the GPU."""
        self.alpha = 1.0 if alpha is None else float(alpha)
        for sprites in self.sprites:
            sprites.show(self.alpha)
        self.heat.send()

    @property
    def sent(self) -> int:
        """Bytes of columns that were ever sent to the GPU."""
        return sum(sprites.buffers.sent for sprites in self.sprites)

    def colourings(self, world: Any = None) -> tuple[str, ...]:
        """What the picture can be coloured by: "scene", "species", "lineage", ..., "action push_x", "Energy.level"."""
        return self._offered if world is None else colouring.offered(world, self.looks)

    def colour_by(self, name: str) -> None:
        """Colour by one of `colourings`, from the next `take` on. Raises `SettingsError` for another name."""
        if name not in self._offered:
            raise SettingsError(f"colours: {name!r} is none of this world's. Choose one of {', '.join(self._offered)}.")
        self.colouring = name

    @property
    def lod(self) -> str:
        """How the largest table was drawn last: "sprites", "points" or "density", by zoom and count."""
        return max(self.sprites, key=lambda s: s.columns.n).level if self.sprites else "sprites"

    def jump(self) -> None:
        """What comes has nothing to do with what was shown: limits of colours that follow the data begin anew."""
        for sprites in self.sprites:
            sprites.columns.started = False

    def like(self, other: Renderer) -> None:
        """Go on as another renderer of the same scene did: its colours, trails and overlay."""
        self.trails, self.hud, self.note, self.hint = other.trails, other.hud, other.note, other.hint
        if other.colouring in self._offered:
            self.colouring = other.colouring

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

    def retheme(self, theme: str | themes.Theme) -> None:
        """Draw in another theme from now on. Raises `SettingsError` for an unknown name."""
        self.theme = theme = themes.choose(theme)
        for part in (self.ground, self.heat, self.panel, self.hud, *self.sprites):
            if part is not None:
                part.retheme(theme)
        self.walls.put(_recoloured(self.walls.rows, theme.quiet))
        self.past.put(_recoloured(self.past.rows, theme.accent))
        if self.focus is not None:
            self.around.put(senses.shapes(self.focus, theme, self._size(self.focus.table)))

    def draw(self, target: Any) -> None:
        """Paint the picture into a moderngl framebuffer of the camera's size."""
        target.use()
        target.viewport = 0, 0, *self.camera.size
        self.ground.draw(self.camera, self.ui, target)
        self.heat.draw(self.camera)
        self.walls.draw(self.camera, self.theme.ghost, self.ui)
        self._mark(over=False)
        home = self.place(self.selected) if self.selected else None
        if home is not None:
            self.past.draw(self.camera, self.theme.ghost, self.ui)
            self.around.draw(self.camera, self.theme.ghost, self.ui, home)
        self._wake(target)
        for sprites in self.sprites:
            sprites.draw(self.camera, target, self.ui)
        self._mark(over=True)
        if home is not None:
            self._ring(home)
        if self.hud is not None:
            self.hud.build(self.panel, self.camera, self.figures, self.sprites, self.note, self.hint)
            self.panel.draw(self.camera.size)

    def _wake(self, target: Any) -> None:
        """Everybody's short trails, where they are switched on."""
        if not self.trails:
            if self.wakes is not None:
                self.wakes.release()
                self.wakes = None
            return
        if self.wakes is None:
            self.wakes = Wakes(self.context)
        self.wakes.update(self.camera, self.ui, self._tick, self.sprites)
        self.wakes.draw(target, self.camera)

    def _size(self, table: str) -> float:
        """The size of a table's shapes, m."""
        return next((s.columns.look.size for s in self.sprites if s.columns.look.table == table), 1.0)

    def _ring(self, home: tuple[float, float]) -> None:
        """A ring round the selected agent, wherever it is in sight, its name, and its senses in their colours."""
        camera, u, panel, theme = self.camera, self.ui, self.panel, self.theme
        sprites = self.sprites[self._rows[self.selected][0]]
        r = 0.62 * sprites.shown(camera) + 5 * u
        middle = [
            c + (h - c + w / 2) % w - w / 2 for h, c, w in zip(home, (camera.x, camera.y), camera.world, strict=True)
        ]
        x, y = camera.to_pixel(*middle)
        panel.clear()
        panel.box(x - r, y - r, 2 * r, 2 * r, theme.accent, 0.95, r, 1.6 * u)
        name = f"{sprites.columns.look.table} {self.selected >> 32}"
        named = {} if self.focus is None or self.focus.id != self.selected else senses.colours(self.focus, theme)
        width = 16 * u + panel.font.width(name, 7.5 * u)
        width += sum(16 * u + panel.font.width(word, 6.5 * u) for word in named)
        left, top = x + r + 6 * u, max(8 * u, y - r - 16 * u)
        if left + width > camera.size[0] - 8 * u:
            left = x - r - 6 * u - width  # to the other side
        panel.box(left, top, width, 19 * u, theme.panel, theme.panel_alpha, 5 * u)
        pen = left + 8 * u
        pen += panel.text(pen, top + 13 * u, name, 7.5 * u, theme.text)
        for word, colour in named.items():
            panel.box(pen + 6 * u, top + 7 * u, 5 * u, 5 * u, colour, 1.0, 2.5 * u)
            pen += 14 * u + panel.text(pen + 14 * u, top + 13 * u, word, 6.5 * u, theme.quiet) + 2 * u
        panel.draw(camera.size)

    def _mark(self, over: bool) -> None:
        marks = [mark for mark in self.marks if mark.over == over]
        drawing.draw(self.panel, marks, self.camera, self.theme, self.ui)

    def release(self) -> None:
        """Give the GPU's memory back. The context stays."""
        for thing in (
            *self.sprites,
            self.around,
            self.past,
            self.walls,
            self.panel,
            self.heat,
            self.ground,
            self.shared,
        ):
            thing.release()
        self.sprites = []
        if self.wakes is not None:
            self.wakes.release()
            self.wakes = None


def _recoloured(rows: np.ndarray, colour: str) -> np.ndarray:
    """The same shapes in another colour."""
    made = rows.copy()
    made[:, 4:7] = palette.rgb(colour)
    return made
