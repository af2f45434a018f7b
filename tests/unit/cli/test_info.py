"""swarm info: every question is answered, gaps carry a remedy, a failing question stops no other."""

from __future__ import annotations

import pytest

from swarm import info


def by_topic(found: list[info.Finding]) -> dict[str, list[info.Finding]]:
    topics: dict[str, list[info.Finding]] = {}
    for finding in found:
        topics.setdefault(finding.topic, []).append(finding)
    return topics


def test_all_topics_are_there_and_gaps_have_a_remedy():
    topics = by_topic(info.findings())
    expected = {"package", "processor", "memory", "backends", "threads", "gpu", "window", "caches", "data", "clashes"}
    assert set(topics) == expected
    for finding in (finding for answers in topics.values() for finding in answers):
        assert finding.text
        assert finding.remedy or finding.state != "missing", finding


def test_a_question_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch):
    def broken() -> list[info.Finding]:
        raise OSError("the driver is on fire")

    broken.__name__ = "_gpu"
    monkeypatch.setattr(info, "_gpu", broken)
    topics = by_topic(info.findings())
    assert "on fire" in topics["gpu"][0].text
    assert "clashes" in topics


def test_clashes_are_found(monkeypatch: pytest.MonkeyPatch):
    there = {"pygame": "2.6", "pygame-ce": "2.5", "cupy-cuda12x": "13", "cupy-cuda13x": "13"}
    monkeypatch.setattr(info, "_installed", lambda *names: {name: there[name] for name in names if name in there})
    found = info._clashes()
    assert len(found) == 2
    assert "pip uninstall -y pygame pygame-ce" in found[0].remedy
    assert "cupy-cuda12x cupy-cuda13x" in found[1].remedy


def test_few_threads_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(info.device, "cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert "unset OMP_NUM_THREADS" in [finding.remedy for finding in info._threads()]
