"""Small pieces that several panels share: tabs, icons, rows of a name and a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swarm.render.panels.style import packed, rgba


def spot(imgui: Any, view: Any, name: str) -> None:
    """Note where the item just drawn is, for `Panels.where`."""
    if view.panels is not None:
        view.panels.spots[name] = (*imgui.get_item_rect_min(), *imgui.get_item_rect_max())


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
        spot(imgui, view, name)
        ink = theme.text if name == chosen or imgui.is_item_hovered() else theme.quiet
        brush.add_text((x, y + 3 * u), packed(ink), name)
        if name == chosen:
            brush.add_line((x, y + 23 * u), (x + size.x, y + 23 * u), packed(theme.accent), 2 * u)
    return chosen


def icon(imgui: Any, view: Any, name: str, shape: str, tip: str = "", active: bool = False) -> bool:
    """A square button with a drawn shape; whether it was clicked.

    shape: "play", "pause", "step", "minus", "plus", "keep", "cross", "pen" or "save".
    """
    u, theme, brush = view.ui, view.theme, imgui.get_window_draw_list()
    x, y = imgui.get_cursor_screen_pos()
    clicked = imgui.invisible_button(name, (22 * u, 22 * u))
    spot(imgui, view, name)
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
    elif shape == "cross":
        for side in (-0.7 * r, 0.7 * r):
            brush.add_line((cx - side, cy - 0.7 * r), (cx + side, cy + 0.7 * r), ink, 1.5 * u)
    elif shape == "pen":
        brush.add_line((cx - 0.6 * r, cy + 0.6 * r), (cx + 0.8 * r, cy - 0.8 * r), ink, 2.5 * u)
        brush.add_line((cx - r, cy + r), (cx - 0.5 * r, cy + 0.5 * r), ink, 1.2 * u)
    elif shape == "save":
        brush.add_line((cx, cy - r), (cx, cy + 0.3 * r), ink, 1.5 * u)
        head = ((cx - 0.6 * r, cy - 0.2 * r), (cx, cy + 0.45 * r), (cx + 0.6 * r, cy - 0.2 * r))
        brush.add_polyline(list(head), ink, 1.5 * u, 0)
        brush.add_line((cx - r, cy + r), (cx + r, cy + r), ink, 1.5 * u)
    elif shape == "keep":
        points = ((cx - 0.7 * r, cy - r), (cx + 0.7 * r, cy - r), (cx + 0.7 * r, cy + r), (cx, cy + 0.35 * r))
        brush.add_polyline([*points, (cx - 0.7 * r, cy + r)], ink, 1.5 * u, imgui.ImDrawFlags_.closed)
    return clicked


def switch(imgui: Any, view: Any, name: str, on: bool) -> bool:
    """A small slide of two ends, with the name beside it unless that begins with ##; returns where it stands now."""
    u, theme, brush = view.ui, view.theme, imgui.get_window_draw_list()
    x, y = imgui.get_cursor_screen_pos()
    height, word = imgui.get_frame_height(), name.partition("##")[0]
    wide = height + (8 * u + imgui.calc_text_size(word).x if word else 0.0)
    if imgui.invisible_button(f"switch {name}", (wide, height)):
        on = not on
    spot(imgui, view, word or name)
    lit = 0.85 if imgui.is_item_hovered() else 0.7
    r, middle = 5.5 * u, y + height / 2
    track = packed(theme.accent, lit) if on else packed(theme.line, 0.25 * lit)
    brush.add_rect_filled((x, middle - r), (x + height, middle + r), track, r)
    knob = x + height - r if on else x + r
    brush.add_circle_filled((knob, middle), r - 1.5 * u, packed(theme.panel if on else theme.text))
    if word:
        brush.add_text((x + height + 8 * u, y + (height - imgui.get_font_size()) / 2), packed(theme.quiet), word)
    return on


def right(imgui: Any, width: float, text: str, colour: str) -> None:
    """A text that ends at the right edge of the content, on the line begun."""
    imgui.same_line(imgui.get_style().window_padding.x + width - imgui.calc_text_size(text).x)
    imgui.text_colored(rgba(colour), text)
