"""Steering: which actions a push to the right or upwards means, read off the names of the actions.

| among the actions are           | x (to the right)  | y (up)             |
|---------------------------------|-------------------|--------------------|
| ... x and ... y                 | the one in x      | the one in y       |
| a turn, and a push or any other | minus the turn    | the other          |
| anything else                   | the first         | the second         |

x and y are the last letter of a name, as in "push_x" or "vy". A turn is called "turn", "steer", "rotate" or "yaw" and
counts counter-clockwise. A single action takes x, or y where x is 0. Actions beyond the two stay 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TURNS, AHEAD = ("turn", "steer", "rotate", "yaw"), ("push", "thrust", "forward", "ahead", "gas", "speed")


def axes(names: Sequence[str]) -> tuple[int, int, float]:
    """(number of the action that takes x, of the one that takes y, sign of x) for actions of these names; -1: none."""
    low = [name.lower() for name in names]
    x, y = (next((k for k, name in enumerate(low) if name.endswith(axis)), -1) for axis in "xy")
    if x >= 0 and y >= 0:
        return x, y, 1.0
    turn = next((k for k, name in enumerate(low) if any(word in name for word in TURNS)), -1)
    if turn >= 0:
        rest = [k for k in range(len(low)) if k != turn]
        ahead = next((k for k in rest if any(word in low[k] for word in AHEAD)), rest[0] if rest else -1)
        return turn, ahead, -1.0
    return (0 if low else -1), (1 if len(low) > 1 else -1), 1.0


def actions(names: Sequence[str], x: float, y: float) -> np.ndarray:
    """What an agent does that is pushed x to the right and y up, -1..1 each: float32 [A]."""
    out = np.zeros(len(names), np.float32)
    across, along, sign = axes(names)
    if along >= 0:
        out[along] = y
    elif not x:
        x = y
    if across >= 0:
        out[across] = sign * x + 0.0  # no -0
    return out


def explain(names: Sequence[str]) -> str:
    """The keys in words, such as "left, right: push_x   up, down: push_y"."""
    across, along, _ = axes(names)
    parts = [f"left, right: {names[across]}"] if across >= 0 else []
    parts += [f"up, down: {names[along]}"] if along >= 0 else []
    return "   ".join(parts)
