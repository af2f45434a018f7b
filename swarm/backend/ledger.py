"""The ledger of a world on a device: what kernels must know without asking the host, and what the barrier reports.

One `World` and one `Count` per table, as in common.cuh, 32 bytes each. The barrier's one readback copies it whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np

WORLD = np.dtype(
    [("tick", "u4"), ("key0", "u4"), ("key1", "u4"), ("used", "u4"), ("fault", "u8"), ("go", "u4"), ("spare", "u4")]
)
COUNT = np.dtype([(name, "i4") for name in ("n", "births", "refused", "turned", "after", "deaths", "children", "_")])
NO_FAULT = 0xFFFFFFFFFFFFFFFF


class Ledger:
    """The device's copy (`array`, u8) and the host's (`world`, `counts`): `push` sends, `pull` reads back."""

    def __init__(self, device: Any, tables: int) -> None:
        self.device = device
        self.bytes = np.zeros(WORLD.itemsize + tables * COUNT.itemsize, np.uint8)
        self.world = self.bytes[: WORLD.itemsize].view(WORLD)[0:1]
        self.counts = self.bytes[WORLD.itemsize :].view(COUNT)
        self.array = device.xp.zeros(len(self.bytes), np.uint8)

    def push(self) -> None:
        """Host to device."""
        self.device.write(self.array, self.bytes)

    def pull(self) -> None:
        """Device to host: waits for everything that was launched."""
        self.bytes[:] = self.device.read(self.array)

    @property
    def fault(self) -> tuple[int, int, int] | None:
        """(system, table, row) of the first fault, as of the last `pull`; None without one."""
        word = int(self.world["fault"][0])
        return None if word == NO_FAULT else (word >> 48, word >> 32 & 0xFFFF, word & 0xFFFFFFFF)
