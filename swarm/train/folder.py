"""The state of a training command in a folder, whole at any moment, for Ctrl-C and kill -9.

    run.json                  what was asked for, and where the files go
    part-00001.safetensors    a population under way, written by `Training` as it runs
    part-00001.safetensors.history.npz    beside it in population-based training: who became whom
    part-00001.npz            figures of a population that is finished; its brains are where they belong

Every file takes the place of its predecessor whole (temporary file, fsync, rename). A population counts as finished
once its figures are there.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from swarm.brain.files import atomic
from swarm.errors import SaveError, SettingsError
from swarm.train import settings
from swarm.train.history import History
from swarm.train.outcome import Outcome
from swarm.train.words import Request, read

_PARTS = ("part-*.safetensors", "part-*.history.npz", "part-*.npz")
FREE = ("threads", "csv", "json", "plot", "ensemble", "checkpoint", "resume", "overwrite", "data")  # may differ later


class Folder:
    """A checkpoint's folder; `request` is what the run was asked for, `data` the name of its data set."""

    def __init__(self, path: str | Path, request: Request, data: str) -> None:
        self.path, self.request, self.data = Path(path), request, data

    @classmethod
    def begin(cls, request: Request, data: str) -> Folder:
        """A new one for a request whose `save` names its file.

        Raises SettingsError, unless `overwrite`, where there is one, or files that look like its parts; SaveError.
        """
        path = Path(str(request.checkpoint))
        if (path / "run.json").exists() and not request.overwrite:
            raise SettingsError(
                f"--checkpoint '{path}' holds a run already. Go on with it: add --resume. Or begin anew: --overwrite."
            )
        if path.exists() and not path.is_dir():
            raise SaveError(f"--checkpoint '{path}' is a file. Name a folder.")
        there = sorted({old for pattern in _PARTS for old in path.glob(pattern)})
        if there and not request.overwrite:
            raise SettingsError(
                f"--checkpoint '{path}' holds no run, but {there[0].name}, which a new run would remove. Choose another"
                " folder, or remove what is there: --overwrite."
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            for old in there:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise SaveError(f"--checkpoint '{path}': {error.strerror}. Choose another folder.") from None
        kept = {name: value for name, value in asdict(request).items() if name not in FREE}
        with atomic(path / "run.json") as temporary:
            Path(temporary).write_text(json.dumps({"data": data, "request": kept}, indent=1) + "\n", encoding="utf-8")
        return cls(path, request, data)

    @classmethod
    def resume(cls, values: Mapping[str, Any], data: str) -> Folder:
        """The one that `values` (the words of this command) name. What else they say must be what the run was asked.

        Raises SettingsError for a word that differs, SaveError for a folder that holds no run.
        """
        path = Path(str(values["checkpoint"]))
        try:
            held = json.loads((path / "run.json").read_text(encoding="utf-8"))
            of, kept = held["data"], held["request"]
            known = {field.name for field in fields(Request)}
            stored = Request(**{name: _tuple(value) for name, value in kept.items() if name in known})
        except (OSError, ValueError, KeyError, TypeError):
            raise SaveError(f"--resume: '{path}' holds no run. Leave --resume out to begin one.") from None
        if of != data:
            raise SettingsError(f"--resume: '{path}' is of the data set {of}. Say `swarm train {of}`.")
        now = read(values)
        for name in sorted(set(values) - set(FREE)):
            if name in settings.SETTINGS:
                mine, its = (one.settings.get(name) for one in (now, stored))
                differs = its is None or settings.value(name, mine, "--resume") != settings.value(name, its, "--resume")
            else:
                mine, its = getattr(now, name), getattr(stored, name)
                differs = mine != its and not (name == "save" and Path(str(mine)) in _names(Path(str(its))))
            if differs:
                raise SettingsError(
                    f"--resume: this run has {name} {its}, not {mine}. Leave it out, or begin another run."
                )
        return cls(path, replace(stored, **{name: getattr(now, name) for name in FREE}), data)

    def training(self, part: int) -> Path:
        """The file of population `part` while it is under way."""
        return self.path / f"part-{part + 1:05}.safetensors"

    def finished(self, part: int, brains: Path) -> Outcome | None:
        """The figures of population `part` where it is finished and its brains are there."""
        path = self.training(part).with_suffix(".npz")
        return Outcome.load(path) if path.exists() and brains.exists() else None

    def words(self) -> str:
        """Where the state is, and the command that goes on."""
        place = "" if self.request.data is None else f" --data {shlex.quote(str(self.request.data))}"
        command = f"swarm train {self.data}{place} --checkpoint {shlex.quote(str(self.path))} --resume"
        return f"The state is in {self.path}. Go on with: {command}"

    def finish(self, part: int, outcome: Outcome) -> None:
        """Population `part` is finished; its brains were saved before."""
        outcome.save(self.training(part).with_suffix(".npz"))
        self.training(part).unlink(missing_ok=True)
        History.beside(self.training(part)).unlink(missing_ok=True)


def _names(path: Path) -> Iterable[Path]:
    """How else a file of brains may have been named."""
    return path, path.with_suffix(""), path.parent


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
