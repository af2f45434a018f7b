"""Obstacles that discs do not enter: circles, line segments, solid tiles. The second half of collide.

Every agent for itself is moved out of the obstacle it is deepest in, along the shortest way, up to `TURNS` times: in a
corner one wall after the other. Where two meet at 45 degrees that leaves less than 1% of the radius; narrower, or where
there is no room, more. What it ran into takes the velocity's part along that way, or gives it back.

A segment pushes to the side on which the centre is, or was: with `fastest`, the way of this tick is looked at, too, and
who has crossed a segment goes back. The same for tiles: who came from an open tile into a solid one goes back along its
way to the last open place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.events import Collision
from swarm.errors import SchemaError, SettingsError
from swarm.stages.grid import Packed, check_radius
from swarm.stages.mirror import Mirror, grid_of, kernels_of
from swarm.stages.move import wrap
from swarm.stages.near import cell_of, outside, pairs
from swarm.stages.segments import Segments, segments_of
from swarm.stages.stage import need_column, positive

TURNS = 16  # obstacles an agent is moved out of in one round, at most


class Radius:
    """A radius: a number of m, or a float32 column whose largest value `widest` bounds."""

    def __init__(self, value: Any, widest: Any, name: str) -> None:
        self.column = need_column(value, (), np.float32, "collide") if isinstance(value, Column) else None
        self.name = name
        if self.column is None:
            self.value = self.widest = positive(value, name, "collide")
        elif widest is None:
            raise SettingsError(
                f"collide: {name} is the column {self.column.key}; how far to look? Give widest=, the largest radius."
            )
        else:
            self.value, self.widest = 0.0, positive(widest, "widest", "collide")
        self.reads = () if self.column is None else (self.column,)
        self.key = self.value if self.column is None else self.column.key
        self.remedy = f"Radii are 0 to widest={self.widest:g} m."

    def wrong(self, radius: Any) -> Any:
        """Whether these are no radii."""
        return ~((radius >= 0) & (radius <= np.float32(self.widest)))

    def of(self, world: Any, stage: Any, ours: Mirror, table: Any) -> np.ndarray:
        """float32 [n] m. Raises what `stage.accuse` does for one that is none."""
        if self.column is None:
            return np.full(table.n, self.value, np.float32)
        radius = ours.read(table, self.column)
        wrong = self.wrong(radius)
        if wrong.any():
            stage.accuse(world, table, int(np.argmax(wrong)))
        return radius


class Obstacles:
    """What `collide` was given: circles = (position, radius), segments = (a, b), tiles = a tile map."""

    def __init__(self, circles: Any, segments: Any, tiles: Any, widest: Any) -> None:
        self.circles, self.segments, self.tiles = _pair(circles, "circles"), _pair(segments, "segments"), tiles
        if self.circles is not None:
            need_column(self.circles[0], (2,), np.float32, "collide")
            self.round = Radius(self.circles[1], widest, "the circles' radius")
        for column in self.segments or ():
            need_column(column, (2,), np.float32, "collide")
        if tiles is not None and not hasattr(tiles, "solid_mask"):
            raise SchemaError(f"collide: tiles is {tiles!r}. Give a tile map: swarm.Tiles('walls', cells=(64, 64)).")
        self.any = circles is not None or segments is not None or tiles is not None
        self.reads: tuple[Any, ...] = self.segments or ()
        if self.circles is not None:
            self.reads += (self.circles[0], *self.round.reads, ("index", self.circles[0]))

    def needs(self, widest: float) -> dict[Column, float]:
        """How far agents of at most this radius look for circles."""
        return {} if self.circles is None else {self.circles[0]: widest + self.round.widest}

    def clear(
        self, world: Any, stage: Any, ours: Mirror, table: Any, radius: np.ndarray, dt: float, told: bool
    ) -> None:
        """Move the agents of one table out of all obstacles."""
        kernels = kernels_of(world, "swarm.stages.obstacles")
        pos, within = ours.write(table, stage.pos), ours.read(table, "worlds")
        vel = np.zeros((0, 2), np.float32) if stage.vel is None else ours.write(table, stage.vel)
        sides = np.float32(world.size[0]), np.float32(world.size[1])
        bad = outside(pos, *sides)
        if bad >= 0:
            stage.accuse(world, table, bad)
        found = self.find(world, stage, ours, table)
        way = np.zeros((table.n, 2), np.float32)
        if stage.fastest:
            way += vel * np.float32(dt)
            far = np.sqrt(way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1]) > np.float32(stage.fastest * dt * (1 + 1e-6))
            way[far] = 0
            if self.tiles is not None:
                kernels.back(*found["tiles"], pos, within, way, *sides)
        rows, grain = np.arange(table.n, dtype=np.int32), float(max(sides)) * 2.0**-23
        deep = np.empty(table.n, np.float64)
        normal, which = np.empty((table.n, 2), np.float64), np.empty(table.n, np.int32)
        for turn in range(TURNS):
            some: Any = rows if turn else slice(None)  # at first all of them
            deep[some] = grain  # what rounding of positions leaves is no contact
            about = rows, pos, within, radius, deep, normal, which
            if self.circles is not None:
                kernels.circles(*found["circles"], *about)
                kind = np.where(deep[some] > grain, 1, 0)
            else:
                kind = np.zeros(len(rows), np.int8)
            for name, number in (("segments", 2), ("tiles", 3)):
                if name in found:
                    before = deep[some].copy()
                    extra = (way,) if name == "segments" else sides
                    getattr(kernels, name)(*found[name], *about, *extra)
                    kind[deep[some] > before] = number
            hit = kind > 0
            rows, kind = rows[hit], kind[hit]
            if not len(rows):
                return
            if not told and turn == 0 and world.wants(Collision):
                self.tell(world, ours, table, rows, kind, found, deep, which)
            kernels.out(rows, pos, vel, deep, normal, np.float64(stage.bounce), *sides, stage.edge == "wall")
            way[rows] = 0  # from now on they are on the right side

    def find(self, world: Any, stage: Any, ours: Mirror, table: Any) -> dict[str, tuple[Any, ...]]:
        """What the kernels look at, by kind of obstacle."""
        found: dict[str, tuple[Any, ...]] = {}
        if self.circles is not None:
            column = self.circles[0]
            grid = grid_of(world, column, self.needs(stage.radius.widest)[column], "collide")
            parts = [
                self.round.of(world, stage, ours, t) if not self.round.column or t.has(self.round.column)
                else np.full(t.n, -np.inf, np.float32)
                for t in grid.tables
            ]  # fmt: skip
            radii = np.concatenate(parts)[grid.entry] if parts else np.empty(0, np.float32)
            slots = ours.joined(grid.tables, "slots")
            first = grid.base[grid.tables.index(table)] if stage.pos is column else -1
            found["circles"] = grid.packed(), radii, slots, np.float32(self.needs(stage.radius.widest)[column]), first
            found["grid"] = (grid,)
        if self.segments is not None:
            reach = stage.radius.widest + stage.fastest * world.dt
            found["segments"] = (segments_of(world, *self.segments, reach=reach),)
        if self.tiles is not None:
            mask = world.backend.host(self.tiles.solid_mask(world))
            found["tiles"] = (mask.reshape(-1, *mask.shape[-2:]),)
            check_radius(stage.radius.widest, world.size, "collide")
        return found

    def tell(
        self, world: Any, ours: Mirror, table: Any, rows: Any, kind: Any, found: dict[str, Any], deep: Any, which: Any
    ) -> None:
        """Emit who is in what: which int32 by row, the entry of a circle or the number of a segment."""
        others = np.zeros(len(rows), np.uint64)
        if self.circles is not None and (kind == 1).any():
            ids = np.concatenate([ours.ids(t, np.arange(t.n)) for t in found["grid"][0].tables])
            others[kind == 1] = ids[which[rows[kind == 1]]]
        if self.segments is not None and (kind == 2).any():
            tables = world.tables_with(*self.segments)
            ids = np.concatenate([ours.ids(t, np.arange(t.n)) for t in tables])
            others[kind == 2] = ids[found["segments"][0].order[which[rows[kind == 2]]]]
        world.emit(Collision, ours.ids(table, rows), others, deep[rows].astype(np.float32))

    def describe(self) -> dict[str, Any]:
        """Plain values: what there is to run into."""
        circles = None if self.circles is None else [self.circles[0].key, self.round.key]
        segments = None if self.segments is None else [column.key for column in self.segments]
        return {"circles": circles, "segments": segments, "tiles": getattr(self.tiles, "name", None)}


def _pair(given: Any, name: str) -> tuple[Any, Any] | None:
    if given is None:
        return None
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        what = "(Rock.pos, Rock.radius)" if name == "circles" else "(Wall.a, Wall.b)"
        raise SchemaError(f"collide: {name} is {given!r}. Give two columns: {name}={what}.")
    return given[0], given[1]


# --- kernels: the reference; obstacles_cpu.py has the twin ------------------------------------------------------------
#
# All find, for rows int32 [K], the obstacle that each agent is deepest in, if that is deeper than `deep` says so far:
# pos float32 [N, 2] m, within int32 [N] or empty (which of several worlds), radius float32 [N] m read; deep float64 [N]
# m, normal float64 [N, 2] (the way out, length 1), which int32 [N] written at these rows.


def circles(
    grid: Packed, radii: np.ndarray, slots: np.ndarray, reach: np.float32, first: int, rows: np.ndarray,
    pos: np.ndarray, within: np.ndarray, radius: np.ndarray, deep: np.ndarray, normal: np.ndarray, which: np.ndarray,
) -> None:  # fmt: skip
    """Circles of the grid, radii float32 [n] m in its order, negative for none; which: their entries."""
    own = within[rows] if len(within) else within
    for pair in pairs(grid, pos[rows], -1, float(reach), own):
        i, entry = rows[pair.i], grid.entry[pair.p]
        d = np.sqrt(pair.d2.astype(np.float64))
        depth = (radius[i] + radii[pair.p]).astype(np.float64) - d
        keep = (depth > deep[i]) & ((entry != first + i) if first >= 0 else True)
        i, entry, d, depth = i[keep], entry[keep], d[keep], depth[keep]
        dx, dy = pair.dx[keep], pair.dy[keep]
        best = np.lexsort((slots[entry], -depth, i))
        i, chosen = np.unique(i[best], return_index=True)
        best = best[chosen]
        apart = d[best] > 0
        safe = np.where(apart, d[best], 1.0)
        deep[i], which[i] = depth[best], entry[best]
        normal[i, 0] = np.where(apart, -dx[best] / safe, 1.0)
        normal[i, 1] = np.where(apart, -dy[best] / safe, 0.0)


def segments(
    index: Segments, rows: np.ndarray, pos: np.ndarray, within: np.ndarray, radius: np.ndarray, deep: np.ndarray,
    normal: np.ndarray, which: np.ndarray, way: np.ndarray,
) -> None:  # fmt: skip
    """Segments, two-sided; which: their numbers. way float32 [N, 2] m: how everybody came here, 0 = unknown."""
    if not len(rows):
        return
    column, row = cell_of(pos[rows], index)  # type: ignore[arg-type]
    cell = row * np.int64(index.columns) + column
    if len(within):
        cell += within[rows] * np.int64(index.columns * index.rows)
    low, high = index.start[cell].astype(np.int64), index.start[cell + 1].astype(np.int64)
    i = np.repeat(rows, high - low)
    p = np.arange(len(i)) + np.repeat(high - np.cumsum(high - low), high - low)
    f64 = np.float64
    px, py = pos[i, 0].astype(f64), pos[i, 1].astype(f64)
    ax, ay = index.ax[p].astype(f64), index.ay[p].astype(f64)
    ux, uy = index.bx[p] - ax, index.by[p] - ay
    length2 = ux * ux + uy * uy
    t = ((px - ax) * ux + (py - ay) * uy) / np.where(length2 > 0, length2, 1.0)
    t = np.where(t < 0, 0.0, np.where(t > 1, 1.0, t))
    dx, dy = px - (ax + t * ux), py - (ay + t * uy)
    d = np.sqrt(dx * dx + dy * dy)
    length = np.sqrt(length2)
    line = np.where(length > 0, length, 1.0)
    lx, ly = np.where(length > 0, -uy / line, 1.0), np.where(length > 0, ux / line, 0.0)  # to the left of the segment
    side = (px - ax) * lx + (py - ay) * ly
    mx, my = way[i, 0].astype(f64), way[i, 1].astype(f64)
    old = side - (mx * lx + my * ly)
    cut = np.where(old != side, old / np.where(old != side, old - side, 1.0), 0.0)
    along = ((px - mx + cut * mx - ax) * ux + (py - my + cut * my - ay) * uy) / np.where(length2 > 0, length2, 1.0)
    crossed = ((old > 0) & (side <= 0) | (old < 0) & (side >= 0)) & (along >= 0) & (along <= 1) & (length2 > 0)
    left = np.where(crossed, old > 0, np.where(mx * lx + my * ly != 0, mx * lx + my * ly < 0, True))
    sx, sy = np.where(left, lx, -lx), np.where(left, ly, -ly)
    depth = np.where(crossed, radius[i] + np.abs(side), radius[i] - d)
    on = crossed | (d == 0)
    safe = np.where(d > 0, d, 1.0)
    nx, ny = np.where(on, sx, dx / safe), np.where(on, sy, dy / safe)
    keep = np.flatnonzero(depth > deep[i])
    best = keep[np.lexsort((p[keep], -depth[keep], i[keep]))]
    chosen = best[np.unique(i[best], return_index=True)[1]]
    i = i[chosen]
    deep[i], which[i] = depth[chosen], index.which[p[chosen]]
    normal[i, 0], normal[i, 1] = nx[chosen], ny[chosen]


def tiles(
    solid: np.ndarray, rows: np.ndarray, pos: np.ndarray, within: np.ndarray, radius: np.ndarray, deep: np.ndarray,
    normal: np.ndarray, which: np.ndarray, width: np.float32, height: np.float32,
) -> None:  # fmt: skip
    """Solid tiles, bool [W, rows, columns]; whose centre is inside one leaves by the nearest side that is open."""
    if not len(rows):
        return
    high, wide = solid.shape[1:]
    w, h = np.float64(width) / wide, np.float64(height) / high
    plane = within[rows] if len(within) else np.zeros(len(rows), np.int64)
    px, py, r = pos[rows, 0].astype(np.float64), pos[rows, 1].astype(np.float64), radius[rows].astype(np.float64)
    column, row = np.minimum((px / w).astype(np.int64), wide - 1), np.minimum((py / h).astype(np.int64), high - 1)
    far = float(radius[rows].max())
    best, bx, by = deep[rows], normal[rows, 0], normal[rows, 1]
    for down in range(-int(far / h) - 1, int(far / h) + 2):
        for right in range(-int(far / w) - 1, int(far / w) + 2):
            c, k = column + right, row + down
            full = solid[plane, k % high, c % wide]
            qx = np.where(px < c * w, c * w, np.where(px > (c + 1) * w, (c + 1) * w, px))
            qy = np.where(py < k * h, k * h, np.where(py > (k + 1) * h, (k + 1) * h, py))
            dx, dy = px - qx, py - qy
            d = np.sqrt(dx * dx + dy * dy)
            safe = np.where(d > 0, d, 1.0)
            depth, nx, ny = r - d, dx / safe, dy / safe
            if right == 0 and down == 0:
                inner, ix, iy = _nearest_side(solid, plane, c, k, px, py, w, h)
                inside = d == 0
                depth, nx, ny = np.where(inside, r + inner, depth), np.where(inside, ix, nx), np.where(inside, iy, ny)
            else:  # on the border of a tile: away from it
                length = np.sqrt(float(right * right + down * down))
                nx, ny = np.where(d > 0, nx, -right / length), np.where(d > 0, ny, -down / length)
            deeper = full & (depth > best)
            best, bx, by = np.where(deeper, depth, best), np.where(deeper, nx, bx), np.where(deeper, ny, by)
    deeper = best > deep[rows]
    at = rows[deeper]
    deep[at], which[at] = best[deeper], -1
    normal[at, 0], normal[at, 1] = bx[deeper], by[deeper]


def _nearest_side(solid: Any, plane: Any, c: Any, k: Any, px: Any, py: Any, w: Any, h: Any) -> tuple[Any, Any, Any]:
    """How far it is from places inside a tile to its nearest side whose neighbour is open (any, if none is), and which
    way that is: +x, -x, +y, -y in this order of preference."""
    high, wide = solid.shape[1:]
    found, nx, ny = np.full(len(px), np.inf), np.zeros(len(px)), np.zeros(len(px))
    shut = np.ones(len(px), np.bool_)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        gap = ((c + 1) * w - px) if x > 0 else (px - c * w) if x < 0 else ((k + 1) * h - py) if y > 0 else (py - k * h)
        full = solid[plane, (k + y) % high, (c + x) % wide]
        better = (shut & ~full) | ((shut == full) & (gap < found))
        found, nx, ny = np.where(better, gap, found), np.where(better, x, nx), np.where(better, y, ny)
        shut = np.where(better, full, shut)
    return found, nx, ny


def back(
    solid: np.ndarray, pos: np.ndarray, within: np.ndarray, way: np.ndarray, width: np.float32, height: np.float32
) -> None:
    """Put those who came from an open tile and went through a solid one back to the last open place on their way.

    Steps of a quarter of a tile are looked at: corners may be cut by less than that. pos is written.
    """
    high, wide = solid.shape[1:]
    w, h = np.float64(width) / wide, np.float64(height) / high
    plane = within if len(within) else np.zeros(len(pos), np.int64)
    dx, dy = way[:, 0].astype(np.float64), way[:, 1].astype(np.float64)
    steps = np.ceil(np.maximum(np.abs(dx) / w, np.abs(dy) / h) * 4.0)
    moving = steps > 0
    going = moving.copy()
    last = np.zeros(len(pos))
    for step in range(int(steps.max(initial=0)) + 1):
        share = np.where(moving, step / np.where(moving, steps, 1.0), 0.0)
        at = [pos[:, axis] - d * (1.0 - share) for axis, d in enumerate((dx, dy))]
        column, row = (np.floor(q / size).astype(np.int64) for q, size in zip(at, (w, h)))
        full = solid[plane, row % high, column % wide]
        reached = going & (step <= steps)
        going = going & ~(reached & full)
        last = np.where(reached & ~full, share, last)
        if step == 0:
            moving = moving & ~full  # who began inside stays where it is
            going = going & moving
    stopped = moving & ~going & (last < 1)
    for axis, (d, side) in enumerate(((dx, width), (dy, height))):
        x = wrap((pos[:, axis] - d * (1.0 - last)).astype(np.float32), side)
        pos[:, axis] = np.where(stopped, x, pos[:, axis])


def out(
    rows: np.ndarray, pos: np.ndarray, vel: np.ndarray, deep: np.ndarray, normal: np.ndarray, bounce: np.float64,
    width: np.float32, height: np.float32, walled: bool,
) -> None:  # fmt: skip
    """Move rows [K] by `deep` along `normal`; vel float32 [N, 2] m/s, or empty, loses what goes the other way."""
    for axis, side in enumerate((width, height)):
        x = (pos[rows, axis] + deep[rows] * normal[rows, axis]).astype(np.float32)
        last = np.nextafter(side, np.float32(0))
        pos[rows, axis] = np.where(x < 0, np.float32(0), np.where(x > last, last, x)) if walled else wrap(x, side)
    if len(vel):
        speed = vel[rows, 0] * normal[rows, 0] + vel[rows, 1] * normal[rows, 1]
        kick = np.where(speed < 0, -speed * (1.0 + bounce), 0.0)
        for axis in (0, 1):
            vel[rows, axis] = (vel[rows, axis] + kick * normal[rows, axis]).astype(np.float32)
