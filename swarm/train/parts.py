"""Which samples each brain trains on: one flat list of rows for all, and up to two stretches of it per brain.

`fit(..., samples=...)` takes

    None                        all samples
    Folds(5)                    all but the brain's own fold: cross-validation of a population in one call
    (start, stop)               a range for all
    int array [N, 2]            a range per brain
    rows [K]                    one list of row numbers (or a mask [M]) for all; a row may come twice
    [rows, rows, ...]           a list per brain, of any lengths; equal lists are kept once

and `weights=` with them: one number of 0 or more per sample, [M]; or, with lists of rows, numbers of the same lengths.
No sample is copied, and brains may have different numbers of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from swarm.errors import DataError, SettingsError
from swarm.train.folds import Folds

LIMIT = 1 << 31  # samples, and rows named, at most


@dataclass(frozen=True)
class Parts:
    """The samples of N brains, out of M.

    flat      [L] int32        row numbers; empty: 0, 1, ..., M - 1
    segments  [N | 1, 4] int64  start, stop, start, stop in `flat`; one row is for all brains
    weights   [L] float32      of the rows in `flat`, or None
    """

    M: int
    flat: np.ndarray
    segments: np.ndarray
    weights: np.ndarray | None = None

    @classmethod
    def all(cls, M: int) -> Parts:
        """All samples for every brain."""
        return cls(M, np.empty(0, np.int32), np.array([[0, M, 0, 0]]))

    @property
    def sizes(self) -> np.ndarray:
        """How many samples each brain has, int64 [N | 1]."""
        return sizes_of(self.segments)

    def part(self, at: np.ndarray) -> Parts:
        """The same for the brains at `at`."""
        return self if len(self.segments) == 1 else replace(self, segments=self.segments[at])

    def rows(self, k: int) -> np.ndarray:
        """The row numbers of brain k, in their order."""
        a, b, c, d = self.segments[min(k, len(self.segments) - 1)]
        at = np.concatenate([np.arange(a, b), np.arange(c, d)])
        return self.flat[at] if len(self.flat) else at

    def held(self, at: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The samples that brains do not train on: for brains of `at` that share them, (brains, row numbers)."""
        kinds, kind = np.unique(self.segments, axis=0, return_inverse=True)
        kind = np.broadcast_to(kind.reshape(-1), (len(at),)) if len(kinds) == 1 else kind.reshape(-1)[at]
        for k in np.unique(kind):
            mine = at[kind == k]
            out = np.ones(self.M, bool)
            out[self.rows(int(mine[0]))] = False
            yield mine, np.flatnonzero(out)


def sizes_of(segments: np.ndarray) -> np.ndarray:
    """int64 [N | 1]: the lengths of the stretches."""
    return segments[:, 1] - segments[:, 0] + segments[:, 3] - segments[:, 2]


def parts_of(samples: Any, weights: Any, M: int, count: int) -> Parts:
    """What the user asked for `count` brains and M samples. Raises SettingsError and DataError, naming the brain."""
    if not 0 < M < LIMIT:
        raise SettingsError(f"fit: {M:,} samples; there must be 1 to {LIMIT - 1:,}.")
    lists = _lists(samples, M, count)
    if lists is not None:
        return _listed(lists, weights, M, count)
    flat = np.empty(0, np.int32)
    if samples is None:
        segments = np.array([[0, M, 0, 0]])
    elif isinstance(samples, Folds):
        flat, segments = samples.stretches(M, count)
    else:
        segments = _ranges(samples, M, count)
    each = None if weights is None else _weights(weights, M, "weights")
    if each is not None:
        each = each if not len(flat) else each[flat]
        some = np.concatenate([[0], np.cumsum(each > 0)])[segments]
        _refuse_weightless(some[:, 1] - some[:, 0] + some[:, 3] - some[:, 2])
    return Parts(M, flat, _narrow(segments), each)


def _narrow(segments: np.ndarray) -> np.ndarray:
    """One row where all are equal: it serves all brains."""
    return segments[:1] if (segments == segments[0]).all() else segments


def _lists(samples: Any, M: int, count: int) -> list[np.ndarray] | None:
    """The lists of rows, one for all or one per brain; None for the other forms."""
    if samples is None or isinstance(samples, Folds) or _is_range(samples):
        return None
    array = samples if isinstance(samples, np.ndarray) else None
    if array is not None and array.ndim == 2 and array.dtype.kind in "iu":
        return None
    if array is not None and array.ndim == 1 and array.dtype != object:
        return [_rows(array, M, "samples")]
    if not isinstance(samples, (Sequence, np.ndarray)) or isinstance(samples, (str, bytes)):
        raise SettingsError(
            f"fit: samples {samples!r} are no samples. Give swarm.Folds(5), a range (start, stop), ranges [N, 2], row"
            " numbers, or a list of them for each brain."
        )
    if all(np.ndim(entry) == 0 for entry in samples):
        return [_rows(np.asarray(samples), M, "samples")]
    if len(samples) != count:
        raise SettingsError(f"fit: samples hold {len(samples)} lists of rows for {count} brains. Give one for each.")
    return [_rows(np.asarray(entry), M, f"samples of brain {k}") for k, entry in enumerate(samples)]


def _is_range(samples: Any) -> bool:
    return isinstance(samples, tuple) and len(samples) == 2 and all(isinstance(v, (int, np.integer)) for v in samples)


def _rows(array: np.ndarray, M: int, words: str) -> np.ndarray:
    if array.dtype == bool and array.shape == (M,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise SettingsError(f"fit: {words}: {array.dtype} {array.shape} are no row numbers, nor a mask [{M}].")
    if len(array) == 0:
        raise DataError(f"fit: {words} are empty. Give each brain one row at least.")
    wrong = (array < 0) | (array >= M)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(f"fit: {words}: entry {at} is row {array[at]}; there are rows 0..{M - 1}.")
    return array.astype(np.int32)


def _ranges(samples: Any, M: int, count: int) -> np.ndarray:
    ranges = np.asarray(samples, np.int64).reshape(-1, np.shape(samples)[-1])
    if ranges.shape not in ((1, 2), (count, 2)):
        raise SettingsError(f"fit: samples have the shape {ranges.shape}; ranges are (start, stop) or [{count}, 2].")
    wrong = (ranges[:, 0] < 0) | (ranges[:, 1] > M) | (ranges[:, 0] >= ranges[:, 1])
    if wrong.any():
        at = int(np.argmax(wrong))
        start, stop = ranges[at]
        raise DataError(f"fit: samples {start}..{stop} of brain {at} are no range in 0..{M} with one sample at least.")
    return np.concatenate([ranges, np.zeros_like(ranges)], axis=1)


def _listed(lists: list[np.ndarray], weights: Any, M: int, count: int) -> Parts:
    """Lists one behind the other, equal ones once."""
    each = _list_weights(lists, weights)
    known: dict[tuple[bytes, bytes], tuple[int, int]] = {}
    flat, weighed, segments, end = [], [], [], 0
    for k, rows in enumerate(lists):
        own = each[k] if each else None
        name = rows.tobytes(), b"" if own is None else own.tobytes()
        if name not in known:
            known[name] = end, end + len(rows)
            flat.append(rows)
            weighed.append(own)
            end += len(rows)
            if end >= LIMIT:
                raise SettingsError(f"fit: samples name more than {LIMIT - 1:,} rows in all. Use ranges or Folds.")
        segments.append((*known[name], 0, 0))
    if each:
        _refuse_weightless(np.array([(own > 0).sum() for own in each]))
    return Parts(M, np.concatenate(flat), _narrow(np.array(segments)), np.concatenate(weighed) if each else None)


def _list_weights(lists: list[np.ndarray], weights: Any) -> list[np.ndarray]:
    if weights is None:
        return []
    given = [weights] if len(lists) == 1 and np.ndim(weights[0]) == 0 else weights
    if len(given) != len(lists):
        raise SettingsError(f"fit: weights hold {len(given)} lists for {len(lists)} lists of samples.")
    return [
        _weights(own, len(rows), f"weights of brain {k}")
        for k, (own, rows) in enumerate(zip(given, lists, strict=True))
    ]


def _weights(weights: Any, count: int, words: str) -> np.ndarray:
    try:
        array = np.asarray(weights, np.float32)
    except (TypeError, ValueError):
        raise SettingsError(f"fit: {words} are no numbers.") from None
    if array.shape != (count,):
        raise SettingsError(f"fit: {words} have the shape {array.shape}; there are {count} samples to weigh.")
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(f"fit: {words}: entry {at} is {array[at]}; a weight is a finite number of 0 or more.")
    return array


def _refuse_weightless(some: np.ndarray) -> None:
    if (some == 0).any():
        raise DataError(f"fit: all samples of brain {int(np.argmin(some))} have weight 0, so it has nothing to learn.")
