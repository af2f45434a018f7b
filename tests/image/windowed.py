"""The program the window tests drive: opens a window on known agents and writes what it sees, one JSON line a frame.

python -m tests.image.windowed SECONDS      ends with the window, or after so many seconds
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
    }


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
    window = Window(world(), size=(800, 500))
    if word == "post":
        posted(window)
        return
    end = time.monotonic() + float(word)
    while window.open and time.monotonic() < end:
        window.frame()
        if window.open:
            print(json.dumps(state(window)), flush=True)
    print(json.dumps({"open": window.open}), flush=True)
    window.close()


if __name__ == "__main__":
    main(sys.argv[1])
