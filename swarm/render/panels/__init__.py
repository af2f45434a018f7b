"""Panels of the window: charts, the scene's settings, moments, the brain microscope, and a bar along the bottom.

    panels = make(view)             # None without imgui-bundle; says so once
    panels.mouse(x, y)              # input by plain calls, px from the top left; True: it is the panels' own
    panels.button(1, True)
    panels.draw(size, seconds)      # over the framebuffer in use

They are built with Dear ImGui, at most 30 times a second, and painted by `gl` as often as the picture is drawn. Nothing
here reads the world: figures were sampled when it was idle, and what changes it goes through `view.act`.
"""

from __future__ import annotations

from typing import Any

from swarm.errors import ExtraError

__all__ = ["make"]


def make(view: Any) -> Any:
    """The panels of a view on its context, or None where imgui-bundle is missing: the view says what to install."""
    try:
        from swarm.render.panels.panels import Panels

        return Panels(view)
    except ExtraError as error:
        view.say(str(error), 8.0)
        return None


def __getattr__(name: str) -> Any:
    if name == "Panels":
        from swarm.render.panels.panels import Panels

        return Panels
    raise AttributeError(f"module 'swarm.render.panels' has no attribute {name!r}")
