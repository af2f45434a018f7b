"""Digits: two thousand networks read what is drawn, and walk to what they read.

Watch for: the crowd goes to one digit, a few are elsewhere. Draw with the left button. `digits.py F.png`.
"""

import sys

import numpy as np

import swarm
from swarm.render import follow, screenshot, watch

world = swarm.scene("digits", seed=0)
if len(sys.argv) == 1:
    watch(world)
else:
    figures = follow(world, ticks=240)
    screenshot(world, sys.argv[1], figures=figures)
Vote = next(component for component in world.tables["reader"].components if component.__name__ == "Vote")
for readers in world.query(Vote):
    votes = np.bincount(readers[Vote].digit + 1, minlength=11)[1:]
    print(f"votes for 0 to 9: {votes}; {votes.max() / len(readers):.0%} agree")
