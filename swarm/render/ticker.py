"""Ticks in a worker thread, so that neither the world nor the picture waits for the other.

    ticker.start(3)          three ticks begin in the thread; nobody else may touch the world now
    ticker.collect()         has the job ended? then the world is idle: read it, write it, start the next

Kernels release the interpreter's lock, so the ticks of one frame run beside the drawing of the one before. World and
picture never meet: what is drawn was copied while the world was idle.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any, NamedTuple


class Made(NamedTuple):
    """What a job has done."""

    ticks: int
    seconds: float  # of the clock


class Ticker:
    """Runs the ticks of one world, a job at a time. `close` ends the thread; the world stays at a whole tick."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._pool = ThreadPoolExecutor(1, "swarm-ticks")
        self._job: Future[Made] | None = None
        self._halt = threading.Event()

    @property
    def idle(self) -> bool:
        """Whether the world may be read and written here and now."""
        return self._job is None

    def start(self, ticks: int) -> None:
        """Begin so many ticks. The ticker must be idle."""
        assert self.idle, "a job is under way"
        self._halt.clear()
        self._job = self._pool.submit(self._run, self.world, ticks)

    def collect(self, wait: float | None = 0.0) -> Made | None:
        """What the job has done once it has ended, within `wait` s (None: however long); None before that.

        From then on the world is idle. Raises what a tick raised.
        """
        if self._job is None or not wait_for([self._job], wait).done:
            return None
        job, self._job = self._job, None
        return job.result()

    def halt(self) -> Made | None:
        """End the job after the tick it is at, and collect it."""
        self._halt.set()
        return self.collect(None)

    def close(self) -> None:
        """End the job after the tick it is at, and the thread; errors of the job are dropped."""
        self._halt.set()
        self._pool.shutdown(wait=True)
        self._job = None

    def _run(self, world: Any, ticks: int) -> Made:
        begun, made = time.perf_counter(), 0
        while made < ticks and not self._halt.is_set():
            world.step()
            made += 1
        return Made(made, time.perf_counter() - begun)
