"""`swarm run`: a scene to a given tick, saved on the way. Killed at any moment, it goes on from its last save.

Saves are atomic, so what stands in the file is always a whole world. The tick to reach counts from the world's birth:
the command line that was killed, with `--resume F` added, ends at the hash of the undisturbed run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import SaveError, SettingsError
from .runs.stop import stoppable
from .world import World


def run(
    scene: str | None,
    values: Mapping[str, Any],
    *,
    ticks: int,
    save: Path | None = None,
    every: int | None = None,
    resume: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Run to tick `ticks` and print the hash. `values` are the scene's settings.

    Raises SettingsError for options that do not fit together, SaveError for a file that cannot be read or written; the
    places are looked at before the first tick.
    """
    _refuse(scene, values, ticks, save, every, resume, overwrite)
    world = _world(scene, values, resume)
    if world.tick > ticks:
        raise SettingsError(
            f"'{resume}' is at tick {world.tick} already, beyond --ticks {ticks}. Ask for a later tick."
        )
    start = world.tick
    begun, first = time.perf_counter(), start
    rate = 0.0
    with stoppable() as stop, _progress(world, ticks) as show:
        while world.tick < ticks and not stop:
            world.step()
            if world.tick == start + 1:  # the first tick compiles; the rate counts from here
                begun, first = time.perf_counter(), world.tick
            rate = (world.tick - first) / max(time.perf_counter() - begun, 1e-9)
            show(rate)
            if save is not None and every is not None and world.tick % every == 0 and world.tick < ticks:
                world.save(save)
    if save is not None:
        world.save(save)
    if stop:
        kept = f"saved at tick {world.tick} in '{save}'" if save is not None else f"tick {world.tick} was not saved"
        raise KeyboardInterrupt(f"The run ended early; {kept}.")
    counts = ", ".join(f"{name} {count:,}" for name, count in world.counts().items())
    print(f"tick {world.tick}: {counts}; {rate:,.1f} ticks/s")
    print(f"hash {world.hash()}")
    if save is not None:
        print(f"saved in {save}")


def refuse(table: Mapping[str, Any]) -> None:
    """Raise `SettingsError` for options of a table of runs, which want a folder."""
    if table:
        raise SettingsError(f"--{next(iter(table)).replace('_', '-')} records runs in a folder. Name it: --out D.")


def _refuse(
    scene: str | None,
    values: Mapping[str, Any],
    ticks: int,
    save: Path | None,
    every: int | None,
    resume: Path | None,
    overwrite: bool,
) -> None:
    if ticks < 0:
        raise SettingsError(f"--ticks {ticks}: a tick to reach is 0 or later.")
    if every is not None and every < 1:
        raise SettingsError(f"--every {every}: save every so many ticks, 1 or more.")
    if every is not None and save is None:
        raise SettingsError("--every says how often to save, but not where. Add --save F.")
    if resume is None and scene is None:
        raise SettingsError("Which scene? For example: swarm run foragers --ticks 1000, or --resume F.")
    fixed = sorted(set(values) - {"backend", "threads"})
    if resume is not None and fixed:
        raise SettingsError(f"--resume goes on with the saved settings; leave out: {', '.join(fixed)}.")
    if save is None:
        return
    if not save.parent.is_dir():
        raise SaveError(f"The folder '{save.parent}' for the save does not exist. Make it first.")
    if save.is_dir():
        raise SaveError(f"'{save}' is a folder. Name a file to save to.")
    if save.exists() and not overwrite and (resume is None or save.resolve() != resume.resolve()):
        raise SaveError(f"'{save}' is there already. Go on from it with --resume {save}, or add --overwrite.")


def _world(scene: str | None, values: Mapping[str, Any], resume: Path | None) -> World:
    if resume is None:
        from .scenes import scene as build

        return build(str(scene), **values)
    world = World.load(resume, **values)
    saved = (world.scene or {}).get("path")
    if scene is not None and scene != saved:
        held = f"the scene '{saved}'" if saved else "a world made by hand"
        raise SettingsError(f"'{resume}' holds {held}, not '{scene}'. Leave the scene out.")
    return world


@contextmanager
def _progress(world: World, ticks: int) -> Iterator[Any]:
    """A bar with rate and counts where somebody looks; a line every ten seconds where the output goes to a file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    last = [time.perf_counter()]

    def text(rate: float) -> str:
        return f"{rate:,.1f} ticks/s  " + "  ".join(f"{name} {count:,}" for name, count in world.counts().items())

    columns = TextColumn("tick"), MofNCompleteColumn(), BarColumn(24), TimeRemainingColumn()
    bar = Progress(
        *columns, TextColumn("{task.description}"), console=console, transient=True, disable=not console.is_terminal
    )
    task = bar.add_task("", total=ticks, completed=world.tick)

    def show(rate: float) -> None:
        now = time.perf_counter()
        if now - last[0] < (0.2 if console.is_terminal else 10.0):
            return
        last[0] = now
        if console.is_terminal:
            bar.update(task, completed=world.tick, description=text(rate))
        else:
            print(f"tick {world.tick} of {ticks}: {text(rate)}", file=sys.stderr, flush=True)

    with bar:
        yield show
