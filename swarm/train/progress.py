"""How far the training is: networks, epoch, samples per second, time left. Drawn by rich, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int], None]  # (epoch, samples of all brains that were done since the last call)


@contextmanager
def bar(show: bool, brains: int, epochs: int, samples: int) -> Iterator[Advance]:
    """A progress bar over `samples` samples of all brains together; `show` False draws nothing."""
    if not show:
        yield lambda epoch, done: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("of"), TimeElapsedColumn(),
    ) as progress:  # fmt: skip
        task = progress.add_task(f"{brains:,} networks, preparing kernels", total=samples, rate="")

        def advance(epoch: int, done: int) -> None:
            progress.update(task, advance=done, description=f"{brains:,} networks, epoch {epoch + 1} of {epochs}")
            speed = progress.tasks[0].speed
            if speed:
                progress.update(task, rate=f"{_short(speed)} samples/s")

        yield advance


def _short(value: float) -> str:
    thousands = 0
    while value >= 1000 and thousands < 3:
        value, thousands = value / 1000, thousands + 1
    return f"{value:.3g}{('', ' k', ' M', ' G')[thousands]}"
