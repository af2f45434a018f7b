"""Value, Gradient, Probe and Window: what an agent senses of a field, or of a tile map, where it is.

    Mind = swarm.mind(
        scent=swarm.Value(Trail), slope=swarm.Gradient(Trail), walls=swarm.Window(Ground, n=3),
        trail=swarm.Probe(Trail, angles=(-40, 0, 40), distance=3, heading=Body.vel), actions=("turn",))

They look where the agent is, so `sense` takes its position column; none of them needs an index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError
from swarm.stages.field import Field, need_field
from swarm.stages.frame import forward, turned
from swarm.stages.raster import Raster
from swarm.stages.sample import cost
from swarm.stages.stage import Cost, positive
from swarm.stages.tiles import Tiles

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker


class FieldSense:
    """What these senses share: they need the agent's position and no index."""

    places = True  # `sense` finds out where the agents are
    needs: Mapping[Column, float] = {}
    width = 1

    def __init__(self, raster: Raster, scale: float) -> None:
        self.raster, self.scale = raster, float(scale)
        self.reads: tuple[Any, ...] = ()
        if not np.isfinite(self.scale):
            raise SettingsError(f"{type(self).__name__}: scale is {scale!r}, must be a finite number.")

    def labels(self, name: str) -> list[str]:
        """One label per sense, with the unit."""
        unit = getattr(self.raster, "unit", "")
        return [f"{name} ({unit})" if unit else name]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, raster, scale, geometry."""
        return {"sense": type(self).__name__.lower(), **self.raster.describe(), "scale": self.scale}

    def fill(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """Write columns at .. at + width of `out` [N, W]; returns the first row that is not in the world, or -1."""
        kernels = world.backend.twin("swarm.stages.sample")
        common = self.raster.lattice(world), np.float32(self.scale), seeker.visit, seeker.base, out, at
        return self.sample(kernels, world, self.source(world), seeker.world, seeker, common)

    def source(self, world: Any) -> Any:
        """The numbers sampled, float32 [W * rows * columns]."""
        return self.raster.of(world).reshape(-1)

    def sample(self, kernels: Any, world: Any, field: Any, plane: Any, seeker: Seeker, common: Any) -> int:
        """Call the kernel."""
        raise NotImplementedError

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents."""
        return cost(n, self.width)


class Value(FieldSense):
    """The field where the agent is (bilinear), times `scale`: one number. Raises `SettingsError`."""

    def __init__(self, field: Field, scale: float = 1.0) -> None:
        super().__init__(need_field(field, "Value"), scale)

    def sample(self, kernels: Any, world: Any, field: Any, plane: Any, seeker: Seeker, common: Any) -> int:
        nowhere = world.backend.array(np.zeros((1, 2), np.float32))
        return kernels.probe(field, plane, seeker.pos, seeker.pos[:0], nowhere, *common)


class Gradient(FieldSense):
    """How steep the field is where the agent is, along x and y, per metre, times `scale`: two numbers.

    Raises `SettingsError`.
    """

    width = 2

    def __init__(self, field: Field, scale: float = 1.0) -> None:
        super().__init__(need_field(field, "Gradient"), scale)

    def labels(self, name: str) -> list[str]:
        unit = getattr(self.raster, "unit", "") or "1"
        return [f"{name} {axis} ({unit}/m)" for axis in "xy"]

    def sample(self, kernels: Any, world: Any, field: Any, plane: Any, seeker: Seeker, common: Any) -> int:
        return kernels.gradient(field, plane, seeker.pos, *common)


class Probe(FieldSense):
    """The field (bilinear) at points `distance` m away in several directions, times `scale`: feelers.

    angles: degrees from the heading, counter-clockwise, one number each. heading: a float32 column, a direction (x, y)
    of any length, such as the velocity (0 counts as +x), or an angle in rad counter-clockwise from +x; None: the
    angles are from +x. Raises `SettingsError` and `SchemaError`.
    """

    def __init__(
        self,
        field: Field,
        angles: Sequence[float] = (-45.0, 0.0, 45.0),
        distance: float = 1.0,
        heading: Column | None = None,
        scale: float = 1.0,
    ) -> None:
        super().__init__(need_field(field, "Probe"), scale)
        self.angles = tuple(float(a) for a in np.atleast_1d(np.asarray(angles, float)))
        if not self.angles or not np.isfinite(self.angles).all():
            raise SettingsError(f"Probe: angles is {angles!r}; give one or more, in degrees, such as (-45, 0, 45).")
        self.distance, self.heading = positive(distance, "distance", "Probe"), heading
        if heading is not None:
            if not isinstance(heading, Column) or heading.shape not in ((), (2,)) or heading.dtype != np.float32:
                raise SchemaError(f"Probe: heading is {heading!r}; name a column f32(2), a direction, or f32(), rad.")
            self.reads = (heading,)
        self.width = len(self.angles)
        self.points = turned(np.radians(self.angles)) * np.float32(self.distance)

    def labels(self, name: str) -> list[str]:
        unit = getattr(self.raster, "unit", "")
        return [f"{name} {angle:g} deg{f' ({unit})' if unit else ''}" for angle in self.angles]

    def describe(self) -> dict[str, Any]:
        about = {"angles": list(self.angles), "distance": self.distance}
        return {**super().describe(), **about, "heading": None if self.heading is None else self.heading.key}

    def sample(self, kernels: Any, world: Any, field: Any, plane: Any, seeker: Seeker, common: Any) -> int:
        if self.distance > min(world.size) / 2:
            raise SettingsError(
                f"Probe: {self.distance:g} m reach more than half round a world of {world.size[0]:g} x "
                f"{world.size[1]:g} m. Use {min(world.size) / 2:g} m or less."
            )
        ahead = seeker.pos[:0]
        if self.heading is not None:
            ahead = world.backend.array(forward(world, seeker.table, self.heading, "Probe"))
        return kernels.probe(field, plane, seeker.pos, ahead, world.backend.array(self.points), *common)


class Window(FieldSense):
    """The n x n cells around the agent's own, row by row from the lowest y, times `scale`.

    Of a field: its numbers, and 0 beyond a closed edge. Of `Tiles`: 1 where solid, also beyond a closed edge, else 0;
    with show="id" the tiles' numbers. n is odd. Raises `SettingsError`.
    """

    def __init__(self, of: Field | Tiles, n: int = 3, scale: float = 1.0, show: str = "solid") -> None:
        if not isinstance(of, (Field, Tiles)):
            raise SettingsError(f"Window: {of!r} is neither a field nor a tile map. Give swarm.Field or swarm.Tiles.")
        super().__init__(of, scale)
        if not isinstance(n, (int, np.integer)) or n < 1 or n % 2 == 0 or n > min(of.columns, of.rows):
            raise SettingsError(f"Window: n is {n!r}; give an odd number, at most {min(of.columns, of.rows)}.")
        if show not in ("solid", "id"):
            raise SettingsError(f"Window: show is {show!r}. Choose 'solid' or 'id'.")
        self.n, self.width, self.show = int(n), int(n) ** 2, show

    def labels(self, name: str) -> list[str]:
        half, unit = self.n // 2, getattr(self.raster, "unit", "")
        steps = range(-half, half + 1)
        return [f"{name} {x:+d} {y:+d}{f' ({unit})' if unit else ''}" for y in steps for x in steps]

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "n": self.n, **({"show": self.show} if isinstance(self.raster, Tiles) else {})}

    def source(self, world: Any) -> Any:
        if not isinstance(self.raster, Tiles):
            return super().source(world)
        ground = self.raster.ground(world)
        return (ground.ids if self.show == "id" else ground.walls).reshape(-1)

    def sample(self, kernels: Any, world: Any, field: Any, plane: Any, seeker: Seeker, common: Any) -> int:
        beyond = np.float32(isinstance(self.raster, Tiles) and self.show == "solid")
        return kernels.window(field, plane, seeker.pos, self.n, beyond, *common)
