"""Names of keys, as pygame and browsers write them, to ImGui's."""

from __future__ import annotations

from functools import cache
from typing import Any

_OTHER = {  # names that differ from ImGui's own
    "return": "enter",
    "esc": "escape",
    "left": "left_arrow",
    "right": "right_arrow",
    "up": "up_arrow",
    "down": "down_arrow",
    "page up": "page_up",
    "page down": "page_down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "del": "delete",
    "left ctrl": "left_ctrl",
    "right ctrl": "right_ctrl",
    "left shift": "left_shift",
    "right shift": "right_shift",
    "left alt": "left_alt",
    "right alt": "right_alt",
    "-": "minus",
    ".": "period",
    ",": "comma",
    "enter": "enter",
}
MODS = ("ctrl", "shift", "alt", "super")


@cache
def key(imgui: Any, name: str) -> Any:
    """ImGui's key of that name, such as "a", "7", "left" or "backspace"; None for one that it does not know."""
    name = name.lower()
    name = _OTHER.get(name, f"_{name}" if name.isdigit() else name)
    return getattr(imgui.Key, name, None)
