"""The README: two set-up commands, commands that parse, code that runs, files that exist, no open figures."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from swarm.cli import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
CODE = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines() if line.strip()]
NAMED = [text for text in re.findall(r"`([^`\n]+)`", README) if re.match(r"(swarm|python) .*(-|bench|tools)", text)]


def test_exactly_two_setup_commands():
    found = re.findall(r"^python tools/start\.py .*$", README, re.MULTILINE)
    assert found == ["python tools/start.py demo", "python tools/start.py test"]


def test_there_is_code_for_three_users():
    assert len(CODE) == 3
    assert len([command for command in COMMANDS if command.startswith("swarm ")]) >= 5


@pytest.mark.parametrize("line", sorted({line for line in [*COMMANDS, *NAMED] if line.startswith("swarm ")}))
def test_command_parses(line: str):
    words = shlex.split(line)[1:]
    command, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert callable(command)


@pytest.mark.parametrize("line", sorted({line for line in [*COMMANDS, *NAMED] if line.startswith("python ")}))
def test_script_exists(line: str):
    assert (ROOT / shlex.split(line)[1]).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CODE)))
def test_code_runs(number: int, tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", CODE[number]], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_link_leads_to_a_file(target: str):
    assert target.startswith("https://") or (ROOT / target).is_file()


def test_no_figure_is_missing():
    assert "TODO" not in README
