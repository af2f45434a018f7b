"""`swarm verify RUN`: does the run, made again from a snapshot, have the hashes that its log has?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swarm import scenes
from swarm.errors import SaveError, SettingsError
from swarm.runs.build import build, fill, place
from swarm.runs.folder import Folder
from swarm.runs.lock import refuse


@dataclass(frozen=True)
class Verdict:
    """What was found: `differs` is the first logged tick with another hash, None where all are equal."""

    start: int  # tick from which the run was made again; 0 is the scene as it is built
    end: int
    compared: tuple[int, ...]  # ticks whose hashes were equal
    differs: int | None
    logged: str = ""
    found: str = ""


def verify(run: str | Path, ticks: int | None = None, start: int | None = None, threads: int | None = None) -> Verdict:
    """Make `ticks` ticks of a run again, from its last snapshot at or before `start`, and compare with its log.

    By default from the newest snapshot behind which there is something to compare, to the next snapshot or the end of
    the log. Raises `SettingsError` for a folder without a run, or when there is nothing to compare.
    """
    folder = Folder(run)
    spec = folder.spec()
    if spec is None:
        raise SettingsError(
            f"'{run}' holds no run. Give a folder that `swarm run SCENE --out D` made, such as D/<run>."
        )
    refuse(folder.path)
    for name, value, least in (("--ticks", ticks, 1), ("--start", start, 0)):
        if value is not None and value < least:
            raise SettingsError(f"{name} {value}: give {least} or more.")
    log, files, outcome = folder.log(), folder.snapshots(), folder.outcome()
    if outcome is not None and outcome.hash:
        log[outcome.ticks] = outcome.hash
    last = max(log, default=0)
    latest = last - 1 if start is None else start
    begin = max((tick for tick in files if tick <= latest), default=0)
    following = min((tick for tick in files if tick > begin), default=last)
    end = min(last, begin + ticks) if ticks is not None else min(last, following)
    expected = {tick: digest for tick, digest in log.items() if begin <= tick <= end}
    if not any(tick > begin for tick in expected):
        raise SettingsError(
            f"'{run}' has no logged hash between tick {begin + 1} and {end}; one is logged every {spec.every} ticks. "
            "Ask for more --ticks, or an earlier --start."
        )
    world = build(spec, folder, threads)
    if begin:
        fill(world, files[begin])
    equal = []
    while True:
        if world.tick in expected:
            digest = world.hash()
            if digest != expected[world.tick]:
                return Verdict(begin, end, tuple(equal), world.tick, expected[world.tick], digest)
            equal.append(world.tick)
        if world.tick >= end:
            return Verdict(begin, end, tuple(equal), None)
        world.step()


def command(run: Path, ticks: int | None, start: int | None, threads: int | None) -> int:
    """Print the verdict; returns 0 when all hashes are equal, else 1."""
    folder = Folder(run)
    spec = folder.spec()
    verdict = verify(run, ticks, start, threads)
    where = f"tick {verdict.start}" if verdict.start else "the beginning"
    if verdict.differs is None:
        print(f"Equal: made again from {where} to tick {verdict.end}, {len(verdict.compared)} hashes compared.")
        return 0
    assert spec is not None
    print(
        f"Differs: made again from {where}, tick {verdict.differs} has hash {verdict.found}, the log has "
        f"{verdict.logged}."
    )
    if verdict.compared:
        print(f"The last equal one is that of tick {verdict.compared[-1]}; a hash is logged every {spec.every} ticks.")
    elif verdict.differs == verdict.start:
        print("The snapshot itself differs from the log: it was damaged or replaced.")
    try:
        source = scenes.source_digest(scenes.load(place(spec)))
    except (SettingsError, SaveError):
        source = spec.source
    if source != spec.source:
        print(f"The scene was changed since: its source was {spec.source} and is {source}; scene.py has it as it was.")
    print(f"Is the scene repeatable at all? swarm check {place(spec)} --ticks {max(verdict.differs, 1)}")
    return 1
