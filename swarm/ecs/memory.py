"""Arrays for columns: they start on a cache line, and vector loads may run past their end."""

from __future__ import annotations

from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 vector
SPARE = 64  # bytes behind the last row


def allocate(xp: Any, rows: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """An uninitialised array [rows, *shape] that starts on a cache line and has 64 spare bytes behind its end."""
    dtype = np.dtype(dtype)
    if xp is not np:
        return xp.empty((rows, *shape), dtype)
    total = rows * int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    raw = np.empty(total + ALIGNMENT + SPARE, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + total].view(dtype).reshape(rows, *shape)


class Scratch:
    """Named work arrays that are allocated once and grow when they must: fresh memory costs more than using it."""

    def __init__(self, backend: Any = None) -> None:
        self._held: dict[str, Any] = {}
        self._backend = backend

    def array(self, name: str, count: int, dtype: Any) -> Any:
        """An array [count] where the backend computes; what it held is lost at the next call with this name."""
        held = self._held.get(name)
        if held is None or len(held) < count:
            held = self._held[name] = work_array(self._backend, count + count // 4 + 64, dtype)
        return held[:count]


def work_array(backend: Any, size: int, dtype: Any) -> Any:
    """An uninitialised array [size] where `backend` computes (None: the host); ends what was captured on a device."""
    if backend is None or backend.device is None:
        return np.empty(size, dtype)
    backend.device.changed()
    return backend.xp.empty(size, dtype)


def words(array: Any) -> Any:
    """Rows [n, *shape] as unsigned words [n, k], the same memory: u32, or u8 where a row is no multiple of 4 bytes."""
    each = array.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))
    width, dtype = (each, np.uint8) if each % 4 else (each // 4, np.uint32)
    return array.reshape(-1).view(dtype).reshape(len(array), width)
