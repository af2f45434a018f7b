"""The grid of a position column on the device: its arrays, and the struct by which kernels find them (near.cuh).

    kernel(count, world.ledger.array, ..., grid.device)      # a kernel takes it as `const Grid*`

Entries are numbered by capacity here, `base[k]` = the capacities of the tables before, so that rows that come and go
move no number. How many members there are and how full the cells, only the device knows: `found`, and whatever is
taken from it (`shape`, `n`, `most`, `overflow`, `complete`, `start`, `entry`, `x`, `y`), is read back when it is asked
for, once a tick. The warning about crowded cells is given then, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.ecs.component import Column
from swarm.stages.grid import Found, Grid, finest, most_cells
from swarm.stages.launch import both

GRID = np.dtype(
    [(name, "u8") for name in ("start", "entry", "x", "y")]
    + [(name, "f4") for name in ("width", "height", "per_x", "per_y")]
    + [(name, "i4") for name in ("columns", "rows", "members", "most", "overflow", "complete")]
)
SORT_BYTES = 160  # struct Sort of index.cu, which begins with the Grid
TILE = 1024  # cells of a block, as in index.cu
_SPARE = 16  # elements behind the end of start, entry, x and y, as on the CPU


class DeviceGrid(Grid):
    """See `Grid`. device: the struct, a device array."""

    def __init__(self, column: Column, size: tuple[float, float], radius: float, device: Any) -> None:
        super().__init__(column, size, radius)
        self.on = device
        self.device = device.xp.zeros(SORT_BYTES // 8, np.uint64)
        self.arrays: dict[str, Any] = self.scratch.arrays
        self.room = 0  # cells that the arrays hold, whole tiles
        self._numbers: tuple[int, ...] = ()
        self._asked: int | None = None  # the tick whose findings were read back
        self._bound = False

    @property
    def found(self) -> Found:
        """What this tick's index found: waits for the device at the first time in a tick."""
        if self._asked != self.tick:
            words = self.on.read(self.device).view(np.uint8)[: GRID.itemsize].view(GRID)[0]
            shape = int(words["columns"]), int(words["rows"])
            n, most, overflow = (int(words[name]) for name in ("members", "most", "overflow"))
            self._asked = self.tick
            self.keep(Found(shape, n, most, overflow, bool(words["complete"])))
        return self._found

    def forget(self) -> None:
        """What was read back is of an earlier index."""
        self._asked = None

    def reserve(self, tables: tuple[Any, ...], cap: int) -> None:
        """Make room for all rows that these tables have room for, and let the struct say where it is."""
        self.tables, self.cap = tables, cap
        ends = np.cumsum([0, *(table.capacity for table in tables)]).tolist()
        self.base, total = tuple(ends[:-1]), ends[-1]
        columns, rows = finest(self.size, self.radius)
        self.room = -(-(min(columns * rows, most_cells(total)) + 1) // TILE) * TILE
        crowds = total // (cap + 1) + 1
        sizes = {
            "start": (self.room, np.int32), "entry": (total, np.int32), "x": (total, np.float32),
            "y": (total, np.float32), "counts": (self.room, np.int32), "from": (self.room, np.int32),
            "arrival": (total, np.int32), "record": (4 * total, np.uint32), "sums": (self.room // TILE, np.uint64),
            "crowded": (crowds, np.int32), "windows": (2 * crowds, np.uint32),
        }  # fmt: skip
        for name, (size, dtype) in sizes.items():
            held = self.arrays.get(name)
            if held is None or held.size < size + _SPARE:
                self.arrays[name] = self.on.xp.empty(size + _SPARE, dtype)
                self._bound = False
        numbers = tuple(table.index for table in tables)
        if numbers != self._numbers:
            self._numbers = numbers
            self.arrays["tables"] = self.on.xp.asarray(np.array([len(numbers), *numbers], np.int32))
            self._bound = False
        if not self._bound:
            self._bind(columns, rows)

    def _bind(self, columns: int, rows: int) -> None:
        bound = [self.arrays[name] for name in ("start", "entry", "x", "y", "tables")]
        work = [self.arrays[k] for k in ("counts", "from", "arrival", "record", "sums", "crowded", "windows")]
        kernels = self.on.module("swarm.stages.index")
        kernels["bind"](1, self.device, *bound, both(*self.size), np.uint64(rows << 32 | columns), block=32)
        kernels["bind_work"](1, self.device, *work, block=32)
        self.on.changed()
        self._bound = not self.on.capturing  # memory that moves ends a recording, and what it held is not done


def grid_of(world: Any, column: Column, radius: float) -> DeviceGrid:
    """The world's grid of `column`, made anew where it is for another radius or another world's size."""
    grid = world.indices.get(column)
    size = tuple(map(np.float32, world.size))
    if not isinstance(grid, DeviceGrid) or grid.radius != radius or grid.size != size:
        grid = world.indices[column] = DeviceGrid(column, world.size, radius, cuda.current())
    return grid
