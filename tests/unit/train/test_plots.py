"""Pictures of a run: what is drawn, that files are whole, what is refused."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest

from swarm import MLP, Brains
from swarm.errors import DataError, ExtraError, SaveError, SettingsError
from swarm.train import plots
from swarm.train.report import Report

pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plot`")

rng = np.random.default_rng(8)
FILES = [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")]
WIDTHS = [1, 1, 2, 4, 40, 40]


def run(epochs: int = 4, accuracy: bool = True, n: int = 6, mixed: bool = True) -> Report:
    mlps = [MLP((5, WIDTHS[k % 6], 3)) for k in range(n)]
    brains = Brains(mlps if mixed else MLP((5, 3)), None if mixed else n, init="zeros", backend="reference")
    report = Report(brains, np.ones(n), epochs=epochs)
    report.training_curve = rng.random((epochs, n))
    if accuracy:
        report.validation_accuracy_curve = rng.random((epochs, n))
    return report


@pytest.fixture
def drawn(monkeypatch) -> dict[str, Any]:
    """The axes of the latest picture."""
    seen: dict[str, Any] = {}

    def spy(draw: Any) -> Any:
        def drawing(axes: Any, *rest: Any) -> None:
            draw(axes, *rest)
            seen["axes"] = axes

        return drawing

    monkeypatch.setattr(plots, "KINDS", {kind: spy(draw) for kind, draw in plots.KINDS.items()})
    return seen


@pytest.mark.parametrize("kind", plots.KINDS)
@pytest.mark.parametrize(("suffix", "magic"), FILES)
def test_files_are_whole(tmp_path, kind, suffix, magic):
    run().plot(tmp_path / f"a.{suffix}", kind)
    assert (tmp_path / f"a.{suffix}").read_bytes().startswith(magic)
    assert os.listdir(tmp_path) == [f"a.{suffix}"]


@pytest.mark.parametrize("kind", plots.KINDS)
@pytest.mark.parametrize("accuracy", [True, False])
@pytest.mark.filterwarnings("error")
def test_hard_cases_draw_without_a_warning(tmp_path, kind, accuracy):
    for report in (run(1, accuracy), run(3, accuracy, n=1), run(2, accuracy, n=200), run(3, accuracy, mixed=False)):
        report.plot(tmp_path / "a.png", kind)
    report = run(3, accuracy)
    report.training_curve[1:, :2] = np.nan
    report.training_curve[:2] = np.inf
    report.plot(tmp_path / "a.png", kind)


def test_every_network_is_counted(tmp_path, drawn):
    report = run()
    assert report.validation_accuracy_curve is not None
    report.plot(tmp_path / "a.png")
    axes = drawn["axes"]
    assert sum(bar.get_height() for bar in axes.patches) == 6
    assert axes.get_xlabel() == "validation accuracy"
    assert axes.lines[0].get_xdata()[0] == np.median(report.validation_accuracy_curve[-1])
    report.plot(tmp_path / "a.png", values=[0.1, 0.2, np.nan, 0.4, 0.5, 0.6], name="test accuracy")
    axes = drawn["axes"]
    assert sum(bar.get_height() for bar in axes.patches) == 5
    assert axes.get_title("left").startswith("5 networks (1 diverged); line: median 40.0%, best 60.0%")
    assert axes.get_xlabel() == "test accuracy"


def test_width_is_the_number_of_hidden_units(tmp_path, drawn):
    report = run(accuracy=False)
    report.plot(tmp_path / "a.png", "width")
    axes = drawn["axes"]
    dots = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_array_equal(dots[:, 0], WIDTHS)
    np.testing.assert_array_equal(dots[:, 1], report.training_loss)
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 4, 40])
    assert (axes.get_xscale(), axes.get_ylabel()) == ("log", "training loss")


def test_curves_show_the_median_and_the_best(tmp_path, drawn):
    report = run(5, n=50)
    curve = report.validation_accuracy_curve
    assert curve is not None
    report.plot(tmp_path / "a.png", "curves")
    middle, best = (line.get_ydata() for line in drawn["axes"].lines)
    np.testing.assert_allclose(middle, np.median(curve, axis=1))
    np.testing.assert_array_equal(best, curve[:, curve[-1].argmax()])
    report.plot(tmp_path / "a.png", "curves", values=report.training_curve, name="loss")
    assert drawn["axes"].get_ylabel() == "loss"


def test_what_is_refused(tmp_path, monkeypatch):
    report = run()
    with pytest.raises(SettingsError, match=r"'widths' is unknown\. Did you mean 'width'"):
        report.plot(tmp_path / "a.png", "widths")
    with pytest.raises(SettingsError, match=r"End its name with \.png"):
        report.plot(tmp_path / "a.txt")
    with pytest.raises(SettingsError, match=r"shape \[5\], 'distribution' takes \[6\]"):
        report.plot(tmp_path / "a.png", values=np.ones(5))
    with pytest.raises(SettingsError, match=r"'curves' takes \[epochs, 6\]"):
        report.plot(tmp_path / "a.png", "curves", values=np.ones(6))
    with pytest.raises(DataError, match="every brain has diverged"):
        report.plot(tmp_path / "a.png", values=np.full(6, np.nan))
    with pytest.raises(DataError, match="no epoch is finished"):
        Report(report.brains, np.ones(6)).plot(tmp_path / "a.png")
    with pytest.raises(SaveError, match="Cannot write"):
        report.plot(tmp_path / "none" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ExtraError, match=r"pip install 'swarm-engine\[plot\]'"):
        report.plot(tmp_path / "a.png")
    assert not os.listdir(tmp_path)
