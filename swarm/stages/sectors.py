"""Sectors: what other entities are around, by direction. A sense, its contract and the NumPy reference.

Sector k covers the angles [2 pi k / n, 2 pi (k + 1) / n) in the world frame, counter-clockwise from +x; with a heading
all is turned so that sector 0 lies around straight ahead, half of it to either side. Which side of a boundary an entity
is on is decided by the sign of one cross product, so that no angle is ever computed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.around import (
    OfOthers,
    around,
    at_least_one,
    flags,
    labels_of,
    need_flag,
    need_values,
    values,
    width_of,
)
from swarm.stages.directions import edges, placed
from swarm.stages.frame import forward, need_heading
from swarm.stages.grid import Packed
from swarm.stages.near import outside, pairs
from swarm.stages.stage import Cost, need_column, positive
from swarm.stages.sums import cost as cost_of_sums

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker

CLOSENESS, COUNT, DISTANCE = range(3)
REDUCE = ("closeness", "count", "distance", "sum", "mean")


class Sectors(OfOthers):
    """Numbers about the entities with position column `of` within `radius` metres, for each of `n` directions.

    reduce: "closeness" is the largest 1 - distance / radius in the sector, 0 if nobody is there; "distance" the
    smallest distance / radius, 1 if nobody is; "count" how many are; "sum" and "mean" are of `column` of those that
    are, 0 if nobody is: a column of the others, or (column, scale), n numbers for every number in a row of it.
    heading: the seeker's own column, f32 (an angle, rad) or f32(2) (a direction): sector 0 is then straight ahead.
    where: a bool column of the others; only those that have it set are sensed.
    An entity at the very same place counts as straight ahead, sector 0; nobody senses itself.
    Raises `SettingsError` and `SchemaError`.
    """

    def __init__(
        self,
        n: int,
        radius: float,
        of: Column,
        reduce: str = "closeness",
        column: Any = None,
        heading: Column | None = None,
        where: Column | None = None,
    ) -> None:
        self.n = at_least_one(n, "n", "Sectors")
        if reduce not in REDUCE:
            raise SettingsError(f"Sectors: reduce is {reduce!r}. Choose one of {', '.join(REDUCE)}.")
        if (column is not None) != (reduce in REDUCE[3:]):
            wanted = 'needs a column of the others, such as column=Energy.level' if column is None else (
                'takes no column; "sum" and "mean" do'
            )  # fmt: skip
            raise SettingsError(f"Sectors: reduce={reduce!r} {wanted}.")
        self.reduce = reduce
        self.radius = positive(radius, "radius", "Sectors")
        self.of = need_column(of, (2,), np.float32, "Sectors")
        self.columns = () if column is None else need_values((column,), "Sectors")
        self.heading, self.where = need_heading(heading, "Sectors"), need_flag(where, "Sectors")
        self.edges = edges(self.n)

    @property
    def width(self) -> int:
        """How many senses this makes."""
        return self.n * (width_of(self.columns) or 1)

    @property
    def plain(self) -> bool:
        """Whether there are kernels for it on a graphics card, too: closeness or count of all in the world frame."""
        return self.reduce in REDUCE[:2] and self.heading is None and self.where is None

    @property
    def reads(self) -> tuple[Any, ...]:
        """What the schedule must have made before."""
        also = (*(column for column, _ in self.columns), self.heading, self.where)
        return (("index", self.of), *(column for column in also if column is not None))

    @property
    def needs(self) -> dict[Column, float]:
        """How far this looks, m."""
        return {self.of: self.radius}

    def labels(self, name: str) -> list[str]:
        """One label per sense: "food 0..45 deg", "food -22.5..22.5 deg Energy.level (J)"."""
        angles = [f"{360 * k / self.n - self.first:g}" for k in range(self.n + 1)]
        about = [f" {label}" for label in labels_of(self.columns)] or [""]
        return [f"{name} {a}..{b} deg{what}" for a, b in pairwise(angles) for what in about]

    @property
    def first(self) -> float:
        """How far clockwise of straight ahead (of +x without a heading) sector 0 begins, degrees."""
        return 0.0 if self.heading is None else 180 / self.n

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, what is sensed, geometry: sector 0 begins at `from` degrees in the frame."""
        about = {"sense": "sectors", "of": self.of.key, "n": self.n, "radius": self.radius, "reduce": self.reduce}
        if self.columns:
            about["columns"] = labels_of(self.columns)
        if self.heading is not None:
            about |= {"frame": self.heading.key, "from": -self.first}
        return about if self.where is None else about | {"where": self.where.key}

    def look(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """See `OfOthers.look`."""
        grid, about = around(world, seeker, self.of, self.radius, "Sectors")
        if self.plain and self.of is not seeker.column:
            about = about._replace(first=-1)  # as on a graphics card: only where somebody looks from is it itself
        frame = np.empty((0, 2), np.float32)
        if self.heading is not None:
            frame = forward(world, seeker.table, self.heading, "Sectors", by=-np.pi / self.n)
        flag, how = flags(world, grid, self.where), (np.float32(self.radius), self.edges)
        if self.columns:
            kernels = world.backend.twin("swarm.stages.sums")
            carried = values(world, grid, self.columns, "Sectors")
            return kernels.sums(*about, *how, frame, flag, carried, self.reduce == "mean", out, at)
        kernel = sectors if world.backend.device is not None else world.backend.twin("swarm.stages.sectors").sectors
        return kernel(*about, *how, REDUCE.index(self.reduce), frame, flag, out, at)

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` seekers."""
        grid = world.indices.get(self.of)
        per_cell = grid.n / grid.cells if grid is not None and grid.n else 1.0
        return cost_of_sums(n, self.width, per_cell) if self.columns else cost(n, self.n, per_cell)


# --- kernels: the reference; sectors_cpu.py has the twin --------------------------------------------------------------


def cost(n: int, sectors: int, per_cell: float) -> Cost:
    """Own position and order read, senses written, nine cells of candidates (12 bytes each) read once per seeker's
    cell; some thirty flops and comparisons a candidate."""
    candidates = 9 * per_cell
    return Cost(int(n * (8 + 4 + 4 * sectors) + n * candidates * 12), int(n * candidates * 30))


def sectors(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, radius: np.float32,
    edges: np.ndarray, what: int, frame: np.ndarray, flag: np.ndarray, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + n] float32 [N, W]; returns the first row that is not inside the world, or -1.

    pos float32 [N, 2] m read; world int32 [N] or empty, as for `near.pairs`; first: entry number of row 0 if `pos` is
    the grid's own column, else -1; visit int32, the order in which rows are handled: entries, row = entry - base,
    others skipped; edges float32 [n, 2] read. what: CLOSENESS, COUNT or DISTANCE. frame float32 [N, 2]: where sector 0
    begins for each, unit vectors, or empty for +x. flag bool by entry, who can be sensed, or empty for all.
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    n = len(edges)
    found = np.zeros(len(pos) * n, np.int64)
    nearest = np.full(len(pos) * n, np.inf, np.float32)
    for pair in pairs(grid, pos, first, float(radius), world):
        place, keep = placed(grid, pair, frame, flag, edges)
        np.add.at(found, place, 1)
        np.minimum.at(nearest, place, pair.d2[keep])
    here = found > 0
    far = np.sqrt(np.where(here, nearest, 0)) / radius
    one = np.float32(1)
    made = found if what == COUNT else np.where(here, far, one) if what == DISTANCE else np.where(here, one - far, 0)
    out[:, at : at + n] = made.reshape(-1, n)
    return -1
