"""Digits: you draw one, and two thousand brains of their own, each trained on other samples, walk to what they read.

In the middle is a canvas. Every agent sees the drawing as 8x8 counts of ink and thinks with its own network (64-16-10,
1,210 parameters). It walks to the field of the digit with the largest output, or drifts home while none is clearly the
largest. The crowd of a field covers an area in proportion to its votes: whoever disagrees is seen elsewhere.

Mouse: the left button draws, the right one wipes. Keys: c wipes, n writes another digit, 0 to 9 write that one. Until
somebody draws, the scene writes the digits of pi. `digits_strokes`, `digits_eye` and `digits_school` belong to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from swarm.backend import rng
from swarm.brain.mlp import MLP
from swarm.ecs.component import Component, f32, i32
from swarm.ecs.system import system
from swarm.look import Look
from swarm.scenes import SceneError
from swarm.scenes.digits_eye import see
from swarm.scenes.digits_picture import CANVAS, CENTRE, FIELDS, RADIUS, SIZE, marks_of
from swarm.scenes.digits_school import held_out, taught
from swarm.scenes.digits_strokes import NUMBERS, parse, rasterise, reached, segments, written
from swarm.stages.mind import mind
from swarm.stages.move import move
from swarm.stages.sense import sense
from swarm.stages.stage import Cost
from swarm.stages.think import think
from swarm.train.evaluate import mean_outputs
from swarm.world import World

HIDDEN = 16
PANELS = False  # the fields want the whole window
WATCH = "the crowd walks to the digit it reads; who disagrees is seen elsewhere. Draw one with the left button"
PIXELS = 48  # of the canvas, along a side
PI = (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9)
SHAKE = 0.06  # of the hand that shows digits, in sides of the canvas
SMALL = 0.82  # its digits / the canvas
PEN = 2.4  # sides of the canvas that the scene's own pen goes in a second
FAINT = 0.3
EDGE = 4.0  # m beside the edge of the world where nobody is at home
STEADY = 300  # ticks after which an agent that has not changed its mind has arrived
HINT = "draw a digit   right button, C: wipe   N: another digit   0-9: that digit"


class Body(Component):
    """Where an agent is and how it moves."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    speed = f32(unit="m/s")  # at most
    home = f32(2, unit="m")
    place = f32(2)  # its place in a crowd, in parts of the crowd's radius


class Vote(Component):
    """What an agent reads."""

    digit = i32(default=-1)  # -1: nothing for certain
    steady = i32(unit="tick")  # how long it has read that
    sure = f32()  # how strongly it is drawn: 1, or FAINT while it reads nothing for certain


class Sight:
    """The sense of this scene: the drawing, the same for all."""

    width = 64
    reads: tuple[Any, ...] = ()
    needs: dict[Any, float] = {}  # noqa: RUF012  (never written)

    def labels(self, name: str) -> list[str]:
        """ "ink 0,0" is the block at the top left."""
        return [f"{name} {k // 8},{k % 8}" for k in range(self.width)]

    def describe(self) -> dict[str, Any]:
        """Plain values."""
        return {"sense": "drawing", "blocks": [8, 8]}

    def fill(self, world: World, seeker: Any, out: Any, at: int) -> int:
        """Write the picture into columns at .. at + 64 of `out`; no row is ever refused."""
        out[:, at : at + self.width] = world.resources["picture"]
        return -1

    def cost(self, world: World, n: int) -> Cost:
        """Of one tick for `n` agents."""
        return Cost(4 * self.width * n, 0)


Mind = mind(ink=Sight(), actions=tuple(f"is {digit}" for digit in range(10)))

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]


@dataclass(frozen=True)
class Settings:
    """The settings of the scene."""

    agents: Count = 2000  # each with a trained brain of its own
    seed: Annotated[int, Meta(ge=0)] = 0
    backend: str = "auto"
    threads: Count | None = None
    digit: Annotated[int, Meta(ge=0, le=9)] | None = None  # what the scene writes; None: the digits of pi
    hand: Annotated[int, Meta(ge=0)] = 0  # which of several ways to write it
    drawing: str | None = None  # strokes of your own instead, "x,y x,y; x,y x,y" in percent of the canvas
    every: Positive = 7.0  # s until the scene writes the next digit, unless somebody has drawn
    sure: Annotated[float, Meta(ge=0)] = 0.4  # how far the largest output must lie above the second, in logits
    epochs: Count = 5  # of training
    data: Literal["digits", "mnist"] = "digits"  # learnt from: the engine's own digits, or MNIST as well
    tick: Positive = 1 / 60  # s


def build(settings: Settings) -> World:
    """The world at tick 0: everybody at home, the canvas blank. Brains are trained if the cache has none of that kind.

    Raises SettingsError for a drawing that is none, DataError where data='mnist' and there is no MNIST.
    """
    s = settings
    drawing = None if s.drawing is None else segments(parse(s.drawing))
    scale = sqrt(s.agents / 2000)
    world = World((SIZE[0] * scale, SIZE[1] * scale), s.tick, s.backend, s.seed, s.threads)
    brains = taught(
        MLP((Mind.inputs, HIDDEN, Mind.outputs)), s.agents, world.backend,
        epochs=s.epochs, seed=s.seed, data=s.data, progress=sys.stderr.isatty(),
    )  # fmt: skip
    home = _homes(world, s.agents)
    pace = world.scatter(s.agents)[:, 0] / np.float32(world.size[0])
    body = Body(pos=home, vel=0, speed=scale * (36 + 20 * pace), home=home, place=_places(s.seed, s.agents))
    world.spawn(s.agents, body, Vote, Mind, name="reader", brains=brains)
    world.resources |= {
        "strokes": np.zeros((0, 4), np.float32),  # what is on the canvas: pieces of lines, in sides of the canvas
        "script": np.zeros((0, 4), np.float32),  # what the scene's own pen is writing
        "begun": 0,  # tick at which it began
        "inked": 0,  # how many of the strokes are in `ink`
        "ink": np.zeros((PIXELS, PIXELS), np.float32),
        "picture": world.backend.zeros(64, np.float32),  # what the brains see
        "blank": 1,
        "turn": -1,  # how many digits the scene has written of its own accord; -2: it writes none
        "hand": s.hand,  # how it writes
        "sure": s.sure,
    }
    if drawing is not None:
        _dictate(world, drawing)
    elif s.digit is not None:
        show(world, s.digit, s.hand)
    world.schedule = (write(s.every), sense(Mind), think(Mind), decide, walk(), move(Body.pos, Body.vel))
    return world


def _homes(world: World, n: int) -> np.ndarray:
    """Places [n, 2] m evenly over the world but the canvas and the edge, over which a bow could lead."""
    unit = np.float32(world.size[0] / SIZE[0])
    half = np.array(SIZE, np.float32) / 2
    found, have = [], 0
    while have < n:
        place = world.scatter(2 * n + 64)
        off = np.abs(place / unit - np.array(CENTRE, np.float32)).max(axis=1)
        inside = np.abs(place / unit - half) < half - EDGE
        found.append(place[(off > CANVAS / 2 + 1.5) & inside.all(axis=1)])
        have += len(found[-1])
    return np.concatenate(found)[:n]


def _places(seed: int, n: int) -> np.ndarray:
    """A sunflower of n seeds (Vogel, 1979) in random order: float32 [n, 2] evenly over the unit disc."""
    turn = pi * (3 - sqrt(5))
    seeds = [(sqrt((k + 0.5) / n), k * turn) for k in range(n)]
    order = np.argsort(rng.words(seed, np.arange(n), 0, 0, rng.stream("digits places"), 1)[:, 0], kind="stable")
    return np.array([(r * cos(angle), r * sin(angle)) for r, angle in seeds], np.float32)[order]


# --- drawing: what the scene, its settings, and the hand in front of the window do to the canvas ----------------------


def clear(world: World) -> None:
    """Wipe the canvas, and stop the pen of the scene."""
    empty = np.zeros((0, 4), np.float32)
    world.resources |= {"strokes": empty, "script": empty, "inked": 0, "blank": 1, "turn": -2}
    world.resources["ink"] = np.zeros((PIXELS, PIXELS), np.float32)
    world.resources["picture"][:] = 0


def show(world: World, digit: int, hand: int = 0) -> None:
    """Wipe the canvas and write a digit on it, in one of several ways, never twice the same."""
    draw = 2 * rng.uniform(world.seed, [digit], hand, 0, rng.stream("digits show"), NUMBERS) - 1
    _dictate(world, np.float32(0.5) + np.float32(SMALL) * (written(digit, hand, draw, SHAKE)[0] - np.float32(0.5)))


def draw(world: World, x: float, y: float, down: bool) -> None:
    """The pen is at (x, y), in sides of the canvas from its top left: set down there, or drawn there."""
    r = world.resources
    if down and (r["turn"] != -2 or len(r["script"])):
        clear(world)
    strokes = world.backend.host(r["strokes"])
    last = (x, y) if down or not len(strokes) else tuple(strokes[-1, 2:])
    r["strokes"] = np.concatenate([strokes, np.array([[*last, x, y]], np.float32)])


def _dictate(world: World, pieces: np.ndarray) -> None:
    clear(world)
    world.resources |= {"script": pieces, "begun": world.tick}


def pointer(world: World, at: tuple[float, float], phase: str, button: int) -> bool:
    """What the mouse does at a place in m; whether the scene keeps it. See `swarm.render.keys`."""
    unit = world.size[0] / SIZE[0]
    x = (at[0] / unit - CENTRE[0]) / CANVAS + 0.5
    y = 0.5 - (at[1] / unit - CENTRE[1]) / CANVAS
    inside = 0 <= x <= 1 and 0 <= y <= 1
    if phase == "press" and button == 3:
        clear(world)
        return True
    if phase == "press" and not (button == 1 and inside):
        return False
    if button == 1 and phase != "release":
        draw(world, min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0), down=phase == "press")
    return True


def key(world: World, typed: str) -> str:
    """What a character does, in words; "" for nothing. See `swarm.render.keys`."""
    if typed == "c":
        clear(world)
        return "wiped: draw a digit with the mouse"
    if typed == "n" or (typed.isdecimal() and typed in "0123456789"):
        hand = int(world.resources["hand"])
        turn = hand if typed == "n" else 0
        digit = PI[turn % len(PI)] if typed == "n" else int(typed)
        show(world, digit, turn // len(PI) if typed == "n" else hand)
        world.resources["hand"] = hand + 1
        return f"a {digit}"
    return ""


# --- systems ----------------------------------------------------------------------------------------------------------


def write(every: float) -> Any:
    """The scene's pen goes on, and what is new on the canvas is inked and seen."""

    @system(reads=[], writes=[])
    def write(world: World, dt: float) -> None:
        r, host = world.resources, world.backend.host
        turn = r["turn"]
        if turn != -2 and (turn < 0 or (world.tick - r["begun"]) * dt >= every):
            show(world, PI[(turn + 1) % len(PI)], (turn + 1) // len(PI))
            r["turn"] = turn + 1
        if len(r["script"]) > len(r["strokes"]):
            script = host(r["script"])
            r["strokes"] = script[: reached(script, PEN * (world.tick - r["begun"]) * dt)]
        fresh = host(r["strokes"])[r["inked"] :]
        if len(fresh):
            ink = np.maximum(host(r["ink"]), rasterise(fresh[None], PIXELS)[0])
            picture = see(ink[None])[0].astype(np.float32) / np.float32(255)
            r["picture"][:] = world.backend.array(picture)
            r |= {"ink": ink, "inked": len(r["strokes"]), "blank": int(not picture.any())}

    return write


@system(reads=[Mind.actions], writes=[Vote.digit, Vote.steady, Vote.sure])
def decide(world: World, dt: float) -> None:
    """Everybody votes for its largest output, if that lies far enough above the second and something is drawn."""
    xp, sure = world.backend.xp, np.float32(world.resources["sure"])
    for table in world.tables_with(Mind.actions, Vote.digit):
        logits = table.column(Mind.actions)
        best, highest = logits.argmax(axis=1).astype(np.int32), logits.max(axis=1)
        second = xp.where(xp.arange(10, dtype=np.int32) == best[:, None], -xp.inf, logits).max(axis=1)
        clear = (highest - second >= sure) & (not world.resources["blank"])
        vote = xp.where(clear, best, np.int32(-1)).astype(np.int32)
        same = vote == table.column(Vote.digit)
        table.column(Vote.steady)[:] = xp.where(same, table.column(Vote.steady) + 1, 0)
        table.column(Vote.sure)[:] = xp.where(clear, np.float32(1), np.float32(FAINT))
        table.column(Vote.digit)[:] = vote


def walk(eager: float = 4.0, swerve: float = 0.35, turn: float = 6.0) -> Any:
    """In a bow to one's place in the crowd of the digit, or straight home at a third of the speed.

    eager (1/s): speed per distance near the goal. swerve: how far to the left of the goal one heads. turn (1/s): how
    fast one takes up the speed wished for.
    """

    @system(reads=[Vote.digit, Body.home, Body.place], writes=[Body.vel])
    def walk(world: World, dt: float) -> None:
        xp, unit = world.backend.xp, np.float32(world.size[0] / SIZE[0])
        centres = world.backend.array(np.array([*FIELDS, (0, 0)], np.float32) * unit)
        for table in world.tables_with(Vote.digit, Body.place):
            vote = table.column(Vote.digit)
            votes = xp.bincount(vote + 1, minlength=11)[1:].astype(np.float32)
            radii = xp.zeros(11, np.float32)
            radii[:10] = np.float32(RADIUS) * unit * xp.sqrt(votes / np.float32(table.n))
            goal = centres[vote] + radii[vote][:, None] * table.column(Body.place)
            goal = xp.where((vote < 0)[:, None], table.column(Body.home), goal)
            way = goal - table.column(Body.pos)
            wish, bow = np.float32(eager) * way, xp.where(vote < 0, np.float32(0), np.float32(eager * swerve))
            wish[:, 0] -= bow * way[:, 1]
            wish[:, 1] += bow * way[:, 0]
            fast = xp.sqrt(wish[:, 0] * wish[:, 0] + wish[:, 1] * wish[:, 1])
            limit = xp.where(vote < 0, np.float32(1 / 3), np.float32(1)) * table.column(Body.speed)
            wish *= (limit / xp.maximum(fast, limit))[:, None]
            table.column(Body.vel)[:] += (wish - table.column(Body.vel)) * np.float32(min(1.0, turn * dt))

    return walk


# --- what is promised, watched and drawn ------------------------------------------------------------------------------


def votes(world: World) -> np.ndarray:
    """How many read each digit, int64 [10]; the rest of the agents is undecided."""
    return np.bincount(world.backend.host(world.tables["reader"].column(Vote.digit)) + 1, minlength=11)[1:]


def accuracy(world: World, x: np.ndarray, y: np.ndarray) -> float:
    """The share of pictures x uint8 [M, 64] (see `digits_eye.see`) whose digit y [M] gets most of the crowd's votes."""

    sure = np.float32(world.resources["sure"])

    def cast(logits: np.ndarray) -> np.ndarray:
        second, first = np.moveaxis(np.partition(logits, -2, axis=2)[:, :, -2:], 2, 0)
        return ((logits == first[:, :, None]) & (first - second >= sure)[:, :, None]).sum(axis=0)

    shares = mean_outputs(world.tables["reader"].brains.to("cpu"), x, total=cast)
    return float((shares.argmax(axis=1) == y).mean())


def check(world: World) -> None:
    """The crowd reads at least 95% of the held-out digits, and who has long read a digit stands in its field.

    Raises `SceneError`.
    """
    found = accuracy(world, *held_out())
    if found < 0.95:
        raise SceneError(
            f"digits: the crowd reads {found:.1%} of the held-out digits, 95% are promised. Train longer: epochs=10."
        )
    host, unit = world.backend.host, world.size[0] / SIZE[0]
    table = world.tables["reader"]
    vote, steady, pos = (host(table.column(column)) for column in (Vote.digit, Vote.steady, Body.pos))
    settled = (vote >= 0) & (steady >= STEADY)
    away = np.linalg.norm(pos[settled] - np.array(FIELDS, np.float32)[vote[settled]] * unit, axis=1)
    if settled.any() and away.max() > RADIUS * unit:
        raise SceneError(
            f"digits: at tick {world.tick} an agent that has read {vote[settled][away.argmax()]} for {STEADY} ticks is"
            f" {away.max():.1f} m from the middle of that field, whose radius is {RADIUS * unit:.1f} m."
        )


def statistics(world: World) -> dict[str, float]:
    """Numbers worth watching."""
    count = votes(world)
    n = max(1, world.tables["reader"].n)
    return {"votes cast": float(count.sum()), "for the winner (%)": 100 * float(count.max()) / n}


def look(world: World) -> tuple[Look, ...]:
    """Agents as discs in the colour of the digit they read; grey specks while they read none."""
    return (
        Look(
            "reader", Body.pos, heading=Body.vel, colour=Vote.digit, limits=(-1.0, 9.0), palette="kinds",
            strength=Vote.sure, size=0.45 * world.size[0] / SIZE[0], glow=0.12, shape="disc", label="readers",
        ),
    )  # fmt: skip


def marks(world: World) -> Iterator[Any]:
    """The fields with their shares, the canvas, and what the brains see of it."""
    host, r = world.backend.host, world.resources
    return marks_of(
        world.size[0] / SIZE[0], votes(world), world.tables["reader"].n, host(r["strokes"]), host(r["picture"])
    )
