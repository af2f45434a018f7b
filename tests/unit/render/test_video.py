"""Recordings, decoded again: as many frames as were added, in the right size, place and colour; and files that play
although the process was killed, the window resized, the disk full or the folder missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from swarm.errors import ExtraError, SaveError, SettingsError
from swarm.render import video
from swarm.render.video import Video
from tests.image.conftest import need

ROOT = Path(__file__).resolve().parents[3]
GROUND, BODY = (18, 21, 27), (243, 178, 103)


@pytest.fixture(autouse=True)
def _pyav():
    need(importlib.util.find_spec("av"), 'PyAV is not installed: pip install "swarm-engine[video]"')


def picture(k: int = 0, width: int = 160, height: int = 120) -> np.ndarray:
    """A ground with a square of 40 px whose left edge is at 2 k."""
    image = np.full((height, width, 3), GROUND, np.uint8)
    image[20:60, 2 * k : 2 * k + 40] = BODY
    return image


def decoded(path: Path) -> np.ndarray:
    """All frames, uint8 [T, height, width, 3]."""
    import av

    with av.open(str(path)) as file:
        frames = [f.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray() for f in file.decode(video=0)]
    return np.stack(frames)


def near(pixel: np.ndarray, colour: tuple[int, int, int], tolerance: int = 6) -> bool:
    return bool((np.abs(pixel.astype(int) - colour) <= tolerance).all())


def test_every_frame_comes_back_in_its_place_and_colour(tmp_path):
    path = tmp_path / "a.mp4"
    with Video(path, (160, 120), fps=25) as recording:
        for k in range(60):
            recording.add(picture(k))
    frames = decoded(path)
    assert frames.shape == (60, 120, 160, 3)
    for k in (0, 17, 59):
        assert near(frames[k, 40, 2 * k + 20], BODY)
        assert near(frames[k, 40, (2 * k + 100) % 160 if k < 30 else 20], GROUND)
        assert near(frames[k, 100, 80], GROUND)


def test_the_rate_is_constant_and_the_length_follows(tmp_path):
    import av

    with Video(tmp_path / "a.mp4", (64, 64), fps=20) as recording:
        for k in range(30):
            recording.add(picture(k % 8, 64, 64))
        assert recording.seconds == 1.5
    with av.open(str(tmp_path / "a.mp4")) as file:
        times = [frame.pts * frame.time_base for frame in file.decode(video=0)]
        assert float(file.duration / av.time_base) == pytest.approx(1.5, abs=0.01)
    assert np.diff(times).astype(float) == pytest.approx([1 / 20] * 29)


def test_an_odd_size_loses_its_last_row_and_column(tmp_path):
    with Video(tmp_path / "a.mp4", (161, 121)) as recording:
        recording.add(picture(3, 161, 121))
    frames = decoded(tmp_path / "a.mp4")
    assert frames.shape == (1, 120, 160, 3)
    assert near(frames[0, 40, 26], BODY)


def test_frames_of_another_size_are_fitted_with_black_beside_them(tmp_path):
    """A square picture in a wide one: 120 px in the middle, 20 px of black on both sides."""
    with Video(tmp_path / "a.mp4", (160, 120)) as recording:
        recording.add(picture(0))
        recording.add(np.full((240, 240, 3), BODY, np.uint8))
    frames = decoded(tmp_path / "a.mp4")
    assert frames.shape == (2, 120, 160, 3)
    assert near(frames[1, 60, 80], BODY)
    assert near(frames[1, 3, 80], BODY)
    assert near(frames[1, 60, 8], (0, 0, 0))
    assert near(frames[1, 60, 151], (0, 0, 0))


def test_a_block_that_fails_leaves_a_file_that_plays(tmp_path):
    recording = Video(tmp_path / "a.mp4", (160, 120))

    def interrupted():
        with recording:
            for k in range(10):
                recording.add(picture(k))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(decoded(tmp_path / "a.mp4")) == 10
    recording.close()  # twice is once
    assert len(decoded(tmp_path / "a.mp4")) == 10


def test_a_killed_process_leaves_a_file_that_plays(tmp_path):
    code = f"""if True:
        import os
        from swarm.render.video import Video
        from tests.unit.render.test_video import picture
        recording = Video({str(tmp_path / "a.mp4")!r}, (160, 120), fps=30)
        for k in range(150):
            recording.add(picture(k % 50))
        os._exit(9)"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60
    )
    assert done.returncode == 9
    frames = decoded(tmp_path / "a.mp4")
    assert 60 <= len(frames) <= 150  # all but the last seconds
    assert near(frames[10, 40, 40], BODY)


def test_the_next_best_encoder_is_taken(tmp_path, monkeypatch):
    import av

    monkeypatch.setattr(video, "ENCODERS", ("no such encoder", "mpeg4"))
    with Video(tmp_path / "a.mp4", (160, 120)) as recording:
        for k in range(5):
            recording.add(picture(k))
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.streams.video[0].codec_context.name == "mpeg4"
    assert near(decoded(tmp_path / "a.mp4")[4, 40, 28], BODY, tolerance=12)


def test_a_recording_without_a_frame_leaves_no_file(tmp_path):
    Video(tmp_path / "a.mp4", (160, 120)).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "words"), [("no/where/a.mp4", "cannot be written"), (".", "is a folder")])
def test_a_path_that_cannot_be_written_is_refused_before_anything_is_drawn(tmp_path, name, words):
    with pytest.raises(SaveError, match=words):
        Video(tmp_path / name, (160, 120))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
def test_a_full_disk_is_named_with_its_remedy():
    def fill():
        with Video("/dev/full", (160, 120)) as recording:
            for k in range(300):
                recording.add(picture(k % 50))

    with pytest.raises(SaveError, match="free some space"):
        fill()


@pytest.mark.parametrize(("size", "fps"), [((8, 100), 30), ((100, 9000), 30), ((100, 100), 0), ((100, 100), -5)])
def test_sizes_and_rates_that_no_video_has(tmp_path, size, fps):
    with pytest.raises(SettingsError):
        Video(tmp_path / "a.mp4", size, fps)


def test_without_pyav_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ExtraError, match=r"swarm-engine\[video\]"):
        Video(tmp_path / "a.mp4", (160, 120))
