"""What keys and mouse do in the window: one table of keys, one function for events.

A scene may take part: `pointer(world, at, phase, button) -> bool` gets the mouse at a place in metres, phase "press",
"drag" or "release", and says of a press whether it keeps it (then nothing is panned until the button is up);
`key(world, typed) -> str` gets every character that is typed, and returns what it did in words, or "" for nothing.
`HINT`, a text, is shown before the keys of the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarm.render.window import Window

WHEEL = 1.18  # zoom per step of the wheel

HINT = "drag: pan   wheel: zoom   space: pause   . step   [ ] speed   F: whole world   P: picture   H: keys   Esc: quit"
SHORT = "space: pause   [ ] speed   P: picture   Esc: quit"  # beside the keys of a scene


def hint(window: Window) -> str:
    """The keys of the scene, if it has some, and of the window."""
    own = getattr(window.scene, "HINT", "")
    return f"{own}   |   {SHORT}" if own else HINT


def handle(window: Window, event: Any) -> None:
    """Act on one pygame event."""
    pygame = window.pygame
    if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
        window.open = False
    elif event.type == pygame.KEYDOWN:
        press(window, event)
    elif event.type in (pygame.WINDOWRESIZED, pygame.WINDOWSIZECHANGED):
        window.resized()
    elif event.type == pygame.MOUSEBUTTONDOWN and point(window, event, "press", event.button):
        window.holding = event.button
    elif event.type == pygame.MOUSEBUTTONUP and event.button == window.holding:
        point(window, event, "release", event.button)
        window.holding = 0
    elif event.type == pygame.MOUSEMOTION and window.holding:
        point(window, event, "drag", window.holding)
    elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
        window.dragging = True
    elif event.type == pygame.MOUSEBUTTONUP and event.button == 1:
        window.dragging = False
    elif event.type == pygame.MOUSEMOTION and window.dragging:
        window.camera.pan(event.rel[0] * window.dense, event.rel[1] * window.dense)
    elif event.type == pygame.MOUSEWHEEL:
        steps = getattr(event, "precise_y", 0.0) or event.y
        x, y = pygame.mouse.get_pos()
        window.camera.zoom(WHEEL**steps, x * window.dense, y * window.dense)


def point(window: Window, event: Any, phase: str, button: int) -> bool:
    """Hand the mouse to the scene; whether it keeps it."""
    pointer = getattr(window.scene, "pointer", None)
    if pointer is None:
        return False
    at = window.camera.to_world(event.pos[0] * window.dense, event.pos[1] * window.dense)
    return bool(pointer(window.world, at, phase, button))


def press(window: Window, event: Any) -> None:
    """Act on a key: by the character it types where it types one, so that every keyboard layout works."""
    pygame, pace = window.pygame, window.pace
    typed = (getattr(event, "unicode", "") or "").lower()
    own = getattr(window.scene, "key", None)
    done = own(window.world, typed) if own is not None and typed else ""
    if done:
        window.say(done)
    elif event.key in (pygame.K_ESCAPE, pygame.K_q):
        window.open = False
    elif event.key == pygame.K_SPACE:
        pace.paused = not pace.paused
    elif typed == "." or event.key == pygame.K_RIGHT:
        pace.step()
    elif typed in ("]", "+", "=") or event.key in (pygame.K_UP, pygame.K_KP_PLUS):
        pace.faster()
    elif typed in ("[", "-") or event.key in (pygame.K_DOWN, pygame.K_KP_MINUS):
        pace.slower()
    elif event.key in (pygame.K_F12, pygame.K_p):
        window.screenshot()
    elif event.key in (pygame.K_f, pygame.K_HOME):
        window.camera.fit()
    elif event.key in (pygame.K_h, pygame.K_F1):
        window.say(hint(window), 12.0)
