"""What the selected agent senses, as shapes around it: from what its senses `describe` and from the numbers they gave.

    sectors      a faint sector each, and an arc in it as far away as what was sensed
    rays         a thin line each; a strong one ends where it hit
    nearest      a line to each one found
    probes       a dot each, strong where the field is
    heard        a disc as far as one hears, stronger the more is said
    flow, slope  a stroke along the way

Distances follow from closeness: 1 - distance / radius. Only the plain facts are read, no sense is known by its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from swarm.render import palette
from swarm.render.shapes import NONE, sector, stroke
from swarm.render.theme import Theme

TURN = 2 * np.pi
_ORDER = (4, 7, 1, 9, 6, 3, 0, 8, 2, 5)  # kinds' colours for the senses that have a place, by turns


def shapes(inspection: Any, theme: Theme, size: float = 1.0) -> np.ndarray:
    """The rows [K, 12] of `swarm.render.shapes`, relative to the agent, m. size: of the agent, m."""
    found = [NONE]
    for name, colour in colours(inspection, theme).items():
        facts = inspection.geometry[name]
        values = np.array([s.value for s in inspection.senses if _of(s.label, name)])
        found.append(_DRAWN[facts["sense"]](facts, values, _Frame(inspection, facts, size), colour))
    return np.concatenate(found).astype(np.float32)


def colours(inspection: Any, theme: Theme) -> dict[str, str]:
    """The senses that are drawn and their colours "#rrggbb"."""
    drawn = [name for name, facts in inspection.geometry.items() if facts.get("sense") in _DRAWN]
    kinds = palette.KINDS[theme.name]
    return {name: kinds[1 + _ORDER[k % len(_ORDER)]] for k, name in enumerate(drawn)}


def _of(label: str, name: str) -> bool:
    return label == name or label.startswith(f"{name} ")


class _Frame:
    """How an agent's frame lies in the world: the angle of straight ahead, rad, where a sense has a heading."""

    def __init__(self, inspection: Any, facts: Mapping[str, Any], size: float) -> None:
        heading = facts.get("heading") or facts.get("frame")
        value = np.atleast_1d(inspection.columns.get(heading, 0.0)).astype(float)
        self.angle = float(np.arctan2(value[1], value[0]) if len(value) == 2 else value[0])
        self.size = size

    def way(self, angles: Any, length: Any = 1.0) -> np.ndarray:
        """Ways [K, 2], m, at angles, rad from straight ahead."""
        angles = np.asarray(angles, float) + self.angle
        return np.stack([np.cos(angles), np.sin(angles)], axis=-1) * np.asarray(length, float)[..., None]


def _sectors(facts: Mapping[str, Any], values: np.ndarray, frame: _Frame, colour: str) -> np.ndarray:
    n, radius, reduce = facts["n"], facts["radius"], facts["reduce"]
    first = np.radians(facts.get("from", 0.0)) + frame.angle
    each = np.nan_to_num(values.reshape(n, -1))
    close = {"closeness": each[:, 0], "distance": 1.0 - each[:, 0]}.get(reduce)
    most = np.abs(each).max(axis=1)
    strength = close if close is not None else most / (1.0 + most)
    found = []
    for k, (strong, a, b) in enumerate(zip(strength, _edges(n, first), _edges(n, first)[1:], strict=False)):
        found.append(sector(radius, a, b, colour, 0.035 + 0.07 * float(np.clip(strong, 0, 1))))
        if close is not None and close[k] > 0:
            far = radius * (1.0 - min(float(close[k]), 1.0))
            found.append(sector(far, a, b, colour, 0.8, inner=max(0.0, far - 0.02 * radius)))
    found.append(sector(radius, 0.0, TURN, colour, 0.25, width=1.0))
    return np.concatenate(found)


def _edges(n: int, first: float) -> np.ndarray:
    return first + TURN * np.arange(n + 1) / n


def _rays(facts: Mapping[str, Any], values: np.ndarray, frame: _Frame, colour: str) -> np.ndarray:
    radius, angles = facts["radius"], np.radians(facts["angles"])
    close = np.clip(np.nan_to_num(values[: len(angles)]), 0.0, 1.0)
    hit, far = close > 0, radius * (1.0 - close)
    found = [NONE]
    if len(angles) > 1 and angles[-1] - angles[0] < TURN * (1 - 1.5 / len(angles)):
        found.append(sector(radius, angles[0] + frame.angle, angles[-1] + frame.angle, colour, 0.06))
    found.append(stroke((0, 0), frame.way(angles, far), colour, np.where(hit, 0.55, 0.16), 1.0))
    ends = frame.way(angles[hit], far[hit])
    found.append(stroke(ends, np.zeros((1, 2)), colour, 0.95, 5.0) if len(ends) else NONE)
    return np.concatenate(found)


def _nearest(facts: Mapping[str, Any], values: np.ndarray, frame: _Frame, colour: str) -> np.ndarray:
    radius = facts["radius"]
    each = np.nan_to_num(values.reshape(facts["k"], -1))
    each = each[each[:, 0] > 0]
    rim = sector(radius, 0.0, TURN, colour, 0.25, width=1.0)
    if not len(each):
        return rim
    angle, far = np.arctan2(each[:, 2], each[:, 1]), np.hypot(each[:, 1], each[:, 2]) * radius
    ways = frame.way(angle, far)
    return np.concatenate([rim, stroke((0, 0), ways, colour, 0.6, 1.2), stroke(ways, (0, 0), colour, 0.95, 6.0)])


def _probes(facts: Mapping[str, Any], values: np.ndarray, frame: _Frame, colour: str) -> np.ndarray:
    ends = frame.way(np.radians(facts["angles"]), facts["distance"])
    strong = _share(values)
    return np.concatenate(
        [
            stroke((0, 0), ends, colour, 0.35, 1.0),
            stroke(ends, (0, 0), colour, 0.2 + 0.75 * strong, 4.0 + 4.0 * strong),
        ]
    )


def _heard(facts: Mapping[str, Any], values: np.ndarray, frame: _Frame, colour: str) -> np.ndarray:
    loud = float(np.abs(np.nan_to_num(values)).max(initial=0.0))
    fill = sector(facts["radius"], 0.0, TURN, colour, 0.02 + 0.06 * loud / (1.0 + loud))
    return np.concatenate([fill, sector(facts["radius"], 0.0, TURN, colour, 0.3, width=1.0)])


def _slope(facts: Mapping[str, Any], values: np.ndarray, frame: _Frame, colour: str) -> np.ndarray:
    """A stroke along the first two numbers, as long as three agents; none for no slope."""
    x, y = np.nan_to_num(values[:2])
    steep = float(np.hypot(x, y))
    if steep == 0.0:
        return NONE
    way = np.array([[x, y]]) / steep * 3.0 * frame.size
    return np.concatenate([stroke((0, 0), way, colour, 0.8, 2.0), stroke(way, (0, 0), colour, 0.95, 5.0)])


def _share(values: np.ndarray) -> np.ndarray:
    """0..1 of the largest of these numbers."""
    values = np.abs(np.nan_to_num(values))
    return values / max(1e-30, float(values.max(initial=0.0)))


_DRAWN: dict[str, Callable[[Any, np.ndarray, _Frame, str], np.ndarray]] = {
    "sectors": _sectors,
    "rays": _rays,
    "nearest": _nearest,
    "probe": _probes,
    "heard": _heard,
    "gradient": _slope,
    "flow": _slope,
}
