"""`swarm bench pairs`: validated rows, and a wrong sum is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from swarm import cli
from swarm.bench import harness, pairs

SMALL = ["bench", "pairs", "--backend", "reference", "--agents", "60", "--repeats", "3"]


def test_a_row_for_the_sense_and_each_rule(tmp_path: Path):
    path = tmp_path / "p.json"
    assert cli.call([*SMALL, "--neighbours", "6", "--json", str(path)]) in (0, None)
    rows = json.loads(path.read_text())["rows"]
    assert [row["rule"] for row in rows] == ["8 sectors", *pairs.RULES]
    assert rows[0]["ratio"] == 1
    assert rows[0]["mean"] == pytest.approx(6, rel=0.4)
    assert all(row["median_ms"] > 0 for row in rows)


def test_a_wrong_sum_is_refused(monkeypatch: pytest.MonkeyPatch):
    compute = pairs.pair(radius=1)(lambda distance: distance).compute.__func__

    def wrong(self, *args):
        return compute(self, *args) + np.float64(0.1)

    monkeypatch.setattr("swarm.stages.pair.Pair.compute", wrong)
    with pytest.raises(harness.Invalid, match="crowding"):
        pairs.rows(60, 6, 0, pairs.device.choose("reference"), 3)


def test_no_neighbours_are_refused(capsys: pytest.CaptureFixture):
    assert cli.call([*SMALL, "--neighbours", "0"]) == 2
    assert "above 0" in capsys.readouterr().err
