"""Options that several commands of the command line share; their help is the text below."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from .errors import SettingsError

_world = Parameter(group=Group("World", sort_key=1))
_several = Parameter(group=Group("World", sort_key=1), consume_multiple=False)


@dataclass(frozen=True)
class Overrides:
    """How any setting of a scene is given.

    Parameters
    ----------
    set
        A setting of the scene, key=value; may be repeated. `swarm settings SCENE` lists them.
    config
        Settings from a TOML file.
    """

    set: Annotated[tuple[str, ...] | None, _several] = None
    config: Annotated[Path | None, _world] = None

    def values(self) -> dict[str, Any]:
        """The settings that were given: the file's, over them --set's."""
        from .config import load_toml, pairs

        return {**(load_toml(self.config) if self.config else {}), **pairs(self.set or ())}


@dataclass(frozen=True)
class Scene:
    """What every command that takes a scene takes, too.

    Parameters
    ----------
    agents
        How many agents.
    backend
        auto, cpu, cuda or reference.
    seed
        The same seed gives the same run.
    threads
        Processor threads; all of them by default.
    set
        Another setting, key=value; may be repeated. `swarm settings SCENE` lists them.
    config
        Settings from a TOML file.
    """

    agents: Annotated[int | None, _world] = None
    backend: Annotated[str | None, _world] = None
    seed: Annotated[int | None, _world] = None
    threads: Annotated[int | None, _world] = None
    set: Annotated[tuple[str, ...] | None, _several] = None
    config: Annotated[Path | None, _world] = None

    def values(self) -> dict[str, Any]:
        """The settings that were given: the file's, over them --set's, over them the options'."""
        values = Overrides(self.set, self.config).values()
        for name in ("agents", "backend", "seed", "threads"):
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        return values


_shown = Parameter(group=Group("What is shown", sort_key=1), show_default=False)


@dataclass(frozen=True)
class Shown:
    """How a scene is shown.

    Parameters
    ----------
    theme
        dark or light.
    size
        Of the window or the picture, px, such as 1280x720.
    colour
        What agents are coloured by: scene, species, lineage, age, or a column such as Energy.level.
    select
        Open a mind: a number as shown, such as 1938.3, or oldest, richest, fertile. In pictures and videos only.
    zoom
        How much closer the selected agent is than the whole world. In pictures and videos only.
    panels
        Brain, charts, scene or moments beside pictures and videos, too; needs imgui-bundle.
    trails
        Show where agents came from. In pictures and videos only.
    """

    theme: Annotated[Literal["dark", "light"], _shown] = "dark"
    size: Annotated[str | None, _shown] = None
    colour: Annotated[str | None, _shown] = None
    select: Annotated[str | None, _shown] = None
    zoom: Annotated[float, _shown] = 1.0
    panels: Annotated[Literal["brain", "charts", "scene", "moments"] | None, _shown] = None
    trails: Annotated[bool, _shown] = False

    def pixels(self, default: tuple[int, int]) -> tuple[int, int]:
        """The size. Raises `SettingsError`."""
        if self.size is None:
            return default
        parts = self.size.lower().split("x")
        if len(parts) != 2 or not all(part.strip().isdigit() and 0 < int(part) <= 16384 for part in parts):
            raise SettingsError(f"--size {self.size}: give width x height in px, such as --size 1280x720.")
        return int(parts[0]), int(parts[1])

    def of_picture(self) -> dict[str, Any]:
        """What a `Drawer` takes."""
        names = ("theme", "colour", "select", "zoom", "panels", "trails")
        return {name: getattr(self, name) for name in names}


_runs = Parameter(group=Group("Table of runs", sort_key=2), show_default=False)


@dataclass(frozen=True)
class Runs:
    """Recorded runs in a folder.

    Parameters
    ----------
    out
        Record the run in this folder; with several seeds or values (--set living=0.1,0.2) a run for each. What is
        finished is skipped, what was killed goes on.
    seeds
        A run for each of these, such as 0..29 or 1,5,7.
    control
        neutral: beside each run its twin, in which as many are born and die, but anybody.
    record
        A row of statistics every so many ticks: the living per table, and what the scene's `statistics` returns.
    parquet
        Statistics as Parquet instead of CSV (needs the extra record).
    keep_mb
        Megabytes of snapshots that a run keeps (1024); the older, the sparser.
    max_hours
        Stop after so many hours, as at Ctrl-C; the same command goes on.
    """

    out: Annotated[Path | None, _runs] = None
    seeds: Annotated[str | None, _runs] = None
    control: Annotated[str | None, _runs] = None
    record: Annotated[int | None, _runs] = None
    parquet: Annotated[bool, _runs] = False
    keep_mb: Annotated[float | None, _runs] = None
    max_hours: Annotated[float | None, _runs] = None

    def given(self) -> dict[str, Any]:
        """What was given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None and value is not False}


def _under(name: str, key: int, *other_names: str, many: bool = False) -> Parameter:
    """A parameter in a group of the help; `many` is given once per value."""
    more: dict[str, Any] = {"consume_multiple": False} if many else {}
    return Parameter(name=other_names or None, group=Group(name, sort_key=key), show_default=False, **more)


_networks, _learning, _sweep, _files, _machine = (
    _under(name, key) for key, name in enumerate(("Networks", "Learning", "Sweep", "Outcome", "Machine"), 1)
)
_axis = _under("Sweep", 3, many=True)


@dataclass(frozen=True)
class Training:
    """What every training command takes; what is not given is the room's default.

    Parameters
    ----------
    brains
        How many networks (100); each has its own weights.
    layers
        Their widths, such as 784-32-10; several architectures are dealt out in turn.
    activation
        Of the hidden layers (relu).
    seed
        What weights, orders and the validation split are drawn from.
    dtype
        How parameters are stored.
    wave
        Train so many networks at a time, each wave saved in a file of its own, for populations larger than memory; the
        networks come out the same.
    epochs
        Passes over the training part.
    batch_size
        Samples in a step (64).
    learning_rate
        The step's size.
    optimizer
        How gradients become steps (sgd).
    schedule
        How the learning rate changes (constant); step: a tenth after each third; cosine: down to 0; warmup: cosine
        behind a rise over the first twentieth.
    sampling
        own: every brain its own order; shared: one for all; bootstrap: own draws with replacement.
    dropout
        The probability with which a hidden unit is left out of a step.
    noise
        The standard deviation of noise that is added to inputs in 0..1.
    validation
        The share of the training part that is held back to judge and choose networks (0.1); 0 holds nothing back.
    folds
        Cross-validation instead: so many folds, of which each network leaves out one and is judged on it.
    patience
        A network stops after so many epochs without a better validation loss.
    restore_best
        Every network ends with its parameters of the epoch in which its validation loss was lowest.
    set
        A further setting, key=value: momentum, nesterov, weight_decay, clip, beta1, beta2, decay, epsilon, hidden; may
        be repeated.
    grid
        A setting's values to compare, such as learning_rate=0.1,0.3 or hidden=16,32-16; may be repeated. All
        combinations train side by side.
    random
        What to draw a setting from, in quotes: "learning_rate=log_uniform(1e-3, 1)", uniform, integers, log_integers,
        or a list of values; may be repeated.
    draws
        How many random candidates for each combination of the grid (10).
    repetitions
        How many networks of every candidate.
    config
        Any of these options from a TOML file, with tables [grid] and [random].
    pbt
        Population-based training: the worst networks become copies of the best and change their hyper-parameters, those
        under --random (the learning rate where there are none).
    every
        With --pbt: how many epochs lie between (1); also --set fraction=0.2 and resample=0.25.
    ensemble
        How many networks, the best on the validation split, answer together (10).
    save
        Where the trained brains go.
    csv
        Where the table of all networks goes; beside the brains by default.
    json
        Write both tables and the settings here, too.
    plot
        Draw the networks' accuracies into this .png, .pdf or .svg file, and those of a sweep by its settings.
    checkpoint
        Keep the state of the run in this folder, whole at any moment.
    resume
        Go on from the checkpoint: the result has the same bits as that of an undisturbed run.
    overwrite
        Let files be replaced that are there already.
    backend
        auto, cpu, cuda or reference.
    threads
        Processor threads; all of them by default.
    """

    brains: Annotated[int | None, _networks] = None
    layers: Annotated[tuple[str, ...] | None, _networks] = None
    activation: Annotated[str | None, _networks] = None
    seed: Annotated[int | None, _networks] = None
    dtype: Annotated[Literal["float32", "bfloat16", "float16", "float64"] | None, _networks] = None
    wave: Annotated[int | None, _networks] = None
    epochs: Annotated[int | None, _learning] = None
    batch_size: Annotated[int | None, _under("Learning", 2, "--batch-size", "--batch")] = None
    learning_rate: Annotated[float | None, _under("Learning", 2, "--learning-rate", "--rate")] = None
    optimizer: Annotated[Literal["sgd", "rmsprop", "adam", "adamw"] | None, _learning] = None
    schedule: Annotated[Literal["constant", "step", "cosine", "warmup"] | None, _learning] = None
    sampling: Annotated[Literal["own", "shared", "bootstrap"] | None, _learning] = None
    dropout: Annotated[float | None, _learning] = None
    noise: Annotated[float | None, _learning] = None
    validation: Annotated[float | None, _learning] = None
    folds: Annotated[int | None, _learning] = None
    patience: Annotated[int | None, _learning] = None
    restore_best: Annotated[bool, _learning] = False
    set: Annotated[tuple[str, ...] | None, _under("Learning", 2, many=True)] = None
    grid: Annotated[tuple[str, ...] | None, _axis] = None
    random: Annotated[tuple[str, ...] | None, _axis] = None
    draws: Annotated[int | None, _sweep] = None
    repetitions: Annotated[int | None, _sweep] = None
    config: Annotated[Path | None, _sweep] = None
    pbt: Annotated[bool, _sweep] = False
    every: Annotated[int | None, _sweep] = None
    ensemble: Annotated[int | None, _files] = None
    save: Annotated[Path | None, _files] = None
    csv: Annotated[Path | None, _files] = None
    json: Annotated[Path | None, _files] = None
    plot: Annotated[Path | None, _files] = None
    checkpoint: Annotated[Path | None, _files] = None
    resume: Annotated[bool, _files] = False
    overwrite: Annotated[bool, _files] = False
    backend: Annotated[str | None, _machine] = None
    threads: Annotated[int | None, _machine] = None

    def given(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name, value in vars(self).items() if value is not None and value is not False}
