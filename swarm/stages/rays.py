"""Rays: what lies ahead in single directions, among discs and line segments. A sense and its NumPy reference.

    eyes=Rays(8, radius=12, of=(Body.pos, Rock.pos), size=(0.5, Rock.radius), largest=3, walls=(Wall.a, Wall.b))

A ray begins where the agent is and ends after `radius` metres. With d the way to a disc's centre, u the ray, r the
disc's radius, c = d x u and a = d . u the disc is met at a - sqrt(r^2 - c^2). Discs are solid: whoever stands inside
one meets it at distance 0 in every direction. A segment is met where its ends lie on different sides of the ray, by
the signs of the same cross product, so that nothing slips through where two segments share an end.

How others are found was chosen by counting, for 17 others within the radius and 8 rays: walking each ray through the
cells (Amanatides and Woo, 1987) takes it through 2.3 cells, whose neighbours must be looked at as well for discs that
reach over their edge, some 8 x 7 cells of 5 members a seeker, one at a time. Gathering the cells around once gives 50
candidates, four vectors of sixteen, that serve all rays; opposite rays share one line. Segments have a list per cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError
from swarm.stages.around import OfOthers, Scaled, around, at_least_one, by_entry, entries, name_of, need_values, values
from swarm.stages.frame import forward, need_heading, turned
from swarm.stages.grid import Packed, check_radius
from swarm.stages.near import cell_of, outside, pairs
from swarm.stages.segments import Segments, segments_of
from swarm.stages.stage import Cost, need_column, positive

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker

KINDS, VALUE = 1, 2


class Rays(OfOthers):
    """`n` rays of `radius` metres: for each the closeness 1 - distance / radius of the nearest hit, 0 if there is none.

    of: the position column of what is hit, or several; None for walls alone. size: how large their discs are, a radius
    in m or a float32 column of theirs, one for all or one for each. largest: the largest of such columns, m; it says
    how far the index must reach (None: `radius`). Nobody hits itself. walls: the columns of both ends of segments.
    fov: the angle that the rays are spread over, rad. 2 pi: ray k at 2 pi k / n counter-clockwise from straight ahead,
    ray 0 ahead; less: from -fov / 2 on the right to +fov / 2 on the left. heading: the agent's own column, f32 (an
    angle, rad) or f32(2) (a direction), that says where ahead is; None is +x.
    hits: what else is given. True: n numbers per source (the columns of `of`, then the walls), 1 where it was hit,
    unless there is only one source; a column of what is hit, or (column, scale): n values of it, 0 without a hit and
    where the one hit lacks it; False: nothing. Of two at the same closeness the earlier source is hit, then the lower
    id. Raises `SettingsError` and `SchemaError`; in a tick also `SettingsError` for a size that is negative or larger
    than `largest`.
    """

    def __init__(
        self,
        n: int,
        radius: float,
        of: Column | tuple[Column, ...] | None = None,
        size: Any = 0.5,
        walls: tuple[Column, Column] | None = None,
        fov: float = 2 * np.pi,
        heading: Column | None = None,
        hits: Any = True,
        largest: float | None = None,
    ) -> None:
        self.n = at_least_one(n, "n", "Rays")
        self.radius = positive(radius, "radius", "Rays")
        self.largest = self.radius if largest is None else positive(largest, "largest", "Rays")
        self.fov = positive(fov, "fov", "Rays")
        if self.fov > 2 * np.pi + 1e-9:
            raise SettingsError(f"Rays: fov is {fov!r}, must be at most 2 pi rad, a full turn.")
        places = () if of is None else (of,) if isinstance(of, Column) else tuple(of)
        self.of = tuple(need_column(column, (2,), np.float32, "Rays") for column in places)
        self.size = _sizes(size, len(self.of))
        self.walls = None if walls is None else _both_ends(walls)
        if not self.of and self.walls is None:
            raise SettingsError("Rays: nothing to hit. Give of=Body.pos, walls=(Wall.a, Wall.b) or both.")
        self.heading = need_heading(heading, "Rays")
        self.sources = [column.key for column in self.of] + ([] if self.walls is None else [_name(self.walls)])
        self.value: tuple[Scaled, ...] = () if isinstance(hits, bool) else need_values((hits,), "Rays")
        if self.value and self.value[0][0].shape:
            raise SchemaError(
                f"Rays: hits {self.value[0][0].key} has shape {self.value[0][0].shape}, must be one number."
            )
        self.hits = VALUE if self.value else KINDS if hits and len(self.sources) > 1 else 0
        self.width = self.n * (1, 1 + len(self.sources), 2)[self.hits]
        self.ways = ways(self.n, self.fov)
        also = [s for s in self.size if isinstance(s, Column)] + [column for column, _ in self.value]
        also += [*(self.walls or ()), *([] if self.heading is None else [self.heading])]
        self.reads = (*(("index", column) for column in self.of), *also)
        self.needs = {column: self.radius + self.reach(s) for column, s in zip(self.of, self.size, strict=True)}

    def reach(self, size: Any) -> float:
        """The radius of the largest disc of one source, m."""
        return self.largest if isinstance(size, Column) else size

    def labels(self, name: str) -> list[str]:
        """One label per sense: "eyes 45 deg", its closeness, for all rays; then "eyes 45 deg is Body.pos" or values."""
        at = [f"{name} {np.degrees(angle):g} deg" for angle in angles(self.n, self.fov)]
        more = ([], [f"is {source}" for source in self.sources], [f"hit {c.key}" for c, _ in self.value])[self.hits]
        return at + [f"{ray} {what}" for what in more for ray in at]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, what is hit, geometry: the rays' angles in degrees from `frame`."""
        sizes = [s.key if isinstance(s, Column) else s for s in self.size]
        return {
            "sense": "rays", "of": self.sources, "n": self.n, "radius": self.radius, "sizes": sizes,
            "angles": np.degrees(angles(self.n, self.fov)).tolist(),
            "frame": "world" if self.heading is None else self.heading.key,
            "hits": ("none", "kinds", "value")[self.hits],
        }  # fmt: skip

    def look(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """See `OfOthers.look`: one source after the other, each replaces what it is nearer than."""
        kernels, radius = world.backend.twin("swarm.stages.rays"), np.float32(self.radius)
        frame = np.empty((0, 2), np.float32)
        if self.heading is not None:
            frame = forward(world, seeker.table, self.heading, "Rays")
        bad, eyes = -1, (radius, self.ways, self.fov >= 2 * np.pi - 1e-9 and self.n % 2 == 0, frame)
        for source, (column, size) in enumerate(zip(self.of, self.size, strict=True)):
            grid, about = around(world, seeker, column, self.needs[column], "Rays")
            sizes = self.sizes(world, grid, size)
            slots, value = np.empty(0, np.uint32), np.empty((0, 1), np.float32)
            if self.hits == VALUE:
                slots = by_entry(world, grid, "slots", np.uint32)
                value = self.carried(world, grid)
            reach = np.float32(self.needs[column])
            what = self.hits, source, len(self.sources)
            bad = kernels.discs(*about, reach, *eyes, sizes, slots, value, *what, out, at)
            if bad >= 0:
                return bad
        if self.walls is not None:
            check_radius(self.radius, world.size, "Rays")
            index = segments_of(world, *self.walls, self.radius)
            value = self.of_walls(world, index)
            what = self.hits, len(self.of), len(self.sources)
            who = seeker.pos, seeker.world, seeker.visit, seeker.base
            bad = kernels.walls(index, *who, *eyes, value, *what, out, at)
        return bad

    def sizes(self, world: Any, grid: Any, size: Any) -> np.ndarray:
        """float32 [1], or by entry: the discs' radii, m. Raises `SettingsError`."""
        if not isinstance(size, Column):
            return np.full(1, size, np.float32)
        found = by_entry(world, grid, size, np.float32)[: entries(grid)]
        bad = ~((found >= 0) & (found <= np.float32(self.largest)))
        if bad.any():
            entry = int(np.argmax(bad))
            raise SettingsError(
                f"Rays: {name_of(world, grid, entry)} has {size.key} = {found[entry]:g}. Sizes must be 0 to "
                f"{self.largest:g} m; Rays(..., largest=...) says how far to look for the largest."
            )
        return found

    def carried(self, world: Any, grid: Any) -> np.ndarray:
        """float32 [entries, 1]: what is given of those hit; 0 where a whole source lacks it."""
        if not any(table.has(self.value[0][0]) for table in grid.tables):
            return np.zeros((entries(grid), 1), np.float32)
        return values(world, grid, self.value, "Rays")

    def of_walls(self, world: Any, index: Segments) -> np.ndarray:
        """float32 [M]: the same of the segments, by number."""
        found = np.zeros(index.count, np.float32)
        if self.hits == VALUE and index.count and self.walls is not None:
            column, scale = self.value[0]
            tables = world.tables_with(*self.walls)
            parts = [world.backend.host(t.column(column)) if t.has(column) else np.zeros(t.n) for t in tables]
            found[:] = np.concatenate(parts)[index.order].astype(np.float32) * np.float32(scale)
        return found

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents."""
        total = Cost(0, 0)
        for column in self.of:
            grid = world.indices.get(column)
            each = cost(n, self.n, self.width, grid.n / grid.cells if grid is not None and grid.n else 1.0)
            total = Cost(total.bytes + each.bytes, total.flops + each.flops)
        return total if self.of else cost(n, self.n, self.width, 0.0)


def _sizes(size: Any, count: int) -> tuple[Any, ...]:
    given = tuple(size) if isinstance(size, (tuple, list)) else (size,) * count
    if len(given) != count:
        raise SettingsError(
            f"Rays: {len(given)} sizes for {count} position columns. Give one for all, or one for each."
        )
    for one in given:
        if isinstance(one, Column):
            need_column(one, (), np.float32, "Rays")
        elif isinstance(one, bool) or not isinstance(one, (int, float, np.number)) or not 0 <= one < np.inf:
            raise SettingsError(f"Rays: size is {one!r}, must be a radius in m, 0 or more, or a column of what is hit.")
    return tuple(one if isinstance(one, Column) else float(one) for one in given)


def _both_ends(walls: Any) -> tuple[Column, Column]:
    if not isinstance(walls, (tuple, list)) or len(walls) != 2:
        raise SchemaError(f"Rays: walls is {walls!r}; give the columns of both ends, (Wall.a, Wall.b).")
    return need_column(walls[0], (2,), np.float32, "Rays"), need_column(walls[1], (2,), np.float32, "Rays")


def _name(walls: tuple[Column, Column]) -> str:
    return f"{walls[0].key}..{walls[1].name}"


def angles(n: int, fov: float) -> np.ndarray:
    """Where the rays point, rad from straight ahead, float64 [n]."""
    if fov >= 2 * np.pi - 1e-9:
        return 2 * np.pi * np.arange(n) / n
    return np.linspace(-fov / 2, fov / 2, n) if n > 1 else np.zeros(1)


def ways(n: int, fov: float) -> np.ndarray:
    """The rays as unit vectors float32 [n, 2], straight ahead is +x; opposite rays are exactly so."""
    way = turned(angles(n, fov))
    way[np.abs(way) < 1e-7] = 0
    if fov >= 2 * np.pi - 1e-9 and n % 2 == 0:
        way[n // 2 :] = -way[: n // 2]
    return way


# --- kernels: the reference; rays_cpu.py has the twin -----------------------------------------------------------------


def cost(n: int, rays: int, width: int, per_cell: float) -> Cost:
    """Own position and order read, senses written, nine cells of candidates (12 bytes each) read once per seeker's
    cell; twelve flops a candidate and six for every two rays; segments are few."""
    candidates = 9 * per_cell
    return Cost(int(n * (12 + 4 * width) + n * candidates * 12), int(n * candidates * (12 + 3 * rays)))


def discs(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, reach: np.float32,
    radius: np.float32, ways: np.ndarray, opposite: bool, frame: np.ndarray, size: np.ndarray, slots: np.ndarray,
    value: np.ndarray, hits: int, source: int, sources: int, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Rays against discs: update out[:, at : at + width] float32 [N, W]; returns a row outside the world, or -1.

    grid .. base: an `Around`. reach: how far centres can be, m. ways float32 [n, 2]; opposite: ray k + n / 2 is -ray k.
    frame float32 [N, 2], unit vectors, or empty for +x. size float32 m, one or by entry. Where hits is VALUE, by entry:
    slots uint32, which ties go by, and value float32 [entries, 1]. Source 0 writes, later ones replace what is less
    close.
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    n = len(ways)
    near, kept = np.full((len(pos), n), np.inf, np.float32), np.zeros((len(pos), n), np.float32)
    for pair in pairs(grid, pos, first, float(reach), world):
        entry = grid.entry[pair.p]
        r = size[entry] if len(size) > 1 else size[0]
        for k in range(n):
            ux, uy = _turned(ways[k], frame, pair.i)
            along, across = pair.dx * ux + pair.dy * uy, pair.dx * uy - pair.dy * ux
            gap = r * r - across * across
            root = np.sqrt(np.maximum(gap, 0))
            hit = np.flatnonzero((gap >= 0) & (along + root >= 0))
            i, t = pair.i[hit], np.maximum((along - root)[hit], np.float32(0))
            if hits == VALUE:
                best = np.lexsort((slots[entry[hit]], t, i))
                rows, chosen = np.unique(i[best], return_index=True)
                near[rows, k], kept[rows, k] = t[best][chosen], value[entry[hit[best[chosen]]], 0]
            else:
                np.minimum.at(near[:, k], i, t)
    _keep(near, kept, radius, hits, source, sources, out, at)
    return -1


def walls(
    index: Segments, pos: np.ndarray, world: np.ndarray, visit: np.ndarray, base: int, radius: np.float32,
    ways: np.ndarray, opposite: bool, frame: np.ndarray, value: np.ndarray, hits: int, source: int, sources: int,
    out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Rays against segments: as `discs`. value float32 [M] by the segment's number."""
    bad = outside(pos, index.width, index.height)
    if bad >= 0:
        return bad
    n = len(ways)
    near, kept = np.full((len(pos), n), np.inf, np.float32), np.zeros((len(pos), n), np.float32)
    column, row = cell_of(pos, index)  # type: ignore[arg-type]
    cell = row * index.columns + column + (world * (index.rows * index.columns) if len(world) else 0)
    low, high = index.start[cell].astype(np.int64), index.start[cell + 1].astype(np.int64)
    for nth in range(int((high - low).max(initial=0))):  # the nth segment of everybody's list
        i = np.flatnonzero(low + nth < high)
        p = low[i] + nth
        ax, ay, bx, by = (
            end[p] - pos[i, axis] for end, axis in ((index.ax, 0), (index.ay, 1), (index.bx, 0), (index.by, 1))
        )
        for k in range(n):
            ux, uy = _turned(ways[k], frame, i)
            ca, cb = ax * uy - ay * ux, bx * uy - by * ux
            fa, fb = ax * ux + ay * uy, bx * ux + by * uy
            apart = ca - cb
            crossed = ((ca <= 0) & (cb >= 0)) | ((ca >= 0) & (cb <= 0))
            level = apart == 0  # the ray runs along the segment
            t = fa + ca / np.where(level, np.float32(1), apart) * (fb - fa)
            t = np.where(level, np.maximum(np.minimum(fa, fb), np.float32(0)), t)
            hit = crossed & (t >= 0) & (~level | (np.maximum(fa, fb) >= 0)) & (t < near[i, k])
            near[i[hit], k] = t[hit]
            kept[i[hit], k] = value[index.which[p[hit]]]
    _keep(near, kept, radius, hits, source, sources, out, at)
    return -1


def _turned(way: np.ndarray, frame: np.ndarray, i: np.ndarray) -> tuple[Any, Any]:
    """One ray of the agents in rows i."""
    if not len(frame):
        return way[0], way[1]
    c, s = frame[i].T
    return c * way[0] - s * way[1], s * way[0] + c * way[1]


def _keep(
    near: np.ndarray,
    kept: np.ndarray,
    radius: np.float32,
    hits: int,
    source: int,
    sources: int,
    out: np.ndarray,
    at: int,
) -> None:
    """Turn distances [N, n] into closeness, and write it where it is larger than what is there."""
    n = near.shape[1]
    close = np.where(near < radius, np.float32(1) - near / radius, np.float32(0))
    block = out[:, at : at + n * (1, 1 + sources, 2)[hits]].reshape(len(out), -1, n)
    if source == 0:
        block = np.zeros_like(block)
    better = close > block[:, 0]
    block[:, 0][better] = close[better]
    if hits == KINDS:
        for k in range(sources):
            block[:, 1 + k][better] = k == source
    elif hits == VALUE:
        block[:, 1][better] = kept[better]
    out[:, at : at + block.shape[1] * n] = block.reshape(len(out), -1)
