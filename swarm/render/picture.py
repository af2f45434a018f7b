"""A picture without a window: PNG files from an off-screen framebuffer."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from swarm.errors import SaveError, SettingsError
from swarm.look import Look
from swarm.render import context as contexts
from swarm.render import deeds
from swarm.render.figures import Figures
from swarm.render.target import Target
from swarm.render.theme import Theme
from swarm.render.view import View

FRAME = 1 / 30  # s that the panels take a picture to last


def pixels(world: Any, size: tuple[int, int] = (1600, 900), **options: Any) -> np.ndarray:
    """The picture as uint8 [height, width, 3], top row first; options as for `Drawer`.

    Raises `BackendError` where nothing can be drawn, `SettingsError` for a size without area and for options that do
    not fit.
    """
    drawer = Drawer(world, size, **{"fill": None, **options})
    try:
        drawer()
        return drawer.read()
    finally:
        drawer.release()


def screenshot(world: Any, path: str | Path, size: tuple[int, int] = (1600, 900), **options: Any) -> Path:
    """Draw the world into the PNG file `path`; options as for `Drawer`. Returns the path.

    Raises `SaveError` when it cannot be written; nothing half-written is left.
    """
    path = Path(path)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SaveError(f"picture: {path} cannot be written: its folder is missing or it is a folder itself.")
    return save(path, pixels(world, size, **options))


class Drawer:
    """Draws a world off the screen again and again: `draw = Drawer(world)`, then `draw()`. For pictures and video.

    scene, looks, theme, title  as for `watch`
    ui       the overlay's scale, by default the height over 900, with panels 1 at least; `hud` False leaves it out
    fill     1 shows the whole world, more comes closer; None: the world fills the picture to its edges
    figures  what `follow` returned, so that the overlay shows the run's rates and curves
    select   an id to put under the microscope, or "oldest", "richest", "fertile"
    zoom     how much closer the selected agent is than the whole world, which is then in the middle of the picture
    colour   what agents are coloured by, one of `Renderer.colourings`
    panels   "brain", "charts", "scene" or "moments" beside the picture; needs imgui-bundle
    trails   where agents came from

    Raises `BackendError` where nothing can be drawn, `SettingsError` for what does not fit.
    """

    def __init__(
        self,
        world: Any,
        size: tuple[int, int] = (1280, 720),
        *,
        scene: Any = None,
        looks: Iterable[Look] | None = None,
        theme: str | Theme = "dark",
        title: str | None = None,
        ui: float | None = None,
        hud: bool = True,
        fill: float | None = 1.0,
        figures: Figures | None = None,
        select: int | str | None = None,
        zoom: float = 1.0,
        colour: str | None = None,
        panels: str | None = None,
        trails: bool = False,
    ) -> None:
        width, height = (int(x) for x in size)
        if not (0 < width <= 16384 and 0 < height <= 16384):
            raise SettingsError(f"picture: size {tuple(size)} is not a width and height between 1 and 16384 px.")
        self._kind = ""  # of the selected agent, where it was chosen by its kind
        self.context = contexts.headless()
        self.view: Any = None
        self.target: Any = None
        try:
            self.target = Target(self.context, (width, height))
            self.view = View(
                self.context,
                world,
                (width, height),
                scene=scene,
                looks=looks,
                theme=theme,
                title=title,
                figures=figures,
                ui=ui if ui is not None else max(0.6 if panels is None else 1.0, height / 900),
                panels=panels is not None,
            )
            if self.view.panels is not None:
                self.view.panels.bare = True
            if not hud:
                self.renderer.hud = None
            self.renderer.camera.cover() if fill is None else self.renderer.camera.fit(fill)
            self.renderer.trails = trails
            self._tab = "" if panels is None else panels.title()
            if panels is not None and self.view.panels is None:
                raise SettingsError(self.view.message)
            if colour is not None:
                deeds.colour_by(self.view, colour)
            if select is not None:
                self.select(select, zoom)
        except BaseException:
            self.release()
            raise

    @property
    def world(self) -> Any:
        """The world that is drawn."""
        return self.view.world

    @property
    def renderer(self) -> Any:
        """The `Renderer` that draws it."""
        return self.view.renderer

    @property
    def figures(self) -> Any:
        """The figures that the overlay and the charts show; may be set to those of `follow`."""
        return self.renderer.figures

    @figures.setter
    def figures(self, figures: Figures) -> None:
        self.renderer.figures = figures

    def look(self) -> None:
        """Read what is shown, without drawing it: what trails, lines and a mind's history are made of, tick by tick.

        Where the "oldest", "richest" or "fertile" one was selected and has died, the next one of the kind is, as long
        as there is one.
        """
        self.view.refresh()
        self.view.idle(sample=False)
        scope = self.view.microscope
        if self._kind and scope is not None and not scope.alive:
            with suppress(SettingsError):
                self.select(self._kind)

    def __call__(self, alpha: float | None = None) -> None:
        """Read the columns, draw, and wait until the picture is done."""
        self.look()
        if self.view.panels is not None:
            self.view.panels.turn_to(self._tab)
        self.renderer.show(alpha)
        self.view.draw(self.target.framebuffer, FRAME)
        self.context.finish()

    def sample(self) -> None:
        """Have the overlay's figures and the charts go on."""
        self.renderer.figures.sample(self.world)

    def select(self, who: int | str, zoom: float = 1.0) -> None:
        """Put an agent under the microscope and, `zoom` times closer, into the middle. Errors as for `select` above."""
        self._kind = str(who) if str(who).isalpha() else ""
        self.renderer.camera.zoom(zoom, *(side / 2 for side in self.renderer.camera.size))
        deeds.select(self.view, who)
        self.view.following = True

    def read(self) -> np.ndarray:
        """The last picture: uint8 [height, width, 3], top row first."""
        return self.target.read()

    def release(self) -> None:
        """Give everything back."""
        for thing in (self.view, self.target, self.context):
            if thing is not None:
                thing.release()


def save(path: Path, image: np.ndarray) -> Path:
    """Write uint8 [height, width, 3] as a PNG file, whole or not at all."""
    height, width, _ = image.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each row starts with its filter: 1, difference to the left
    rows[:, 0] = 1
    flat = image.reshape(height, 3 * width)
    rows[:, 1:] = flat
    rows[:, 4:] -= flat[:, :-3]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, body)
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows.tobytes(), 7)),
            (b"IEND", b""),
        )
    )
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.absolute().parent, suffix=".part", delete=False) as file:
            temporary = file.name
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise SaveError(f"picture: {path} cannot be written ({error.strerror}).") from None
    return path


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
