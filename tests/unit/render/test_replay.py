"""The writer of replays: one file below its limit whatever is recorded, whole or not at all, and read back it is the
world that was."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

import swarm
from swarm.errors import SaveError, SettingsError
from swarm.look import Look
from swarm.render.replay import ReplayWriter, minds, motion, packing, writer
from tests.image.replayed import LOOKS, SIZE, Body, Energy, Mind, scene, world

NAMES = [look.table for look in LOOKS]


class File:
    """The pieces of a replay."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        found = re.findall(
            r'<script type="(?:text/plain|application/json)" id="([^"]+)">(.*?)</script>', self.text, re.S
        )
        self.pieces = dict(found)
        self.header = json.loads(self.pieces.pop("header"))

    def data(self, name):
        return base64.b64decode(self.pieces[name])

    def frames(self):
        return [
            frame for k in range(len(self.header["chunks"])) for frame in motion.decode(self.data(f"frames-{k}"), NAMES)
        ]

    def brains(self):
        """Parameters by the owner's id, float16 [P]."""
        ids = packing.joined(packing.unpack(self.data("brains"))["ids"], np.uint64)
        rows = []
        for k, (_, _, count) in enumerate(self.header["brains"]):
            parameters = packing.joined(packing.unpack(self.data(f"brains-{k}"))["parameters"], np.float16)
            rows += list(parameters.reshape(count, -1))
        return dict(zip(ids.tolist(), rows, strict=True))


def record(path, w, ticks, **options):
    """Record so many ticks; what the world was at every tick: ids, places, headings by tick."""
    told = {}
    with ReplayWriter(path, w, scene=scene, looks=LOOKS, **options) as made:
        for tick in range(ticks + 1):
            if tick:
                w.step()
                made.note(w)
            told[w.tick] = w.view(Body.pos, Body.vel, Energy.level)
    return made, told


def test_read_back_it_is_the_world_that_was(tmp_path):
    _, told = record(tmp_path / "a.html", world(), 90, every=3)
    file = File(tmp_path / "a.html")
    frames = file.frames()
    assert [frame.tick for frame in frames] == list(range(0, 91, 3))
    for frame in frames:
        ids, pos, vel, level = told[frame.tick]
        order, rows = np.argsort(ids), frame.tables["walker"]
        np.testing.assert_array_equal(rows.ids, ids[order])
        away = rows.place / 65536 * np.array(SIZE) - pos[order]
        away -= np.round(away / np.array(SIZE)) * np.array(SIZE)
        assert (np.abs(away) <= 0.51 * np.array(SIZE) / 65536).all()
        turn = rows.heading * (2 * np.pi / 256) - np.arctan2(vel[order, 1], vel[order, 0])
        assert (np.abs((turn + np.pi) % (2 * np.pi) - np.pi) <= np.pi / 256 + 1e-6).all()
        assert (np.abs(rows.tint / 255 - np.clip(level[order], 0, 1)) <= 1 / 255).all()
        ripe = np.arange(20) % 3 > 0
        np.testing.assert_array_equal(frame.tables["plant"].strength, 255 * ripe)
    assert file.header["figures"][0]["limits"] == {"walker": [0.0, 1.0]}


def test_everybodys_brain_is_there_once(tmp_path):
    w = world(mutation=swarm.Mutation(sigma=0.1))
    _, told = record(tmp_path / "a.html", w, 120, every=2)
    file = File(tmp_path / "a.html")
    seen = {int(id) for tick, (ids, *_) in told.items() if tick % 2 == 0 for id in ids}
    brains = file.brains()
    assert set(brains) == seen
    assert len(seen) > 12  # children, too
    for id in w.tables["walker"].ids().tolist():
        brain = w.brain(id)
        weights = [part for k in range(2) for part in (brain.weight(k)[0].ravel(), brain.bias(k)[0])]
        np.testing.assert_array_equal(brains[id], np.concatenate(weights).astype(np.float16))
    assert file.header["brainsOneIn"] == 1
    assert file.header["architectures"] == [brain.mlp.describe()]
    assert file.header["minds"]["walker"]["inputs"] == list(Mind.input_labels)


def test_however_long_it_stays_below_its_limit(tmp_path):
    limit = 250_000
    made, told = record(tmp_path / "a.html", world(120), 400, every=1, limit=limit)
    file = File(tmp_path / "a.html")
    assert (tmp_path / "a.html").stat().st_size <= limit
    assert file.header["every"] == made.every > 1
    ticks = [frame.tick for frame in file.frames()]
    assert ticks == [tick for chunk in file.header["chunks"] for tick in chunk]
    assert ticks[0] == 0
    assert set(np.diff(ticks)) == {made.every}
    assert ticks[-1] > 400 - 2 * made.every
    assert len(file.header["figures"]) == len(ticks)
    one_in = file.header["brainsOneIn"]
    brains = file.brains()
    assert all(minds.kept(np.array(list(brains), np.uint64), one_in))
    for frame in file.frames():
        np.testing.assert_array_equal(frame.tables["walker"].ids, np.sort(told[frame.tick][0]))
        stay = frame.tables["walker"].ids[minds.kept(frame.tables["walker"].ids, one_in)]
        assert set(stay.tolist()) <= set(brains)
    for tick in file.header["senses"]:
        assert tick in ticks
        ids = packing.joined(packing.unpack(file.data(f"senses-{tick}"))["walker.ids"], np.uint64)
        everybody = np.sort(told[tick][0])
        np.testing.assert_array_equal(ids, everybody[minds.kept(everybody, one_in)])


def test_half_of_half_of_all_are_kept_fairly():
    ids = (np.arange(1, 40_001, dtype=np.uint64) << np.uint64(32)) | np.arange(40_000, dtype=np.uint64) % np.uint64(3)
    assert minds.kept(ids, 1).all()
    for every in (2, 4, 8):
        here, there = minds.kept(ids, every), minds.kept(ids, every // 2)
        assert abs(here.mean() * every - 1) < 0.05
        assert not (here & ~there).any()


def test_a_world_without_room_for_one_frame_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(SaveError, match="--agents 5000"):
        ReplayWriter(tmp_path / "a.html", world(), looks=LOOKS, limit=60_000).close()
    assert list(tmp_path.iterdir()) == []


def test_too_many_to_begin_with_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "LARGEST", 30)
    with pytest.raises(SettingsError, match=r"32 entities are drawn, 30 at most.*Remedy"):
        ReplayWriter(tmp_path / "a.html", world(), looks=LOOKS)
    with pytest.raises(SettingsError, match="nothing in this world is drawn"):
        ReplayWriter(tmp_path / "a.html", world(), looks=())


@pytest.mark.parametrize("name", ["no/where/a.html", "."])
def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path, name):
    with pytest.raises(SaveError, match="cannot be written"):
        ReplayWriter(tmp_path / name, world(), looks=LOOKS)


def test_a_recording_that_is_interrupted_is_written_all_the_same(tmp_path):
    def interrupted():
        w = world()
        with ReplayWriter(tmp_path / "a.html", w, looks=LOOKS, every=1) as made:
            for _ in range(5):
                w.step()
                made.note(w)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [frame.tick for frame in File(tmp_path / "a.html").frames()] == [0, 1, 2, 3, 4, 5]


def test_ticks_that_were_recorded_before_are_left_out(tmp_path):
    w = world()
    made = ReplayWriter(tmp_path / "a.html", w, looks=LOOKS, every=1)
    w.step()
    assert made.note(w)
    assert not made.note(w)
    w.tick = 0  # as a time machine does
    assert not made.note(w)
    assert made.ticks == [0, 1]


def test_marks_are_stored_when_they_change(tmp_path):
    record(tmp_path / "a.html", world(), 40, every=1)
    file = File(tmp_path / "a.html")
    assert file.header["scenery"] == list(range(41))
    arrays = packing.unpack(file.data("scenery-20"))
    heat, box, text = json.loads(bytes(arrays["marks"]))
    assert (heat["kind"], heat["rows"], heat["columns"], heat["palette"]) == ("heat", 20, 32, "tide")
    assert arrays["heat 0"].reshape(20, 32)[0, 0] == 200
    assert box["at"] == [20, 5]
    assert box["over"]
    assert text["text"] == "<b>north</b>"
    w = world()
    still = ReplayWriter(
        tmp_path / "b.html", w, scene=type("S", (), {"marks": lambda world: (scene.marks(world)[2],)}), every=1
    )
    for _ in range(9):
        w.step()
        still.note(w)
    assert list(still.scenery.sets) == [0]


def test_a_scene_cannot_close_the_page_or_leave_it(tmp_path):
    evil = type("S", (), {"WATCH": "</script><script>alert(1)</script>"})
    look = Look("walker", Body.pos, Body.vel, Energy.level, label="</script>")
    ReplayWriter(tmp_path / "a.html", world(), scene=evil, looks=(look,), title="</title>").close()
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "</script><script>alert" not in text
    assert File(tmp_path / "a.html").header["hint"] == evil.WATCH
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "http" not in re.sub(r'<script type="text/plain".*?</script>', "", text, flags=re.S).replace(
        "http-equiv", ""
    )
