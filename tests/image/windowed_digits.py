"""The program that the window test of the digits scene drives: writes what it sees, one JSON line a frame.

python -m tests.image.windowed_digits SECONDS      ends with the window, or after so many seconds
"""

from __future__ import annotations

import json
import sys
import time

import swarm
from swarm.render.window import Window
from swarm.scenes import digits
from swarm.scenes.digits_picture import CANVAS, CENTRE, FIELDS, SIZE


def main(seconds: float) -> None:
    world = swarm.scene("digits", agents=80, every=1000.0)
    window = Window(world, size=(800, 500))
    window.camera.fit()
    unit = world.size[0] / SIZE[0]
    end = time.monotonic() + seconds
    while window.open and time.monotonic() < end:
        window.frame()
        if not window.open:
            break
        middle = window.camera.to_pixel(CENTRE[0] * unit, CENTRE[1] * unit)
        table = world.tables["reader"]
        away = table.column(digits.Body.pos) - [x * unit for x in FIELDS[1]]
        state = {
            "tick": world.tick,
            "middle": [v / window.dense for v in middle],
            "side": CANVAS * unit * window.camera.scale / window.dense,
            "strokes": len(world.resources["strokes"]),
            "votes": digits.votes(world).tolist(),
            "away": float((away**2).sum(axis=1).mean() ** 0.5) / unit,
            "x": window.camera.x,
            "message": window.message,
        }
        print(json.dumps(state), flush=True)
    window.close()


if __name__ == "__main__":
    main(float(sys.argv[1]))
