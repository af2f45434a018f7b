"""Work on many rows cut into tasks for the threads: what runs alone, and the first row that could not be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def first_bad(
    every: Callable[..., Any], some: Callable[..., int], about: tuple, count: int, per: int, rows: int, alone: int = 1
) -> int:
    """Do `count` pieces of work, `per` to a task; the lowest row that was refused, or -1.

    every(*about, bad) is a parallel kernel whose task k does pieces k * per up to (k + 1) * per and fills bad[k]; up to
    `alone` tasks are not worth a second thread and are done by some(*about, begin, end) in one. Both tell the lowest
    row refused, or `rows` if none was.
    """
    bad = np.full((count + per - 1) // per, rows)
    if len(bad) > alone:
        every(*about, bad)
    elif len(bad):
        bad[0] = some(*about, 0, count)
    worst = int(bad.min(initial=rows))
    return -1 if worst == rows else worst
