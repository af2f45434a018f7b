"""A training in a file: safetensors that any tool opens, written whole or not at all.

The file is one of `Brains.save` (so `Brains.load` reads the brains out of it) with, under `training/`,

    step, active, total, mass                         where each brain is, [N]
    diverged_step, stopped_epoch, restored, curves    what the report has, and best, mark, waited of early stopping
    state<f>, master<f>, best<f>                      for each pool of the wave that is training: optimizer's memory,
                                                      float32 copy of 2-byte rows, rows of the best epoch
    settings/...                                      arrays among the settings

and in the metadata, as JSON, the settings (`plain`), digests of the samples, and how far the training is. Random
numbers need no state: they are functions of seeds, keys and steps. Whoever resumes gives the samples again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain import files
from swarm.brain.brains import Brains
from swarm.errors import DataError, SaveError, SchemaError, SettingsError
from swarm.train import optimizers, plain

if TYPE_CHECKING:
    from swarm.train.training import Training

VERSION = 1
FREE = ("validation", "checkpoint", "checkpoint_epochs", "checkpoint_seconds", "progress")  # settings not in the file
_ROOM = "training/"
_REMEDY = "Take another copy of the file, or begin a new training."
_STANDING = ("step", "active", "total", "mass")
_TOLD = ("diverged_step", "stopped_epoch", "restored", "learning_rate")  # of the report, [N]
_COUNTED = ("epochs", "seconds", "preparing", "samples")
_CURVES = ("training_curve", "validation_loss_curve", "validation_accuracy_curve")
_STOPPING = ("best", "mark", "best_epoch", "waited")


def save(training: Training, path: str | Path) -> None:
    """Write `path`, in place of a file there. Raises SaveError; the old file and the brains then stay as they were."""
    if not optimizers.ours(training.optimizer):
        raise SaveError(
            f"Training: the memory of {type(training.optimizer).__name__}, an optimizer of your own, cannot be saved."
            " Train with one of swarm's."
        )
    if training.trainee is not None:
        training.trainee.give_back()
    metadata, tensors = files.pack(training.brains)
    arrays: dict[str, np.ndarray] = {}
    settings = {name: plain.pack(value, f"settings/{name}", arrays) for name, value in training.settings.items()}
    settings["optimizer"] = plain.pack(training.optimizer, "settings/optimizer", arrays)
    arrays |= _arrays(training)
    report = training.report
    metadata["training"] = json.dumps(
        {
            "version": VERSION,
            "backend": training.brains.backend.name,
            "settings": settings,
            "samples": training.plan.samples.name,
            "validation": training.plan.held and training.plan.held.name,
            "where": [training.wave, training.epoch, training.start],
            "report": {name: getattr(report, name) for name in _COUNTED},
        }
    )
    whole = {_ROOM + name: np.ascontiguousarray(array) for name, array in arrays.items()}
    files.write(path, metadata, {**tensors, **whole})


def _arrays(training: Training) -> dict[str, np.ndarray]:
    """What a training knows beside its settings and the brains; shares its memory."""
    report, trainee = training.report, training.trainee
    found = {name: getattr(training.standing, name) for name in _STANDING}
    found |= {name: getattr(training.stopping, name) for name in _STOPPING}
    found |= {name: getattr(report, name) for name in _TOLD}
    found |= {name: getattr(report, name) for name in _CURVES if getattr(report, name) is not None}
    if trainee is not None:
        for f, (pool, field) in enumerate(zip(trainee.pools, trainee.fields, strict=True)):
            found[f"state{f}"] = field.state
            if field.layout is not pool.layout:
                found[f"master{f}"] = field.rows
            if training.best:
                found[f"best{f}"] = training.best[f].view(np.uint8)
    return found


# ---------------------------------------------------------------------- file -> training


def resume(
    kind: type[Training], path: str | Path, x: Any, y: Any, brains: Brains | None, backend: Any, given: dict[str, Any]
) -> Training:
    """As `Training.resume`."""
    metadata, tensors, told = _read(path)
    arrays = {name.removeprefix(_ROOM): tensors[name] for name in tensors if name.startswith(_ROOM)}
    try:
        settings = _settings(told["settings"], arrays, given, path)
    except (KeyError, TypeError) as error:
        raise SaveError(f"'{path}': its training is broken ({error!r}). {_REMEDY}") from None
    found = files.unpack(metadata, tensors, told["backend"] if backend is None else backend)
    if brains is None:
        brains = found
    else:
        _refuse_others(brains, found, path)
    training = kind(brains, x, y, **settings)
    for what, before, now in (
        ("samples", told["samples"], training.plan.samples.name),
        ("validation", told["validation"], training.plan.held and training.plan.held.name),
    ):
        if before != now:
            raise DataError(
                f"'{path}' was trained with other {what}: x, y or their types differ. Give the same ones."
                if what == "samples" or (before and now)
                else f"'{path}' was trained with{'out' if before is None else ''} validation. Give the same one."
            )
    for group, other in zip(brains.groups, found.groups, strict=True):
        if group is not other:
            group.rows[: len(group)] = other.rows[: len(other)]
    try:
        _restore(training, told, arrays)
    except (KeyError, ValueError) as error:
        raise SaveError(f"'{path}': its training is broken ({error!r}). {_REMEDY}") from None
    return training


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, np.ndarray], dict[str, Any]]:
    metadata, tensors = files.read(path)
    if "training" not in metadata:
        raise SaveError(f"'{path}' holds brains and no training. Begin one with swarm.Training(brains, x, y).")
    try:
        told = json.loads(metadata["training"])
        version = told["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise SaveError(f"'{path}': its training is broken ({error!r}). {_REMEDY}") from None
    if version != VERSION:
        raise SaveError(f"'{path}' has version {version}, this program reads {VERSION}. Update swarm.")
    missing = [name for name in (*_STANDING, *_STOPPING, *_TOLD) if _ROOM + name not in tensors]
    if missing:
        raise SaveError(f"'{path}': its training is broken ({', '.join(missing)} missing). {_REMEDY}")
    return metadata, tensors, told


def _settings(
    held: dict[str, Any], arrays: dict[str, np.ndarray], given: dict[str, Any], path: str | Path
) -> dict[str, Any]:
    """The settings of the file, which those given must equal; some are free, some only those given can supply."""
    free = {name: given.pop(name) for name in list(given) if name in FREE}
    found = {name: plain.unpack(value, arrays) for name, value in held.items()}
    for name, value in given.items():
        if name in found and not plain.same(found[name], value):
            raise SettingsError(f"'{path}' was trained with {name}={_short(found[name])}, not {_short(value)}.")
    for name, value in found.items():
        if isinstance(value, plain.Named) and name not in given:
            raise SettingsError(f"'{path}' was trained with {name}={value.name}, which no file holds. Give it again.")
    return {**found, **given, **free}


def _short(value: Any) -> str:
    text = " ".join((value.name if isinstance(value, plain.Named) else repr(value)).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse_others(brains: Brains, found: Brains, path: str | Path) -> None:
    """The brains to go on with must be those of the file, but for their parameters."""
    if not isinstance(brains, Brains):
        raise SettingsError(f"Training.resume: {type(brains).__name__} is not a pool of brains.")
    told, have = ([f"{len(g)} x {g.mlp} {g.dtype.name}" for g in pool.groups] for pool in (found, brains))
    if told != have:
        raise SchemaError(
            f"'{path}' is of other brains: {', '.join(told)}; those given are {', '.join(have)}. Leave `brains` out to"
            " take those of the file."
        )
    for group, other in zip(brains.groups, found.groups, strict=True):
        if not np.array_equal(group.positions, other.positions):
            raise SchemaError(f"'{path}' has its {group.mlp} at other places than the brains given. Leave them out.")


def _restore(training: Training, told: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    report = training.report
    for owner, names in ((training.standing, _STANDING), (training.stopping, _STOPPING), (report, _TOLD)):
        for name in names:
            held = getattr(owner, name)
            held[:] = arrays[name]
    for name in _CURVES:
        if name in arrays:
            setattr(report, name, arrays[name])
    for name, value in told["report"].items():
        setattr(report, name, value)
    training.wave, training.epoch, training.start = told["where"]
    if "state0" not in arrays:
        return
    trainee = training.trained()
    for f, (pool, field) in enumerate(zip(trainee.pools, trainee.fields, strict=True)):
        field.state[...] = arrays[f"state{f}"]
        if field.layout is not pool.layout:
            field.rows[...] = arrays[f"master{f}"]
        if training.best:
            training.best[f][...] = arrays[f"best{f}"].view(pool.dtype)
