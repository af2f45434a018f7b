"""Draws what Dear ImGui has built, with moderngl: one program, one buffer of corners, one of indices.

`take` copies a frame's triangles and textures to the GPU; `draw` paints them, as often as one likes. Colours leave the
shader premultiplied, so that the blending of our other drawing stays as it is. Textures come and go as ImGui asks: its
font sheet grows while new letters appear.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from swarm.render import programs


class Piece(NamedTuple):
    """Triangles that are painted in one call."""

    texture: int
    scissor: tuple[int, int, int, int]  # px: left, bottom, width, height
    first: int
    count: int


class Painter:
    """ImGui's renderer on one moderngl context. Its ImGui context must be current when it is made and used."""

    def __init__(self, context: Any, imgui: Any) -> None:
        self.context, self.imgui = context, imgui
        self.program = programs.build(context, "imgui", camera=False)
        self.textures: dict[int, Any] = {}
        self.corners: Any = None
        self.indices: Any = None
        self.array: Any = None
        self.pieces: list[Piece] = []
        self.size = 1, 1
        imgui.get_io().backend_flags |= imgui.BackendFlags_.renderer_has_textures
        most = context.info["GL_MAX_TEXTURE_SIZE"]
        platform = imgui.get_platform_io()
        platform.renderer_texture_max_width = platform.renderer_texture_max_height = most

    def take(self, data: Any) -> None:
        """Send an `ImDrawData` to the GPU."""
        self._update(data.textures)
        width, height = self.size = round(data.display_size.x), round(data.display_size.y)
        corners, indices, pieces = [], [], []
        base = first = 0
        for part in data.cmd_lists:
            points, order = part.vtx_buffer, part.idx_buffer
            corners.append(_bytes(points.data_address(), points.size() * self.imgui.VERTEX_SIZE))
            own = _bytes(order.data_address(), order.size() * self.imgui.INDEX_SIZE)
            indices.append(own.view(f"u{self.imgui.INDEX_SIZE}") + np.uint32(base))
            for command in part.cmd_buffer:
                left, top, right, bottom = (round(edge) for edge in command.clip_rect)
                left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
                if right > left and bottom > top and command.elem_count:
                    box = left, height - bottom, right - left, bottom - top
                    pieces.append(Piece(command.get_tex_id(), box, first + command.idx_offset, command.elem_count))
            base += points.size()
            first += order.size()
        self.pieces = pieces
        if pieces:
            self._send(np.concatenate(corners), np.concatenate(indices))

    def draw(self) -> None:
        """Paint the last frame that was taken over the framebuffer in use."""
        if not self.pieces:
            return
        programs.put(self.program, view_size=self.size, sheet=0)
        bound = None
        for piece in self.pieces:
            if piece.texture != bound:
                self.textures[piece.texture].use(0)
                bound = piece.texture
            self.context.scissor = piece.scissor
            self.array.render(self.context.TRIANGLES, piece.count, piece.first)
        self.context.scissor = None

    def release(self) -> None:
        """Give the GPU's memory back and tell ImGui that its textures are gone."""
        for texture in self.imgui.get_platform_io().textures:
            if texture.tex_id in self.textures:
                self._destroy(texture)
        self._drop()
        self.program.release()
        self.pieces = []

    # ---------------------------------------------------------------------------------------------- inside

    def _send(self, corners: np.ndarray, indices: np.ndarray) -> None:
        if self.array is None or self.corners.size < corners.nbytes or self.indices.size < indices.nbytes:
            self._drop()
            self.corners = self.context.buffer(reserve=max(1 << 18, 2 * corners.nbytes), dynamic=True)
            self.indices = self.context.buffer(reserve=max(1 << 17, 2 * indices.nbytes), dynamic=True)
            self.array = self.context.vertex_array(
                self.program,
                [(self.corners, "2f 2f 4f1", "place", "texel", "ink")],
                index_buffer=self.indices,
                index_element_size=4,
            )
        for buffer, values in ((self.corners, corners), (self.indices, indices)):
            buffer.orphan()  # the last frame may still be drawn from the old memory
            buffer.write(values)

    def _update(self, textures: Any) -> None:
        status = self.imgui.ImTextureStatus
        for texture in textures:
            if texture.status == status.want_create:
                made = self.context.texture((texture.width, texture.height), 4, texture.get_pixels_array(), alignment=1)
                made.repeat_x = made.repeat_y = False
                self.textures[made.glo] = made
                texture.set_tex_id(made.glo)
                texture.status = status.ok
            elif texture.status == status.want_updates:
                sheet = texture.get_pixels_array().reshape(texture.height, texture.width, 4)
                for box in texture.updates:
                    cut = np.ascontiguousarray(sheet[box.y : box.y + box.h, box.x : box.x + box.w])
                    self.textures[texture.tex_id].write(cut, (box.x, box.y, box.w, box.h), alignment=1)
                texture.status = status.ok
            elif texture.status == status.want_destroy and texture.unused_frames > 0:
                self._destroy(texture)

    def _destroy(self, texture: Any) -> None:
        made = self.textures.pop(texture.tex_id, None)
        if made is not None:
            made.release()
        texture.set_tex_id(0)
        texture.status = self.imgui.ImTextureStatus.destroyed

    def _drop(self) -> None:
        for thing in (self.array, self.corners, self.indices):
            if thing is not None:
                thing.release()
        self.array = self.corners = self.indices = None


def _bytes(address: int, size: int) -> np.ndarray:
    """uint8 [size] of ImGui's memory, not copied."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address)) if size else np.zeros(0, np.uint8)
