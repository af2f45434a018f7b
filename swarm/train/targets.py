"""Where a training command's files go: named and looked at before the training, not after it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swarm.errors import SaveError, SettingsError
from swarm.train import plots

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Targets:
    """target: what was asked for; brains: a file per population; tables and pictures where they were asked for."""

    target: Path
    brains: tuple[Path, ...]
    networks: Path
    candidates: Path | None
    json: Path | None
    pictures: tuple[Path, ...]

    @classmethod
    def of(
        cls,
        name: str,
        parts: int,
        *,
        save: str | None,
        csv: str | None,
        json: str | None,
        plot: str | None,
        second: str,
        overwrite: bool,
    ) -> Targets:
        """Checked places. Several populations go to F-00001-of-00003.safetensors and so on; `second` says what a
        second picture shows (`words.second`).

        Raises SettingsError for a file that is there already, SaveError for a folder that is not there.
        """
        target = _fresh(name, parts) if save is None else _named(Path(save), name)
        networks = Path(csv) if csv else target.with_suffix(".csv")
        pictures = () if plot is None else (Path(plot),)
        if plot is not None and second:
            pictures += (Path(plot).with_stem(f"{Path(plot).stem}-{second}"),)
        found = cls(
            target,
            _shards(target, parts),
            networks,
            networks.with_stem(networks.stem + "-candidates") if second == "settings" else None,
            None if json is None else Path(json),
            pictures,
        )
        if plot is not None:
            plots.check(plot)
        for option, paths in (
            ("--save", found.brains),
            ("--csv", (networks, found.candidates)),
            ("--json", (found.json,)),
            ("--plot", pictures),
        ):
            for path in paths:
                if path is not None:
                    _check(path, overwrite, option)
        return found


def _shards(target: Path, parts: int) -> tuple[Path, ...]:
    if parts == 1:
        return (target,)
    return tuple(target.with_stem(f"{target.stem}-{k + 1:05}-of-{parts:05}") for k in range(parts))


def _fresh(name: str, parts: int) -> Path:
    """A name in the working folder that no earlier run has taken."""
    number, target = 1, Path(f"{name}{_SUFFIX}")
    while any(path.exists() for path in (*_shards(target, parts), target.with_suffix(".csv"))):
        number += 1
        target = Path(f"{name}-{number}{_SUFFIX}")
    return target


def _named(target: Path, name: str) -> Path:
    if target.is_dir():
        target /= f"{name}{_SUFFIX}"
    return target if target.suffix == _SUFFIX else target.with_name(target.name + _SUFFIX)


def _check(path: Path, overwrite: bool, option: str) -> None:
    if path.exists() and not overwrite:
        raise SettingsError(f"{option} '{path}' is there already. Choose another name, or add --overwrite.")
    if not path.parent.is_dir():
        raise SaveError(f"{option}: the folder '{path.parent}' does not exist. Create it first.")
