"""How fast the world runs beside the picture: pause, single steps, 1/8x to 64x, and as fast as it goes.

Time is simulated seconds since the tick that is shown, `ahead`. It grows by `rate` s a second of the clock; each whole
`dt` in it is a tick that is due, and what remains says where between two ticks the picture stands, one tick late.

A world too slow for the speed owes nothing: time then goes as slowly as its ticks come, `rate` = dt over what one
costs, and motion stays even. Nothing here reads a clock or runs a world: see `ticker`.
"""

from __future__ import annotations

import math

SPEEDS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, math.inf)
LONGEST = 0.25  # s: a longer frame, as when the window was dragged, counts as this
TURN = 0.025  # s that the ticks of one job may take, unless the frames take longer
MEMORY = 0.8  # how much of the old estimate of a tick's cost is kept where a new one is higher


class Pace:
    """Turns the time that passes into whole ticks that are due and a fraction to draw at. dt: s of a tick."""

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.level = SPEEDS.index(1.0)
        self.paused = False
        self.steps = 0  # single steps asked for
        self.ahead = 0.0  # s
        self.cost = 0.0  # s of the clock that a tick takes; 0: not known
        self.frame = 0.0  # s of the clock between the last two frames

    @property
    def speed(self) -> float:
        """Simulated seconds per second; infinite is as fast as it goes."""
        return SPEEDS[self.level]

    @property
    def rate(self) -> float:
        """Simulated seconds per second that this world can hold."""
        return min(self.speed, self.dt / self.cost) if self.cost > 0.0 else min(self.speed, SPEEDS[-2])

    @property
    def note(self) -> str:
        """The state in a word for the overlay; empty at normal speed."""
        if self.paused:
            return "paused"
        if self.speed == math.inf:
            return "full speed"
        if self.speed < 1:
            return f"1/{round(1 / self.speed)}×"
        return "" if self.speed == 1 else f"{round(self.speed)}×"

    @property
    def alpha(self) -> float:
        """Where between the last two ticks the picture stands, 0..1; at full speed, and after a step, at the last."""
        if self.speed == math.inf or (self.paused and self.ahead == self.dt):
            return 1.0
        return min(self.ahead / self.dt, 1.0)

    def faster(self) -> None:
        """One speed up."""
        self.level = min(self.level + 1, len(SPEEDS) - 1)

    def slower(self) -> None:
        """One speed down."""
        self.level = max(self.level - 1, 0)

    def step(self) -> None:
        """Pause and run one tick."""
        self.paused, self.steps = True, self.steps + 1

    def pass_(self, elapsed: float) -> None:
        """Let `elapsed` s of the clock go by, those of one frame."""
        self.frame = min(elapsed, LONGEST)
        if not self.paused:
            self.ahead = min(self.ahead + self.frame * self.rate, self.dt * (self.most + 1))

    @property
    def most(self) -> int:
        """Ticks that fit in one turn: as long as a frame, `TURN` at least."""
        return max(1, int(max(TURN, self.frame) / self.cost)) if self.cost > 0.0 else 1

    @property
    def due(self) -> int:
        """Ticks to run now: steps asked for, all that fit at full speed, else the whole ticks that time is ahead."""
        if self.paused:
            return self.steps
        return self.most if self.speed == math.inf else min(int(self.ahead / self.dt + 1e-6), self.most)

    def made(self, ticks: int, seconds: float) -> None:
        """So many ticks were made and are shown from now on; they took `seconds` of the clock."""
        if not ticks:
            return
        each = min(seconds / ticks, LONGEST)  # a tick that compiled its kernels says nothing about the next
        self.cost = each if not 0.0 < self.cost < each else MEMORY * self.cost + (1 - MEMORY) * each
        if self.paused and self.steps:
            self.steps, self.ahead = max(0, self.steps - ticks), self.dt
        else:
            self.ahead = max(0.0, self.ahead - ticks * self.dt)
