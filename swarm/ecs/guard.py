"""Views of columns that end with the barrier: a stale one raises `StaleError` instead of showing other entities.

A guarded view is an ndarray subclass. Slices, reshapes and transposes of it are guarded too; copies and results of
arithmetic are plain arrays. `np.asarray(view)` takes the guard off, for code that does not know the subclass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.errors import SchemaError, StaleError


class Lease:
    """How long views of one table stand: from one change of its rows to the next."""

    __slots__ = ("ended", "table")

    def __init__(self, table: str) -> None:
        self.table = table
        self.ended = ""  # what ended it, such as "the barrier of tick 12"

    def check(self, what: str) -> None:
        if self.ended:
            raise StaleError(
                f"{what} of table '{self.table}': this view ended with {self.ended}. Take it again from world.query in "
                "each tick, or keep a .copy()."
            )


class Guarded(np.ndarray):
    """A column of one table, [n, *shape], until the next barrier."""

    _lease: Lease | None
    _what: str

    def __array_finalize__(self, obj: Any) -> None:
        self._lease = getattr(obj, "_lease", None)
        self._what = getattr(obj, "_what", "a column")

    def _plain(self) -> np.ndarray:
        if self._lease is not None and self._lease.ended:
            self._lease.check(self._what)
        return np.ndarray.view(self, np.ndarray)

    def _guard(self, result: Any) -> Any:
        """Guard `result` where it is a view of this memory."""
        mine = np.ndarray.view(self, np.ndarray)
        if isinstance(result, np.ndarray) and result.ndim and np.may_share_memory(result, mine):
            return guard(result, self._lease, self._what)
        if type(result) in (list, tuple):
            return type(result)([self._guard(r) for r in result])
        return result

    def _explain(self, error: Exception) -> SchemaError:
        table = self._lease.table if self._lease else "?"
        return SchemaError(f"{self._what} of table '{table}' is {self.dtype} {self.shape}: {error}.")

    def __getitem__(self, key: Any) -> Any:
        return self._guard(self._plain()[_strip(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        plain = self._plain()
        try:
            plain[_strip(key)] = _strip(value)
        except (ValueError, TypeError) as error:
            raise self._explain(error) from error

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        inputs = tuple(_strip(x) for x in inputs)
        kwargs = {name: _strip(value) for name, value in kwargs.items()}
        if out is None:
            return getattr(ufunc, method)(*inputs, **kwargs)
        try:
            getattr(ufunc, method)(*inputs, out=tuple(_strip(x) for x in out), **kwargs)
        except (ValueError, TypeError) as error:
            target = next((x for x in out if isinstance(x, Guarded)), None)
            if target is None:
                raise
            raise target._explain(error) from error
        return out[0] if len(out) == 1 else out

    def __array_function__(self, func: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        self._plain()
        return self._guard(func(*_strip(args), **_strip(kwargs)))

    @property
    def flat(self) -> Any:
        return self._plain().flat

    def __repr__(self) -> str:
        if self._lease is not None and self._lease.ended:
            return f"<stale view of {self._what}>"
        return repr(self._plain())

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(self._plain(), spec)


def guard(array: np.ndarray, lease: Lease | None, what: str) -> Guarded:
    """`array` as a guarded view that stands as long as `lease`; `what` names it in errors, such as "Body.pos"."""
    view = np.ndarray.view(array, Guarded)
    view._lease, view._what = lease, what
    return view


def _strip(value: Any) -> Any:
    """`value` without guards, inside tuples, lists and dicts too; raises if one of them is stale."""
    kind = type(value)
    if kind is Guarded:
        return value._plain()
    if kind is tuple or kind is list:
        return kind(_strip(v) for v in value)
    if kind is dict:
        return {k: _strip(v) for k, v in value.items()}
    return value


def _method(name: str) -> Callable:
    plain = getattr(np.ndarray, name)

    def method(self: Guarded, *args: Any, **kwargs: Any) -> Any:
        return self._guard(plain(self._plain(), *_strip(args), **_strip(kwargs)))

    method.__name__ = name
    method.__doc__ = plain.__doc__
    return method


_METHODS = """
    all any argmax argmin argpartition argsort astype byteswap choose clip compress copy cumprod cumsum diagonal dot
    dump dumps fill flatten item max mean min nonzero partition prod put ravel repeat reshape round searchsorted sort
    squeeze std sum swapaxes take tobytes tofile tolist trace transpose var view __bool__ __complex__ __contains__
    __copy__ __deepcopy__ __float__ __index__ __int__ __iter__ __reduce__
"""
for _name in _METHODS.split():
    setattr(Guarded, _name, _method(_name))
