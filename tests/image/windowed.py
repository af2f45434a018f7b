"""The program the window tests drive: opens a window on known agents and writes what it sees, one JSON line a frame.

python -m tests.image.windowed world        ends with the window, or after 90 s
python -m tests.image.windowed minds        the same with foragers, their minds and all that can be done to them
python -m tests.image.windowed post         posts the events of `test_window` itself and ends
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

import swarm
from swarm import Component, f32
from swarm.render.window import Window


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


def world() -> Any:
    made = swarm.World(size=(80, 50), tick=1 / 60, backend="reference", seed=1)
    made.spawn(200, Body(pos=made.scatter, vel=np.float32([1.0, 0.5])), name="agent")
    made.schedule = (swarm.move(Body.pos, Body.vel),)
    return made


def state(window: Window) -> dict[str, Any]:
    """What the tests ask about."""
    camera, pace = window.camera, window.view.pace
    return {
        "tick": window.world.tick,
        "paused": pace.paused,
        "speed": pace.speed,
        "x": camera.x,
        "y": camera.y,
        "scale": camera.scale,
        "size": list(camera.size),
        "under": camera.to_world(200, 150),
        "message": window.message,
        "open": window.open,
        "theme": window.view.theme.name,
        "colouring": window.view.renderer.colouring,
        "trails": window.view.renderer.trails,
        "help": window.sheet.shown,
        "panels": window.view.panels is not None and window.view.panels.shown,
        "film": window.film is not None,
        **selected(window),
    }


def selected(window: Window) -> dict[str, Any]:
    """About the agent under the microscope, and one on the screen."""
    view, scope = window.view, window.view.microscope
    sprites = view.renderer.sprites[-1].columns
    width, height = window.camera.size
    found: dict[str, Any] = {"seed": int(window.world.seed), "selected": 0, "following": view.following}
    middle = view.renderer.pick(width / 2, height / 2, reach=min(width, height) / 2)
    place = view.renderer.place(middle) if middle else None
    if place is not None:
        x, y = window.camera.to_pixel(*place)
        found["near"] = {"id": middle, "at": [x % (window.camera.world[0] * window.camera.scale), y], "of": sprites.n}
    if scope is not None:
        found |= {
            "selected": scope.id,
            "driving": scope.driving,
            "actions": scope.actions.tolist(),
            "alive": scope.alive,
        }
    return found


def posted(window: Window) -> None:
    """Post one event after the other and write the state after each."""
    pygame = window.pygame

    def key(name: str, unicode: str = "") -> Any:
        return pygame.event.Event(pygame.KEYDOWN, key=getattr(pygame, name), unicode=unicode, mod=0)

    mouse = pygame.event.Event
    pygame.mouse.get_pos = lambda: (200, 150)  # no pointer can be moved where there is no screen
    events = [
        ("start", None),
        ("pause", key("K_SPACE", " ")),
        ("step", key("K_PERIOD", ".")),
        ("wait", None),
        ("zoom", mouse(pygame.MOUSEWHEEL, x=0, y=3, precise_x=0.0, precise_y=3.0)),
        ("press", mouse(pygame.MOUSEBUTTONDOWN, button=1, pos=(300, 300))),
        ("drag", mouse(pygame.MOUSEMOTION, pos=(340, 280), rel=(40, -20), buttons=(1, 0, 0))),
        ("release", mouse(pygame.MOUSEBUTTONUP, button=1, pos=(340, 280))),
        ("move", mouse(pygame.MOUSEMOTION, pos=(400, 400), rel=(60, 120), buttons=(0, 0, 0))),
        ("whole", key("K_f", "f")),
        ("faster", key("K_RIGHTBRACKET", "]")),
        ("slower", key("K_MINUS", "-")),
        ("picture", key("K_F12")),
        ("run", key("K_SPACE", " ")),
        ("quit", key("K_ESCAPE")),
    ]
    for name, event in events:
        if event is not None:
            pygame.event.post(event)
        window.frame()
        if not window.open:
            window.close()
            print(json.dumps({"event": name, "open": False}), flush=True)
            return
        print(json.dumps({"event": name, **state(window)}), flush=True)


def main(word: str) -> None:
    if word == "minds":
        made = swarm.scene("foragers", agents=60, backend="reference", lifespan=None, living=0.01, tick=1 / 10)
    else:
        made = world()
    window = Window(made, size=(800, 500))
    if word == "post":
        posted(window)
        return
    end = time.monotonic() + 90.0
    while window.open and time.monotonic() < end:
        window.frame()
        if window.open:
            print(json.dumps(state(window)), flush=True)
    print(json.dumps({"open": window.open}), flush=True)
    window.close()


if __name__ == "__main__":
    main(sys.argv[1])
