"""Settings that act on a running world, for scenes that say which:

    TUNE = ("living", "push")           names of settings that only the rules depend on
    few(settings) -> dict               settings with the same rules and as little else as can be (optional)

    tune(world, "living", 0.3)          from the next tick on; the world's scene says so, and so do saved files

The rules are what `build` puts into the schedule, the tables' mutations and caps, and numbers among the resources. A
world is built anew with the new value, and its rules are taken over; what agents are, hold and know stays. With `few`
that world is small and building it takes no time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from numbers import Number
from typing import Any

from swarm import scenes
from swarm.config import suggest
from swarm.errors import ScheduleError, SettingsError
from swarm.world import World


def tunable(path: str) -> tuple[str, ...]:
    """The settings of a scene that act on a running world. Raises `SettingsError` for one that it does not have."""
    holder = scenes.load(path)
    names = tuple(getattr(holder, "TUNE", ()))
    known = {field.name for field in dataclasses.fields(holder.Settings)}
    for name in names:
        if name not in known:
            raise SettingsError(f"scene '{path}': TUNE names '{name}', which is no setting.{suggest(name, known)}")
    return names


def tune(world: World, name: str, value: Any) -> bool:
    """Change a setting of a world between two ticks; whether the state has changed too, numbers among its resources.

    Raises `SettingsError` for a world that no scene built, for a setting that does not act on a running world and for a
    value that does not fit, `ScheduleError` within a tick; nothing has changed then.
    """
    if world.scene is None:
        raise SettingsError(f"tune: no scene built this world, so it has no setting '{name}'.")
    path, settings = world.scene["path"], world.scene["settings"]
    if world.stepping:
        raise ScheduleError(f"tune: tick {world.tick} is under way. Change '{name}' between two ticks.")
    names = tunable(path)
    if name not in names:
        raise SettingsError(f"scene '{path}': '{name}' does not act on a running world.{suggest(name, names)}")
    after = scenes.chosen(path, {**settings, name: value})
    old, new = _built(world, settings), _built(world, scenes.plain(after))
    _same_components(world, new)
    counted = [key for key, number in new.resources.items() if _differs(old.resources.get(key), number)]
    world.schedule = tuple(new.schedule)
    for key in counted:
        world.resources[key] = new.resources[key]
    for table, here in _pairs(new, world):
        if table.mutation != old.tables[table.name].mutation:
            here.mutation = table.mutation
        if table.cap != old.tables[table.name].cap:
            here.cap = table.cap
    world.scene = {**world.scene, "settings": {**settings, name: scenes.plain(after)[name]}}
    return bool(counted)


# ---------------------------------------------------------------------- inside


def _built(world: World, settings: dict[str, Any]) -> World:
    """A world with these settings, as small as the scene knows how to make it, on the backend of `world`."""
    assert world.scene is not None
    path = world.scene["path"]
    few = getattr(scenes.load(path), "few", None)
    values = settings if few is None else {**settings, **few(scenes.chosen(path, settings))}
    if "backend" in values:
        values = {**values, "backend": world.backend}
    with scenes.tried():
        return scenes.scene(path, **values)


def _same_components(world: World, made: World) -> None:
    """Rules are about components: those of the new world must be the very ones that the running world has."""
    for table, here in _pairs(made, world):
        for kind in table.components:
            if kind not in here.components:
                raise SettingsError(
                    f"tune: every build of this scene makes a component {kind.__name__} of its own. Make it once, "
                    "beside `build`, or leave its settings out of TUNE."
                )


def _pairs(made: World, world: World) -> Iterator[tuple[Any, Any]]:
    return ((table, world.tables[name]) for name, table in made.tables.items() if name in world.tables)


def _differs(old: Any, new: Any) -> bool:
    return isinstance(new, Number) and isinstance(old, Number) and old != new
