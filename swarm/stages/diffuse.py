"""diffuse: one explicit step of diffusion, flow and decay of a field; what leaves a cell enters another.

Through the face between a cell L and its neighbour R on the right (or above) goes, in a tick, in units of the cells'
numbers, with k = rate dt / cell2 and a = velocity at the face dt / cell:

    F = p L - q R        p = k + max(a, 0), q = k + max(-a, 0)
    new = (c + ((F west - F east) + (F south - F north))) exp(-decay dt)

The first is the 5-point Laplacian and first-order upwind advection (donor cell; Courant, Isaacson and Rees, Comm. Pure
Appl. Math. 5, 1952; Patankar, "Numerical heat transfer and fluid flow", 1980, section 5.2). Upwind fluxes blur as a
diffusion of velocity * (cell - velocity dt) / 2 would. Decay is exact, whatever the tick. Faces of solid tiles, and the
rim of a closed field, let nothing through. The step keeps signs and overshoots nothing as long as no cell gives away
more than it holds; a tick too long for that is refused. Numbers below 2^-100 become 0, or decay would end in denormal
numbers, which are slow.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import numpy as np

from swarm.errors import SettingsError
from swarm.stages.field import Field, need_field
from swarm.stages.raster import EDGES
from swarm.stages.stage import Cost, Stage

TINY = 2.0**-100


def diffuse(
    field: Field,
    rate: float = 0.0,
    decay: float = 0.0,
    flow: tuple[float, float] | tuple[Field, Field] = (0.0, 0.0),
    tiles: Any = None,
    edge: str | None = None,
) -> Diffuse:
    """The stage that spreads, carries along and thins out `field` by one tick.

    rate: diffusivity, m2/s. decay: 1/s. flow: the velocity (x, y) in m/s, the same everywhere, or two fields of as many
    cells, taken at faces as the mean of both cells. tiles: a `Tiles` of as many cells; nothing goes into or out of
    solid ones. edge: "torus" or "closed"; None is the field's own.

    Raises `SettingsError`, when it runs too, for a tick too long to be stable: it names the longest tick and the
    smallest cells that are.
    """
    return Diffuse(field, rate, decay, flow, tiles, edge)


class Diffuse(Stage):
    """See `diffuse`."""

    def __init__(self, field: Field, rate: float, decay: float, flow: Any, tiles: Any, edge: str | None) -> None:
        super().__init__()
        self.field = need_field(field, "diffuse")
        self.name = f"diffuse {field.name}"
        self.rate, self.decay = (_at_least_0(v, n, self.name) for v, n in ((rate, "rate"), (decay, "decay")))
        parts = tuple(flow) if isinstance(flow, (tuple, list)) else ()
        self.currents = parts if len(parts) == 2 and all(isinstance(part, Field) for part in parts) else ()
        self.velocity = (0.0, 0.0)
        if not self.currents:
            try:
                right, up = map(float, parts)
            except (TypeError, ValueError):
                right = up = float("nan")
            if not np.isfinite([right, up]).all():
                raise SettingsError(f"{self.name}: flow is {flow!r}; give two velocities in m/s, or two fields.")
            self.velocity = right, up
        self.tiles, self.edge = tiles, field.edge if edge is None else edge
        if self.edge not in EDGES:
            raise SettingsError(f"{self.name}: edge is {edge!r}. Choose one of {', '.join(EDGES)}.")
        for other in (*self.currents, *(() if tiles is None else (tiles,))):
            if (other.columns, other.rows) != (field.columns, field.rows):
                raise SettingsError(
                    f"{self.name}: {other!r} must have as many cells as the field, {field.columns} x {field.rows}."
                )

    def __call__(self, world: Any, dt: float) -> None:
        planes, (dx, dy) = self.field.planes(world), self.field.cell(world)
        none = world.backend.zeros((0, 0, 0), np.float32)
        vx, vy = (f.planes(world) for f in self.currents) if self.currents else (none, none)
        self.check(world, dt, vx, vy)
        open = none if self.tiles is None else self.tiles.ground(world).open.reshape(planes.shape)
        gx, gy, (right, up) = dt / dx, dt / dy, self.velocity
        numbers = self.rate * gx / dx, self.rate * gy / dy, right * gx, up * gy, gx, gy, exp(-self.decay * dt)
        kernels = world.backend.twin("swarm.stages.diffuse")
        kernels.advance(planes, vx, vy, open, self.edge == "closed", *map(np.float32, numbers))

    def check(self, world: Any, dt: float, vx: Any, vy: Any) -> None:
        """Raise `SettingsError` if a cell would give away more than it holds in `dt` seconds."""
        dx, dy = self.field.cell(world)
        spreading = 2 * self.rate * (1 / dx**2 + 1 / dy**2)
        carried = abs(self.velocity[0]) / dx + abs(self.velocity[1]) / dy
        if self.currents:
            carried = float(world.backend.host(outflow(vx, vy, np.float32(1 / dx), np.float32(1 / dy)).max()))
        if dt * (spreading + carried) <= 1:
            return
        flow = ", ".join(f.name for f in self.currents) or "{:g}, {:g} m/s".format(*self.velocity)
        wider = dt * (carried + sqrt(carried**2 + 4 * spreading / dt)) / 2  # where it is 1 again
        raise SettingsError(
            f"{self.name}: a tick of {dt:.4g} s is unstable with rate {self.rate:g} m2/s, flow {flow} and cells of "
            f"{dx:.4g} x {dy:.4g} m: a cell would give away {dt * (spreading + carried):.3g} times what it holds. "
            f"Ticks of {1 / (spreading + carried):.4g} s or less are stable, and so are cells of {wider * dx:.4g} x "
            f"{wider * dy:.4g} m or more."
        )

    def describe(self) -> dict[str, Any]:
        flow = [f.name for f in self.currents] or list(self.velocity)
        about = {"field": self.field.describe(), "rate": self.rate, "decay": self.decay, "flow": flow}
        return {**super().describe(), **about, "tiles": getattr(self.tiles, "name", None), "edge": self.edge}

    def cost(self, world: Any) -> Cost:
        cells = self.field.of(world).size
        return cost(cells, bool(self.currents), self.tiles is not None)


def _at_least_0(value: Any, name: str, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (number >= 0 and np.isfinite(number)):
        raise SettingsError(f"{where}: {name} is {value!r}, must be a finite number, 0 or more.")
    return number


# --- kernels: the reference; diffuse_cpu.py has the twin --------------------------------------------------------------


def cost(cells: int, flowing: bool, walled: bool) -> Cost:
    """Every cell read and written, with currents two more numbers read, with tiles one."""
    return Cost(cells * (8 + 8 * flowing + 4 * walled), cells * (17 + 12 * flowing + 6 * walled))


def outflow(vx: Any, vy: Any, per_x: np.float32, per_y: np.float32) -> Any:
    """What share of its content every cell gives to its neighbours, 1/s: float32 [W, rows, columns]."""
    total = 0.0
    for v, per, axis in ((vx, per_x, 2), (vy, per_y, 1)):
        face = np.float32(0.5) * (v + np.roll(v, -1, axis)) * per
        total = total + np.maximum(face, np.float32(0)) + np.maximum(-np.roll(face, 1, axis), np.float32(0))
    return total


def advance(
    cells: np.ndarray, vx: np.ndarray, vy: np.ndarray, open: np.ndarray, closed: bool, kx: np.float32, ky: np.float32,
    ax: np.float32, ay: np.float32, gx: np.float32, gy: np.float32, keep: np.float32,
) -> None:  # fmt: skip
    """One step of cells float32 [W, rows, columns] in place.

    vx, vy [W, rows, columns] m/s, or empty: then the shares ax, ay are carried through each face a tick. open: 1, or 0
    in solid tiles, or empty. closed: no torus. kx, ky = rate dt / cell2; gx, gy = dt / cell; keep = exp(-decay dt).
    """
    gained = []
    for v, k, a, g, axis in ((vx, kx, ax, gx, 2), (vy, ky, ay, gy, 1)):
        share = g * (np.float32(0.5) * (v + np.roll(v, -1, axis))) if v.size else a
        p, q = k + np.maximum(share, np.float32(0)), k + np.maximum(-share, np.float32(0))
        face = p * cells - q * np.roll(cells, -1, axis)
        if open.size:
            face = face * (open * np.roll(open, -1, axis))
        if closed:
            face[(slice(None),) * axis + (-1,)] = 0
        gained.append(np.roll(face, 1, axis) - face)
    new = (cells + (gained[0] + gained[1])) * keep
    cells[...] = np.where(np.abs(new) < np.float32(TINY), np.float32(0), new)
