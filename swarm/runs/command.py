"""`swarm run SCENE --out D`: make what is missing of a table of runs, and tell how it goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swarm import scenes
from swarm.bench import machine
from swarm.errors import SaveError, SettingsError
from swarm.runs import lock, table
from swarm.runs.build import backend_of
from swarm.runs.folder import Folder, Spec
from swarm.runs.grid import Job, jobs
from swarm.runs.one import Request, done, run
from swarm.runs.stop import stoppable
from swarm.scenes.find import source_file

EVERY = 500  # ticks between snapshots
KEEP = 1024.0  # MB of snapshots a run
PACKAGES = ("swarm-engine", "numpy", "numba", "llvmlite")


def command(
    scene: str | None,
    values: Mapping[str, Any],
    *,
    ticks: int,
    out: Path,
    seeds: str | None = None,
    control: str | None = None,
    record: int | None = None,
    parquet: bool = False,
    every: int | None = None,
    keep_mb: float | None = None,
    max_hours: float | None = None,
) -> int:
    """Make the runs one after the other; returns 1 when one of them failed, else 0.

    Raises `SettingsError` and `SaveError` before the first tick where something does not fit, `SaveError` when a disk
    is full, KeyboardInterrupt after Ctrl-C or a termination signal; the same command then goes on.
    """
    if scene is None:
        raise SettingsError("Which scene? For example: swarm run foragers --ticks 1000 --out runs")
    for name, value, least in (("--ticks", ticks, 1), ("--record", record, 1), ("--every", every, 1)):
        if value is not None and value < least:
            raise SettingsError(f"{name} {value}: give {least} or more.")
    for name, amount in (("--keep-mb", keep_mb), ("--max-hours", max_hours)):
        if amount is not None and not amount > 0:
            raise SettingsError(f"{name} {amount:g}: give more than 0.")
    asked = jobs(scene, values, seeds, control)
    threads = asked[0].values.get("threads")
    plan = [
        (Folder(out / job.name), _spec(scene, job, every or EVERY, record or 0, parquet, control is not None))
        for job in asked
    ]
    for folder, spec in plan:
        if folder.path.exists():
            lock.refuse(folder.path)
            folder.agree(spec)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"--out {out}: {error.strerror or error}. Choose another folder.") from None
    request = Request(ticks, (keep_mb or KEEP) * 1e6, None if threads is None else int(threads))
    end = None if max_hours is None else time.monotonic() + 3600 * max_hours
    failed, late = 0, False
    with _Shown(len(plan), ticks) as shown, stoppable() as signals:
        for folder, spec in plan:
            before = folder.outcome()
            if before is not None and done(before, ticks):
                shown.line(folder.name, f"{before.status} before", before)
                continue
            late = end is not None and time.monotonic() > end
            if late or signals:
                break
            shown.begin(folder.name)
            try:
                outcome = run(folder, spec, request, lambda: bool(signals) or _past(end), shown.tick)
            except SaveError as error:
                raise SaveError(f"{error} The same command then goes on with the runs in {out}.") from error
            table.write(out)
            shown.line(folder.name, outcome.status, outcome)
            failed += outcome.status == "failed"
            late = outcome.status == "stopped" and not signals
            if outcome.status == "stopped":
                break
    table.write(out)
    if signals:
        raise KeyboardInterrupt(f"The same command goes on with the runs in {out}.")
    if late:
        print(f"{max_hours:g} hours are over. The same command goes on with the runs in {out}.")
    print(f"The table is in {out / 'runs.csv'}.")
    return 1 if failed else 0


def refuse(others: Mapping[str, Any]) -> None:
    """Raise `SettingsError` for options of a single saved run."""
    for name in (name for name, given in others.items() if given):
        raise SettingsError(
            f"--{name} is for a run without --out. With --out snapshots are saved by themselves, and the same command "
            "goes on."
        )


def _past(end: float | None) -> bool:
    return end is not None and time.monotonic() > end


def _spec(scene: str, job: Job, every: int, record: int, parquet: bool, controlled: bool) -> Spec:
    holder, chosen = scenes.load(scene), scenes.chosen(scene, job.values)
    settings = scenes.plain(chosen)
    if "threads" in settings:
        settings["threads"] = None  # no result depends on them
    file = source_file(holder)
    return Spec(
        scene=scene,
        file="" if file is None else str(file.resolve()),
        source=scenes.source_digest(holder),
        settings=settings,
        backend=backend_of(settings),
        control=job.control,
        of=job.of,
        every=every,
        record=record,
        suffix=".parquet" if parquet else ".csv",
        population=controlled and not job.control,
        versions={"python": machine.versions()["python"], **machine.installed(*PACKAGES)},
        cpu=machine.processor(),
    )


class _Shown:
    """A bar over the table and one over the run where somebody looks; a line for every run in any case."""

    def __init__(self, runs: int, ticks: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(file=sys.stderr)
        self.ticks, self._last, self._name, self._first = ticks, 0.0, "", None
        self._quiet = not console.is_terminal
        columns = TextColumn("{task.fields[what]}"), MofNCompleteColumn(), BarColumn(24), TimeRemainingColumn()
        self._bar = Progress(
            *columns, TextColumn("{task.description}", markup=False), console=console, transient=True,
            disable=self._quiet,
        )  # fmt: skip
        self._runs = self._bar.add_task("", total=runs, what="run")
        self._now = self._bar.add_task("", total=ticks, what="tick")

    def __enter__(self) -> _Shown:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        """A run begins."""
        self._name, self._first, self._last = name, None, time.monotonic()
        self._bar.update(self._now, completed=0, description=name)

    def tick(self, world: Any) -> None:
        """A tick of it is made."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, world.tick
        if now - self._last < (10.0 if self._quiet else 0.2):
            return
        self._last = now
        rate = (world.tick - self._first[1]) / max(now - self._first[0], 1e-9)
        counts = "  ".join(f"{name} {count:,}" for name, count in world.counts().items())
        if self._quiet:
            print(
                f"{self._name}: tick {world.tick} of {self.ticks}, {rate:,.1f} ticks/s  {counts}",
                file=sys.stderr, flush=True,
            )  # fmt: skip
        else:
            self._bar.update(
                self._now, completed=world.tick, description=f"{self._name}  {rate:,.1f} ticks/s  {counts}"
            )

    def line(self, name: str, status: str, outcome: Any) -> None:
        """A run has ended, or had before."""
        self._bar.advance(self._runs)
        about = f"hash {outcome.hash}" if outcome.hash else outcome.error
        text = f"{name}: {status} at tick {outcome.ticks}, {about}"
        if self._quiet:
            print(text, flush=True)
        else:
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
