"""Scenes: settings in, a world ready to run out. Shipped ones by name, the user's own by file or module.

A scene is a module, or a class or namespace in one, with

    Settings             a frozen dataclass: every setting with its default, unit and range
    build(settings)      -> World, with its schedule
    check(world)         raises `SceneError`, or asserts, when the world breaks what the scene promises (optional)
    look(world)          -> tuple of `Look`, how its tables are drawn (optional)
    marks(world)         -> what is drawn beside the tables, `swarm.marks` (optional)
    statistics(world)    -> dict of numbers worth watching and recording (optional)
    extinct(world)       -> whether a recorded run ends here; by default when all that think have died (optional)
    record(world, folder)  adds streams of its own to a recorded run, by `world.record` (optional)
    WATCH, PANELS        a line on what to watch for; False: the window opens without panels (optional)
    pointer, key, HINT   what mouse and keys do in the window, see `swarm.render.keys` (optional)
    steady(agents)       -> dict of settings that keep as many alive, for benchmarks (optional)
    TUNE, few(settings)  settings that act on a running world, see `swarm.scenes.tune` (optional)
    comparable(found)    -> why a benchmark does not count, or "" (optional)
    score(world)         -> how well it did, a number, for searchers (optional)
    MANY = True          says that its systems, `check` and `score` know a world that holds W worlds (optional)
    garden, intake       what `swarm assay` compares brains in, see `swarm.evolve.assay` (optional)

and is used by demo, benchmark, test and picture alike. Settings named agents, seed, backend and threads are what the
options of those names set. `find` has the ways to name a scene.

`scene(..., worlds=W)` holds W worlds in one, see `swarm.worlds`. Systems that work row by row need no change. Those
that keep resources or add up over a table do: resources have a leading axis W, and `world.total(table, values)` adds up
by world, `world.tick_of(table)` is each row's own tick. `check` and `score` get worlds one by one without MANY.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from swarm.backend.device import Backend
from swarm.config import settings as make_settings
from swarm.errors import SettingsError, SwarmError
from swarm.scenes.find import find, source_file
from swarm.world import World

SHIPPED = ("foragers", "predators", "flock", "ants", "town", "wolfsheep", "digits")
_COMMON = {"agents": "int = 1000", "seed": "int = 0", "backend": 'str = "auto"', "threads": "int | None = None"}


class SceneError(SwarmError, AssertionError):
    """A world breaks a promise of its scene, such as a balance of energy."""


def scene(path: str, **values: Any) -> World:
    """The world of a scene, ready to run.

    path: a shipped name ("foragers"), a file ("my_world.py"), "package.module", or either with ":name" behind it.
    values: settings, and `backend` and `threads`. Raises `SettingsError` for an unknown scene or setting and for a
    value out of range.

    With `worlds=W` it holds W independent worlds, of seeds `seed` .. `seed` + W - 1 or of `seeds`; see `swarm.worlds`.
    """
    if "worlds" in values or "seeds" in values:
        from swarm.scenes.many import many

        return many(path, **values)
    holder, given = load(path), values.get("backend")
    if isinstance(given, Backend):
        threads = {"threads": given.threads} if _has(holder, "threads") else {}
        values = {**threads, **values, "backend": given.name}
    settings = chosen(path, values)
    made = dataclasses.replace(settings, backend=given) if isinstance(given, Backend) else settings
    try:
        world = holder.build(made)
    except Exception as error:
        error.add_note(f"in build of scene '{path}'")
        raise
    if not isinstance(world, World):
        raise SettingsError(f"scene '{path}': build returned {type(world).__name__}. It must return a swarm.World.")
    world.scene = {"path": path, "settings": plain(settings), "source": source_digest(holder)}
    return world


def anew(world: World, seed: int | None = None, **settings: Any) -> World:
    """The world that the scene of `world` begins with, on its backend: with its settings, or others and another seed.

    Several worlds in one stay as many. Raises `SettingsError` where no scene built it, and where `build` fails.
    """
    if world.scene is None:
        raise SettingsError("restart: no scene built this world, so it cannot be built anew. Go back in time instead.")
    values = {**world.scene["settings"], **settings}
    if seed is not None and "seed" in values:
        values["seed"] = seed
    if "backend" in values:
        values["backend"] = world.backend
    if world.worlds > 1:
        more = values.pop("seed") - world.seed
        values["seeds"] = [int(one) + more for one in world.seeds]
    with tried():
        return scene(world.scene["path"], **values)


@contextmanager
def tried() -> Iterator[None]:
    """A build that need not succeed, as beside a running world: what it raises becomes `SettingsError`, by `with`."""
    try:
        yield
    except SwarmError:
        raise
    except Exception as error:
        notes = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
        raise SettingsError(f"{type(error).__name__}: {error}{notes}. Choose other settings.") from error


def chosen(path: str, values: dict[str, Any]) -> Any:
    """The settings of a scene with `values` over the defaults. Raises `SettingsError`."""
    holder = load(path)
    for name in (name for name in _COMMON if name in values and not _has(holder, name)):
        raise SettingsError(
            f"scene '{path}' has no setting '{name}'. Declare it in Settings, `{name}: {_COMMON[name]}`, and use it in "
            "build; or leave it out."
        )
    return make_settings(holder.Settings, values, f"scene '{path}'")


def rebuild(saved: dict[str, Any], backend: str | Backend = "auto", threads: int | None = None) -> World:
    """The world of a saved scene as it was built, for `World.load` to fill with the saved state."""
    values = dict(saved["settings"])
    for key, value in (("backend", backend), ("threads", threads)):
        if key in values:
            values[key] = value
    return scene(saved["path"], **values)


def settings_of(path: str) -> Any:
    """The settings of a scene with their defaults."""
    return chosen(path, {})


def check(world: World) -> bool:
    """Run the check of the scene that built `world`; returns whether it has one. Raises `SceneError`."""
    if world.scene is None:
        return False
    path = world.scene["path"]
    verify = getattr(load(path), "check", None)
    if verify is None:
        return False
    try:
        from swarm.scenes.many import each

        for one in each(world, load(path)):
            verify(one)
    except SwarmError:
        raise
    except AssertionError as error:
        raise SceneError(
            f"scene '{path}': at tick {world.tick} its check fails{f': {error}' * any(error.args)}."
        ) from error
    except Exception as error:
        error.add_note(f"in check of scene '{path}' at tick {world.tick}")
        raise
    return True


def score(world: World) -> Any:
    """See `World.score`."""
    from swarm.scenes.many import score

    return score(world)


def load(path: str) -> Any:
    """What holds a scene's Settings and build: a module, or an attribute of one. Raises `SettingsError`; see `find`."""
    return find(path, SHIPPED)


def source_digest(holder: Any) -> str:
    """SHA-256 of the scene's source file, first 16 digits; empty where there is no file."""
    file = source_file(holder)
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file else ""


def plain(settings: Any) -> dict[str, Any]:
    """Settings as plain values, for files."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(settings).items()}


def _has(holder: Any, name: str) -> bool:
    """Whether the scene has a setting of this name."""
    return any(field.name == name for field in dataclasses.fields(holder.Settings))
