"""The network of one brain, drawn as it thinks.

A row per sense: its name, its value, and how much it moves the chosen action now; then dots for the hidden units and
the actions with names and values. Lines are what flows to the chosen action: orange raises it, blue lowers it, and the
stronger the line the more it does. Point at a unit to see what it alone is wired to; click to cut it off.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from swarm.render.panels.brain_brush import LOWERS, RAISES, Brush, beside, signed
from swarm.render.panels.brain_plan import Plan, plan
from swarm.render.panels.style import packed

LINES = 180  # drawn at most
REACH = 7.0  # pt from a dot


class Spot(NamedTuple):
    """A unit: layer 0 are the inputs, the last one the actions."""

    layer: int
    unit: int


class Network:
    """Draws it; remembers which action is chosen."""

    def __init__(self) -> None:
        self.action: int | None = None
        self.names: tuple[str, ...] = ()  # the actions among which it was chosen
        self.slope = False  # saliency as the slope itself, not times the sense
        self._plan: tuple[Any, Plan] | None = None
        self._of = 0  # whose action was chosen
        self.origin = (0.0, 0.0)  # px, of the plan, when it was last drawn

    def draw(self, imgui: Any, view: Any, width: float) -> Spot | None:
        """The network; returns the unit that is pointed at."""
        m, u, theme = view.microscope, view.ui, view.theme
        if m.id != self._of:
            self._of, self.action = m.id, self._first(m)
        p = self._planned(m, width, u)
        x, y = imgui.get_cursor_screen_pos()
        self._head(imgui, view, x, y, p)
        y += 18 * u
        self.origin = x, y
        imgui.set_cursor_screen_pos((x, y))
        clicked = imgui.invisible_button("network", p.size)
        mouse = imgui.get_mouse_pos()
        spot = self._under(p, mouse.x - x, mouse.y - y, u) if imgui.is_item_hovered() else None
        brush = Brush(imgui, x, y, theme, u)
        last, chosen = len(p.places) - 1, self.action
        if spot is not None and spot.layer == last and spot.unit < len(m.names):
            chosen = spot.unit
        hidden = spot is not None and 0 < spot.layer < last
        still = spot is not None and not spot.layer and m.thought is not None and m.thought.inputs[spot.unit] == 0
        flows = m.flows(None if hidden else chosen, 1.0 if still else None)  # of a sense that is 0: if it were 1
        self._lines(brush, p, flows, spot)
        self._senses(brush, p, m, chosen, spot)
        self._units(brush, p, m, spot)
        self._actions(brush, p, m, chosen, spot)
        if spot is not None:
            self._tell(imgui, m, spot, u)
            if clicked:
                self._click(view, m, spot, len(p.places) - 1)
        return spot

    # ---------------------------------------------------------------------------------------------- parts

    def _head(self, imgui: Any, view: Any, x: float, y: float, p: Plan) -> None:
        """What the columns are; a click on the last one changes what it shows."""
        m, u, theme, brush = view.microscope, view.ui, view.theme, imgui.get_window_draw_list()
        font, size = imgui.get_font(), 11 * u
        for text, at in zip(("senses", "now"), p.heads):
            if at >= 0:
                brush.add_text(font, size, (x + at, y), packed(theme.quiet), text)
        if m.thought is None or self.action is None:
            return
        name, left = m.names[self.action], x + p.heads[2]
        word = f"{'slope' if self.slope else 'effect'} on {name}"
        imgui.set_cursor_screen_pos((left, y))
        wide = imgui.calc_text_size(word).x * size / imgui.get_font_size()
        if imgui.invisible_button("effect", (wide, 14 * u)):
            self.slope = not self.slope
        if imgui.is_item_hovered():
            beside(
                imgui,
                u,
                f"How much {name} changes as the sense grows by 1.\nClick for its effect now: slope times sense."
                if self.slope
                else f"What the sense does to {name} now: the slope times the sense.\nClick for the slope alone.",
            )
        ink = theme.text if imgui.is_item_hovered() else theme.accent
        brush.add_text(font, size, (left, y), packed(ink), word)
        end = x + p.size[0]
        for text, side in (("lowers", LOWERS), ("raises", RAISES)):
            end -= imgui.calc_text_size(text).x * size / imgui.get_font_size()
            brush.add_text(font, size, (end, y), packed(side[theme.name]), text)
            end -= 7 * u

    def _senses(self, brush: Brush, p: Plan, m: Any, action: int | None, spot: Spot | None) -> None:
        theme, u = brush.theme, brush.u
        under = spot.unit if spot is not None and spot.layer == 0 else -1
        cut = {unit for layer, unit in m.ablated if layer == 0}
        if under >= 0 and not p.cells[under]:
            y = float(p.places[0][under, 1])
            brush.fill(0, y - 6 * u, p.size[0], y + 6 * u, packed(theme.line, 0.07))
        for label in p.labels:
            if label.way is not None:
                brush.compass(7 * u, label.y, 5 * u, label.way)
            indent = 0.0 if label.strong else 16.0 if label.way is not None else 8.0
            brush.text(indent * u, label.y, label.text, theme.text if label.strong else theme.quiet)
        values = m.senses if m.thought is None else m.thought.inputs
        values = values / self._scales(m, p, values)
        effect = self._effects(m, action)
        strong = np.abs(effect).max(initial=0.0)
        if action is not None and action < len(m.names) and not self.slope and m.thought is not None:
            strong = max(strong, m.lately[action].max(initial=0.0))  # the bars keep their scale
        effect = effect / strong if strong > 1e-9 else effect * 0.0
        gone, ground, axis = packed(theme.quiet, 0.3), packed(theme.line, 0.08), packed(theme.line, 0.3)
        known, lines = len(effect) > 0, zip(p.values.tolist(), p.effects.tolist(), p.places[0].tolist())
        parts = zip(lines, brush.ink(values), values.tolist(), p.cells.tolist())
        effects = zip(brush.ink(effect), effect.tolist()) if known else iter(())
        for k, (((x0, y0, x1, y1), other, (x, y)), ink, value, cell) in enumerate(parts):
            ink = gone if k in cut else ink
            side, size = next(effects, (ground, 0.0))
            if cell:
                brush.fill(x0, y0, x1, y1, ink)
                brush.fill(other[0], other[1], other[2], other[3], side)
            else:
                brush.fill(x0, y0, x1, y1, ground)
                brush.fill(x0, y0, x0 + min(abs(value), 1.0) * (x1 - x0), y1, ink)
                middle = (other[0] + other[2]) / 2
                if known:
                    brush.fill(middle - 0.5, y - 6 * u, middle + 0.5, y + 6 * u, axis)
                    brush.fill(middle, other[1], middle + size * (other[2] - middle), other[3], side)
                if m.thought is not None:
                    brush.dot(x, y, p.radius[0], ink)
            if k in cut:
                brush.line(0 if not cell else x0, y1 if cell else y, x1 if cell else x, y0 if cell else y,
                           packed(theme.quiet, 0.9), 1.2 * u)  # fmt: skip
            if k == under and cell:
                brush.list.add_rect((brush.x + other[0], brush.y + other[1]),
                                    (brush.x + other[2], brush.y + other[3]), packed(theme.text))  # fmt: skip

    def _units(self, brush: Brush, p: Plan, m: Any, spot: Spot | None) -> None:
        cut = m.ablated
        for j, layer in enumerate(m.layers[:-1], start=1):
            inked = brush.ink(layer / max(1.0, float(np.abs(layer).max(initial=0.0))))
            r = p.radius[j]
            for k, (x, y) in enumerate(p.places[j].tolist()):
                if (j, k) in cut:
                    brush.dot(x, y, r, packed(brush.theme.panel))
                    brush.ring(x, y, r, packed(brush.theme.quiet, 0.9))
                    brush.line(x - r, y - r, x + r, y + r, packed(brush.theme.quiet, 0.9), 1.2 * brush.u)
                    continue
                brush.dot(x, y, r, inked[k])
                if spot == (j, k):
                    brush.ring(x, y, r + 2 * brush.u, packed(brush.theme.text))

    def _actions(self, brush: Brush, p: Plan, m: Any, chosen: int | None, spot: Spot | None) -> None:
        theme, u = brush.theme, brush.u
        outputs = np.array(m.layers[-1] if m.layers else m.actions, np.float64)
        if m.driving:
            outputs[: len(m.names)] = m.actions
        inked, last = brush.ink(outputs / np.maximum(1.0, np.abs(outputs))), len(p.places) - 1
        tight = len(outputs) > 1 and float(p.places[-1][1, 1] - p.places[-1][0, 1]) < 26 * u
        for k, (x, y) in enumerate(p.places[-1].tolist()):
            brush.dot(x, y, p.radius[-1], inked[k])
            if (k == chosen and m.layers) or spot == (last, k):
                brush.ring(x, y, p.radius[-1] + 2.2 * u, packed(theme.accent if k == self.action else theme.text))
            if k >= len(m.names):
                if not tight:
                    brush.text(x + 11 * u, y, f"memory {k - len(m.names) + 1}", theme.quiet)
                continue
            value = float(outputs[k])
            ink = theme.accent if k == self.action else theme.text
            if tight:
                brush.text(x + 11 * u, y, m.names[k], ink)
                brush.text(p.size[0], y, signed(value), theme.quiet, right=True)
            else:
                brush.text(x + 11 * u, y - 6.5 * u, m.names[k], ink, size=13)
                brush.text(x + 11 * u, y + 7 * u, signed(value) + ("  you" if m.driving else ""), theme.quiet, size=12)

    def _lines(self, brush: Brush, p: Plan, flows: tuple[np.ndarray, ...], spot: Spot | None) -> None:
        """The strongest flows, or what of them leads to and from one unit."""
        found = flows if spot is None else spotlight(flows, *spot)
        for k, flow in enumerate(found):
            size = np.abs(flow).ravel()
            most = size.max(initial=0.0)
            if most <= 0.0:
                continue
            few = min(LINES // len(flows), len(size))
            best = np.argpartition(size, len(size) - few)[len(size) - few :]
            best = best[size[best] > 0.04 * most]
            best = best[np.argsort(size[best])]
            i, j = np.divmod(best, flow.shape[1])
            ends = np.concatenate([p.places[k][i], p.places[k + 1][j]], axis=1) + brush.origin
            inks = brush.faint(flow.ravel()[best] / most)
            thick = (0.5 + 1.5 * size[best] / most) * brush.u
            add = brush.list.add_line
            for (x0, y0, x1, y1), ink, w in zip(ends.tolist(), inks, thick.tolist()):
                add((x0, y0), (x1, y1), ink, w)

    # ---------------------------------------------------------------------------------------------- mouse

    def _under(self, p: Plan, x: float, y: float, u: float) -> Spot | None:
        last = len(p.places) - 1
        if len(p.cells):
            cells = np.concatenate([p.values, p.effects]) if p.cells.all() else p.values
            inside = (cells[:, 0] <= x) & (x < cells[:, 2] + u) & (cells[:, 1] <= y) & (y < cells[:, 3] + u)
            inside &= np.resize(p.cells, len(cells))
            if inside.any():
                return Spot(0, int(np.argmax(inside)) % len(p.cells))
            rows = np.abs(p.places[0][:, 1] - y) + np.where(p.cells, np.inf, 0.0)
            k = int(np.argmin(rows))
            if rows[k] <= 6 * u and x <= p.places[0][k, 0] + 4 * u:
                return Spot(0, k)
        ends = p.places[last]
        if len(ends) and x >= ends[0, 0] - 8 * u:
            k = int(np.argmin(np.abs(ends[:, 1] - y)))
            return Spot(last, k) if abs(ends[k, 1] - y) < 18 * u else None
        for j in range(1, last):
            if len(p.places[j]):
                gaps = np.hypot(*(p.places[j] - (x, y)).T)
                k = int(np.argmin(gaps))
                if gaps[k] < REACH * u:
                    return Spot(j, k)
        return None

    def _click(self, view: Any, m: Any, spot: Spot, last: int) -> None:
        if spot.layer == last:
            if spot.unit < len(m.names):
                self.action = None if spot.unit == self.action else spot.unit
        elif m.thought is not None:
            off = tuple(spot) not in m.ablated
            if spot.layer == 0:
                view.act(m.ablate_sense, view.world, spot.unit, off)
            else:
                view.act(m.ablate_unit, view.world, spot.layer - 1, spot.unit, off)

    def _tell(self, imgui: Any, m: Any, spot: Spot, u: float) -> None:
        """A tooltip for what is pointed at."""
        cut = tuple(spot) in m.ablated
        remedy = "Cut off. Click to put it back." if cut else "Click to cut it off."
        lines = []
        if spot.layer == 0 and spot.unit < len(m.inspection.senses):
            sense = m.inspection.senses[spot.unit]
            lines = [f"{sense.label}: {sense.value:.3g}" + (f" x {sense.unit}" if sense.unit[:1].isdigit() else "")]
            for name, effect in zip(m.names[:4], m.moved[:4, spot.unit]):
                if m.thought is not None:
                    lines.append(f"does {signed(float(effect), 3)} to {name}")
            lines += [remedy] if m.thought is not None else []
        elif spot.layer == 0:
            lines = [f"memory {spot.unit - len(m.inspection.senses) + 1}: {m.thought.inputs[spot.unit]:.3g}", remedy]
        elif spot.layer < len(m.layers):
            value = float(m.layers[spot.layer - 1][spot.unit])
            lines = [f"unit {spot.unit + 1} of hidden layer {spot.layer}: {signed(value)}", remedy]
        elif spot.unit < len(m.names):
            name = m.names[spot.unit]
            lines = [f"{name}: {signed(float(m.actions[spot.unit]), 3)}"]
            if m.layers:
                lines += [f"its brain says {signed(float(m.layers[-1][spot.unit]), 3)}"] if m.driving else []
                lines.append("Click to see all flows." if spot.unit == self.action else "Click to see what moves it.")
        if lines:
            beside(imgui, u, "\n".join(lines))

    # ---------------------------------------------------------------------------------------------- inside

    def _first(self, m: Any) -> int | None:
        """The action that is chosen at first: the one that was before, else the strongest."""
        if m.thought is None:
            return None
        known = self.action is not None and self.names == m.names
        outputs = m.layers[-1][: len(m.names)]
        many = len(m.names) > 3  # they are more likely answers than pushes: the largest, not the strongest
        self.names = m.names
        return self.action if known else int(np.argmax(outputs if many else np.abs(outputs)))

    @property
    def plan(self) -> Plan:
        """Where everything stands, from `origin`; once it was drawn."""
        assert self._plan is not None
        return self._plan[1]

    def _planned(self, m: Any, width: float, u: float) -> Plan:
        key = (m.id, str(m.mlp), len(m.layers), round(width), u)
        if self._plan is None or self._plan[0] != key:
            self._plan = key, plan(m, width, u)
        return self._plan[1]

    def _effects(self, m: Any, action: int | None) -> np.ndarray:
        """What each input does to an action, [I] or []."""
        if action is None or m.thought is None or action >= len(m.names):
            return np.zeros(0)
        slope = m.slopes[0][action]
        return slope if self.slope else slope * m.thought.inputs

    def _scales(self, m: Any, p: Plan, values: np.ndarray) -> np.ndarray:
        """What fills a bar: for each group of senses the most that any of them was of late."""
        past, out = m.history.senses, np.ones(len(values))
        for start, end in p.groups:
            most = np.abs(past[:, start:end]).max(initial=0.0) if end <= past.shape[1] else 0.0
            out[start:end] = max(float(most), float(np.abs(values[start:end]).max(initial=0.0)), 1e-9)
        return out


def spotlight(flows: tuple[np.ndarray, ...], layer: int, unit: int) -> list[np.ndarray]:
    """What of the flows leads on from one unit of a layer, and what leads to it, [I_k, O_k] each.

    Behind the units that it reaches flows count by the share that comes from it, and so on; before it likewise.
    """
    found: list[np.ndarray] = [np.zeros(0)] * len(flows)
    share = np.zeros(flows[layer].shape[0] if layer < len(flows) else flows[-1].shape[1])
    share[unit] = 1.0
    ahead = share
    for k in range(layer, len(flows)):
        found[k] = flows[k] * ahead[:, None]
        ahead = np.abs(found[k]).sum(axis=0)
        ahead = ahead / max(ahead.max(initial=0.0), 1e-300)
    for k in reversed(range(layer)):
        found[k] = flows[k] * share
        share = np.abs(found[k]).sum(axis=1)
        share = share / max(share.max(initial=0.0), 1e-300)
    return found
