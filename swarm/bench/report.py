"""A benchmark's result: a table for people, JSON for machines, with all that is needed to run it again.

A report is made from validated results only: whatever is wrong raises `harness.Invalid` before there is a report, so
nothing wrong can be shown or saved. Where CUDA kernels ran on the host (the tests' device), what was measured is
withheld: no time, rate or share of such a run is shown or saved.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from swarm.errors import SaveError

from . import machine
from .others import Others

HOSTED = "hosted: not a GPU, no figures"
COUNTED = frozenset({"error", "born", "died", "things", "mean"})  # floats that no clock has made


@dataclass
class Report:
    """Rows of one benchmark. `columns`: key of a row -> (heading, format); other keys go to the JSON only.

    figures: what stands beside the rows in the JSON, by its own name. device: of the backend that was measured, None
    for the processor.
    """

    what: str
    columns: dict[str, tuple[str, str]]
    seed: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    device: Any = field(default=None, repr=False)
    others: Others = field(default_factory=Others, repr=False)

    @property
    def hosted(self) -> bool:
        """Whether CUDA kernels ran, but on no card."""
        return self.device is not None and not self.device.gpu

    def withhold(self) -> None:
        """Drop everything measured: all floats but counts, and the notes, which quote them."""
        self.rows = [{k: v if k in COUNTED or not _measured(v) else None for k, v in row.items()} for row in self.rows]
        self.notes, self.figures = [HOSTED], {}

    def show(self) -> None:
        """Print the table and the notes to standard output."""
        from rich.console import Console
        from rich.table import Table

        table = Table(title=self.what, title_justify="left", title_style="bold")
        for heading, _ in self.columns.values():
            table.add_column(heading, justify="left" if heading == "" or heading.islower() else "right")
        for row in self.rows:
            cells = ["" if row.get(key) is None else format(row[key], form) for key, (_, form) in self.columns.items()]
            table.add_row(*cells)
        facts = machine.facts(self.device)
        console = Console()
        if not console.is_terminal:
            console = Console(width=160)
        console.print(table)
        for note in self.notes:
            console.print(note, highlight=False, markup=False)
        versions = ", ".join(f"{name} {facts[name]}" for name in ("nvidia_driver", "cupy") if name in facts)
        card = f"{facts['gpu']}{f' ({versions})' if versions else ''}; " if "gpu" in facts else ""
        console.print(
            f"{card}{facts['processor']}, {facts['cores']} cores, commit {facts['commit'] or 'unknown'}. {command()}",
            highlight=False,
            markup=False,
            style="dim",
        )

    def save(self, path: Path) -> None:
        """Write everything as JSON, atomically. Raises SaveError when the place cannot be written."""
        document = {
            "benchmark": self.what,
            "command": command(),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": self.seed,
            "settings": self.settings,
            "machine": machine.facts(self.device),
            **self.figures,
            "rows": self.rows,
            "notes": self.notes,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=path.parent, delete=False, suffix=".tmp", encoding="utf-8"
            ) as file:
                json.dump(document, file, indent=1, default=float)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, path)
        except OSError as error:
            raise SaveError(
                f"The report could not be written to '{path}': {error.strerror}. Choose another place."
            ) from None

    def finish(self, path: Path | None) -> None:
        """Show it and, when a path was asked for, save it."""
        self.settings["other_programs_cores"] = round(self.others.cores(), 3)
        if self.others.note():
            self.notes.append(self.others.note())
        if self.hosted:
            self.withhold()
        self.show()
        if path is not None:
            self.save(path)


def _measured(value: Any) -> bool:
    return isinstance(value, float | np.floating | dict)


def command() -> str:
    """The command line that is running, to be copied."""
    script = Path(sys.argv[0])
    if script.suffix == ".py" and script.stem != "__main__":
        root = Path(__file__).resolve().parents[2]
        script = script.resolve()
        name = script.relative_to(root) if script.is_relative_to(root) else Path(script.name)
        return shlex.join(["python", name.as_posix(), *sys.argv[1:]])
    return shlex.join(["swarm", *sys.argv[1:]])
