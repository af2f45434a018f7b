"""Components: declared groups of columns. A component holds no data and no logic; it gives columns their names.

    class Body(Component):
        pos = f32(2, unit="m")
        vel = f32(2, unit="m/s")

`Body.pos` is a `Column`, a name that systems and queries pass around. `Body(pos=...)` holds initial values for `spawn`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from swarm.backend.device import Backend
from swarm.errors import NonFiniteError, SchemaError

_HOST = Backend("reference", 1, "values on the host")
_RESERVED = {"columns", "resets", "values"}


class Column:
    """One column: its dtype, the shape of one row, unit and default. Compared and hashed by identity.

    default: the initial value, broadcast to `shape`; without one the column starts at 0 and counts as not given.
    resets: newborns get the default instead of the parent's value. transient: holds what this tick's systems put there,
    so that whoever reads it must run after its writer. Both follow the component (`Component.resets`) if None.
    parent, part: this column is the slice `part` of the last axis of the column `parent` and has no storage of its own.
    """

    def __init__(
        self,
        dtype: Any,
        shape: tuple[int, ...] = (),
        *,
        unit: str = "",
        default: Any = None,
        resets: bool | None = None,
        transient: bool | None = None,
        parent: Column | None = None,
        part: slice | None = None,
    ) -> None:
        self.name = ""
        self.owner: type[Component] | None = None
        self.dtype = np.dtype(dtype)
        self.shape = tuple(int(s) for s in shape)
        self.unit = unit
        self.given = default is not None
        self.parent, self.part = parent, part
        self._resets, self._transient = resets, transient
        if any(s < 1 for s in self.shape):
            raise SchemaError(f"column: shape {self.shape} has an empty axis. Give sizes of 1 or more, or none.")
        if (parent is None) != (part is None):
            raise SchemaError("column: a part of another column needs both, `parent` and `part`.")
        if self.dtype.kind not in "fiub":
            raise SchemaError(f"column: dtype {self.dtype} is no number. Use f32, f64, i32, i64, u8, u32, u64, bool_.")
        try:
            value = np.asarray(default if self.given else 0, self.dtype)
            self.default = np.broadcast_to(value, self.shape).copy()
        except (TypeError, ValueError) as error:
            raise SchemaError(
                f"column: default {default!r} does not fill {self.shape} of {self.dtype}. Give a number or that shape."
            ) from error

    @property
    def key(self) -> str:
        """The column's name in files, hashes and messages, such as "Body.pos"."""
        return f"{self.owner.__name__ if self.owner else '?'}.{self.name}"

    @property
    def root(self) -> Column:
        """The column that holds the storage: itself, or the one this is a part of."""
        return self if self.parent is None else self.parent.root

    @property
    def resets(self) -> bool:
        """Whether newborns start with the default instead of their parent's value."""
        return self._resets if self._resets is not None else bool(self.owner and self.owner.resets)

    @property
    def transient(self) -> bool:
        """Whether readers must run after this tick's writer."""
        return self._transient if self._transient is not None else bool(self.owner and self.owner.resets)

    @property
    def wraps(self) -> bool:
        """Whether this is a position on the torus: shape (2,), floating, in metres."""
        return self.unit == "m" and self.shape == (2,) and self.dtype.kind == "f"

    @property
    def row_bytes(self) -> int:
        """Bytes of one row; 0 for a part of another column."""
        return 0 if self.parent is not None else self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))

    def overlaps(self, other: Column) -> bool:
        """Whether writing one changes the other: the same column, a part and its whole, or parts that share places."""
        if self.root is not other.root:
            return False
        if self is other or self.parent is None or other.parent is None:
            return True
        a, b = (range(*c.part.indices(c.root.shape[-1])) for c in (self, other) if c.part is not None)
        return bool(set(a) & set(b))

    def describe(self) -> dict[str, Any]:
        """Plain values for files: name, dtype, shape, unit."""
        return {"name": self.name, "dtype": self.dtype.name, "shape": list(self.shape), "unit": self.unit}

    def __repr__(self) -> str:
        shape = "".join(f"[{s}]" for s in self.shape)
        return f"<{self.key} {self.dtype.name}{shape}{' ' + self.unit if self.unit else ''}>"


def _maker(name: str, dtype: Any) -> Callable[..., Any]:
    def make(*shape: int, unit: str = "", default: Any = None, resets: bool | None = None,
             transient: bool | None = None) -> Any:  # fmt: skip
        return Column(dtype, shape, unit=unit, default=default, resets=resets, transient=transient)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A column of {np.dtype(dtype).name}: `{name}()` one number a row, `{name}(2)` two. See `Column`."
    return make


f32 = _maker("f32", np.float32)
f64 = _maker("f64", np.float64)
i32 = _maker("i32", np.int32)
i64 = _maker("i64", np.int64)
u8 = _maker("u8", np.uint8)
u32 = _maker("u32", np.uint32)
u64 = _maker("u64", np.uint64)
bool_ = _maker("bool_", np.bool_)


class Component:
    """Base of all components. A class declares columns; an instance holds initial values for `spawn` and `birth`.

    A value is one for all (scalar or `shape`), one per entity ([count, *shape]) or a function of count that returns
    either, such as `world.scatter`. Raises `SchemaError` for a name that is not a column.
    """

    columns: ClassVar[tuple[Column, ...]] = ()
    resets: ClassVar[bool] = False  # newborns start with the defaults, and readers run after this tick's writer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if any(base.columns for base in cls.__mro__[1:] if issubclass(base, Component)):
            raise SchemaError(f"{cls.__name__}: a component cannot extend another. Declare it alone and spawn both.")
        found = [(name, column) for name, column in vars(cls).items() if isinstance(column, Column)]
        for name, column in found:
            if name in _RESERVED:
                raise SchemaError(f"{cls.__name__}.{name}: this name is the engine's. Choose another.")
            if column.owner is not None:
                raise SchemaError(f"{cls.__name__}.{name}: this column is already {column.key}. Declare a new one.")
            column.name, column.owner = name, cls
        cls.columns = tuple(column for _, column in found)

    def __init__(self, **values: Any) -> None:
        kind = type(self)
        names = {column.name: column for column in kind.columns}
        self.values: dict[Column, Any] = {}
        for name, value in values.items():
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Its columns: {', '.join(names) or 'none'}."
                raise SchemaError(f"{kind.__name__}: no column {name!r}. {hint}")
            self.values[names[name]] = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(column.name for column in self.values)})"


def fill(column: Column, value: Any, count: int, where: str, backend: Backend = _HOST) -> Any:
    """`value` for `count` new rows of `column`: an array [count, *shape] or [*shape], in the column's dtype.

    It is on the host, or on the device where `value` was. where: the start of the error's text, such as
    "spawn 'forager'". Raises `SchemaError` for shapes and dtypes that do not fit, `NonFiniteError` for positions that
    are NaN or infinite.
    """
    got = backend.either(value(count) if callable(value) else value)
    array = cast(column, got, where)
    if array.shape not in ((), column.shape, (count, *column.shape)):
        raise SchemaError(
            f"{where}: {column.key} got shape {got.shape}, wants {(count, *column.shape)}, one row for each, or "
            f"{column.shape}, the same for all."
        )
    if column.wraps and count and not backend.of(array).isfinite(array).all():
        rows = np.broadcast_to(backend.host(array), (count, *column.shape))
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise NonFiniteError(f"{where}: {column.key} is {rows[row]} in row {row}. Positions are finite numbers.")
    return array


def cast(column: Column, array: Any, where: str) -> Any:
    """`array` in the dtype of `column`, unless that loses its meaning: floats to integers, numbers out of range."""
    if array.dtype == column.dtype:
        return array
    kinds = {"f": "fiub", "i": "iub", "u": "iub", "b": "b"}[column.dtype.kind]
    if array.dtype.kind not in kinds:
        raise SchemaError(f"{where}: {column.key} is {column.dtype}, got {array.dtype}. Convert it with .astype first.")
    if column.dtype.kind in "iu" and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(column.dtype)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise SchemaError(f"{where}: {column.key} is {column.dtype}; {array.min()}..{array.max()} is out of range.")
    return array.astype(column.dtype)
