"""Pair functions on the CPU: the user's function becomes part of one flat loop over the hits of a block.

    row, start [R] int32, place [H] int32, d2 (dx, dy) [H] float32 read      values [R][H] float64 written
    mine [N], theirs [n] columns read at row and place
    8 bytes and one call a hit and result; the columns of some 65,000 hits come from cache

The search has packed the hits (neighbours_search_cpu.py) and a fold follows; what is compiled here is this loop alone,
in about a second, for each set of columns' dtypes once a process. It is not kept on disk: the code is the user's, and what
it takes from its globals is not in its source. Without fast-math and fused operations LLVM may turn the loop into
vectors, but cannot change a bit. Functions that allocate do not compile: reference counting is off.
"""

from __future__ import annotations

import os
import re
import threading
from collections import namedtuple
from types import FunctionType

import numba
import numpy as np
from numba.core.errors import NumbaError

from swarm.backend import progress
from swarm.errors import SettingsError
from swarm.stages import pair as reference
from swarm.stages.neighbours_search import Block
from swarm.stages.pair_function import surroundings

_INT, _FLOAT = np.int32, np.float32
_SETTINGS = {"nogil": True, "error_model": "numpy", "fastmath": False, "_nrt": False}  # _nrt: may it allocate
_compiling = threading.RLock()
_LOOP = """
def values(row, start, place, dx, dy, d2, mine, theirs, out):
    for r in range(len(row)):
        i = uint64(row[r])
        me = {me}
        for h in range(uint64(start[r]), uint64(start[r + 1])):
            p = uint64(place[h])
            other = {other}
            distance = float64(sqrt(d2[h]))
            {results} = function({parameters})
"""
_FLAT = """
def values(row, start, place, dx, dy, d2, mine, theirs, out):
    me = {me}
    for h in range(len(place)):
        p = uint64(place[h])
        other = {other}
        distance = float64(sqrt(d2[h]))
        {results} = function({parameters})
"""


def compiled(function, mine, theirs):
    """See `pair.compiled`."""
    key = tuple(numba.typeof(column) for column in mine), tuple(numba.typeof(column) for column in theirs)
    with _compiling:
        if key not in function.compiled:
            if progress.watch is not None:
                progress.watch(f"pair {function.name}")
            function.compiled[key] = _compile(function, mine, theirs)
    loop = function.compiled[key]

    def values(block, out):
        try:
            loop(*block[:-1], mine, theirs, out)
        except Exception:
            reference.compiled(function, mine, theirs)(block, out)  # raises too, and knows the line
            raise

    return values


def _compile(function, mine, theirs):
    me, me_type = _record("me", function.mine, mine, "mine", "i")
    other, other_type = _record("other", function.theirs, theirs, "theirs", "p")
    inner = _kernel_of(function.call, {})
    types = {"me": me_type, "other": other_type, "distance": numba.float64, "dx": numba.float64, "dy": numba.float64}
    signature = tuple(types[name] for name in function.parameters)
    try:
        inner.compile(signature)
        returned = inner.overloads[signature].signature.return_type
    except (NumbaError, NotImplementedError, TypeError, ValueError, KeyError) as error:
        raise _explained(function, error) from error
    _check(function, returned)
    results = [f"out[{k}, h]" for k in range(function.width)]
    given = {"me": "me", "other": "other", "distance": "distance", "dx": "float64(dx[h])", "dy": "float64(dy[h])"}
    source = (_LOOP if function.mine else _FLAT).format(
        me=me, other=other, results=results[0] if function.single else ", ".join(results) + ",",
        parameters=", ".join(given[name] for name in function.parameters),
    )  # fmt: skip
    names = {
        "__name__": __name__,
        "function": inner,
        "float64": np.float64,
        "int64": np.int64,
        "uint64": np.uint64,
        "sqrt": np.sqrt,
    }
    names |= {"Me": _kind("me", function.mine), "Other": _kind("other", function.theirs), "bool": bool}
    exec(compile(source, f"<pair {function.name}>", "exec"), names)
    loop = numba.njit(names["values"], **_SETTINGS)
    none = Block(*(np.empty(0, kind) for kind in (_INT, _INT, _INT, _FLOAT, _FLOAT, _FLOAT)), -1)
    loop(*none[:-1], mine, theirs, np.empty((function.width, 0)))  # now, before there are several threads
    return loop


def _kernel_of(function, known):
    """The user's function compiled as our kernels are, and the plain functions that it calls with it."""
    if function not in known:
        names = {}
        for name, value in surroundings(function):
            names[name] = _kernel_of(value, {**known, function: None}) if isinstance(value, FunctionType) else value
        code = function.__code__
        around = {"__name__": __name__, **function.__globals__, **names}
        made = FunctionType(code, around, function.__name__, function.__defaults__, _cells(code, names))
        known[function] = numba.njit(made, **_SETTINGS)
    return known[function]


def _cells(code, names):
    def cell(value):
        return (lambda: value).__closure__[0]

    return tuple(cell(names[name]) for name in code.co_freevars) or None


def _kind(name, fields):
    return namedtuple(name, fields)


def _record(name, fields, columns, array, at):
    """The expression that makes `me` or `other` of the columns, and numba's type of it."""
    if not fields:
        return "0", numba.int64
    parts, values = [], []
    for k, column in enumerate(columns):
        cast = {"f": "float64({})", "b": "bool({})", "u": "uint64({})"}.get(column.dtype.kind, "int64({})")
        one = f"{array}[{k}][{at}]"
        each = [f"{array}[{k}][{at}, {axis}]" for axis in range(column.shape[1])] if column.ndim > 1 else [one]
        parts.append(cast.format(one) if column.ndim == 1 else f"({', '.join(map(cast.format, each))},)")
        values.append(reference.scalar(np.ones(column.shape[1:], column.dtype)[()]))
    kind = _kind(name, fields)
    return f"{name.capitalize()}({', '.join(parts)})", numba.typeof(kind(*values))


def _check(function, returned):
    """Raise `SettingsError` unless the function returns its width of numbers."""
    kinds = (returned,) if function.single else tuple(getattr(returned, "types", ()))
    fine = isinstance(returned, numba.types.BaseTuple) != function.single
    if not fine or len(kinds) != function.width or not all(_is_number(kind) for kind in kinds):
        raise SettingsError(
            f"{function.where()}: it returns {_plain(returned)}. Return a number, or several written out: return a, b; "
            "the same on every way through it."
        )


def _is_number(kind):
    return isinstance(kind, (numba.types.Float, numba.types.Integer, numba.types.Boolean, numba.types.IntegerLiteral))


def _plain(kind):
    return "nothing on some way through it" if isinstance(kind, (numba.types.Optional, numba.types.NoneType)) else kind


def _explained(function, error):
    """The error of a function that does not compile, with the user's line."""
    text = str(error)
    places = [*re.findall(r'File "(.+?)", line (\d+)', text), *re.findall(r"at (\S+) \((\d+)\)", text)]
    lines = [int(line) for file, line in places if os.path.basename(file) == os.path.basename(function.file)]
    where = function.where(lines[-1] if lines else None)
    if "NRT required" in text or "Only accept returning of array" in text:
        return SettingsError(
            f"{where}: it allocates memory (an array, a list, a text). It is called millions of times a tick: compute "
            "with single numbers."
        )
    told = [line.strip() for line in text.splitlines() if line.strip()]
    why = next((line for line in told if not line.startswith("Failed in nopython")), type(error).__name__)
    if why.startswith("No implementation of function"):
        why = "there is no " + next((line for line in told if line.startswith(">>> ")), ">>> such function")[4:]
    return SettingsError(
        f"{where}: {why.rstrip('.:')}. A pair function computes with numbers: arithmetic, comparisons, loops, math.*, "
        "and functions made of these."
    )
