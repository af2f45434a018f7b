"""What recording costs: 20 statistics every 10 ticks in a world of foragers, as a share of the run.

python tools/recording.py [AGENTS] [TICKS]

The time within `world.records` is taken in the run itself; beside it stretches of 50 ticks with and without recording
take turns, and their medians are compared.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import swarm
from swarm.record import Records
from swarm.scenes.foragers import Body, Energy, Line, steady

STRETCH = 50


def statistics() -> dict[str, object]:
    """Twenty of them, over four columns."""
    found: dict[str, object] = {"alive": swarm.count("forager"), "energy": swarm.sum(Energy.level)}
    for q in (0.1, 0.9):
        found[f"energy {q}"] = swarm.quantile(Energy.level, q)
    for column in (Energy.level, Body.pos, Body.vel, Line.generation):
        for reduce in (swarm.mean, swarm.std, swarm.min, swarm.max):
            found[f"{reduce.__name__} {column.key}"] = reduce(column)
    return found


def main(agents: int = 20_000, ticks: int = 1000) -> None:
    """Measure and print."""
    world = swarm.scene("foragers", seed=1, **steady(agents))
    for _ in range(200):
        world.step()
    inside, spent = Records.note, [0.0]

    def timed(self: Records, world: swarm.World) -> None:
        begun = perf_counter()
        inside(self, world)
        spent[0] += perf_counter() - begun

    Records.note = timed  # type: ignore[method-assign]
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        asked = statistics()
        world.records.add(world, Path(folder) / "foragers.csv", 10, None, asked)
        recording, silent = world.records, Records()
        for k in range(max(2, ticks // STRETCH)):
            world.records = recording if k % 2 else silent
            begun = perf_counter()
            for _ in range(STRETCH):
                world.step()
            seconds[bool(k % 2)].append(perf_counter() - begun)
        recording.close()
    with_, without = median(seconds[True]) / STRETCH, median(seconds[False]) / STRETCH
    print(f"{len(asked)} statistics every 10 ticks, {world.counts()['forager']:,} foragers, {world.threads} threads")
    print(f"within recording: {spent[0] / sum(seconds[True]):.2%} of the run")
    print(f"a tick: {1e3 * with_:.2f} ms with, {1e3 * without:.2f} ms without, {with_ / without - 1:+.2%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
