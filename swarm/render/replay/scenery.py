"""What a scene draws beside its tables, in a replay: heat maps as bytes, boxes, lines and texts as they are.

A set is stored when it differs from the one before. When there is no room, every second tick's is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from swarm.marks import Box, Heat, Line, Mark
from swarm.render import drawing
from swarm.render.replay.packing import pack
from swarm.render.theme import THEMES

SIDE = 256  # cells that a heat map is thinned to, each way


class Scenery:
    """The marks of a scene over time."""

    def __init__(self, every: int) -> None:
        self.every = every  # ticks between two looks
        self.sets: dict[int, bytes] = {}  # by tick

    def note(self, tick: int, marks: Iterable[Mark]) -> None:
        """Store the marks if they have changed."""
        arrays: dict[str, np.ndarray] = {}
        told = [_told(mark, arrays) for mark in marks]
        if told or self.sets:
            data = pack({"marks": np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays})
            if not self.sets or data != self.sets[max(self.sets)]:
                self.sets[tick] = data

    def thin(self) -> None:
        """Keep the sets of every second look, and the first."""
        self.every *= 2
        first = min(self.sets)
        latest: dict[int, bytes] = {}
        for tick, data in sorted(self.sets.items()):
            latest[first + -(-(tick - first) // self.every) * self.every] = data  # shown from the next look on
        self.sets = latest


def _told(mark: Mark, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """One mark as plain values; a heat map's cells go to `arrays`."""
    if isinstance(mark, Heat):
        cells = _cells(mark)
        arrays[f"heat {len(arrays)}"] = cells
        about = {"rows": cells.shape[0], "columns": cells.shape[1], "colour": mark.colour, "palette": mark.palette}
        return {"kind": "heat", "alpha": mark.alpha, "fade": mark.fade, "smooth": mark.smooth, **about}
    colour = {name: drawing.colour_of(mark.colour, theme) for name, theme in THEMES.items()}
    about = {"colour": colour, "alpha": mark.alpha, "over": mark.over}
    if isinstance(mark, Box):
        shape = {"at": mark.at, "size": mark.size, "radius": mark.radius, "outline": mark.outline}
        return {"kind": "box", **_rounded(shape), **about}
    if isinstance(mark, Line):
        return {"kind": "line", **_rounded({"points": mark.points, "width": mark.width}), **about}
    shape = _rounded({"at": mark.at, "size": mark.size})
    return {"kind": "text", "text": mark.text, "align": mark.align, "weight": mark.weight, **shape, **about}


def _cells(mark: Heat) -> np.ndarray:
    """uint8 [rows, columns] between the limits, at most `SIDE` each way."""
    values = np.asarray(mark.values)
    values = values[:: -(-values.shape[0] // SIDE), :: -(-values.shape[1] // SIDE)].astype(np.float32)
    low, high = mark.limits
    return np.rint(np.clip(np.nan_to_num((values - low) * (255 / (high - low))), 0, 255)).astype(np.uint8)


def _rounded(value: Any) -> Any:
    """Lengths to the millimetre, so that they take few letters."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (str, bool, type(None))):
        return value
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_rounded(item) for item in value]
    return round(float(value), 3)
