"""Handwriting as strokes: how people write the ten digits, and what a pen leaves on the canvas.

A stroke is a line of points, "x,y x,y ...", strokes are parted by ";". Points are in percent of the canvas, (0, 0) at
the top left. Corners are rounded by cutting them (Chaikin, 1974); a point that is said twice stays a corner.
"""

from __future__ import annotations

import numpy as np

from swarm.errors import SettingsError

PEN = 0.08  # width of the pen, as a part of the canvas
NUMBERS = 64  # random numbers that are enough to shake any of the hands
_ROUNDS = 3  # times every corner is cut

# Several ways to write each digit; the first one is shown when a digit is asked for.
HANDS: tuple[tuple[str, ...], ...] = (
    (
        "52,6 28,14 17,48 26,84 50,95 76,84 84,50 75,16 52,6",
        "60,8 34,10 24,40 26,72 44,94 66,84 74,52 70,22 50,6 38,12",
    ),
    ("34,26 54,6 54,6 54,95", "50,5 50,95", "30,28 52,5 52,5 52,95; 30,95 74,95", "38,18 52,8 52,8 50,60 48,94"),
    (
        "20,28 28,10 52,4 76,16 74,40 46,72 18,95 18,95 82,93",
        "22,26 36,6 64,6 76,26 64,54 40,82 24,92 16,80 34,74 56,90 84,88",
        "20,12 50,5 74,14 74,38 74,50 48,74 22,95 22,95 80,95",
    ),
    (
        "22,14 46,3 74,12 74,36 46,47 46,47 78,54 80,84 52,97 18,86",
        "22,7 22,7 74,7 74,7 46,42 46,42 76,52 78,82 50,96 20,88",
        "24,18 40,5 66,8 70,30 52,44 42,46 66,50 76,72 62,92 36,96 20,84",
    ),
    (
        "58,5 58,5 14,64 14,64 86,64; 64,36 64,95",
        "26,6 18,52 20,58 82,54; 66,8 62,95",
        "62,95 62,95 62,5 62,5 15,66 15,66 88,66",
        "24,8 24,8 22,56 22,56 76,56; 74,10 70,94",
    ),
    (
        "76,7 76,7 32,7 32,7 26,46 26,46 50,36 78,48 78,84 48,97 20,86",
        "30,8 24,44 24,44 48,38 74,52 72,84 46,96 20,88; 30,8 78,6",
        "70,6 40,8 32,16 30,44 48,42 70,54 72,80 50,95 24,90",
    ),
    (
        "66,5 38,22 20,60 28,90 54,97 78,84 74,60 48,52 24,70",
        "48,5 28,36 24,74 40,95 66,92 74,72 58,58 36,64 26,80",
        "72,14 54,5 32,22 20,60 32,92 60,96 76,76 64,58 38,60 24,76",
    ),
    (
        "18,8 18,8 82,8 82,8 56,48 42,95",
        "18,10 18,10 78,8 78,8 44,95; 30,50 72,48",
        "20,22 20,8 20,8 80,8 80,8 60,44 52,95",
        "20,10 20,10 74,8 80,14 56,54 48,94; 34,52 70,52",
    ),
    (
        "72,20 54,4 28,12 30,36 68,58 76,84 50,98 24,84 32,58 70,36 72,20",
        "50,5 26,12 28,40 50,48 72,40 74,12 50,5; 50,48 20,58 24,92 50,97 76,92 80,58 50,48",
        "70,10 42,4 26,18 42,42 66,60 72,84 48,96 28,82 40,58 66,36 72,12",
    ),
    (
        "74,26 58,4 30,8 22,36 42,54 68,42 74,22 72,58 58,95",
        "72,10 44,4 22,26 36,52 64,44 72,12 72,12 74,95",
        "74,18 50,4 26,18 28,44 54,50 74,28 74,18 76,70 58,96 28,88",
        "70,16 46,6 28,22 36,44 60,42 72,18 68,60 44,94",
    ),
)  # fmt: skip


def parse(text: str) -> list[np.ndarray]:
    """The strokes of a drawing "10,20 30,40; 50,60 70,80": lists of points [K, 2] float32 in parts of the canvas.

    Raises SettingsError for what is no pair of numbers and for points off the canvas.
    """
    strokes = []
    for stroke in text.split(";"):
        try:
            points = np.array([[float(x) for x in word.split(",")] for word in stroke.split()], np.float32) / 100
            fits = points.ndim == 2 and points.shape[1] == 2 and bool(((points >= 0) & (points <= 1)).all())
        except ValueError:
            fits, points = False, np.zeros((0, 2), np.float32)
        if not fits:
            raise SettingsError(
                f"drawing: the stroke {stroke.strip()!r} is no line of points. Give percents of the canvas from the top"
                " left, strokes parted by ';', such as drawing='30,30 50,10 50,90; 30,90 70,90'."
            )
        strokes.append(points)
    return strokes


def written(digit: int, hand: int, draw: np.ndarray, shake: float) -> np.ndarray:
    """A digit written B times by one of its `HANDS` that shakes: pieces float32 [B, S, 4] in parts of the canvas.

    draw: float32 [B, D], numbers in [-1, 1) that move the points, at most `shake` (1 is the canvas); at least two for
    each point of the strokes.
    """
    hands, found, at = HANDS[digit], [], 0
    for stroke in parse(hands[hand % len(hands)]):
        moved = stroke + np.float32(shake) * draw[:, at : at + stroke.size].reshape(len(draw), *stroke.shape)
        corner = 1 + np.flatnonzero((stroke[1:] == stroke[:-1]).all(axis=1))
        moved[:, corner] = moved[:, corner - 1]
        line = rounded(moved)
        found.append(np.concatenate([line[:, :-1], line[:, 1:]], axis=2))
        at += stroke.size
    return np.concatenate(found, axis=1)


def rounded(strokes: np.ndarray) -> np.ndarray:
    """Strokes [B, K, 2] with their corners cut: [B, K', 2], the ends where they were."""
    for _ in range(_ROUNDS if strokes.shape[1] > 2 else 0):
        a, b = strokes[:, :-1], strokes[:, 1:]
        cut = np.stack([a * np.float32(0.75) + b * np.float32(0.25), a * np.float32(0.25) + b * np.float32(0.75)], 2)
        strokes = np.concatenate([strokes[:, :1], cut.reshape(len(strokes), -1, 2)[:, 1:-1], strokes[:, -1:]], 1)
    return strokes


def segments(strokes: list[np.ndarray]) -> np.ndarray:
    """The straight pieces of strokes: float32 [S, 4], x0, y0, x1, y1. A single point is a piece without length."""
    pieces = [np.concatenate([s[:-1], s[1:]], 1) if len(s) > 1 else np.concatenate([s, s], 1) for s in strokes]
    return np.concatenate(pieces or [np.zeros((0, 4))]).astype(np.float32)


def reached(pieces: np.ndarray, length: float) -> int:
    """How many of `pieces` [S, 4] are drawn when the pen has gone `length`, in sides of the canvas."""
    dx, dy = pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1]
    return int(np.searchsorted(np.cumsum(np.sqrt(dx * dx + dy * dy), dtype=np.float64), length, side="right"))


def rasterise(pieces: np.ndarray, side: int, pen: float = PEN) -> np.ndarray:
    """Ink on a canvas of side x side pixels, float32 [B, side, side] in 0..1, of pieces [B, S, 4] by a round pen."""
    at = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    ink = np.zeros((len(pieces), side, side), np.float32)
    x, y = at[None, None, :], at[None, :, None]
    for k in range(pieces.shape[1]):
        x0, y0, x1, y1 = (pieces[:, k, i, None, None] for i in range(4))
        dx, dy = x1 - x0, y1 - y0
        along = ((x - x0) * dx + (y - y0) * dy) / np.maximum(dx * dx + dy * dy, np.float32(1e-12))
        along = np.clip(along, np.float32(0), np.float32(1))
        offx, offy = x - x0 - along * dx, y - y0 - along * dy
        away = np.sqrt(offx * offx + offy * offy)
        np.maximum(ink, np.clip((np.float32(pen / 2) - away) * np.float32(side) + np.float32(0.5), 0, 1), out=ink)
    return ink
