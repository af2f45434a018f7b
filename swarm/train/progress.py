"""How far a training is: networks, epoch, samples per second, time left. A bar by rich where somebody looks, a line
every ten seconds where the output goes to a file; on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int, int], None]  # (epoch, samples of all brains that were done since the last call)
_PAUSE = 10.0  # seconds between two lines


@contextmanager
def bar(show: bool | str | Advance, brains: int, epochs: int, samples: int) -> Iterator[Advance]:
    """Progress over `samples` samples of all brains together; `show` False draws nothing, a text stands in front.

    `show` may be what another `bar` yielded, which then goes on: one bar for several runs.
    """
    if callable(show):
        yield show
        return
    if not show:
        yield lambda epoch, done: None
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    who = f"{show + ': ' if isinstance(show, str) else ''}{brains:,} {'network' if brains == 1 else 'networks'}"
    with (_drawn if console.is_terminal else _lines)(console, who, epochs, samples) as advance:
        yield advance


@contextmanager
def _drawn(console: Console, who: str, epochs: int, samples: int) -> Iterator[Advance]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(16), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True), TextColumn("{task.fields[word]}"), console=console,
    ) as progress:  # fmt: skip
        task = progress.add_task(f"{who}, preparing kernels", total=samples, rate="", word="left")

        def advance(epoch: int, done: int) -> None:
            progress.update(task, advance=done, description=f"{who}, epoch {epoch + 1}/{epochs}")
            speed = progress.tasks[0].speed
            if speed:
                word = "" if progress.tasks[0].finished else "left"
                progress.update(task, rate=f"{_short(speed)} samples/s", word=word)

        yield advance


@contextmanager
def _lines(console: Console, who: str, epochs: int, samples: int) -> Iterator[Advance]:
    begin = said = time.monotonic()
    total = 0

    def advance(epoch: int, done: int) -> None:
        nonlocal said, total
        total += done
        now = time.monotonic()
        if now - said < _PAUSE or not total:
            return
        said, rate = now, total / (now - begin)
        left = timedelta(seconds=round(max(0, samples - total) / rate))
        console.print(f"{who}, epoch {epoch + 1}/{epochs}, {_short(rate)} samples/s, {left} left")

    yield advance


def _short(value: float) -> str:
    thousands = 0
    while value >= 1000 and thousands < 3:
        value, thousands = value / 1000, thousands + 1
    return f"{value:.3g}{('', ' k', ' M', ' G')[thousands]}"
