"""Records a world into one HTML file that plays in any browser: `ReplayWriter`.

Four things share the file: who is where (`motion`), brains and senses (`minds`), fields and marks (`scenery`), and the
figures. However long the recording, the file stays below `LIMIT`: when it is full, the part that is largest for its
share is thinned by half. So frames, senses and fields come at longer intervals, and brains of one agent in two, then
four; the page says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from swarm.brain import files
from swarm.errors import SaveError, SettingsError
from swarm.look import Look
from swarm.render.figures import Figures, declared
from swarm.render.replay import motion, page
from swarm.render.replay.minds import Minds
from swarm.render.replay.motion import Frame
from swarm.render.replay.sample import Sampler
from swarm.render.replay.scenery import Scenery

LIMIT = 20_000_000  # bytes of the file
CHUNK = 32  # frames that are decoded together
RATE = 15.0  # frames per simulated second to begin with
SENSES = 8  # frames between two sets of senses to begin with
LARGEST = 60_000  # entities at the start
SHARES = {
    "frames": 0.45,
    "brains": 0.40,
    "senses": 0.10,
    "scenery": 0.05,
}  # of the file, where there is not room for all


class ReplayWriter:
    """A recording of one world. `note(world)` after each tick, then `close()`.

    path   of the HTML file; a file there is replaced when the recording is closed
    every  ticks between two frames to begin with; by default as many as make 15 frames a simulated second
    limit  bytes that the file may have

    The world as it is now is the first frame. Raises `SaveError` when the path cannot be written, `SettingsError` for a
    world with more than 60,000 entities that are drawn, or none.
    """

    def __init__(
        self,
        path: str | Path,
        world: Any,
        *,
        scene: Any = None,
        looks: Iterable[Look] | None = None,
        title: str | None = None,
        hint: str | None = None,
        every: int | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.path, self.limit = Path(path), limit
        looks = tuple(looks) if looks is not None else declared(world, scene)
        _check(self.path, world, looks, every)
        self.figures = Figures(world, scene, looks)
        self.figures.title = title or self.figures.title
        self.hint = hint or getattr(self.figures.scene, "WATCH", "")
        self.size, self.dt = tuple(float(side) for side in world.size), float(world.dt)
        self.every = every or max(1, round(1 / (RATE * self.dt)))
        self.first = int(world.tick)
        self.sampler, self.minds = Sampler(looks), Minds(SENSES * self.every)
        self.scenery = Scenery(self.every)
        self.chunks: list[tuple[list[int], bytes]] = []  # the ticks and the code of each
        self.figure_rows: dict[int, dict[str, Any]] = {}  # by tick
        self._waiting: list[Frame] = []
        self._last = self.first - 1
        self._closed = False
        self.note(world)

    @property
    def ticks(self) -> list[int]:
        """The ticks whose frames are stored."""
        return [tick for ticks, _ in self.chunks for tick in ticks] + [frame.tick for frame in self._waiting]

    def note(self, world: Any) -> bool:
        """Store a frame if one is due; returns whether it was. A tick that was recorded before is left out."""
        tick = int(world.tick)
        if tick <= self._last or (tick - self.first) % self.every:
            return False
        self._last = tick
        self._waiting.append(self.sampler.frame(world))
        self.figures.sample(world)
        self.figure_rows[tick] = page.figures_row(self.figures, self.sampler.limits)
        self.minds.note(world, senses=(tick - self.first) % self.minds.every == 0)
        marks = getattr(self.figures.scene, "marks", None)
        if marks is not None and (tick - self.first) % self.scenery.every == 0:
            self.scenery.note(tick, marks(world))
        if len(self._waiting) == CHUNK:
            self._settle()
            self._fit()
        return True

    def close(self) -> Path:
        """Write the file, whole or not at all; once. Returns its path. Raises `SaveError`."""
        if not self._closed:
            self._closed = True
            self._settle()
            self.minds.settle()
            self._fit()
            with files.atomic(self.path) as temporary:
                Path(temporary).write_text(page.text(self), encoding="utf-8")
        return self.path

    def __enter__(self) -> ReplayWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sizes(self) -> dict[str, int]:
        """Bytes of each part, as they stand in the file."""
        senses, sets = self.minds.senses.values(), self.scenery.sets.values()
        return {
            "frames": sum(page.encoded(data) for _, data in self.chunks),
            "brains": sum(page.encoded(block.data) for block in self.minds.blocks),
            "senses": sum(map(page.encoded, senses)),
            "scenery": sum(map(page.encoded, sets)),
        }

    def _settle(self) -> None:
        """Encode the frames that wait."""
        if self._waiting:
            self.chunks.append(([frame.tick for frame in self._waiting], motion.encode(self._waiting)))
            self._waiting = []

    def _fit(self) -> None:
        """Thin the part that is largest for its share until the file is small enough."""
        ways: dict[str, tuple[Callable[[], None], Callable[[], int]]] = {
            "frames": (self._thin_frames, lambda: len(self.ticks)),
            "brains": (self.minds.thin_brains, lambda: sum(len(b.ids) for b in self.minds.blocks)),
            "senses": (self.minds.thin_senses, lambda: len(self.minds.senses)),
            "scenery": (self.scenery.thin, lambda: len(self.scenery.sets)),
        }
        while sum((sizes := self.sizes()).values()) + page.overhead(self) > self.limit:
            can = [name for name, (_, count) in ways.items() if count() > 1]
            if not can:
                raise SaveError(
                    f"replay: one frame of this world takes more than {self.limit / 1e6:.0f} MB. "
                    "Remedy: fewer agents (--agents 5000), or a video (--record F.mp4)."
                )
            ways[max(can, key=lambda name: sizes[name] / SHARES[name])][0]()

    def _thin_frames(self) -> None:
        """Drop every second frame."""
        self.every *= 2
        names = [look.table for look in self.sampler.looks]
        old, self.chunks, waiting = self.chunks, [], self._waiting
        self._waiting = []
        for _, data in old:
            self._waiting += [f for f in motion.decode(data, names) if (f.tick - self.first) % self.every == 0]
            if len(self._waiting) >= CHUNK:
                self._settle()
        self._waiting += [frame for frame in waiting if (frame.tick - self.first) % self.every == 0]
        if self._closed:
            self._settle()
        self.minds.every = math.lcm(self.minds.every, self.every)
        self.scenery.every = math.lcm(self.scenery.every, self.every)
        stored = set(self.ticks)
        self.figure_rows = {tick: row for tick, row in self.figure_rows.items() if tick in stored}


def _check(path: Path, world: Any, looks: tuple[Look, ...], every: int | None) -> None:
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SaveError(f"replay: {path} cannot be written: its folder is missing or it is a folder itself.")
    if every is not None and every < 1:
        raise SettingsError(f"replay: every {every} ticks; give 1 or more.")
    drawn = sum(world.tables[look.table].n for look in looks if look.table in world.tables)
    if not looks or drawn > LARGEST:
        what = f"{drawn:,} entities are drawn, {LARGEST:,} at most fit" if looks else "nothing in this world is drawn"
        raise SettingsError(f"replay: {what}. Remedy: fewer agents (--agents 5000), or a video (--record F.mp4).")
