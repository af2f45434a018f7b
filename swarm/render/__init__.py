"""The picture: a window, a PNG file, or figures in the terminal. pygame and moderngl are loaded on first use.

    watch(world)              a window; BackendError where there is none
    screenshot(world, path)   a PNG file, no window needed
    film(world, path, ticks)  a video; page(world, path, ticks) a page that plays in any browser
    follow(world)             live statistics in the terminal
    Drawer(world)             draws off the screen, again and again
    Renderer                  for a window of one's own

Everything takes a world, a `scene` (for its `look` and `statistics`) or explicit `looks`; none of it knows a kernel.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swarm.look import Look as Look
    from swarm.render.dashboard import follow as follow
    from swarm.render.picture import Drawer as Drawer
    from swarm.render.picture import pixels as pixels
    from swarm.render.picture import save as save
    from swarm.render.picture import screenshot as screenshot
    from swarm.render.recording import film as film
    from swarm.render.recording import page as page
    from swarm.render.renderer import Renderer as Renderer
    from swarm.render.window import watch as watch

_WHERE = {
    "Drawer": "swarm.render.picture",
    "Look": "swarm.look",
    "Renderer": "swarm.render.renderer",
    "film": "swarm.render.recording",
    "follow": "swarm.render.dashboard",
    "page": "swarm.render.recording",
    "pixels": "swarm.render.picture",
    "save": "swarm.render.picture",
    "screenshot": "swarm.render.picture",
    "watch": "swarm.render.window",
}
__all__ = ["Drawer", "Look", "Renderer", "film", "follow", "page", "pixels", "save", "screenshot", "watch"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'swarm.render' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
