"""The figures that a machine with a card fills: which part measures each, and what is aimed at.

Plain Python, so that the table can be written wherever the results are. What was not measured is an empty cell.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS: tuple[str, ...] = ("figure", "unit", "aim", "cpu", "cuda", "met", "command", "commit", "date")

Row = Mapping[str, Any]
Rows = Mapping[str, list[Row]]  # part -> the rows of its report


@dataclass(frozen=True)
class Figure:
    """One line of the table. value: from the rows of all parts; None where it was not measured."""

    text: str
    unit: str
    aim: str
    part: str
    value: Callable[[Rows], float | None]


def one(rows: Rows, part: str, key: str, **where: Any) -> float | None:
    """The value of `key` in the first row of a part that has all of `where`."""
    for row in rows.get(part, []):
        if all(row.get(name) == value for name, value in where.items()):
            found = row.get(key)
            return None if found is None else float(found)
    return None


def best(rows: Rows, part: str, start: str) -> float | None:
    """The lowest median of a part's rows whose name starts so, ms."""
    found = [float(row["median_ms"]) for row in rows.get(part, []) if str(row.get("name", "")).startswith(start)]
    return min(found, default=None)


def think(key: str, dtype: str) -> Callable[[Rows], float | None]:
    return lambda rows: one(rows, "think", key, dtype=dtype, layers="16-32-4")


def faster(library: str, start: str, dtype: str = "float32") -> Callable[[Rows], float | None]:
    """How many times faster ours is than the fastest form of another library, each alone, measured in the same way."""

    def value(rows: Rows) -> float | None:
        ours, theirs = best(rows, f"swarm-{dtype}", "swarm"), best(rows, f"{library}-{dtype}", start)
        return None if ours is None or theirs is None else theirs / ours

    return value


def ticks(part: str, key: str, name: str) -> Callable[[Rows], float | None]:
    return lambda rows: one(rows, part, key, rate_of=name)


def inverse(part: str, key: str, **where: Any) -> Callable[[Rows], float | None]:
    def value(rows: Rows) -> float | None:
        found = one(rows, part, key, **where)
        return 1 / found if found else None

    return value


WHOLE, UNCAPTURED, PYTHON = "whole tick", "uncaptured", "with a Python system"
MILLION, FEW, DRIFTERS = "foragers-1000000", "foragers-10000", "drifters"  # parts
ONE_MORE = "the same: one Python system of three array expressions more"
BIRTHS = "1,000,000 births + 1,000,000 deaths, own 16-32-4 float32: time / time to copy the bytes"

_TABLE: tuple[tuple[str, str, str, str, Callable[[Rows], float | None]], ...] = (
    ("copy bandwidth, read and written", "GB/s", "", "think", think("copy_gbs", "float32")),
    ("think, 1,000,000 own 16-32-4 float32", "ms", "", "think", think("median_ms", "float32")),
    ("the same: bytes moved / time / copy bandwidth", "share", ">= 0.85", "think", think("share", "float32")),
    ("the same in bfloat16 / float32", "times", "0.5", "think", think("against_float32", "bfloat16")),
    ("the same in float16 / float32", "times", "0.5", "think", think("against_float32", "float16")),
    ("the same after 2,000 ticks of births and deaths / fresh", "times", "", "think", think("aged", "float32")),
    ("against torch.compile(vmap), float32", "times", "> 1", "torch-float32", faster("torch", "torch.compile")),
    ("against torch.func vmap, float32", "times", "> 1", "torch-float32", faster("torch", "torch.func vmap")),
    ("against torch bmm, float32", "times", "> 1", "torch-float32", faster("torch", "torch bmm")),
    ("against jax jit(vmap), float32", "times", "> 1", "jax-float32", faster("jax", "jax")),
    ("against torch.compile, bfloat16", "times", "", "torch-bfloat16", faster("torch", "torch.compile", "bfloat16")),
    ("against jax jit(vmap), bfloat16", "times", "", "jax-bfloat16", faster("jax", "jax", "bfloat16")),
    ("tick, 1,000,000 drifters with own 4 KB brains", "ms", "", DRIFTERS, ticks(DRIFTERS, "median_ms", WHOLE)),
    (
        "the same: brain-steps/s / (copy bandwidth / bytes per brain)", "share", ">= 0.8", DRIFTERS,
        ticks(DRIFTERS, "share", WHOLE),
    ),
    ("foragers tick, 1,000,000 agents", "ms", "<= 4", MILLION, ticks(MILLION, "median_ms", WHOLE)),
    ("the same, uncaptured", "ms", "", MILLION, ticks(MILLION, "median_ms", UNCAPTURED)),
    (ONE_MORE, "ms", "", MILLION, ticks(MILLION, "more_ms", PYTHON)),
    ("foragers tick, 10,000 agents", "ms", "<= 0.15", FEW, ticks(FEW, "median_ms", WHOLE)),
    ("the same, uncaptured", "ms", "", FEW, ticks(FEW, "median_ms", UNCAPTURED)),
    (ONE_MORE, "ms", "", FEW, ticks(FEW, "more_ms", PYTHON)),
    (
        "FLAME's circles, 1,000,000 agents, 204 neighbours: a step", "ms", "<= 2.1", "circles",
        lambda rows: one(rows, "circles", "step_ms"),
    ),
    (BIRTHS, "times", "<= 2", "spawn", inverse("spawn", "share", brains="16-32-4 float32")),
    ("tests with the card: passed", "tests", "", "tests", lambda rows: one(rows, "tests", "passed")),
    ("tests with the card: failed", "tests", "<= 0", "tests", lambda rows: one(rows, "tests", "failed")),
)  # fmt: skip

FIGURES = tuple(Figure(*line) for line in _TABLE)


def met(value: float | None, aim: str) -> str:
    """ "yes" or "no" where the aim is a bound and there is a value."""
    sign, _, number = aim.partition(" ")
    if value is None or sign not in ("<=", ">=", ">"):
        return ""
    bound = float(number)
    return "yes" if {"<=": value <= bound, ">=": value >= bound, ">": value > bound}[sign] else "no"


def lines(parts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The table's lines from the parts of a result file (tools/gpu.py)."""
    rows = {name: part.get("rows") or [] for name, part in parts.items()}
    found = []
    for figure in FIGURES:
        value, part = figure.value(rows), parts.get(figure.part, {})
        value = None if value is None or not math.isfinite(value) else value
        line = dict.fromkeys(COLUMNS, "")
        line |= {"figure": figure.text, "unit": figure.unit, "aim": figure.aim, "met": met(value, figure.aim)}
        if value is not None:
            line |= {"cuda": f"{value:.4g}", "commit": str(part.get("commit", ""))}
            line |= {"command": str(part.get("command", "")), "date": str(part.get("time", ""))[:10]}
        found.append(line)
    return found


def write(path: Path, table: list[dict[str, str]]) -> None:
    """Write the table as CSV: commas, quotes where needed, line feeds, UTF-8."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    path.write_text(text.getvalue(), encoding="utf-8")


def read(path: Path) -> list[dict[str, str]]:
    """The table in a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
