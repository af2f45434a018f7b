"""What can be done to a view by a key: each a function of the view, said in a line when it is done.

What reads or writes the world goes through `View.act`, so that it waits for the tick that is under way.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.render import steering

if TYPE_CHECKING:
    from swarm.render.view import View


# ------------------------------------------------------------------ picture


def whole(view: View) -> None:
    """Show the whole world."""
    view.following = False
    view.camera.fit()


def colour(view: View, step: int) -> None:
    """Colour the agents by the next thing, or the one before."""
    view.act(_colour, view, step)


def _colour(view: View, step: int) -> None:
    names = view.renderer.colourings(view.world)
    at = names.index(view.renderer.colouring) if view.renderer.colouring in names else 0
    colour_by(view, names[(at + step) % len(names)])
    view.say(f"coloured by {view.renderer.colouring}")


def colour_by(view: View, name: str) -> None:
    """Colour the agents of the idle world by `name`. Raises `SettingsError` for what there is not."""
    names = view.renderer.colourings(view.world)
    if name not in names:
        raise SettingsError(f"colour: {name!r} is nothing that agents can be coloured by here.{suggest(name, names)}")
    view.renderer.colour_by(name)
    view.refresh()


def trails(view: View) -> None:
    """Show where agents came from, or no longer."""
    view.renderer.trails = not view.renderer.trails
    view.say(f"trails {'on' if view.renderer.trails else 'off'}")


def light(view: View) -> None:
    """From the dark theme to the light one, and back."""
    view.theme_to("light" if view.theme.name == "dark" else "dark")


# ------------------------------------------------------------------ time


def keep(view: View) -> None:
    """Keep this moment in the list."""
    view.act(_keep, view)


def _keep(view: View) -> None:
    name = f"tick {int(view.world.tick):,}"
    _machine(view).keep(view.world, name)
    view.say(f"kept: {name}")


def back(view: View) -> None:
    """Go to the moment before, and pause there."""
    view.act(_back, view)


def _back(view: View) -> None:
    now = int(view.world.tick)
    before = [tick for tick in _machine(view).ticks if tick < now]
    if not before:
        raise SettingsError("time machine: this is the oldest moment it holds.")
    travel(view, max(before))


def go(view: View, tick: int) -> None:
    """Go to a tick within the time machine's reach, and pause there."""
    view.act(travel, view, tick)


def travel(view: View, there: Any, branch: str | None = None) -> None:
    """Put the idle world to a tick, or to a moment that was kept, and pause there. Errors as for `Moments.go`."""
    machine = _machine(view)
    before = view.world.tick, machine.branch
    try:
        machine.go(view.world, there, branch)
    finally:
        if (view.world.tick, machine.branch) != before:
            view.travelled()
    view.say(f"at tick {int(view.world.tick):,} of the past; space goes on from here")


def reseed(view: View) -> None:
    """Begin anew with the next seed."""
    view.restart(seed=int(view.world.seed) + 1)


def _machine(view: View) -> Any:
    if view.moments is None:
        raise SettingsError("time machine: it is off here, as no budget was given.")
    return view.moments


# ------------------------------------------------------------------ the agent


def worthy(view: View) -> None:
    """Open the mind of an agent worth a look: the oldest, then the best fed, then one with the most offspring."""
    view.act(_worthy, view)


def _worthy(view: View) -> None:
    found = _found(view)
    known = [one.id for one in found]
    at = known.index(view.microscope.id) + 1 if view.microscope is not None and view.microscope.id in known else 0
    view.select(found[at % len(found)].id)
    view.following = True
    view.say(found[at % len(found)].why)


def select(view: View, who: int | str) -> None:
    """Select an agent of the idle world: by its id, as it is shown ("1938", "1938.3": slot and generation), or by kind.

    who: "oldest", "richest" or "fertile" are kinds. Raises `DeadError` for one that does not live, `SettingsError`
    where there is nobody of the kind.
    """
    if isinstance(who, str) and who.replace(".", "", 1).isdigit():
        slot, _, generation = who.partition(".")
        who = int(slot) if int(slot) >> 32 else int(slot) << 32 | int(generation or 1)
    if isinstance(who, str):
        found = _found(view)
        kinds = list(dict.fromkeys(one.kind for one in found))
        if who not in kinds:
            raise SettingsError(f"select: there is no {who!r} here. Give an id, or one of {', '.join(kinds)}.")
        who = next(one.id for one in found if one.kind == who)
    view.world.get(int(who))
    view.select(int(who))


def _found(view: View) -> list[Worthy]:
    found = worth(view.world, view.renderer.looks)
    if not found:
        raise SettingsError("nobody here has a mind to open.")
    return found


class Worthy(NamedTuple):
    """An agent worth a look."""

    id: int
    kind: str  # "oldest", "richest", "fertile"
    why: str  # in words


def worth(world: Any, looks: Any) -> list[Worthy]:
    """Of every table with minds the oldest agent, the one with the most energy, the one with the most offspring."""
    host, found = world.backend.host, []
    colours = {look.table: look.colour for look in looks}
    parents = np.concatenate([host(t.parents) for t in world.tables.values()] or [np.zeros(0, np.uint64)])
    families, sizes = np.unique(parents[parents != 0], return_counts=True)
    for table in world.tables.values():
        if not table.n or not any(hasattr(c, "inputs_") for c in table.components):
            continue
        ids, born = host(table.ids()), host(table.born)
        k = int(np.argmin(born))
        found.append(
            Worthy(int(ids[k]), "oldest", f"the oldest {table.name}, born at tick {max(0, int(born[k]) + 1):,}")
        )
        column = colours.get(table.name)
        if column is not None and not isinstance(column, str) and column.unit == "J":
            k = int(np.argmax(host(table.column(column))))
            found.append(Worthy(int(ids[k]), "richest", f"the {table.name} with the most energy"))
        if len(families):
            children = np.where(
                np.isin(ids, families), sizes[np.searchsorted(families, ids).clip(max=len(sizes) - 1)], 0
            )
            k = int(np.argmax(children))
            if children[k]:
                found.append(
                    Worthy(int(ids[k]), "fertile", f"the {table.name} with the most children, {int(children[k])} alive")
                )
    return found


def follow(view: View) -> None:
    """The camera goes with the agent, or no longer; with nobody selected, with one worth a look."""
    if view.microscope is None:
        worthy(view)
        return
    view.following = not view.following
    view.say("following" if view.following else "no longer following")


def drive(view: View) -> None:
    """Take the agent's actions over, or give them back to its brain."""
    view.act(_drive, view)


def _drive(view: View) -> None:
    if view.microscope is None or not view.microscope.alive:
        who = "nobody is selected" if view.microscope is None else "it does not live"
        raise SettingsError(f"drive: {who}. Click an agent first, or press N.")
    if view.microscope.driving:
        view.microscope.drive(view.world, None)
        view.say("its brain acts again")
    else:
        view.microscope.drive(view.world, view.microscope.steer(()))
        view.following, view.pace.paused = True, False
        view.say(f"you drive: {steering.explain(view.microscope.names)}; K gives it back to its brain", 8.0)


def steer(view: View, held: Collection[str]) -> None:
    """Have the driven agent do what the held direction keys mean: of "left", "right", "up" and "down"."""
    view.act(_steer, view, held)


def _steer(view: View, held: Collection[str]) -> None:
    if view.microscope is not None and view.microscope.driving:
        view.microscope.drive(view.world, view.microscope.steer(held))
