"""The time machine: states of a world within a byte budget, any tick between them, and branches where a run changed."""

from swarm.moments.machine import Kept, Moments
from swarm.moments.timeline import Curve

__all__ = ["Curve", "Kept", "Moments"]
