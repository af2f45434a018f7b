"""The wheel: carries what is needed and nothing else, and runs from a clean environment outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(command: list[str], where: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=where, env={**os.environ, **environment}, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    place = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(place),
        str(ROOT),
    ]
    run(build, place)
    (found,) = place.glob("swarm_engine-*.whl")
    return found


def test_it_carries_the_package_and_the_assets(wheel: Path):
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
    package = {p.relative_to(ROOT).as_posix() for p in (ROOT / "swarm").rglob("*.py")}
    assert package <= names
    assets = [path for path in (ROOT / "assets").rglob("*") if path.is_file()]
    assert assets
    assert {f"swarm/_assets/{path.relative_to(ROOT / 'assets').as_posix()}" for path in assets} <= names
    assert "swarm/py.typed" in names
    outside = {name for name in names if not name.startswith("swarm/") and ".dist-info/" not in name}
    assert not outside
    assert not {name for name in names if name.endswith((".nbi", ".nbc", ".pyc"))}


@pytest.mark.slow
def test_it_runs_the_demo_from_a_clean_environment(wheel: Path, tmp_path: Path):
    """Installed with its dependencies, as a user would; HOME is empty, and the repository is out of sight."""
    environment = tmp_path / "env"
    run([sys.executable, "-m", "venv", str(environment)], tmp_path)
    folder, end = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    python, swarm = (str(environment / folder / f"{name}{end}") for name in ("python", "swarm"))
    run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)], tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    clean = {"HOME": str(home), "XDG_CACHE_HOME": "", "SWARM_CACHE_DIR": "", "PYTHONPATH": ""}
    where = run(
        [python, "-c", "import swarm, swarm.assets as a; print(swarm.__file__); print(a.root())"], home, **clean
    )
    assert str(ROOT) not in where
    assert "_assets" in where
    told = run([swarm, "demo", "foragers", "--headless", "--ticks", "30", "--agents", "500"], home, **clean)
    assert "tick 30" in told
    told = run(
        [swarm, "train", "digits", "--brains", "4", "--epochs", "1", "--save", str(home / "b.safetensors")],
        home,
        **clean,
    )
    assert "test accuracy" in told
