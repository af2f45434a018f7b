"""Videos: what a window shows, by its clock, and what a world does off the screen, by its own time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

FPS = 30


class Film:
    """Reads framebuffers and gives them to a `Video`, so that a second of the clock is a second of the video.

    path: .mp4. size: px. Raises `ExtraError` without PyAV, `SaveError` where `path` cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: int = FPS) -> None:
        from swarm.render.video import Video

        self.path, self.fps = path, fps
        self._video = Video(path, size, fps)
        self._begun = -1.0
        self._frames = 0

    def frame(self, target: Any, now: float) -> None:
        """Add what `target` shows at `now` s of the clock: as often as frames are due, perhaps not at all."""
        if self._begun < 0.0:
            self._begun = now
        due = int((now - self._begun) * self.fps) + 1 - self._frames
        if due <= 0:
            return
        image = read(target)
        for _ in range(min(due, self.fps)):  # a window that stood still for long is not shown for long
            self._video.add(image)
        self._frames += due

    def close(self) -> None:
        """Finish the file."""
        self._video.close()


def read(target: Any) -> np.ndarray:
    """What a framebuffer holds, uint8 [height, width, 3], top row first."""
    width, height = target.viewport[2:]
    data = np.frombuffer(target.read(viewport=(0, 0, width, height), components=3, alignment=1), np.uint8)
    return data.reshape(height, width, 3)[::-1]


def film(world: Any, path: str | Path, ticks: int, size: tuple[int, int] = (1280, 720), **options: Any) -> Path:
    """Run the world for `ticks` ticks and write a video (.mp4) of it: a second of the world is a second of the video.

    options: as for `Drawer`. Shows its progress; Ctrl-C ends the video early, and what was drawn is a whole file.
    Returns the path. Raises `BackendError` where nothing can be drawn, `ExtraError`, `SaveError`.
    """
    from rich.progress import track

    from swarm.render.picture import Drawer
    from swarm.render.video import Video

    path = Path(path)
    video = Video(path, size, FPS)
    try:
        drawer = Drawer(world, size, **options)
        try:
            first = int(world.tick)
            frames = max(1, math.ceil(ticks * world.dt * FPS - 1e-6))
            between = world.dt * FPS > 1.01  # a tick lasts longer than a frame
            for k in track(range(frames), description=f"drawing {path.name}", transient=True):
                due = (k + 1) / FPS / world.dt  # ticks of time that the frame's end is worth
                while world.tick < first + min(ticks, int(due + 1e-9)):
                    world.step()
                drawer.sample()
                drawer.figures.rate = math.nan  # it would be that of the drawing
                drawer(max(0.0, due - int(due + 1e-9)) if between else None)
                video.add(drawer.read())
        finally:
            drawer.release()
    finally:
        video.close()
    return path


def page(world: Any, path: str | Path, ticks: int, **options: Any) -> Path:
    """Run the world for `ticks` ticks and write a page (.html) that plays it in any browser; a click opens a mind.

    options: as for `ReplayWriter`. Needs no OpenGL. Shows its progress; Ctrl-C ends it early, and what was run by then
    is a whole page. Returns the path. Raises `SaveError`, `SettingsError`.
    """
    from rich.progress import track

    from swarm.render.replay import ReplayWriter

    with ReplayWriter(path, world, **options) as replay:
        for _ in track(range(ticks), description=f"running for {Path(path).name}", transient=True):
            world.step()
            replay.note(world)
    return Path(path)
