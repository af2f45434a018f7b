"""A framebuffer off the screen. moderngl's own `simple_framebuffer` keeps its storage when it is released."""

from __future__ import annotations

from typing import Any

import numpy as np


class Target:
    """`size` px of colour: pass `framebuffer` to `Renderer.draw`, then `read` it."""

    def __init__(self, context: Any, size: tuple[int, int]) -> None:
        self.storage = context.renderbuffer(size, 4)
        self.framebuffer = context.framebuffer(self.storage)

    def read(self) -> np.ndarray:
        """What was drawn: uint8 [height, width, 3], top row first."""
        width, height = self.framebuffer.size
        data = self.framebuffer.read(components=3, alignment=1)
        return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1])

    def release(self) -> None:
        """Give the GPU's memory back."""
        self.framebuffer.release()
        self.storage.release()
