"""Ctrl-C while a training runs: the call in progress is finished first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from swarm.train.report import Report

if TYPE_CHECKING:
    from swarm.train.training import Training


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a training. The brains hold what they had learned until then; `report` says how far that was, and
    `training.run()` goes on."""

    def __init__(self, report: Report, training: Training | None = None) -> None:
        super().__init__(str(report))
        self.report, self.training = report, training


@contextmanager
def listening() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, as a function; the second time it raises KeyboardInterrupt as usual.

    Only where Python's own handler is in place, and in the main thread, which alone may set another.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is not signal.default_int_handler:
        yield lambda: False
        return
    pressed = False

    def note(*_: Any) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, usual)
