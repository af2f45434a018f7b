"""Does it pay? Serial training against MGRIT on this device, over N and over the lanes, beside the model's prediction.

Both train the same network to the same weights with the same kernel; serial training advances one network, MGRIT as
many as its launches hold. The model counts steps that wait for one another and nothing else, so it is what a device
would reach that advances `lanes` networks in the time of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarm.train.mgrit.problems import PROBLEMS

if TYPE_CHECKING:
    from rich.console import Console


def command(name: str, asked: Any, console: Console) -> dict[str, Any]:
    """Measure and tell; returns plain values for JSON."""
    raise NotImplementedError(name, asked, console, PROBLEMS)
