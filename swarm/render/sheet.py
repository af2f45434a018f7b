"""The sheet of all keys over the picture, in the groups of their table. Own drawing, so that it needs no panels."""

from __future__ import annotations

from typing import Any

from swarm.render.panel import Panel
from swarm.render.theme import Theme

ROW, HEAD, COLUMN, MARGIN, NAME = 20.0, 30.0, 262.0, 28.0, 66.0  # pt
WRITTEN = {"escape": "Esc", "space": "Space", "backspace": "Back", "tab": "Tab"}


class Sheet:
    """Draws the table of keys while `shown`: two groups side by side, two rows of them. ui: px per point."""

    def __init__(self, context: Any, ui: float) -> None:
        self.context, self.ui = context, ui
        self.shown = False
        self._panel: Panel | None = None
        self._theme: Theme | None = None

    def draw(self, target: Any, theme: Theme) -> None:
        """Paint it in the middle of a framebuffer."""
        if not self.shown:
            return
        if self._panel is None or theme is not self._theme:
            self.release()
            self._panel, self._theme = Panel(self.context, theme), theme
        panel, u, groups = self._panel, self.ui, _groups()
        rows = [groups[k : k + 2] for k in range(0, len(groups), 2)]
        heights = [max(HEAD + ROW * len(keys) for _, keys in row) + MARGIN / 2 for row in rows]
        w, h = (2 * COLUMN + 2 * MARGIN) * u, (sum(heights) + 1.5 * MARGIN) * u
        target.use()
        width, height = target.viewport[2:]
        left, y = (width - w) / 2, (height - h) / 2
        panel.clear()
        panel.box(0, 0, width, height, theme.beyond, 0.55)
        panel.box(left - u, y - u, w + 2 * u, h + 2 * u, theme.line, 0.14, 11 * u)
        panel.box(left, y, w, h, theme.panel, 0.97, 10 * u)
        y += MARGIN * u
        for row, tall in zip(rows, heights, strict=True):
            for k, (title, keys) in enumerate(row):
                self._group(panel, theme, title, keys, left + (MARGIN + k * COLUMN) * u, y)
            y += tall * u
        panel.draw((width, height))

    def _group(self, panel: Panel, theme: Theme, title: str, keys: list[tuple[str, str]], x: float, y: float) -> None:
        u = self.ui
        panel.text(x, y + 10 * u, title, 9.0 * u, theme.text, weight=1.2)
        for k, (name, words) in enumerate(keys):
            line = y + (HEAD + ROW * k + 7) * u
            panel.text(x, line, name, 7.5 * u, theme.accent, weight=1.1)
            panel.text(x + NAME * u, line, words, 7.5 * u, theme.text)

    def release(self) -> None:
        """Give the GPU's memory back."""
        if self._panel is not None:
            self._panel.release()
        self._panel = None


def _groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """(title, rows of name and words) of every group; the mouse stands with the agents."""
    from swarm.render.keys import MOUSE, TABLE

    groups = [(title, [(written(key.names[0]), key.words) for key in keys]) for title, keys in TABLE.items()]
    return [(title, [*MOUSE, *rows] if title == "Agent" else rows) for title, rows in groups]


def written(name: str) -> str:
    """A key as it is written on keyboards: "Space", "F11", "Shift R"."""
    if name in WRITTEN:
        return WRITTEN[name]
    if len(name) == 1:
        return f"Shift {name}" if name.isupper() else name.upper()
    return name.upper() if name.startswith("f") and name[1:].isdigit() else name
