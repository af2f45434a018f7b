"""`swarm demo`: a scene in a window, in the terminal where there is no screen, or in a picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import BackendError, SaveError, SettingsError
from .world import World

PICTURE_TICKS = 600  # how long a world lives before its picture is taken, unless --ticks says otherwise
PIPED_TICKS = 1000  # where nobody watches the terminal and no end was named


def show(scene: str, values: Mapping[str, Any], *, ticks: int | None, headless: bool, screenshot: Path | None) -> None:
    """Run and show the scene. Raises SettingsError for a bad number of ticks, BackendError when a picture is asked for
    where nothing can be drawn."""
    if ticks is not None and ticks < 0:
        raise SettingsError(f"--ticks {ticks}: a number of ticks is 0 or more.")
    if screenshot is not None and not screenshot.absolute().parent.is_dir():
        raise SaveError(f"--screenshot {screenshot}: the folder does not exist. Make it first.")
    world = prepare(scene, values)
    from .scenes import load

    drawn = load(scene)  # its `look` and `statistics`
    if screenshot is not None:
        _picture(world, drawn, screenshot, PICTURE_TICKS if ticks is None else ticks)
        return
    if not headless:
        from .render import watch

        try:
            watch(world, scene=drawn, ticks=ticks)
            return
        except BackendError as error:
            print(f"{error}\nGoing on with live statistics.", file=sys.stderr)
    if ticks is None and not sys.stdout.isatty():
        ticks = PIPED_TICKS
        print(f"The output is not a terminal: stopping after {ticks} ticks (--ticks T for another end).")
    from .render import follow

    follow(world, scene=drawn, ticks=ticks)


def prepare(scene: str, values: Mapping[str, Any]) -> World:
    """The scene's world after nothing has happened yet, its kernels compiled, with a word while that takes time."""
    from rich.console import Console

    from . import scenes

    console = Console(stderr=True)
    with console.status("building the world; the first start compiles its kernels (some ten seconds) ..."):
        return scenes.scene(scene, **values)


def offscreen(scene: str, size: tuple[int, int] = (1280, 720)) -> Callable[[World], Callable[[], object]]:
    """What draws a world of this scene once, without a window: for measuring. Raises BackendError where nothing can."""

    def make(world: World) -> Callable[[], object]:
        from .render import Renderer, context
        from .scenes import load

        screen = context.headless()
        target = screen.simple_framebuffer(size, components=4)
        renderer = Renderer(screen, world, size, scene=load(scene))

        def draw() -> None:
            renderer.upload(world)
            renderer.draw(target)
            screen.finish()

        return draw

    return make


def _picture(world: World, scene: ModuleType, path: Path, ticks: int) -> None:
    from .render import follow, screenshot

    if ticks:
        follow(world, scene=scene, ticks=ticks)
    screenshot(world, path, scene=scene)
    print(f"tick {world.tick} is in {path}")
