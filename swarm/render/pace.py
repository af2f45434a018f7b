"""How fast the world runs beside the picture: pause, single steps, 1/8x to 64x, and as fast as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SPEEDS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, float("inf"))
LONGEST = 0.25  # s: a longer frame, as when the window was dragged, counts as this
BUDGET = 0.025  # s of each frame that the ticks may take before the picture comes first


class Pace:
    """Turns the time that passed into whole ticks and a fraction to draw at, through `world.advance`.

    Nothing is owed for long: a world too slow for the speed runs slower, it does not stall the window.
    """

    def __init__(self, dt: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.dt, self.clock = dt, clock
        self.level = SPEEDS.index(1.0)
        self.paused = False
        self.steps = 0  # single steps asked for
        self.alpha = 1.0  # where between the last two ticks the picture stands

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
        """Run the ticks that `elapsed` s are worth; returns the fraction between the last two ticks to draw at."""
        end = self.clock() + BUDGET
        if self.paused:
            for _ in range(self.steps):
                world.step()
                self.alpha = 1.0
            self.steps = 0
        elif self.speed == float("inf"):
            world.step()
            while self.clock() < end:
                world.step()
            self.alpha = 1.0
        else:
            owed = min(elapsed, LONGEST) * self.speed
            while owed > 0.0:
                piece = min(owed, self.dt)  # one tick at most, so that the budget can stop between two
                self.alpha = world.advance(piece)
                owed -= piece
                if self.clock() >= end:
                    break
        return self.alpha
