"""Where agents have been: the way of the selected one, tick by tick."""

from __future__ import annotations

from collections import deque

import numpy as np

from swarm.render.shapes import NONE, stroke

LENGTH = 300  # ticks


class Trail:
    """The last places of one entity. `add` its place once per tick that is seen; `shapes` is what to draw."""

    def __init__(self, world: tuple[float, float]) -> None:
        self.world = np.asarray(world)
        self.id, self.tick = 0, -1
        self.places: deque[tuple[float, float]] = deque(maxlen=LENGTH)

    def add(self, id: int, tick: int, place: tuple[float, float] | None) -> None:
        """Note a place, m. Another entity, or an earlier tick, begins a new trail."""
        if id != self.id or tick < self.tick:
            self.places.clear()
        self.id = id
        if place is not None and (tick != self.tick or not self.places):
            self.places.append(place)
        self.tick = tick

    def shapes(self, colour: str) -> np.ndarray:
        """Rows of `swarm.render.shapes`, fading towards the past; the last tick's way, still under way, is left out."""
        if len(self.places) < 3:
            return NONE
        at = np.array(self.places)[:-1]
        way = np.diff(at, axis=0)
        way -= self.world * np.rint(way / self.world)
        fade = np.linspace(0.0, 1.0, len(way)) ** 1.5
        far = np.hypot(way[:, 0], way[:, 1])
        fade[far > 10.0 * np.median(far) + 1e-3] = 0.0  # it was put somewhere else
        return stroke(at[:-1], way, colour, 0.7 * fade, 1.6, blunt=True)
