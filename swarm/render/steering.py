"""Steering: which actions the direction keys mean, read off the names of the actions.

| two actions called          | left, right     | up, down        |
|-----------------------------|-----------------|-----------------|
| ... x and ... y             | x: -1, +1       | y: +1, -1       |
| turn and push or any other  | turn: +1, -1    | the other: +1, -1 |
| anything else               | first: -1, +1   | second: +1, -1  |

x and y are the last letter of a name, as in "push_x" or "vy"; a turn is "turn", "steer", "rotate" or "yaw", counted
counter-clockwise. With one action up and down do as right and left. Actions beyond the two stay 0.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

DIRECTIONS = ("left", "right", "up", "down")
TURNS, AHEAD = ("turn", "steer", "rotate", "yaw"), ("push", "thrust", "forward", "ahead", "gas", "speed")


def axes(names: Sequence[str]) -> tuple[int, int, float]:
    """(action of left and right, action of up and down, sign of right) for actions of these names; -1: none."""
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


def actions(names: Sequence[str], held: Collection[str], strength: float = 1.0) -> np.ndarray:
    """What the held direction keys, of `DIRECTIONS`, make an agent do: float32 [A], 0 where nothing is held."""
    out = np.zeros(len(names), np.float32)
    across, along, right = axes(names)
    if across >= 0:
        out[across] = right * (("right" in held) - ("left" in held))
    if along >= 0:
        out[along] = ("up" in held) - ("down" in held)
    elif across >= 0 and not out[across]:
        out[across] = right * (("up" in held) - ("down" in held))
    return strength * out


def explain(names: Sequence[str]) -> str:
    """The keys in words, such as "left and right: push_x, up and down: push_y"."""
    across, along, _ = axes(names)
    parts = [f"left and right: {names[across]}"] if across >= 0 else []
    parts += [f"up and down: {names[along]}"] if along >= 0 else []
    return ", ".join(parts)
