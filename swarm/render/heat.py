"""Fields as colours on the ground: one texture a field, one triangle over the picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from swarm.errors import SettingsError
from swarm.marks import Heat
from swarm.render import palette, programs
from swarm.render.camera import Camera
from swarm.render.theme import Theme


class HeatMaps:
    """Draws the `Heat` marks of a scene, in their order. A field of the same shape keeps its texture."""

    def __init__(self, context: Any, theme: Theme) -> None:
        self.context, self.theme = context, theme
        self.program: Any = None  # built with the first field
        self.array: Any = None
        self.marks: list[Heat] = []
        self.values: list[np.ndarray] = []
        self.fresh = False  # whether the values are newer than the textures
        self.fields: list[Any] = []
        self.palettes: dict[str, Any] = {}

    def take(self, marks: Iterable[Heat]) -> None:
        """Copy the fields. Raises `SettingsError` for one that is none."""
        self.marks = list(marks)
        self.values = [_values(mark) for mark in self.marks]
        self.fresh = True

    def send(self) -> None:
        """Send the fields, if they are new: four bytes a cell, one where they are uint8."""
        if not self.fresh:
            return
        self.fresh = False
        for k, (mark, values) in enumerate(zip(self.marks, self.values, strict=True)):
            size, kind = values.shape[::-1], "f1" if values.dtype == np.uint8 else "f4"
            if k == len(self.fields):
                self.fields.append(None)
            field = self.fields[k]
            if field is None or field.size != size or field.dtype != kind:
                if field is not None:
                    field.release()
                field = self.fields[k] = self.context.texture(size, 1, dtype=kind, alignment=1)
            field.write(values)
            way = self.context.LINEAR if mark.smooth else self.context.NEAREST
            field.filter = way, way
        while len(self.fields) > len(self.marks):
            self.fields.pop().release()

    def draw(self, camera: Camera) -> None:
        """Cover the picture with every field in turn."""
        if not self.marks:
            return
        if self.program is None:
            self.program = programs.build(self.context, "heat")
            self.array = self.context.vertex_array(self.program, [])
        programs.place(self.program, camera)
        programs.put(self.program, field=0, palette=1, ghost=self.theme.ghost)
        for mark, field in zip(self.marks, self.fields, strict=True):
            low, high = mark.limits
            scale = 255.0 if field.dtype == "f1" else 1.0
            programs.put(self.program, limits=(low / scale, high / scale), alpha=mark.alpha, fade=float(mark.fade))
            field.use(0)
            self._palette(mark).use(1)
            self.array.render(self.context.TRIANGLES, 3)

    def retheme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.theme = theme
        for texture in self.palettes.values():
            texture.release()
        self.palettes = {}

    def _palette(self, mark: Heat) -> Any:
        name = mark.colour or mark.palette
        if name not in self.palettes:
            if mark.colour is None:
                colours = palette.table(mark.palette, self.theme.name)
            else:
                colours = np.tile(np.rint(255 * np.array(palette.rgb(mark.colour))).astype(np.uint8), (256, 1))
            self.palettes[name] = self.context.texture((256, 1), 3, colours.tobytes(), alignment=1)
        return self.palettes[name]

    def release(self) -> None:
        """Give the GPU's memory back."""
        for thing in (*self.fields, *self.palettes.values(), self.array, self.program):
            if thing is not None:
                thing.release()
        self.fields, self.palettes, self.marks, self.values, self.array, self.program = [], {}, [], [], None, None


def _values(mark: Heat) -> np.ndarray:
    """The field as a float32 or uint8 array of its own: the world's may change before it is sent."""
    values = np.asarray(mark.values)
    if values.ndim != 2 or 0 in values.shape or not mark.limits[0] < mark.limits[1]:
        raise SettingsError(
            f"heat map: values of shape {values.shape} between limits {mark.limits}. Give [rows, columns] and limits "
            "that rise."
        )
    return np.array(values, np.uint8 if values.dtype == np.uint8 else np.float32, order="C")
