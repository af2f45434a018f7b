"""Settings from words, and the folder for caches.

Settings are frozen dataclasses. Values come from Python (typed) or from the command line and TOML files (text); either
way an unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .errors import SettingsError

T = TypeVar("T")


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of an error text: the nearest known word, or all of them. Starts with a space."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(names)}." if names else ""


def pairs(words: Sequence[str], option: str = "--set", example: str = "agents=5000") -> dict[str, str]:
    """`["agents=100", "seed=7"]` -> `{"agents": "100", "seed": "7"}`. Raises SettingsError for a word without `=`."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"{option} takes key=value, got '{word}'. For example: {option} {example}")
        found[key.strip()] = value.strip()
    return found


def load_toml(path: str | Path) -> dict[str, Any]:
    """Settings from a TOML file. Raises SettingsError when it is missing or not TOML."""
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file '{path}': {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"'{path}' is not a TOML file: {error}.") from None


def settings(cls: type[T], values: Mapping[str, Any], where: str = "settings") -> T:
    """An instance of the settings dataclass `cls` with `values` over its defaults.

    Text is converted to the field's type ("5000" -> 5000, "1,2" -> (1, 2), "none" -> None). Raises SettingsError for an
    unknown key or a value that does not fit; `where` opens the text, such as "scene 'foragers'".
    """
    import dataclasses

    import msgspec

    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    plain: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise SettingsError(f"{where} has no setting '{key}'.{suggest(key, known)}")
        plain[key] = _plain(value, str(known[key].type))
    try:
        return msgspec.convert(plain, cls, strict=False)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        key = place.rstrip("`").split("[")[0]
        got = f", got {values[key]!r}" if key in values else ""
        raise SettingsError(f"{where}: setting '{key or '?'}' does not fit: {text}{got}.") from None


def _plain(value: Any, kind: str) -> Any:
    """Text of the command line as msgspec reads it: lists for tuples, None for "none"."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("none", "null") and "None" in kind:
        return None
    if "tuple" in kind:
        return [part.strip() for part in value.strip("()[] ").split(",") if part.strip()]
    return value


def cache_dir(*parts: str) -> Path:
    """Where kernels and downloads are kept (the folder need not exist): SWARM_CACHE_DIR, else the system's folder.

    Falls back to the temporary folder where there is no home to write to.
    """
    named = os.environ.get("SWARM_CACHE_DIR")
    if named:
        return Path(named).joinpath(*parts)
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    if not base.is_absolute() or base.parent == Path("/") or not _writable(base):
        import tempfile

        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
        return Path(tempfile.gettempdir()).joinpath(f"swarm-{user}", *parts)
    return base.joinpath("swarm", *parts)


def _writable(path: Path) -> bool:
    """Whether `path`, or the nearest folder above it that exists, can be written to."""
    for folder in (path, *path.parents):
        if folder.exists():
            return os.access(folder, os.W_OK)
    return False
