"""Does it pay? Serial training against MGRIT on this device, over the steps and the lanes, beside the model.

Both train the same network to the same weights with the same kernel: serial training advances one network, MGRIT as
many as its launches hold (`lanes`). Two predictions stand beside the measured ratio. *The model* counts steps that wait
for one another and nothing else: N / path, what a device would reach that advances `lanes` networks in the time of one.
*By launches* takes the time that a launch of so many networks has here, measured alone, times the launches counted;
what is missing from it to the measured time is copies, differences and norms.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.errors import SettingsError

if TYPE_CHECKING:
    from swarm.train.mgrit.report import Report

LANES = (16, 64, 256, 1024)
PROJECTED = (2, 8, 32, 128, 1024, None)  # lanes that the model is asked about; None: as many as there are


@dataclass(frozen=True)
class Measured:
    """One run against serial training of as many steps. lanes 0: no limit. Seconds are the least of the rounds."""

    report: Report
    lanes: int
    serial: float
    seconds: float
    predicted: float
    apart: float  # largest difference between the parameters that both end with

    @property
    def speedup(self) -> float:
        """Serial seconds over MGRIT's, measured."""
        return self.serial / self.seconds

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "steps": self.report.steps,
            "lanes": self.lanes or None,
            "iterations": self.report.iterations,
            "status": self.report.status,
            "serial_seconds": self.serial,
            "seconds": self.seconds,
            "speedup": self.speedup,
            "speedup_from_launches": self.serial / self.predicted,
            "speedup_of_the_model": self.report.speedup(self.lanes or None),
            "work_over_serial": int(self.report.work.sum()) / self.report.steps,
            "critical_path": self.report.path(),
            "projected": {str(lanes or "all"): self.report.speedup(lanes) for lanes in PROJECTED},
            "largest_difference": self.apart,
        }


def measure(solve: Any, steps: Sequence[int], lanes: Sequence[int] = (*LANES, 0), rounds: int = 3) -> list[Measured]:
    """Measure `solve(steps=, lanes=, **other) -> Report` for every number of steps and lanes, `rounds` times in turns.

    With levels=1 it must train serially. Raises SettingsError where nothing converges to the serial weights.
    """
    found = []
    for n in steps:
        most = -(-n // 2)
        limits = [width for width in lanes if width < most]
        serial = solve(steps=n, lanes=None, levels=1)
        reports = {width: solve(steps=n, lanes=width or None) for width in limits}  # also compiles and warms up
        costs = _costs(serial, most)
        times = {width: [] for width in (*limits, None)}
        for _ in range(rounds):
            for width in times:
                run = solve(steps=n, lanes=None, levels=1) if width is None else solve(steps=n, lanes=width or None)
                times[width].append(run.seconds)
        right = serial.trajectory.parameters
        for width in limits:
            report = reports[width]
            apart = float(np.abs(report.trajectory.parameters - right).max())
            found.append(Measured(report, width, min(times[None]), min(times[width]), _predicted(report, costs), apart))
    if not found:
        raise SettingsError(
            f"mgrit: no run of {list(steps)} steps is long enough to measure. Give --steps 100 or more."
        )
    return found


def _costs(serial: Report, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of networks and the seconds that one step of so many takes here, the least of five."""
    step, rows = serial.propagator.apart(), serial.trajectory.rows
    sizes, taken = np.unique(np.geomspace(1, max(2, most), 12).astype(np.int64)), []
    for size in sizes:
        starts = np.arange(size) % serial.steps
        best = np.inf
        for _ in range(5):
            begin = time.perf_counter()
            step.apply(serial.levels[0], rows, starts, None)
            best = min(best, time.perf_counter() - begin)
        taken.append(best)
    chain = max(1, min(256, serial.steps))  # a launch of one network, many steps: what a step in a row costs
    best = np.inf
    for _ in range(5):
        begin = time.perf_counter()
        step.march(serial.levels[0], rows.copy(), np.zeros(1, np.int64), chain, None)
        best = min(best, time.perf_counter() - begin)
    return sizes, np.array([best / chain, *taken])


def _predicted(report: Report, costs: tuple[np.ndarray, np.ndarray]) -> float:
    sizes, (chained, *taken) = costs[0], costs[1]
    total = 0.0
    for (_, wide, depth), count in report.ledger.launches.items():
        each = chained * depth if wide == 1 and depth > 1 else float(np.interp(wide, sizes, taken)) * depth
        total += count * each
    return total


def table(found: Sequence[Measured]) -> Any:
    """The measurements for `rich`."""
    from rich.table import Table

    drawn = Table(title="serial against MGRIT, seconds and ratios", title_justify="left", title_style="bold")
    heads = ("N", "lanes", "iterations", "work / N", "serial ms", "MGRIT ms", "speed-up", "by launches", "by the model",
             "all lanes")  # fmt: skip
    for heading in heads:
        drawn.add_column(heading, justify="right")
    for row in found:
        report, wide = row.report, row.lanes or None
        drawn.add_row(
            f"{report.steps:,}", str(row.lanes or "all"), str(report.iterations),
            f"{report.work.sum() / report.steps:.1f}", f"{row.serial * 1e3:.2f}", f"{row.seconds * 1e3:.2f}",
            f"{row.speedup:.3f}", f"{row.serial / row.predicted:.3f}", f"{report.speedup(wide):.2f}",
            f"{report.speedup():.2f}",
        )  # fmt: skip
    return drawn
