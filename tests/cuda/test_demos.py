"""The demos on CUDA: their own systems are array expressions that work on arrays of the device, too."""

from __future__ import annotations

from pathlib import Path

import pytest

DEMOS = Path(__file__).resolve().parents[2] / "demos"


def text(name: str, **smaller: str) -> str:
    """A demo up to where it opens a window, with fewer agents."""
    source = (DEMOS / name).read_text()
    for before, after in smaller.items():
        number = before.removeprefix("_")
        assert number in source
        source = source.replace(number, after)
    return source.partition("if len(sys.argv)")[0].partition("left = int(")[0]


@pytest.mark.parametrize(
    ("name", "smaller"),
    [
        ("foragers.py", {"_2_400": "120", "_1_200": "60"}),
        ("flock.py", {"_3_000": "80"}),
        ("embed.py", {"_1000": "80", "_300": "40"}),
    ],
)
def test_worlds(cuda_device, name, smaller):
    if name == "embed.py":
        pytest.importorskip("pygame")
    made: dict = {"__name__": name}
    exec(compile(text(name, **smaller), name, "exec"), made)
    world = made["world"]
    assert world.backend.name == "cuda"
    for _ in range(5):
        world.step()
    assert world.tick == 5


def test_brains_standing_alone(cuda_device, capsys):
    exec(compile(text("brains.py", _100_000="300"), "brains.py", "exec"), {"__name__": "brains"})
    out = capsys.readouterr().out
    assert "one input, 300 different answers" in out
    assert "the others did not: True" in out
    assert "the answers are the same: True" in out
