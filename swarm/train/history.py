"""Who became whom, with which hyper-parameters: the history of a population-based training, round by round."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from swarm.brain.files import atomic
from swarm.errors import SaveError


@dataclass
class History:
    """R rounds of N brains.

    used: hyper-parameter -> what every brain trained with in each round, [R + 1, N]; the last row is for the round to
    come. parents[r]: whose parameters each brain took after round r, int64 [N]; most keep their own. scores[r]: what
    they were ranked by after round r, [N], the larger the better, -inf for diverged brains. asked: what selection was
    asked for, as plain values by name; empty where nobody said.
    """

    used: dict[str, list[np.ndarray]]
    parents: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, first: dict[str, np.ndarray], asked: Mapping[str, Any] | None = None) -> History:
        return cls({name: [values] for name, values in first.items()}, asked=dict(asked or {}))

    @staticmethod
    def beside(checkpoint: Path) -> Path:
        """The file of the history that belongs to a checkpoint."""
        return checkpoint.with_name(checkpoint.name + ".history.npz")

    @property
    def rounds(self) -> int:
        """R, how many are over."""
        return len(self.scores)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The hyper-parameters in force, each [N]."""
        return {name: rows[-1] for name, rows in self.used.items()}

    @property
    def copies(self) -> int:
        """How many brains were replaced, in all rounds together."""
        return sum(int((source != np.arange(len(source))).sum()) for source in self.parents)

    def close(
        self, score: np.ndarray, source: np.ndarray | None = None, values: dict[str, np.ndarray] | None = None
    ) -> None:
        """A round is over: its scores, who becomes whom, and what comes next (at the end: everything stays)."""
        self.scores.append(score)
        self.parents.append(np.arange(len(score)) if source is None else source)
        for name, rows in self.used.items():
            rows.append(rows[-1] if values is None else values[name])

    @property
    def founders(self) -> np.ndarray:
        """int64 [N]: in whose row each brain's line began."""
        found = np.arange(len(next(iter(self.used.values()))[0]))
        for source in self.parents:
            found = found[source]
        return found

    def lineage(self, brain: int) -> np.ndarray:
        """int64 [R]: in whose row the ancestor of brain `brain` trained in each round; the last is itself."""
        rows, at = [], int(brain)
        for source in reversed(self.parents):
            at = int(source[at])
            rows.append(at)
        return np.array(rows[::-1], np.int64)

    def schedule(self, brain: int) -> dict[str, np.ndarray]:
        """hyper-parameter -> [R], what brain `brain` and its ancestors trained with."""
        line = self.lineage(brain)
        return {name: np.array([rows[r][at] for r, at in enumerate(line)]) for name, rows in self.used.items()}

    def until(self, rounds: int) -> History:
        """The first `rounds` rounds."""
        used = {name: rows[: rounds + 1] for name, rows in self.used.items()}
        return History(used, self.parents[:rounds], self.scores[:rounds], self.asked)

    def pack(self, prefix: str = "") -> dict[str, np.ndarray]:
        """As arrays by name, for files of NumPy's."""
        arrays = {f"{prefix}used.{name}": np.array(rows) for name, rows in self.used.items()}
        count = len(next(iter(self.used.values()))[0])
        parents, scores = (np.array(rows).reshape(-1, count) for rows in (self.parents, self.scores))
        arrays |= {f"{prefix}parents": parents.astype(np.int64), f"{prefix}scores": scores}
        return {**arrays, f"{prefix}asked": np.array(json.dumps(self.asked))}

    @classmethod
    def unpack(cls, file: Mapping[str, np.ndarray], prefix: str = "") -> History | None:
        """What `pack` made; None where there is none of it."""
        start = f"{prefix}used."
        used = {name[len(start) :]: list(file[name]) for name in file if name.startswith(start)}
        if not used:
            return None
        asked = json.loads(str(file[f"{prefix}asked"])) if f"{prefix}asked" in file else {}
        return cls(used, list(file[f"{prefix}parents"]), list(file[f"{prefix}scores"]), asked)

    def save(self, path: str | Path) -> None:
        """Write a file of NumPy's, whole or not at all. Raises SaveError."""
        with atomic(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **self.pack())  # type: ignore[arg-type]  # names are our own

    @classmethod
    def load(cls, path: str | Path) -> History:
        """What `save` wrote. Raises SaveError for a file that is not whole."""
        try:
            with np.load(path) as file:
                found = cls.unpack(file)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise SaveError(f"Cannot read '{path}': {error}. It belongs to the checkpoint beside it.") from None
        if found is None:
            raise SaveError(f"'{path}' holds no history. It belongs to the checkpoint beside it.")
        return found
