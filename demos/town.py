"""Town: people on their way through the day, every one by a brain, and one of them is you.

Watch for: streams that turn with the hours, and crowds at the gates. You go where you click. `town.py F.png`.
"""

import sys

import swarm
from swarm.render import follow, screenshot, watch

world = swarm.scene("town", agents=1_200, day=60, seed=4)   # settings of the scene, as --set day=60 on the command line
if len(sys.argv) == 1:
    watch(world, colour="scene")
else:
    figures = follow(world, ticks=900)
    screenshot(world, sys.argv[1], figures=figures)
who = int(world.tables["stray"].ids()[0])
print(world.inspect(who))                                   # what one of them senses, thinks and does, with names
