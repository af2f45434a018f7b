"""Marks: what a scene draws beside its tables, declared in metres; the renderer turns them into pixels.

A scene says `marks(world) -> iterable of Box, Line and Text`, drawn in that order, those with `over` above the agents
and the others below them. A colour is "#rrggbb", a colour of the theme by name ("text", "quiet", "accent", "panel",
"line", "ground"), or (palette, value 0..1), such as ("kinds", 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[float, float]
Colour: TypeAlias = str | tuple[str, float]


@dataclass(frozen=True)
class Box:
    """A box or, with a radius of half its sides, a disc; filled, or with `outline` only its edge.

    at: its middle, m. size: width and height, m. radius: of its corners, m. outline: width of the edge, points.
    """

    at: Place
    size: tuple[float, float]
    colour: Colour
    alpha: float = 1.0
    radius: float = 0.0
    outline: float | None = None
    over: bool = False


@dataclass(frozen=True)
class Line:
    """Straight pieces with round ends through `points`, m, `width` m wide."""

    points: Sequence[Place]
    colour: Colour
    alpha: float = 1.0
    width: float = 0.2
    over: bool = False


@dataclass(frozen=True)
class Text:
    """One line of text. at: left, middle or right end of its baseline by `align`, m. size: of its capitals, m."""

    at: Place
    text: str
    size: float
    colour: Colour = "text"
    alpha: float = 1.0
    align: str = "centre"
    weight: float = 1.0
    over: bool = True


Mark: TypeAlias = Box | Line | Text
