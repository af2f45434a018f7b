"""N networks with settings of their own, split into populations that train one after another.

Networks that differ only in what a network may have of its own are one population, with one value per brain. Those that
differ in what a population shares (`settings.SHARED`: batch size, optimizer, epochs, ...) are several. A population of
more than `wave` networks is cut into waves.
Network k draws its first weights and its order of samples by its number k: it comes out the same in any split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.errors import SettingsError
from swarm.train import optimizers, settings
from swarm.train.optimizers import OPTIMIZERS
from swarm.train.settings import HYPER, SETTINGS, SHARED

_JITTER = ("dropout", "noise")


@dataclass(frozen=True)
class Plan:
    """C candidates and which of them each of N networks is of. `inputs` and `outputs` are the data's."""

    candidates: tuple[dict[str, Any], ...]  # each complete: a value for every name in SETTINGS
    member: np.ndarray  # int64 [N]
    inputs: int
    outputs: int

    @classmethod
    def of(
        cls,
        found: Sequence[dict[str, Any]],
        fixed: dict[str, Any],
        member: np.ndarray,
        inputs: int,
        outputs: int,
        rates: dict[str, float] | None = None,
    ) -> Plan:
        """The plan for candidates `found` with `fixed` settings for all; rates: learning rate by optimizer.

        Raises SettingsError, also for a hyper-parameter that a candidate's optimizer does not have.
        """
        common = {name: settings.value(name, given, "train") for name, given in fixed.items() if given is not None}
        twice = sorted(set(common) & set(found[0]))
        if twice:
            raise SettingsError(f"train: {', '.join(twice)} is fixed and varied at once. Keep one of them.")
        full = []
        for given in ({**common, **one} for one in found):
            for name in given:
                settings.belongs(name, given.get("optimizer", SETTINGS["optimizer"].default), "train")
            one = {name: given.get(name, known.default) for name, known in SETTINGS.items()}
            if one["learning_rate"] is None:
                kind = one["optimizer"]
                one["learning_rate"] = (rates or {}).get(kind, OPTIMIZERS[kind]().learning_rate)
            full.append(one)
        return cls(tuple(full), np.asarray(member, np.int64), inputs, outputs)

    def __len__(self) -> int:
        """N, how many networks."""
        return len(self.member)

    def values(self, name: str, rows: Any = slice(None)) -> list[Any]:
        """A setting of the networks `rows`."""
        return [self.candidates[c][name] for c in self.member[rows].tolist()]

    def mlps(self, rows: Any = slice(None)) -> list[MLP]:
        """The architecture of each of the networks `rows`."""
        each = [MLP((self.inputs, *c["hidden"], self.outputs), c["activation"]) for c in self.candidates]
        return [each[c] for c in self.member[rows].tolist()]

    def parts(self, wave: int | None = None) -> list[Part]:
        """The populations, in the order of their first network; every one is checked. Raises SettingsError."""
        if wave is not None and wave < 1:
            raise SettingsError(f"train: a wave of {wave} networks is none. Give 1 or more.")
        groups: dict[tuple[Any, ...], list[int]] = {}
        for c, one in enumerate(self.candidates):
            groups.setdefault(tuple(one[name] for name in SHARED), []).append(c)
        found = []
        for members in groups.values():
            rows = np.flatnonzero(np.isin(self.member, members))
            step = len(rows) if wave is None else wave
            found += [Part(self, rows[start : start + step]) for start in range(0, len(rows), max(step, 1))]
        found.sort(key=lambda part: int(part.rows[0]))
        for part in found:
            optimizers.check(part.optimizer(), len(part))
        return found


@dataclass(frozen=True)
class Part:
    """The networks `rows` [n] of a plan, which train as one population."""

    plan: Plan
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def shared(self, name: str) -> Any:
        """A setting that all of them have."""
        return self.plan.candidates[self.plan.member[self.rows[0]]][name]

    def each(self, name: str) -> Any:
        """A setting's value where all agree, else one per network [n]. A clip of None is infinite beside others."""
        values = self.plan.values(name, self.rows)
        if all(one == values[0] for one in values):
            return values[0]
        return np.array([np.inf if one is None else one for one in values], np.float64)

    def brains(self, seed: int = 0, **where: Any) -> Brains:
        """The population at its start. where: backend, dtype, threads, as for `Brains`."""
        mlps = self.plan.mlps(self.rows)
        same = len(set(mlps)) == 1
        brains = Brains(mlps[0] if same else mlps, len(mlps) if same else None, seed=seed, init="zeros", **where)
        brains.initialise(slice(0, len(brains)), slots=self.rows)
        return brains

    def optimizer(self) -> Any:
        """The optimizer with the values of every network. Raises SettingsError for one it needs beside others."""
        kind = OPTIMIZERS[self.shared("optimizer")]
        given = {name: self.each(name) for name in HYPER if name in kind.__dataclass_fields__}
        return kind(**{name: made for name, made in given.items() if made is not None})

    def options(self, samples: int) -> dict[str, Any]:
        """The keywords of `fit` for a training part of so many samples."""
        batch, epochs = self.shared("batch_size"), self.shared("epochs")
        found = {
            "optimizer": self.optimizer(),
            "schedule": settings.schedule(self.shared("schedule"), epochs * -(-samples // min(batch, samples))),
            "sampling": self.shared("sampling"),
            "batch_size": batch,
            "epochs": epochs,
            "keys": self.rows,
        }
        return {**found, **{name: made for name in _JITTER if np.any(made := self.each(name))}}
