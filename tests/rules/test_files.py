"""What is tracked: no machine's paths, no package-index hosts, no lock files, no build outputs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "test." + "pypi", "conda" + ".anaconda", "registry." + "npmjs")
PATHS = re.compile(r"(?<![\w.$}~])/(?:home|root|work|Users|mnt|private|opt)/[\w.]|[A-Z]:" + r"\\{1,2}Users")
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".csv", ".cfg", ".yml", ".yaml", ".glsl", ".vert", ".frag", ".sh", ""}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.suffix in TEXT else ""


def test_no_absolute_path_of_a_machine(tracked: list[Path]):
    found = [f"{path.relative_to(ROOT)}: {hit.group()}" for path in tracked for hit in PATHS.finditer(text_of(path))]
    assert not found


def test_no_package_index_host(tracked: list[Path]):
    assert not [f"{path.relative_to(ROOT)}: {host}" for path in tracked for host in HOSTS if host in text_of(path)]


def test_no_lock_files_or_build_outputs(tracked: list[Path]):
    bad = re.compile(r"(^|/)(uv\.lock|__pycache__|build|dist|\.venv)(/|$)|\.(nbc|nbi|pyc)$")
    assert not [name for name in (path.relative_to(ROOT).as_posix() for path in tracked) if bad.search(name)]


def test_ci_runs_the_readmes_command():
    script = (ROOT / ".ci" / "run").read_text()
    assert "python3 tools/start.py test" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "../shared/data/mnist" in script
