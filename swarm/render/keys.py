"""What keys and mouse do in the window: one table of keys, which the help shows, and one function for events.

A scene may take part: `pointer(world, at, phase, button) -> bool` gets the mouse at a place in metres, phase "press",
"drag" or "release", and says of a press whether it keeps it (then nothing is panned until the button is up; with shift
the mouse is always the window's); `key(world, typed) -> str` gets every character that is typed, and returns what it
did in words, or "" for nothing. `HINT`, a text, is shown before the keys of the window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from swarm.errors import SwarmError
from swarm.render import deeds

if TYPE_CHECKING:
    from swarm.render.window import Window

WHEEL = 1.18  # zoom per step of the wheel
STILL = 4.0  # pt that the mouse may move between press and release of a click

HINT = "click: open a mind   N: one worth a look   drag, wheel: move   space: pause   H: all keys"
SHORT = "N: a mind worth a look   space: pause   H: all keys"  # beside the keys of a scene
WAYS = {"up": "up", "w": "up", "down": "down", "s": "down", "left": "left", "a": "left", "right": "right", "d": "right"}


class Key(NamedTuple):
    """A row of the table. names: as typed, or as pygame names keys that type nothing; the first is shown."""

    names: tuple[str, ...]
    words: str
    do: Callable[[Window], Any]


def _pause(window: Window) -> None:
    window.view.pace.paused = not window.view.pace.paused


TABLE: dict[str, tuple[Key, ...]] = {
    "Time": (
        Key(("space",), "pause and go on", _pause),
        Key((".",), "one tick", lambda w: w.view.step()),
        Key(("]", "+", "=", "[+]"), "faster, up to as fast as it goes", lambda w: w.view.pace.faster()),
        Key(("[", "-", "[-]"), "slower", lambda w: w.view.pace.slower()),
        Key(("backspace",), "back to the moment before", lambda w: deeds.back(w.view)),
        Key(("m",), "keep this moment", lambda w: deeds.keep(w.view)),
        Key(("r",), "from the beginning", lambda w: w.view.restart()),
        Key(("R",), "with another seed", lambda w: deeds.reseed(w.view)),
    ),
    "Picture": (
        Key(("f", "home"), "the whole world", lambda w: deeds.whole(w.view)),
        Key(("c",), "colour by something else", lambda w: deeds.colour(w.view, 1)),
        Key(("C",), "and back", lambda w: deeds.colour(w.view, -1)),
        Key(("t",), "trails", lambda w: deeds.trails(w.view)),
        Key(("l",), "light or dark", lambda w: deeds.light(w.view)),
        Key(("tab",), "panels", lambda w: w.toggle_panels()),
        Key(("f11",), "full screen", lambda w: w.toggle_full_screen()),
    ),
    "Agent": (
        Key(("n",), "open a mind worth a look", lambda w: deeds.worthy(w.view)),
        Key(("g",), "follow it", lambda w: deeds.follow(w.view)),
        Key(("k",), "drive it: arrows or W A S D", lambda w: deeds.drive(w.view)),
        Key(("x",), "let it go", lambda w: w.view.select(0)),
    ),
    "Files": (
        Key(("p", "f12"), "picture", lambda w: w.screenshot()),
        Key(("v",), "video, and end it", lambda w: w.toggle_video()),
        Key(("h", "?", "f1"), "these keys", lambda w: w.toggle_help()),
        Key(("escape", "q"), "back, then leave", lambda w: w.leave()),
    ),
}
MOUSE = (("click", "open a mind"), ("drag", "move about"), ("wheel", "closer, to the cursor"))
_BY_NAME = {name: key for keys in TABLE.values() for key in keys for name in key.names}


def hint(window: Window) -> str:
    """The keys of the scene, if it has some, and of the window."""
    own = getattr(window.scene, "HINT", "")
    return f"{own}   |   {SHORT}" if own else HINT


def handle(window: Window, event: Any) -> None:
    """Act on one pygame event: the panels are asked first, then the scene."""
    pygame, view = window.pygame, window.view
    if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
        window.open = False
    elif event.type in (pygame.WINDOWRESIZED, pygame.WINDOWSIZECHANGED):
        window.resized()
    elif _of_panels(window, event):
        pass
    elif event.type == pygame.KEYDOWN:
        press(window, event)
    elif event.type == pygame.KEYUP:
        _steer(window, event, down=False)
    elif event.type == pygame.MOUSEBUTTONDOWN and point(window, event, "press", event.button):
        window.holding = event.button
    elif event.type == pygame.MOUSEBUTTONUP and event.button == window.holding:
        point(window, event, "release", event.button)
        window.holding = 0
    elif event.type == pygame.MOUSEMOTION and window.holding:
        point(window, event, "drag", window.holding)
    elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
        window.pressed = event.pos
    elif event.type == pygame.MOUSEBUTTONUP and event.button == 1 and window.pressed is not None:
        moved = math.dist(event.pos, window.pressed)
        window.pressed = None
        if moved <= STILL:
            view.pointed = view.renderer.pick(*_pixel(window, event.pos))
            view.select(view.pointed)
    elif event.type == pygame.MOUSEMOTION and window.pressed is not None:
        view.following &= math.dist(event.pos, window.pressed) <= STILL
        view.camera.pan(event.rel[0] * window.dense, event.rel[1] * window.dense)
    elif event.type == pygame.MOUSEWHEEL:
        steps = getattr(event, "precise_y", 0.0) or event.y
        view.camera.zoom(WHEEL**steps, *_pixel(window, pygame.mouse.get_pos()))


def point(window: Window, event: Any, phase: str, button: int) -> bool:
    """Hand the mouse to the scene; whether it keeps it."""
    pointer = getattr(window.scene, "pointer", None)
    if pointer is None or (phase == "press" and window.pygame.key.get_mods() & window.pygame.KMOD_SHIFT):
        return False
    at = window.camera.to_world(*_pixel(window, event.pos))
    kept = bool(_ask(window, pointer, at, phase, button))
    if kept or phase != "press":
        window.view.changed()
    return kept


def _ask(window: Window, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of the scene on its idle world; what it refuses is said in a line."""
    window.view.settle()
    try:
        return function(window.world, *arguments)
    except SwarmError as error:
        window.view.say(str(error), 8.0)
        return None


def press(window: Window, event: Any) -> None:
    """Act on a key: by the character it types where it types one, so that every keyboard layout works."""
    typed, view = getattr(event, "unicode", "") or "", window.view
    if _steer(window, event, down=True):
        return
    own = getattr(window.scene, "key", None)
    if own is not None and typed and (done := _ask(window, own, typed.lower())):
        view.changed()
        view.say(done)
        return
    name = window.pygame.key.name(event.key)
    key = _BY_NAME.get(typed) or _BY_NAME.get(typed.lower()) or _BY_NAME.get(name)
    if key is not None:
        key.do(window)


def _steer(window: Window, event: Any, down: bool) -> bool:
    """Arrows and W A S D drive the agent that is driven; whether they did."""
    name, view = window.pygame.key.name(event.key), window.view
    if not down:
        window.held.discard(name)  # also where nobody is driven any more
    if name not in WAYS or view.microscope is None or not view.microscope.driving:
        return False
    if down:
        window.held.add(name)
    deeds.steer(view, {WAYS[held] for held in window.held})
    return True


def _of_panels(window: Window, event: Any) -> bool:
    """Hand an event to the panels; whether they keep it."""
    panels, pygame = window.view.panels, window.pygame
    if panels is None or not panels.shown:
        return False
    if event.type == pygame.MOUSEMOTION:
        return panels.mouse(*_pixel(window, event.pos)) and window.pressed is None and not window.holding
    if event.type in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
        panels.mouse(*_pixel(window, event.pos))
        kept = panels.button(event.button, event.type == pygame.MOUSEBUTTONDOWN)
        return kept and window.pressed is None and not window.holding
    if event.type == pygame.MOUSEWHEEL:
        panels.mouse(*_pixel(window, pygame.mouse.get_pos()))
        return panels.wheel(getattr(event, "precise_y", 0.0) or event.y)
    if event.type in (pygame.KEYDOWN, pygame.KEYUP):
        down = event.type == pygame.KEYDOWN
        kept = panels.key(pygame.key.name(event.key), down, _modifiers(pygame))
        if kept and down and (typed := getattr(event, "unicode", "")):
            panels.text(typed)
        return kept and down  # a key that was held when typing began is let go, too
    return False


def _modifiers(pygame: Any) -> tuple[str, ...]:
    held = pygame.key.get_mods()
    names = {"ctrl": pygame.KMOD_CTRL, "shift": pygame.KMOD_SHIFT, "alt": pygame.KMOD_ALT}
    return tuple(name for name, bit in names.items() if held & bit)


def _pixel(window: Window, pos: tuple[float, float]) -> tuple[float, float]:
    return pos[0] * window.dense, pos[1] * window.dense
