"""One run: from its latest snapshot, or from the beginning, to a tick; streams, log and snapshots on the way."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from swarm import scenes
from swarm.errors import SaveError, SwarmError
from swarm.evolve.neutral import thinkers
from swarm.record_files import CSV
from swarm.record_statistics import count
from swarm.runs.build import build, fill, place
from swarm.runs.folder import DONE, Folder, Outcome, Spec
from swarm.runs.lock import locked
from swarm.scenes import blame
from swarm.world import World

Show = Callable[[World], None]


@dataclass(frozen=True)
class Request:
    """How far a run goes, and what else may differ between its sittings."""

    ticks: int
    most_bytes: float
    threads: int | None = None


def done(outcome: Outcome | None, ticks: int) -> bool:
    """Whether nothing is left to do: extinct, or finished at this tick or a later one."""
    return outcome is not None and outcome.status in DONE and (outcome.status == "extinct" or outcome.ticks >= ticks)


def run(folder: Folder, spec: Spec, request: Request, stop: Callable[[], bool], show: Show) -> Outcome:
    """Make the run, or what is missing of it. Raises `SaveError` when a file cannot be written; the run can go on."""
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"Cannot make '{folder.path}': {error.strerror or error}. Choose another --out.") from None
    with locked(folder.path):
        folder.agree(spec)
        before = folder.outcome()
        if before is not None and done(before, request.ticks):
            return before
        folder.begin(spec)
        folder.reopen()
        return _Sitting(folder, spec, request, 0.0 if before is None else before.seconds).run(stop, show)


class _Sitting:
    """The work of one process on one run."""

    def __init__(self, folder: Folder, spec: Spec, request: Request, seconds: float) -> None:
        self.folder, self.spec, self.request = folder, spec, request
        self.begun = time.perf_counter() - seconds
        self.holder = scenes.load(place(spec))
        self.world = build(spec, folder, request.threads)
        thinking = thinkers(self.world).name if spec.population else ""
        self._resume()
        self.world.records.resume = True
        self.figures = Figures(self.world, self.holder)
        try:
            self.log = CSV(folder.hashes, ("tick", "hash"), (True, True), self.world.tick)
            self._record(thinking)
        except BaseException:
            self._abandon()
            raise

    def run(self, stop: Callable[[], bool], show: Show) -> Outcome:
        """To the end, or until `stop()`. Ends the streams in any case."""
        world, every = self.world, self.spec.every
        status = "finished"
        try:
            if world.tick == 0:
                self._note()
            while world.tick < self.request.ticks:
                if self._extinct():
                    status = "extinct"
                    break
                if stop():
                    status = "stopped"
                    break
                try:
                    world.step()
                except (SaveError, MemoryError):
                    raise
                except Exception as error:
                    return self._failed(error)
                if world.tick % every == 0:
                    self._note()
                    self._save()
                show(world)
            if status == "finished" and self._extinct():
                status = "extinct"
            self._end()
        except BaseException:
            self._abandon()
            raise
        outcome = Outcome(status, world.tick, world.hash(), self._seconds(), self.figures.of(world))
        self.folder.finish(outcome)
        return outcome

    # ------------------------------------------------------------------ inside

    def _resume(self) -> None:
        files = self.folder.snapshots()
        newest = max(files, default=-1)
        if self.folder.last.exists():
            fill(self.world, self.folder.last)
            if self.world.tick >= newest:
                return
        if newest >= 0:
            fill(self.world, files[newest])

    def _record(self, thinking: str) -> None:
        world, path, suffix = self.world, self.folder.path, self.spec.suffix
        if thinking:
            totals = {"born": Total(thinking, "born_total"), "died": Total(thinking, "died_total")}
            world.records.add(world, path / "population.csv", 1, None, totals)
        if self.spec.record:
            where = path / f"statistics{suffix}"
            world.records.add(world, where, self.spec.record, None, self.figures.statistics(world))
        attach = getattr(self.holder, "record", None)
        if attach is not None:
            attach(world, path)

    def _note(self) -> None:
        """A line of the hash log."""
        if self.log.last < self.world.tick:
            self.log.rows.append((self.world.tick, self.world.hash()))

    def _save(self) -> None:
        """A snapshot, with all streams on the disk up to its tick; older ones give way, and so does the last world."""
        self._flush()
        self.world.save(self.folder.snapshot(self.world.tick))
        self.folder.last.unlink(missing_ok=True)
        self.folder.thin(self.request.most_bytes)

    def _end(self) -> None:
        """The last world, unless there is a snapshot of this tick; finished streams."""
        self._flush()
        if self.world.tick in self.folder.snapshots():
            self.folder.last.unlink(missing_ok=True)
        else:
            self.world.save(self.folder.last)
        self.world.records.close()
        self.log.close()

    def _flush(self) -> None:
        self.world.records.flush(sync=True)
        self.log.flush(sync=True)

    def _abandon(self) -> None:
        """Let the files go as they are; the next sitting cuts them back."""
        for stream in self.world.records:
            stream.finalizer.detach()
            stream.file.abandon()
        if hasattr(self, "log"):
            self.log.abandon()

    def _failed(self, error: Exception) -> Outcome:
        """A system raised: the run ends with what was recorded until then, and the last snapshot stays."""
        self._flush()
        self._abandon()
        text = blame.told(error) or f"{error if isinstance(error, SwarmError) else repr(error)}"
        (self.folder.path / "error.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        outcome = Outcome("failed", self.world.tick, "", self._seconds(), error=text)
        self.folder.finish(outcome)
        return outcome

    def _extinct(self) -> bool:
        judge = getattr(self.holder, "extinct", None)
        return bool(judge(self.world)) if judge is not None else died_out(self.world)

    def _seconds(self) -> float:
        return round(time.perf_counter() - self.begun, 3)


def died_out(world: World) -> bool:
    """Whether all tables with brains have become empty."""
    tables = [table for table in world.tables.values() if table.brains is not None]
    return bool(tables) and all(table.n == 0 and table.died_total > 0 for table in tables)


class Total:
    """A total that a table keeps, as a statistic: all births, or all deaths until now."""

    whole = True

    def __init__(self, table: str, name: str) -> None:
        self.table, self.name = table, name

    def __call__(self, world: World) -> int:
        return getattr(world.tables[self.table], self.name)


class Figures:
    """The living per table and what the scene's `statistics` returns, taken once a tick."""

    def __init__(self, world: World, holder: Any) -> None:
        self._take: Callable[[World], Any] = getattr(holder, "statistics", None) or (lambda world: {})
        self._tables = tuple(world.tables)
        self._tick, self._found = -1, {}

    def of(self, world: World) -> dict[str, float]:
        """Name -> number, at this tick."""
        return {**{name: world.tables[name].n for name in self._tables}, **self._own(world)}

    def statistics(self, world: World) -> dict[str, Any]:
        """The same for a recorder: name -> statistic. What has no number in a later tick is NaN there."""

        def own(name: str) -> Callable[[World], float]:
            return lambda world: self._own(world).get(name, float("nan"))

        return {**{name: count(name) for name in self._tables}, **{name: own(name) for name in self._own(world)}}

    def _own(self, world: World) -> dict[str, float]:
        if self._tick != world.tick:
            self._found = {str(name): float(value) for name, value in self._take(world).items()}
            self._tick = world.tick
        return self._found
