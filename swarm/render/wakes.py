"""Short trails of everybody: a picture of the last ways that fades from tick to tick and goes with the camera.

Two float textures, one read and one written in turn, 8 bytes a cell of `CELL` points. With every tick that is seen the
old picture is drawn fainter, from where the camera was, and each agent adds the line it has just gone. No agent is
remembered: it costs the same for a trail of any length, and nothing on the processor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarm.render import programs
from swarm.render.camera import Camera
from swarm.render.sprites import Sprites

CELL = 1.5  # pt
HALF_LIFE = 22.0  # ticks until a line is half as strong
SHARE = 0.5  # alpha of a fresh line


class Wakes:
    """Made when trails are switched on, released when they are switched off."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.fade = programs.build(context, "fade", camera=False)
        self.line = programs.build(context, "wake")
        self.array = context.vertex_array(self.fade, [])
        self.textures: list[Any] = []
        self.framebuffers: list[Any] = []
        self.camera: tuple[Any, ...] | None = None  # the one of the picture that is held
        self.tick = -1

    def update(self, camera: Camera, ui: float, tick: int, tables: Iterable[Sprites]) -> None:
        """Bring the picture to this camera and tick; a tick that was there before, as after going back, begins anew."""
        now = camera.x, camera.y, camera.scale, camera.size
        if now == self.camera and tick == self.tick:
            return
        size = tuple(max(1, round(pixels / (CELL * ui))) for pixels in camera.size)
        if tick < self.tick or not self.textures or self.textures[0].size != size:
            self._begin(size)
            self.camera = now
        x, y, scale, _ = self.camera or now
        gone = [(c - b + w / 2) % w - w / 2 for c, b, w in zip((camera.x, camera.y), (x, y), camera.world, strict=True)]
        keep = 0.5 ** (max(0, tick - self.tick) / HALF_LIFE) if self.tick >= 0 else 0.0
        self.textures.reverse()
        self.framebuffers.reverse()
        before, target = self.textures[1], self.framebuffers[0]
        target.use()
        target.clear()
        moved = tuple(g * scale / pixels for g, pixels in zip(gone, camera.size, strict=True))
        programs.put(self.fade, before=0, keep=keep, grown=(scale / camera.scale,) * 2, moved=moved)
        before.use(0)
        self.array.render(self.context.TRIANGLES, 3)
        if tick != self.tick:
            for sprites in tables:
                sprites.wake(self.line, camera, SHARE)
        self.camera, self.tick = now, tick

    def draw(self, target: Any, camera: Camera) -> None:
        """Paint the picture over `target`."""
        target.use()
        target.viewport = 0, 0, *camera.size
        programs.put(self.fade, before=0, keep=1.0, grown=(1.0, 1.0), moved=(0.0, 0.0))
        self.textures[0].use(0)
        self.array.render(self.context.TRIANGLES, 3)

    def _begin(self, size: tuple[int, ...]) -> None:
        self._drop()
        for _ in range(2):
            texture = self.context.texture(size, 4, dtype="f2")
            texture.filter = self.context.LINEAR, self.context.LINEAR
            texture.repeat_x = texture.repeat_y = False
            self.textures.append(texture)
            self.framebuffers.append(self.context.framebuffer(texture))
            self.framebuffers[-1].clear()
        self.tick = -1

    def _drop(self) -> None:
        for thing in (*self.framebuffers, *self.textures):
            thing.release()
        self.textures, self.framebuffers = [], []

    def release(self) -> None:
        """Give the GPU's memory back."""
        self._drop()
        for thing in (self.array, self.fade, self.line):
            thing.release()
