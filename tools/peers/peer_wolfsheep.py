"""Wolf and sheep: Mesa's own example against our scene, with the same rules and settings, 10,000 animals.

Two programs with different random numbers agree in distribution only: compared are the numbers of sheep and of wolves
after ten steps from the start. Then a step each in turns, both worlds growing older together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from side_by_side import Peer, gather, race

import swarm
from swarm.backend import device
from swarm.bench.report import Report

STEPS = 10
BOUND = 0.15  # of the natural logarithms of both counts


def compare(words: argparse.Namespace, report: Report) -> None:
    """A whole step each, of worlds of the same age."""
    backend = device.choose("cpu", words.threads)
    settings = {"agents": words.agents or 10_000, "seed": words.seed, "wits": True, "backend": backend}
    world = swarm.scene("wolfsheep", **settings)

    def counts() -> np.ndarray:
        fresh = swarm.scene("wolfsheep", **settings)
        for _ in range(STEPS):
            fresh.step()
        return np.log([fresh.counts()["sheep"], fresh.counts()["wolf"]])

    report.settings |= {"agents": settings["agents"], "threads": backend.threads}
    peers = gather(report, "mesa", lambda: with_mesa(world))
    race(report, Peer("swarm", world.step, counts), peers, BOUND, words.repeats)
    alive = ", ".join(f"{count:,} {name}" for name, count in world.counts().items())
    report.notes.append(f"a whole step each, in turns; at the end there are {alive} in ours")


def with_mesa(world: swarm.World) -> Iterator[Peer]:
    """The model of mesa.examples, as it is."""
    from mesa.examples.advanced.wolf_sheep.agents import Sheep, Wolf
    from mesa.examples.advanced.wolf_sheep.model import WolfSheep
    from mesa.experimental.devs import ABMSimulator

    assert world.scene is not None
    s, side, start = world.scene["settings"], int(world.size[0]), world.counts()

    def fresh() -> tuple[ABMSimulator, WolfSheep]:
        simulator = ABMSimulator()
        model = WolfSheep(
            width=side, height=side, initial_sheep=start["sheep"], initial_wolves=start["wolf"],
            sheep_reproduce=s["sheep_reproduce"], wolf_reproduce=s["wolf_reproduce"], seed=s["seed"],
            sheep_gain_from_food=s["sheep_gain"], wolf_gain_from_food=s["wolf_gain"], grass_regrowth_time=s["regrow"],
            simulator=simulator,
        )  # fmt: skip
        return simulator, model

    def counts() -> np.ndarray:
        simulator, model = fresh()
        simulator.run_for(STEPS)
        return np.log([len(model.agents_by_type[kind]) for kind in (Sheep, Wolf)])

    simulator, _ = fresh()
    yield Peer("mesa wolf_sheep", lambda: simulator.run_for(1), counts)
