"""`swarm mgrit`: what it prints and writes, and the published tables it stands beside."""

from __future__ import annotations

import json

import pytest

from swarm.cli import call
from swarm.train.mgrit import published, speedup
from swarm.train.mgrit.command import Asked, solve
from swarm.train.mgrit.problems import xor


def test_a_run_stands_beside_the_published_one(capsys, tmp_path):
    path = tmp_path / "run.json"
    assert call(["mgrit", "xor", "--steps", "100", "--backend", "reference", "--json", str(path)]) == 0
    assert "published 6, repeated 7" in capsys.readouterr().out
    facts = json.loads(path.read_text())
    assert (facts["problem"], facts["iterations"], facts["published"], facts["repeated"]) == ("xor", 5, 6, 7)


def test_the_table_and_the_picture(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    path, picture = tmp_path / "table.json", tmp_path / "residuals.png"
    words = ["mgrit", "xor", "--table", "--steps", "100", "--backend", "reference"]
    assert call([*words, "--json", str(path), "--plot", str(picture)]) == 0
    assert "0 counts are further" in capsys.readouterr().out
    found = {entry["row"]: entry["iterations"] for entry in json.loads(path.read_text())["iterations"]}
    assert list(found.values()) == [14, 5, 5, 5, 11, 11]  # published: 14, 6, 6, 5, 10, 10
    assert picture.stat().st_size > 1000


def test_several_seeds(capsys, tmp_path):
    path = tmp_path / "seeds.json"
    assert call(["mgrit", "xor", "--steps", "40", "--seeds", "3", "--backend", "reference", "--json", str(path)]) == 0
    assert len(json.loads(path.read_text())["spread"]) == 3


def test_errors_are_told(capsys):
    assert call(["mgrit", "xor", "--steps", "0"]) == 2
    assert "steps = 0" in capsys.readouterr().err
    assert call(["mgrit", "nand"]) == 2


def test_speedup_counts_and_projects():
    asked = Asked(cycle="V", backend="reference", max_rate=8.0)
    found = speedup.measure(lambda **other: solve(xor(), asked, **other), [40], lanes=(4, 0), rounds=1)
    assert [run.lanes for run in found] == [4, 0]
    for run in found:
        facts = json.loads(json.dumps(run.facts()))
        assert facts["largest_difference"] < 1e-6
        assert facts["speedup"] == run.serial / run.seconds > 0
        assert facts["projected"]["all"] == 40 / run.report.path() == facts["steps"] / facts["critical_path"]
        assert facts["speedup_from_launches"] > 0
    assert found[0].report.path(4) > found[1].report.path()
    assert speedup.table(found).row_count == 2


def test_published_rows():
    for rows in published.TABLES.values():
        for row in rows:
            assert len(row.steps) == len(row.iterations)
    row = published.row_of("xor", "two-level", "naive", 1.0)
    assert row is not None
    assert (row.published(1600), row.published(6400), row.published(50), row.repeated(100)) == (40, None, None, None)
    assert published.row_of("xor", "W", "naive", 1.0) is None
