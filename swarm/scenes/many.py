"""Many worlds of one scene, built one by one and joined: equal settings, each its own seed. See `swarm.worlds`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from swarm import scenes
from swarm.backend.device import Backend, choose
from swarm.digest import difference
from swarm.errors import BackendError, SettingsError
from swarm.scenes.trace import Finding, Traced, entity, parting
from swarm.world import World
from swarm.worlds import join


def many(path: str, worlds: int | None = None, seeds: Sequence[int] | None = None, **values: Any) -> World:
    """The worlds of a scene in one, as `swarm.scene(path, worlds=W, seed=S)` makes them: of seeds S .. S + W - 1, or of
    `seeds`.

    Raises `SettingsError` for a scene without the setting `seed` and for one whose systems would mix the worlds,
    `BackendError` on CUDA.
    """
    holder = scenes.load(path)
    known = {field.name: field for field in fields(holder.Settings)}
    if "seed" not in known:
        raise SettingsError(
            f"scene '{path}': its settings have no `seed`, so its worlds would be all the same. Give it one."
        )
    first = values.pop("seed", known["seed"].default)
    count = worlds if worlds is not None else len(seeds or ())
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
        raise SettingsError(f"scene '{path}': worlds is {worlds!r}; give how many, 1 or more.")
    each = [first + k for k in range(count)] if seeds is None else [int(seed) for seed in seeds]
    if len(each) != count:
        raise SettingsError(f"scene '{path}': {len(each)} seeds for {count} worlds. Give one for each.")
    if count == 1:
        return scenes.scene(path, **values, seed=each[0])
    if "backend" in known:
        values["backend"] = _host(values.get("backend", known["backend"].default), values.get("threads"))
    return join(_alone(path, holder, values, each), int(count))


def _alone(path: str, holder: Any, values: dict[str, Any], seeds: list[int]) -> Iterator[World]:
    for seed in seeds:
        world = scenes.scene(path, **values, seed=seed)
        if world.resources and not knows_worlds(holder):
            raise SettingsError(
                f"scene '{path}': its worlds keep resources ({', '.join(world.resources)}), which systems written for "
                "one world would mix. Write them for all, resources with a leading axis W and sums by `world.total`, "
                f"say `MANY = True` in the scene, and see `swarm check {path}`."
            )
        yield world


def knows_worlds(holder: Any) -> bool:
    """Whether a scene says that its systems, its check and its score know that a world may hold several."""
    return bool(getattr(holder, "MANY", False))


def each(world: World, holder: Any) -> Iterator[World]:
    """What functions of a scene are given: the world, or where they know one only, its worlds one by one."""
    if world.worlds == 1 or knows_worlds(holder):
        yield world
    else:
        yield from (world.apart(k) for k in range(world.worlds))


def score(world: World) -> np.ndarray:
    """See `World.score`."""
    if world.scene is None:
        raise SettingsError("score: no scene built this world, so nothing says how it is scored.")
    path = world.scene["path"]
    holder = scenes.load(path)
    judge = getattr(holder, "score", None)
    if judge is None:
        raise SettingsError(f"score: scene '{path}' has no `score`. Add `def score(world)` that returns a number.")
    found = np.concatenate([np.atleast_1d(np.asarray(judge(one), np.float64)) for one in each(world, holder)])
    if found.shape != (world.worlds,):
        raise SettingsError(f"score: scene '{path}' gave {found.size} numbers for {world.worlds} worlds.")
    return found


def _host(name: str | Backend, threads: int | None) -> Backend:
    """The backend, which must compute on the host. Raises `BackendError`."""
    chosen = choose(name, threads)
    if chosen.device is not None:
        if name != "auto":
            raise BackendError("Many worlds run on cpu and reference so far. Give backend='cpu'.")
        chosen = choose("cpu", threads)
    return chosen


# --- `swarm check`: does a world do among others what it does alone? --------------------------------------------------

TRIED = 3  # worlds


def why_not(path: str, values: Mapping[str, Any]) -> str:
    """Why the scene cannot run several worlds, or ""."""
    try:
        many(path, **{**values, "worlds": TRIED})
    except SettingsError as error:
        return str(error)
    return ""


def compare(path: str, values: Mapping[str, Any], ticks: int) -> tuple[World, Finding | None]:
    """Several worlds at the end of a run in one, and where one first differs from itself alone, or None."""
    joined = many(path, **{**values, "worlds": TRIED})
    alone = [_single(path, values, joined, k) for k in range(TRIED)]
    for t in range(ticks):
        for world in (joined, *alone):
            world.step()
        for k, one in enumerate(alone):
            if joined.hash(k) != one.hash():
                found = _trace(path, values, t + 1, k)
                there = joined.apart(k)
                return joined, found or Finding(t, "not seen again in a second run", difference(one, there))
    return joined, None


def _single(path: str, values: Mapping[str, Any], joined: World, k: int) -> World:
    return scenes.scene(path, **{**values, "seed": int(joined.seeds[k])})


def _trace(path: str, values: Mapping[str, Any], ticks: int, k: int) -> Finding | None:
    """Run both again with a fingerprint behind every system; the first that differs."""
    joined = many(path, **{**values, "worlds": TRIED})
    here, there = Traced(_single(path, values, joined, k)), Traced(joined, k)
    for t in range(ticks):
        here.world.step()
        joined.step()
        found = parting(here.names, here.marks(), there.marks())
        if found is not None:
            return Finding(t, found[0], entity(here.world, joined.apart(k), found[1]))
    return None
