"""What a training says of its progress: nothing, lines where nobody looks, a bar where somebody does."""

from __future__ import annotations

import time

import pytest
from rich.console import Console

from swarm.train import progress


def test_silence(capsys):
    with progress.bar(False, 3, 2, 100) as advance:
        advance(0, 50)
    assert capsys.readouterr() == ("", "")


def test_a_line_every_ten_seconds(capsys, monkeypatch):
    now = iter([0.0, 4.0, 10.0, 12.0, 21.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    with progress.bar("population 1/2", 1200, 3, 90_000) as advance:
        for epoch in (0, 0, 1, 2):
            advance(epoch, 15_000)
    assert capsys.readouterr().err.splitlines() == [
        "population 1/2: 1,200 networks, epoch 1/3, 3 k samples/s, 0:00:20 left",
        "population 1/2: 1,200 networks, epoch 3/3, 2.86 k samples/s, 0:00:10 left",
    ]


def test_a_bar_on_a_terminal():
    console = Console(width=80, force_terminal=True, record=True)
    with console.capture() as captured, progress._drawn(console, "1 network", 2, 100) as advance:
        advance(0, 50)
        advance(1, 50)
    assert "1 network, epoch 2/2" in captured.get()
    assert "…" not in captured.get()


@pytest.mark.parametrize(("value", "text"), [(7.0, "7"), (1234.5, "1.23 k"), (2.5e6, "2.5 M"), (7e12, "7e+03 G")])
def test_short_numbers(value, text):
    assert progress._short(value) == text
