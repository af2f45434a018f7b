"""`swarm plan`: what a scene needs and how fast memory lets it go, before any of it is allocated.

The scene is built twice in miniature. Rows per table, and bytes per stage as each stage's `cost` counts them, are
straight lines in the number of agents; two points of a line tell the rest. The roof is the measured read bandwidth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .backend.device import choose
from .backend.memory import available
from .ecs.component import Column
from .ecs.system import name_of
from .errors import SettingsError
from .world import World

SMALL, LARGE = 1500, 3000  # agents of the two miniatures
WARM = 2  # ticks before a stage's cost is asked: indices exist then


@dataclass(frozen=True)
class TablePlan:
    """One table at the planned size. `columns`: (key, dtype and shape, bytes per row); `brain`: bytes per row, or 0."""

    name: str
    rows: int
    columns: tuple[tuple[str, str, int], ...]
    identity: int
    brain: int
    architecture: str

    @property
    def row_bytes(self) -> int:
        return sum(size for _, _, size in self.columns) + self.identity + self.brain

    @property
    def bytes(self) -> int:
        return self.rows * self.row_bytes


@dataclass(frozen=True)
class Plan:
    """A scene at `agents` agents: its tables, and per system the bytes a tick moves (None: it does not say)."""

    scene: str
    agents: int
    tables: tuple[TablePlan, ...]
    systems: tuple[tuple[str, int | None], ...]
    pools: int  # bytes of brains that tables share

    @property
    def bytes(self) -> int:
        return sum(table.bytes for table in self.tables) + self.pools

    @property
    def tick_bytes(self) -> int:
        return sum(moved or 0 for _, moved in self.systems)

    @property
    def per_agent(self) -> float:
        return self.bytes / max(self.agents, 1)


def plan(scene: str, values: Mapping[str, Any]) -> Plan:
    """Plan the scene with these settings. Raises SettingsError for a scene whose size is not set by `agents`."""
    from .scenes import scene as build
    from .scenes import settings_of

    settings = settings_of(scene)
    asked = values.get("agents", getattr(settings, "agents", None))
    if asked is None:
        raise SettingsError(f"plan: scene '{scene}' has no setting 'agents'. A plan follows the number of agents.")
    try:
        agents = int(asked)
    except ValueError:
        raise SettingsError(f"plan: agents={asked!r} is not a whole number.") from None
    if agents < 1:
        raise SettingsError(f"plan: agents={agents} is not a positive whole number.")
    if hasattr(settings, "backend") and choose(values.get("backend", "auto")).name == "cuda":
        values = {**values, "backend": "cpu"}  # the same bytes, and the card stays free
    small, large = (_probe(build(scene, **{**values, "agents": size})) for size in (SMALL, LARGE))

    def line(a: float, b: float) -> int:
        return max(0, round(a + (b - a) * (agents - SMALL) / (LARGE - SMALL)))

    tables = []
    for name, (world_table, rows) in large.tables.items():
        columns, identity, brain, text = _row(world_table)
        tables.append(TablePlan(name, line(small.tables[name][1], rows), columns, identity, brain, text))
    systems = []
    for (name, a), (_, b) in zip(small.systems, large.systems, strict=True):
        systems.append((name, None if a is None or b is None else line(a, b)))
    return Plan(scene, agents, tuple(tables), tuple(systems), line(small.pools, large.pools))


@dataclass(frozen=True)
class _Miniature:
    tables: dict[str, tuple[Any, int]]
    systems: list[tuple[str, int | None]]
    pools: int


def _probe(world: World) -> _Miniature:
    tables = {name: (table, table.n) for name, table in world.tables.items()}
    shared = {id(t.brains): t.brains for t in world.tables.values() if t.brains is not None and t.own_brains is None}
    pools = sum(len(brains) * brains.row_bytes for brains in shared.values())
    for _ in range(WARM):
        world.step()
    return _Miniature(tables, [(name_of(system), _moved(system, world)) for system in world.schedule], pools)


def _row(table: Any) -> tuple[tuple[tuple[str, str, int], ...], int, int, str]:
    columns = []
    for component in table.components:
        for column in component.columns:
            if column.parent is None:
                shape = "".join(f"[{size}]" for size in column.shape)
                columns.append((column.key, f"{column.dtype.name}{shape}", column.row_bytes))
    brains = table.own_brains
    identity = table.row_bytes - sum(size for _, _, size in columns)
    if brains is None:
        return tuple(columns), identity, 0, ""
    kinds = [str(group.mlp) for group in brains.groups]
    mixed = f"{kinds[0]}{f' and {len(kinds) - 1} more' if len(kinds) > 1 else ''}"
    return tuple(columns), identity, brains.row_bytes, f"{mixed} {brains.dtype.name}"


def _moved(system: Any, world: World) -> int | None:
    """Bytes to and from memory in one tick: what the stage counts, else the columns it declares, else None."""
    cost = getattr(system, "cost", None)
    if cost is not None:
        moved = int(cost(world).bytes)
        if moved:
            return moved
    if getattr(system, "reads", None) is None and getattr(system, "writes", None) is None:
        return None
    declared = [*(getattr(system, "reads", None) or ()), *(getattr(system, "writes", None) or ())]
    columns = [column for column in declared if isinstance(column, Column)]
    return sum(column.row_bytes * table.n for column in columns for table in world.tables_with(column))


def command(scene: str, values: Mapping[str, Any], roof: float | None = None) -> int:
    """Print the plan; exit code 1 when it does not fit into the free memory of this machine or its card."""
    from rich.console import Console
    from rich.table import Table

    if roof is not None and not roof > 0:
        raise SettingsError(f"--roof {roof}: a bandwidth in GB/s is above 0.")
    made = plan(scene, values)
    backend = choose(values.get("backend", "auto"), values.get("threads"))
    if roof is None:
        from .bench.roof import measure

        roof = measure(backend).read
    console = Console(soft_wrap=True)
    console.print(f"[bold]{scene}[/], {made.agents:,} agents", highlight=False)
    shown = Table("table", "column", "type", box=None, padding=(0, 2, 0, 0))
    shown.add_column("bytes/row", justify="right")
    shown.add_column("rows", justify="right")
    shown.add_column("MB", justify="right")
    for table in made.tables:
        lines = [*table.columns, ("id, parent, birth", "", table.identity)]
        if table.brain:
            lines.append(("own brain", table.architecture, table.brain))
        for number, (key, kind, size) in enumerate(lines):
            rows = f"{table.rows:,}" if number == 0 else ""
            shown.add_row(table.name * (number == 0), key, kind, f"{size:,}", rows, f"{size * table.rows / 1e6:,.1f}")
    console.print(shown, highlight=False)
    moved = Table("system", box=None, padding=(0, 2, 0, 0))
    for heading in ("MB/tick", "ms at the roof"):
        moved.add_column(heading, justify="right")
    for name, size in made.systems:
        moved.add_row(
            name, *(("not stated", "") if size is None else (f"{size / 1e6:,.2f}", f"{size / roof / 1e6:.3f}"))
        )
    console.print(moved, highlight=False)
    free = available() if backend.device is None else backend.device.memory()[0]
    fits = made.bytes <= free
    console.print(
        f"in all {made.bytes / 1e6:,.1f} MB, {made.per_agent:,.0f} bytes per agent; "
        f"{made.tick_bytes / 1e6:,.1f} MB a tick at {roof:.1f} GB/s: "
        f"at most {roof * 1e9 / max(made.tick_bytes, 1):,.0f} ticks/s",
        highlight=False,
    )
    where = "" if backend.device is None else " on the card"
    limit = f"{free / 1e9:.1f} GB are free{where}, enough for about {free / max(made.per_agent, 1e-9):,.0f} agents"
    console.print(f"{limit}. Capacity doubles when a table grows: keep as much again in reserve.", highlight=False)
    if not fits:
        console.print(
            "[bold red]This does not fit.[/] Ask for fewer agents, or store brains in bfloat16.", highlight=False
        )
    return 0 if fits else 1
