"""How long `import swarm` and `swarm --help` take above an empty interpreter, in turns: python tools/startup.py"""

from __future__ import annotations

import subprocess
import sys

from swarm.bench import harness

CODE = {
    "empty interpreter": "",
    "import swarm": "import swarm",
    "swarm --help": "from swarm.cli import call; call(['--help'])",
}


def job(code: str):
    """A job that starts a fresh interpreter with this code and waits for it."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print medians, and what is above the empty interpreter, in milliseconds."""
    times = harness.interleave({name: job(code) for name, code in CODE.items()}, repeats=21)
    empty = times["empty interpreter"].median
    for name, timing in times.items():
        above = (timing.median - empty) * 1e3
        print(f"{name:<18} {timing.median * 1e3:7.1f} ms, {above:6.1f} above an empty interpreter")


if __name__ == "__main__":
    main()
