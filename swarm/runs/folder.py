"""The folder of one run: how it was made, what came of it, its snapshots and its hash log. See `swarm.runs`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from swarm.brain.files import atomic
from swarm.errors import SaveError, SettingsError
from swarm.runs import thin

FREE = ("threads", "backend")  # settings that may differ when a run goes on; the backend is compared as it was chosen
DONE = ("finished", "extinct")


@dataclass(frozen=True)
class Spec:
    """How a run was made: all that decides what stands in its files."""

    scene: str
    file: str  # the scene's source
    source: str  # its digest
    settings: dict[str, Any]
    backend: str  # as it was chosen
    control: str  # "" or "neutral"
    of: str  # a control's run, whose births and deaths it has
    every: int  # ticks between snapshots and logged hashes
    record: int  # ticks between rows of statistics; 0: none
    suffix: str  # of the streams: .csv or .parquet
    population: bool  # whether births and deaths are noted for a control
    versions: dict[str, str] = field(default_factory=dict)
    cpu: str = ""

    def differences(self, other: Spec) -> list[str]:
        """What stands in the way of going on with `other`'s files, in words."""
        found = []
        for name in ("scene", "source", "control", "of", "backend", "every", "record", "suffix", "population"):
            if getattr(self, name) != getattr(other, name):
                found.append(f"{name} {getattr(other, name)!r}, not {getattr(self, name)!r}")
        for name in [*self.settings, *(name for name in other.settings if name not in self.settings)]:
            mine, its = self.settings.get(name), other.settings.get(name)
            if name not in FREE and mine != its:
                found.append(f"setting {name} {its!r}, not {mine!r}")
        return found


@dataclass(frozen=True)
class Outcome:
    """What came of a run: status finished, extinct, stopped or failed."""

    status: str
    ticks: int
    hash: str
    seconds: float  # of all its sittings
    figures: dict[str, float] = field(default_factory=dict)  # the last statistics
    error: str = ""


class Folder:
    """The folder of one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.hashes, self.last = self.path / "hashes.csv", self.path / "last.safetensors"

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    def spec(self) -> Spec | None:
        """How the run was made; None where there is none. Raises `SaveError` for a broken description."""
        values = self._read("run.json")
        return None if values is None else _made(Spec, values, self.path / "run.json")

    def outcome(self) -> Outcome | None:
        """What came of it; None while it runs, or when it was killed."""
        values = self._read("outcome.json")
        return None if values is None else _made(Outcome, values, self.path / "outcome.json")

    def agree(self, spec: Spec) -> None:
        """Raise `SettingsError` when the run that is here was made otherwise, `SaveError` when it is none of ours."""
        held = self.spec()
        if held is None:
            ours = "lock", "scene.py", "snapshots"  # its process died before run.json was there
            strange = [p.name for p in self.path.glob("*") if not p.name.startswith((".", *ours))]
            if strange:
                raise SaveError(f"'{self.path}' holds {strange[0]}, but no run. Choose another --out.")
            return
        differences = spec.differences(held)
        if differences:
            raise SettingsError(
                f"'{self.path}' holds a run with {'; '.join(differences[:3])}. Its files cannot be gone on with. "
                "Choose another --out, or remove that folder."
            )

    def begin(self, spec: Spec) -> None:
        """Write down how the run is made, unless it is there."""
        if self.spec() is not None:
            return
        try:
            (self.path / "snapshots").mkdir(exist_ok=True)
        except OSError as error:
            raise SaveError(f"Cannot write to '{self.path}': {error.strerror or error}. Free some space.") from None
        if spec.file:
            with atomic(self.path / "scene.py") as temporary:
                shutil.copyfile(spec.file, temporary)
        self.write("run.json", asdict(spec))

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """A JSON file, whole or not at all."""
        with atomic(self.path / name) as temporary:
            Path(temporary).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")

    def finish(self, outcome: Outcome) -> None:
        """Write down what came of it."""
        self.write("outcome.json", asdict(outcome))

    def reopen(self) -> None:
        """The run goes on: what came of it is open again."""
        for name in ("outcome.json", "error.txt"):
            (self.path / name).unlink(missing_ok=True)

    # ------------------------------------------------------------------ snapshots

    def snapshots(self) -> dict[int, Path]:
        """Tick -> file, oldest first; without the last world."""
        files = (self.path / "snapshots").glob("*.safetensors")
        return {int(file.stem): file for file in sorted(files) if file.stem.isdigit()}

    def snapshot(self, tick: int) -> Path:
        """The file of a snapshot."""
        return self.path / "snapshots" / f"{tick:012}.safetensors"

    def thin(self, most_bytes: float) -> None:
        """Drop snapshots until they fit."""
        files = self.snapshots()
        for tick in thin.dropped({tick: file.stat().st_size for tick, file in files.items()}, most_bytes):
            files[tick].unlink()

    def log(self) -> dict[int, str]:
        """Tick -> hash, as far as whole lines stand in the log."""
        if not self.hashes.exists():
            return {}
        lines = self.hashes.read_text(encoding="utf-8").split("\n")[1:-1]
        return {int(tick): digest for tick, digest in (line.split(",") for line in lines)}

    # ------------------------------------------------------------------ inside

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise SaveError(f"Cannot read '{self.path / name}': {error}. Remove that run's folder.") from None


def _made(kind: type, values: Any, path: Path) -> Any:
    try:
        return kind(**{f.name: values[f.name] for f in fields(kind)})
    except (KeyError, TypeError) as error:
        raise SaveError(f"'{path}' is no description of ours ({error!r}). Remove that run's folder.") from None
