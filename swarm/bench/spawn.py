"""`swarm bench spawn`: births and deaths in one table of five columns (40 bytes), barrier included; also with brains.

A timed step queues the births and deaths of rows drawn beforehand and applies them. Operations are births plus deaths;
bytes are what `barrier.cost` counts, held against a copy measured in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.barrier import cost
from swarm.brain import vary
from swarm.brain.mlp import MLP
from swarm.ecs.component import Component, f32, f64, i64
from swarm.world import World

from . import harness, roof
from .report import Report
from .request import Request
from .think import parameters, widths

MUTATION = vary.Mutation(0.02)
SAMPLE = 64  # parents whose children's brains are compared with the reference
BOUNDS = {"float64": 1e-7, "float32": 1e-6, "float16": 2.0**-9, "bfloat16": 2.0**-6}  # absolute; weights are about 1

COLUMNS = {
    "agents": ("entities", ",d"),
    "brains": ("brains", "s"),
    "changes": ("births + deaths", ",d"),
    "median_ms": ("step ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "max_ms": ("max", ".2f"),
    "rate": ("M operations/s", ".1f"),
    "gbs": ("GB/s", ".1f"),
    "share": ("share of copy", ".0%"),
}


class Thing(Component):
    """Five columns, 40 bytes."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    home = f32(2, unit="m")
    level = f64(unit="J")
    tag = i64()


def command(request: Request, changes: int | None = None, brains: Sequence[str] = (), dtype: str = "float32") -> None:
    """Measure, print, save. brains: architectures of own brains, such as 16-32-4; a row each, and one without."""
    request.at_least("--changes", changes, 1)
    backend = device.choose(request.backend, request.threads)
    report = Report("spawn", COLUMNS, request.seed, device=backend.device)
    report.settings = {"backend": backend.name, "threads": backend.threads, "columns": 5, "bytes_per_entity": 40}
    rate = roof.measure(backend)
    for count in request.sizes(1_000_000):
        for layers in ("", *brains):
            asked = min(changes or max(1, count // 10), count)
            with harness.on(backend):
                report.rows.append(Births(count, asked, layers, dtype, request, backend).row(rate))
    report.notes.append(f"copy of {rate.bytes >> 20} MB in the same run: {rate.copy:.1f} GB/s (read and written).")
    report.finish(request.json)


class Births:
    """One table, `changes` births and as many deaths a step."""

    def __init__(
        self, count: int, changes: int, layers: str, dtype: str, request: Request, backend: device.Backend
    ) -> None:
        self.changes, self.layers, self.dtype, self.request, self.backend = changes, layers, dtype, request, backend
        self.random = np.random.default_rng(request.seed)
        self.queue: dict[str, np.ndarray] = {}
        self.sent: dict[str, Any] = {}
        self.world = World(size=(1.0, 1.0), tick=1.0, backend=backend, seed=request.seed)
        things = Thing(tag=np.arange(count), level=self.random.random(count))
        more = {"brains": MLP(widths(layers)), "dtype": dtype, "mutation": MUTATION} if layers else {}
        self.world.spawn(count, things, name="thing", **more)
        self.world.schedule = (self.turn,)
        self.table = self.world.tables["thing"]

    def turn(self, world: World, dt: float) -> None:
        """The system that queues what was drawn."""
        for things in world.query(Thing):
            things.birth(self.sent["parents"])
            things.kill(self.sent["dead"])

    def draw(self) -> None:
        """Who gives birth, perhaps several times, and who dies; outside of the timed step."""
        count = self.table.n
        self.queue["dead"] = self.random.choice(count, self.changes, replace=False).astype(np.int32)
        self.queue["parents"] = self.random.integers(0, count, self.changes, dtype=np.int32)
        self.sent = {name: self.backend.array(rows) for name, rows in self.queue.items()}

    def row(self, rate: roof.Roof) -> dict[str, Any]:
        """Validate, then measure. Raises `harness.Invalid` when a value was lost or a brain is not its parent's."""
        self.draw()
        self.validate()
        clock, repeats = harness.clock(self.backend), self.request.repeats or 21
        timing = harness.interleave({"step": self.world.step}, repeats, before=self.draw, clock=clock)["step"]
        pool = self.table.own_brains
        brain_bytes = 0 if pool is None else pool.layout.row_bytes
        moved = cost(self.table.row_bytes, brain_bytes, self.changes, self.changes)[0]
        return {
            "agents": self.table.n,
            "brains": f"{self.layers} {self.dtype}" if self.layers else "none",
            "changes": 2 * self.changes,
            **timing.row(),
            "bytes": moved,
            "bytes_per_brain": brain_bytes,
            "rate": 2 * self.changes / timing.median / 1e6,
            "gbs": moved / timing.median / 1e9,
            "copy_gbs": rate.copy,
            "share": moved / timing.median / 1e9 / rate.copy,
        }

    def validate(self) -> None:
        """One step must leave exactly the survivors and the copies of the parents; raises `harness.Invalid`."""
        host, columns = self.backend.host, (Thing.tag, Thing.level)
        before = [np.array(host(self.table.column(column))) for column in columns]
        check = self.heirs() if self.layers else lambda: None
        self.world.step()
        dead, parents = self.queue["dead"], self.queue["parents"]
        for old, column in zip(before, columns, strict=True):
            right = np.sort(np.concatenate([np.delete(old, dead), old[parents]]))
            if not np.array_equal(np.sort(host(self.table.column(column))), right):
                raise harness.Invalid(f"spawn: {column.key} is not what births and deaths leave. Nothing is reported.")
        if len(np.unique(host(self.table.ids()))) != self.table.n:
            raise harness.Invalid("spawn: two entities share an id. Nothing is reported.")
        check()

    def heirs(self) -> Callable[[], None]:
        """Remember some parents' brains; the function returned compares them with those of their children."""
        host, table, pool = self.backend.host, self.table, self.table.own_brains
        some = np.unique(self.queue["parents"])[:SAMPLE]
        ids, rows, tick = host(table.ids())[some], parameters(pool, some), self.world.tick

        def check() -> None:
            mother = host(table.parents)
            children = np.flatnonzero(np.isin(mother, ids) & (host(table.born) == tick))
            asked = np.isin(self.queue["parents"], some).sum()
            if len(children) != asked:
                raise harness.Invalid(f"spawn: {len(children)} children of {asked} were found. Nothing is reported.")
            where = np.argsort(ids)[np.searchsorted(np.sort(ids), mother[children])]
            space = np.concatenate([rows, np.zeros((asked, rows.shape[1]), rows.dtype)])
            at = np.arange(len(rows), len(space))
            keys = host(table.slots)[children], host(table.generations)[children]
            seed, how = self.world.seed, MUTATION
            vary.inherit(space, pool.layout, where, at, *keys, tick, seed, how.sigma, how.rate)
            got = parameters(pool, children)
            harness.close("spawn: brains of children", got, space[len(rows) :], BOUNDS[self.dtype])

        return check
