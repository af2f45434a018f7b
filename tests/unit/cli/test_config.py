"""Settings from text: conversion, and what wrong ones are told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from swarm import config
from swarm.errors import SettingsError


@dataclass(frozen=True)
class Settings:
    agents: int = 3
    size: tuple[float, float] = (1.0, 2.0)
    limit: float | None = 0.5
    dtype: Literal["float32", "bfloat16"] = "float32"
    torus: bool = True


def test_text_becomes_what_the_field_is():
    made = config.settings(
        Settings, {"agents": "7", "size": "3,4.5", "limit": "none", "dtype": "bfloat16", "torus": "false"}
    )
    assert made == Settings(7, (3.0, 4.5), None, "bfloat16", False)


def test_typed_values_pass_through():
    assert config.settings(Settings, {"agents": 7, "size": (3.0, 4.0)}) == Settings(7, (3.0, 4.0))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"agnets": 1}, "scene 'x' has no setting 'agnets'. Did you mean 'agents'?"),
        ({"qqqqqqq": 1}, "Known: agents, dtype, limit, size, torus."),
        ({"agents": "many"}, "scene 'x': setting 'agents' does not fit"),
        ({"agents": 1.5}, "setting 'agents' does not fit"),
        ({"size": "1,2,3"}, "setting 'size' does not fit"),
        ({"dtype": "float16"}, "setting 'dtype' does not fit"),
    ],
)
def test_wrong_settings_are_named(values: dict, told: str):
    with pytest.raises(SettingsError) as error:
        config.settings(Settings, values, "scene 'x'")
    assert told in str(error.value)


def test_pairs():
    assert config.pairs(["a=1", "b = x=y"]) == {"a": "1", "b": "x=y"}


@pytest.mark.parametrize("word", ["a", "=1", "  =2"])
def test_a_pair_without_key_or_value_is_refused(word: str):
    with pytest.raises(SettingsError, match="key=value"):
        config.pairs([word])


def test_toml(tmp_path: Path):
    file = tmp_path / "s.toml"
    file.write_text("agents = 9\nsize = [1.0, 2.0]\n")
    assert config.settings(Settings, config.load_toml(file)) == Settings(9, (1.0, 2.0))
    file.write_text("agents = = 9")
    with pytest.raises(SettingsError, match="not a TOML file"):
        config.load_toml(file)
    with pytest.raises(SettingsError, match="Cannot read"):
        config.load_toml(tmp_path / "none.toml")


def test_cache_goes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SWARM_CACHE_DIR", str(tmp_path))
    assert config.cache_dir("a", "b") == tmp_path / "a" / "b"


@pytest.mark.parametrize("home", ["", "/nowhere/that/exists", "/"])
def test_cache_without_a_home_is_a_place_one_can_write_to(home: str, monkeypatch: pytest.MonkeyPatch):
    for name in ("SWARM_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(config.os, "access", lambda path, mode: str(path) != "/")
    assert "swarm" in str(config.cache_dir())
    assert not str(config.cache_dir()).startswith(("/nowhere", "/.cache"))
