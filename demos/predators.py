"""Predators: hares and foxes with brains of their own; every bite is an event that anybody may count.

Watch for: foxes multiply until hares are scarce, then both hold. `predators.py F.png` makes a picture.
"""

import sys

import swarm
from swarm.render import follow, screenshot, watch

world = swarm.scene("predators", agents=1_500, seed=3)      # the shipped scene; its WATCH is shown in the window
world.watch(swarm.Bite)                                     # recorded from the next tick on
bites = []


def count(world, dt):                                       # a rule of one's own at the end of every tick
    bites.append(len(world.events(swarm.Bite).ids))


world.schedule = (*world.schedule, count)
if len(sys.argv) == 1:
    watch(world)
else:
    figures = follow(world, ticks=900)
    screenshot(world, sys.argv[1], figures=figures)
print(f"{sum(bites):,} bites in {world.tick:,} ticks; now {world.counts()}")
