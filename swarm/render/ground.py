"""The ground under the agents: world, images of the world, grid, edge.

Where OpenGL runs on the processor, the ground takes a third of a frame. There it is kept from one frame to the next: a
frame with the same camera as the last one copies it instead of drawing it.
"""

from __future__ import annotations

import math
from typing import Any

from swarm.render import palette, programs
from swarm.render.camera import Camera
from swarm.render.theme import Theme


def spacing(scale: float, target: float = 140.0) -> float:
    """Distance (m) between main grid lines: the power of ten whose lines lie nearest to `target` px apart."""
    return 10.0 ** round(math.log10(target / scale))


class Ground:
    """One triangle over the picture."""

    def __init__(self, context: Any, theme: Theme) -> None:
        self.context = context
        self.program = programs.build(context, "ground")
        self.array = context.vertex_array(self.program, [])
        self._keeps = programs.software(context)
        self._kept: Any = None  # a framebuffer with the last ground
        self._storage: Any = None
        self._key: Any = None  # what was drawn last
        self._holds: Any = None  # what is kept
        self.retheme(theme)

    def retheme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.theme, self._key = theme, None
        programs.put(
            self.program,
            ground=palette.rgb(theme.ground),
            beyond=palette.rgb(theme.beyond),
            line=palette.rgb(theme.line),
            grid=theme.grid,
            edge=theme.edge,
            shade=theme.shade,
        )

    def draw(self, camera: Camera, ui: float, target: Any = None) -> None:
        """Cover the whole picture, `target`; `ui` is the scale of the overlay, px per point."""
        key = camera.x, camera.y, camera.scale, camera.size, ui, self.theme.name
        again, self._key = key == self._key, key
        if again and self._kept is not None and self._holds == key:
            self.context.copy_framebuffer(target, self._kept)
            return
        programs.place(self.program, camera)
        main = spacing(camera.scale, 140.0 * ui)
        fine = min(max((0.1 * main * camera.scale / ui - 14.0) / 46.0, 0.0), 1.0)
        programs.put(self.program, spacing=main, fine=fine * fine * (3.0 - 2.0 * fine), ui=ui)
        self.array.render(self.context.TRIANGLES, 3)
        if again and self._keeps and target is not None and target.size == camera.size:
            self._keep(camera.size, target)
            self._holds = key

    def _keep(self, size: tuple[int, int], target: Any) -> None:
        if self._kept is None or self._kept.size != size:
            self._drop()
            self._storage = self.context.renderbuffer(size, 4)
            self._kept = self.context.framebuffer(self._storage)
        self.context.copy_framebuffer(self._kept, target)

    def _drop(self) -> None:
        for thing in (self._kept, self._storage):
            if thing is not None:
                thing.release()
        self._kept = self._storage = None

    def release(self) -> None:
        """Give the GPU's memory back."""
        self._drop()
        self.array.release()
        self.program.release()
