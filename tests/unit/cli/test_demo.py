"""swarm demo without a screen: statistics, an end, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarm import cli, demo
from swarm.errors import BackendError
from swarm.world import World

SMALL = ["demo", "foragers", "--agents", "200", "--seed", "1", "--backend", "reference"]


def test_headless_runs_to_its_end(capsys: pytest.CaptureFixture[str]):
    assert cli.call([*SMALL, "--ticks", "5", "--headless"]) == 0
    assert "tick 5" in capsys.readouterr().out


def test_without_a_screen_it_goes_on_with_statistics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def no_screen(*_: object, **__: object) -> None:
        raise BackendError("window: there is no display.")

    monkeypatch.setattr("swarm.render.window.watch", no_screen)
    monkeypatch.setattr(demo, "PIPED_TICKS", 4)
    assert cli.call(SMALL) == 0
    told = capsys.readouterr()
    assert "there is no display" in told.err
    assert "Going on with live statistics" in told.err
    assert "stopping after 4 ticks" in told.out
    assert "tick 4" in told.out


def test_a_recording_without_a_screen_is_refused_and_not_forgotten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    def no_screen(*_: object, **__: object) -> None:
        raise BackendError("window: there is no display. Remedy: --headless.")

    monkeypatch.setattr("swarm.render.window.watch", no_screen)
    assert cli.call([*SMALL, "--ticks", "2", "--record", str(tmp_path / "a.html")]) == 2
    told = capsys.readouterr()
    assert "there is no display" in told.err
    assert "tick" not in told.out


def test_ctrl_c_ends_a_recording_early_and_says_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    step = World.step

    def stopped(world: World) -> None:
        if world.tick == 3:
            raise KeyboardInterrupt
        step(world)

    monkeypatch.setattr(World, "step", stopped)
    path = tmp_path / "a.html"
    assert cli.call([*SMALL, "--headless", "--record", str(path)]) == 130
    told = capsys.readouterr().err
    assert "Stopped. ticks 0 to 3 are in" in told.replace("\n", " ")
    assert path.read_text().rstrip().endswith("</html>")


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["--zoom", "nan"], "--zoom nan"), (["--zoom", "0"], "--zoom 0"), (["--screenshot", "."], "this is a folder")],
)
def test_what_does_not_fit_is_refused_before_the_run(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]):
    assert cli.call([*SMALL, *words]) == 2
    told = capsys.readouterr()
    assert reason in told.err
    assert "tick" not in told.out


def test_a_picture_into_nowhere_is_refused_before_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.call([*SMALL, "--screenshot", str(tmp_path / "no" / "p.png")]) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.image
def test_a_picture_is_drawn(tmp_path: Path):
    pytest.importorskip("moderngl")
    from swarm.render import context

    try:
        context.headless().release()
    except BackendError as error:
        pytest.skip(str(error))
    picture = tmp_path / "p.png"
    assert cli.call([*SMALL, "--ticks", "2", "--screenshot", str(picture)]) == 0
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
