"""A window on a running world: pygame for the window and its events, a `View` for all that is in it.

`watch` is the whole program, `Window` the parts for a loop of one's own. What a key does stands in `keys`.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from swarm.errors import BackendError, SwarmError
from swarm.look import Look
from swarm.render import context as contexts
from swarm.render import deeds, keys, picture
from swarm.render.recording import Film
from swarm.render.replay import ReplayWriter
from swarm.render.sheet import Sheet
from swarm.render.target import Target
from swarm.render.theme import Theme
from swarm.render.view import View

STARTING = "starting: the very first run compiles its kernels, some ten seconds"
NO_PANELS = f"panels need imgui-bundle. Remedy: {contexts.install()}"
BUDGET = 2**30  # bytes of the time machine
FRAMES = 60  # a second, at most


def watch(
    world: Any,
    *,
    scene: Any = None,
    looks: Iterable[Look] | None = None,
    ticks: int | None = None,
    size: tuple[int, int] = (1280, 800),
    theme: str | Theme = "dark",
    title: str | None = None,
    hint: str | None = None,
    colour: str | None = None,
    record: str | Path | None = None,
    budget: int = BUDGET,
) -> None:
    """Show the world in a window until it is closed, or until its clock has reached `ticks` more ticks.

    hint: one line on what to watch for, shown at the start; by default the scene's WATCH. colour: what agents are
    coloured by, one of `Renderer.colourings`. record: a video of all that is shown, .mp4, or a page for browsers,
    .html; however the window ends, the file is finished. budget: bytes that the time machine may take.

    Raises `BackendError` with a remedy where there is no display, no OpenGL 3.3, no pygame or no moderngl, and when the
    OpenGL context is lost; the world then stands at a whole tick. For a video also `ExtraError` and `SaveError`.
    """
    window = Window(
        world,
        scene=scene,
        looks=looks,
        size=size,
        theme=theme,
        title=title,
        hint=hint,
        colour=colour,
        record=record,
        budget=budget,
    )
    window.view.end = None if ticks is None else int(world.tick) + ticks
    try:
        while window.open and (window.view.end is None or window.view.tick < window.view.end):
            window.frame()
    finally:
        window.close()


class Window:
    """An open window. `frame` handles the events, runs the world and draws it once; `close` gives everything back.

    Arguments and errors as for `watch`. `world` is the one shown now: after a restart it is another.
    """

    def __init__(
        self,
        world: Any,
        *,
        scene: Any = None,
        looks: Iterable[Look] | None = None,
        size: tuple[int, int] = (1280, 800),
        theme: str | Theme = "dark",
        title: str | None = None,
        hint: str | None = None,
        colour: str | None = None,
        record: str | Path | None = None,
        budget: int = BUDGET,
    ) -> None:
        self.open = True
        self.surface: Any = None
        self.context: Any = None
        self.view: Any = None
        self.film: Film | None = None
        self.sheet: Any = None
        self.pygame, self.surface = _open(size)
        try:
            self.context = contexts.current()
            self.target = self.context.screen
            width, height = self.target.viewport[2:]
            self.dense = width / max(1, self.surface.size[0])  # px per unit of the window system
            ui = max(self.dense, _scale(self.pygame, self.dense))
            self.view = View(
                self.context,
                world,
                (width, height),
                scene=scene,
                looks=looks,
                theme=theme,
                ui=ui,
                title=title,
                panels=True,
                budget=budget,
            )
            if colour is not None:
                deeds.colour_by(self.view, colour)
            self.sheet = Sheet(self.context, ui)
            self.surface.title = f"{self.view.figures.title} - swarm"
            if record is not None and Path(record).suffix.lower() == ".html":
                self.view.page = ReplayWriter(record, world, scene=self.scene, looks=looks, title=title, hint=hint)
            elif record is not None:
                self.film = Film(Path(record), self.camera.size)
            self.view.recording = "recording" if record is not None else ""
            if self.view.panels is not None:
                self.view.panels.shown = getattr(self.scene, "PANELS", True)
        except BaseException:
            self.close()
            raise
        self.clock = self.pygame.time.Clock()
        self.pressed: tuple[int, int] | None = None  # where the mouse went down to click or to pan
        self.holding = 0  # the mouse button that the scene has kept, 0 for none
        self.held: set[str] = set()  # direction keys that are down
        self.watch = hint or getattr(self.scene, "WATCH", "")
        self._full = False
        self._started = False
        self.view.say(STARTING, math.inf)  # until the first tick is done
        self.view.renderer.show(None)
        self._draw(0.0)

    @property
    def world(self) -> Any:
        """The world that is shown."""
        return self.view.world

    @property
    def camera(self) -> Any:
        """The renderer's camera, in pixels."""
        return self.view.camera

    @property
    def scene(self) -> Any:
        """The scene whose world this is, or None."""
        return self.view.scene

    @property
    def message(self) -> str:
        """The line at the bottom, which may have gone already."""
        return self.view.message

    def frame(self) -> None:
        """One turn of the loop: events, ticks, picture. At most `FRAMES` turns a second."""
        for event in self.pygame.event.get():
            keys.handle(self, event)
        if not self.open:
            return
        if not self._started and (self.view.pace.cost > 0.0 or self.view.pace.paused):
            self._started = True
            lines = [self.watch, "H: all keys"] if self.watch else [keys.hint(self)]
            self.view.say("   |   ".join([*lines, *([] if self.view.panels else [NO_PANELS])]), 12.0)
        self._draw(None)
        self.clock.tick(FRAMES)

    def _draw(self, elapsed: float | None) -> None:
        begun = time.perf_counter()
        try:
            if elapsed is None:
                self.view.frame(self.target)
            else:
                self.view.draw(self.target)
            self._shoot(begun)
            self.sheet.draw(self.target, self.view.theme)
            self.surface.flip()
        except Exception as error:
            if not contexts.lost(self.context, error):
                raise
            raise BackendError(
                f"window: the OpenGL context was lost ({error}); the world stands unharmed at tick {self.world.tick}. "
                "Remedy: start again, or go on without a window (--headless)."
            ) from None

    def resized(self) -> None:
        """The window has a new size."""
        width, height = self.surface.size
        self.camera.resize((max(1, round(width * self.dense)), max(1, round(height * self.dense))))

    def leave(self) -> None:
        """One step back: close the help, give an agent back, let it go; then close the window."""
        if self.sheet.shown:
            self.sheet.shown = False
        elif (scope := self.view.microscope) is not None:
            deeds.drive(self.view) if scope.driving else self.view.select(0)
        else:
            self.open = False

    def toggle_help(self) -> None:
        """Show all keys, or no longer."""
        self.sheet.shown = not self.sheet.shown

    def toggle_panels(self) -> None:
        """Show the panels, or no longer."""
        if self.view.panels is None:
            self.view.say(NO_PANELS, 8.0)
        else:
            self.view.panels.shown = not self.view.panels.shown

    def toggle_full_screen(self) -> None:
        """To the whole screen, and back."""
        self._full = not self._full
        if self._full:
            self.surface.set_fullscreen(True)
        else:
            self.surface.set_windowed()

    def toggle_video(self) -> None:
        """Begin to record what is shown, beside the working directory's other files; or end and keep it."""
        if self.film is not None:
            self._stop_film()
            return
        path = self._free("mp4")
        try:
            self.film = Film(path, self.camera.size)
            self.view.recording = "recording"
            self.view.say(f"recording {path.name}; V ends it")
        except SwarmError as error:
            self.view.say(str(error), 8.0)

    def _shoot(self, now: float) -> None:
        """Add the picture to the video, if there is one."""
        if self.film is not None:
            try:
                self.film.frame(self.target, now)
            except SwarmError as error:
                self._stop_film(error)

    def _stop_film(self, error: SwarmError | None = None) -> None:
        film, self.film = self.film, None
        self.view.recording = "" if self.view.page is None else "recording"
        assert film is not None
        try:
            film.close()
        except SwarmError as last:
            error = error or last
        self.view.say(f"saved {film.path.name}" if error is None else str(error), 8.0)

    def screenshot(self) -> None:
        """Save what the window shows, without the hint, beside the working directory's other pictures."""
        path = self._free("png")
        target = Target(self.context, self.camera.size)
        message, self.view.message = self.view.message, ""
        try:
            self.view.draw(target.framebuffer)
            picture.save(path, target.read())
            self.view.say(f"saved {path.name}")
        except SwarmError as error:
            self.view.say(str(error), 8.0)
        finally:
            self.view.message = self.view.message or message
            target.release()

    def _free(self, kind: str) -> Path:
        return _free(Path.cwd(), f"swarm-{self.view.figures.title}-{self.view.tick}", kind)

    def close(self) -> None:
        """Finish the video, close the window and give the GPU's memory back. The world stands at a whole tick."""
        self.open = False
        if self.surface is None:
            return
        with ExitStack() as ends:  # each, last in first out, whatever goes wrong with another
            ends.callback(self.pygame.display.quit)
            ends.callback(self.surface.destroy)
            for thing in (self.context, self.sheet):
                if thing is not None:
                    ends.callback(thing.release)
            if self.view is not None:
                if self.view.page is not None:
                    ends.callback(self.view.page.close)
                ends.callback(self.view.release)  # no tick is under way from here on
            if self.film is not None:
                ends.callback(self.film.close)
            self.film = self.context = self.surface = None


def _open(size: tuple[int, int]) -> tuple[Any, Any]:
    """The module pygame and an open window with an OpenGL 3.3 context made current."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("SDL_WINDOWS_DPI_AWARENESS", "permonitorv2")
    try:
        import pygame
    except ImportError as error:
        raise BackendError(f"window: pygame-ce cannot be imported ({error}). Remedy: {contexts.install()}") from None
    if not hasattr(pygame, "IS_CE"):
        raise BackendError(
            "window: this is classic pygame, or both are installed over each other. "
            "Remedy: pip uninstall -y pygame pygame-ce, then pip install pygame-ce"
        )
    contexts.library()
    asked = os.environ.get("SDL_VIDEODRIVER", "")
    screen = asked or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        raise BackendError(f"window: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set). {_NO_DISPLAY}")
    try:
        pygame.display.init()
    except pygame.error as error:
        raise BackendError(f"window: the display cannot be used ({error}). {_NO_DISPLAY}") from None
    driver = pygame.display.get_driver()
    if driver == "dummy" or (driver == "offscreen" and asked != driver):  # SDL falls back to these by itself
        pygame.display.quit()
        where = f" at '{screen}'" if screen and not asked else ""
        raise BackendError(f"window: there is no display{where} (SDL's driver is '{driver}'). {_NO_DISPLAY}")
    attributes = (
        (pygame.GL_CONTEXT_MAJOR_VERSION, 3),
        (pygame.GL_CONTEXT_MINOR_VERSION, 3),
        (pygame.GL_CONTEXT_PROFILE_MASK, pygame.GL_CONTEXT_PROFILE_CORE),
        (pygame.GL_DOUBLEBUFFER, 1),
    )
    for name, value in attributes:
        pygame.display.gl_set_attribute(name, value)
    if sys.platform == "darwin":
        pygame.display.gl_set_attribute(pygame.GL_CONTEXT_FLAGS, pygame.GL_CONTEXT_FORWARD_COMPATIBLE_FLAG)
    try:
        surface = pygame.Window("swarm", size, opengl=True, resizable=True, allow_high_dpi=True)
    except pygame.error as error:
        pygame.display.quit()
        raise BackendError(
            f"window: no OpenGL 3.3 on this display ({error}). Remedy: update the graphics driver, "
            "or run without a window (--headless)."
        ) from None
    surface.minimum_size = 320, 240
    return pygame, surface


_NO_DISPLAY = (
    "Remedy: run where there is a screen, or without a window (--headless), or make a picture (--screenshot F.png)."
)


def _scale(pygame: Any, dense: float) -> float:
    """Scale of the overlay: larger on displays of 1,700 lines and more that are not scaled already."""
    if dense > 1.0:
        return dense
    sizes = pygame.display.get_desktop_sizes()
    return 1.5 if sizes and min(sizes[0]) >= 1700 else 1.0


def _free(folder: Path, stem: str, kind: str) -> Path:
    """The first of STEM.kind, STEM-2.kind, ... that does not exist."""
    number = 1
    while (path := folder / (f"{stem}.{kind}" if number == 1 else f"{stem}-{number}.{kind}")).exists():
        number += 1
    return path
