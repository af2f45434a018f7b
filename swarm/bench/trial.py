"""What every benchmark of training is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swarm.errors import SettingsError


@dataclass(frozen=True)
class Trial:
    """What the benchmarks of training take.

    Parameters
    ----------
    quick
        A small run of seconds, to see that all is well: its figures are not the benchmark's.
    alone
        Leave PyTorch and JAX out.
    networks
        How many networks; the benchmark's own number by default.
    threads
        Processor threads; all of them by default.
    seed
        What weights, samples and orders are drawn from.
    repeats
        Timed rounds.
    json
        Write the report here; nothing is written when a result did not validate.
    """

    quick: bool = False
    alone: bool = False
    networks: int | None = None
    threads: int | None = None
    seed: int = 0
    repeats: int | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        self.at_least("--networks", self.networks, 1)
        self.at_least("--repeats", self.repeats, 1)

    @staticmethod
    def at_least(option: str, value: float | None, least: float) -> None:
        """Raise SettingsError when an option is below `least`."""
        if value is not None and value < least:
            raise SettingsError(f"{option} {value}: give {least} or more.")
