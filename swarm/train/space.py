"""The candidates of a sweep: every combination of a grid's values, times random draws from distributions.

    grid     a list of values           [0.1, 0.3]  or as text  0.1,0.3
    random   a distribution             "uniform(0, 0.5)", "log_uniform(1e-4, 1)", "integers(8, 64)",
                                        "log_integers(8, 512)", both ends included; or a list, of which one is chosen

Draw d of a setting is a pure function of the seed, d, the combination and the setting's name: more draws keep the
earlier ones, and other settings do not change it. That random draws beat grids where few settings matter is due to
Bergstra and Bengio, JMLR 13, 2012.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train import settings
from swarm.train.settings import SETTINGS

_CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*")
_COMMAS = re.compile(r"\s*,\s*")
LIMIT = 1_000_000  # candidates at most
KINDS = {  # distribution -> (whether its logarithm is uniform, whether it yields whole numbers)
    "uniform": (False, False),
    "log_uniform": (True, False),
    "integers": (False, True),
    "log_integers": (True, True),
}


@dataclass(frozen=True)
class Distribution:
    """What one setting is drawn from: numbers from low to high, both included, or one of `values`."""

    name: str
    kind: str = "choice"
    low: float = 0.0
    high: float = 0.0
    values: tuple[Any, ...] = ()

    @classmethod
    def of(cls, name: str, given: Any, where: str = "random") -> Distribution:
        """From "log_uniform(1e-4, 1)" or a list of values. Raises SettingsError."""
        found = _CALL.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            return cls(name, values=axis(name, given, where))
        kind, inside = found[1], found[2]
        if kind not in KINDS:
            raise SettingsError(f"{where}: {name} = '{given}': there is no such distribution.{suggest(kind, KINDS)}")
        log, whole = KINDS[kind]
        known = settings.setting(name, where)
        if known.kind in (str, bool) or (known.kind in (int, tuple) and not whole):
            others = "integers(8, 64) or a list" if known.kind in (int, tuple) else "a list of values"
            raise SettingsError(f"{where}: {name} cannot be drawn from {kind}. Give {others}.")
        try:
            low, high = (float(word) for word in _COMMAS.split(inside.strip()))
        except ValueError:
            raise SettingsError(f"{where}: {name} = '{given}' needs two numbers: {kind}(low, high).") from None
        if not (np.isfinite([low, high]).all() and low <= high) or (log and low <= 0):
            raise SettingsError(
                f"{where}: {name} = '{given}': low must {'be above 0 and ' if log else ''}not exceed high."
            )
        if whole and (low % 1 or high % 1):
            raise SettingsError(f"{where}: {name} = '{given}' takes whole numbers.")
        for end in (low, high):
            settings.value(name, int(end) if whole else end, where)
        return cls(name, kind, low, high)

    @property
    def logarithmic(self) -> bool:
        return self.kind.startswith("log")

    def at(self, u: np.ndarray) -> list[Any]:
        """The values at quantiles u [K] in 0 < u < 1."""
        if self.kind == "choice":
            return [self.values[int(k)] for k in np.minimum(u * len(self.values), len(self.values) - 1)]
        log, whole = KINDS[self.kind]
        low, high = (self.low - 0.5, self.high + 0.5) if whole else (self.low, self.high)
        low = max(low, 0.5) if log and whole else low
        found = np.exp(np.log(low) + u * (np.log(high) - np.log(low))) if log else low + u * (high - low)
        found = np.clip(np.rint(found) if whole else found, self.low, self.high)
        return [settings.value(self.name, int(v) if whole else float(v), "random") for v in found]


def axis(name: str, given: Any, where: str = "grid") -> tuple[Any, ...]:
    """The values of a grid's setting, each once. Raises SettingsError."""
    if isinstance(given, str) and _CALL.fullmatch(given):
        raise SettingsError(f"{where}: {name} = '{given}' is a distribution. Put it under random.")
    listed = _COMMAS.split(given.strip()) if isinstance(given, str) else given
    listed = listed.tolist() if isinstance(listed, np.ndarray) else listed
    if not isinstance(listed, (list, tuple)):
        listed = [listed]
    found = tuple(dict.fromkeys(settings.value(name, one, where) for one in listed))
    if not found:
        raise SettingsError(f"{where}: {name} has no values. Give one or more.")
    return found


def candidates(
    grid: Mapping[str, Any] | None = None,
    random: Mapping[str, Any] | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Every combination of the grid times `draws` random ones (10 where there is something to draw), grid first.

    Only the settings that are named; see `settings.SETTINGS` for the names. Raises SettingsError.
    """
    axes = {name: axis(name, given) for name, given in _table("grid", grid).items()}
    laws = {name: Distribution.of(name, given) for name, given in _table("random", random).items()}
    both = sorted(set(axes) & set(laws))
    if both:
        raise SettingsError(f"sweep: {', '.join(both)} is under grid and under random. Keep one of them.")
    if draws is not None and (not isinstance(draws, (int, np.integer)) or isinstance(draws, bool) or draws < 1):
        raise SettingsError(f"sweep: draws = {draws!r} must be a whole number of 1 or more.")
    if draws is not None and not laws:
        raise SettingsError("sweep: there is nothing to draw. Name a distribution under random, or leave draws out.")
    times = (10 if draws is None else draws) if laws else 1
    combinations = [dict(zip(axes, chosen)) for chosen in product(*axes.values())]
    if len(combinations) * times > LIMIT:
        raise SettingsError(f"sweep: {len(combinations) * times:,} candidates; at most {LIMIT:,}. Shorten the grid.")
    found = []
    for g, combination in enumerate(combinations):
        drawn = {name: draw(law, np.arange(times), seed, g) for name, law in laws.items()}
        found += [{**combination, **{name: drawn[name][d] for name in laws}} for d in range(times)]
    return found


def draw(law: Distribution, names: np.ndarray, seed: int, generation: int = 0, tick: int = 0) -> list[Any]:
    """One value for each of `names` [K] uint32, keyed by seed, name, generation, tick and the setting's name."""
    return law.at(quantiles(f"sweep {law.name}", names, seed, generation, tick))


def quantiles(stream: str, names: np.ndarray, seed: int, generation: int = 0, tick: int = 0) -> np.ndarray:
    """float64 [K] in 0 < u < 1, keyed."""
    words = rng.words(seed, names, generation, tick, rng.stream(stream), 1)[:, 0]
    return (words.astype(np.float64) + 0.5) / 2.0**32


def varied(found: list[dict[str, Any]]) -> list[str]:
    """The settings in which candidates differ, in the order of `SETTINGS`."""
    return [name for name in SETTINGS if len({one.get(name) for one in found}) > 1]


def _table(name: str, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SettingsError(f"sweep: {name} = {given!r} is no table of settings. For example: {name}.learning_rate")
    return given
