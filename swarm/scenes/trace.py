"""Where two runs part: a world whose schedule notes a fingerprint behind every system."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from swarm.digest import Difference, difference, fingerprint
from swarm.ecs.system import name_of
from swarm.world import World

Marks = list[dict[str, int]]  # behind every system, and at the end of the tick


@dataclass(frozen=True)
class Finding:
    """The first difference between a run and its twin."""

    tick: int
    system: str
    difference: Difference | None

    def __str__(self) -> str:
        what = f": {self.difference}" if self.difference is not None else ""
        return f"tick {self.tick}, system '{self.system}'{what}"


class Traced:
    """Wraps the world's schedule; after each step `marks()` has what stood behind every system.

    k: of several worlds this one alone.
    """

    def __init__(self, world: World, k: int | None = None) -> None:
        self.world, self._k, self._marks = world, k, []
        self.names = [*world.schedule.names, "barrier"]
        world.schedule = tuple(self._wrap(k, step) for k, step in enumerate(world.schedule))

    def _wrap(self, k: int, step: Any) -> Any:
        def system(world: World, dt: float) -> None:
            if k == 0:
                self._marks.clear()
            on_cuda = getattr(step, "on_cuda", None) if world.backend.name == "cuda" else None
            (on_cuda or step)(world, dt)
            self._marks.append(self._look())

        system.name = name_of(step)  # type: ignore[attr-defined]
        for declared in ("reads", "writes", "needs"):
            if hasattr(step, declared):
                setattr(system, declared, getattr(step, declared))
        return system

    def marks(self) -> Marks:
        return [*self._marks, self._look()]

    def _look(self) -> dict[str, int]:
        return fingerprint(self.world if self._k is None else self.world.apart(self._k))


def parting(names: Iterable[str], ours: Marks, theirs: Marks) -> tuple[str, str] | None:
    """The first system behind which two ticks differ, and the part that does; None if there is none."""
    for name, mine, other in zip(names, ours, theirs):
        for part in mine:
            if mine[part] != other.get(part):
                return name, part
    return None


def entity(here: World, there: World, part: str) -> Difference:
    """The difference at the end of the tick, or at least the part where it began."""
    found = difference(here, there)
    return found if found is not None and found.name == part else Difference(part, None, "one value", "another")
