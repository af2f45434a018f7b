"""Marks: what a scene draws beside its tables, declared in metres; the renderer turns them into pixels.

A scene says `marks(world) -> iterable of Heat, Box, Line and Text`. Heat maps lie on the ground; the others are drawn
in that order, those with `over` above the agents and the rest below them. A colour is "#rrggbb", a colour of the theme
by name ("text", "quiet", "accent", "panel", "line", "ground"), or (palette, value 0..1), such as ("kinds", 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

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


@dataclass(frozen=True)
class Heat:
    """A field as colours over the whole world: values [rows, columns], row 0 at y = 0, floats or uint8.

    limits: the values at both ends of the palette. fade: from nothing at the lower end to `alpha` at the upper one, so
    that the ground shows where there is little; else everything is covered alike. smooth: blended between the cells'
    middles. colour "#rrggbb" takes the palette's place.
    """

    values: Any
    limits: tuple[float, float]
    palette: str = "tide"
    alpha: float = 0.8
    fade: bool = True
    smooth: bool = True
    colour: str | None = None


Mark: TypeAlias = Heat | Box | Line | Text
