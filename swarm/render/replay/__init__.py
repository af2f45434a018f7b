"""A recording as one HTML file that plays in any browser and opens the brains: see `writer`.

with ReplayWriter("foragers.html", world) as replay:
    for _ in range(2000):
        world.step()
        replay.note(world)
"""

from swarm.render.replay.writer import ReplayWriter

__all__ = ["ReplayWriter"]
