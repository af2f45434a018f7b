"""Recording: statistics of a world stream into files while it runs, a row every k ticks.

    world.record("run.csv", every=10, alive=swarm.count("forager"), mean=swarm.mean(Energy.level),
                 speed=lambda world: ...)
    for _ in range(1000):
        world.step()
    world.records.close()            # or: with world.records: ...

Rows are written in batches; what still waits is written when the stream is closed, or the program ends. They are no
part of the world's state: a world that was loaded goes on recording by `resume=True`, which cuts the file back to the
world's tick first.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from swarm.errors import SaveError, SettingsError
from swarm.record_files import KINDS, File, Row
from swarm.record_statistics import Count, Statistic, Values

BATCH = 64  # rows that wait at most
PATIENCE = 2.0  # seconds that they wait at most, while rows come


class Record:
    """One stream: a file, how often a row is due, and what stands in it. Made by `World.record`."""

    def __init__(self, world: Any, path: str | Path, every: int, resume: bool, statistics: Mapping[str, Any]) -> None:
        self.path, self.every, self.statistics = Path(path), _period(every), _checked(statistics)
        kind = KINDS.get(self.path.suffix)
        if kind is None:
            raise SettingsError(f"record: '{path}' is no kind of file that is known here. End it in .csv or .parquet.")
        if not self.path.absolute().parent.is_dir():
            raise SaveError(f"record: the folder '{self.path.parent}' does not exist. Make it first.")
        if self.path.exists() and not resume:
            raise SaveError(
                f"record: '{path}' is there already. Choose another name, remove it, or go on with it: resume=True "
                "cuts it back to the world's tick."
            )
        row = self.row(Values(world))  # a statistic that cannot be taken is told now
        whole = [True, *(getattr(take, "whole", False) for take in self.statistics.values())]
        self.file: File = kind(self.path, ("tick", *self.statistics), whole, world.tick if resume else None)
        self.finalizer = weakref.finalize(self, self.file.close)
        self._flushed = time.monotonic()
        if world.tick % self.every == 0 and self.file.last < world.tick:
            self.file.rows.append(row)

    def __repr__(self) -> str:
        return f"<record '{self.path}' every {self.every} ticks: {', '.join(self.statistics)}>"

    def row(self, values: Values) -> Row:
        """The row of this tick."""
        world = values.world
        return (world.tick, *(_number(name, take, values) for name, take in self.statistics.items()))

    def note(self, values: Values) -> None:
        """Add the row of this tick; writes when enough of them wait."""
        self.file.rows.append(self.row(values))
        if len(self.file.rows) >= BATCH or time.monotonic() - self._flushed > PATIENCE:
            self._flushed = time.monotonic()
            self.file.flush()

    def close(self) -> None:
        """Write what waits and finish the file. Raises `SaveError`; then it can be closed again."""
        self.file.close()
        self.finalizer.detach()


class Records:
    """The streams of one world, `world.records`; as a context manager it closes them at the end."""

    def __init__(self) -> None:
        self._streams: list[Record] = []
        self.resume = False  # what `World.record` does by itself with a file that is there

    def add(
        self, world: Any, path: str | Path, every: int, resume: bool | None, statistics: Mapping[str, Any]
    ) -> Record:
        """See `World.record`."""
        if any(stream.path.absolute() == Path(path).absolute() for stream in self._streams):
            raise SaveError(f"record: '{path}' is being recorded to already. Choose another name.")
        stream = Record(world, path, every, self.resume if resume is None else resume, statistics)
        self._streams.append(stream)
        return stream

    def note(self, world: Any) -> None:
        """Called after every tick: rows for the streams that are due."""
        values = None
        for stream in self._streams:
            if world.tick % stream.every == 0:
                values = Values(world) if values is None else values
                stream.note(values)

    def flush(self, sync: bool = False) -> None:
        """Write what waits; `sync`: and see it on the disk. Raises `SaveError`."""
        for stream in self._streams:
            stream.file.flush(sync)

    def close(self) -> None:
        """Write what waits, finish the files and forget the streams. Raises `SaveError`; the others are closed."""
        failed: SaveError | None = None
        for stream in self._streams[:]:
            try:
                stream.close()
                self._streams.remove(stream)
            except SaveError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._streams)

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _period(every: Any) -> int:
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise SettingsError(f"record: every={every!r}; give a whole number of ticks, 1 or more.")
    return int(every)


def _checked(statistics: Mapping[str, Any]) -> dict[str, Any]:
    if not statistics:
        raise SettingsError("record: nothing to record. Name statistics: mean=swarm.mean(Energy.level).")
    for name, take in statistics.items():
        if name == "tick":
            raise SettingsError("record: 'tick' is the first column already. Choose another name.")
        if not callable(take):
            raise SettingsError(
                f"record: {name}={take!r} is no statistic. Give swarm.mean(Energy.level), swarm.count('forager') or a "
                "function of the world that returns a number."
            )
    return dict(statistics)


def _number(name: str, take: Callable[..., Any], values: Values) -> int | float:
    world = values.world
    try:
        if isinstance(take, (Statistic, Count)):
            return take(values)
        found = take(world)
    except Exception as error:
        error.add_note(f"in statistic '{name}' at tick {world.tick}")
        raise
    if not isinstance(found, (int, float)):
        found = np.asarray(world.backend.host(found))
        if found.shape != () or found.dtype.kind not in "fiub":
            what = f"{found.dtype} {found.shape}" if found.dtype.kind != "O" else type(found.item()).__name__
            raise SettingsError(f"record: statistic '{name}' returned {what}. It must return one number.")
    return int(found) if getattr(take, "whole", False) else float(found)
