"""How long the demos take to open: seconds from the start of a process to its first picture and to a moving world.

python tools/opening.py [SCENE ...]      medians of three, kernels compiled before; off the screen (SDL's "offscreen")
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

SCENES = ("foragers", "predators", "flock", "ants", "town", "wolfsheep", "digits")
OPEN = """
import sys, time
from swarm import scenes
from swarm.render.window import Window
window = Window(scenes.scene(sys.argv[1]))
print(time.time(), flush=True)
while window.view.tick < 1:
    window.frame()
print(time.time(), flush=True)
window.close()
"""


def opened(scene: str) -> tuple[float, float]:
    """Seconds to the first picture and to the first tick that is shown."""
    begun = time.time()
    done = subprocess.run(
        [sys.executable, "-c", OPEN, scene],
        env={**os.environ, "SDL_VIDEODRIVER": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    )
    first, moved = map(float, done.stdout.split()[-2:])
    return first - begun, moved - begun


def main(names: list[str]) -> None:
    for scene in names or SCENES:
        opened(scene)  # compiles
        times = [opened(scene) for _ in range(3)]
        picture, tick = (statistics.median(side) for side in zip(*times, strict=True))
        print(f"{scene:10}  first picture {picture:.2f} s   first tick {tick:.2f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
