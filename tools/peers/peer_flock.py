"""A flocking step: Mesa's continuous space against our index, flock and move stages, from the same positions.

Both do two phases: everybody looks, then everybody goes. Compared are the mean positions' and velocities' changes after
one step from one state.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from side_by_side import Peer, gather, race

from swarm.backend import device
from swarm.bench.neighbours import RADIUS, TICK, Body, Pass
from swarm.bench.report import Report
from swarm.stages.move import move

NEIGHBOURS = 17
BOUND = 1e-3  # m/s, over every agent's velocity after one step


def compare(words: argparse.Namespace, report: Report) -> None:
    """A whole step each; every step starts from the same state."""
    backend = device.choose("cpu", words.threads)
    crowd = Pass(words.agents or 2_000, NEIGHBOURS, words.seed, backend)
    crowd.world.schedule = (crowd.index, crowd.flock, move(Body.pos, Body.vel))
    start = crowd.pos.copy(), crowd.vel.copy()
    report.settings |= {"agents": len(crowd.pos), "neighbours": NEIGHBOURS, "threads": backend.threads}
    report.notes.append(f"{len(crowd.pos):,} agents, {NEIGHBOURS} neighbours each, a whole step")

    def reset() -> None:
        table = crowd.world.tables["agent"]
        table.column(Body.pos)[:], table.column(Body.vel)[:] = start

    def velocity() -> np.ndarray:
        return np.array(crowd.world.tables["agent"].column(Body.vel))

    peers = gather(report, "mesa", lambda: with_mesa(crowd, *start))
    race(report, Peer("swarm", crowd.world.step, velocity), peers, BOUND, words.repeats, before=reset)


def with_mesa(crowd: Pass, pos: np.ndarray, vel: np.ndarray) -> Iterator[Peer]:
    """The structure of Mesa's own boids example, with our rule, in two phases."""
    import mesa
    from mesa.experimental.continuous_space import ContinuousSpace, ContinuousSpaceAgent

    cohesion, alignment, separation = (float(weight) for weight in crowd.flock.weights)

    class Bird(ContinuousSpaceAgent):
        def __init__(
            self, model: mesa.Model, space: ContinuousSpace, position: np.ndarray, velocity: np.ndarray
        ) -> None:
            super().__init__(space, model)
            self.position = position
            self.velocity = velocity.copy()
            self.next = self.velocity

        def look(self) -> None:
            found, distances = self.get_neighbors_in_radius(radius=RADIUS)
            if not len(found):
                self.next = self.velocity
                return
            offset = self.space.calculate_difference_vector(self.position, agents=found)
            others = np.array([bird.velocity for bird in found])
            push = -(offset / np.maximum(distances, 1e-3)[:, None] ** 2).sum(0)
            urge = cohesion * offset.mean(0) + alignment * (others.mean(0) - self.velocity) + separation * push
            self.next = self.velocity + TICK * urge

        def go(self) -> None:
            self.velocity = self.next
            self.position += TICK * self.velocity

    class Birds(mesa.Model):
        def __init__(self) -> None:
            super().__init__(seed=0)
            side = float(np.float32(crowd.side))
            self.space = ContinuousSpace([[0, side], [0, side]], torus=True, random=self.random, n_agents=len(pos))
            Bird.create_agents(
                self, len(pos), self.space, position=list(pos.astype(float)), velocity=list(vel.astype(float))
            )

        def step(self) -> None:
            self.agents.do("look")
            self.agents.do("go")

    model = Birds()

    def job() -> None:
        model.step()

    def velocity() -> np.ndarray:
        fresh = Birds()
        fresh.step()
        return np.array([bird.velocity for bird in fresh.agents])

    yield Peer("mesa ContinuousSpace", job, velocity)
