"""Small pieces that several panels share: tabs, icons, rows of a name and a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarm.render.panels.style import packed, rgba


def tabs(imgui: Any, view: Any, names: Sequence[str], chosen: str) -> str:
    """A row of words, the chosen one underlined; returns the chosen one."""
    u, theme, brush = view.ui, view.theme, imgui.get_window_draw_list()
    for number, name in enumerate(names):
        if number:
            imgui.same_line(0, 18 * u)
        size = imgui.calc_text_size(name)
        x, y = imgui.get_cursor_screen_pos()
        if imgui.invisible_button(f"tab {name}", (size.x, 24 * u)):
            chosen = name
        ink = theme.text if name == chosen or imgui.is_item_hovered() else theme.quiet
        brush.add_text((x, y + 3 * u), packed(ink), name)
        if name == chosen:
            brush.add_line((x, y + 23 * u), (x + size.x, y + 23 * u), packed(theme.accent), 2 * u)
    return chosen


def icon(imgui: Any, view: Any, name: str, shape: str, tip: str = "", active: bool = False) -> bool:
    """A square button with a drawn shape: "play", "pause", "step", "minus", "plus", "keep"; whether it was clicked."""
    u, theme, brush = view.ui, view.theme, imgui.get_window_draw_list()
    x, y = imgui.get_cursor_screen_pos()
    clicked = imgui.invisible_button(name, (22 * u, 22 * u))
    hovered = imgui.is_item_hovered()
    if hovered:
        brush.add_rect_filled((x, y), (x + 22 * u, y + 22 * u), packed(theme.line, 0.12), 4 * u)
        if tip:
            imgui.set_item_tooltip(tip)
    ink = packed(theme.accent if active else theme.text, 1.0 if hovered or active else 0.85)
    cx, cy, r = x + 11 * u, y + 11 * u, 5 * u
    if shape == "play":
        brush.add_triangle_filled((cx - 0.8 * r, cy - r), (cx - 0.8 * r, cy + r), (cx + r, cy), ink)
    elif shape == "pause":
        for left in (cx - 0.85 * r, cx + 0.25 * r):
            brush.add_rect_filled((left, cy - r), (left + 0.6 * r, cy + r), ink, u)
    elif shape == "step":
        brush.add_triangle_filled((cx - r, cy - r), (cx - r, cy + r), (cx + 0.4 * r, cy), ink)
        brush.add_rect_filled((cx + 0.6 * r, cy - r), (cx + r, cy + r), ink)
    elif shape in ("minus", "plus"):
        brush.add_line((cx - 0.8 * r, cy), (cx + 0.8 * r, cy), ink, 1.5 * u)
        if shape == "plus":
            brush.add_line((cx, cy - 0.8 * r), (cx, cy + 0.8 * r), ink, 1.5 * u)
    elif shape == "keep":
        points = ((cx - 0.7 * r, cy - r), (cx + 0.7 * r, cy - r), (cx + 0.7 * r, cy + r), (cx, cy + 0.35 * r))
        brush.add_polyline([*points, (cx - 0.7 * r, cy + r)], ink, 1.5 * u, imgui.DrawFlags_.closed)
    return clicked


def right(imgui: Any, width: float, text: str, colour: str) -> None:
    """A text that ends at the right edge of the content, on the line begun."""
    imgui.same_line(imgui.get_style().window_padding.x + width - imgui.calc_text_size(text).x)
    imgui.text_colored(rgba(colour), text)
