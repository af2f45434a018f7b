"""Frames: which way an agent faces, as a unit vector, from a column that holds an angle (rad) or a direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend.circle import cos_sin
from swarm.ecs.component import Column
from swarm.errors import NonFiniteError, SchemaError


def need_heading(heading: Any, where: str) -> Column | None:
    """`heading`, if it is None or a column that says which way: f32 (rad) or f32(2). Raises `SchemaError`."""
    if heading is None:
        return None
    if not isinstance(heading, Column):
        raise SchemaError(f"{where}: heading is {heading!r}, no column. Name one, such as Body.vel.")
    if heading.dtype != np.float32 or heading.shape not in ((), (2,)):
        raise SchemaError(
            f"{where}: heading {heading.key} is {heading.dtype.name} of shape {heading.shape}, must be an angle f32() "
            "in rad or a direction f32(2)."
        )
    return heading


def forward(world: Any, table: Any, heading: Column, where: str, by: float = 0.0) -> np.ndarray:
    """Unit vectors float32 [N, 2] on the host: which way the agents of `table` face; along +x where a direction is 0.

    by: rad counter-clockwise by which all are turned.
    Raises `SchemaError` if the table lacks the column, `NonFiniteError` for a heading that is not finite.
    """
    if not table.has(heading):
        raise SchemaError(
            f"{where}: table '{table.name}' senses, but has no heading {heading.key}. Add the component, or leave "
            "heading out for the world's frame."
        )
    values = np.ascontiguousarray(world.backend.host(table.column(heading)))
    kernels, out = world.backend.twin("swarm.stages.frame"), np.empty((len(values), 2), np.float32)
    bad = (kernels.unit if heading.shape else kernels.turn)(values, turned(by), out)
    if bad >= 0:
        raise NonFiniteError(
            f"{where}: entity {world.backend.host(table.ids())[bad]} of table '{table.name}' has {heading.key} = "
            f"{values[bad]} at tick {world.tick}. Keep headings finite."
        )
    return out


def turned(angle: Any) -> np.ndarray:
    """float32 [..., 2]: cosine and sine of angles in rad."""
    return np.stack(cos_sin(np.asarray(angle)), axis=-1)


# --- kernels: the reference; frame_cpu.py has the twin ----------------------------------------------------------------


def turn(angle: np.ndarray, by: np.ndarray, out: np.ndarray) -> int:
    """Fill out float32 [N, 2] with cosines and sines of float32 [N] rad; returns the first row not finite, or -1.

    by float32 [2]: a unit vector by which all are turned.
    """
    finite = np.isfinite(angle)
    faced = turned(np.where(finite, angle, 0))
    _rotate(faced[:, 0], faced[:, 1], by, out)
    return -1 if finite.all() else int(np.argmin(finite))


def unit(way: np.ndarray, by: np.ndarray, out: np.ndarray) -> int:
    """Fill out float32 [N, 2] with the directions at length 1, (1, 0) where there is none; otherwise as `turn`."""
    finite = np.isfinite(way).all(axis=1)
    x, y = np.where(finite, way.T, 0).astype(np.float32)
    largest = np.maximum(np.abs(x), np.abs(y))
    still = largest == 0
    largest = np.where(still, np.float32(1), largest)  # so that squares neither vanish nor overflow
    x, y = np.where(still, np.float32(1), x / largest), y / largest
    length = np.sqrt(x * x + y * y)
    _rotate(x / length, y / length, by, out)
    return -1 if finite.all() else int(np.argmin(finite))


def _rotate(x: np.ndarray, y: np.ndarray, by: np.ndarray, out: np.ndarray) -> None:
    c, s = by
    out[:, 0], out[:, 1] = x * c - y * s, x * s + y * c
