"""Levels of training: which steps each level takes, how long they are, and which samples they see.

Level 0 is the training itself, n_0 = N steps of gradient descent from point 0 to point N. Level l + 1 keeps every m-th
point of level l (the C-points; those between are F-points) and goes from one to the next in one step, of a rate that
its rule gives. Where m does not divide n_l, the last points of level l have no C-point behind them; they are reached by
F-relaxation from the last one.

    naive       a_l = a_0                       the same step everywhere
    doubled     a_l = min(m_0 ... m_(l-1) a_0, a_max)   as long as the steps it stands for (solver 1 of the source)
    serialised  the same; on every level the step into point i sees sample i mod K alone (solver 2)
    slow        a_l = min(1.25^l a_0, a_max), serialised

Source: Schroder, "Parallelizing over artificial neural network training runs with multigrid", arXiv:1708.02276, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from swarm.config import suggest
from swarm.errors import SettingsError

SLOW = 1.25  # how much longer a step gets from level to level under the rule 'slow'
RULES = {"naive": False, "doubled": False, "serialised": True, "slow": True}  # name -> whether data are serialised


@dataclass(frozen=True)
class Level:
    """`steps` n from point 0 to point n, each of length `rate`; coarsened by `factor` m, 0 on the coarsest level."""

    number: int
    steps: int
    factor: int
    rate: float

    @property
    def coarse(self) -> int:
        """How many C-points there are behind point 0: the steps of the next level."""
        return self.steps // self.factor if self.factor else 0


def hierarchy(
    steps: int,
    rate: float,
    *,
    rule: str = "doubled",
    max_rate: float | None = None,
    coarsening: int | Sequence[int] = 2,
    coarsest: int = 10,
    levels: int | None = None,
) -> tuple[Level, ...]:
    """The levels of a training of `steps` steps of length `rate`, the finest first.

    coarsening: the factor m, or one per level, of which the last goes on. New levels are made until one has at most
    `coarsest` steps, or until there are `levels` (which then counts alone). max_rate: a_max; no limit by default.
    Raises SettingsError.
    """
    steps, coarsest = _whole("steps", steps, 1), _whole("coarsest", coarsest, 1)
    count = None if levels is None else _whole("levels", levels, 1)
    factors = _factors(coarsening)
    if rule not in RULES:
        raise SettingsError(f"mgrit: rule {rule!r} is unknown.{suggest(str(rule), RULES)}")
    if not (np.isfinite(rate) and rate > 0):
        raise SettingsError(f"mgrit: rate = {rate!r} must be a number above 0.")
    if max_rate is not None and not max_rate >= rate:
        raise SettingsError(f"mgrit: max_rate = {max_rate!r} is below the training's own rate {rate:g}. Raise it.")
    found, n, longer = [], steps, 1
    while n > 0:
        l = len(found)
        m = factors[min(l, len(factors) - 1)]
        last = l + 1 == count if count is not None else n <= coarsest
        if not last and n < m:
            raise SettingsError(
                f"mgrit: coarsening by {m} leaves level {l} with {n} steps no coarse point. Coarsen less, or take fewer"
                f" levels (levels={l + 1})."
            )
        factor = 0 if last else m
        found.append(Level(l, n, factor, _rate(rule, rate, l, longer, inf if max_rate is None else max_rate)))
        if last:
            break
        n, longer = n // m, longer * m
    return tuple(found)


def samples_of(starts: np.ndarray, batch: int, K: int) -> np.ndarray:
    """Which of K samples the steps from points `starts` [n] see, int32 [n, batch].

    The step into point i sees samples i B .. i B + B - 1 modulo K, on every level, whatever a step stands for there.
    """
    return (((np.asarray(starts, np.int64)[:, None] + 1) * batch + np.arange(batch)) % K).astype(np.int32)


def _rate(rule: str, rate: float, l: int, longer: int, most: float) -> float:
    if rule == "naive":
        return float(rate)
    return float(min(rate * (SLOW**l if rule == "slow" else longer), most))


def _factors(coarsening: Any) -> tuple[int, ...]:
    given = coarsening if isinstance(coarsening, Sequence) and not isinstance(coarsening, str) else (coarsening,)
    if not len(given):
        raise SettingsError("mgrit: coarsening = () names no factor. Give 2, or one factor per level.")
    return tuple(_whole("coarsening", factor, 2) for factor in given)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SettingsError(f"mgrit: {name} = {value!r} must be a whole number of {least} or more.")
    return int(value)
