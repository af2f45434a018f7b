"""Scenes: settings in, a world ready to run out. Shipped ones by name, the user's own by file or module.

A scene is a module with

    Settings             a frozen dataclass: every setting with its default, unit and range
    build(settings)      -> World, with its schedule
    check(world)         raises `SceneError` when the world breaks what the scene promises (optional)
    look(world)          -> tuple of `Look`, how its tables are drawn (optional)
    marks(world)         -> what is drawn beside the tables, `swarm.marks` (optional)
    statistics(world)    -> dict of numbers worth watching (optional)
    pointer, key, HINT   what mouse and keys do in the window, see `swarm.render.keys` (optional)
    steady(agents)       -> dict of settings that keep as many alive, for benchmarks (optional)
    comparable(found)    -> why a benchmark does not count, or "" (optional)
    score(world)         -> how well it did, a number, for searchers (optional)
    MANY = True          says that its systems, `check` and `score` know a world that holds W worlds (optional)

and is used by demo, benchmark, test and picture alike.

`scene(..., worlds=W)` holds W worlds in one, see `swarm.worlds`. Systems that work row by row need no change. Those
that keep resources or add up over a table do: resources have a leading axis W, and `world.total(table, values)` adds up
by world, `world.tick_of(table)` is each row's own tick. `check` and `score` get worlds one by one without MANY.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from swarm.backend.device import Backend
from swarm.config import settings, suggest
from swarm.errors import SettingsError, SwarmError
from swarm.world import World

SHIPPED = ("foragers", "flock", "wolfsheep", "digits")


class SceneError(SwarmError, AssertionError):
    """A world breaks a promise of its scene, such as a balance of energy."""


def scene(path: str, **values: Any) -> World:
    """The world of a scene, ready to run.

    path: a shipped name ("foragers"), a file ("my_world.py") or "package.module". values: settings, and `backend` and
    `threads`. Raises `SettingsError` for an unknown scene or setting and for a value out of range.

    With `worlds=W` it holds W independent worlds, of seeds `seed` .. `seed` + W - 1 or of `seeds`; see `swarm.worlds`.
    """
    if "worlds" in values or "seeds" in values:
        return importlib.import_module("swarm.scenes.many").many(path, **values)
    module, given = load(path), values.get("backend")
    if isinstance(given, Backend):
        values = {"threads": given.threads, **values, "backend": given.name}
    chosen = settings(module.Settings, values, f"scene '{path}'")
    made = dataclasses.replace(chosen, backend=given) if isinstance(given, Backend) else chosen
    world = module.build(made)
    if not isinstance(world, World):
        raise SettingsError(f"scene '{path}': build returned {type(world).__name__}. It must return a swarm.World.")
    world.scene = {"path": path, "settings": _plain(chosen), "source": source_digest(module)}
    return world


def rebuild(saved: dict[str, Any], backend: str | Backend = "auto", threads: int | None = None) -> World:
    """The world of a saved scene as it was built, for `World.load` to fill with the saved state."""
    values = dict(saved["settings"])
    for key, value in (("backend", backend), ("threads", threads)):
        if key in values:
            values[key] = value
    return scene(saved["path"], **values)


def settings_of(path: str) -> Any:
    """The settings of a scene with their defaults."""
    return load(path).Settings()


def check(world: World) -> None:
    """Run the check of the scene that built `world`, if it has one. Raises `SceneError`."""
    if world.scene is not None:
        verify = getattr(load(world.scene["path"]), "check", None)
        if verify is not None:
            for one in importlib.import_module("swarm.scenes.many").each(world, load(world.scene["path"])):
                verify(one)


def score(world: World) -> Any:
    """See `World.score`."""
    return importlib.import_module("swarm.scenes.many").score(world)


def load(path: str) -> ModuleType:
    """The module of a scene. Raises `SettingsError` when there is none or it lacks Settings or build."""
    module = _find(path)
    for part in ("Settings", "build"):
        if not hasattr(module, part):
            raise SettingsError(f"scene '{path}': {module.__name__} has no `{part}`. A scene needs Settings and build.")
    return module


def source_digest(module: ModuleType) -> str:
    """SHA-256 of the scene's source file, first 16 digits; empty where there is no file."""
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""


def _find(path: str) -> ModuleType:
    if path in SHIPPED:
        return importlib.import_module(f"{__name__}.{path}")
    if path.endswith(".py"):
        return _from_file(Path(path))
    name = path.partition(":")[0]
    try:
        module = importlib.import_module(name) if "." in name or ":" in path else None
    except ModuleNotFoundError as error:
        raise SettingsError(f"scene '{path}': {error}. Give a shipped name, a file or an importable module.") from None
    if module is None:
        raise SettingsError(f"There is no scene '{path}'.{suggest(path, SHIPPED)} A file of your own ends in .py.")
    return module


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise SettingsError(f"scene '{path}': there is no such file. Look at the path, or take {', '.join(SHIPPED)}.")
    name = f"swarm_scene_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"scene '{path}': Python cannot load this file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SwarmError:
        sys.modules.pop(name, None)
        raise
    except Exception as error:
        sys.modules.pop(name, None)
        line = _line(error, str(path))
        raise SettingsError(f"scene '{path}'{line}: {type(error).__name__}: {error}") from error
    return module


def _line(error: BaseException, path: str) -> str:
    """Where in the user's file it happened."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f", line {error.lineno}"
    at, found = error.__traceback__, ""
    while at is not None:
        if at.tb_frame.f_code.co_filename == path:
            found = f", line {at.tb_lineno}"
        at = at.tb_next
    return found


def _plain(chosen: Any) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(chosen).items()}
