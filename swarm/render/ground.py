"""The ground under the agents: world, images of the world, grid, edge."""

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
        self.retheme(theme)

    def retheme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        programs.put(
            self.program,
            ground=palette.rgb(theme.ground),
            beyond=palette.rgb(theme.beyond),
            line=palette.rgb(theme.line),
            grid=theme.grid,
            edge=theme.edge,
            shade=theme.shade,
        )

    def draw(self, camera: Camera, ui: float) -> None:
        """Cover the whole picture; `ui` is the scale of the overlay, px per point."""
        programs.place(self.program, camera)
        programs.put(self.program, spacing=spacing(camera.scale, 140.0 * ui), ui=ui)
        self.array.render(self.context.TRIANGLES, 3)

    def release(self) -> None:
        """Give the GPU's memory back."""
        self.array.release()
        self.program.release()
