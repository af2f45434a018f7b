"""A window on a running world: pygame for the window and its events, moderngl for the picture.

The world runs in fixed ticks at its own pace and is drawn between two of them; how many ticks a frame takes is decided
in `pace`, what a key does in `keys`. `watch` is the whole program, `Window` the parts for a loop of one's own.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from swarm.errors import BackendError, SwarmError
from swarm.look import Look
from swarm.render import context as contexts
from swarm.render import keys, picture
from swarm.render.pace import Pace
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from swarm.render.theme import Theme

SAMPLE = 0.25  # s between two samples of the figures
STARTING = "starting: the very first run compiles its kernels, some ten seconds"


def watch(
    world: Any,
    *,
    scene: Any = None,
    looks: Iterable[Look] | None = None,
    ticks: int | None = None,
    size: tuple[int, int] = (1280, 800),
    theme: str | Theme = "dark",
    title: str | None = None,
) -> None:
    """Show the world in a window until it is closed, or until its clock has reached `ticks` more ticks.

    Raises `BackendError` with a remedy where there is no display, no OpenGL 3.3, no pygame or no moderngl.
    """
    window = Window(world, scene=scene, looks=looks, size=size, theme=theme, title=title)
    end = None if ticks is None else int(world.tick) + ticks
    try:
        while window.open and (end is None or int(world.tick) < end):
            window.frame()
    finally:
        window.close()


class Window:
    """An open window. `frame` handles the events, runs the world and draws it once; `close` gives everything back."""

    def __init__(
        self,
        world: Any,
        *,
        scene: Any = None,
        looks: Iterable[Look] | None = None,
        size: tuple[int, int] = (1280, 800),
        theme: str | Theme = "dark",
        title: str | None = None,
    ) -> None:
        self.world = world
        self.open = True
        self.pace = Pace(float(world.dt))
        self.surface: Any
        self.pygame, self.surface = _open(size)
        self.context: Any = None
        self.renderer: Renderer | None = None
        try:
            self.context = contexts.current()
            self.target = self.context.screen
            width, height = self.target.viewport[2:]
            self.dense = width / max(1, self.surface.size[0])  # px per unit of the window system
            ui = max(self.dense, _scale(self.pygame, self.dense))
            self.renderer = Renderer(
                self.context, world, (width, height), scene=scene, looks=looks, theme=theme, ui=ui, title=title
            )
            self.surface.title = f"{self.renderer.figures.title} - swarm"
        except BaseException:
            self.close()
            raise
        self.clock = self.pygame.time.Clock()
        self.dragging = False
        self.holding = 0  # the mouse button that the scene has kept, 0 for none
        self.renderer.upload(world)
        self.renderer.hint = STARTING
        self.renderer.draw(self.target)
        self.surface.flip()
        self.message, self.message_until = keys.hint(self), math.inf  # until the first tick is done, then 8 s
        self._sampled = self._last = time.perf_counter()

    @property
    def camera(self) -> Any:
        """The renderer's camera, in pixels."""
        assert self.renderer is not None
        return self.renderer.camera

    @property
    def scene(self) -> Any:
        """The scene whose world this is, or None."""
        assert self.renderer is not None
        return self.renderer.figures.scene

    def frame(self) -> None:
        """One turn of the loop: events, whole ticks, picture. At most 60 turns a second."""
        renderer = self.renderer
        assert renderer is not None
        for event in self.pygame.event.get():
            keys.handle(self, event)
        if not self.open:
            return
        now = time.perf_counter()
        elapsed, self._last = now - self._last, now
        alpha = self.pace.run(self.world, elapsed)
        if self.message_until == math.inf:
            self.say(keys.hint(self), 8.0)
        if now - self._sampled >= SAMPLE:
            renderer.figures.sample(self.world, running=not self.pace.paused)
            self._sampled = now
        renderer.note = self.pace.note
        renderer.hint = self.message if now < self.message_until else ""
        renderer.upload(self.world, alpha)
        renderer.draw(self.target)
        self.surface.flip()
        self.clock.tick(60)

    def say(self, message: str, seconds: float = 4.0) -> None:
        """Show a line at the bottom for a while."""
        self.message, self.message_until = message, time.perf_counter() + seconds

    def resized(self) -> None:
        """The window has a new size."""
        width, height = self.surface.size
        self.camera.resize((round(width * self.dense), round(height * self.dense)))

    def screenshot(self) -> None:
        """Save what the window shows, without the hint, beside the working directory's other pictures."""
        renderer = self.renderer
        assert renderer is not None
        path = _free(Path.cwd(), f"swarm-{renderer.figures.title}-{int(self.world.tick)}")
        target = Target(self.context, self.camera.size)
        hint, renderer.hint = renderer.hint, ""
        try:
            renderer.draw(target.framebuffer)
            picture.save(path, target.read())
            self.say(f"saved {path.name}")
        except SwarmError as error:
            self.say(str(error), 8.0)
        finally:
            renderer.hint = hint
            target.release()

    def close(self) -> None:
        """Close the window and give the GPU's memory back. The world is left as it is."""
        self.open = False
        if self.renderer is not None:
            self.renderer.release()
        if self.context is not None:
            self.context.release()
        if self.surface is not None:
            self.surface.destroy()
            self.pygame.display.quit()
        self.renderer = self.context = self.surface = None


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
        raise BackendError(f"window: there is no display (SDL's driver is '{driver}'). {_NO_DISPLAY}")
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


def _free(folder: Path, stem: str) -> Path:
    """The first of STEM.png, STEM-2.png, ... that does not exist."""
    number = 1
    while (path := folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")).exists():
        number += 1
    return path
