"""`swarm settings SCENE`: what can be set, with default, unit, range and meaning.

They are read from the dataclass: the type, `msgspec.Meta` in `Annotated` (ge, gt, le, lt, description, extra={"unit":
"m"}), and the comment behind the field, which is its meaning where Meta gives none:

    speed: Annotated[float, Meta(gt=0, extra={"unit": "m/s"})] = 3.0  # of a walker
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import textwrap
import tokenize
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Meta

from swarm.scenes import load


@dataclass(frozen=True)
class Setting:
    """One setting of a scene, in words."""

    name: str
    kind: str  # such as "float" or "int or none"
    default: str
    unit: str
    range: str  # such as ">= 1", "0 .. 1", "up | down"
    meaning: str


def listed(path: str) -> list[Setting]:
    """The settings of a scene, in the order in which it declares them. Raises `SettingsError` for a bad scene."""
    cls = load(path).Settings
    hints = get_type_hints(cls, include_extras=True)
    comments = _comments(cls)
    rows = []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        metas = [part for part in parts(hint) if isinstance(part, Meta)]
        rows.append(
            Setting(
                field.name,
                " or ".join(dict.fromkeys(_kinds(hint))),
                _default(field),
                next((str((m.extra or {})["unit"]) for m in metas if "unit" in (m.extra or {})), ""),
                _range(hint, metas),
                next((m.description for m in metas if m.description), comments.get(field.name, "")),
            )
        )
    return rows


def command(path: str) -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    rows = listed(path)
    headings = {name: [getattr(row, name) for row in rows] for name in ("name", "default", "unit", "range", "meaning")}
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading, cells in headings.items():
        if heading in ("name", "default") or any(cells):
            table.add_column("setting" if heading == "name" else heading, no_wrap=heading != "meaning")
    for cells in zip(*(cells for name, cells in headings.items() if name in ("name", "default") or any(cells))):
        table.add_row(*cells)
    console = Console()
    console.print(table, highlight=False, markup=False)
    first = next((row for row in rows if row.name not in ("backend", "threads")), None)
    if first is not None:
        example = f"For example: swarm demo {path} --set {first.name}={first.default}"
        console.print(example, highlight=False, markup=False)


def parts(hint: Any) -> Iterator[Any]:
    """A type and everything it is made of, with what annotates it."""
    yield hint
    if get_origin(hint) is not Literal:
        for part in get_args(hint):
            yield from parts(part)


def _kinds(hint: Any) -> Iterator[str]:
    origin = get_origin(hint)
    if origin is Annotated:
        yield from _kinds(get_args(hint)[0])
    elif origin in (Union, types.UnionType):
        for part in get_args(hint):
            yield from _kinds(part)
    elif origin is Literal:
        yield "text"
    elif hint is type(None):
        yield "none"
    else:
        yield getattr(origin or hint, "__name__", str(hint))


def _range(hint: Any, metas: list[Meta]) -> str:
    choices = [str(c) for part in parts(hint) if get_origin(part) is Literal for c in get_args(part)]
    if choices:
        return " | ".join(choices)
    words = []
    for meta in metas:
        low = f"> {meta.gt:g}" if meta.gt is not None else f">= {meta.ge:g}" if meta.ge is not None else ""
        high = f"< {meta.lt:g}" if meta.lt is not None else f"<= {meta.le:g}" if meta.le is not None else ""
        both = meta.ge is not None and meta.le is not None
        words.append(f"{meta.ge:g} .. {meta.le:g}" if both else ", ".join(filter(None, (low, high))))
    words = [word for word in words if word]
    return " or ".join([*words, "none"] if words and type(None) in parts(hint) else words)


def _default(field: dataclasses.Field) -> str:
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    elif field.default is dataclasses.MISSING:
        return "(must be given)"
    else:
        value = field.default
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _comments(cls: type) -> dict[str, str]:
    """Field -> the comment behind it, where the source can be read."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return {}
    lines = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    body = ast.parse(source).body[0]
    fields = [node for node in getattr(body, "body", ()) if isinstance(node, ast.AnnAssign)]
    return {node.target.id: lines[node.end_lineno or 0] for node in fields
            if isinstance(node.target, ast.Name) and node.end_lineno in lines}  # fmt: skip
