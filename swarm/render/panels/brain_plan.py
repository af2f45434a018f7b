"""Where the parts of a brain stand in its panel: senses in rows at the left, hidden layers as columns, actions at the
right. Senses that are numbered like a picture, such as "ink 3,4", stand as one. Pure arithmetic, worked out once per
architecture and width.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

ROW, HEAD, GAP = 12.0, 14.0, 3.0  # pt: a sense, the name of a group, between groups
TALLEST, SHORTEST = 360.0, 130.0  # pt, of the whole network
READABLE = 8.5  # pt: rows that are lower have no text
LABEL, BAR, SPACE = 66.0, 32.0, 5.0  # pt: a sense's name, each of its two bars, between columns
PICTURE = 68.0  # pt: the width of one of the two pictures of such senses
ACTION = 74.0  # pt: the column of actions
DOT = 3.6  # pt, the radius of a unit at most
INPUT, OUTPUT = 2.6, 4.6  # pt, those of senses and actions


class Label(NamedTuple):
    """A text at the left edge, its middle at y."""

    y: float
    text: str
    strong: bool  # the name of a group
    way: tuple[float, float] | None = None  # where a sense looks, rad, counter-clockwise from the right of the screen


class Plan(NamedTuple):
    """All px from the top left corner."""

    places: tuple[np.ndarray, ...]  # of inputs, hidden layers and outputs, float64 [H_k, 2]
    radius: tuple[float, ...]  # of the dots of each layer
    values: np.ndarray  # [I, 4] left, top, right, bottom of each input's value, a bar or a cell of a picture
    effects: np.ndarray  # [I, 4] of its effect on an action
    cells: np.ndarray  # bool [I], which of them are cells
    labels: tuple[Label, ...]
    heads: tuple[float, float, float]  # where "senses", "now" and "effect" are written; < 0: not at all
    groups: tuple[tuple[int, int], ...]  # first and end of each group of senses, memory last
    size: tuple[float, float]


class _Inputs:
    """Collects boxes and labels from the top down, pt."""

    def __init__(self, row: float) -> None:
        self.row, self.y = row, 0.0
        self.values: list[Sequence[float]] = []
        self.effects: list[Sequence[float]] = []
        self.places: list[tuple[float, float]] = []
        self.cells: list[bool] = []
        self.labels: list[Label] = []

    def bar(self, label: Label | None) -> None:
        """A row: the name, a bar for the value, another for the effect, a dot where its lines begin."""
        y, half = self.y + self.row / 2, max(0.23 * self.row, 0.5)
        left, right = LABEL + SPACE, LABEL + SPACE + BAR + SPACE
        self.values.append((left, y - half, left + BAR, y + half))
        self.effects.append((right, y - half, right + BAR, y + half))
        self.places.append((right + BAR + SPACE + 3, y))
        self.cells.append(False)
        if label is not None and self.row >= READABLE:
            self.labels.append(label._replace(y=y))
        self.y += self.row

    def picture(self, at: np.ndarray) -> None:
        """Cells [count, 2] of rows and columns: two pictures beside each other."""
        rows, columns = at.max(axis=0) + 1
        side = PICTURE / max(rows, columns)
        for row, column in at.tolist():
            x, y = column * side, self.y + row * side
            far = x + LABEL + 2 * (BAR + SPACE) - PICTURE + 12
            self.values.append((x, y, x + side - 0.5, y + side - 0.5))
            self.effects.append((far, y, far + side - 0.5, y + side - 0.5))
            self.places.append((far + side / 2, y + side / 2))
            self.cells.append(True)
        self.y += rows * side + GAP


def plan(m: Any, width: float, u: float) -> Plan:
    """The plan of a microscope's brain, `width` px wide, at `u` px per point."""
    seen = m.inspection
    words, names = [sense.label for sense in seen.senses], list(m.groups.items())
    memory = 0 if m.thought is None else len(m.thought.inputs) - len(words)
    if memory > 0:
        names.append(("memory", memory))
        words += [f"memory {k + 1}" for k in range(memory)]
    parts, start = [], 0
    for name, count in names:
        own = [word.removeprefix(name).strip() for word in words[start : start + count]]
        parts.append((name, own, picture(own)))
        start += count
    rows = sum(len(own) for _, own, cells in parts if cells is None)
    room = TALLEST - sum(len(own) > 1 for _, own, _ in parts) * HEAD - len(parts) * GAP
    room -= sum(PICTURE for _, _, cells in parts if cells is not None)
    made, groups = _Inputs(min(ROW, max(room / max(rows, 1), 2.0))), []
    for name, own, cells in parts:
        first, ahead = len(made.cells), _ahead(seen.geometry.get(name, {}))
        if len(own) > 1:
            made.labels.append(Label(made.y + HEAD / 2, name, True))
            made.y += HEAD
        if cells is not None:
            made.picture(cells)
        elif len(own) == 1:
            made.bar(Label(0.0, name, True))
        else:
            for text in own:
                made.bar(Label(0.0, short(text), False, way(text, ahead)))
        made.y += GAP
        groups.append((first, len(made.cells)))
    tall = max(made.y, SHORTEST)
    places, radius = _layers(m, width / u, tall)
    start = np.array(made.places, np.float64).reshape(-1, 2)
    pictures = bool(made.cells) and all(made.cells)
    far = LABEL + 2 * (BAR + SPACE) - PICTURE + 12
    heads = (-1.0, 0.0, far) if pictures else (0.0, LABEL + SPACE, LABEL + BAR + 2 * SPACE)
    return Plan(
        tuple(place * u for place in (start, *places)),
        tuple(r * u for r in (min(INPUT, 0.42 * made.row), *radius)),
        np.array(made.values, np.float64).reshape(-1, 4) * u,
        np.array(made.effects, np.float64).reshape(-1, 4) * u,
        np.array(made.cells, bool),
        tuple(label._replace(y=label.y * u) for label in made.labels),
        tuple(x * u for x in heads),  # type: ignore[arg-type]
        tuple(groups),
        (width, tall * u),
    )


def _layers(m: Any, width: float, tall: float) -> tuple[list[np.ndarray], list[float]]:
    """Places and radii of hidden layers and outputs, pt."""
    left, right, layers = LABEL + 2 * (BAR + SPACE) + 8, width - ACTION, m.layers
    places, radius = [], []
    for j, layer in enumerate(layers[:-1]):
        x = left + (right - left) * (j + 1) / len(layers)
        place, r = _column(len(layer), x, tall, (right - left) / len(layers))
        places.append(place)
        radius.append(r)
    count = len(layers[-1]) if layers else len(m.names)
    pitch = min(40.0, tall / max(count, 1))
    ys = tall / 2 + (np.arange(count) - (count - 1) / 2) * pitch
    return [*places, np.column_stack([np.full(count, right), ys])], [*radius, min(OUTPUT, 0.4 * pitch)]


def _column(count: int, x: float, tall: float, room: float) -> tuple[np.ndarray, float]:
    """A layer's units around x: in as many columns as it takes for them not to touch."""
    columns = max(1, math.ceil(count * 4.8 / tall))
    lines = math.ceil(count / columns)
    stagger = 0.5 * (columns > 1)  # every other column stands half a line lower
    high = min(tall / (lines + stagger), 15.0)
    r = min(DOT, 0.4 * high)
    each = min(2.6 * r, 0.8 * room / columns)
    k = np.arange(count)
    column, line = k % columns, k // columns
    ys = (line + 0.5 + stagger * (column % 2)) * high + (tall - high * (lines + stagger)) / 2
    return np.column_stack([x + (column - (columns - 1) / 2) * each, ys]), min(r, 0.5 * each)


# ------------------------------------------------------------------ what labels say

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_WAY = re.compile(rf"^{_NUMBER}(?:\.\.{_NUMBER})? deg\b")
_CELL = re.compile(r"^([+-]?\d+)([, ])\s*([+-]?\d+)$")


def way(text: str, ahead: float) -> tuple[float, float] | None:
    """The directions that a label such as "0..45 deg" names; None for others. ahead: of 0 deg, degrees."""
    found = _WAY.match(text)
    if found is None:
        return None
    low = float(found[1])
    high = low if found[2] is None else float(found[2])
    return math.radians(low + ahead), math.radians(high + ahead)


def picture(labels: Sequence[str]) -> np.ndarray | None:
    """Rows and columns [K, 2], from the top left, of senses called "row,column" or "+x +y"; None for others."""
    found = [_CELL.match(re.sub(r"\s*\(.*\)$", "", text)) for text in labels]
    if len(labels) < 9 or not all(found):
        return None
    at = np.array([(int(cell[1]), int(cell[3])) for cell in found if cell is not None])
    if found[0] is not None and found[0][2] == " ":  # x and y, which points up
        at = np.column_stack([-at[:, 1], at[:, 0]])
    at -= at.min(axis=0)
    rows, columns = at.max(axis=0) + 1
    return at if rows * columns == len(labels) and rows > 1 and columns > 1 else None


def short(text: str) -> str:
    """A label without its unit, which is told when pointed at: "0..45 deg" is "0\u201345°"."""
    plain = re.sub(r"\s*\(.*\)$", "", text)
    return re.sub(rf"{_NUMBER}\.\.{_NUMBER} deg", "\\1\u2013\\2°", plain).replace(" deg", "°")


def _ahead(facts: Any) -> float:
    """Where 0 deg of a sense is on the screen: to the right, or upwards where it counts from straight ahead."""
    turned = facts.get("frame", "world") != "world" or facts.get("heading") is not None
    return 90.0 if turned else 0.0
