"""The words of `swarm train`, from its options, `--set key=value` and a TOML file, as one checked request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from swarm.config import load_toml, pairs, settings, suggest
from swarm.errors import SettingsError
from swarm.train import space
from swarm.train.candidates import Plan
from swarm.train.data import DataSet
from swarm.train.folds import Folds
from swarm.train.optimizers import OPTIMIZERS
from swarm.train.settings import SETTINGS, SHARED, value

DATA = {"mnist": (0.3, 1), "digits": (0.3, 30)}  # data set -> learning rate of SGD and epochs that suit it
_OTHER_RATE = 1e-3  # of the optimizers that divide by the gradient's size


@dataclass(frozen=True)
class Request:
    """What a training command is asked for. Files are names; `settings` holds what belongs to networks (`SETTINGS`)."""

    brains: int = 100
    layers: tuple[str, ...] | None = None
    grid: dict[str, Any] = field(default_factory=dict)
    random: dict[str, Any] = field(default_factory=dict)
    draws: int | None = None
    repetitions: int = 1
    pbt: bool = False
    every: int = 1
    fraction: float = 0.2
    resample: float = 0.25
    validation: float = 0.1
    folds: int | None = None
    patience: int | None = None
    restore_best: bool = False
    ensemble: int = 10
    wave: int | None = None
    seed: int = 0
    backend: str = "auto"
    dtype: str = "float32"
    threads: int | None = None
    data: str | None = None
    save: str | None = None
    csv: str | None = None
    json: str | None = None
    plot: str | None = None
    checkpoint: str | None = None
    resume: bool = False
    overwrite: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def sweeps(self) -> bool:
        """Whether candidates are compared; else all networks are of `layers`, dealt out in turn."""
        return bool(self.grid or self.random) and not self.pbt

    def fit_options(self, y: np.ndarray) -> dict[str, Any]:
        """Keywords of `fit` for every population, for labels y; only what was asked for."""
        folds = None if self.folds is None else Folds(self.folds, seed=self.seed, stratify=y)
        wished = {"patience": self.patience, "restore_best": self.restore_best or None, "samples": folds}
        return {name: given for name, given in wished.items() if given is not None}


_OWN = {known.name for known in fields(Request)} - {"settings"}
_ABOVE_0 = ("brains", "repetitions", "ensemble", "patience", "wave", "every")


def merged(words: Mapping[str, Any]) -> dict[str, Any]:
    """All that was said, by name: the file's values, over them --set's, over them the options'.

    `config` names a TOML file, `set` has key=value, `grid` and `random` have setting=values. Raises SettingsError.
    """
    words = dict(words)
    file, further = words.pop("config", None), words.pop("set", None)
    values: dict[str, Any] = load_toml(file) if file else {}
    for name, example in (("grid", "learning_rate=0.1,0.3"), ("random", '"dropout=uniform(0, 0.5)"')):
        if isinstance(given := words.pop(name, None), (list, tuple)):
            given = pairs(given, f"--{name}", example)
        if given:
            values[name] = {**values.get(name, {}), **given}
    values |= {**pairs(further or (), example="momentum=0.9"), **words}
    for name in _FILES:
        if values.get(name) is not None:
            values[name] = str(values[name])
    if isinstance(values.get("layers"), (list, tuple)):
        values["layers"] = tuple(values["layers"])
    return values


def read(values: Mapping[str, Any]) -> Request:
    """The request in `values`. Raises SettingsError for an unknown name, and for values that do not go together."""
    unknown = [name for name in values if name not in SETTINGS and name not in _OWN]
    if unknown:
        raise SettingsError(f"train: there is no setting '{unknown[0]}'.{suggest(unknown[0], _OWN | set(SETTINGS))}")
    own = {name: given for name, given in values.items() if name in _OWN}
    of_networks = {name: given for name, given in values.items() if name in SETTINGS}
    if own.get("folds") and (own.get("grid") or own.get("random")):
        own.setdefault("repetitions", own["folds"])
    request = settings(Request, {**own, "settings": of_networks}, "train")
    _check(request, values)
    return request


_FILES = ("data", "save", "csv", "json", "plot", "checkpoint")


def _check(request: Request, values: Mapping[str, Any]) -> None:
    for name in _ABOVE_0:
        if (given := getattr(request, name)) is not None and given < 1:
            raise SettingsError(f"--{name} {given} must be 1 or more.")
    if not 0 <= request.validation < 1:
        raise SettingsError(f"--validation {request.validation:g} must be a share of the samples: 0 or more, below 1.")
    if request.validation == 0 and (request.patience or request.restore_best):
        raise SettingsError("--patience and --restore-best need a validation split. Give --validation 0.1.")
    if request.folds is not None:
        _check_folds(request, values, request.folds)
    if request.resume and request.checkpoint is None:
        raise SettingsError("--resume goes on from a checkpoint. Name it: --checkpoint DIR.")
    if request.sweeps and "brains" in values:
        raise SettingsError("--brains: a sweep trains candidates x repetitions networks. Give --repetitions instead.")
    if request.pbt:
        _check_pbt(request, values)
    elif {"every", "fraction", "resample"} & set(values):
        raise SettingsError("--every, fraction and resample are of population-based training. Add --pbt.")
    if not request.sweeps and (request.draws is not None or "repetitions" in values):
        raise SettingsError("--draws and --repetitions are of sweeps. Add --grid or --random, or give --brains.")


def _check_folds(request: Request, values: Mapping[str, Any], folds: int) -> None:
    if "validation" in values or request.pbt:
        word = "--validation" if "validation" in values else "--pbt"
        raise SettingsError(f"--folds judges every network on a fold of its own; {word} does not go with it.")
    if request.sweeps and request.repetitions % folds:
        raise SettingsError(f"--folds {folds}: every candidate leaves out each fold. Give --repetitions {folds}.")
    if request.wave is not None and request.wave % folds:
        raise SettingsError(f"--folds {folds}: give --wave a multiple of {folds}.")


def _check_pbt(request: Request, values: Mapping[str, Any]) -> None:
    if request.validation == 0:
        raise SettingsError("--pbt chooses by validation. Give --validation 0.1.")
    wrong = [name for name in ("patience", "restore_best", "wave", "layers") if values.get(name)]
    if wrong:
        remedy = "Give --grid hidden=32,64." if wrong == ["layers"] else "Leave it out."
        raise SettingsError(f"--{wrong[0].replace('_', '-')} does not go with --pbt. {remedy}")
    several = [name for name in SHARED if name in {**request.grid, **request.random}]
    if several:
        raise SettingsError(f"--pbt trains one population, whose networks share {several[0]}. Give it one value.")


def completed(request: Request, name: str) -> Request:
    """The request with what the data set called `name` suggests: epochs, and what population-based training explores.

    Raises SettingsError for an unknown optimizer.
    """
    sgd, epochs = DATA[name]
    given = {**request.settings, **request.grid, **request.random}
    settings = request.settings if "epochs" in given else {**request.settings, "epochs": epochs}
    random = dict(request.random)
    if request.pbt and not random:
        rate = sgd if value("optimizer", given.get("optimizer", "sgd"), "--optimizer") == "sgd" else _OTHER_RATE
        random = {"learning_rate": f"log_uniform({rate / 30:g}, {rate * 3:g})"}
    return replace(request, settings=settings, random=random)


def second(request: Request, plan: Plan) -> str:
    """What there is to see beside the networks' distribution: 'history', 'settings' or nothing, ''."""
    return "history" if request.pbt else "settings" if len(plan.candidates) > 1 else ""


def explored(request: Request, plan: Plan) -> dict[str, Any]:
    """What population-based training explores: random settings that are hyper-parameters of the optimizer."""
    kind = OPTIMIZERS[plan.candidates[0]["optimizer"]]
    return {name: law for name, law in request.random.items() if name in kind.__dataclass_fields__}


def plan(request: Request, name: str, data: DataSet) -> Plan:
    """The networks of a request for a data set called `name`. Raises SettingsError."""
    rates = {kind: DATA[name][0] if kind == "sgd" else _OTHER_RATE for kind in OPTIMIZERS}
    fixed, grid = request.settings, dict(request.grid)
    hidden = [_hidden(word, data.inputs, data.classes) for word in request.layers or ()]
    if hidden and ("hidden" in fixed or "hidden" in grid or "hidden" in request.random):
        raise SettingsError("--layers and hidden say the same thing. Keep one of them.")
    if request.pbt:
        found = space.candidates(grid, request.random, _draws(request, len(space.candidates(grid))), request.seed)
        member = np.arange(len(found))
    elif request.sweeps:
        grid = {**({"hidden": hidden} if hidden else {}), **grid}
        found = space.candidates(grid, request.random, request.draws, request.seed)
        member = np.repeat(np.arange(len(found)), request.repetitions)
    else:
        found = [{"hidden": widths} for widths in hidden] or [{}]
        member = np.arange(request.brains) % len(found)
    return Plan.of(found, fixed, member, data.inputs, data.classes, rates)


def _draws(request: Request, combinations: int) -> int:
    """How many networks of a population each combination of its grid gets."""
    if request.brains % combinations:
        raise SettingsError(f"--brains {request.brains}: the grid's {combinations} combinations need a multiple.")
    return request.brains // combinations


def _hidden(layers: str, inputs: int, classes: int) -> tuple[int, ...]:
    """The widths between the inputs and the outputs of "784-32-10"."""
    try:
        widths = tuple(int(word) for word in layers.split("-"))
    except ValueError:
        example = f"--layers {inputs}-32-{classes}"
        raise SettingsError(f"--layers {layers!r} is not a list of widths. For example: {example}") from None
    if len(widths) < 2 or (widths[0], widths[-1]) != (inputs, classes):
        between = [str(width) for width in widths[1:-1]]
        raise SettingsError(
            f"--layers {layers}: the data have {inputs} inputs and {classes} classes. Begin with {inputs} and end with"
            f" {classes}: --layers {'-'.join([str(inputs), *between, str(classes)])}"
        )
    return widths[1:-1]
