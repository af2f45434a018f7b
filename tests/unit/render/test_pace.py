"""The window's pace: how many ticks a frame is worth, with a clock that the test holds."""

from __future__ import annotations

import math

import pytest

from swarm.render.pace import BUDGET, LONGEST, Pace

DT = 0.02


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Ticker:
    """A world that only counts; each tick costs `cost` s of the clock."""

    def __init__(self, clock: Clock, cost: float = 0.0) -> None:
        self.clock, self.cost, self.tick, self.lag = clock, cost, 0, 0.0

    def step(self) -> None:
        self.tick += 1
        self.clock.now += self.cost

    def advance(self, seconds: float) -> float:
        self.lag += seconds
        while self.lag >= DT - 1e-9:
            self.lag = max(0.0, self.lag - DT)
            self.step()
        return self.lag / DT


@pytest.fixture
def clock():
    return Clock()


def run(pace: Pace, world: Ticker, frames: int, elapsed: float = 0.01) -> None:
    for _ in range(frames):
        pace.run(world, elapsed)


def test_at_normal_speed_a_second_is_a_second(clock):
    pace, world = Pace(DT, clock), Ticker(clock)
    run(pace, world, 200)
    assert abs(world.tick - 100) <= 1


@pytest.mark.parametrize("up", [-3, -1, 1, 3, 6])
def test_speeds_are_powers_of_two(clock, up):
    pace, world = Pace(DT, clock), Ticker(clock)
    for _ in range(abs(up)):
        pace.faster() if up > 0 else pace.slower()
    run(pace, world, 200)
    assert world.tick == pytest.approx(100 * 2.0**up, abs=1)


def test_pause_holds_the_world_and_single_steps_move_it_by_one(clock):
    pace, world = Pace(DT, clock), Ticker(clock)
    pace.paused = True
    run(pace, world, 10)
    assert world.tick == 0
    pace.step()
    pace.step()
    assert pace.run(world, 0.01) == 1.0
    assert world.tick == 2
    run(pace, world, 10)
    assert world.tick == 2
    assert pace.note == "paused"


def test_a_slow_world_gets_its_budget_and_no_more(clock):
    pace, world = Pace(DT, clock), Ticker(clock, cost=0.010)
    for _ in range(6):
        pace.faster()  # 64x: 32 ticks are due in each frame
    before = clock.now
    pace.run(world, 0.01)
    assert clock.now - before < BUDGET + 2 * world.cost
    assert world.tick == math.ceil(BUDGET / world.cost)


def test_full_speed_fills_the_budget(clock):
    pace, world = Pace(DT, clock), Ticker(clock, cost=0.001)
    for _ in range(20):
        pace.faster()
    assert pace.note == "full speed"
    assert pace.run(world, 0.001) == 1.0
    assert world.tick == pytest.approx(BUDGET / 0.001, abs=2)


def test_a_frame_that_took_long_counts_as_a_quarter_of_a_second(clock):
    pace, world = Pace(DT, clock), Ticker(clock)
    pace.run(world, 30.0)
    assert world.tick <= LONGEST / DT + 1


def test_notes_say_the_speed():
    pace = Pace(DT)
    assert pace.note == ""
    pace.faster()
    assert pace.note == "2×"
    pace.slower()
    pace.slower()
    assert pace.note == "1/2×"
