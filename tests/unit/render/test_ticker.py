"""Ticks in a thread: one job at a time, ended at a whole tick, errors where they are collected."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from swarm.render.ticker import Ticker


class Counter:
    """A world whose ticks wait until they are let go."""

    def __init__(self) -> None:
        self.tick, self.go, self.threads = 0, threading.Semaphore(0), set()

    def step(self) -> None:
        assert self.go.acquire(timeout=10)
        self.threads.add(threading.get_ident())
        self.tick += 1


@pytest.fixture
def world():
    return Counter()


@pytest.fixture
def ticker(world):
    made = Ticker(world)
    yield made
    world.go.release(1000)
    made.close()


def test_a_job_runs_beside_its_caller_and_is_collected_when_it_has_ended(world, ticker):
    ticker.start(2)
    assert not ticker.idle
    assert ticker.collect() is None
    world.go.release(2)
    made = ticker.collect(10)
    assert made.ticks == world.tick == 2
    assert made.seconds >= 0
    assert ticker.idle
    assert ticker.collect() is None
    assert threading.get_ident() not in world.threads


def test_halting_ends_the_job_after_the_tick_it_is_at(world, ticker):
    ticker.start(1000)
    threading.Timer(0.05, world.go.release).start()
    made = ticker.halt()
    assert made.ticks == world.tick == 1
    assert ticker.idle


def test_what_a_tick_raises_is_raised_where_it_is_collected(ticker):
    def step() -> None:
        raise ValueError("no")

    ticker.world.step = step
    ticker.start(1)
    with pytest.raises(ValueError, match="no"):
        ticker.collect(10)
    assert ticker.idle


def test_a_tick_that_raises_a_timeout_is_no_late_job(ticker):
    def step() -> None:
        raise TimeoutError("of the tick")

    ticker.world.step = step
    ticker.start(1)
    with pytest.raises(TimeoutError, match="of the tick"):
        ticker.collect(10)
    assert ticker.idle


def test_a_job_that_ends_just_after_the_wait_is_late_and_not_lost(ticker, monkeypatch):
    """The tick ends after the caller has given up waiting for it, before it looks again."""
    result = Future.result

    def late(job, timeout=None):
        try:
            return result(job, timeout)
        except TimeoutError:
            ticker.world.go.release()
            result(job, 10)
            raise

    monkeypatch.setattr(Future, "result", late)
    ticker.start(1)
    assert ticker.collect(0.0) is None
    ticker.world.go.release()
    assert ticker.collect(10).ticks == 1


def test_ctrl_c_while_waiting_leaves_the_world_to_the_job(world, ticker, monkeypatch):
    """A world is idle only when its job has ended, whatever happens to the one who waits."""

    def stopped(*_):
        raise KeyboardInterrupt

    ticker.start(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Condition, "wait", stopped)
        patch.setattr(threading.Event, "wait", stopped)
        with pytest.raises(KeyboardInterrupt):
            ticker.collect(10)
    assert not ticker.idle
    world.go.release()
    assert ticker.collect(10).ticks == 1


def test_closing_ends_at_a_whole_tick(world):
    ticker = Ticker(world)
    ticker.start(1000)
    threading.Timer(0.05, world.go.release).start()
    ticker.close()
    assert world.tick == 1
