"""What was sampled of a run, to be drawn as curves: series over ticks in a fixed number of places.

When the places are used up, either the oldest sample goes, or every second one does and from then on every second one
is kept: such a history reaches back to the start of the run, however long that is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

PLACES = 240


class History:
    """Series of float64 by name, all over the same `ticks`; NaN where a series has no value."""

    def __init__(self, whole: bool = False, places: int = PLACES) -> None:
        self.whole, self.places = whole, places
        self.n = 0
        self.stride = 1  # every how-manieth sample is kept
        self._turn = 0
        self._ticks = np.zeros(places)
        self._series: dict[str, np.ndarray] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._series

    @property
    def ticks(self) -> np.ndarray:
        """float64 [n], rising."""
        return self._ticks[: self.n]

    def series(self, name: str) -> np.ndarray:
        """float64 [n]; all NaN for a name that never came."""
        found = self._series.get(name)
        return np.full(self.n, np.nan) if found is None else found[: self.n]

    def add(self, tick: int, values: Mapping[str, float]) -> None:
        """One sample, later than all others."""
        turn, self._turn = self._turn, self._turn + 1
        if self.n == self.places and turn % self.stride == 0:
            self._make_room()
        if turn % self.stride:
            return
        for name in values:
            if name not in self._series:
                self._series[name] = np.full(self.places, np.nan)
        self._ticks[self.n] = tick
        for name, line in self._series.items():
            line[self.n] = values.get(name, np.nan)
        self.n += 1

    def cut(self, tick: int) -> None:
        """Forget what was sampled at `tick` and later: the world was put back."""
        self.n = int(np.searchsorted(self.ticks, tick))

    def _make_room(self) -> None:
        lines = (self._ticks, *self._series.values())
        if not self.whole:
            for line in lines:
                line[:-1] = line[1:]
            self.n -= 1
            return
        kept = (self.places + 1) // 2
        for line in lines:
            line[:kept] = line[::2].copy()
        self.n, self.stride = kept, 2 * self.stride
