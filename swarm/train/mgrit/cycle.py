"""Cycles through the levels, by the full approximation scheme.

On a level: relax; take points and residual at the C-points to the next level (injection); solve there, or go on in the
same way; add what changed there to the C-points; relax the F-points. The next level solves A_c(v) = A_c(w_c) + r, so
that a solved fine level changes nothing.

    two-level   the second level is the coarsest
    V           every level is visited once
    F           F-cycle of the levels below, then on every level but the finest a V-cycle more
    W           every level but the finest visits the next one twice
    parareal    two-level with F-relaxation

A start is what the iteration begins with: 'zero' everywhere but at point 0; 'coarse': the coarsest level solved and
carried up by F-relaxation; 'nested': that, with a V-cycle on every level on the way up (full multigrid).

Sources: Brandt, "Multi-level adaptive solutions to boundary-value problems", Math. Comput. 31, 1977 (FAS); Lions, Maday
and Turinici, "Resolution d'EDP par un schema en temps parareel", C. R. Acad. Sci. 332, 2001; Gander and Vandewalle,
SIAM J. Sci. Comput. 29(2), 2007 (Parareal is two-level multigrid with F-relaxation).
"""

from __future__ import annotations

import numpy as np

from swarm.brain.rows import allocate
from swarm.train.mgrit import stability
from swarm.train.mgrit.hierarchy import Level
from swarm.train.mgrit.propagator import Propagator
from swarm.train.mgrit.relax import Grid

CYCLES = ("two-level", "V", "F", "W", "parareal")
STARTS = ("zero", "coarse", "nested")


class Hierarchy:
    """The grids of all levels, the finest first, and the cycles over them."""

    def __init__(self, levels: tuple[Level, ...], propagator: Propagator, first: np.ndarray, sweeps: int) -> None:
        """first [stride]: point 0 of every level. sweeps: CF-sweeps of relaxation."""
        self.sweeps, self.grids = sweeps, []
        for level in levels:
            rows = allocate(level.steps + 1, propagator.layout)
            rows[0] = first
            self.grids.append(Grid(level, propagator, rows))

    def start(self, how: str) -> None:
        """Set the trajectory to begin with; see the module."""
        if how == "zero" or len(self.grids) == 1:
            return
        self.grids[-1].serial()
        for l in range(len(self.grids) - 2, -1, -1):
            self.grids[l].carry(self.grids[l + 1].rows)
            if how == "nested" and l > 0:
                self.cycle(l, "V")

    def cycle(self, l: int, shape: str) -> None:
        """Improve the trajectory of level l by one cycle."""
        grid = self.grids[l]
        if l == len(self.grids) - 1:
            grid.serial()
            stability.check(grid.level, grid.rows)
            return
        grid.relax(self.sweeps)
        self._descend(l, shape)
        if shape == "W" and l > 0:
            self._descend(l, "W")
        if shape == "F" and l > 0:
            self.cycle(l, "V")

    def _descend(self, l: int, shape: str) -> None:
        fine, coarse = self.grids[l], self.grids[l + 1]
        residual = fine.residual()
        stability.check(fine.level, residual)
        before = fine.rows[:: fine.level.factor].copy()
        coarse.begin(before, None)
        right = np.zeros_like(before)
        steps = np.arange(coarse.level.steps)
        right[1:] = before[1:] - coarse.propagator.apply(coarse.level, before, steps, None) + residual
        coarse.right = right
        self.cycle(l + 1, shape)
        stability.check(coarse.level, coarse.rows)
        fine.correct((coarse.rows - before)[1:])
