"""`swarm demo`: a scene in a window, in the terminal where there is no screen, or in a picture."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import scenes
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
    world = scenes.scene(scene, **values)
    if screenshot is not None:
        _picture(world, screenshot, PICTURE_TICKS if ticks is None else ticks)
        return
    if not headless:
        from .render import watch

        try:
            watch(world, ticks=ticks)
            return
        except BackendError as error:
            print(f"{error}\nGoing on with live statistics.", file=sys.stderr)
    if ticks is None and not sys.stdout.isatty():
        ticks = PIPED_TICKS
        print(f"The output is not a terminal: stopping after {ticks} ticks (--ticks T for another end).")
    from .render import follow

    follow(world, ticks=ticks)


def _picture(world: World, path: Path, ticks: int) -> None:
    from .render import follow, screenshot

    figures = follow(world, ticks=ticks)
    screenshot(world, path, figures=figures)
    print(f"tick {world.tick} is in {path}")
