"""What a window shows, as a video: a picture for each video frame that the clock has come to."""

from __future__ import annotations

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
