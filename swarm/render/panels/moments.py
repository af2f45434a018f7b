"""The saved moments: go there, rename, save to a file, delete."""

from __future__ import annotations

from typing import Any


class Moments:
    """The panel."""

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """The list."""
        if view.moments is None:
            imgui.text_disabled("No moments are kept in this run.")
