"""What is offered to turn a setting: its kind, bounds and scale, from what the scene declares."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from swarm import scenes
from swarm.scenes import SHIPPED, settings_of
from swarm.scenes.knobs import knobs
from swarm.scenes.tune import tunable


@dataclass(frozen=True)
class Settings:
    agents: Annotated[int, Meta(ge=1)] = 200  # at the start
    share: Annotated[float, Meta(ge=0, le=1, extra={"unit": "1"})] = 0.25
    speed: Annotated[float, Meta(gt=0)] = 3.0
    cost: Annotated[float, Meta(ge=0)] = 0.5
    lean: float = -2.0
    cap: Annotated[int, Meta(ge=1)] | None = None
    wits: bool = True
    mood: Literal["good", "bad"] = "bad"
    name: str = "x"
    cells: tuple[int, int] = (4, 5)


@pytest.fixture
def mine(monkeypatch):
    holder = SimpleNamespace(Settings=Settings, build=None, TUNE=("cost",))
    for module in ("swarm.scenes", "swarm.scenes.knobs", "swarm.scenes.listing"):
        monkeypatch.setattr(f"{module}.load", lambda path: holder)
    return {knob.name: knob for knob in knobs("mine")}


def test_kinds_and_bounds(mine):
    def way(name):
        knob = mine[name]
        return knob.kind, knob.low, knob.high, knob.log

    assert way("agents") == ("whole", 20, 2000, True)
    assert way("share") == ("real", 0, 1, False)
    assert way("speed") == ("real", pytest.approx(0.3), pytest.approx(30), True)
    assert way("cost") == ("real", 0, 2, False)
    assert way("lean") == ("real", -8, 8, False)
    assert way("cap") == ("whole", 1, 2000, True)
    assert [mine[name].kind for name in ("wits", "mood", "name", "cells")] == ["switch", "choice", "text", "text"]
    assert mine["mood"].choices == ("good", "bad")


def test_what_is_said_of_them(mine):
    assert mine["agents"].meaning == "at the start"
    assert mine["share"].unit == "1"
    assert [name for name, knob in mine.items() if knob.live] == ["cost"]
    assert [name for name, knob in mine.items() if knob.optional] == ["cap"]


@pytest.mark.parametrize("path", SHIPPED)
def test_every_default_lies_within_what_is_offered_and_both_ends_fit(path):
    defaults = settings_of(path)
    for knob in knobs(path):
        if knob.kind not in ("real", "whole"):
            continue
        assert knob.low < knob.high
        if knob.default is not None:
            assert knob.low <= knob.default <= knob.high
            assert knob.default == getattr(defaults, knob.name)
        inside = 0.999 * knob.high if knob.kind == "real" else knob.high  # some may only be approached
        for value in (knob.low, inside):
            scenes.chosen(path, {knob.name: round(value) if knob.kind == "whole" else value})
    assert {knob.name for knob in knobs(path) if knob.live} == set(tunable(path))
