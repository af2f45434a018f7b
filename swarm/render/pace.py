"""How fast the world runs beside the picture: pause, single steps, 1/8x to 64x, and as fast as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SPEEDS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, float("inf"))
BUDGET = 0.025   # s of each frame that the ticks may take before the picture comes first


class Pace:
    """Turns the time that passed into whole ticks of `dt` s and a fraction to draw at.

    The world never falls behind by more than one frame's budget: a slow world runs slower, it does not stall the window.
    """

    def __init__(self, dt: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.dt, self.clock = dt, clock
        self.level = SPEEDS.index(1.0)
        self.paused = False
        self.owed = 0.0       # s of simulated time not yet run, less than a tick after `run`
        self.steps = 0        # single steps asked for while paused

    @property
    def speed(self) -> float:
        """Simulated seconds per second; infinite is as fast as it goes."""
        return SPEEDS[self.level]

    @property
    def note(self) -> str:
        """The state in a word for the overlay; empty at normal speed."""
        if self.paused:
            return "paused"
        if self.speed == float("inf"):
            return "full speed"
        if self.speed < 1:
            return f"1/{round(1 / self.speed)}×"
        return "" if self.speed == 1 else f"{round(self.speed)}×"

    def faster(self) -> None:
        """One speed up."""
        self.level = min(self.level + 1, len(SPEEDS) - 1)

    def slower(self) -> None:
        """One speed down."""
        self.level = max(self.level - 1, 0)

    def step(self) -> None:
        """Pause and run one tick."""
        self.paused, self.steps = True, self.steps + 1

    def run(self, world: Any, elapsed: float) -> float:
        """Run the ticks that `elapsed` s are worth; returns the fraction of a tick to draw at, 0..1."""
        if self.paused:
            for _ in range(self.steps):
                world.step()
            if self.steps:
                self.owed = 0.0
            self.steps = 0
            return 1.0 if self.owed == 0.0 else self.owed / self.dt
        end = self.clock() + BUDGET
        if self.speed == float("inf"):
            world.step()
            while self.clock() < end:
                world.step()
            self.owed = 0.0
            return 1.0
        self.owed += min(elapsed, 0.25) * self.speed
        while self.owed >= self.dt:
            world.step()
            self.owed -= self.dt
            if self.clock() >= end:
                self.owed = min(self.owed, self.dt * 0.999)
        return self.owed / self.dt
