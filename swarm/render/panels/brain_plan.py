"""Where the parts of a brain stand in its panel: senses in rows at the left, hidden layers as columns, actions at the
right. Pure arithmetic in px, worked out once per architecture and width.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np

ROW, HEAD, GAP = 12.0, 14.0, 3.0  # pt: a sense, the name of a group, between groups
TALLEST, SHORTEST = 360.0, 130.0  # pt, of the whole network
READABLE = 8.5  # pt: rows that are lower have no text
LABEL, BAR, SPACE = 66.0, 32.0, 5.0  # pt: a sense's name, each of its two bars, between columns
ACTION = 74.0  # pt: the column of actions
DOT = 3.6  # pt, the radius of a unit at most


class Label(NamedTuple):
    """A text at the left edge, its middle at y."""

    y: float
    text: str
    strong: bool  # the name of a group
    way: tuple[float, float] | None = None  # where a sense looks, rad, counter-clockwise from the right of the screen


class Plan(NamedTuple):
    """places: of inputs, hidden layers and outputs, float64 [H_k, 2]; all px from the top left corner."""

    places: tuple[np.ndarray, ...]
    labels: tuple[Label, ...]
    row: float  # height of an input's row
    bars: tuple[float, float]  # left edges of the value's bar and of the saliency's
    bar: float  # width of one
    radius: tuple[float, ...]  # of the dots of each layer
    size: tuple[float, float]
    groups: tuple[tuple[int, int], ...]  # first and end of each group of senses, memory last


def plan(m: Any, width: float, u: float) -> Plan:
    """The plan of a microscope's brain, `width` px wide, at `u` px per point."""
    seen = m.inspection
    names, inputs = list(m.groups.items()), len(m.senses)
    if m.thought is not None and len(m.thought.inputs) > inputs:
        names.append(("memory", len(m.thought.inputs) - inputs))
        inputs = len(m.thought.inputs)
    heads = sum(count > 1 for _, count in names)
    room = TALLEST - heads * HEAD - len(names) * GAP
    row = min(ROW, max(room / max(inputs, 1), 2.0))
    labels, groups, ys, y, k = [], [], [], 0.0, 0
    words = [sense.label for sense in seen.senses]
    for name, count in names:
        ahead = _ahead(seen.geometry.get(name, {}))
        if count > 1:
            labels.append(Label(y + HEAD / 2, name, True))
            y += HEAD
        for j in range(k, k + count):
            ys.append(y + row / 2)
            text = words[j].removeprefix(name).strip() if j < len(words) else str(j - len(words) + 1)
            if row >= READABLE:
                one = count == 1
                labels.append(Label(y + row / 2, name if one else short(text), one, None if one else way(text, ahead)))
            y += row
        groups.append((k, k + count))
        y, k = y + GAP, k + count
    tall = max(y, SHORTEST)
    left = LABEL + 2 * (BAR + SPACE) + 4
    places, radius = [np.column_stack([np.full(inputs, left), np.array(ys or [0.0][:inputs])])], [min(2.6, 0.42 * row)]
    layers = m.layers
    right = width / u - ACTION
    for j, layer in enumerate(layers[:-1]):
        x = left + (right - left) * (j + 1) / len(layers)
        spot, r = _column(len(layer), x, tall, (right - left) / len(layers))
        places.append(spot)
        radius.append(r)
    count = len(layers[-1]) if layers else len(m.names)
    pitch = min(40.0, tall / max(count, 1))
    ys = tall / 2 + (np.arange(count) - (count - 1) / 2) * pitch
    places.append(np.column_stack([np.full(count, right), ys]))
    radius.append(min(4.6, 0.4 * pitch))
    return Plan(
        tuple(p.reshape(-1, 2) * u for p in places),
        tuple(label._replace(y=label.y * u) for label in labels),
        row * u,
        ((LABEL + SPACE) * u, (LABEL + SPACE + BAR + SPACE) * u),
        BAR * u,
        tuple(r * u for r in radius),
        (width, tall * u),
        tuple(groups),
    )


def _column(count: int, x: float, tall: float, room: float) -> tuple[np.ndarray, float]:
    """A layer's units around x: in as many columns as it takes for them not to touch."""
    columns = max(1, math.ceil(count * 2.4 * 2.0 / tall))
    pitch = tall * columns / max(count, 1)
    r = min(DOT, 0.40 * pitch)
    each = min(2.6 * r, 0.6 * room / columns)
    k = np.arange(count)
    column, line = k % columns, k // columns
    ys = (line + 0.5 + 0.5 * (column % 2) * (columns > 1)) * min(pitch, 15.0)
    ys += (tall - min(pitch, 15.0) * math.ceil(count / columns)) / 2
    return np.column_stack([x + (column - (columns - 1) / 2) * each, ys]), r


_NUMBER = r"(-?\d+(?:\.\d+)?)"
_WAY = re.compile(rf"^{_NUMBER}(?:\.\.{_NUMBER})? deg\b")


def way(text: str, ahead: float) -> tuple[float, float] | None:
    """The directions that a label such as "0..45 deg" names; None for others. ahead: of 0 deg, degrees."""
    found = _WAY.match(text)
    if found is None:
        return None
    low = float(found[1])
    high = low if found[2] is None else float(found[2])
    return math.radians(low + ahead), math.radians(high + ahead)


def short(text: str) -> str:
    """A label without its unit, which is told when pointed at: "0..45 deg" is "0\u201345°"."""
    return re.sub(rf"{_NUMBER}\.\.{_NUMBER} deg", "\\1\u2013\\2°", re.sub(r"\s*\(.*\)$", "", text)).replace(" deg", "°")


def _ahead(facts: Any) -> float:
    """Where 0 deg of a sense is on the screen: to the right, or upwards where it counts from straight ahead."""
    turned = facts.get("frame", "world") != "world" or facts.get("heading") is not None
    return 90.0 if turned else 0.0
