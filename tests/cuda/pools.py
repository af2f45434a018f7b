"""Equal pools on the CPU and on a CUDA device, and what it takes to compare them bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP

SMALL = MLP((7, 9, 3))  # 64 + 9 and 27 + 3 parameters: gaps in every dtype, less than two spans
LARGE = MLP((16, 32, 4))  # 676: no gaps but one in 16 bits, several spans and a short last one
BARE = MLP((1, 1), bias=False)  # one parameter
ALL = (SMALL, LARGE, BARE)


def pair(mlp: Any, count: int | None = None, **more: Any) -> tuple[Brains, Brains]:
    """The pool that `Brains` makes on the CPU and on CUDA."""
    return tuple(Brains(mlp, count, **{"seed": 4, "backend": backend, **more}) for backend in ("cpu", "cuda"))  # type: ignore[return-value]


def host(brains: Brains) -> list[np.ndarray]:
    """All rows of every group, those beyond the living and the gaps included."""
    return [group.backend.host(group.rows) for group in brains.groups]


def check_equal(one: Brains, two: Brains) -> None:
    """Every bit of every row is equal, and gaps are zero."""
    assert [g.positions.tolist() for g in one.groups] == [g.positions.tolist() for g in two.groups]
    for group, ours, theirs in zip(one.groups, host(one), host(two), strict=True):
        assert ours[: group.n].tobytes() == theirs[: group.n].tobytes()
        free = np.ones(group.layout.stride, bool)
        for block in group.layout.blocks:
            free[block.start : block.start + block.length] = False
        assert not any(np.ascontiguousarray(theirs[:, free]).tobytes()), "a gap is not zero"
