"""Foragers: agents with brains of their own look for plants, split when rich and starve when poor; evolution follows.

Each forager senses plants and its kind in eight sectors, its energy and its velocity (19 numbers), thinks with a
network of its own (19-32-2, 706 parameters) and pushes. A plant that is eaten ripens again somewhere else after a
while. Living costs energy, moving costs more; who holds enough splits, and the child's brain is a mutated copy.

Energy is counted in quanta of 2^-12 J, so that float32 levels add up exactly; `check` holds the books to the quantum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from swarm.backend import rng
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.ecs.component import Component, bool_, f32, i32
from swarm.ecs.system import system
from swarm.ecs.table import Table
from swarm.look import Look
from swarm.scenes import SceneError
from swarm.stages.graze import graze
from swarm.stages.index import index
from swarm.stages.mind import mind
from swarm.stages.move import move
from swarm.stages.own import Own
from swarm.stages.sectors import Sectors
from swarm.stages.sense import sense
from swarm.stages.split import QUANTUM, split
from swarm.stages.think import think
from swarm.world import World

MANY = True  # all of this knows a world that holds several
RADIUS = 12.0  # m, how far a forager sees
HIDDEN = 32
WATCH = "half starve within seconds; then the children of those that find food fill the world, faster ones each time"
TUNE = (
    "living", "moving", "push", "drag", "reach", "meal", "regrow", "rich", "lifespan", "mutation", "cap",
)  # fmt: skip


class Body(Component):
    """Where a forager is and how it moves."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    """What a forager lives on: it dies at 0, in whole quanta of 2^-12 J."""

    level = f32(default=1.0, unit="J")


class Line(Component):
    """How many births lie between a forager and the founders."""

    generation = i32()


class Plant(Component):
    """Food: ripe it holds energy, eaten it waits and ripens elsewhere."""

    pos = f32(2, unit="m")
    ripe = bool_(default=True)
    energy = f32(unit="J")
    wait = i32(unit="tick")


Mind = mind(
    food=Sectors(8, radius=RADIUS, of=Plant.pos),
    kin=Sectors(8, radius=RADIUS, of=Body.pos),
    energy=Own(Energy.level),
    speed=Own(Body.vel, scale=0.1),
    actions=("push_x", "push_y"),
)

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True)
class Settings:
    """The settings of the scene; lengths in m, energies in J, durations in ticks unless they say otherwise."""

    agents: Count = 2000  # foragers at the start
    plants: Annotated[int, Meta(ge=0)] | None = None  # None: twice the agents
    crowd: Positive = 17.0  # things within the sensing radius at the start, on average; sets the size of the world
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None
    dtype: str = "float32"  # how brains are stored: float32, float64, float16 or bfloat16
    cap: Count | None = None  # the largest population; None: what the plants feed
    tick: Positive = 1 / 30  # s
    meal: Positive = 0.5  # J that a ripe plant holds
    regrow: Count = 60  # ticks until an eaten plant is ripe again
    reach: Positive = 1.5  # m
    living: Annotated[float, Meta(ge=0)] = 0.15  # J/s, the cost of being
    moving: Annotated[float, Meta(ge=0)] = 0.0004  # J s/m2: times the square of the speed
    push: Positive = 30.0  # m/s2 at full push
    drag: Annotated[float, Meta(ge=0, lt=30)] = 2.0  # 1/s
    start: Positive = 0.5  # J of a founder
    rich: Positive = 1.0  # J at which a forager splits
    lifespan: Count | None = 400  # mean ticks until death by chance; None: only hunger kills
    mutation: Annotated[float, Meta(ge=0)] = 0.05  # standard deviation added to each parameter of a child's brain


def build(settings: Settings) -> World:
    """The world at tick 0: founders with random brains, every plant ripe."""
    s = settings
    world = _ground(s, s.agents, 2 * s.agents if s.plants is None else s.plants, s.seed)
    world.spawn(
        s.agents,
        Body(pos=world.scatter),
        Energy(level=quanta(s.start)),
        Line,
        Mind,
        name="forager",
        brains=MLP((Mind.inputs, HIDDEN, Mind.outputs), activation="tanh", output="tanh"),
        dtype=s.dtype,
        mutation=Mutation(s.mutation),
        cap=s.cap,
    )
    books = np.zeros(6, np.int64)
    books[[FOUNDERS, SOWN]] = held(world, Energy.level), held(world, Plant.energy)
    world.resources["books"] = world.backend.array(books)
    world.schedule = (
        ripen(s.regrow, quanta(s.meal)),
        index(Plant.pos, where=Plant.ripe),
        index(Body.pos),
        sense(Mind),
        think(Mind),
        steer(s.push, s.drag),
        move(Body.pos, Body.vel),
        Meals(_eat(s)),
        live(s.living, s.moving, s.rich),
        split(Energy.level, above=s.rich, pos=Body.pos, spread=1.0),
        die(s.lifespan),
    )
    return world


def few(settings: Settings) -> dict[str, Any]:
    """The same rules for one forager, see `swarm.scenes.tune`."""
    return {"agents": 1, "plants": 1}


def steady(agents: int) -> dict[str, Any]:
    """Settings under which as many foragers live for ever, for benchmarks: plenty to eat, a cap, death by chance."""
    return {"agents": agents, "cap": agents, "crowd": 18.7, "meal": 1.0, "regrow": 5, "lifespan": 400}


def comparable(found: Mapping[str, float]) -> str:
    """Why a benchmark of this scene does not count, or "": `found` has alive, born and died a tick, things."""
    alive = found["alive"]
    for what in ("born", "died"):
        if found[what] < 0.002 * alive:
            return f"{found[what]:,.1f} {what} a tick are less than 0.2% of {alive:,.0f} foragers"
    if not 16 <= found["things"] <= 18.5:
        return f"{found['things']:.1f} things within the sensing radius, 17 are meant"
    return ""


def _ground(s: Settings, agents: int, plants: int, seed: int) -> World:
    """A world with its plants, of a size that gives every agent its crowd."""
    side = max(4 * RADIUS, sqrt((agents + plants) * pi * RADIUS**2 / s.crowd))
    world = World(size=(side, side), tick=s.tick, backend=s.backend, seed=seed, threads=s.threads)
    world.spawn(plants, Plant(pos=world.scatter, energy=quanta(s.meal)), name="plant")
    return world


def _eat(s: Settings) -> Any:
    return graze(Body.pos, Plant.pos, into=Energy.level, reach=s.reach, gain=Plant.energy, ripe=Plant.ripe)


def quanta(joule: float) -> float:
    """The nearest whole number of quanta, in J."""
    return round(joule / QUANTUM) * QUANTUM


# --- systems: made by a call that takes their settings, as stages are; foragers.cu has their kernels ------------------


def _kernels(world: World) -> Any:
    """What launches them where the world lives on a CUDA device."""
    return world.backend.twin(__name__)


def ripen(wait: int, meal: float) -> Any:
    """Eaten plants ripen `wait` ticks later, somewhere else."""
    stream = rng.stream("place")

    @system(
        reads=[Plant.ripe],
        writes=[Plant.pos, Plant.ripe, Plant.energy, Plant.wait],
        on_cuda=lambda world, dt: _kernels(world).ripen(world, wait, meal),
    )
    def ripen(world: World, dt: float) -> None:
        for table in world.tables_with(Plant.wait):
            ripe, waited = table.column(Plant.ripe), table.column(Plant.wait)
            eaten = np.flatnonzero(~ripe)
            waited[eaten] += 1
            rows = eaten[waited[eaten] > wait]
            if not len(rows):
                continue
            keys = table.slots[rows], table.generations[rows]
            sides = np.asarray(world.size, np.float32)
            draw = world.backend.twin("swarm.backend.rng").uniform
            place = draw(world.seeds, *keys, world.ticks, stream, 2) * sides
            table.column(Plant.pos)[rows] = np.minimum(place, np.nextafter(sides, np.float32(0)))
            table.column(Plant.energy)[rows] = meal
            ripe[rows], waited[rows] = True, 0
            world.resources["books"][..., GROWN] += world.total(table, rows=rows) * round(meal / QUANTUM)

    return ripen


def steer(push: float, drag: float) -> Any:
    """The brain's two actions accelerate the body; drag slows it."""

    @system(
        reads=[Mind.actions],
        writes=[Body.vel],
        on_cuda=lambda world, dt: _kernels(world).steer(world, dt, push, drag),
    )
    def steer(world: World, dt: float) -> None:
        for table in world.tables_with(Body.vel, Mind.actions):
            vel = table.column(Body.vel)
            vel *= np.float32(1 - drag * dt)
            vel += table.column(Mind.actions) * np.float32(push * dt)

    return steer


class Meals:
    """The graze stage with a book-keeper beside it."""

    name = "graze"

    def __init__(self, eat: Any) -> None:
        self.eat, self.reads, self.writes, self.needs = eat, eat.reads, eat.writes, eat.needs

    def __call__(self, world: World, dt: float) -> None:
        before = held(world, Plant.energy)
        self.eat(world, dt)
        world.resources["books"][..., EATEN] += before - held(world, Plant.energy)

    def on_cuda(self, world: World, dt: float) -> None:
        _kernels(world).eat(self.eat, world, dt)

    def launches_only(self, world: World) -> bool:
        return self.eat.launches_only(world)

    def accuse(self, world: World, table: Any, row: int) -> None:
        self.eat.accuse(world, table, row)

    def describe(self) -> dict[str, Any]:
        return self.eat.describe()

    def cost(self, world: World) -> Any:
        return self.eat.cost(world)


def live(living: float, moving: float, rich: float) -> Any:
    """Being and moving cost energy, in whole quanta; what lies above twice the riches is burnt as well."""

    @system(
        reads=[Body.vel],
        writes=[Energy.level],
        on_cuda=lambda world, dt: _kernels(world).live(world, dt, living, moving, rich),
    )
    def live(world: World, dt: float) -> None:
        for table in world.tables_with(Body.vel, Energy.level):
            vel, level = table.column(Body.vel), table.column(Energy.level)
            paid = np.einsum("nk,nk->n", vel, vel)
            paid *= np.float32(moving * dt / QUANTUM)
            paid += np.float32(living * dt / QUANTUM)
            np.rint(paid, out=paid)
            paid *= np.float32(QUANTUM)
            np.maximum(paid, level - np.float32(2 * rich), out=paid)
            level -= paid
            world.resources["books"][..., BURNT] += added(world, table, paid)

    return live


def die(lifespan: int | None) -> Any:
    """Who has nothing left starves; with a lifespan, chance kills the others."""

    @system(
        reads=[Energy.level],
        writes=[Line.generation],
        on_cuda=lambda world, dt: _kernels(world).die(world, lifespan),
    )
    def die(world: World, dt: float) -> None:
        for agents in world.query(Energy, Line):
            table = agents.table
            level, tick = table.column(Energy.level), world.tick_of(table)
            table.column(Line.generation)[(table.born == tick - 1) & (tick > 0)] += 1
            dying = level <= 0
            if lifespan is not None:
                dying |= agents.uniform(stream="lifespan") < np.float32(1 / lifespan)
            if dying.any():
                agents.kill(dying)
                world.resources["books"][..., LOST] += added(world, table, level[dying], dying)

    return die


# --- the common garden ------------------------------------------------------------------------------------------------


class Diary(Component):
    """What a forager has eaten in a garden."""

    eaten = f32(unit="J")


def garden(settings: Settings, brains: Brains, seed: int) -> World:
    """A world of `len(brains)` foragers where nobody is born, dies or goes hungry; plants ripen as ever."""
    s = settings
    world = _ground(s, len(brains), 2 * len(brains), seed)
    world.spawn(len(brains), Body(pos=world.scatter), Energy, Diary, Mind, name="forager", brains=brains)
    world.resources["books"] = world.backend.zeros(6, np.int64)
    world.schedule = (
        ripen(s.regrow, quanta(s.meal)),
        index(Plant.pos, where=Plant.ripe),
        index(Body.pos),
        sense(Mind),
        think(Mind),
        steer(s.push, s.drag),
        move(Body.pos, Body.vel),
        _eat(s),
        note,
    )
    return world


@system(
    reads=[Energy.level],
    writes=[Diary.eaten, Energy.level],
    on_cuda=lambda world, dt: _kernels(world).note(world),
)
def note(world: World, dt: float) -> None:
    """Write down what was eaten and set hunger back to where it was."""
    for table in world.tables_with(Energy.level, Diary.eaten):
        level = table.column(Energy.level)
        table.column(Diary.eaten)[:] += level - np.float32(Energy.level.default)
        level[:] = Energy.level.default


def intake(world: World) -> np.ndarray:
    """float64 [N], J/s: what each forager of a garden has eaten since it began."""
    eaten = world.backend.host(world.tables["forager"].column(Diary.eaten)).astype(np.float64)
    return eaten / max(world.tick * world.dt, world.dt)


# --- what is promised, watched and drawn ------------------------------------------------------------------------------

FOUNDERS, SOWN, GROWN, EATEN, BURNT, LOST = range(6)  # world.resources["books"], i64 [6] or [W, 6], in quanta


def held(world: World, column: Any) -> Any:
    """The quanta that all entities with `column` hold; of several worlds those of each, [W]."""
    host = world.backend.host
    return sum(added(world, table, host(table.column(column))) for table in world.tables_with(column))


def added(world: World, table: Table, joule: np.ndarray, rows: Any = None) -> Any:
    """The quanta in energies J of a table's rows, all or these: multiples of a quantum, so their sum is exact."""
    return np.rint(world.total(table, joule, rows, exact=True) / QUANTUM).astype(np.int64)


def score(world: World) -> Any:
    """How many foragers live."""
    return world.total(world.tables["forager"])


def check(world: World) -> None:
    """The books balance to the quantum, nobody is out of the world, and nothing is NaN. Raises `SceneError`."""
    host = world.backend.host
    books = np.moveaxis(host(world.resources["books"]), -1, 0)
    for name, column, expected in (
        ("foragers", Energy.level, books[FOUNDERS] + books[EATEN] - books[BURNT] - books[LOST]),
        ("plants", Plant.energy, books[SOWN] + books[GROWN] - books[EATEN]),
    ):
        found = held(world, column)
        if np.any(found != expected):
            raise SceneError(f"foragers: at tick {world.tick} the {name} hold {found} quanta, by the books {expected}.")
    for column in (Body.pos, Plant.pos):
        for table in world.tables_with(column):
            pos = host(table.column(column))
            if not ((pos >= 0) & (pos < np.asarray(world.size, np.float32))).all():
                raise SceneError(f"foragers: at tick {world.tick} a '{table.name}' has left the world.")


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    foragers, plants, host = world.tables["forager"], world.tables["plant"], world.backend.host
    books = host(world.resources["books"]).reshape(-1, 6).sum(axis=0)
    ticks = max(world.tick, 1)
    generation = host(foragers.column(Line.generation))
    speed = np.linalg.norm(host(foragers.column(Body.vel)), axis=1)
    return {
        "ripe plants": float(host(plants.column(Plant.ripe)).mean()) if plants.n else 0.0,
        "mean generation": float(generation.mean()) if foragers.n else 0.0,
        "mean speed (m/s)": float(speed.mean()) if foragers.n else 0.0,
        "eaten (J a tick)": float(books[EATEN]) * QUANTUM / ticks,
    }


def look(world: World) -> tuple[Look, ...]:
    """Plants as small discs, pale while they wait; foragers as drops, coloured by energy."""
    return (
        Look("plant", Plant.pos, palette="moss", strength=Plant.ripe, size=1.0, shape="disc", label="plants"),
        Look(
            "forager", Body.pos, heading=Body.vel, colour=Energy.level, limits=(0.0, 1.0), size=3.2, glow=0.35,
            label="foragers",
        ),
    )  # fmt: skip
