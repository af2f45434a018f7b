"""The scene's settings, and how the picture is coloured."""

from __future__ import annotations

from typing import Any


class Scene:
    """The panel."""

    def __init__(self, view: Any) -> None:
        self.view = view

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """Settings as sliders."""
        imgui.text_disabled("settings")
