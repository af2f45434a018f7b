"""Finding a scene: what holds `Settings` and `build`, from the word that a user gave.

    foragers                   a shipped one
    my_world.py                a file; what lies beside it can be imported by it
    package.module             a module; the current folder can be imported from
    my_world.py:Night          an attribute of either that holds Settings and build: a class, a namespace, a module
    package.module:worlds.Night

A file is loaded once in a process. Errors in the user's files are told with their line (`blame`).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from swarm.config import suggest
from swarm.errors import SettingsError, SwarmError
from swarm.scenes import blame

_PARTS = {
    "Settings": "Write a frozen dataclass: @dataclass(frozen=True) class Settings: ...",
    "build": "Write build(settings) that returns a swarm.World with its schedule.",
}


def find(path: str, shipped: Sequence[str]) -> Any:
    """What holds the scene: a module, or the attribute behind the colon.

    Raises `SettingsError` where there is none, where it lacks Settings or build, and for an error in the user's file.
    """
    if not isinstance(path, str) or not path:
        raise SettingsError(f"scene {path!r}: give a name, a file or package.module. Shipped: {', '.join(shipped)}.")
    place, _, name = (path, "", "") if path.endswith(".py") else path.partition(".py:")
    if name:
        place += ".py"
    elif not path.endswith(".py"):
        place, _, name = path.partition(":")
    if path in shipped:
        holder = importlib.import_module(f"{__package__}.{path}")
    elif place.endswith(".py"):
        holder = _from_file(path, Path(place), shipped)
    elif "." in place or name:
        holder = _from_module(path, place)
    else:
        beside = f" Did you mean '{path}.py'?" if Path(f"{path}.py").is_file() else suggest(path, shipped)
        raise SettingsError(f"There is no scene '{path}'.{beside} A file of your own ends in .py.")
    for step in filter(None, name.split(".")):
        if not hasattr(holder, step):
            has = [key for key, value in getattr(holder, "__dict__", {}).items() if hasattr(value, "build")]
            known = f"It has {', '.join(has)}." if has else "Name what holds Settings and build."
            raise SettingsError(f"scene '{path}': there is no '{step}' in {place}. {known}")
        holder = getattr(holder, step)
    _complete(path, holder)
    return holder


def source_file(holder: Any) -> Path | None:
    """The file that a scene stands in; None where it has none, such as one typed into a prompt."""
    file = getattr(holder, "__file__", None) if isinstance(holder, ModuleType) else None
    if file is None:
        try:
            file = inspect.getsourcefile(inspect.unwrap(holder.build))
        except TypeError:
            return None
    return Path(file) if file and Path(file).is_file() else None


def _complete(path: str, holder: Any) -> None:
    for part, remedy in _PARTS.items():
        if not hasattr(holder, part):
            raise SettingsError(f"scene '{path}' has no `{part}`. {remedy}")
    if not (isinstance(holder.Settings, type) and is_dataclass(holder.Settings)):
        raise SettingsError(f"scene '{path}': Settings is no dataclass. Put @dataclass(frozen=True) above the class.")
    if not callable(holder.build):
        raise SettingsError(f"scene '{path}': build is no function. {_PARTS['build']}")


def _from_module(path: str, name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin and Path(spec.origin).is_file():
        blame.own(spec.origin)
    try:
        return _guarded(path, lambda: importlib.import_module(name))
    except SettingsError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}."):
            raise SettingsError(
                f"scene '{path}': there is no module '{cause.name}' here or among the installed packages. Run the "
                "command in the folder that holds it, or give a file (my_world.py)."
            ) from None
        raise


def _from_file(path: str, file: Path, shipped: Sequence[str]) -> ModuleType:
    if not file.is_file():
        raise SettingsError(
            f"scene '{path}': there is no such file. Look at the path, write one that runs with `swarm new {file}`, or "
            f"take {', '.join(shipped)}."
        )
    whole = file.resolve()
    name = f"swarm_scene_{file.stem}_{hashlib.sha256(str(whole).encode()).hexdigest()[:8]}"
    for known in (name, file.stem, "__main__"):  # imported by its own name, or run: its components are to be the same
        there = sys.modules.get(known)
        if there is not None and _is(whole, there) and (known != "__main__" or hasattr(there, "build")):
            blame.own(whole)
            return there
    spec = importlib.util.spec_from_file_location(name, whole)
    if spec is None or spec.loader is None:
        raise SettingsError(f"scene '{path}': Python cannot load this file.")
    module, loader = importlib.util.module_from_spec(spec), spec.loader
    blame.own(whole)
    if str(whole.parent) not in sys.path:
        sys.path.append(str(whole.parent))
    sys.modules[name] = module
    try:
        _guarded(path, lambda: loader.exec_module(module))
    except BaseException:
        sys.modules.pop(name, None)
        raise
    if file.stem not in sys.modules:  # what imports it from here on gets this one, if it would get this file
        at = importlib.util.find_spec(file.stem) if file.stem.isidentifier() else None
        if at is not None and at.origin and Path(at.origin).resolve() == whole:
            sys.modules[file.stem] = module
    return module


def _is(file: Path, module: ModuleType) -> bool:
    """Whether `module` was made of `file`."""
    place = getattr(module, "__file__", None)
    return bool(place) and Path(place).resolve() == file


def _guarded(path: str, load: Any) -> Any:
    """The user's code that runs when a scene is loaded; its errors become ours, with the user's line."""
    try:
        return load()
    except SwarmError:
        raise
    except Exception as error:
        told = blame.told(error) or f"{type(error).__name__}: {error}"
        raise SettingsError(f"scene '{path}': {told}") from error
