"""Options that several commands of the command line share; their help is the text below."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

_world = Parameter(group=Group("World", sort_key=1))
_several = Parameter(group=Group("World", sort_key=1), consume_multiple=False)


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
        Another setting, key=value; may be repeated.
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
        from .config import load_toml, pairs

        values: dict[str, Any] = {**(load_toml(self.config) if self.config else {}), **pairs(self.set or ())}
        for name in ("agents", "backend", "seed", "threads"):
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        return values


@dataclass(frozen=True)
class Training:
    """What every training command takes; what is not given is the room's default.

    Parameters
    ----------
    brains
        How many networks; each has its own weights.
    layers
        Their widths, such as 784-32-10; several architectures are dealt out in turn.
    epochs
        Passes over the training part.
    batch
        Samples in a step.
    rate
        Learning rate.
    optimizer
        sgd, rmsprop, adam or adamw.
    schedule
        How the learning rate changes: constant; step: a tenth after each third; cosine: down to 0; warmup: cosine
        behind a rise over the first twentieth.
    activation
        Of the hidden layers.
    sampling
        own: every brain its own order; shared: one for all; bootstrap: own draws with replacement.
    seed
        What weights and orders are drawn from.
    save
        Where the trained brains go.
    csv
        Where the table of all networks goes; beside the brains by default.
    overwrite
        Let files be replaced that are there already.
    backend
        auto, cpu, cuda or reference.
    dtype
        How parameters are stored.
    threads
        Processor threads; all of them by default.
    """

    brains: int | None = None
    layers: tuple[str, ...] | None = None
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"] | None = None
    schedule: Literal["constant", "step", "cosine", "warmup"] | None = None
    activation: str | None = None
    sampling: Literal["own", "shared", "bootstrap"] | None = None
    seed: int | None = None
    save: Path | None = None
    csv: Path | None = None
    overwrite: bool = False
    backend: str | None = None
    dtype: Literal["float32", "bfloat16", "float16", "float64"] | None = None
    threads: int | None = None

    def given(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name, value in vars(self).items() if value is not None}
