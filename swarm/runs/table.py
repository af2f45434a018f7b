"""runs.csv: the table of a folder's runs, made anew from what stands in their folders."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from swarm.brain.files import atomic
from swarm.runs.folder import Folder
from swarm.runs.lock import holder

FIRST = ("run", "scene", "control", "status", "ticks", "hash", "seconds")


def rows(home: Path) -> list[dict[str, Any]]:
    """A row for every run in `home`: how it stands, its settings, and its last statistics as "last <name>".

    A run without an outcome is "running" while a process writes it, else "killed"; its ticks are those of its last
    snapshot.
    """
    found = []
    for path in sorted(home.iterdir(), key=_naturally):
        folder = Folder(path)
        spec = folder.spec() if path.is_dir() else None
        if spec is None:
            continue
        outcome = folder.outcome()
        row: dict[str, Any] = {"run": path.name, "scene": spec.scene, "control": spec.control}
        if outcome is None:
            row |= {"status": "running" if holder(path) else "killed", "ticks": max(folder.snapshots(), default=0)}
        else:
            row |= {"status": outcome.status, "ticks": outcome.ticks, "hash": outcome.hash, "seconds": outcome.seconds}
        row |= {name: value for name, value in spec.settings.items() if name not in row}
        row |= {f"last {name}": value for name, value in (outcome.figures if outcome else {}).items()}
        found.append(row)
    return found


def write(home: Path) -> list[dict[str, Any]]:
    """Put the table into `home`/runs.csv, whole; returns its rows. Raises `SaveError`."""
    found = rows(home)
    names = list(dict.fromkeys([*FIRST, *(name for row in found for name in row)]))
    names.sort(key=lambda name: name.startswith("last "))  # stable: settings, then statistics
    with atomic(home / "runs.csv") as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return found


def _naturally(path: Path) -> list[Any]:
    """seed=2 before seed=10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
