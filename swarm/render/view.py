"""Everything that is shown of a world, and done with it, whatever it is shown on: a window or a picture.

A frame is one page, `View.frame`: the ticks that have ended are collected; between two jobs of ticks the world is idle,
and all that reads or writes it happens then; the next ticks begin in their thread; meanwhile the frame is drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from swarm.errors import DeadError, SwarmError
from swarm.look import Look
from swarm.moments import Moments
from swarm.render.family import Pedigree
from swarm.render.figures import declared
from swarm.render.lineage import Lineage
from swarm.render.microscope import Microscope, Notes
from swarm.render.pace import Pace
from swarm.render.renderer import Renderer
from swarm.render.theme import Theme, choose
from swarm.render.ticker import Ticker

SAMPLE = 0.25  # s between two samples of the figures
WAIT = 0.004  # s that a frame waits for ticks about to end


class View:
    """A world and how it is looked at.

    context  a moderngl context. size: px. ui: px per point
    panels   whether to show panels, where imgui-bundle is installed. budget: bytes of the time machine, 0 for none
    theme    "dark", "light" or a `Theme`
    """

    def __init__(
        self,
        context: Any,
        world: Any,
        size: tuple[int, int],
        *,
        scene: Any = None,
        looks: Iterable[Look] | None = None,
        theme: str | Theme = "dark",
        title: str | None = None,
        ui: float = 1.0,
        figures: Any = None,
        panels: bool = False,
        budget: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.context, self.world, self.ui, self.clock = context, world, ui, clock
        self.theme = choose(theme)
        self._given = {"scene": scene, "looks": None if looks is None else tuple(looks), "title": title}
        self.renderer = Renderer(context, world, size, theme=self.theme, ui=ui, figures=figures, **self._given)
        self.pace, self.ticker = Pace(float(world.dt)), Ticker(world)
        self.microscope: Microscope | None = None
        self.notes = Notes()  # births and what was done to brains
        self.following = False
        self.pointed = 0  # the id that was clicked last, 0 for none
        self.end: int | None = None  # the tick not to go beyond
        self.page: Any = None  # a `ReplayWriter` that takes notes of the world
        self.recording = ""  # what stands beside the title while a video or page is made
        self.message, self._until = "", 0.0
        self.moments = Moments(world, budget) if budget else None
        self.panels = _panels(self) if panels else None
        self._acts: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._stale, self._shown, self._sampled = True, -1, -1.0
        self._moved = False  # whether the world may be another at the same tick
        self._branch = ""  # of the time machine, when it was last looked at
        self._known = _shape(world)
        self._last = self.clock()
        self.idle(sample=False)

    @property
    def scene(self) -> Any:
        """The scene whose world this is, or None."""
        return self.renderer.figures.scene

    @property
    def tick(self) -> int:
        """The tick that is shown."""
        return self._shown

    @property
    def figures(self) -> Any:
        """The figures of the overlay and the charts."""
        return self.renderer.figures

    @property
    def camera(self) -> Any:
        """The renderer's camera, in pixels."""
        return self.renderer.camera

    # ------------------------------------------------------------------ a frame

    def frame(self, target: Any, elapsed: float | None = None) -> None:
        """One frame: see above. elapsed: s of the clock since the last one, by default measured."""
        now = self.clock()
        elapsed, self._last = now - self._last if elapsed is None else elapsed, now
        self.pace.pass_(elapsed)
        self._collect(WAIT)
        if self.ticker.idle:
            self.idle()
            self._start()
        self.renderer.show(self.pace.alpha)
        self.draw(target, elapsed)

    def idle(self, sample: bool = True) -> None:
        """What is done while no tick is under way: what was asked for, then reading what is to be shown."""
        acts, self._acts = self._acts, []
        for function, arguments in acts:
            self._try(function, *arguments)
        tick, self.pace.dt = int(self.world.tick), float(self.world.dt)
        for keeper in (self.moments, self.page):
            if keeper is not None:
                self._try(keeper.note, self.world)
        self._branch = "" if self.moments is None else self.moments.branch
        self.notes.update(self.world)
        if self._known != _shape(self.world):
            self._meet()
        if self.microscope is not None:
            lived = self.microscope.alive
            self.microscope.update(self.world, again=self._moved)
            if (edited := self.microscope.edited) and self.moments is not None:
                self._try(self.moments.edited, edited)
            if lived and not self.microscope.alive:
                self.following = False
                self.say(f"the {self.microscope.inspection.table} has died; N opens another mind", 8.0)
        if tick != self._shown or acts or self._stale:
            focus = None if self.microscope is None else self.microscope.inspection
            self.renderer.take(self.world, focus)
            self._stale, self._moved, self._shown = False, False, tick
        now = self.clock()
        if sample and now - self._sampled >= SAMPLE:
            self.renderer.figures.sample(self.world, running=not self.pace.paused)
            self._sampled = now

    def draw(self, target: Any, elapsed: float = 0.0) -> None:
        """Paint what was taken, and the panels over it, into a framebuffer."""
        renderer = self.renderer
        if self.following:
            self._follow()
        renderer.note = "  ".join(word for word in (self.recording, self.pace.note) if word)
        renderer.hint = self.message if self.clock() < self._until else ""
        renderer.draw(target)
        if self.panels is not None:
            self.panels.draw(renderer.camera.size, elapsed)

    def _follow(self) -> None:
        """Put the selected agent into the middle of what the panels leave free."""
        camera = self.renderer.camera
        place = None if self.microscope is None else self.renderer.place(self.microscope.id)
        if place is not None:
            middle = camera.size[0] / 2 if self.panels is None else self.panels.middle
            camera.x, camera.y = place[0] + (camera.size[0] / 2 - middle) / camera.scale, place[1]

    def settle(self) -> None:
        """Wait for the tick that is under way; the world is idle then."""
        if not self.ticker.idle:
            self._made(self.ticker.halt())

    def step(self) -> None:
        """Pause, and make one tick here and now."""
        self.settle()
        self.pace.step()
        self._start()
        self._collect(None)

    def _collect(self, wait: float | None) -> None:
        if not self.ticker.idle:
            self._made(self.ticker.collect(wait))

    def _made(self, made: Any) -> None:
        if made is not None:
            self.pace.made(*made)

    def _start(self) -> None:
        due = self.pace.due
        if self.end is not None:
            due = min(due, self.end - int(self.world.tick))
        if due > 0:
            self.ticker.start(due)

    # ------------------------------------------------------------------ what can be done

    def say(self, message: str, seconds: float = 4.0) -> None:
        """Show a line at the bottom for a while."""
        self.message, self._until = message, self.clock() + seconds

    def act(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Do something that reads or writes the world: now, or as soon as no tick is under way.

        What goes wrong is said in a line; the world goes on.
        """
        self._acts.append((function, arguments))
        if self.ticker.idle:
            self.idle()

    def refresh(self) -> None:
        """Read what is shown again, though no tick was made."""
        self._stale = True

    def changed(self) -> None:
        """The idle world was written to by hand: show it as it is now, and do not run over it again from before."""
        self._stale = self._moved = True
        if self.moments is not None:
            self._try(self.moments.changed, self.world)

    def travelled(self) -> None:
        """The time machine has put another tick in the world's place: show it, and stand still there."""
        self._finish_page()
        self._stale = self._moved = self.pace.paused = True
        self.pace.dt = self.pace.ahead = float(self.world.dt)
        if self.moments is not None and self.moments.branch != self._branch:  # there others had the same ids
            self.notes.pedigree, self.renderer.lineage = Pedigree(), Lineage()
        else:
            self.renderer.lineage.back(self.world)

    def select(self, id: int) -> None:
        """Put an agent under the microscope; 0 lets go."""
        self.act(self._select, int(id))

    def theme_to(self, name: str) -> None:
        """Change to the "dark" or the "light" theme. Raises `SettingsError` for another name."""
        self.theme = choose(name)
        self.renderer.retheme(self.theme)
        self.refresh()  # marks have colours, too

    def restart(self, seed: int | None = None, settings: dict[str, Any] | None = None) -> None:
        """Begin anew: the scene with the same or another seed and with other settings."""
        self.act(self._restart, seed, settings or {})

    def release(self) -> None:
        """End the ticks and give the GPU's memory back. The world stays as it is; the context stays."""
        self.ticker.close()
        if self.panels is not None:
            self.panels.release()
        self.renderer.release()

    # ------------------------------------------------------------------ inside

    def _try(self, function: Callable[..., Any], *arguments: Any) -> None:
        try:
            function(*arguments)
        except SwarmError as error:
            self.say(str(error), 8.0)

    def _select(self, id: int) -> None:
        if self.microscope is not None:
            if self.microscope.id == id and self.microscope.alive:
                return
            self.microscope.give_back(self.world)
        self.microscope, self.renderer.selected = None, 0
        if not id:
            self.following = False
            return
        try:
            self.microscope = Microscope(self.world, id, self.notes)
        except DeadError as error:
            self.following = False
            self.say(str(error))
            return
        self.renderer.selected = id

    def _restart(self, seed: int | None, settings: dict[str, Any]) -> None:
        from swarm import scenes

        world = scenes.anew(self.world, seed, **settings)
        self.show_world(world)
        self.say(f"from the beginning, seed {world.seed}")

    def show_world(self, world: Any) -> None:
        """Go on with another world of the same scene in place of this one."""
        self._draw_with(world)
        self._finish_page()
        self.ticker.close()
        self.world, self.ticker = world, Ticker(world)
        self.microscope, self.following, self.notes = None, False, Notes()
        self.pace.ahead, self.pace.steps = 0.0, 0
        self._stale, self._sampled = True, -1.0

    def _finish_page(self) -> None:
        """A page tells of one run: it ends where another begins."""
        if self.page is not None:
            page, self.page, self.recording = self.page, None, ""
            self._try(page.close)
            self.say(f"the page {page.path} ends here: it tells of one run", 8.0)

    def _draw_with(self, world: Any, figures: Any = None) -> None:
        """Put another renderer in this one's place, of the same picture."""
        old = self.renderer
        options = {**self._given, "theme": self.theme, "ui": self.ui, "figures": figures}
        new = Renderer(self.context, world, old.camera.size, **options)
        if new.camera.world == old.camera.world:
            new.camera = old.camera
        new.like(old)
        old.release()
        self.renderer, self._known = new, _shape(world)

    def _meet(self) -> None:
        """Tables have come or gone, or the world is of another size: draw it as it is now."""
        self._known = _shape(self.world)
        new = self._given["looks"] is None and declared(self.world, self.scene) != self.renderer.looks
        if new or self.camera.world != self._known[0]:
            selected = self.renderer.selected
            self._draw_with(self.world, self.figures)
            self.figures.look(self.renderer.looks)
            self.renderer.selected, self._stale = selected, True


def _shape(world: Any) -> tuple[tuple[float, float], set[str]]:
    """What a renderer is made for: the world's size, m, and the names of its tables."""
    return (float(world.size[0]), float(world.size[1])), set(world.tables)


def _panels(view: View) -> Any:
    from swarm.render.panels import make

    return make(view)
