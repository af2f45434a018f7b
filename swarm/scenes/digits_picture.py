"""How the digits scene looks beside its agents: ten fields around a canvas, in metres for 2,000 agents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from swarm.marks import Box, Colour, Line, Mark, Text
from swarm.scenes.digits_strokes import PEN

SIZE = (160.0, 90.0)
CENTRE = (88.0, 45.0)  # of the canvas and of the ring; left of it is room for the figures
CANVAS = 30.0  # side
RADIUS = 12.6  # of a field; the whole crowd fits into one
_RIGHT = ((14.0, 30.6), (40.5, 23.0), (56.0, 0.0), (40.5, -23.0), (14.0, -30.6))  # 0 to 4, clockwise from the top
FIELDS = tuple((CENTRE[0] + x, CENTRE[1] + y) for x, y in _RIGHT) + tuple(
    (CENTRE[0] - x, CENTRE[1] + y) for x, y in _RIGHT[::-1]
)


def marks_of(unit: float, votes: np.ndarray, n: int, strokes: np.ndarray, picture: np.ndarray) -> Iterator[Mark]:
    """All marks, lengths times `unit`.

    votes int64 [10] of n agents; strokes float32 [S, 4] in sides of the canvas; picture float32 [64], what they see.
    """
    winner = int(votes.argmax()) if votes.any() else None
    for digit, at in enumerate(FIELDS):
        yield from _field(unit, digit, at, votes[digit] / n, digit == winner)
    yield from _canvas(unit, strokes, winner)
    yield from _sight(unit, picture, winner)
    yield from _verdict(unit, votes, n, winner)


def _at(unit: float, x: float, y: float) -> tuple[float, float]:
    return x * unit, y * unit


def _field(unit: float, digit: int, at: tuple[float, float], share: float, first: bool) -> Iterator[Mark]:
    colour, size = _ink(digit), (2 * RADIUS * unit, 2 * RADIUS * unit)
    middle = _at(unit, *at)
    yield Box(middle, size, colour, 0.10 if first else 0.045, RADIUS * unit)
    yield Box(middle, size, colour, 0.9 if first else 0.35, RADIUS * unit, outline=1.6 if first else 1.0)
    yield Text(_at(unit, at[0], at[1] - 4.5), str(digit), 9 * unit, colour, 0.16, weight=2.0, over=False)
    x, y = CENTRE[0] - at[0], CENTRE[1] - at[1]
    far = (x * x + y * y) ** 0.5
    x, y = at[0] + x / far * RADIUS, at[1] + y / far * RADIUS
    w, h = 10.5, 3.6
    yield Box(_at(unit, x, y), (w * unit, h * unit), "panel", 0.92, h / 2 * unit, over=True)
    yield Box(_at(unit, x, y), (w * unit, h * unit), colour, 0.55, h / 2 * unit, outline=1.0, over=True)
    yield Text(_at(unit, x - w / 2 + 1.5, y - 0.95), str(digit), 1.9 * unit, colour, weight=1.3, align="left")
    yield Text(
        _at(unit, x + w / 2 - 1.2, y - 0.7), _percent(share), 1.35 * unit, "text" if share else "quiet", align="right"
    )


def _canvas(unit: float, strokes: np.ndarray, winner: int | None) -> Iterator[Mark]:
    side, colour = CANVAS * unit, _ink(winner)
    middle = _at(unit, *CENTRE)
    yield Box(middle, (side, side), "panel", 0.95, 1.5 * unit, over=True)
    yield Box(middle, (side, side), "line", 0.25, 1.5 * unit, outline=1.2, over=True)
    left, top = middle[0] - side / 2, middle[1] + side / 2
    for line in _joined(strokes):
        yield Line([(left + x * side, top - y * side) for x, y in line], colour, 1.0, PEN * side, over=True)
    if not len(strokes):
        yield Text((middle[0], middle[1] - 0.5 * unit), "draw a digit", 1.6 * unit, "quiet")


def _sight(unit: float, picture: np.ndarray, winner: int | None) -> Iterator[Mark]:
    cell, x, y = 1.15, CENTRE[0] + CANVAS / 2 + 9.5, CENTRE[1] + 0.8
    yield Box(_at(unit, x, y), (8.9 * cell * unit, 8.9 * cell * unit), "panel", 0.92, 0.6 * unit, over=True)
    colour = _ink(winner)
    for k in range(64):
        at = _at(unit, x + (k % 8 - 3.5) * cell, y + (3.5 - k // 8) * cell)
        yield Box(
            at, (0.9 * cell * unit, 0.9 * cell * unit), colour, 0.04 + 0.96 * float(picture[k]), 0.15 * unit, over=True
        )
    yield Text(_at(unit, x, y - 7.0), "what they see", 1.0 * unit, "quiet")


def _verdict(unit: float, votes: np.ndarray, n: int, winner: int | None) -> Iterator[Mark]:
    x, y = CENTRE[0] - CANVAS / 2 - 9.5, CENTRE[1]
    if winner is None:
        yield Text(_at(unit, x, y - 0.5), "undecided", 1.3 * unit, "quiet")
        return
    colour = _ink(winner)
    yield Text(_at(unit, x, y - 2.4), str(winner), 7.5 * unit, colour, weight=2.2)
    yield Text(_at(unit, x, y - 6.2), f"{_percent(votes[winner] / n)} of the votes", 1.0 * unit, "quiet")


def _ink(digit: int | None) -> Colour:
    """The colour of a digit, or of none."""
    return "text" if digit is None else ("kinds", (digit + 1) / 10)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if 0 < share < 1 else f"{share:.0%}"


def _joined(pieces: np.ndarray) -> Iterator[list[tuple[float, float]]]:
    """Lines through the pieces [S, 4]: a piece that begins where the last one ended goes on with its line."""
    line: list[tuple[float, float]] = []
    for x0, y0, x1, y1 in pieces.tolist():
        if not line or line[-1] != (x0, y0):
            if line:
                yield line
            line = [(x0, y0)]
        line.append((x1, y1))
    if line:
        yield line
