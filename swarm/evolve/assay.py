"""The common-garden assay: has selection made the brains better, or has chance only changed them?

Three populations of brains: the founders', those of an evolved run, and those of a neutral run, which has the same
founders and the same number of births and deaths in every tick, parents and victims drawn at random. Samples of each
then live in the same gardens: fresh worlds of fixed density and plants, without births, deaths or hunger. What they eat
there is skill and nothing else; where they come from they no longer feel.

After the common-garden experiments of quantitative genetics (Clausen, Keck and Hiesey 1940), with the neutral run as
the control for drift (Kimura 1983).

A scene that can be assayed offers `garden(settings, brains, seed) -> World` and `intake(world) -> float64 [N]`.
"""

from __future__ import annotations

import json as plain_json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swarm.errors import SaveError, SettingsError
from swarm.evolve.neutral import thinkers, twin
from swarm.scenes import chosen, load

TICKS = 6000
Watch = Callable[[str, float], None]


@dataclass(frozen=True)
class Result:
    """Mean intake in each garden (J/s and head), one entry per garden, and what follows from it."""

    scene: str
    ticks: int
    generations: float  # mean number of births between the evolved and the founders
    births: int
    deaths: int
    founders: tuple[float, ...]
    neutral: tuple[float, ...]
    evolved: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Intake of the evolved over that of the neutral."""
        return float(np.mean(self.evolved) / max(float(np.mean(self.neutral)), 1e-12))

    @property
    def t(self) -> float:
        """Student's t of the paired differences evolved - neutral, gardens - 1 degrees of freedom."""
        difference = np.subtract(self.evolved, self.neutral)
        spread = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.inf
        return float(difference.mean() / max(float(spread), 1e-12))


def assay(
    scene: str = "foragers",
    values: Mapping[str, Any] | None = None,
    ticks: int = TICKS,
    sample: int = 500,
    gardens: int = 5,
    garden_ticks: int = 600,
    watch: Watch | None = None,
) -> Result:
    """Run the evolved and the neutral world for `ticks`, then `gardens` pairs of gardens with `sample` brains each.

    values: settings of the scene. watch(what, done in 0..1) is told how far it is. Raises `SettingsError` for a scene
    that has no garden or numbers that make no assay.
    """
    module, watch = load(scene), watch or (lambda what, done: None)
    if not hasattr(module, "garden") or not hasattr(module, "intake"):
        raise SettingsError(
            f"assay: scene '{scene}' offers no `garden` and `intake`, so nothing can be compared. Write "
            "garden(settings, brains, seed) -> World, where these brains live without births and deaths, and "
            "intake(world) -> float64 [N], what each has achieved."
        )
    for name, number in (("ticks", ticks), ("sample", sample), ("gardens", gardens), ("garden_ticks", garden_ticks)):
        if number < 1:
            raise SettingsError(f"assay: {name} is {number}; give 1 or more.")
    settings = chosen(scene, dict(values or {}))
    evolved, born, died = evolve(module, settings, ticks, watch)
    control = neutral(module, settings, born, died, watch)
    founders = thinkers(module.build(settings))
    means: dict[str, list[float]] = {"founders": [], "neutral": [], "evolved": []}
    for g in range(gardens):
        for k, (name, pool) in enumerate((("founders", founders), ("neutral", control), ("evolved", evolved))):
            if not pool.n:
                raise SettingsError(f"assay: the {name} died out. Take more agents, fewer ticks or a kinder world.")
            rows = np.random.default_rng((settings.seed, g)).choice(pool.n, sample, replace=pool.n < sample)
            world = module.garden(settings, pool.brains.clone(rows), settings.seed + 1000 + g)
            for _ in range(garden_ticks):
                world.step()
            means[name].append(float(module.intake(world).mean()))
            watch("gardens", (3 * g + k + 1) / (3 * gardens))
    depth = float(generation(evolved).mean())
    return Result(scene, ticks, depth, int(sum(born)), int(sum(died)), *(tuple(m) for m in means.values()))


def evolve(module: Any, settings: Any, ticks: int, watch: Watch) -> tuple[Any, list[int], list[int]]:
    """The table of thinkers after `ticks`, and how many were born and died in each tick."""
    world = module.build(settings)
    table, born, died = thinkers(world), [], []
    for t in range(ticks):
        before = table.born_total, table.died_total
        world.step()
        born.append(table.born_total - before[0])
        died.append(table.died_total - before[1])
        if t % 50 == 49:
            watch("evolved run", (t + 1) / ticks)
    return table, born, died


def neutral(module: Any, settings: Any, born: list[int], died: list[int], watch: Watch) -> Any:
    """The table of thinkers after a run of chance alone: as many births and deaths in every tick, anybody's."""
    world = twin(module, settings, born, died)
    table = thinkers(world)
    for t in range(len(born)):
        world.step()
        if t % 200 == 199:
            watch("neutral run", (t + 1) / len(born))
    return table


def generation(table: Any) -> np.ndarray:
    """Births between each entity and the founders, where the scene counts them; else NaN."""
    for component in table.components:
        for column in component.columns:
            if column.name == "generation":
                return table.registry.backend.host(table.column(column)).astype(np.float64)
    return np.full(max(table.n, 1), np.nan)


def command(scene: str, values: Mapping[str, Any], *, ticks: int | None = None, json: Path | None = None) -> None:
    """`swarm assay`: run it with progress, print the table and the verdict, write JSON where asked."""
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    if json is not None and not json.absolute().parent.is_dir():
        raise SaveError(f"--json {json}: the folder does not exist. Make it first.")
    console = Console()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(what: str, done: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=done)

        result = assay(scene, values, TICKS if ticks is None else ticks, watch=watch)
    table = Table(title=f"Intake in {len(result.evolved)} common gardens, J/s and head")
    for heading in ("brains of", "mean", *(f"garden {g + 1}" for g in range(len(result.evolved)))):
        table.add_column(heading, justify="left" if heading == "brains of" else "right")
    for name, row in (("founders", result.founders), ("neutral run", result.neutral), ("evolved run", result.evolved)):
        table.add_row(name, f"{np.mean(row):.4f}", *(f"{x:.4f}" for x in row))
    console.print(table)
    console.print(
        f"{result.ticks} ticks, {result.births:,} births, {result.deaths:,} deaths, "
        f"{result.generations:.1f} generations on average.\n"
        f"Evolved against neutral: {result.ratio:.2f} times the intake, t = {result.t:.1f} "
        f"({len(result.evolved) - 1} degrees of freedom)."
    )
    if json is not None:
        json.write_text(plain_json.dumps({**asdict(result), "ratio": result.ratio, "t": result.t}, indent=2) + "\n")
