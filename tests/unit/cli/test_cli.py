"""The command line: exit codes, one clear message, no traceback."""

from __future__ import annotations

import sys

import pytest

from swarm import cli
from swarm.errors import BackendError, SettingsError
from swarm.options import Scene


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.call(words)
    return code, " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"], ["bench", "think", "--help"], ["--version"], []])
def test_help_and_version(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.call(words) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dmo"], 'Unknown command "dmo". Did you mean "demo"?'),
        (["bench", "tink"], 'Did you mean "think"?'),
        (["demo", "--agnts", "3"], "Did you mean --agents?"),
        (["demo", "--agents", "x"], "--agents"),
        (["run", "foragers"], "--ticks"),
        (["run", "--ticks", "10"], "Which scene?"),
        (["run", "foragers", "--ticks", "-1"], "0 or later"),
        (["run", "foragers", "--ticks", "10", "--every", "5"], "Add --save F"),
        (["run", "foragers", "--ticks", "10", "--save", "no/such/folder/f"], "does not exist"),
        (["run", "--resume", "f", "--ticks", "10", "--seed", "3"], "leave out: seed"),
        (["demo", "--set", "agents"], "key=value"),
        (["demo", "--ticks", "-3"], "0 or more"),
        (["demo", "--config", "no.toml"], "Cannot read the settings file"),
        (["bench", "think", "--layers", "16"], "not an architecture"),
        (["bench", "think", "--agents", "0"], "positive whole number"),
        (["bench", "think", "--aged", "-1"], "--aged -1: give 0 or more"),
        (["bench", "spawn", "--changes", "0"], "--changes 0: give 1 or more"),
        (["bench", "tick", "--ticks", "0"], "--ticks 0: give 1 or more"),
        (["bench", "neighbours", "--neighbours", "0"], "above 0"),
        (["bench", "tick", "--scene", "forager"], "Did you mean 'foragers'?"),
        (["plan", "--roof", "0"], "above 0"),
        (["demo", "forager"], "Did you mean 'foragers'?"),
        (["demo", "foragers", "--set", "agnets=4"], "Did you mean 'agents'?"),
        (["demo", "foragers", "--backend", "gpu"], "unknown"),
        (["plan", "forager"], "Did you mean 'foragers'?"),
        (["check", "forager"], "Did you mean 'foragers'?"),
    ],
)
def test_mistakes_are_told_with_exit_code_2(words: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    code, text = told(capsys, *words)
    assert code == 2
    assert message in text
    assert "Traceback" not in text


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raises(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("swarm.info.command", raises)


def test_a_swarm_error_is_a_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    fail_with(monkeypatch, BackendError("No GPU [here]. Use --backend cpu."))
    code, text = told(capsys, "info")
    assert (code, text) == (2, "Error No GPU [here]. Use --backend cpu.")


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    fail_with(monkeypatch, KeyboardInterrupt("Saved at tick 7."))
    code, text = told(capsys, "info")
    assert (code, text) == (130, "Stopped. Saved at tick 7.")


def test_out_of_memory_names_the_remedy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    fail_with(monkeypatch, MemoryError())
    code, text = told(capsys, "info")
    assert code == 2
    assert "swarm plan" in text


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    fail_with(monkeypatch, ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        cli.call(["info"])


def test_main_leaves_with_the_code(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["swarm", "dmo"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2


def test_options_go_over_set_and_set_over_the_file(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("agents = 1\nseed = 1\nplants = 1\n")
    given = Scene(agents=3, set=("agents=2", "seed=2"), config=file)
    assert given.values() == {"agents": 3, "seed": "2", "plants": 1}


def test_an_error_in_a_tick_names_its_system(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def broken(*_: object) -> None:
        raise SettingsError("this number cannot be")

    monkeypatch.setattr("swarm.world.barrier", broken)
    words = ["demo", "foragers", "--agents", "20", "--backend", "reference", "--ticks", "1", "--headless"]
    assert told(capsys, *words) == (2, "Error this number cannot be in system 'barrier' at tick 0")
