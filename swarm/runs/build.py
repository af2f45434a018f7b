"""A run's world: built as its description says, and filled with a snapshot's state."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

from swarm import scenes, snapshot
from swarm.errors import SaveError, SettingsError
from swarm.evolve import neutral
from swarm.runs.folder import Folder, Spec
from swarm.world import World


def build(spec: Spec, folder: Folder, threads: int | None = None) -> World:
    """The world of a run at tick 0; a control's has the births and deaths that its run noted in the folder beside.

    The scene is found by the path it was given, or else where its file lay when the run began.
    """
    path, values = place(spec), dict(spec.settings)
    if "backend" in values:
        values["backend"] = spec.backend
    if "threads" in values:
        values["threads"] = threads
    if not spec.control:
        return scenes.scene(path, **values)
    born, died = changes(folder.path.parent / spec.of)
    return neutral.twin(scenes.load(path), scenes.chosen(path, values), born, died)


def place(spec: Spec) -> str:
    """Where the scene is found now."""
    head, colon, name = spec.scene.partition(".py:")
    file = head if spec.scene.endswith(".py") else f"{head}.py" if colon else ""
    if file and not Path(file).is_file() and Path(spec.file).is_file():
        return f"{spec.file}:{name}" if colon else spec.file
    return spec.scene


def fill(world: World, path: Path) -> None:
    """Put the state of a snapshot into a built world. Raises `SaveError`."""
    values, arrays = snapshot.read(path)
    known = {c.__name__: c for table in world.tables.values() for c in table.components}
    try:
        snapshot.restore(world, values, arrays, known)
    except SaveError as error:
        raise SaveError(f"'{path}': {error}") from None


def changes(run: Path) -> tuple[list[int], list[int]]:
    """Births and deaths of every tick, as a run has noted their totals in population.csv."""
    try:
        with open(run / "population.csv", newline="", encoding="utf-8") as file:
            rows = [tuple(map(int, row)) for row in list(csv.reader(file))[1:]]
    except (OSError, ValueError):
        raise SettingsError(
            f"'{run}' has noted no births and deaths, which its control needs. Was it begun without --control? Choose "
            "another --out, or remove that folder."
        ) from None
    steps = list(pairwise(rows))
    return [b[1] - a[1] for a, b in steps], [b[2] - a[2] for a, b in steps]


def backend_of(values: dict[str, Any]) -> str:
    """The backend that a run with these settings is made on."""
    from swarm.backend.device import choose

    return choose(values.get("backend", "auto")).name
