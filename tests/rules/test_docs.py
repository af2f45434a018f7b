"""The pages in docs/ and tools/: commands that parse, scripts and linked files that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from swarm.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "tools").glob("*/README.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Command lines of a page: of its blocks, without the comments behind them."""
    text = page.read_text(encoding="utf-8")
    blocks = [block for language, block in BLOCK.findall(text) if not language]
    found = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [shlex.join(shlex.split(line, comments=True)) for line in found]


LINES = sorted({line for page in PAGES for line in commands(page) if line})
SWARM = [line for line in LINES if Path(shlex.split(line)[0]).name == "swarm"]
SCRIPTS = [line for line in LINES if Path(shlex.split(line)[0]).name == "python" and ".py" in line]


def test_there_are_commands():
    assert len(SWARM) > 5
    assert len(SCRIPTS) > 3


@pytest.mark.parametrize("line", SWARM)
def test_command_parses(line: str):
    command, *_ = app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    assert callable(command)


@pytest.mark.parametrize("line", SCRIPTS)
def test_script_exists(line: str):
    assert (ROOT / shlex.split(line)[1]).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).resolve().is_file(), target
