"""Makes `.venv` in the checkout, installs the checkout there with the extras it needs, and starts what was asked.

Installs once, and again when pyproject.toml changes; afterwards no network is needed. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MARK = VENV / "swarm-installed.json"
EXTRAS = {"demo": ["view", "video"], "test": ["view", "video", "test", "lint"]}
SYSTEM = ["libegl1", "libgl1-mesa-dri", "xvfb", "xdotool", "chromium", "g++"]  # what picture and compiler tests use


class Stop(Exception):
    """Ends the program with a message."""


def main(words: list[str], usage: str) -> int:
    """Exit code of `words`: 0 done, 2 could not, 130 stopped by the user."""
    try:
        return begin(words, usage)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def begin(words: list[str], usage: str) -> int:
    if not words or words[0] not in EXTRAS:
        print(usage)
        return 0 if words and words[0] in ("-h", "--help") else 2
    what, rest = words[0], words[1:]
    if what == "test" and os.environ.get("CI") == "true":
        install_system()
        EXTRAS["test"].append("ci")
    if not installed(what):
        make_venv()
        install(what)
    if what == "demo":
        return start("-m", "swarm", "demo", *rest)
    os.chdir(ROOT)
    for key in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        os.environ.setdefault(key, "dummy")  # no window pops up in a test run
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two workers share the cores: waiting threads must not spin
    return start("-m", "pytest", *(rest or ["-q", "-n", "2", "--dist", "worksteal"]))


def make_venv() -> None:
    """`.venv` with a working Python and pip; one that an interrupted run left half made is made again."""
    if works("-m", "pip", "--version"):
        return
    if works("-c", "0") and works("-m", "ensurepip", "--upgrade"):
        return
    say("Making .venv ...")
    made = run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if made.returncode or not works("-m", "pip", "--version"):
        raise Stop(
            f"Could not make a virtual environment in {VENV}:\n{tail(made.stdout)}\n"
            "On Debian and Ubuntu the modules are a package of their own: sudo apt install python3-venv"
        )


def remembered() -> set[str]:
    """The extras installed for this checkout and this pyproject.toml; "core" stands for the package itself."""
    try:
        mark = json.loads(MARK.read_text())
    except (OSError, ValueError):
        return set()
    return set(mark["extras"]) if mark["digest"] == digest() else set()


def digest() -> str:
    return hashlib.sha256(str(ROOT).encode() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def installed(what: str) -> bool:
    return {"core", *EXTRAS[what]} <= remembered() and works("-c", "import swarm")


def install(what: str) -> None:
    """The checkout, editable, with the extras of `what` and those it already had."""
    say("Installing swarm and its packages into .venv (once; about 250 MB, a minute or two) ...")
    extras = sorted((remembered() | set(EXTRAS[what])) - {"core"})
    failed = pip(extras)
    if failed and what == "demo":
        say("The packages for a window could not be installed here; going on without them (headless).")
        extras = []
        failed = pip(extras)
    if failed:
        raise Stop(
            f"The packages could not be installed:\n{failed}\n"
            "Offline? They come from the package index pip is set to use: connect once and start again; after that no\n"
            "network is needed. Behind a proxy: set HTTPS_PROXY. No matching wheel? Use Python 3.11 to 3.13, 64 bit."
        )
    MARK.write_text(json.dumps({"digest": digest(), "extras": ["core", *extras]}))


def pip(extras: list[str]) -> str:
    """Install with these extras; what went wrong, or nothing."""
    target = f".[{','.join(extras)}]" if extras else "."
    result = run([str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", target], cwd=ROOT)
    return tail(result.stdout) or "pip failed without a word" if result.returncode else ""


def install_system() -> None:
    """In CI on Debian, as root: the system packages that are missing. Never fatal; tests say what they miss."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    state = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *SYSTEM]).stdout
    there = {line.split()[0] for line in state.splitlines() if line.endswith(" installed")}
    missing = [name for name in SYSTEM if name not in there]
    if not missing:
        return
    say("Installing system packages: {} ...".format(" ".join(missing)))
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    if run(install).returncode:  # the package lists may be missing or old
        run(["apt-get", "update", "-q"])
        result = run(install)
        if result.returncode:
            say("They could not be installed; tests that need them are skipped.\n" + tail(result.stdout))


def start(*arguments: str) -> int:
    """Hand over to the Python of `.venv`."""
    command = [str(PYTHON), *arguments]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child got it too and ends by itself
            continue


def works(*arguments: str) -> bool:
    return PYTHON.exists() and run([str(PYTHON), *arguments]).returncode == 0


def run(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end; what it printed, both streams together, is in `stdout`."""
    try:
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=cwd
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, str(error))


def tail(text: str) -> str:
    return "\n".join("    " + line for line in text.strip().splitlines()[-12:])


def say(text: str) -> None:
    print(text, flush=True)
