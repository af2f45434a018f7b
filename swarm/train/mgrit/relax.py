"""A level's trajectory and its relaxation.

F-relaxation goes from every C-point over the F-points behind it: n / m networks side by side, m - 1 steps each.
C-relaxation takes the step into every C-point. FCF is F, C, F; F(CF)^k has k of the last two. What stands already is
not computed again: behind F-relaxation F does nothing, and the residual at the C-points holds their next values.

Source: Falgout, Friedhoff, Kolev, MacLachlan and Schroder, "Parallel time integration with multigrid", SIAM J. Sci.
Comput. 36(6), 2014.
"""

from __future__ import annotations

import re

import numpy as np

from swarm.errors import SettingsError
from swarm.train.mgrit.hierarchy import Level
from swarm.train.mgrit.propagator import Propagator


class Grid:
    """The points of one level while they are solved for.

    rows [n + 1][stride]: the trajectory; right, the same shape: its right-hand side, None: 0.
    """

    def __init__(self, level: Level, propagator: Propagator, rows: np.ndarray, right: np.ndarray | None = None) -> None:
        self.level, self.propagator, self.rows, self.right = level, propagator, rows, right
        m = level.factor or level.steps
        self.points = np.arange(1, level.coarse + 1) * m  # C-points behind point 0
        self._relaxed, self._landing = False, None

    def serial(self) -> None:
        """Solve: one step after the other."""
        self._march(np.zeros(1, np.int64), self.level.steps)
        self._relaxed, self._landing = True, None

    def f_relax(self) -> None:
        """Every F-point becomes what the steps from the C-point before it make of it."""
        if self._relaxed:
            return
        m, n = self.level.factor, self.level.steps
        starts = np.arange(0, n, m)
        rest = n - starts[-1]  # steps behind the last C-point of `starts`
        whole = starts if rest >= m - 1 else starts[:-1]
        self._march(whole, m - 1)
        self._march(starts[len(whole) :], rest)
        self._relaxed, self._landing = True, None

    def c_relax(self) -> None:
        """Every C-point becomes what the step before it makes of it."""
        self.rows[self.points] = self.landing()
        self._relaxed, self._landing = False, None

    def relax(self, sweeps: int) -> None:
        """F(CF)^sweeps."""
        self.f_relax()
        for _ in range(sweeps):
            self.c_relax()
            self.f_relax()

    def landing(self) -> np.ndarray:
        """[n // m, stride]: where the steps into the C-points lead, with the right-hand side."""
        if self._landing is None:
            self._landing = self.propagator.apply(self.level, self.rows, self.points - 1, self.right)
        return self._landing

    def residual(self) -> np.ndarray:
        """r = g - A(w) at the C-points, [n // m, stride]: landing - w. Behind F-relaxation it is 0 at F-points."""
        return self.landing() - self.rows[self.points]

    def correct(self, change: np.ndarray) -> None:
        """Add `change` [n // m, stride] to the C-points and relax the F-points."""
        self.rows[self.points] += change
        self._relaxed, self._landing = False, None
        self.f_relax()

    def begin(self, points: np.ndarray, right: np.ndarray | None) -> None:
        """Start anew from a trajectory [n + 1, stride] and a right-hand side."""
        self.rows[:] = points
        self.right, self._relaxed, self._landing = right, False, None

    def carry(self, points: np.ndarray) -> None:
        """Take the points [n // m + 1, stride] of the next level as C-points and relax the F-points."""
        self.rows[:: self.level.factor] = points
        self._relaxed, self._landing = False, None
        self.f_relax()

    def _march(self, starts: np.ndarray, depth: int) -> None:
        if len(starts) and depth:
            self.propagator.march(self.level, self.rows, starts, depth, self.right)


def sweeps_of(relaxation: str) -> int:
    """How many CF a scheme has: 'F' 0, 'FCF' 1, 'FCFCF' or 'F(CF)^2' 2. Raises SettingsError."""
    plain = re.fullmatch(r"F((?:CF)*)", str(relaxation))
    power = re.fullmatch(r"F\(CF\)\^?(\d{1,3})", str(relaxation))
    if plain:
        return len(plain[1]) // 2
    if power:
        return int(power[1])
    raise SettingsError(f"mgrit: relaxation {relaxation!r} is unknown. Give 'F', 'FCF', 'FCFCF' or 'F(CF)^3'.")
