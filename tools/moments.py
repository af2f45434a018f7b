"""What the time machine costs: foragers on the cpu backend, with the default budget of 1 GiB.

    python tools/moments.py [AGENTS] [TICKS]

Runs a steady population of AGENTS (10,000) for TICKS (200) with a state every 16 ticks and prints: bytes of a state per
agent, and of its genome; milliseconds of a tick, of taking a state, of looking when none is due, of going back to a
state, and of going to the tick before one. Then how far the budget reaches before the first state is given up, by the
bytes that a tick adds. Medians.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import swarm
from swarm.scenes.foragers import steady


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Milliseconds of a call, and what it returned."""
    before = perf_counter()
    found = function(*arguments)
    return 1e3 * (perf_counter() - before), found


def main() -> None:
    """Print the figures."""
    agents = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    ticks = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    world = swarm.scene("foragers", seed=1, backend="cpu", **steady(agents))
    for _ in range(20):
        world.step()
    first, moments = timed(swarm.Moments, world)
    start, genomes = moments.bytes, world.tables["forager"].brains.layout.count * 4 * agents
    tick, note, idle = [], [], []
    for _ in range(ticks):
        tick.append(timed(world.step)[0])
        took, taken = timed(moments.note, world)
        (note if taken else idle).append(took)
    held, states = moments.bytes, len(moments.ticks)
    marks, last, hash_ = moments.ticks.tolist(), world.tick, world.hash()
    back = [timed(moments.go, world, mark)[0] for mark in marks[-2:0:-1][:7]]
    between = [timed(moments.go, world, mark - 1)[0] for mark in marks[-2:0:-1][:3]]
    moments.go(world, last)
    if world.hash() != hash_:
        raise SystemExit("The world did not come back.")
    born, grows = world.tables["forager"].born_total / world.tick, (held - start) / ticks
    share = median(note) / moments.every / median(tick)
    print(f"foragers, {world.counts()['forager']:,} of {agents:,}, {world.threads} threads, {born:.1f} born a tick")
    print(f"  first state         {start / agents:10,.0f} bytes per agent, of it the genome {genomes / agents:,.0f}")
    print(f"  then                {grows / agents:10.1f} more a tick: {states} states, {held / 2**20:.1f} MiB in all")
    print(f"  a tick              {median(tick):10.2f} ms")
    print(f"  first state         {first:10.2f} ms")
    print(f"  a state             {median(note):10.2f} ms, {share:.1%} of the run at one in {moments.every} ticks")
    print(f"  looking             {median(idle):10.3f} ms")
    print(f"  back to a state     {median(back):10.2f} ms")
    print(f"  to the tick before  {median(between):10.2f} ms")
    print(f"  1 GiB is full after {(moments.budget - start) / grows:10,.0f} ticks; then older states are thinned out")


if __name__ == "__main__":
    main()
