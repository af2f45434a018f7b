"""The page of a replay: assets/replay joined into one HTML file with its data, for a browser without a network."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm import assets
from swarm.look import Look
from swarm.render import palette
from swarm.render.figures import Figures, describe
from swarm.render.replay.packing import pack, planes
from swarm.render.theme import THEMES

if TYPE_CHECKING:
    from swarm.render.replay.writer import ReplayWriter

SCRIPTS = (
    "data",
    "motion",
    "brain",
    "camera",
    "sheets",
    "stamps",
    "sprites",
    "picture",
    "figures",
    "microscope",
    "player",
)  # in this order
TAG = 64  # bytes around each piece of data, at most


@cache
def _template() -> str:
    """The page with its styles and scripts, and places for title and data."""
    script = "\n".join(assets.text(f"replay/{name}.js") for name in SCRIPTS)
    text = assets.text("replay/page.html")
    return text.replace("/*STYLE*/", assets.text("replay/style.css")).replace("/*SCRIPT*/", script)


def text(writer: ReplayWriter) -> str:
    """The whole file."""
    pieces = [_piece(f"frames-{k}", data) for k, (_, data) in enumerate(writer.chunks)]
    pieces += [_piece(f"brains-{k}", block.data) for k, block in enumerate(writer.minds.blocks)]
    pieces += [_piece(f"senses-{tick}", data) for tick, data in sorted(writer.minds.senses.items())]
    pieces += [_piece(f"scenery-{tick}", data) for tick, data in sorted(writer.scenery.sets.items())]
    if writer.minds.blocks:
        pieces.append(_piece("brains", _owners(writer)))
    head, foot = _template().split("<!--DATA-->")
    title = writer.figures.title.replace("&", "&amp;").replace("<", "&lt;")
    return "".join([head.replace("<!--TITLE-->", title), _header(writer), *pieces, foot])


def overhead(writer: ReplayWriter) -> int:
    """Bytes of the file beside frames, brains, senses and scenery."""
    pieces = len(writer.chunks) + len(writer.minds.blocks) + len(writer.minds.senses) + len(writer.scenery.sets)
    owners = encoded(_owners(writer)) if writer.minds.blocks else 0
    return len(_template().encode()) + len(_header(writer).encode()) + owners + TAG * (pieces + 2)


def encoded(data: bytes) -> int:
    """Bytes that data takes in the file."""
    return -(-len(data) // 3) * 4


def figures_row(figures: Figures, limits: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """What the page shows of one tick in figures."""
    return {
        "tables": {
            t.name: {
                "count": t.count,
                "births": round(t.births, 3),
                "deaths": round(t.deaths, 3),
                "mean": None if t.mean != t.mean else _short(t.mean),
            }
            for t in figures.tables.values()
        },
        "more": {name: _short(value) for name, value in figures.more.items()},
        "limits": {name: [_short(x) for x in pair] for name, pair in limits.items()},
    }


def _piece(name: str, data: bytes) -> str:
    return f'<script type="text/plain" id="{name}">{base64.b64encode(data).decode()}</script>\n'


def _owners(writer: ReplayWriter) -> bytes:
    """Whose brains the blocks hold, one block after the other."""
    ids = np.concatenate([block.ids for block in writer.minds.blocks]).astype(np.uint64)
    return pack({"ids": planes(ids)})


def _header(writer: ReplayWriter) -> str:
    """Everything but the data, as JSON."""
    minds, figures = writer.minds, writer.figures
    rows = [writer.figure_rows[tick] for tick in writer.ticks]
    header = {
        "title": figures.title,
        "hint": writer.hint,
        "size": writer.size,
        "dt": writer.dt,
        "every": writer.every,
        "chunks": [ticks for ticks, _ in writer.chunks],
        "tables": [_table(look, figures) for look in writer.sampler.looks],
        "figures": rows,
        "kinds": sorted(figures.kinds),
        "minds": minds.tables,
        "architectures": minds.architectures,
        "brains": [[block.table, block.architecture, len(block.ids)] for block in minds.blocks],
        "brainsOneIn": minds.one_in,
        "senses": sorted(minds.senses),
        "scenery": sorted(writer.scenery.sets),
        "palettes": {name: {mode: palette.table(name, mode).tobytes().hex() for mode in THEMES} for name in _PALETTES},
        "themes": {name: {key: getattr(theme, key) for key in _COLOURS} for name, theme in THEMES.items()},
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="header">{text}</script>\n'


_PALETTES = (*palette.NAMES, "kinds")
_COLOURS = ("ground", "beyond", "line", "panel", "text", "quiet", "accent", "glow", "ghost", "grid", "edge")


def _table(look: Look, figures: Figures) -> dict[str, Any]:
    """How one table is drawn and named."""
    plain = look.colour if isinstance(look.colour, str) else None
    column: Any = None if plain else look.colour
    return {
        "name": look.table,
        "title": look.title,
        "shape": look.shape,
        "length": look.size,
        "glow": look.glow,
        "palette": look.palette,
        "colour": plain,
        "coloured": column is not None,
        "what": "" if column is None else describe(column),
        "unit": "" if column is None else column.unit,
        "moves": look.heading is not None,
    }


def _short(value: float) -> float | None:
    """Five digits; None for what is no number."""
    return float(f"{value:.5g}") if abs(value) < float("inf") else None
