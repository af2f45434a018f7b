"""The scene's settings as sliders, and how the picture is coloured.

What the scene names in TUNE acts at once, see `swarm.scenes.tune`. All else is collected and used when the scene begins
anew. Values are checked by the scene itself; what it refuses is said in a line.
"""

from __future__ import annotations

from typing import Any

from swarm.errors import SwarmError
from swarm.render.panels.style import rgba
from swarm.render.panels.turn import NAME, Turner
from swarm.render.panels.widgets import spot, switch

HIDDEN = ("backend", "threads")  # what it runs on is no matter of the scene


class Scene:
    """The panel; remembers what is to be used at the next beginning."""

    def __init__(self) -> None:
        self.pending: dict[str, Any] = {}
        self._wanted: dict[str, Any] = {}  # tuned as soon as the world is idle
        self._queued = False
        self._turner = Turner()
        self._world: Any = None
        self._knobs: list[Any] = []
        self._colours: tuple[str, ...] = ()

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """The picture's switches, the settings that act at once, and the others."""
        if view.world is not self._world:
            self._meet(view)
        self._picture(imgui, view, width)
        if not self._knobs:
            imgui.spacing()
            imgui.text_disabled("No scene built this world: it has no settings.")
            return
        settings = {**view.world.scene["settings"], **self._wanted}
        live = [knob for knob in self._knobs if knob.live]
        if live:
            imgui.separator_text("acts at once")
            for knob in live:
                changed, value = self._turner.draw(imgui, view, knob, settings[knob.name], width)
                if changed:
                    self.tune(view, knob.name, value)
        imgui.separator_text("at restart")
        self._begin(imgui, view, width)
        for knob in self._knobs:
            if not knob.live:
                now = settings[knob.name]
                changed, value = self._turner.draw(imgui, view, knob, self.pending.get(knob.name, now), width)
                if changed:
                    self.pending[knob.name] = value
                    if value == now:
                        del self.pending[knob.name]

    def tune(self, view: Any, name: str, value: Any) -> None:
        """Have the running world take a value, as soon as it is idle; of several for one setting the last one."""
        self._wanted[name] = value
        if not self._queued:
            self._queued = True
            view.act(self._tune, view)

    def _tune(self, view: Any) -> None:
        from swarm.scenes.tune import tune

        wanted, self._wanted, self._queued = self._wanted, {}, False
        written = False
        try:
            for name, value in wanted.items():
                written |= tune(view.world, name, value)
        finally:  # one that is refused leaves the others
            if written:
                view.changed()

    def _meet(self, view: Any) -> None:
        """Find out what there is to set in a world that is new here."""
        self._world, self.pending, self._knobs = view.world, {}, []
        path = (view.world.scene or {}).get("path")
        if path is not None:
            from swarm.scenes.knobs import knobs

            try:
                self._knobs = [knob for knob in knobs(path) if knob.name not in HIDDEN]
            except SwarmError as error:
                view.say(str(error), 8.0)
        view.act(self._ask, view)

    def _ask(self, view: Any) -> None:
        self._colours = tuple(view.renderer.colourings(view.world))

    def _picture(self, imgui: Any, view: Any, width: float) -> None:
        """What agents are coloured by, trails, light or dark."""
        u, renderer = view.ui, view.renderer
        if self._colours:
            imgui.align_text_to_frame_padding()
            imgui.text_disabled("colour by")
            imgui.same_line(16 * u + NAME * u)
            imgui.set_next_item_width(width - NAME * u)
            opened = imgui.begin_combo("##colour", renderer.colouring)
            spot(imgui, view, "colour by")
            if opened:
                for name in self._colours:
                    if imgui.selectable(name, name == renderer.colouring)[0]:
                        view.act(self._colour, view, name)
                    spot(imgui, view, f"colour {name}")
                imgui.end_combo()
        renderer.trails = switch(imgui, view, "trails", renderer.trails)
        imgui.same_line(16 * u + NAME * u)
        light = view.theme.name == "light"
        if switch(imgui, view, "light", light) != light:
            view.theme_to("dark" if light else "light")

    def _colour(self, view: Any, name: str) -> None:
        view.renderer.colour_by(name)
        view.refresh()

    def _begin(self, imgui: Any, view: Any, width: float) -> None:
        u = view.ui
        words = "Restart" if not self.pending else f"Restart with {len(self.pending)} changed"
        if self.pending:
            imgui.push_style_color(imgui.Col_.text, rgba(view.theme.accent))
        if imgui.button(words, (0.62 * width, 0)):
            view.restart(settings=dict(self.pending))
        spot(imgui, view, "restart")
        if self.pending:
            imgui.pop_style_color()
        imgui.same_line(0, 8 * u)
        if imgui.button("Another seed", (0.38 * width - 8 * u, 0)):
            seed = int(view.world.scene["settings"].get("seed", 0))
            view.restart(seed=seed + 1, settings=dict(self.pending))
        spot(imgui, view, "another seed")
        imgui.spacing()
