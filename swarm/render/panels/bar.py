"""The bar along the bottom: pause, step, speed, tick, and the time machine's slider."""

from __future__ import annotations

from typing import Any

from swarm.render import deeds
from swarm.render.panels.moments import memory
from swarm.render.panels.style import packed
from swarm.render.panels.widgets import icon, spot

LEAST, FULL, WIDE = 290.0, 440.0, 760.0  # pt: widths with room for the slider, for the tick, for what memory it takes


class Bar:
    """Draws the bar; remembers where the slider is being dragged to."""

    def __init__(self) -> None:
        self.wanted: int | None = None  # tick that the slider asks for
        self.going = False  # whether the world is being put there

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """The whole bar in the window begun, `width` px wide."""
        u, pace, moments = view.ui, view.pace, view.moments
        middle = 10 * u
        imgui.set_cursor_pos((12 * u, middle))
        if icon(imgui, view, "pause", "play" if pace.paused else "pause", "Space", active=pace.paused):
            pace.paused = not pace.paused
        imgui.set_cursor_pos((40 * u, middle))
        if icon(imgui, view, "step", "step", "one tick (.)"):
            pace.step()
        imgui.set_cursor_pos((80 * u, middle))
        if icon(imgui, view, "slower", "minus", "slower ([)"):
            pace.slower()
        speed = _speed(pace.speed)
        self._text(imgui, view, 104 * u, 40 * u, speed, view.theme.text)
        imgui.set_cursor_pos((146 * u, middle))
        if icon(imgui, view, "faster", "plus", "faster (])"):
            pace.faster()
        after = 178.0  # pt, where what stands behind the speed begins
        if width > FULL * u:
            self._text(imgui, view, after * u, 110 * u, f"tick {view.tick:,}", view.theme.quiet)
            after += 116
        if moments is None or width < LEAST * u:
            return
        imgui.set_cursor_pos((after * u, middle))
        if icon(imgui, view, "keep", "keep", "keep this moment (M)"):
            deeds.keep(view)
        said = memory(moments)
        room = imgui.calc_text_size(said).x + 14 * u if width > WIDE * u else 0.0
        left = (after + 34) * u
        self._slider(imgui, view, left, width - left - 16 * u - room)
        if room:
            self._text(imgui, view, width - room - 2 * u, room, said, view.theme.quiet)

    def _text(self, imgui: Any, view: Any, x: float, w: float, text: str, colour: str) -> None:
        left, top = imgui.get_window_pos()
        size = imgui.calc_text_size(text)
        at = left + x + (w - size.x) / 2, top + 21 * view.ui - size.y / 2
        imgui.get_window_draw_list().add_text(at, packed(colour), text)

    def _slider(self, imgui: Any, view: Any, x: float, w: float) -> None:
        """Drag to go back: the world stands still and is put to the tick under the mouse."""
        u, theme, moments, brush = view.ui, view.theme, view.moments, imgui.get_window_draw_list()
        oldest, newest = (int(t) for t in moments.reach)
        newest = max(newest, view.tick, oldest + 1)
        imgui.set_cursor_pos((x, 8 * u))
        left, top = imgui.get_cursor_screen_pos()
        imgui.invisible_button("time", (w, 26 * u))
        spot(imgui, view, "time")
        y, hovered, held = top + 13 * u, imgui.is_item_hovered(), imgui.is_item_active()
        part = min(max((imgui.get_mouse_pos().x - left) / w, 0.0), 1.0)
        under = round(oldest + part * (newest - oldest))
        if held and under != self.wanted:
            self.go(view, under)
        elif not held and not self.going:
            self.wanted = None
        shown = view.tick if self.wanted is None else self.wanted
        at = left + w * min(max((shown - oldest) / (newest - oldest), 0.0), 1.0)
        brush.add_line((left, y), (left + w, y), packed(theme.line, 0.18), 3 * u)
        brush.add_line((left, y), (at, y), packed(theme.accent, 0.55), 3 * u)
        for kept in moments.kept:
            mark = left + w * (int(kept.tick) - oldest) / (newest - oldest)
            if left <= mark <= left + w:
                brush.add_line((mark, y - 6 * u), (mark, y + 6 * u), packed(theme.text, 0.8), 1.5 * u)
        brush.add_circle_filled((at, y), (6 if hovered or held else 5) * u, packed(theme.accent))
        if hovered or held:
            named = next((k.name for k in moments.kept if abs(int(k.tick) - under) * w < 4 * u * (newest - oldest)), "")
            imgui.set_tooltip(f"tick {under:,}" + (f"  {named}" if named else ""))

    def go(self, view: Any, tick: int) -> None:
        """Have the world put to `tick`; of several wishes in a row the last one counts."""
        self.wanted = tick
        if not self.going:
            self.going = True
            view.act(self._go, view)

    def _go(self, view: Any) -> None:
        try:
            if self.wanted is not None:
                deeds.travel(view, self.wanted)
        finally:
            self.going = False


def _speed(speed: float) -> str:
    if speed == float("inf"):
        return "full"
    return f"1/{round(1 / speed)}×" if speed < 1 else f"{round(speed)}×"
