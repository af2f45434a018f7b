"""What every benchmark is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swarm.errors import SettingsError


@dataclass(frozen=True)
class Request:
    """What every benchmark takes.

    Parameters
    ----------
    agents
        Sizes to measure, such as 10000 100000.
    backend
        auto, cpu, cuda or reference.
    threads
        Processor threads; all of them by default.
    seed
        What worlds, weights and inputs are drawn from.
    repeats
        Timed rounds.
    json
        Write the report here; nothing is written when a result did not validate.
    """

    agents: tuple[int, ...] | None = None
    backend: str = "auto"
    threads: int | None = None
    seed: int = 0
    repeats: int | None = None
    json: Path | None = None

    def __post_init__(self) -> None:
        for name, values in (("agents", self.agents or ()), ("repeats", (self.repeats or 1,))):
            for value in values:
                if value < 1:
                    raise SettingsError(f"--{name}: {value} is not a positive whole number.")

    @staticmethod
    def at_least(option: str, value: float | None, least: float) -> None:
        """Raise SettingsError when a further option is below `least`."""
        if value is not None and value < least:
            raise SettingsError(f"{option} {value}: give {least} or more.")

    def sizes(self, *otherwise: int) -> tuple[int, ...]:
        """The sizes asked for, or these."""
        return self.agents or otherwise
