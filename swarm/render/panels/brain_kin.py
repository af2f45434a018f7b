"""The family in the brain's panel: ancestors at the left, the agent in the middle, its children at the right.

Full dots live, hollow ones have died; a click on one that lives puts it under the microscope.
"""

from __future__ import annotations

from typing import Any

from swarm.ecs.ids import split
from swarm.render.family import Relative
from swarm.render.panels.style import packed

STEP, RADIUS, LINES = 13.0, 4.0, 3  # pt from dot to dot, of a dot; rows of children


def draw(imgui: Any, view: Any, width: float) -> dict[int, tuple[float, float]]:
    """The row, `width` px wide; returns where each relative stands, px by id. Nothing for one without kin."""
    kin, u, theme = view.microscope.family, view.ui, view.theme
    if not kin.parents and not kin.children:
        return {}
    imgui.spacing()
    imgui.text_disabled("ancestors" if kin.parents else "a first one")
    imgui.same_line(0.5 * width)
    imgui.text_disabled("1 child" if kin.total == 1 else f"{kin.total:,} children")
    brush = imgui.get_window_draw_list()
    x, y = imgui.get_cursor_screen_pos()
    middle, step, line = x + 0.46 * width, STEP * u, packed(theme.line, 0.25)
    y += 9 * u
    older = kin.parents[: int(0.42 * width / step)]
    if older:
        brush.add_line((middle - step * len(older), y), (middle, y), line, 1.2 * u)
        if kin.lost or len(older) < len(kin.parents):
            for k in range(3):
                brush.add_circle_filled((middle - step * (len(older) + 0.6) - 4 * k * u, y), 1.0 * u, line)
    per = max(1, int(0.5 * width / step) - 1)
    younger = kin.children[-LINES * per :]
    if younger:
        brush.add_line((middle, y), (middle + step, y), line, 1.2 * u)
    places = {}
    for k, one in enumerate(older):
        places[one.id] = place = middle - step * (k + 1), y
        _relative(imgui, view, one, place, "parent" if k == 0 else f"ancestor {k + 1}")
    for k, one in enumerate(younger):
        places[one.id] = place = middle + step * (k % per + 1), y + step * (k // per)
        _relative(imgui, view, one, place, "child")
    brush.add_circle_filled((middle, y), (RADIUS + 1) * u, packed(theme.accent))
    rows = max(1, -(-len(younger) // per))
    imgui.set_cursor_screen_pos((x, y + step * rows - 2 * u))
    imgui.dummy((1, 1))
    return places


def _relative(imgui: Any, view: Any, one: Relative, place: tuple[float, float], kind: str) -> None:
    u, theme, brush, (x, y) = view.ui, view.theme, imgui.get_window_draw_list(), place
    imgui.set_cursor_screen_pos((x - 6 * u, y - 6 * u))
    clicked = imgui.invisible_button(f"{kind} {one.id}", (12 * u, 12 * u))
    hovered = imgui.is_item_hovered()
    if one.alive:
        brush.add_circle_filled(place, RADIUS * u, packed(theme.text if hovered else theme.quiet))
    else:
        brush.add_circle_filled(place, RADIUS * u, packed(theme.panel))
        brush.add_circle(place, (RADIUS - 0.5) * u, packed(theme.quiet, 1.0 if hovered else 0.7), 14, 1.2 * u)
    if hovered:
        fate = "lives: click to look at it" if one.alive else "dead"
        fate = f"died at tick {one.died:,}" if one.died >= 0 else fate
        born = f", born at tick {one.born + 1:,}" if one.born >= 0 else ""
        imgui.set_tooltip(f"{kind} {name_of(one.id)}{born}\n{fate}")
    if clicked and one.alive:
        view.select(one.id)


def name_of(id: int) -> str:
    """A short name that is the agent's alone: its slot and, from the second on, its generation."""
    slot, generation = split(id)
    return f"#{slot}.{generation}" if generation > 1 else f"#{slot}"
