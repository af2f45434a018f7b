"""The command `swarm`: wiring only. Each command's body lives in its room and is imported when it is called."""

from __future__ import annotations


def main() -> None:
    raise SystemExit(2)
