"""Whose line was it? Errors that arise in the user's own files are told with file, line and the line itself.

`find` names the folders that scenes were loaded from; a frame of a traceback is the user's when its file lies there and
is neither ours nor an installed package's.
"""

from __future__ import annotations

import linecache
import traceback
from dataclasses import dataclass
from pathlib import Path

_OURS = Path(__file__).resolve().parents[1]
_folders: set[Path] = set()  # of the scenes that this process has loaded


@dataclass(frozen=True)
class Spot:
    """A line of the user's: `str` is "my_world.py, line 12"."""

    file: str
    line: int
    text: str  # the line itself, "" where it cannot be read

    def __str__(self) -> str:
        try:
            shown = Path(self.file).resolve().relative_to(Path.cwd())
        except (OSError, ValueError):
            shown = Path(self.file)
        return f"{shown}, line {self.line}"


def own(file: str | Path) -> None:
    """From now on the files beside `file`, and below its folder, are the user's."""
    folder = Path(file).resolve().parent
    if not folder.is_relative_to(_OURS):
        _folders.add(folder)


def spot(error: BaseException | None) -> Spot | None:
    """The innermost line of the user's that `error`, or what caused it, went through; None if there is none."""
    while error is not None:
        if isinstance(error, SyntaxError) and error.filename and error.lineno and _users(error.filename):
            return Spot(error.filename, error.lineno, (error.text or "").strip())
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            file = frame.f_code.co_filename
            if _users(file):
                return Spot(file, line, linecache.getline(file, line, frame.f_globals).strip())
        error = error.__cause__
    return None


def told(error: BaseException) -> str | None:
    """The message for an error that went through the user's files, with its place; None for one that did not."""
    from swarm.errors import SwarmError

    found = spot(error)
    if found is None:
        return None
    during = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
    source = f"\n    {found.text}" if found.text else ""
    if isinstance(error, SwarmError):
        return f"{error}\n{found}{during}:{source}"
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{found}{during}: {type(error).__name__}{f': {said}' if said else ''}{source}"


def _users(file: str) -> bool:
    path = Path(file)
    if file.startswith("<") or path.is_relative_to(_OURS):
        return False
    path = path.resolve()
    for folder in _folders:
        if path.is_relative_to(folder):
            below = path.relative_to(folder).parts
            return not {"site-packages", "dist-packages"} & set(below) and not path.is_relative_to(_OURS)
    return False
