"""What an MGRIT run has to tell: residuals, factors, work and time per level, and what more lanes would bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.train.mgrit.hierarchy import Level
from swarm.train.mgrit.ledger import Ledger
from swarm.train.mgrit.propagator import Propagator

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Report:
    """The result of `mgrit`.

    brains: the trained network, a pool of one. trajectory: the network after every step, a pool of N + 1; row 0 is the
    start. residuals [iterations + 1]: the norm of the fine residual at the start (after F-relaxation) and behind every
    iteration. tolerance: what the last one was to fall to, sqrt(N) included. status: 'converged', 'limit' or
    'stagnated' (the arithmetic gives no more). unstable: the coarse level that is at fault where it did not converge.
    """

    brains: Brains
    trajectory: Brains
    levels: tuple[Level, ...]
    cycle: str
    relaxation: str
    tolerance: float
    residuals: np.ndarray
    status: str
    seconds: float
    propagator: Propagator = field(repr=False)
    unstable: Level | None = None

    @property
    def ledger(self) -> Ledger:
        """What was launched, counted."""
        return self.propagator.ledger

    @property
    def iterations(self) -> int:
        """How many cycles were done."""
        return len(self.residuals) - 1

    @property
    def converged(self) -> bool:
        """Whether the residual fell to the tolerance."""
        return self.status == "converged"

    @property
    def steps(self) -> int:
        """N, the steps of the training."""
        return self.levels[0].steps

    @property
    def factors(self) -> np.ndarray:
        """[iterations]: each residual over the one before."""
        before = self.residuals[:-1]
        return np.divide(self.residuals[1:], before, out=np.full(len(before), np.nan), where=before > 0)

    @property
    def factor(self) -> float:
        """The geometric mean of the factors: how much an iteration reduces the residual."""
        first, last = self.residuals[0], self.residuals[-1]
        return float((last / first) ** (1 / self.iterations)) if first > 0 and self.iterations else float("nan")

    @property
    def work(self) -> np.ndarray:
        """[levels]: steps of single networks on each level, counted. Serial training takes N."""
        return np.array([self.ledger.work(level.number) for level in self.levels])

    @property
    def level_seconds(self) -> np.ndarray:
        """[levels]: the time of each level's steps; the rest of `seconds` is copies, differences and norms."""
        return np.array([self.ledger.seconds[level.number] for level in self.levels])

    def path(self, lanes: int | None = None) -> int:
        """Steps one after another if `lanes` networks advance at a time; None: all that may. Serial training: N."""
        return self.ledger.path(lanes)

    def speedup(self, lanes: int | None = None) -> float:
        """N / path: what the model promises with so many lanes, if a launch of them took the time of one step."""
        return self.steps / float(self.path(lanes))

    def table(self) -> Table:
        """Levels with their steps, rates, work and time, for `rich`."""
        from rich.table import Table

        table = Table(title=f"{self.cycle}, {self.relaxation}", title_justify="left", title_style="bold")
        for heading in ("level", "steps", "rate", "work", "work / N", "seconds"):
            table.add_column(heading, justify="right")
        for level, work, seconds in zip(self.levels, self.work, self.level_seconds, strict=True):
            table.add_row(
                str(level.number), f"{level.steps:,}", f"{level.rate:g}", f"{work:,}", f"{work / self.steps:.2f}",
                f"{seconds:.3f}",
            )  # fmt: skip
        return table

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "iterations": self.iterations,
            "status": self.status,
            "converged": self.converged,
            "residuals": self.residuals.tolist(),
            "tolerance": self.tolerance,
            "factors": self.factors.tolist(),
            "factor": self.factor,
            "steps": self.steps,
            "cycle": self.cycle,
            "relaxation": self.relaxation,
            "levels": [
                {"level": l.number, "steps": l.steps, "coarsening": l.factor, "rate": l.rate, "work": int(work),
                 "seconds": float(seconds)}
                for l, work, seconds in zip(self.levels, self.work, self.level_seconds, strict=True)
            ],
            "work": int(self.work.sum()),
            "critical_path": self.path(),
            "modelled_speedup": self.speedup(),
            "seconds": self.seconds,
            "unstable_level": None if self.unstable is None else self.unstable.number,
        }  # fmt: skip

    def plot(self, path: str | Path) -> None:
        """Draw the residuals into a .png, .pdf or .svg file."""
        from swarm.train.mgrit import plots

        plots.residuals({f"{self.cycle}, N = {self.steps:,}": self}, path)

    def __str__(self) -> str:
        word = {"limit": "not converged", "stagnated": "stopped where the arithmetic gives no more"}
        ends = f"residual {self.residuals[-1]:.2e}" + ("" if self.converged else f" of {self.tolerance:.2e} asked for")
        many = f"{self.iterations} {'iteration' if self.iterations == 1 else 'iterations'}"
        return f"{word.get(self.status, self.status)} after {many}, {ends}, factor {self.factor:.3f}"
