"""Rows of parameters: their memory, and what names them in calls."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.backend.device import Backend
from swarm.backend.memory import require
from swarm.brain.mlp import Layout
from swarm.errors import SchemaError, SettingsError

ALIGNMENT = 64  # bytes; where the first row starts
SPARE = 128  # bytes behind the last row: sixteen float64 lanes may be loaded from the last parameter on


class NoSuchRow(SettingsError, IndexError):
    """A row or layer beyond the pool."""


def allocate(capacity: int, layout: Layout, backend: Backend | None = None) -> Any:
    """Zeroed rows [capacity, stride] where `backend` computes (None: the host). Raises `CapacityError`.

    On the host they begin on a cache line and have spare bytes behind.
    """
    total = capacity * layout.row_bytes
    device = None if backend is None else backend.device
    require("brains", capacity, layout.row_bytes, "brains", device)
    if backend is not None and device is not None:
        return backend.zeros((capacity, layout.stride), layout.dtype)
    raw = np.zeros(total + ALIGNMENT + SPARE, np.uint8)  # pages are touched only when written
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + total].view(layout.dtype).reshape(capacity, layout.stride)


def rows_of(rows: Any, limit: int, backend: Backend | None = None) -> np.ndarray:
    """int64 [K] on the host from a row number, a sequence, a mask or a slice; negatives count from `limit`.

    An array on the device is read back, once. Raises `NoSuchRow`.
    """
    if isinstance(rows, slice):
        return np.arange(limit)[rows]
    at = np.asarray(rows if backend is None else backend.host(backend.either(rows)))
    if at.size == 0:
        return np.zeros(0, np.int64)
    if at.dtype == bool and at.ndim == 1 and len(at) <= limit:
        return np.flatnonzero(at)
    if at.dtype.kind not in "iu" or at.ndim > 1:
        raise SettingsError(f"Brains: {at.dtype} {at.shape} does not name rows of {limit:,}. Give row numbers.")
    at = np.ascontiguousarray(at, np.int64).reshape(-1)
    low, high = int(at.min()), int(at.max())
    if low < -limit or high >= limit:
        raise NoSuchRow(f"Brains: row {high if high >= limit else low:,} of {limit:,}.")
    return np.where(at < 0, at + limit, at) if low < 0 else at


def keys_of(at: np.ndarray, slots: Any, generations: Any, backend: Backend | None = None) -> tuple[Any, Any]:
    """Slots (default: the row numbers) and generations as uint32 [K]; on the device where they were given on it.

    Raises `SchemaError`.
    """
    try:
        return _key(at if slots is None else slots, len(at), backend), _key(generations, len(at), backend)
    except ValueError:
        raise SchemaError(f"Brains: slots and generations must be one number or {len(at)}, one per row.") from None


def _key(values: Any, count: int, backend: Backend | None) -> Any:
    values = np.asarray(values) if backend is None else backend.either(values)
    if backend is None or isinstance(values, np.ndarray):
        return np.array(np.broadcast_to(values, (count,)), np.uint32)
    return backend.xp.broadcast_to(values.astype(np.uint32), (count,))


def seeded(seed: Any, count: int) -> tuple[int, Any]:
    """(seed, slots [count] uint32 or None) of a seed that is one number or one per brain, which names its draws.

    seed=0 draws the same as seed=[0, 1, 2, ...]. Raises `SettingsError`.
    """
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        rng.key(int(seed))
        return int(seed), None
    names = np.asarray(seed)
    fits = names.shape == (count,) and names.dtype.kind in "iu"
    if not fits or (count and not 0 <= names.min() <= names.max() < 1 << 32):
        raise SettingsError(f"Brains: seed must be one whole number, or {count} below 2^32, one per brain.")
    return 0, names.astype(np.uint32)


def check_apart(source: np.ndarray, target: np.ndarray) -> None:
    """Raises `SettingsError` when copying source[k] to target[k] depends on the order: a target twice, or one that
    another reads. Rows that are their own source are fine."""
    if source.shape != target.shape:
        raise SchemaError(f"Brains: {len(source)} rows to read for {len(target)} rows to write. Give one for each.")
    if len(target) < 2:
        return
    if not (np.diff(target) > 0).all() and len(np.unique(target)) < len(target):
        raise SettingsError("Brains: a row is written twice in one call. Name each child or target once.")
    if source.max() < target.min() or target.max() < source.min():
        return
    both = np.isin(source, target) & (source != target)
    if both.any():
        raise SettingsError(
            f"Brains: row {source[both][0]:,} is read and overwritten in one call. Write to rows that nobody reads, or "
            "copy the pool first: brains.clone()."
        )


def last_of_each(at: np.ndarray) -> np.ndarray:
    """Places in `at` that remain when of equal rows only the last one counts."""
    found = np.unique(at[::-1], return_index=True)[1]
    return np.arange(len(at)) if len(found) == len(at) else len(at) - 1 - found
