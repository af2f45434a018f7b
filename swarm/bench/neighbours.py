"""`swarm bench neighbours`: cell ids, ordered sort, gather and flocking sums over positions that moved since last time.

Everybody looks one metre far; the world is as large as gives each the asked number of neighbours on average. The sums
are compared with a float64 count over all pairs for a sample of entities.

`--circles` takes the size of the case "circles" of FLAME GPU 2 (1,000,000 agents, 204 neighbours each, of which the
published figure is a whole step: find, add up, move) and times a step, too: index, sums, velocities, positions. Seven
sums of flocking stand in the place of its one force; the weights are 0, so that the crowd stays as even as it was.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.capture import call
from swarm.ecs.component import Component, f32
from swarm.errors import SettingsError
from swarm.stages.flock import SUMS, flock
from swarm.stages.index import index
from swarm.stages.move import move
from swarm.world import World

from . import harness
from .report import Report
from .request import Request

RADIUS = 1.0  # m
SPEED = 0.6  # m/s
TICK = 1 / 60  # s
SAMPLE = 300  # entities whose sums are checked, fewer in a very large crowd
PAIRS = 30_000_000  # that are checked at most
EDGE = 1e-5  # pairs within this share of the radius may fall on either side in float32
BOUND = 2e-4  # relative to the size of a sum's parts

COLUMNS = {
    "agents": ("agents", ",d"),
    "mean": ("neighbours", ".2f"),
    "median_ms": ("pass ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "max_ms": ("max", ".2f"),
    "index_ms": ("index ms", ".2f"),
    "sums_ms": ("sums ms", ".2f"),
    "rate": ("M pairs/s", ".1f"),
}
COLUMNS_CIRCLES = {**COLUMNS, "step_ms": ("step ms", ".2f")}
CIRCLES = 1_000_000, 204.0  # agents, neighbours of each on average


class Body(Component):
    """Where an agent is and how it moves."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


def command(request: Request, neighbours: float | None = None, circles: bool = False) -> None:
    """Measure, print, save."""
    agents, crowd = CIRCLES if circles else (100_000, 17.0)
    neighbours = crowd if neighbours is None else neighbours
    if not neighbours > 0:
        raise SettingsError(f"--neighbours {neighbours}: a mean number of neighbours is above 0.")
    backend = device.choose(request.backend, request.threads)
    columns = COLUMNS_CIRCLES if circles else COLUMNS
    report = Report("neighbours", columns, request.seed, device=backend.device)
    report.settings = {"backend": backend.name, "threads": backend.threads, "radius": RADIUS, "speed": SPEED}
    for count in request.sizes(agents):
        with harness.on(backend):
            report.rows.append(Pass(count, neighbours, request.seed, backend).row(request.repeats or 31, circles))
    report.notes.append("pass: cell ids, ordered sort, gather, seven flocking sums; positions move before each pass.")
    if circles:
        report.notes.append("step: the pass, then velocities and positions; FLAME GPU 2 publishes such a step's time.")
    report.finish(request.json)


class Pass:
    """A crowd on a torus, its index and its flocking sums; `move` lets everybody go on for one tick."""

    def __init__(self, count: int, neighbours: float, seed: int, backend: device.Backend) -> None:
        self.side = math.sqrt(count * math.pi * RADIUS**2 / neighbours)
        self.world = World(size=(self.side, self.side), tick=TICK, backend=backend, seed=seed)
        angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, count)
        vel = SPEED * np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
        self.world.spawn(count, Body(pos=self.world.scatter, vel=vel), name="agent")
        self.index = index(Body.pos, radius=RADIUS)
        self.flock = flock(Body.pos, Body.vel, RADIUS, cohesion=0, alignment=0, separation=0)
        self.drift = move(Body.pos, Body.vel)
        table = self.world.tables["agent"]
        self.pos, self.vel = table.column(Body.pos), table.column(Body.vel)
        if backend.device is not None:
            self.world.step()  # of an empty schedule: tells the device how many live

    def move(self) -> None:
        """One tick of free drift; not part of the measured pass."""
        side, xp = np.float32(self.side), self.world.backend.xp
        self.pos += self.vel * np.float32(TICK)
        xp.mod(self.pos, side, out=self.pos)
        self.pos[self.pos >= side] = 0  # mod may round up to the side itself

    def sort(self) -> None:
        """Cell ids, ordered sort, gather."""
        with self.world.backend.running():
            self.index(self.world, TICK)

    def sum(self) -> Any:
        """The flocking sums, float32 [N, 7], in row order."""
        with self.world.backend.running():
            return self.flock.sums(self.world, self.world.indices[Body.pos])[: len(self.pos)]

    def both(self) -> Any:
        """The whole pass."""
        self.sort()
        return self.sum()

    def step(self) -> None:
        """The pass, and what follows from it: velocities, then positions."""
        with self.world.backend.running():
            for stage in (self.index, self.flock, self.drift):
                call(stage, self.world, TICK)

    def row(self, repeats: int, stepping: bool = False) -> dict[str, Any]:
        """Validate, then measure the pass and its halves, and whole steps if asked; on a card as captured launches."""
        self.move()
        mean = self.validate(self.both())
        backend = self.world.backend
        jobs: dict[str, Any] = {"pass": self.both, "index": self.sort, "sums": self.sum}
        if stepping:
            self.step()
            mean = self.validate(self.both())
            jobs["step"] = self.step
        jobs = harness.recorded(backend, jobs)
        times = harness.interleave(jobs, repeats, before=self.move, clock=harness.clock(backend))
        return {
            "agents": len(self.pos),
            "mean": mean,
            **times["pass"].row(),
            "index_ms": times["index"].median * 1e3,
            "sums_ms": times["sums"].median * 1e3,
            "rate": len(self.pos) * mean / times["pass"].median / 1e6,
            **({"step_ms": times["step"].median * 1e3} if stepping else {}),
        }

    def validate(self, sums: Any) -> float:
        """Compare a sample with float64 sums over all others; returns the mean number of neighbours of everybody.

        Raises `harness.Invalid`. Entities with a neighbour at the very edge of the radius are left out.
        """
        host = self.world.backend.host
        pos, vel, sums = host(self.pos).astype(np.float64), host(self.vel).astype(np.float64), host(sums)
        checked, asked = 0, min(SAMPLE, len(pos), max(20, PAIRS // len(pos)))
        for i in np.random.default_rng(1).choice(len(pos), asked, replace=False):
            offset = pos - pos[i]
            offset -= self.side * np.rint(offset / self.side)
            distance2 = (offset**2).sum(1)
            distance2[i] = np.inf
            if (np.abs(distance2 / RADIUS**2 - 1) < EDGE).any():
                continue
            near = distance2 < RADIUS**2
            push = -offset[near] / np.maximum(distance2[near], RADIUS**2 * 2.0**-20)[:, None]
            parts = np.concatenate([np.ones((near.sum(), 1)), vel[near], offset[near], push], 1)
            bound = BOUND * (1 + np.abs(parts).sum(0).max(initial=0))
            harness.close(f"neighbours of row {i}: {', '.join(SUMS)}", sums[i], parts.sum(0), bound)
            checked += 1
        if checked < asked // 2:
            raise harness.Invalid("neighbours: too few entities could be checked. Nothing is reported.")
        return float(sums[:, 0].mean())
