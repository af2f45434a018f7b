"""A stand-in for the `cupy` module on host memory, for tests: as strict as CuPy, or stricter.

- NumPy arrays are not taken (nor given) implicitly: `np.asarray(device)`, `device + host`, `device[...] = host` raise.
- Whatever must wait for a value (`int()`, `.get()`, a boolean index, `nonzero`, ...) counts in `owner.reads`.
- While the owner captures a graph, every operation here raises, apart from views: on a card it would end up outside
  of the graph or break the capture.
- New memory holds 0xCB bytes, and arrays end at an unreadable page (memory.py).

`owner` is the `HostDevice` that uses the module. What is not here, no code of the engine may use; test_shim_cupy.py
holds every name and keyword against the real CuPy where it is installed.
"""

from __future__ import annotations

import builtins
import operator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np

from tests.shim.memory import MEMORY, OutOfMemory

owner: Any = None  # the HostDevice: its `reads` count, its `capturing` forbids

float16, float32, float64 = np.float16, np.float32, np.float64
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
bool_, inf, nan, pi, newaxis = np.bool_, np.inf, np.nan, np.pi, None

_SCALARS = (bool, int, float, complex, np.generic)
_DTYPES = {np.dtype(t) for t in tuple("?bhilqBHILQefdFD")} | {np.dtype(ml_dtypes.bfloat16)}
_IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
)


def _touch(what: str) -> None:
    if owner is not None and owner.capturing:
        raise RuntimeError(f"{what} while a graph is captured: only launches, device.copy and device.fill may be.")


def _read(what: str) -> None:
    _touch(what)
    if owner is not None:
        owner.reads += 1


def _dtype(dtype: Any) -> np.dtype:
    found = np.dtype(dtype)
    if found not in _DTYPES:
        raise ValueError(f"Unsupported dtype {found}")
    return found


def _new(shape: Any, dtype: Any) -> ndarray:
    """An uninitialised array: filled with 0xCB."""
    _touch("an allocation")
    dtype = _dtype(dtype)
    shape = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(operator.index(s) for s in shape)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size == 0:
        return _wrap(np.empty(shape, dtype))
    try:
        region = MEMORY.take(size, f"an array {list(shape)} of {dtype}")
    except OutOfMemory as error:
        raise cuda.memory.OutOfMemoryError(error.size, error.used, error.limit) from None
    return _wrap(np.ndarray(shape, dtype, buffer=region.buffer()))


def _wrap(array: np.ndarray, base: ndarray | None = None) -> ndarray:
    made = object.__new__(ndarray)
    made._a, made.base = array, base
    return made


def _give(result: Any, sources: tuple[ndarray, ...] = ()) -> Any:
    """A NumPy result as a device array: a view where it is a view of device memory, else new memory."""
    if isinstance(result, (tuple, list)):
        return type(result)(_give(one, sources) for one in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    if isinstance(result, np.ndarray):
        for one in sources:
            if result.size and np.may_share_memory(result, one._a):
                return _wrap(result, one if one.base is None else one.base)
    made = _new(result.shape, result.dtype)
    made._a[...] = result
    return made


def _take(value: Any, what: str) -> Any:
    """The NumPy side of an argument. Raises TypeError for NumPy arrays."""
    if isinstance(value, ndarray):
        return value._a
    if isinstance(value, np.ndarray):
        raise TypeError(f"{what}: Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)):
        return type(value)(_take(one, what) for one in value)
    return value


def _arrays(values: Any) -> tuple[ndarray, ...]:
    found: list[ndarray] = []
    for value in values:
        if isinstance(value, ndarray):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _arrays(value)
    return tuple(found)


def _call(function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    _touch(name)
    out = kwargs.get("out")
    given = [_take(value, name) for value in args]
    named = {key: _take(value, name) for key, value in kwargs.items() if value is not None or key == "axis"}
    if isinstance(out, tuple):
        out = out[0]
    with np.errstate(all="ignore"):
        result = function(*given, **named)
    if out is not None:
        return out
    return _give(result, _arrays(args))


def _index(key: Any, what: str) -> Any:
    """An index for NumPy; a boolean array on the device must be counted first, which waits."""
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, ndarray):
            _touch("an index on the device")
            if part.dtype == bool and what == "read":
                _read("a boolean index")
        elif isinstance(part, np.ndarray):
            raise TypeError("an index that is a NumPy array: copy it to the device first")
    given = tuple(_take(part, "an index") for part in parts)
    return given if isinstance(key, tuple) else given[0]


class ndarray:
    """An array on the (host's) device."""

    __slots__ = ("__weakref__", "_a", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]
    _a: np.ndarray
    base: Any

    def __new__(cls, shape: Any, dtype: Any = float, *_: Any, **__: Any) -> ndarray:
        return _new(shape, dtype)

    # what it is

    shape = property(lambda self: self._a.shape)
    dtype = property(lambda self: self._a.dtype)
    size = property(lambda self: self._a.size)
    ndim = property(lambda self: self._a.ndim)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    strides = property(lambda self: self._a.strides)
    flags = property(lambda self: self._a.flags)
    data = property(lambda self: SimpleNamespace(ptr=self._a.ctypes.data if self._a.size else 0))
    T = property(lambda self: _wrap(self._a.T, self if self.base is None else self.base))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "data": (self.data.ptr, False),
            "strides": None if self.flags.c_contiguous else self.strides,
            "version": 3,
            "stream": 1,
        }

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        _touch("__dlpack__")
        return self._a.__dlpack__(max_version=max_version, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._a.__dlpack_device__()  # the host, as it is

    def __len__(self) -> int:
        return len(self._a)

    def __repr__(self) -> str:
        _read("repr()")
        return repr(self._a).replace("array", "hostcupy.array", 1)

    def __str__(self) -> str:
        _read("str()")
        return str(self._a)

    def __format__(self, spec: str) -> str:
        _read("format()")
        return format(self._a, spec)

    # to and from the host

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        _read("get()")
        if out is not None:
            out[...] = self._a
            return out
        return np.array(self._a, order=order)  # type: ignore[call-overload]

    def set(self, arr: Any, stream: Any = None) -> None:
        _touch("set()")
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        self._a[...] = arr

    def item(self, *args: int) -> Any:
        _read("item()")
        return self._a.item(*args)

    def tolist(self) -> Any:
        _read("tolist()")
        return self._a.tolist()

    def tobytes(self, order: str = "C") -> bytes:
        _read("tobytes()")
        return self._a.tobytes(order)  # type: ignore[arg-type]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(_IMPLICIT)

    def __bool__(self) -> bool:
        _read("bool()")
        return bool(self._a)

    def __int__(self) -> int:
        _read("int()")
        return int(self._a)

    def __float__(self) -> float:
        _read("float()")
        return float(self._a)

    # parts and shapes; views may be made in a capture, a copy allocates and may not

    def __getitem__(self, key: Any) -> ndarray:
        return _give(self._a[_index(key, "read")], (self,))

    def __setitem__(self, key: Any, value: Any) -> None:
        _touch("an assignment")
        masked = builtins.any(
            isinstance(k, ndarray) and k.dtype == bool for k in (key if isinstance(key, tuple) else (key,))
        )
        if isinstance(value, ndarray):
            if masked and value.size != 1:
                _read("an assignment of an array through a boolean index")
            value = value._a
        elif not isinstance(value, _SCALARS):
            raise TypeError(f"Unsupported type {type(value)}")
        with np.errstate(all="ignore"):
            self._a[_index(key, "write")] = value

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def view(self, dtype: Any = None) -> ndarray:
        return _wrap(
            self._a.view(self.dtype if dtype is None else _dtype(dtype)), self if self.base is None else self.base
        )

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        return _give(self._a.reshape(*shape, order=order), (self,))  # type: ignore[call-overload]

    def ravel(self, order: str = "C") -> ndarray:
        return _give(self._a.ravel(order), (self,))  # type: ignore[arg-type]

    def transpose(self, *axes: Any) -> ndarray:
        return _give(self._a.transpose(*axes), (self,))

    def squeeze(self, axis: Any = None) -> ndarray:
        return _give(self._a.squeeze(axis), (self,))

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True
    ) -> ndarray:
        _touch("astype()")
        if not copy and self.dtype == _dtype(dtype):
            return self
        with np.errstate(all="ignore"):
            return _give(self._a.astype(_dtype(dtype), order=order))  # type: ignore[arg-type]

    def copy(self, order: str = "C") -> ndarray:
        return _give(self._a.copy(order))  # type: ignore[arg-type]

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    def flatten(self, order: str = "C") -> ndarray:
        return _give(self._a.flatten(order))  # type: ignore[arg-type]

    def fill(self, value: Any) -> None:
        _touch("fill()")
        if isinstance(value, np.ndarray):
            raise TypeError("fill() takes a scalar")
        self._a.fill(_take(value, "fill()"))

    def sort(self, axis: int = -1, *, kind: Any = None) -> None:
        _touch("sort()")
        _stable(kind)
        self._a.sort(axis, kind="stable")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__
        if name not in UFUNCS:
            return NotImplemented
        out = kwargs.get("out")
        if out is not None and builtins.any(one is not None and not isinstance(one, ndarray) for one in out):
            raise TypeError(f"{name}: an output that is not on the device")
        return _call(getattr(ufunc, method), name, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        names = vars(linalg) if function.__module__ == "numpy.linalg" else globals()
        ours = names.get(function.__name__)
        if ours is None or not callable(ours):
            return NotImplemented
        return ours(*args, **kwargs)


def _operators() -> None:
    """Operators and reductions, as methods."""

    def binary(function: Any, swapped: bool) -> Any:
        def method(self: ndarray, other: Any) -> Any:
            if not isinstance(other, (ndarray, *_SCALARS)):
                if isinstance(other, np.ndarray):
                    raise TypeError(f"{function.__name__}: Unsupported type {type(other)}")
                return NotImplemented
            pair = (other, self) if swapped else (self, other)
            return _call(function, function.__name__, pair, {})

        return method

    def in_place(function: Any) -> Any:
        def method(self: ndarray, other: Any) -> ndarray:
            if not isinstance(other, (ndarray, *_SCALARS)):
                raise TypeError(f"{function.__name__}: Unsupported type {type(other)}")
            _touch(function.__name__)
            with np.errstate(all="ignore"):
                function(self._a, _take(other, function.__name__), out=self._a)
            return self

        return method

    pairs = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
        "mod": np.remainder, "pow": np.power, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        "lshift": np.left_shift, "rshift": np.right_shift, "matmul": np.matmul,
    }  # fmt: skip
    for name, function in pairs.items():
        setattr(ndarray, f"__{name}__", binary(function, False))
        setattr(ndarray, f"__r{name}__", binary(function, True))
        if name != "matmul":
            setattr(ndarray, f"__i{name}__", in_place(function))
    compared = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal}
    for name, function in {**compared, "ne": np.not_equal}.items():
        setattr(ndarray, f"__{name}__", binary(function, False))
    for name, function in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
        setattr(ndarray, f"__{name}__", lambda self, f=function: _call(f, f.__name__, (self,), {}))
    for name in METHODS:
        setattr(ndarray, name, lambda self, *args, _f=name, **kwargs: globals()[_f](self, *args, **kwargs))


def _stable(kind: Any) -> None:
    if kind not in (None, "stable"):
        raise ValueError("kind can only be None or 'stable'")


# ------------------------------------------------------------------------------------------------ functions


def _words(text: str) -> list[str]:
    return text.split()


# every ufunc that has a namesake in NumPy
UFUNCS = frozenset(_words("""
    add subtract multiply divide true_divide floor_divide remainder mod power negative positive absolute fmod sign
    reciprocal square sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan arctan2 sinh cosh
    tanh hypot floor ceil trunc rint fabs isfinite isinf isnan signbit copysign maximum minimum fmax fmin equal
    not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not bitwise_and
    bitwise_or bitwise_xor invert bitwise_not left_shift right_shift matmul conjugate
"""))  # fmt: skip

# functions as in NumPy: their parameters in CuPy, in order; those that follow `*` are keywords
FUNCTIONS = {
    "sum": "a axis dtype out keepdims", "prod": "a axis dtype out keepdims", "min": "a axis out keepdims",
    "max": "a axis out keepdims", "amin": "a axis out keepdims", "amax": "a axis out keepdims",
    "mean": "a axis dtype out keepdims", "var": "a axis dtype out ddof keepdims",
    "std": "a axis dtype out ddof keepdims",
    "any": "a axis out keepdims", "all": "a axis out keepdims", "argmin": "a axis", "argmax": "a axis",
    "count_nonzero": "a axis", "cumsum": "a axis dtype out", "cumprod": "a axis dtype out", "diff": "a n axis",
    "clip": "a a_min a_max out", "take": "a indices axis out", "searchsorted": "a v side sorter",
    "where": "condition x y", "concatenate": "tup axis", "stack": "tup axis", "vstack": "tup", "hstack": "tup",
    "broadcast_to": "array shape", "reshape": "a newshape order", "ravel": "a order", "transpose": "a axes",
    "expand_dims": "a axis", "squeeze": "a axis", "swapaxes": "a axis1 axis2", "moveaxis": "a source destination",
    "tile": "A reps", "roll": "a shift axis", "flip": "a axis", "repeat": "a repeats axis", "isin":
    "element test_elements assume_unique invert", "array_equal": "a1 a2", "dot": "a b out", "einsum": "",
    "nan_to_num": "x copy nan posinf neginf", "lexsort": "keys", "round": "a decimals out", "around": "a decimals out",
    "ptp": "a axis out keepdims", "trace": "a offset axis1 axis2 dtype out", "diagonal": "a offset axis1 axis2",
    "triu": "m k", "tril": "m k", "meshgrid": "", "atleast_1d": "", "atleast_2d": "",
    "isclose": "a b rtol atol equal_nan", "allclose": "a b rtol atol equal_nan",
}  # fmt: skip
READING = {  # their result's size is a value on the device, which the host waits for
    "nonzero": "a", "flatnonzero": "a", "argwhere": "a", "bincount": "x weights minlength",
    "unique": "ar return_index return_inverse return_counts axis",
}  # fmt: skip
METHODS = _words("""
    sum prod min max mean var std any all argmin argmax cumsum cumprod clip take argsort nonzero repeat dot round
    ptp searchsorted swapaxes trace diagonal
""")  # fmt: skip
_NUMPY_NAMES = {
    ("flip", "a"): "m",
    ("reshape", "newshape"): "shape",
    ("concatenate", "tup"): "arrays",
    ("stack", "tup"): "arrays",
}


def _function(name: str, parameters: str, reading: bool) -> Any:
    known = parameters.split()
    function = getattr(np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        if known:
            wrong = [key for key in kwargs if key not in known]
            if wrong:
                raise TypeError(f"{name}() got an unexpected keyword argument {wrong[0]!r}")
            if len(args) > len(known):
                raise TypeError(f"{name}() takes {len(known)} positional arguments but {len(args)} were given")
        if not _arrays((*args, *kwargs.values())):
            raise TypeError(f"{name}() takes arrays on the device, not {type(args[0]).__name__ if args else 'nothing'}")
        if reading:
            _read(f"{name}()")
        elif name == "repeat" and isinstance(args[1] if len(args) > 1 else kwargs.get("repeats"), ndarray):
            _read("repeat() with an array of counts")
        if name == "where" and len(args) + len(kwargs) == 1:
            _read("where() with one argument")
        if name == "array_equal":
            return array(bool(function(*(_take(one, name) for one in args), **kwargs)))
        if name == "allclose":
            return array(bool(function(*(_take(one, name) for one in args), **kwargs)))
        named = {_NUMPY_NAMES.get((name, key), key): value for key, value in kwargs.items()}
        return _call(function, name, args, named)

    call.__name__ = call.__qualname__ = name
    return call


class ufunc:
    """`hostcupy.add` and the like."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name
        self._numpy = getattr(np, name)
        self.nin, self.nout = self._numpy.nin, self._numpy.nout

    def __repr__(self) -> str:
        _read("repr()")
        return f"<ufunc {self.name!r}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for one in (*args, kwargs.get("out")):
            if one is not None and not isinstance(one, (ndarray, *_SCALARS)):
                raise TypeError(f"{self.name}: Unsupported type {type(one)}")
        if len(args) > self.nin:
            *args, kwargs["out"] = args
        return _call(self._numpy, self.name, tuple(args), kwargs)

    def reduce(self, array: ndarray, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _call(
            self._numpy.reduce, self.name, (array,), {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims}
        )

    def accumulate(self, array: ndarray, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        return _call(self._numpy.accumulate, self.name, (array,), {"axis": axis, "dtype": dtype, "out": out})

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        _touch(self.name)
        self._numpy.at(a._a, _index(indices, "write"), *(() if b is None else (_take(b, self.name),)))


for _name in UFUNCS:
    globals()[_name] = ufunc(_name)
for _name, _parameters in FUNCTIONS.items():
    globals()[_name] = _function(_name, _parameters, False)
for _name, _parameters in READING.items():
    globals()[_name] = _function(_name, _parameters, True)
abs = globals()["absolute"]
_operators()


def _norm(x: ndarray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> ndarray:
    return _call(np.linalg.norm, "norm", (x,), {"ord": ord, "axis": axis, "keepdims": keepdims})


linalg = SimpleNamespace(norm=_norm)


def argsort(a: ndarray, axis: Any = -1, kind: Any = None) -> ndarray:
    _stable(kind)
    return _call(np.argsort, "argsort", (a,), {"axis": axis, "kind": "stable"})


def sort(a: ndarray, axis: Any = -1, kind: Any = None) -> ndarray:
    _stable(kind)
    return _call(np.sort, "sort", (a,), {"axis": axis, "kind": "stable"})


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return _new(shape, dtype)


def zeros(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 1, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    if isinstance(fill_value, np.ndarray):
        raise TypeError("full(): Unsupported type numpy.ndarray")
    value = _take(fill_value, "full()")
    made = _new(shape, np.asarray(value).dtype if dtype is None else dtype)
    made._a[...] = value
    return made


def empty_like(prototype: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    return _new(prototype.shape if shape is None else shape, prototype.dtype if dtype is None else dtype)


def zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    return zeros(a.shape if shape is None else shape, a.dtype if dtype is None else dtype)


def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    return ones(a.shape if shape is None else shape, a.dtype if dtype is None else dtype)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    return full(a.shape if shape is None else shape, fill_value, a.dtype if dtype is None else dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> ndarray:
    for one in (start, stop, step):
        if isinstance(one, ndarray):
            _read("arange() of a value on the device")
    bounds = [one.item() if isinstance(one, ndarray) else one for one in (start, stop, step)]
    return _give(np.arange(0, bounds[0], bounds[2], dtype) if stop is None else np.arange(*bounds, dtype=dtype))


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> ndarray:
    return _give(np.linspace(start, stop, num, endpoint, retstep, dtype, axis))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C") -> ndarray:
    return _give(np.eye(N, M, k, dtype))


def array(
    obj: Any, dtype: Any = None, copy: Any = True, order: str = "K", subok: bool = False, ndmin: int = 0, *,
    blocking: bool = False,
) -> ndarray:  # fmt: skip
    """From the host (a copy to the device) or from the device."""
    _touch("array()")
    if isinstance(obj, ndarray):
        if not copy and (dtype is None or obj.dtype == np.dtype(dtype)):
            return obj
        return _give(obj._a.astype(obj.dtype if dtype is None else _dtype(dtype)))
    if isinstance(obj, (list, tuple)) and _arrays(obj):
        return _give(np.array(_take(obj, "array()"), dtype=dtype))
    if hasattr(obj, "__cuda_array_interface__"):
        return _wrap(np.asarray(_Foreign(obj)))
    made = np.array(obj, dtype=dtype, ndmin=ndmin)
    return _give(made.astype(_dtype(made.dtype)))


class _Foreign:
    """Somebody else's device array: the same protocol under the name that NumPy knows."""

    def __init__(self, array: Any) -> None:
        said = array.__cuda_array_interface__
        self.kept = array
        self.__array_interface__ = {key: said[key] for key in ("shape", "typestr", "data", "strides") if key in said}
        self.__array_interface__["version"] = 3


def asarray(a: Any, dtype: Any = None, order: Any = None, *, blocking: bool = False) -> ndarray:
    return array(a, dtype, copy=False)


def asanyarray(a: Any, dtype: Any = None, order: Any = None, *, blocking: bool = False) -> ndarray:
    return array(a, dtype, copy=False)


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    found = array(a, dtype, copy=False)
    return found if found.flags.c_contiguous and found.ndim else _give(np.array(found._a, order="C", ndmin=1))


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get(order=order, out=out) if isinstance(a, ndarray) else np.asarray(a)


def copy(a: ndarray, order: str = "K") -> ndarray:
    return a.copy()


def copyto(dst: ndarray, src: Any, casting: Any = "same_kind", where: Any = None) -> None:
    _touch("copyto()")
    if not isinstance(src, (ndarray, *_SCALARS)):
        raise TypeError(f"copyto: Unsupported type {type(src)}")
    kept = {} if where is None else {"where": _take(where, "copyto()")}
    with np.errstate(all="ignore"):
        np.copyto(dst._a, _take(src, "copyto()"), casting=casting, **kept)


def from_dlpack(x: Any, *, device: Any = None, copy: Any = None) -> ndarray:
    return _give(np.from_dlpack(x))


def may_share_memory(a: ndarray, b: ndarray, max_work: Any = None) -> bool:
    return np.may_share_memory(a._a, b._a)


def shares_memory(a: ndarray, b: ndarray, max_work: Any = None) -> bool:
    return np.shares_memory(a._a, b._a)


def get_array_module(*args: Any) -> Any:
    import sys

    return sys.modules[__name__] if builtins.any(isinstance(one, ndarray) for one in args) else np


def result_type(*args: Any) -> np.dtype:
    return np.result_type(*(one.dtype if isinstance(one, ndarray) else one for one in args))


# ------------------------------------------------------------------------------------------------ cupy.cuda


class _OutOfMemoryError(MemoryError):
    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        super().__init__(
            f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes, "
            f"limit set to: {limit:,} bytes)."
        )


class _Stream:
    """Work on the host is done when it returns, so streams do nothing."""

    ptr = 0

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: Any = None
    ) -> None:
        self.null = null

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: Any) -> None: ...

    def use(self) -> _Stream:
        return self

    def synchronize(self) -> None:
        _touch("synchronize()")


@contextmanager
def _device(number: int = 0) -> Any:
    yield number


_OutOfMemoryError.__name__ = _OutOfMemoryError.__qualname__ = "OutOfMemoryError"
_Stream.__name__ = _Stream.__qualname__ = "Stream"
cuda = SimpleNamespace(
    Stream=_Stream,
    Device=_device,
    is_available=lambda: True,
    memory=SimpleNamespace(OutOfMemoryError=_OutOfMemoryError),
    get_current_stream=lambda device_id=None: _Stream(null=True),
)
cuda.Stream.null = _Stream(null=True)
