"""The brain microscope's panel: who it is, its network at work, what moves it, its past, its kin, and what can be done.

It draws what the microscope holds; whatever touches the world goes through `view.act`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from swarm.render import deeds, steering
from swarm.render.panels import brain_kin
from swarm.render.panels.brain_brush import LOWERS, RAISES, signed
from swarm.render.panels.brain_kin import name_of
from swarm.render.panels.brain_network import Network
from swarm.render.panels.brain_plan import short
from swarm.render.panels.style import packed, rgba

MOVERS = 3  # senses that are named as moving an action


_PANELS: WeakKeyDictionary[Any, Brain] = WeakKeyDictionary()  # one per view


def of(view: Any) -> Brain:
    """The panel of a view."""
    return _PANELS.setdefault(view, Brain())


def draw(imgui: Any, view: Any, width: float) -> None:
    """The panel of `view.microscope`, `width` px wide."""
    of(view).draw(imgui, view, width)


class Brain:
    """The panel; remembers the chosen action, and what is being typed or waited for."""

    def __init__(self) -> None:
        self.network = Network()
        self.giving: Any = None  # the microscope whose brain the next agent clicked gets
        self.asking = ""  # "save" or "load": whose path is being typed
        self._asked = 0  # of whom
        self.path = ""
        self.kin: dict[int, tuple[float, float]] = {}  # id -> px, where relatives were last drawn
        self.done = (0.0, 0.0)  # px, of the button behind a path

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """The panel of `view.microscope`, `width` px wide."""
        m = view.microscope
        if m is None:
            self.giving = None
            imgui.text_disabled("Click an agent to look into its brain.")
            return
        self._give(view, m)
        imgui.push_style_var(imgui.StyleVar_.item_spacing, (8 * view.ui, 3 * view.ui))
        self._who(imgui, view, m, width)
        if m.names:
            imgui.spacing()
            self.network.draw(imgui, view, width)
            self._movers(imgui, view, m, width)
            self._past(imgui, view, m, width)
        else:
            self._columns(imgui, view, m, width)
        self.kin = brain_kin.draw(imgui, view, width)
        self._buttons(imgui, view, m, width)
        imgui.pop_style_var()

    # ---------------------------------------------------------------------------------------------- parts

    def _who(self, imgui: Any, view: Any, m: Any, width: float) -> None:
        """Name, age and birth; how it acts; what is cut off."""
        seen, theme = m.inspection, view.theme
        imgui.text(f"{seen.table} {name_of(m.id)}")
        imgui.set_item_tooltip(f"id {m.id}")
        imgui.same_line()
        if not m.alive:
            gone = "not born yet" if seen.born >= view.tick else "has died"
            when = f"died at tick {m.died:,}" if m.died >= 0 else gone
            imgui.text_colored(rgba(RAISES[theme.name]), when)
        elif m.driving:
            imgui.text_colored(rgba(theme.accent), "driven by you")
        else:
            imgui.text_disabled(f"{seen.tick - 1 - seen.born:,} ticks old")
        if m.ablated:
            word = f"put back {len(m.ablated)}"
            imgui.same_line(imgui.get_style().window_padding.x + width - imgui.calc_text_size(word).x)
            imgui.text_colored(rgba(theme.accent), word)
            if imgui.is_item_clicked():
                view.act(m.restore, view.world)
            imgui.set_item_tooltip("Click: what is cut off works again")
        if m.driving:
            imgui.text_disabled(steering.explain(m.names))
            return
        born = (
            "there from the start"
            if seen.born < 0
            else f"{'born' if seen.parent else 'came'} at tick {seen.born + 1:,}"
        )
        shared = ", shared" if m.shared else ""
        imgui.text_disabled(f"{born}   brain {seen.brain}{shared}" if seen.brain else f"{born}   acts by a rule")

    def _movers(self, imgui: Any, view: Any, m: Any, width: float) -> None:
        """One sentence: what moves the chosen action."""
        action = self.network.action
        if m.thought is None or action is None:
            return
        effect, usual = m.moved[action], m.lately[action]  # in the order of late, so that it can be read
        cut = {unit for layer, unit in m.ablated if layer == 0}
        order = [k for k in np.argsort(-usual).tolist() if usual[k] > 1e-3 and k not in cut][:MOVERS]
        name, theme = m.names[action], view.theme
        if not order:
            imgui.text_disabled(f"No sense moves {name} now.")
            return
        imgui.text(f"{name} is moved most, of late, by")
        for k in order:
            side = RAISES if effect[k] > 0 else LOWERS
            left = imgui.get_cursor_pos_x()
            imgui.text_colored(rgba(side[theme.name]), signed(float(effect[k])))
            imgui.same_line(left + 44 * view.ui)
            imgui.text_disabled(short(m.inspection.senses[k].label))

    def _past(self, imgui: Any, view: Any, m: Any, width: float) -> None:
        """The chosen action and the senses that move it most, over the last ticks."""
        past, theme = m.history, view.theme
        if len(past.ticks) < 2:
            return
        imgui.spacing()
        imgui.text_disabled(f"last {len(past.ticks)} ticks")
        chosen = self.network.action
        order = [k for k in range(len(m.names)) if k != chosen][:3]
        order = order if chosen is None else sorted([chosen, *order][:4])
        shown = [(m.names[k], past.actions[:, k], theme.accent if k == chosen else theme.text) for k in order]
        if m.thought is not None and chosen is not None:
            for k in np.argsort(-m.lately[chosen])[:2].tolist():
                shown.append((short(m.inspection.senses[k].label), past.senses[:, k], theme.quiet))
        for name, values, ink in shown:
            spark(imgui, view, width, name, values, ink)

    def _columns(self, imgui: Any, view: Any, m: Any, width: float) -> None:
        """What an entity without a mind is."""
        for key, value in m.inspection.columns.items():
            text = np.array2string(np.asarray(value), precision=3)
            imgui.text_disabled(key)
            imgui.same_line(0.55 * width)
            imgui.text(text[:24])

    def _buttons(self, imgui: Any, view: Any, m: Any, width: float) -> None:
        u = view.ui
        imgui.spacing()
        if self.giving is not None:
            imgui.text_colored(rgba(view.theme.accent), "Click the agent that is to get this brain.")
            if imgui.button("keep it"):
                self.giving = None
            return
        if self.asking and m.id == self._asked:
            self._ask(imgui, view, m, width)
            return
        acts = []
        if m.alive and m.names:
            acts.append(("give back" if m.driving else "drive", "K", lambda: deeds.drive(view)))
        if m.alive and m.thought is not None:
            acts += [
                ("copy\u2026", "another agent gets this brain", lambda: setattr(self, "giving", m)),
                ("save", "this brain as a file", lambda: self.ask("save", m)),
                ("load", "a brain from a file, into this agent", lambda: self.ask("load", m)),
            ]
        acts.append(("let go", "X", lambda: view.select(0)))
        left = width
        for k, (word, tip, do) in enumerate(acts):
            wide = imgui.calc_text_size(word).x + 16 * u
            if k and left >= wide:
                imgui.same_line(0, 5 * u)
            else:
                left = width
            left -= wide + 5 * u
            if imgui.button(word):
                do()
            imgui.set_item_tooltip(tip)

    # ---------------------------------------------------------------------------------------------- deeds

    def _give(self, view: Any, m: Any) -> None:
        """Once another agent of this world was clicked: it gets the brain."""
        if self.giving is not None and self.giving.notes is not view.notes:  # the world was begun anew
            self.giving = None
        if self.giving is not None and m.id != self.giving.id:
            giver, self.giving = self.giving, None
            if m.id == view.pointed:  # not by a key or a click among its kin, which only look
                view.act(_copy, view, giver, m.id)

    def ask(self, what: str, m: Any) -> None:
        """Ask for the path to "save" a brain to or to "load" one from."""
        name = f"{m.inspection.table}.safetensors"
        self.asking, self._asked = what, m.id
        self.path = self.path if Path(self.path).name == name else str(Path.cwd() / name)

    def _ask(self, imgui: Any, view: Any, m: Any, width: float) -> None:
        """A line for a path."""
        who = f"{m.inspection.table} {name_of(m.id)}"
        imgui.text_disabled(f"save the brain of {who} as" if self.asking == "save" else f"load into {who}")
        imgui.set_next_item_width(width)
        done, self.path = imgui.input_text("##path", self.path, imgui.InputTextFlags_.enter_returns_true)
        left, top = imgui.get_cursor_screen_pos()
        self.done = left + 8 * view.ui, top + 8 * view.ui
        if imgui.button(self.asking) or done:
            view.act(_save if self.asking == "save" else _load, view, m, self.path)
            self.asking = ""
        imgui.same_line(0, 5 * view.ui)
        if imgui.button("cancel"):
            self.asking = ""
        imgui.set_scroll_here_y(1.0)


def _copy(view: Any, giver: Any, id: int) -> None:
    giver.copy_to(view.world, id)
    view.say(f"{name_of(id)} has the brain of {name_of(giver.id)} now")


def _save(view: Any, m: Any, path: str) -> None:
    m.save(view.world, path)
    view.say(f"brain saved: {path}")


def _load(view: Any, m: Any, path: str) -> None:
    m.load_into(view.world, path)
    view.say(f"{name_of(m.id)} has the brain in {path} now")


def spark(imgui: Any, view: Any, width: float, name: str, values: np.ndarray, ink: str) -> None:
    """A name, a small curve with its zero line, and the last value."""
    u, theme, brush = view.ui, view.theme, imgui.get_window_draw_list()
    x, y = imgui.get_cursor_screen_pos()
    font, size, high = imgui.get_font(), 12 * u, 16 * u
    brush.add_text(font, size, (x, y + 2 * u), packed(ink), name[:20])
    left, right = x + 0.40 * width, x + width - 42 * u
    most = max(float(np.abs(values).max(initial=0.0)), 1e-9)
    low = -most if float(values.min(initial=0.0)) < 0 else 0.0
    zero = y + high * (1 - (0 - low) / (most - low))
    brush.add_line((left, zero), (right, zero), packed(theme.line, 0.15), 1.0)
    count = min(len(values), max(2, round((right - left) / (1.5 * u))))
    at = np.linspace(0, len(values) - 1, count).astype(int)
    xs = left + (right - left) * at / max(len(values) - 1, 1)
    ys = y + 1.5 * u + (high - 3 * u) * (1 - (values[at] - low) / (most - low))
    brush.add_polyline(np.column_stack([xs, ys]).tolist(), packed(ink), 1.3 * u, 0)
    text = signed(float(values[-1]))
    wide = imgui.calc_text_size(text).x * size / imgui.get_font_size()
    brush.add_text(font, size, (x + width - wide, y + 2 * u), packed(theme.quiet), text)
    imgui.dummy((width, high))
