"""Ants: trails that nobody has planned, over a field that spreads and fades. No brains.

Watch for: thin threads to a pile that thicken to roads, and dissolve when the pile is gone. `ants.py F.png`.
"""

import sys

import swarm
from swarm.render import follow, screenshot, watch

world = swarm.scene("ants", agents=1_500, seed=1)
if len(sys.argv) == 1:
    watch(world)
else:
    figures = follow(world, ticks=1_500)
    screenshot(world, sys.argv[1], figures=figures)
trail = world.backend.host(world.resources["field trail"])  # a field is an array [rows, columns]
print(f"{(trail > 0.5).mean():.1%} of the ground is trail; the strongest is {trail.max():.1f}")
