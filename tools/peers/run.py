"""One command for all comparisons: python tools/peers/run.py think|neighbours|flock|wolfsheep [--agents N]"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

PACKAGES = ("numpy", "scipy", "torch", "jax", "mesa")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("think", "neighbours", "flock", "wolfsheep"))
    parser.add_argument("--agents", type=int, help="how many; 100,000 by default, flock 2,000, wolfsheep 10,000")
    parser.add_argument("--layers", default="16-32-4", help="architecture for think")
    parser.add_argument("--threads", type=int, help="threads for everybody; all by default")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()

    from swarm.bench.machine import installed
    from swarm.bench.report import Report
    from swarm.errors import SwarmError

    room = importlib.import_module(f"peer_{words.what}")
    columns = {
        "name": ("name", "s"),
        "median_ms": ("median ms", ".2f"),
        "p99_ms": ("p99", ".2f"),
        "max_ms": ("max", ".2f"),
        "times": ("x ours", ".2f"),
        "error": ("largest difference", ".1e"),
    }
    report = Report(f"peers {words.what}", columns, words.seed)
    try:
        room.compare(words, report)
    except SwarmError as error:
        print(error, file=sys.stderr)
        return 2
    report.settings |= {"versions": installed(*PACKAGES)}
    report.notes.append(", ".join(f"{name} {version}" for name, version in installed(*PACKAGES).items()))
    report.finish(words.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
