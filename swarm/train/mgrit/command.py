"""The command `swarm mgrit`: the two experiments, beside what others counted."""

from __future__ import annotations

import json as files
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarm.brain.files import atomic
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train import plots as pictures
from swarm.train.mgrit import plots, published, speedup
from swarm.train.mgrit.mgrit import mgrit
from swarm.train.mgrit.problems import PROBLEMS, Problem
from swarm.train.mgrit.published import LIMIT, TABLES, Row
from swarm.train.mgrit.report import Report
from swarm.train.mgrit.stability import Diverged, named, remedy

if TYPE_CHECKING:
    from rich.console import Console

MAX_RATES = {"xor": 8.0, "addition": None}  # a_max of cycles over many levels, in units of the source
MEASURED = {"xor": 6400, "addition": 400}  # most steps whose speed-up is measured by default
NAMES = {"two-level": "two-level", "v": "V", "f": "F", "w": "W", "parareal": "parareal"}


@dataclass(frozen=True)
class Asked:
    """What the command was asked for; see `cli.mgrit`."""

    steps: int = 400
    cycle: str = "two-level"
    rule: str = "doubled"
    rate: float | None = None
    max_rate: float | None = None
    coarsening: tuple[int, ...] = (2,)
    relaxation: str | None = None
    start: str = "zero"
    dtype: str = "float64"
    tolerance: float | None = None
    iterations: int = LIMIT
    lanes: int | None = None
    seed: int = 1
    seeds: int = 1
    threads: int | None = None
    backend: str = "cpu"


def run(
    problem: str, *, table: bool = False, measure: bool = False, json: Path | None = None, plot: Path | None = None,
    **given: Any,
) -> int:  # fmt: skip
    """The command line's words; returns the exit code. Raises SettingsError, SaveError, ExtraError."""
    if problem not in PROBLEMS:
        raise SettingsError(f"mgrit: there is no problem {problem!r}.{suggest(problem, PROBLEMS)}")
    asked = Asked(**{name: value for name, value in given.items() if value is not None})
    asked = replace(asked, cycle=NAMES.get(asked.cycle.lower(), asked.cycle))
    if plot is not None:
        pictures.check(plot)
    console = _console()
    if measure:
        facts, runs = _measured(problem, asked, given.get("steps"), console)
    elif table:
        facts, runs = _table(problem, asked, given.get("steps"), console)
    else:
        facts, runs = _single(problem, asked, console)
    if json is not None:
        with atomic(json) as temporary, open(temporary, "w", encoding="utf-8") as file:
            files.dump({"problem": problem, **facts}, file, indent=1)
            file.write("\n")
    if plot is not None and runs:
        plots.residuals(runs, plot)
    return 0


def solve(problem: Problem, asked: Asked, **other: Any) -> Report:
    """One run of a problem as asked for, with other settings where given."""
    settings: dict[str, Any] = {
        name: getattr(asked, name)
        for name in (
            "steps",
            "cycle",
            "rule",
            "relaxation",
            "start",
            "dtype",
            "tolerance",
            "iterations",
            "lanes",
            "coarsening",
        )
    }
    options = {**problem.options(), **settings, "backend": asked.backend, "threads": asked.threads}
    options["max_rate"] = asked.max_rate
    if asked.rate is not None:
        options["rate"] = asked.rate
    options.update(other)
    if options["max_rate"] is None and options["cycle"] in ("V", "F", "W") and options["rule"] != "naive":
        options["max_rate"] = MAX_RATES[problem.name]
    return mgrit(problem.mlp, problem.x, problem.y, **options)


def _single(name: str, asked: Asked, console: Console) -> tuple[dict[str, Any], dict[str, Report]]:
    runs, counts = {}, []
    for seed in range(asked.seed, asked.seed + asked.seeds):
        problem = PROBLEMS[name](seed)
        report = solve(problem, asked)
        row = published.row_of(name, asked.cycle, asked.rule, asked.rate or problem.rate)
        if asked.seeds == 1:
            console.print(report.table())
        said = f"{name}, {asked.cycle}, {asked.rule}, N = {asked.steps:,}, seed {seed}: {report}"
        console.print(said, highlight=False)
        runs[f"N = {asked.steps:,}" if asked.seeds == 1 else f"seed {seed}"] = report
        counts.append(report.iterations if report.converged else None)
        _advise(report, console)
    facts: dict[str, Any] = next(iter(runs.values())).facts()
    facts.update(_beside(row, asked.steps), rule=asked.rule, seed=asked.seed)
    if asked.seeds > 1:
        facts["spread"] = counts
    elsewhere = ", ".join(f"{who} {count}" for who, count in _beside(row, asked.steps).items() if count is not None)
    console.print(f"iterations: ours {', '.join(_word(count) for count in counts)}; {elsewhere or 'nothing published'}")
    return facts, runs


def _measured(name: str, asked: Asked, steps: int | None, console: Console) -> tuple[dict[str, Any], dict[str, Report]]:
    """Serial training against MGRIT, over every other published N up to `steps` and over the lanes."""
    problem, most = PROBLEMS[name](asked.seed), MEASURED[name] if steps is None else steps
    several = [n for n in TABLES[name][0].steps if n <= most][::2] or [most]
    found = speedup.measure(lambda **other: solve(problem, asked, **other), several)
    console.print(speedup.table(found))
    best = max(found, key=lambda run: run.speedup)
    word = "pays" if best.speedup > 1 else "does not pay"
    console.print(
        f"On this device it {word}: at best {best.speedup:.3f} times as fast as serial training, N ="
        f" {best.report.steps:,}, {best.lanes or 'all'} lanes. 'by the model' and 'all lanes' are projections for a"
        " device that advances so many networks in the time of one.",
        highlight=False,
    )
    facts = {
        "iterations": {str(run.report.steps): run.report.iterations for run in found},
        "speedup": best.speedup,
        "cycle": asked.cycle,
        "rule": asked.rule,
        "coarsening": list(asked.coarsening),
        "dtype": asked.dtype,
        "backend": asked.backend,
        "seed": asked.seed,
        "rows": [run.facts() for run in found],
    }
    return facts, {f"N = {run.report.steps:,}": run.report for run in found}


def _table(name: str, asked: Asked, steps: int | None, console: Console) -> tuple[dict[str, Any], dict[str, Report]]:
    """All rows up to `steps`, which by default is the whole table; ours over the published counts."""
    from rich.table import Table

    rows, found, runs = TABLES[name], [], {}
    columns = [n for n in rows[0].steps if steps is None or n <= steps]
    drawn = Table(title=f"{name}: iterations, ours / published / repeated", title_justify="left", title_style="bold")
    for heading in ("", *(f"{n:,}" for n in columns)):
        drawn.add_column(heading, justify="right" if heading else "left")
    problem = PROBLEMS[name](asked.seed)
    for row in rows:
        cells = []
        for n in columns:
            try:
                report = solve(problem, asked, **{**row.settings, "steps": n})
            except Diverged as error:  # a table goes on
                console.print(f"{row.title}, N = {n:,}: {error}", highlight=False)
                found.append({"row": row.title, "steps": n, "iterations": None, **_beside(row, n)})
                cells.append(f"diverged/{_word(row.published(n))}")
                continue
            ours = report.iterations if report.converged else None
            found.append({"row": row.title, "steps": n, "iterations": ours, **_beside(row, n), **_within(row, n, ours),
                          "seconds": report.seconds, "modelled_speedup": report.speedup()})  # fmt: skip
            again = row.repeated(n)
            cells.append("/".join([_word(ours), _word(row.published(n)), *([] if again is None else [_word(again)])]))
            runs[f"{row.title}, N = {n:,}"] = report
            console.print(f"{row.title}, N = {n:,}: {report}", highlight=False, style="dim")
        drawn.add_row(row.title, *cells)
    console.print(drawn)
    wrong = [entry for entry in found if entry.get("within") is False]
    if any("within" in entry for entry in found):
        console.print(f"{len(wrong)} counts are further from the published ones than their tolerance.")
    last = max(columns, default=0)
    return {"iterations": found, "seed": asked.seed}, {k: v for k, v in runs.items() if v.steps == last}


def _within(row: Row, steps: int, ours: int | None) -> dict[str, Any]:
    if row.tolerance is None or steps > row.until:
        return {}
    there = row.published(steps)
    if ours is None or there is None:  # one that did not converge equals only another
        return {"within": ours is None and there is None}
    return {"within": abs(ours - there) <= row.tolerance}


def _beside(row: Row | None, steps: int) -> dict[str, int | None]:
    if row is None:
        return {"published": None, "repeated": None}
    return {"published": row.published(steps), "repeated": row.repeated(steps)}


def _advise(report: Report, console: Console) -> None:
    if report.unstable is not None:
        console.print(
            f"{named(report.unstable)} ends with a higher loss than it begins with. {remedy(report.unstable)}"
        )


def _word(count: int | None) -> str:
    return f"{LIMIT}+" if count is None else str(count)


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)
