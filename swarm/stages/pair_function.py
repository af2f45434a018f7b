"""A pair function: its parameters, the columns it asks for, how many numbers it returns, and what it may not do.

    def crowding(me, other, distance): return 1.0 / (1.0 + distance)

All of this is read off the compiled function, so that it works for functions of a file, a notebook and `exec` alike,
and long before anybody is near anybody.
"""

from __future__ import annotations

import builtins
import difflib
import dis
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError

PARAMETERS = ("me", "other", "distance", "dx", "dy")
_MADE = {"BUILD_LIST": "a list", "BUILD_SET": "a set", "BUILD_MAP": "a dict", "BUILD_STRING": "a text"}
_WIDEST = 8  # numbers of a column that come as a tuple
_CHANCE = {"random", "secrets", "time", "numpy.random"}


class PairFunction:
    """A pair function and what is known of it. Raises `SettingsError` naming file and line for what it may not be.

    parameters: those of `PARAMETERS` it takes, in its order. mine, theirs: the columns that it asks of `me` and of
    `other`, by name. width: how many numbers it returns; single: one alone, not a tuple.
    """

    def __init__(self, function: Callable) -> None:
        if not isinstance(function, FunctionType):
            raise SettingsError(f"pair: {function!r} is no plain function. Write def f(me, other, distance): ...")
        self.call, self.code = function, function.__code__
        self.name, self.file = function.__name__, self.code.co_filename
        self.compiled: dict[Any, Any] = {}  # kernels by the dtypes of the columns
        self.parameters = self._parameters()
        steps = list(dis.get_instructions(self.code))
        lines = list(_lines(self.code))
        self._refuse_what_is_no_arithmetic(steps, lines)
        self.mine, self.theirs = (self._asked(name, steps, lines) for name in ("me", "other"))
        self.single, self.width = self._results(steps, lines)
        self._globals = [(step.argval, line) for step, line in zip(steps, lines) if step.opname == "LOAD_GLOBAL"]

    def where(self, line: int | None = None) -> str:
        """The start of an error's text: "pair crowding (my_world.py:12)"."""
        return f"pair {self.name} ({self.file}:{line or self.code.co_firstlineno})"

    def line_of(self, error: BaseException) -> int | None:
        """The line of the user's file where `error` was raised, as far as it came from there."""
        trace, found = error.__traceback__, None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.file:
                found = trace.tb_lineno
            trace = trace.tb_next
        return found

    def _parameters(self) -> tuple[str, ...]:
        code = self.code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if code.co_flags & 0x0C or code.co_kwonlyargcount or not names or set(names) - set(PARAMETERS):
            wrong = sorted(set(names) - set(PARAMETERS))
            raise SettingsError(
                f"{self.where()}: its parameters are ({', '.join(names)}). A pair function takes any of "
                f"{', '.join(PARAMETERS)}, by these names"
                + (f"; '{wrong[0]}' can be a global, or a column of me or other." if wrong else ", and no others.")
            )
        if code.co_flags & 0x2A0:
            raise SettingsError(f"{self.where()}: it is a generator or async. Let it return a number.")
        return tuple(names)

    def _refuse_what_is_no_arithmetic(self, steps: list[dis.Instruction], lines: list[int | None]) -> None:
        for step, line in zip(steps, lines):
            if step.opname in _MADE:
                self._refuse(line, f"makes {_MADE[step.opname]}", "Compute with numbers, one pair at a time")
            if step.opname == "MAKE_FUNCTION":
                self._refuse(line, "makes a function or a comprehension", "Write a loop, or a function outside of it")
            if step.opname in ("STORE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "STORE_DEREF"):
                self._refuse(line, "stores something", "Return numbers, and let swarm.meet(..., into=...) store them")
            value = self.call.__globals__.get(step.argval) if step.opname == "LOAD_GLOBAL" else None
            chance = isinstance(value, ModuleType) and value.__name__ in _CHANCE
            if chance or (step.opname in ("LOAD_ATTR", "LOAD_METHOD") and step.argval == "random"):
                self._refuse(
                    line, f"asks '{step.argval}' for something that no seed repeats",
                    "Put agents.uniform() into a column before, and read me.luck",
                )  # fmt: skip

    def _refuse(self, line: int | None, what: str, remedy: str) -> None:
        raise SettingsError(f"{self.where(line)}: it {what}; it is called millions of times a tick. {remedy}.")

    def _asked(self, who: str, steps: list[dis.Instruction], lines: list[int | None]) -> tuple[str, ...]:
        """The attributes that are taken from parameter `who`, in order of appearance."""
        found: dict[str, None] = {}
        for step, after, line in zip(steps, [*steps[1:], None], lines):
            held = step.argval if isinstance(step.argval, tuple) else (step.argval,)
            if who not in self.parameters or not step.opname.startswith("LOAD_") or who not in held:
                continue
            if step.opname == "LOAD_GLOBAL":
                continue
            if held[-1] != who or after is None or after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                raise SettingsError(
                    f"{self.where(line)}: '{who}' is used as a whole. Ask it for columns, such as {who}.hue; give "
                    "other functions the numbers."
                )
            found[after.argval] = None
        return tuple(found)

    def _results(self, steps: list[dis.Instruction], lines: list[int | None]) -> tuple[bool, int]:
        """(whether one number comes alone, how many come)."""
        widths: dict[tuple[bool, int], int | None] = {}
        for before, step, line in zip([None, *steps], steps, lines):
            if step.opname not in ("RETURN_VALUE", "RETURN_CONST"):
                continue
            known = step if step.opname == "RETURN_CONST" else before
            width = (True, 1)
            if known is not None and known.opname == "BUILD_TUPLE":
                width = (False, int(known.arg or 0))
            elif known is not None and known.opname in ("LOAD_CONST", "RETURN_CONST"):
                value = known.argval
                if isinstance(value, tuple):
                    width = (False, len(value))
                elif not isinstance(value, (int, float)):
                    what = "nothing on some way through it" if value is None else repr(value)
                    raise SettingsError(
                        f"{self.where(line)}: it returns {what}. Return a number, or several: return a, b."
                    )
            widths[width] = line
        if len(widths) != 1 or next(iter(widths))[1] < 1:
            raise SettingsError(
                f"{self.where()}: it returns {' and '.join(str(w) for _, w in widths) or 'no'} numbers, in lines "
                f"{', '.join(map(str, widths.values()))}. Return equally many everywhere, 1 or more."
            )
        return next(iter(widths))

    def column(self, who: str, name: str, tables: Sequence[Any], given: Mapping[str, Column]) -> Column:
        """The column that `me.name` or `other.name` means in all of these tables; given: what names stand for.

        Raises `SchemaError`.
        """
        found: dict[Column, Any] = {}
        for table in tables:
            named = given.get(name)
            columns = [column for component in table.components for column in component.columns]
            fit = [c for c in columns if (c is named if named is not None else c.name == name)]
            fit = fit or [c for c in columns if named is None and c.key.replace(".", "_") == name]
            if not fit:
                near = difflib.get_close_matches(name, [c.name for c in columns], 1)
                hint = f"Did you mean '{near[0]}'?" if near else f"It has {', '.join(c.key for c in columns)}."
                more = "" if len(tables) == 1 else " All who are near must have it: give them another position column."
                raise SchemaError(
                    f"{self.where()}: {who}.{name}: table '{table.name}' has no such column. {hint}{more}"
                )
            found |= dict.fromkeys(fit, table)
        if len(found) > 1:
            keys = [column.key for column in found]
            raise SchemaError(
                f"{self.where()}: {who}.{name} can be {' or '.join(keys)}. Write {who}.{keys[0].replace('.', '_')}, or "
                f'columns={{"{name}": {keys[0]}}}.'
            )
        column = next(iter(found))
        if len(column.shape) > 1 or np.prod(column.shape, dtype=int) > _WIDEST:
            raise SchemaError(
                f"{self.where()}: {who}.{name} is {column.key} with {column.shape} numbers. A pair function takes one, "
                f"or up to {_WIDEST} in a row."
            )
        return column

    def check_names(self) -> None:
        """Raise `SettingsError` for a global that is not there; while the file is read it need not be."""
        for name, line in self._globals:
            if name not in self.call.__globals__ and not hasattr(builtins, name):
                raise SettingsError(f"{self.where(line)}: the name '{name}' is not defined. Define it, or import it.")


def surroundings(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """(name, value) of what a function takes from outside: globals by its names, and what it closes over."""
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        yield name, cell.cell_contents


def _lines(code: CodeType) -> Iterator[int | None]:
    """The line of each instruction."""
    line: int | None = code.co_firstlineno
    for step in dis.get_instructions(code):
        if sys.version_info >= (3, 13):
            line = step.line_number or line
        elif step.starts_line is not None:
            line = step.starts_line
        yield line
