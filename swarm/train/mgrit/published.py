"""Iterations that others counted for the two experiments, as data: which settings, how many steps, how many iterations.

Schroder, arXiv:1708.02276v2, tables of section 3; at most 50 iterations there. The independent re-implementation is
Montag's of 2020, which repeated the first two rows of XOR.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LIMIT = 50  # iterations, then the source stops

XOR_STEPS = (100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600)
ADDITION_STEPS = (100, 200, 400, 800, 1600, 3200, 6400, 12800)


@dataclass(frozen=True)
class Row:
    """One row of a table. iterations: by number of steps; None: not converged after 50. again: by Montag."""

    title: str
    settings: dict[str, Any]
    steps: tuple[int, ...]
    iterations: tuple[int | None, ...]
    again: tuple[int | None, ...] = ()
    tolerance: int | None = field(default=None)  # how far ours may be, up to `until` steps; None: in trend
    until: int = 0

    def published(self, steps: int) -> int | None:
        """The source's count at this number of steps, None where it has none."""
        return self._at(self.iterations, steps)

    def repeated(self, steps: int) -> int | None:
        """Montag's count, None where it is not known."""
        return self._at(self.again, steps)

    def _at(self, counts: tuple[int | None, ...], steps: int) -> int | None:
        found = dict(zip(self.steps, counts, strict=False))
        return found.get(steps)


def _row(title: str, cycle: str, rule: str, counts: str, rate: float, steps: tuple[int, ...], **more: Any) -> Row:
    settings = {"cycle": cycle, "rule": rule, "rate": rate}
    if "max_rate" in more:
        settings["max_rate"] = more.pop("max_rate")
    numbers = tuple(None if word == "-" else int(word) for word in counts.split())
    return Row(title, settings, steps, numbers, **more)


_AGAIN = (7, 7, 6, 6, 6, 6, 6, 6, 6)

XOR = (
    _row("two-level, naive", "two-level", "naive", "14 19 24 31 40 49 - - -", 1.0, XOR_STEPS, tolerance=3, until=1600),
    _row("two-level, solver 1", "two-level", "doubled", "6 6 6 6 6 6 6 6 5", 1.0, XOR_STEPS, again=_AGAIN, tolerance=1,
         until=12800),
    _row("F, solver 1, a_max 8", "F", "doubled", "6 6 7 7 7 8 11 16 21", 1.0, XOR_STEPS, max_rate=8.0, tolerance=2,
         until=3200),
    _row("F, solver 1, a 0.5, a_max 8", "F", "doubled", "5 5 5 6 6 5 6 9 12", 0.5, XOR_STEPS, max_rate=8.0, tolerance=2,
         until=3200),
    _row("two-level, solver 2", "two-level", "serialised", "10 12 15 18 20 20 20 20 19", 1.0, XOR_STEPS, tolerance=4,
         until=25600),
    _row("F, solver 2, a_max 8", "F", "serialised", "10 12 15 21 26 27 29 41 50", 1.0, XOR_STEPS, max_rate=8.0,
         tolerance=4, until=25600),
)  # fmt: skip

ADDITION = (
    _row("two-level, solver 2", "two-level", "serialised", "4 4 5 5 6 6 7 11", 0.025, ADDITION_STEPS),
    _row("F, solver 2", "F", "serialised", "4 4 5 5 6 6 8 13", 0.025, ADDITION_STEPS),
    _row("V, solver 2", "V", "serialised", "4 5 6 7 8 9 11 20", 0.025, ADDITION_STEPS),
    _row("F, solver 2, slow", "F", "slow", "4 4 4 5 6 6 7 10", 0.025, ADDITION_STEPS),
)

TABLES: dict[str, tuple[Row, ...]] = {"xor": XOR, "addition": ADDITION}


def row_of(problem: str, cycle: str, rule: str, rate: float) -> Row | None:
    """The published row with these settings, None where there is none."""
    for row in TABLES[problem]:
        if (row.settings["cycle"], row.settings["rule"], row.settings["rate"]) == (cycle, rule, rate):
            return row
    return None
