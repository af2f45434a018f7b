"""Wolf and sheep: the standard benchmark of agent-based modelling, without brains. Two species and grass take turns.

Sheep and wolves step to a neighbouring cell. A sheep eats the grass that has grown there, a wolf a sheep. A step costs
one unit of energy; who has less than none starves, and by chance an animal splits its energy with a child. Eaten grass
grows again after a while. With wits, as in Mesa's example, sheep go where there are no wolves and rather to grass, and
wolves rather to sheep; without, as in the original, everybody goes anywhere.

Everybody acts at once: first all sheep, then all wolves. Where several want the same grass or the same sheep, a draw
keyed by seed, tick and id decides; wolves in one cell eat different sheep while there are enough.
Source: U. Wilensky, "NetLogo Wolf Sheep Predation model", 1997; the wits are those of the example in Mesa 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Annotated, Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from msgspec import Meta

from swarm.backend import rng
from swarm.ecs.component import Component, f32
from swarm.ecs.system import system
from swarm.look import Look
from swarm.marks import Heat
from swarm.scenes import SceneError
from swarm.world import World

WATCH = "patches that are eaten bare and grow back, and wolves that multiply where there are sheep"
TUNE = "wits", "sheep_reproduce", "wolf_reproduce", "sheep_gain", "wolf_gain"

Count = Annotated[int, Meta(ge=1)]
Chance = Annotated[float, Meta(ge=0, le=1)]
Gain = Annotated[float, Meta(ge=0)]


Turns: TypeAlias = WeakKeyDictionary[World, tuple[int, Any, Any]]  # tick, and the sheep `in_turn` as they ate in it


class Place(Component):
    """The middle of the cell in which an animal is."""

    pos = f32(2, unit="m")


class Energy(Component):
    """How many steps an animal can still go."""

    level = f32(unit="step")


@dataclass(frozen=True)
class Settings:
    """The settings of the scene, by default those with which Agents.jl's example lasts; energies in steps."""

    agents: Count = 3000  # animals at the start
    wolves: Chance = 0.4  # share of wolves among them
    density: Annotated[float, Meta(gt=0)] = 0.16  # animals a cell at the start; sets the size of the world
    wits: bool = False  # whether they look where they step
    sheep_reproduce: Chance = 0.2  # a tick
    wolf_reproduce: Chance = 0.08
    sheep_gain: Gain = 5.0  # from grass
    wolf_gain: Gain = 13.0  # from a sheep
    regrow: Count = 20  # ticks until eaten grass is grown again
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None


def build(settings: Settings) -> World:
    """The world at tick 0: a square of cells of 1 m; half of the grass is grown, the rest somewhere on its way."""
    s = settings
    side = max(3, ceil(sqrt(s.agents / s.density)))
    world = World((side, side), tick=1.0, backend=s.backend, seed=s.seed, threads=s.threads)
    wolves = round(s.agents * s.wolves)
    for name, count, gain in (("sheep", s.agents - wolves, s.sheep_gain), ("wolf", wolves, s.wolf_gain)):
        fed = rng.uniform(s.seed, np.arange(count), 0, 0, rng.stream(f"{name} fed"), 1)[:, 0]
        world.spawn(
            count, Place(pos=lambda n: np.floor(world.scatter(n)) + 0.5), Energy(level=2 * gain * fed), name=name
        )
    draw = rng.uniform(s.seed, np.arange(side * side), 0, 0, rng.stream("grass"), 2)
    grass = np.where(draw[:, 0] < 0.5, 0, (draw[:, 1] * s.regrow).astype(np.int32)).astype(np.int32)
    world.resources["grass"] = world.backend.array(grass)  # ticks until a cell's grass is grown
    turns: Turns = WeakKeyDictionary()
    world.schedule = (
        grow,
        roam("sheep", s.wits, shuns="wolf"),
        browse(s.sheep_gain, s.regrow, turns),
        live("sheep", s.sheep_reproduce),
        roam("wolf", s.wits, seeks="sheep"),
        hunt(s.wolf_gain, turns),
        live("wolf", s.wolf_reproduce),
    )
    return world


def few(settings: Settings) -> dict[str, Any]:
    """The same rules for one animal, see `swarm.scenes.tune`."""
    return {"agents": 1}


# --- systems ----------------------------------------------------------------------------------------------------------


@system(writes=[])
def grow(world: World, dt: float) -> None:
    """Grass that was eaten comes a tick closer."""
    grass = world.resources["grass"]
    grass -= grass > 0


def roam(name: str, wits: bool, seeks: str | None = None, shuns: str | None = None) -> Any:
    """Everybody steps to any of the eight cells beside, or, with wits, to one of the four that share a side: without a
    `shuns`, if possible with a `seeks`, or else with grass; by chance among equals. Who is surrounded stays."""

    @system(reads=[Place.pos], writes=[Place.pos])
    def roam(world: World, dt: float) -> None:
        agents = of(world, name)
        if agents is None:
            return
        rules, pos, side = world.backend.twin(__name__), agents.table.column(Place.pos), int(world.size[0])
        draw = agents.uniform(stream=f"{name} step")
        if not wits:
            rules.wander(pos, draw, side)
            return
        good = crowd(world, seeks) > 0 if seeks else world.resources["grass"] == 0
        safe = crowd(world, shuns) == 0 if shuns else good | True
        rules.choose(pos, draw, good, safe, side)

    return roam


def browse(gain: float, regrow: int, turns: Turns) -> Any:
    """Of the sheep in a cell with grass one eats it."""

    @system(reads=[Place.pos], writes=[Energy.level])
    def browse(world: World, dt: float) -> None:
        sheep = of(world, "sheep")
        if sheep is None:
            return
        grass = world.resources["grass"]
        order, start = in_turn(world, sheep)
        turns[world] = world.tick, order, start
        cell = world.backend.xp.flatnonzero((grass == 0) & (start[1:] > start[:-1]))
        sheep.table.column(Energy.level)[order[start[cell]]] += np.float32(gain)
        grass[cell] = regrow

    return browse


def hunt(gain: float, turns: Turns) -> Any:
    """In every cell the first wolf eats the first sheep, the second the second, while there are both."""

    @system(reads=[Place.pos], writes=[Energy.level])
    def hunt(world: World, dt: float) -> None:
        sheep, wolves = of(world, "sheep"), of(world, "wolf")
        if sheep is None or wolves is None:
            return
        (prey, first), (order, start) = living(world, sheep, turns), in_turn(world, wolves)
        cell = world.backend.twin(__name__).cells(wolves.table.column(Place.pos), int(world.size[0]))[order]
        wanted = first[cell] + world.backend.xp.arange(len(order)) - start[cell]
        fed = wanted < first[cell + 1]
        wolves.table.column(Energy.level)[order[fed]] += np.float32(gain)
        sheep.kill(prey[wanted[fed]])

    return hunt


def live(name: str, reproduce: float) -> Any:
    """A tick costs a step; who has less than none dies, the others may split what they have with a child."""

    @system(reads=[Energy.level], writes=[Energy.level])
    def live(world: World, dt: float) -> None:
        agents = of(world, name)
        if agents is None:
            return
        level = agents.table.column(Energy.level)
        level -= np.float32(1)
        starved = level < 0
        parents = (agents.uniform(stream=f"{name} child") < np.float32(reproduce)) & ~starved & ~agents.table.dying
        level[parents] *= np.float32(0.5)
        agents.birth(parents)
        agents.kill(starved)

    return live


# --- who is where -----------------------------------------------------------------------------------------------------


def of(world: World, name: str) -> Any:
    """The agents of one table, or None where it is empty."""
    return next((agents for agents in world.query(Place) if agents.name == name), None)


def crowd(world: World, name: str) -> Any:
    """How many of a table are in each cell, [cells]."""
    table, side = world.tables[name], int(world.size[0])
    return world.backend.twin(__name__).counts(table.column(Place.pos), table.dying, side)


def in_turn(world: World, agents: Any) -> tuple[Any, Any]:
    """Rows [N] by cell, in a cell by a draw and then by id; and where each cell's begin, [cells + 1]."""
    table, kernels, side = agents.table, world.backend.twin(__name__), int(world.size[0])
    draw = (agents.uniform(stream=f"{agents.name} turn") * np.float32(2**24)).astype(np.uint64)
    key = draw << np.uint64(32) | table.slots
    return kernels.in_cells(kernels.cells(table.column(Place.pos), side), key, side * side)


def living(world: World, sheep: Any, turns: Turns) -> tuple[Any, Any]:
    """`in_turn` of the sheep, as it was when they ate in this tick, without those that have died since."""
    tick, order, start = turns.pop(world, (-1, None, None))
    if tick != world.tick:
        order, start = in_turn(world, sheep)
    alive = ~sheep.table.dying[order]
    before = np.concatenate([[0], np.cumsum(alive)])
    return order[alive], before[start]


# --- kernels: the reference; wolfsheep_cpu.py has the twin -----------------------------------------------------------

BESIDE = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)], np.int32)  # cells


def cells(pos: Any, side: int) -> Any:
    """The number of the cell of each position float32 [N, 2], i32 [N]."""
    x, y = pos.astype(np.int32).T
    return y * np.int32(side) + x


def counts(pos: Any, dying: Any, side: int) -> Any:
    """How many positions float32 [N, 2] that are not dying are in each cell, [side * side]."""
    return np.bincount(cells(pos, side)[~dying], minlength=side * side)


def wander(pos: Any, draw: Any, side: int) -> None:
    """Step from pos float32 [N, 2] to one of the eight cells beside, in place; draw [N] in 0..1 says to which."""
    to = pos.astype(np.int32) + BESIDE[(draw * np.float32(8)).astype(np.int32)]
    pos[:] = to % side + np.float32(0.5)


def choose(pos: Any, draw: Any, good: Any, safe: Any, side: int) -> None:
    """Step from pos float32 [N, 2] to one of the four cells that share a side, in place.

    good, safe: bool [cells]. draw [N] in 0..1 chooses among those that are both, or, where none is, among the safe
    ones; where none is safe, pos stays.
    """
    place = pos.astype(np.int32)
    to = (place[:, None] + BESIDE[:4]) % side  # [N, 4, 2]
    cell = to[:, :, 1] * side + to[:, :, 0]
    best = (good & safe)[cell]
    nth = np.cumsum(np.where(best.any(axis=1)[:, None], best, safe[cell]), axis=1)
    way = np.argmax(nth > (draw * nth[:, 3]).astype(np.int32)[:, None], axis=1)
    went = np.take_along_axis(to, way[:, None, None], axis=1)[:, 0]
    pos[:] = np.where(nth[:, 3:] > 0, went, place) + np.float32(0.5)


def in_cells(cell: Any, key: Any, count: int) -> tuple[Any, Any]:
    """What sorts `cell` i32 [N], below `count`, equal ones by `key` u64 [N]: order [N] and starts [count + 1]."""
    start = np.zeros(count + 1, np.int64)
    start[1:] = np.cumsum(np.bincount(cell, minlength=count))
    return np.lexsort(np.stack([key, cell.astype(np.uint64)])), start


# --- what is promised, watched and drawn ------------------------------------------------------------------------------


def check(world: World) -> None:
    """Everybody stands in the middle of a cell with energy left, and grass is at most `regrow` ticks away. Raises
    `SceneError`."""
    host, side = world.backend.host, world.size[0]
    for name, table in world.tables.items():
        pos, level = host(table.column(Place.pos)), host(table.column(Energy.level))
        if not ((pos - np.floor(pos) == 0.5) & (pos > 0) & (pos < side)).all():
            raise SceneError(f"wolfsheep: at tick {world.tick} a {name} is not in the middle of a cell.")
        if not (level >= 0).all():
            raise SceneError(f"wolfsheep: at tick {world.tick} a {name} lives on {level.min()} steps.")
    grass, regrow = host(world.resources["grass"]), (world.scene or {}).get("settings", {}).get("regrow", 2**31)
    if not ((grass >= 0) & (grass <= regrow)).all():
        raise SceneError(f"wolfsheep: at tick {world.tick} grass is {grass.min()} to {grass.max()} ticks away.")


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    host, found = world.backend.host, {"grown grass": float(world.backend.host(world.resources["grass"] == 0).mean())}
    for name, table in world.tables.items():
        found[f"{name} energy (steps)"] = float(host(table.column(Energy.level)).mean()) if table.n else 0.0
    return found


def look(world: World) -> tuple[Look, ...]:
    """Sheep pale, wolves red."""
    return (
        Look("sheep", Place.pos, colour="#e9edf3", size=0.55, shape="disc", label="sheep"),
        Look("wolf", Place.pos, colour="#ff6a4d", size=0.8, shape="disc", glow=0.3, label="wolves"),
    )


def marks(world: World) -> tuple[Heat, ...]:
    """Grown grass."""
    side = int(world.size[0])
    grown = (world.backend.host(world.resources["grass"]) == 0).reshape(side, side)
    return (Heat(grown.astype(np.uint8), (0, 1), colour="#2f6d46", alpha=0.55, smooth=False),)
