"""How the panels look: the theme's colours and the HUD's measures, put into ImGui's and ImPlot's styles."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from swarm.render import palette
from swarm.render.theme import Theme

FONT = 14.0  # pt


def fonts(imgui: Any) -> None:
    """Take the sans serif face that imgui-bundle brings along, or else the one that is built into ImGui."""
    import imgui_bundle

    path = Path(imgui_bundle.__file__).parent / "assets" / "fonts" / "Roboto" / "Roboto-Regular.ttf"
    sheet = imgui.get_io().fonts
    if path.is_file():
        sheet.add_font_from_file_ttf(str(path), FONT)
    else:
        sheet.add_font_default_vector()


@cache
def rgba(colour: str, alpha: float = 1.0) -> tuple[float, float, float, float]:
    """A colour "#rrggbb" as ImGui takes it, not premultiplied."""
    return *palette.rgb(colour), alpha


@cache
def packed(colour: str, alpha: float = 1.0) -> int:
    """A colour "#rrggbb" as draw lists take it: 0xAABBGGRR."""
    r, g, b = (round(255 * part) for part in palette.rgb(colour))
    return round(255 * alpha) << 24 | b << 16 | g << 8 | r


def apply(imgui: Any, implot: Any, theme: Theme, ui: float) -> None:
    """Set ImGui's style anew for a theme, at `ui` px per point."""
    style, names = imgui.get_style(), imgui.Col_
    style.font_size_base, style.font_scale_main = FONT, ui
    measures: dict[str, Any] = {  # pt
        "window_padding": (16, 12), "window_rounding": 8, "window_border_size": 1, "window_min_size": (8, 8),
        "frame_padding": (8, 3), "frame_rounding": 4, "frame_border_size": 0,
        "item_spacing": (8, 6), "item_inner_spacing": (6, 4), "indent_spacing": 12,
        "scrollbar_size": 6, "scrollbar_rounding": 3, "grab_min_size": 9, "grab_rounding": 4,
        "popup_rounding": 6, "popup_border_size": 1, "child_rounding": 6, "child_border_size": 0,
        "tab_rounding": 4, "tab_border_size": 0, "tab_bar_border_size": 1, "tab_bar_overline_size": 0,
        "separator_text_border_size": 1, "separator_text_padding": (0, 3),
    }  # fmt: skip
    for name, value in measures.items():
        scaled = value * ui if isinstance(value, (int, float)) else tuple(x * ui for x in value)
        setattr(style, name, scaled)
    style.hover_stationary_delay, style.hover_delay_short = 0.1, 0.15
    line, text, accent, panel = theme.line, theme.text, theme.accent, theme.panel
    for name, colour in {
        "text": rgba(text),
        "text_disabled": rgba(theme.quiet),
        "window_bg": rgba(panel, theme.panel_alpha),
        "popup_bg": rgba(panel, 0.98),
        "child_bg": rgba(panel, 0.0),
        "border": rgba(line, 0.12),
        "border_shadow": rgba(panel, 0.0),
        "separator": rgba(line, 0.12),
        "frame_bg": rgba(line, 0.08),
        "frame_bg_hovered": rgba(line, 0.13),
        "frame_bg_active": rgba(line, 0.17),
        "button": rgba(line, 0.08),
        "button_hovered": rgba(line, 0.16),
        "button_active": rgba(accent, 0.40),
        "header": rgba(line, 0.10),
        "header_hovered": rgba(line, 0.14),
        "header_active": rgba(line, 0.18),
        "slider_grab": rgba(accent, 0.75),
        "slider_grab_active": rgba(accent),
        "check_mark": rgba(accent),
        "scrollbar_bg": rgba(panel, 0.0),
        "scrollbar_grab": rgba(line, 0.16),
        "scrollbar_grab_hovered": rgba(line, 0.24),
        "scrollbar_grab_active": rgba(line, 0.32),
        "tab": rgba(panel, 0.0),
        "tab_hovered": rgba(line, 0.12),
        "tab_selected": rgba(line, 0.10),
        "text_selected_bg": rgba(accent, 0.30),
        "input_text_cursor": rgba(accent),
        "nav_cursor": rgba(accent, 0.6),
        "text_link": rgba(accent),
        "plot_lines": rgba(accent),
        "plot_histogram": rgba(accent),
    }.items():
        style.set_color_(getattr(names, name), colour)
    plot = implot.get_style()
    plot.plot_padding, plot.plot_min_size = (0, 2 * ui), (10, 10)
    plot.plot_border_size, plot.fit_padding = 0, (0.0, 0.08)
    for name, colour in {"frame_bg": rgba(panel, 0.0), "plot_bg": rgba(panel, 0.0)}.items():
        plot.set_color_(getattr(implot.Col_, name), colour)
