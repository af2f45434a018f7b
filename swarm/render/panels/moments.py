"""The time machine's list: keep this moment, go to one, rename it, save it to a file, let it go; and the branches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swarm.errors import SettingsError
from swarm.render import deeds
from swarm.render.figures import number
from swarm.render.panels.style import packed, rgba
from swarm.render.panels.widgets import icon, right, spot

MIB = 2**20


class Moments:
    """The panel; remembers what is being typed."""

    def __init__(self) -> None:
        self.name = ""
        self.renaming, self.renamed = "", ""  # which one, and what it shall be called

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """How far back, the kept moments, the branches."""
        moments, u = view.moments, view.ui
        if moments is None:
            imgui.text_wrapped("The time machine is off: no budget was given, or these are several worlds in one.")
            return
        oldest, newest = (int(tick) for tick in moments.reach)
        imgui.text_disabled(f"back to tick {oldest:,}")
        right(imgui, width, f"{number(newest - oldest)} ticks", view.theme.text)
        imgui.text_disabled("memory")
        right(imgui, width, memory(moments), view.theme.text)
        self._gauge(imgui, view, width, min(1.0, moments.bytes / moments.budget))
        imgui.spacing()
        imgui.set_next_item_width(width - 72 * u)
        entered, self.name = imgui.input_text_with_hint(
            "##name", f"tick {view.tick:,}", self.name, imgui.InputTextFlags_.enter_returns_true
        )
        spot(imgui, view, "name")
        imgui.same_line(0, 8 * u)
        if imgui.button("Keep", (64 * u, 0)) or entered:
            view.act(keep, view, self.name)
            self.name = ""
        spot(imgui, view, "keep it")
        imgui.spacing()
        if not moments.kept:
            imgui.text_disabled("Moments that you keep stand here.")
        for kept in moments.kept:
            self._row(imgui, view, kept, width)
        if len(moments.branches) > 1:
            imgui.separator_text("branches")
            for curve in moments.curves:
                self._branch(imgui, view, curve, width)

    def _gauge(self, imgui: Any, view: Any, width: float, part: float) -> None:
        u, brush = view.ui, imgui.get_window_draw_list()
        x, y = imgui.get_cursor_screen_pos()
        brush.add_rect_filled((x, y), (x + width, y + 3 * u), packed(view.theme.line, 0.12), 1.5 * u)
        brush.add_rect_filled((x, y), (x + width * part, y + 3 * u), packed(view.theme.accent, 0.7), 1.5 * u)
        imgui.dummy((width, 3 * u))

    def _row(self, imgui: Any, view: Any, kept: Any, width: float) -> None:
        """A kept moment: click to go there."""
        u = view.ui
        imgui.push_id(kept.name)
        left, top = imgui.get_cursor_pos()
        if self.renaming == kept.name:
            imgui.set_next_item_width(width - 78 * u)
            done, self.renamed = imgui.input_text("##new", self.renamed, imgui.InputTextFlags_.enter_returns_true)
            spot(imgui, view, "new name")
            if done:
                view.act(rename, view, kept.name, self.renamed)
            if done or imgui.is_key_pressed(imgui.Key.escape):
                self.renaming = ""
        else:
            if imgui.selectable("##go", False, 0, (width - 78 * u, imgui.get_frame_height()))[0]:
                view.act(deeds.travel, view, kept)
            spot(imgui, view, f"go {kept.name}")
            imgui.set_item_tooltip("go there")
            imgui.set_cursor_pos((left + 4 * u, top))
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(kept.name)
            if kept.name != f"tick {kept.tick:,}":
                imgui.same_line(0, 10 * u)
                imgui.text_disabled(f"{kept.tick:,}")
        imgui.set_cursor_pos((left + width - 72 * u, top - u))
        if icon(imgui, view, f"rename {kept.name}", "pen", "rename"):
            self.renaming = self.renamed = kept.name
        imgui.same_line(left + width - 48 * u)
        if icon(imgui, view, f"save {kept.name}", "save", "save to a file"):
            view.act(save, view, kept)
        imgui.same_line(left + width - 24 * u)
        if icon(imgui, view, f"forget {kept.name}", "cross", "let it go"):
            view.act(view.moments.forget, kept.name)
        imgui.pop_id()

    def _branch(self, imgui: Any, view: Any, curve: Any, width: float) -> None:
        """A course that the run took: click to go to its end."""
        here = curve.name == view.moments.branch
        imgui.text_colored(rgba(view.theme.accent if here else view.theme.text), curve.name)
        if not here and len(curve.ticks):
            if imgui.is_item_hovered():
                imgui.set_tooltip("go to its end")
            if imgui.is_item_clicked():
                view.act(deeds.travel, view, int(curve.ticks[-1]), curve.name)
        imgui.same_line(0, 10 * view.ui)
        imgui.text_disabled("from the start" if curve.parent is None else f"left {curve.parent} at {curve.fork:,}")
        last = f"to {int(curve.ticks[-1]):,}" if len(curve.ticks) else ""
        right(imgui, width, last, view.theme.quiet)


def memory(moments: Any) -> str:
    """What the time machine holds, and may hold."""
    return f"{moments.bytes / MIB:,.0f} of {moments.budget / MIB:,.0f} MiB"


def keep(view: Any, name: str) -> None:
    """Keep this moment of the idle world under a name, by default its tick."""
    view.moments.keep(view.world, name.strip() or f"tick {int(view.world.tick):,}")


def rename(view: Any, old: str, new: str) -> None:
    """Call a kept moment otherwise."""
    view.moments.rename(old, new.strip() or old)


def save(view: Any, kept: Any) -> None:
    """Write a kept moment to a new file in the working directory."""
    title = "".join(c if c.isalnum() else "-" for c in f"{view.figures.title}-{kept.name}".replace(",", ""))
    for number_ in range(1, 1000):
        path = Path.cwd() / (f"swarm-{title}.safetensors" if number_ == 1 else f"swarm-{title}-{number_}.safetensors")
        if not path.exists():
            kept.save(path)
            view.say(f"saved {path.name}")
            return
    raise SettingsError(f"moments: there are 999 files like {path.name}. Remove some.")
