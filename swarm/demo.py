"""`swarm demo`: a scene in a window, in the terminal where there is no screen, in a picture, a video or a page."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import scenes
from .errors import BackendError, SaveError, SettingsError
from .world import World

if TYPE_CHECKING:
    from .options import Shown

FILE_TICKS = 600  # how long a world lives in a file, unless --ticks says otherwise
PIPED_TICKS = 1000  # where nobody watches the terminal and no end was named
LEAD = 90  # of them are looked at, so that trails and a mind's history are there; for lines of descent all are
WORTH = ("oldest", "richest", "fertile")  # what may be selected, beside an id
KINDS = (".mp4", ".html")


def show(
    scene: str,
    values: Mapping[str, Any],
    *,
    ticks: int | None,
    headless: bool,
    screenshot: Path | None,
    record: Path | None,
    shown: Shown,
) -> None:
    """Run and show the scene.

    Raises SettingsError for options that do not fit, SaveError for places that cannot be written to, before the first
    tick; BackendError when a file is asked for where nothing can be drawn.
    """
    _refuse(ticks, headless, screenshot, record, shown)
    world = scenes.scene(scene, **values)
    if watch := getattr(scenes.load(scene), "WATCH", ""):
        print(f"Watch for: {watch}")
    if headless and record is not None:
        _record(world, record, FILE_TICKS if ticks is None else ticks, shown)
        if screenshot is not None:
            _picture(world, screenshot, 0, shown)
    elif screenshot is not None:
        _picture(world, screenshot, FILE_TICKS if ticks is None else ticks, shown)
    elif headless or not _window(world, ticks, record, shown):
        _terminal(world, ticks)


def _refuse(ticks: int | None, headless: bool, screenshot: Path | None, record: Path | None, shown: Shown) -> None:
    if ticks is not None and ticks < 0:
        raise SettingsError(f"--ticks {ticks}: a number of ticks is 0 or more.")
    for option, path in (("--screenshot", screenshot), ("--record", record)):
        if path is not None and not path.absolute().parent.is_dir():
            raise SaveError(f"{option} {path}: the folder does not exist. Make it first.")
        if path is not None and path.is_dir():
            raise SaveError(f"{option} {path}: this is a folder. Name a file in it.")
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise SettingsError(f"--screenshot {screenshot}: pictures are PNG files. Give a name that ends in .png.")
    if record is not None and record.suffix.lower() not in KINDS:
        raise SettingsError(f"--record {record}: give a video, F.mp4, or a page for browsers, F.html.")
    if screenshot is not None and record is not None and not headless:
        raise SettingsError("--screenshot and --record: add --headless, or leave one of them out.")
    if shown.select is not None and not shown.select.replace(".", "", 1).isdigit() and shown.select not in WORTH:
        raise SettingsError(f"--select {shown.select}: give an id, or one of {', '.join(WORTH)}.")
    if not 0.0 < shown.zoom < float("inf"):
        raise SettingsError(f"--zoom {shown.zoom}: give how much closer, such as --zoom 4.")
    shown.pixels((1, 1))


def _window(world: World, ticks: int | None, record: Path | None, shown: Shown) -> bool:
    """Show a window until it is closed; whether there was one. Raises `BackendError` where it was to be recorded."""
    from .render import watch

    try:
        watch(world, ticks=ticks, size=shown.pixels((1280, 800)), theme=shown.theme, colour=shown.colour, record=record)
        return True
    except BackendError as error:
        if record is not None:
            raise
        print(f"{error}\nGoing on with live statistics.", file=sys.stderr)
        return False


def _terminal(world: World, ticks: int | None) -> None:
    from .render import follow

    if ticks is None and not sys.stdout.isatty():
        ticks = PIPED_TICKS
        print(f"The output is not a terminal: stopping after {ticks} ticks (--ticks T for another end).")
    follow(world, ticks=ticks)


def _picture(world: World, path: Path, ticks: int, shown: Shown) -> None:
    from .render import Drawer, follow, save

    lead = ticks if shown.colour == "lineage" else min(ticks, LEAD) if shown.select or shown.trails else 0
    drawer = Drawer(world, shown.pixels((1600, 900)), **{**shown.of_picture(), "select": None})
    try:
        drawer.figures = follow(world, ticks=ticks - lead)
        drawer.renderer.jump()
        rate = drawer.figures.rate
        for left in range(lead, -1, -1):
            if shown.select and left == min(lead, LEAD):
                drawer.select(shown.select, shown.zoom)
            if not left:
                break
            world.step()
            drawer() if shown.trails and left <= LEAD else drawer.look()
            if left % 8 == 0:
                drawer.sample()
        drawer.sample()
        drawer.figures.rate = rate  # without what was drawn
        drawer()
        save(path, drawer.read())
    finally:
        drawer.release()
    print(f"tick {world.tick} is in {path}")


def _record(world: World, path: Path, ticks: int, shown: Shown) -> None:
    from .render import film, page

    first = int(world.tick)
    try:
        if path.suffix.lower() == ".html":
            page(world, path, ticks)
        else:
            film(world, path, ticks, shown.pixels((1280, 720)), **shown.of_picture())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_recorded(world, path, first)) from None
    print(_recorded(world, path, first))


def _recorded(world: World, path: Path, first: int) -> str:
    if not path.exists():  # stopped before the first picture
        return f"Nothing was recorded in {path}."
    return f"ticks {first} to {world.tick} are in {path}, {path.stat().st_size / 1e6:.1f} MB"
