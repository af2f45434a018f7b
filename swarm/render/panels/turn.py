"""One setting in a panel: its name, and a slider, a switch, a choice or a field to type in."""

from __future__ import annotations

from math import log
from typing import Any

from swarm.render.panels.plot import short
from swarm.render.panels.style import packed
from swarm.render.panels.widgets import right, spot, switch

NAME, VALUE = 112.0, 54.0  # pt for the name and for the value


class Turner:
    """Draws `swarm.scenes.knobs.Knob`s; remembers into which one a number is being typed."""

    def __init__(self) -> None:
        self.typing = ""

    def draw(self, imgui: Any, view: Any, knob: Any, value: Any, width: float) -> tuple[bool, Any]:
        """One row; whether it was turned, and its value now."""
        u = view.ui
        imgui.push_id(knob.name)
        imgui.align_text_to_frame_padding()
        imgui.text_disabled(_cut(imgui, knob.name.replace("_", " "), (NAME - 8) * u))
        if imgui.is_item_hovered(imgui.HoveredFlags_.delay_short):
            imgui.set_tooltip(_about(knob))
        imgui.same_line(imgui.get_style().window_padding.x + NAME * u)
        found = self._value(imgui, view, knob, value, width, width - NAME * u)
        if knob.kind not in ("real", "whole"):
            spot(imgui, view, f"setting {knob.name}")
        imgui.pop_id()
        return found

    def _value(self, imgui: Any, view: Any, knob: Any, value: Any, width: float, room: float) -> tuple[bool, Any]:
        u = view.ui
        if knob.kind == "switch":
            new = switch(imgui, view, "##switch", bool(value))
            return new != value, new
        if knob.kind == "choice":
            imgui.set_next_item_width(room)
            at = knob.choices.index(value) if value in knob.choices else 0
            changed, at = imgui.combo("##choice", at, list(knob.choices))
            return changed, knob.choices[at]
        if knob.kind == "text":
            imgui.set_next_item_width(room)
            return imgui.input_text("##text", _text(value), imgui.InputTextFlags_.enter_returns_true)
        if knob.name == "seed":
            imgui.set_next_item_width(room)
            return imgui.input_int("##seed", int(value))
        if knob.optional:
            on = switch(imgui, view, "##on", value is not None)
            spot(imgui, view, f"switch {knob.name}")
            if on != (value is not None):
                return True, (_middle(knob) if knob.default is None else knob.default) if on else None
            imgui.same_line(0, 8 * u)
            room -= imgui.get_frame_height() + 8 * u
            if value is None:
                imgui.text_disabled("none")
                return False, None
        return self._slider(imgui, view, knob, value, width, room - VALUE * u)

    def _slider(self, imgui: Any, view: Any, knob: Any, value: Any, width: float, room: float) -> tuple[bool, Any]:
        """A track with a handle and the value beside it; ctrl and a click, or a double click, to type."""
        flags, typing = imgui.SliderFlags_, self.typing == knob.name
        low, high = min(knob.low, value), max(knob.high, value)
        how = (flags.logarithmic if knob.log else flags.none) | flags.no_round_to_format
        hidden = "frame_bg", "frame_bg_hovered", "frame_bg_active", "slider_grab", "slider_grab_active", "text"
        for name in () if typing else hidden:
            imgui.push_style_color(getattr(imgui.Col_, name), (0.0, 0.0, 0.0, 0.0))
        imgui.set_next_item_width(room)
        if knob.kind == "whole":
            changed, new = imgui.slider_int("##slider", int(value), int(low), int(high), "%d", how)
        else:
            form = "%.3g" if abs(value) < 1000 else "%.0f"
            changed, new = imgui.slider_float("##slider", float(value), low, high, form, how)
        if not typing:
            imgui.pop_style_color(len(hidden))
        spot(imgui, view, f"setting {knob.name}")
        active, hovered = imgui.is_item_active(), imgui.is_item_hovered()
        if active and imgui.get_io().want_text_input:
            self.typing = knob.name
        elif typing and not active:
            self.typing = ""
        if not typing:
            (left, top), (end, bottom) = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            _track(imgui, view, (left, end, (top + bottom) / 2), part(knob, low, high, new), active or hovered)
            imgui.align_text_to_frame_padding()
            right(imgui, width, short(float(new)), view.theme.text)
        return changed, new


def _track(imgui: Any, view: Any, place: tuple[float, float, float], part: float, lit: bool) -> None:
    u, theme, brush = view.ui, view.theme, imgui.get_window_draw_list()
    left, right, y = place[0] + 5 * u, place[1] - 5 * u, place[2]
    at = left + part * (right - left)
    brush.add_line((left, y), (right, y), packed(theme.line, 0.18), 3 * u)
    brush.add_line((left, y), (at, y), packed(theme.accent, 0.55), 3 * u)
    brush.add_circle_filled((at, y), (5.5 if lit else 4.5) * u, packed(theme.accent))


def part(knob: Any, low: float, high: float, value: float) -> float:
    """How far along the way from low to high a value stands, 0..1."""
    if high <= low:
        return 0.0
    at = log(value / low) / log(high / low) if knob.log else (value - low) / (high - low)
    return min(max(at, 0.0), 1.0)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def _middle(knob: Any) -> Any:
    value = (knob.low * knob.high) ** 0.5 if knob.log else (knob.low + knob.high) / 2
    return round(value) if knob.kind == "whole" else value


def _about(knob: Any) -> str:
    words = ", ".join(filter(None, (knob.unit, knob.meaning)))
    counted = knob.kind in ("real", "whole") and isinstance(knob.default, (int, float))
    usual = f"by default {short(knob.default) if counted else _text(knob.default)}"
    return f"{words}\n{usual}" if words else usual


def _cut(imgui: Any, text: str, room: float) -> str:
    """As much of a text as fits."""
    if imgui.calc_text_size(text).x <= room:
        return text
    while text and imgui.calc_text_size(f"{text}…").x > room:
        text = text[:-1]
    return f"{text}…"
