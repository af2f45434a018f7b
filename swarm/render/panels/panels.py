"""The panels as a whole: where they stand, when they are built, and who gets the mouse and the keys."""

from __future__ import annotations

import time
from typing import Any

from swarm.errors import ExtraError
from swarm.render.context import install
from swarm.render.panels import bar, brain, charts, keyboard, moments, scene, style
from swarm.render.panels.gl import Painter
from swarm.render.panels.widgets import tabs

WIDTH, MARGIN, GAP = 340.0, 18.0, 10.0  # pt: of the column; around everything; between column and bar
BAR = 42.0  # pt, the bar's height
LEGEND, SCALE = 226.0, 166.0  # pt: what the HUD takes at the left of the bar and, where no column stands, at the right
NARROW, TINY = 860.0, 560.0  # pt: in a window that is not wider there is no room for the column, for the bar
BUILDS = 30.0  # a second, at most, unless somebody points, clicks or types
SHARE, DEAR = 0.08, 0.02  # of the time that builds may take; s: longer ones have done more than build
BUTTONS = {1: 0, 2: 2, 3: 1, 4: 3, 5: 4}  # pygame's numbers to ImGui's


def library() -> tuple[Any, Any]:
    """The modules `imgui` and `implot`. Raises `ExtraError` where imgui-bundle is not installed."""
    try:
        from imgui_bundle import imgui, implot
    except ImportError as error:
        raise ExtraError(
            f"panels: imgui-bundle cannot be imported ({error}). The window works without. Remedy: {install()}"
        ) from None
    return imgui, implot


class Panels:
    """Everything that ImGui draws for a `View`; `shown` False hides it.

    view  has world, scene, renderer, figures, pace, moments, microscope, theme, ui, and the methods act, say, restart
          and theme_to. Raises `ExtraError` without imgui-bundle.
    """

    def __init__(self, view: Any) -> None:
        self.imgui, self.implot = library()
        self.view, self.shown, self.tab = view, True, "Charts"
        self.frames = float("nan")  # a second, smoothed
        self.size = tuple(view.renderer.camera.size)
        self.spots: dict[str, tuple[float, float, float, float]] = {}  # px: left, top, right, bottom
        self._looks: Any = None  # theme and scale that the style was made for
        self._tall: dict[str, float] = {}  # px of content by tab
        self.boxes: list[tuple[float, float, float, float]] = []  # px, where bar and column stand
        self._outside: set[int] = set()  # buttons that were pressed beside the panels
        self._since, self._stale = 0.0, True
        self._selected: Any = None  # the microscope whose agent was selected last
        self.bare = False  # whether the bar is left out: nobody can click in a picture
        self._cost = 0.0  # s that a build takes
        self.context = self.imgui.create_context()
        self.plots = self.implot.create_context()
        self.io = self._enter()
        self.io.set_ini_filename("")
        self.io.config_windows_move_from_title_bar_only = True
        style.fonts(self.imgui)
        self.painter: Painter | None = Painter(view.context, self.imgui)
        self.panels = {"Charts": charts.Charts(), "Scene": scene.Scene(), "Moments": moments.Moments()}
        self.bar = bar.Bar()
        self._lift()

    # ---------------------------------------------------------------------------------------------- input

    def mouse(self, x: float, y: float) -> bool:
        """The pointer is at this pixel; whether that is the panels' matter."""
        self._enter().add_mouse_pos_event(x, y)
        self._at = x, y
        over = not self._outside and self.over(x, y)
        self._stale |= over
        return over

    def button(self, number: int, down: bool) -> bool:
        """A mouse button, 1 left, 2 middle, 3 right, is pressed or let go where the pointer is; whether it is taken."""
        io, taken = self._enter(), self.over(*self._at)
        if number in BUTTONS:
            io.add_mouse_button_event(BUTTONS[number], down)
            self._stale = True
        if down and not taken:
            self._outside.add(number)
        elif not down and number in self._outside:
            self._outside.discard(number)
            taken = False
        return taken

    def wheel(self, steps: float) -> bool:
        """The wheel turns by so many steps, up being positive; whether the panels scroll."""
        if not self.over(*self._at):
            return False
        self._enter().add_mouse_wheel_event(0.0, steps)
        self._stale = True
        return True

    def key(self, name: str, down: bool, mods: Any = ()) -> bool:
        """A key ("a", "left", "return") goes down or up, with "ctrl", "shift", "alt", "super"; whether text is typed
        into a panel."""
        io, keys = self._enter(), self.imgui.Key
        for mod in keyboard.MODS:
            io.add_key_event(getattr(keys, f"mod_{mod}"), mod in mods)
        found = keyboard.key(self.imgui, name)
        if found is not None:
            io.add_key_event(found, down)
        self._stale = True
        return self.shown and bool(io.want_capture_keyboard)

    def text(self, typed: str) -> bool:
        """Characters are typed; whether a panel takes them."""
        io = self._enter()
        if not (self.shown and io.want_text_input):
            return False
        io.add_input_characters_utf8(typed)
        self._stale = True
        return True

    def over(self, x: float, y: float) -> bool:
        """Whether a pixel is the panels'."""
        if not self.shown:
            return False
        inside = any(left <= x < right and top <= y < bottom for left, top, right, bottom in self.boxes)
        return inside or (bool(self._enter().want_capture_mouse) and not self._outside)

    def where(self, name: str) -> tuple[float, float]:
        """The middle of something that can be clicked, px: a tab, a switch or an icon by its name, "setting NAME",
        "time", "restart". Raises `KeyError` if it is not in sight."""
        left, top, right, bottom = self.spots[name]
        return (left + right) / 2, (top + bottom) / 2

    @property
    def wide(self) -> bool:
        """Whether there is room for the column."""
        return self.size[0] > NARROW * self.view.ui

    @property
    def middle(self) -> float:
        """px from the left: the middle of what the panels leave free."""
        if not (self.shown and self.wide):
            return self.size[0] / 2
        left, width = self._span()
        return left + width / 2

    # ---------------------------------------------------------------------------------------------- frames

    def draw(self, size: tuple[int, int], seconds: float) -> None:
        """Paint over the framebuffer in use, of `size` px, `seconds` after the last call."""
        assert self.painter is not None
        if seconds > 0.0:
            rate = 1.0 / seconds
            self.frames = rate if self.frames != self.frames else self.frames + 0.05 * (rate - self.frames)
            self.view.figures.frames = self.frames
        self.view.figures.intake = True
        self._since += seconds
        self._lift()
        if not self.shown:
            return
        resized, self.size = tuple(size) != self.size, (int(size[0]), int(size[1]))
        if self._stale or resized or self._since >= max(1.0 / BUILDS, self._cost / SHARE):
            before, begun = dict(self._tall), time.perf_counter()
            self._build(self._since)
            self._cost += 0.2 * (min(time.perf_counter() - begun, DEAR) - self._cost)
            if self._tall != before:  # heights are known now
                self._build(0.0)
            self._since, self._stale = 0.0, False
        self.painter.draw()

    def turn_to(self, tab: str) -> None:
        """Show a tab, "Brain", "Charts", "Scene" or "Moments", with the next `draw`, just selected agent or not."""
        self.tab, self._stale, self._selected = tab, True, self.view.microscope

    def release(self) -> None:
        """Give the GPU's memory and ImGui's back."""
        if self.painter is None:
            return
        self._enter()
        self.painter.release()
        self.painter = None
        self.implot.destroy_context(self.plots)
        self.imgui.destroy_context(self.context)

    # ---------------------------------------------------------------------------------------------- inside

    _at = (-1.0, -1.0)

    def _enter(self) -> Any:
        """Make our contexts the current ones; returns ImGui's input."""
        self.imgui.set_current_context(self.context)
        self.implot.set_current_context(self.plots)
        return self.imgui.get_io()

    def _build(self, seconds: float) -> None:
        imgui, view, io = self.imgui, self.view, self._enter()
        looks = view.theme, view.ui
        if looks != self._looks:
            style.apply(imgui, self.implot, *looks)
            self._looks, self._tall = looks, {}
        io.display_size = self.size
        io.delta_time = min(max(seconds, 1e-4), 0.1)
        self.boxes = []
        self.spots.clear()
        imgui.new_frame()
        try:
            if self.size[0] > TINY * view.ui and not self.bare:
                self._bar()
            if self.wide:
                self._column()
        except BaseException:  # leave ImGui ready for another frame
            io.config_error_recovery_enable_assert = io.config_error_recovery_enable_debug_log = False
            imgui.end_frame()
            io.config_error_recovery_enable_assert = io.config_error_recovery_enable_debug_log = True
            raise
        imgui.render()
        assert self.painter is not None
        self.painter.take(imgui.get_draw_data())

    def _window(self, name: str, x: float, y: float, w: float, h: float) -> None:
        imgui, flags = self.imgui, self.imgui.WindowFlags_
        imgui.set_next_window_pos((x, y))
        imgui.set_next_window_size((w, h))
        plain = flags.no_decoration | flags.no_move | flags.no_saved_settings | flags.no_nav
        imgui.begin(name, None, plain | flags.no_scroll_with_mouse | flags.no_bring_to_front_on_focus)
        self.boxes.append((x, y, x + w, y + h))

    def _bar(self) -> None:
        u = self.view.ui
        left, width = self._span()
        self._window("bar", left, self.size[1] - (BAR + MARGIN) * u, width, BAR * u)
        self.bar.draw(self.imgui, self.view, width)
        self.imgui.end()

    def _span(self) -> tuple[float, float]:
        """px: where the bar begins and how wide it is."""
        u = self.view.ui
        left = (MARGIN + LEGEND) * u
        return left, self.size[0] - left - (MARGIN + (WIDTH + 12 if self.wide else SCALE)) * u

    def _lift(self) -> None:
        """Have the HUD put its hint above the bar."""
        hud, u = self.view.renderer.hud, self.view.ui
        if hud is None:
            return
        hud.foot = None
        if self.shown and self.size[0] > TINY * u and not self.bare:
            left, width = self._span()
            hud.foot = left + width / 2, self.size[1] - (MARGIN + BAR + 20) * u

    def _column(self) -> None:
        imgui, view, (width, height) = self.imgui, self.view, self.size
        u, microscope = view.ui, view.microscope
        if microscope is not None and microscope is not self._selected:
            self.tab = "Brain"
        self._selected = microscope
        most = height - (2 * MARGIN + GAP + BAR) * u
        head = 46 * u
        tall = min(most, head + self._tall.get(self.tab, most) + 20 * u)
        self._window("column", width - (WIDTH + MARGIN) * u, MARGIN * u, WIDTH * u, tall)
        self.tab = tabs(imgui, view, ("Brain", *self.panels), self.tab)
        imgui.set_cursor_pos((0, head))
        imgui.push_style_var(imgui.StyleVar_.window_padding, (16 * u, 2 * u))
        imgui.begin_child("body", (0, tall - head - 8 * u), imgui.ChildFlags_.always_use_window_padding)
        imgui.pop_style_var()
        start = imgui.get_cursor_pos_y()
        self._content((WIDTH - 32 - 6) * u)  # beside the scroll bar
        self._tall[self.tab] = imgui.get_cursor_pos_y() - start
        imgui.end_child()
        imgui.end()

    def _content(self, width: float) -> None:
        panel = brain if self.tab == "Brain" else self.panels[self.tab]
        panel.draw(self.imgui, self.view, width)
