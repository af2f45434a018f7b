"""Where the time of a tick goes: one bar, cut in the order of the schedule, and the slowest systems by name."""

from __future__ import annotations

from typing import Any

from swarm.render import palette
from swarm.render.panels.style import packed, rgba
from swarm.render.panels.widgets import right

SHOWN = 5  # systems that are named


def draw(imgui: Any, view: Any, width: float) -> None:
    """The bar and its legend; the mouse names each part."""
    u, theme, systems = view.ui, view.theme, view.figures.systems
    total = sum(systems.values())
    if total <= 0.0:
        return
    imgui.spacing()
    imgui.text_disabled("one tick")
    right(imgui, width, _ms(total), theme.text)
    brush, inks = imgui.get_window_draw_list(), _inks(theme.name, len(systems))
    left, top = imgui.get_cursor_screen_pos()
    imgui.invisible_button("flame", (width, 16 * u))
    mouse = imgui.get_mouse_pos().x if imgui.is_item_hovered() else -1.0
    x = left
    for (name, ms), ink in zip(systems.items(), inks):
        end = x + width * ms / total
        over = x <= mouse < end
        brush.add_rect_filled((x, top), (max(end - 0.75 * u, x + 0.5), top + 16 * u), packed(ink, 1.0 if over else 0.8))
        if over:
            imgui.set_tooltip(f"{name}  {_ms(ms)}  {ms / total:.0%}")
        x = end
    ranked = sorted(zip(systems.items(), inks), key=lambda pair: -pair[0][1])[:SHOWN]
    for (name, ms), ink in ranked:
        x, y = imgui.get_cursor_screen_pos()
        brush.add_rect_filled((x, y + 4 * u), (x + 8 * u, y + 12 * u), packed(ink), 2 * u)
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + 15 * u)
        short = name if len(name) <= 34 else f"{name[:32]}…"
        imgui.text_colored(rgba(theme.quiet), short)
        right(imgui, width, _ms(ms), theme.quiet)


def _ms(ms: float) -> str:
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:,.0f} ms"


def _inks(mode: str, count: int) -> list[str]:
    """Colours that neighbours do not share."""
    kinds = palette.KINDS[mode][1:]
    return [kinds[(3 * k) % len(kinds)] for k in range(count)]
