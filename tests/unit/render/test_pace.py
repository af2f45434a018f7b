"""The window's pace, by closed forms: what is due, where between two ticks one stands, what a slow world gets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm.render.pace import LONGEST, SPEEDS, TURN, Pace

DT = 0.02


def run(pace: Pace, frames: int, elapsed: float = 0.01, cost: float = 0.0) -> int:
    """So many frames, each tick taking `cost` s of a clock that the frames hide; the ticks made."""
    ticks = 0
    for _ in range(frames):
        pace.pass_(elapsed)
        due = pace.due
        pace.made(due, due * cost)
        ticks += due
    return ticks


def at(speed: float) -> Pace:
    pace = Pace(DT)
    pace.level = SPEEDS.index(speed)
    return pace


@pytest.mark.parametrize("speed", SPEEDS[:-1])
def test_at_every_speed_a_second_is_as_many_seconds(speed):
    pace = at(speed)
    pace.made(1, 1e-6)  # its ticks are known to be cheap
    pace.ahead = 0.0
    assert run(pace, 200, cost=1e-6) == pytest.approx(2.0 * speed / DT, abs=1)


def test_the_picture_moves_evenly():
    """Frames of a third of a tick: alpha is 1/3, 2/3, 0, ... of the way, and the ticks fall between."""
    pace = Pace(DT)
    seen = []
    for _ in range(7):
        pace.pass_(DT / 3)
        pace.made(pace.due, 1e-6)
        seen.append(pace.alpha)
    assert seen == pytest.approx([1 / 3, 2 / 3, 0, 1 / 3, 2 / 3, 0, 1 / 3], abs=1e-5)


@given(st.lists(st.floats(1e-4, 0.2), min_size=1, max_size=60), st.sampled_from(SPEEDS[:-1]), st.floats(1e-5, 0.2))
def test_the_picture_never_leaves_the_last_two_ticks_and_never_runs_back(frames, speed, cost):
    pace, ticks, shown = at(speed), 0, 0.0
    for elapsed in frames:
        pace.pass_(elapsed)
        due = pace.due
        pace.made(due, due * cost)
        ticks += due
        assert 0.0 <= pace.alpha <= 1.0
        now = ticks + pace.alpha
        assert now >= shown - 1e-6
        shown = now


def test_pause_holds_and_single_steps_move_by_one():
    pace = Pace(DT)
    pace.paused = True
    assert run(pace, 10) == 0
    pace.step()
    pace.step()
    assert pace.due == 2
    pace.made(2, 0.001)
    assert pace.due == 0
    assert pace.alpha == 1.0  # what the step did is shown at once
    assert run(pace, 10) == 0
    assert pace.note == "paused"


def test_a_slow_world_goes_as_slowly_as_its_ticks_come_and_evenly():
    """A tick costs 0.1 s, frames take 0.01 s: in each the picture moves a tenth of the way."""
    pace = Pace(DT)
    pace.made(1, 0.1)
    pace.ahead = 0.0
    seen = []
    for _ in range(9):
        pace.pass_(0.01)
        assert pace.due == 0
        seen.append(pace.alpha)
    assert seen == pytest.approx([0.1 * k for k in range(1, 10)])
    pace.pass_(0.01)
    assert pace.due == 1


def test_a_tick_that_compiled_does_not_hold_up_those_behind_it():
    """A minute for the first tick, then a millisecond each: a second later the world runs at its speed."""
    pace = Pace(DT)
    pace.made(1, 60.0)
    pace.ahead = 0.0
    assert run(pace, 100, cost=0.001) >= 0.7 / DT


def test_the_ticks_of_one_turn_take_as_long_as_a_frame_and_no_longer():
    pace = at(64.0)
    pace.made(1, 0.010)
    pace.pass_(0.01)
    assert pace.due <= TURN / 0.010
    slow = at(64.0)  # a slow picture: the world gets what its frames take, and is not slowed
    slow.made(1, 0.010)
    for _ in range(3):
        slow.pass_(0.2)
    assert slow.due == 20


def test_full_speed_fills_the_turn():
    pace = at(math.inf)
    assert pace.note == "full speed"
    pace.made(1, 0.001)
    pace.pass_(0.001)
    assert pace.due == TURN / 0.001
    assert pace.alpha == 1.0


def test_a_frame_that_took_long_counts_as_a_quarter_of_a_second():
    pace = Pace(DT)
    pace.made(1, 1e-6)
    pace.ahead = 0.0
    assert run(pace, 1, elapsed=30.0) == pytest.approx(LONGEST / DT, abs=1)


def test_notes_say_the_speed():
    pace = Pace(DT)
    assert pace.note == ""
    pace.faster()
    assert pace.note == "2×"
    pace.slower()
    pace.slower()
    assert pace.note == "1/2×"
