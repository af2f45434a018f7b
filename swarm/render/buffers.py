"""One table's columns on the GPU: four vertex buffers, and the arrays that the ways of drawing read them through.

All agents are sent once per tick; of a crowd that is largely out of sight only those near the picture, so that looking
closely at some of a million costs what some cost. They serve until the camera leaves the surroundings that were sent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from swarm.render.camera import Camera
from swarm.render.columns import BYTES, Columns
from swarm.render.pick import between

FEW = 20_000  # agents that are always sent together
PART = 0.25  # of the world: if less is in sight, only what is near is sent
AROUND = 1.5  # times what is in sight, along each axis

FORMS = ("2f4", "place"), ("2f2", "way"), ("2f1", "heading"), ("2f1", "tint")
WIDTHS = (8, 4, 2, 2)


class Box(NamedTuple):
    """A part of the world: its middle and half its sides, m."""

    x: float
    y: float
    w: float
    h: float


class Buffers:
    """The rows of a table that the GPU has: `n` of them."""

    def __init__(self, context: Any, programs: Any) -> None:
        self.context, self.programs = context, programs
        self.n = 0
        self.sent = 0  # bytes, ever
        self.taken = -1  # which columns these are of
        self.box: Box | None = None  # where all are; None: everywhere
        self.capacity = 0
        self.buffers: list[Any] = []
        self.arrays: dict[str, Any] = {}

    def send(self, columns: Columns, taken: int, camera: Camera, reach: float) -> None:
        """Send the columns, `columns.BYTES` an agent, unless the GPU has all that is in sight.

        taken: differs for other columns. reach: of a shape beyond its place, px.
        """
        box = sight(columns, camera, reach)
        if taken == self.taken and (self.box is None or (box is not None and _holds(self.box, box, camera.world))):
            return
        self.taken = taken
        parts = columns.place, columns.way, columns.heading, columns.tint
        if box is None:
            self.box, self.n = None, columns.n
            parts = tuple(part[: columns.n] for part in parts)
        else:
            self.box = box = Box(box.x, box.y, AROUND * box.w, AROUND * box.h)
            rows = between(columns.place[: columns.n, 0], box.x, box.w, camera.world[0])
            rows = rows[between(columns.place[rows, 1], box.y, box.h, camera.world[1])]
            self.n = len(rows)
            parts = tuple(part[rows] for part in parts)
        if self.n > self.capacity:
            self._allocate(max(1024, self.n + self.n // 4))
        if self.n:
            for buffer, part in zip(self.buffers, parts, strict=True):
                buffer.write(part)
            self.sent += BYTES * self.n

    def lines(self, program: Any) -> Any:
        """The array for lines along the ways: made when it is first asked for."""
        if "lines" not in self.arrays:
            forms = [(b, form + " /i", name) for b, (form, name) in zip(self.buffers, FORMS, strict=True)]
            self.arrays["lines"] = self.context.vertex_array(program, [forms[0], forms[1], forms[3]])
        return self.arrays["lines"]

    def _allocate(self, capacity: int) -> None:
        self.release()
        self.buffers = [self.context.buffer(reserve=capacity * width, dynamic=True) for width in WIDTHS]
        each = [(buffer, *form) for buffer, form in zip(self.buffers, FORMS, strict=True)]
        plain, made = [each[0], each[1], each[3]], self.context.vertex_array
        self.arrays = {
            "mote": made(self.programs.mote, plain),
            "dot": made(self.programs.dot, plain),
            "point": made(self.programs.point, each),
            "quad": made(self.programs.quad, [(buffer, form + " /i", name) for buffer, form, name in each]),
        }
        self.capacity = capacity

    def release(self) -> None:
        """Give the GPU's memory back."""
        for thing in (*self.arrays.values(), *self.buffers):
            thing.release()
        self.arrays, self.buffers, self.capacity = {}, [], 0


def sight(columns: Columns, camera: Camera, reach: float) -> Box | None:
    """The part of the world where somebody may be seen; None where it is best to send everybody."""
    margin = reach / camera.scale + columns.farthest
    w, h = (pixels / camera.scale / 2 + margin for pixels in camera.size)
    if columns.n <= FEW or 4 * w * h * AROUND**2 > PART * camera.world[0] * camera.world[1]:
        return None
    return Box(camera.x, camera.y, w, h)


def _holds(outer: Box, inner: Box, world: tuple[float, float]) -> bool:
    """Whether one box lies in another on the torus, and is not so much smaller that fewer could be drawn."""
    x = abs((inner.x - outer.x + world[0] / 2) % world[0] - world[0] / 2)
    y = abs((inner.y - outer.y + world[1] / 2) % world[1] - world[1] / 2)
    close = 3 * AROUND * inner.w >= outer.w
    return x + inner.w <= outer.w and y + inner.h <= outer.h and close
