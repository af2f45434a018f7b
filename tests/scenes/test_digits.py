"""The digits scene: its eye, its handwriting, and a crowd that reads what is drawn and walks there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from swarm.backend.device import choose
from swarm.brain.mlp import MLP
from swarm.errors import SettingsError
from swarm.scenes import SceneError, check, digits, digits_eye, digits_school, digits_strokes, repeat, scene
from swarm.scenes.digits import STEADY, Body, Vote, accuracy, votes
from swarm.scenes.digits_picture import CANVAS, CENTRE, FIELDS, RADIUS, SIZE
from tests.scenes.digits_drawn import DRAWN

SMALL = {"agents": 80, "seed": 0}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of brains of our own: what the user has trained is neither read nor written."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits_school, "cache_dir", folder.joinpath)
        yield folder


def run(world, ticks):
    for _ in range(ticks):
        world.step()
    return world


def draw(world, text):
    """A drawing on the wiped canvas, seen and voted on."""
    digits.clear(world)
    world.resources["strokes"] = digits_strokes.segments(digits_strokes.parse(text))
    return votes(run(world, 1))


def ink(text, side=48, pen=digits_strokes.PEN):
    return digits_strokes.rasterise(digits_strokes.segments(digits_strokes.parse(text))[None], side, pen)


# --- the eye ----------------------------------------------------------------------------------------------------------


def test_sampling_is_bilinear():
    image = np.arange(12, dtype=np.float32).reshape(1, 3, 4)[:, :, :3]
    rows, columns = np.float32([[[0, 1.5, 2.5, -1]]]), np.float32([[[0, 0.5, 2, 0]]])
    np.testing.assert_allclose(digits_eye.sample(image, rows, columns)[0, 0], [0, 6.5, 5, 0])


def test_blocks_count_ink():
    image = np.zeros((1, 32, 32), np.float32)
    image[0, 4:8, 8:12] = 1
    image[0, 31, 31] = 1
    counts = digits_eye.blocks(image).reshape(8, 8)
    assert (counts[1, 2], counts[7, 7], counts.sum()) == (16, 1, 17)


def test_a_blank_canvas_is_seen_as_nothing():
    assert not digits_eye.see(np.zeros((2, 48, 48), np.float32)).any()


@pytest.mark.parametrize("digit", range(10))
def test_place_size_pen_and_slant_hardly_matter(digit):
    """The same strokes small in a corner, with another pen, or leaning: counts differ by less than 2 of 16 a block."""
    text = digits_strokes.HANDS[digit][0]
    strokes = digits_strokes.parse(text)
    whole = ink(text, 96)

    def moved(matrix, shift, pen=0.08):
        pieces = digits_strokes.segments([np.float32(s @ np.float32(matrix).T + np.float32(shift)) for s in strokes])
        return digits_eye.see(digits_strokes.rasterise(pieces[None], 96, pen))[0].astype(float) / 255 * 16

    seen = digits_eye.see(whole)[0].astype(float) / 255 * 16
    for other in (
        moved([[0.6, 0], [0, 0.6]], (0.35, 0.05), 0.05),
        moved([[0.8, 0], [0, 0.8]], (0.1, 0.1), 0.10),
        moved([[0.7, -0.2], [0, 0.7]], (0.25, 0.1), 0.06),
    ):
        assert np.abs(other - seen).mean() < 2


def test_every_digit_has_about_as_much_ink():
    x, _ = digits_school.held_out()
    amount = x.astype(float).sum(axis=1) / 255 * 16
    assert abs(np.median(amount) - digits_eye.INKED) < 30


# --- handwriting ------------------------------------------------------------------------------------------------------


def test_rounding_keeps_ends_and_doubled_points():
    stroke = np.float32([[0, 0], [1, 0], [1, 0], [1, 1]])
    line = digits_strokes.rounded(stroke[None])[0]
    np.testing.assert_array_equal(line[[0, -1]], stroke[[0, -1]])
    assert np.abs(line - [1, 0]).sum(axis=1).min() < 1e-6
    bent = digits_strokes.rounded(stroke[None, [0, 1, 3]])[0]
    assert 0.1 < np.abs(bent - [1, 0]).sum(axis=1).min() < 0.5


def test_the_pen_has_gone_so_far():
    pieces = np.float32([[0, 0, 0.3, 0.4], [0.3, 0.4, 0.3, 0.9]])
    assert [digits_strokes.reached(pieces, length) for length in (0, 0.49, 0.51, 0.99, 1.01)] == [0, 0, 1, 1, 2]


def test_a_line_has_the_area_of_a_capsule():
    found = ink("20,50 80,50", 200, 0.1)[0].mean()
    assert found == pytest.approx(0.6 * 0.1 + np.pi * 0.05**2, rel=0.01)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "10,20 x,3", "10,20 101,5", "nan,1 2,2"])
def test_what_is_no_drawing_is_named(text):
    with pytest.raises(SettingsError, match="percents of the canvas"):
        scene("digits", **SMALL, drawing=text)


# --- the crowd --------------------------------------------------------------------------------------------------------


def test_drawn_digits_are_read():
    """Thirty-one drawings that nobody trained on: 30 are read, and nobody votes on a wiped canvas."""
    world = scene("digits", **SMALL)
    read = [draw(world, text).argmax() == digit for digit, texts in DRAWN.items() for text in texts]
    assert len(read) == 31
    assert sum(read) >= 29
    digits.clear(world)
    assert votes(run(world, 1)).sum() == 0


def test_the_promise_is_kept_and_its_breach_is_seen():
    world = run(scene("digits", **SMALL, digit=3), STEADY + 60)
    check(world)
    assert votes(world).argmax() == 3
    table = world.tables["reader"]
    row = int(np.flatnonzero(table.column(Vote.digit) == 3)[0])
    table.column(Body.pos)[row] += 2 * RADIUS
    with pytest.raises(SceneError, match="has read 3"):
        check(world)
    table.column(Body.pos)[row] -= 2 * RADIUS
    table.brains.parameters[:] = 0
    with pytest.raises(SceneError, match="95% are promised"):
        check(world)


def test_mnist_through_the_canvas():
    """Images of other writers, from another country: more than four fifths are read. Needs MNIST's files."""
    if not os.environ.get("SWARM_DATA_DIR"):
        pytest.skip("SWARM_DATA_DIR is not set")
    from swarm.train.data import mnist

    data = mnist(download=False)
    images = data.x_test[:2000].reshape(-1, 28, 28).astype(np.float32) / 255
    assert accuracy(scene("digits", **SMALL), digits_eye.see(images), data.y_test[:2000]) > 0.78


def test_a_crowd_covers_an_area_in_proportion_to_its_votes():
    world = scene("digits", **SMALL, digit=8, hand=4)
    run(world, STEADY + 150)
    unit, table = world.size[0] / SIZE[0], world.tables["reader"]
    vote, pos = table.column(Vote.digit), table.column(Body.pos)
    for digit in np.flatnonzero(votes(world)):
        away = np.linalg.norm(pos[vote == digit] - np.float32(FIELDS[digit]) * unit, axis=1)
        assert away.max() <= RADIUS * unit * np.sqrt((vote == digit).mean()) * 1.02


def test_a_wiped_canvas_sends_everybody_home():
    world = run(scene("digits", **SMALL, digit=0), 200)
    table = world.tables["reader"]
    start = np.linalg.norm(table.column(Body.pos) - table.column(Body.home), axis=1).mean()
    digits.clear(world)
    run(world, 500)
    assert np.linalg.norm(table.column(Body.pos) - table.column(Body.home), axis=1).max() < 0.05 * start
    assert (table.column(Vote.digit) == -1).all()
    homes = np.abs(table.column(Body.home) / (world.size[0] / SIZE[0]) - np.float32(CENTRE)).max(axis=1)
    assert homes.min() > CANVAS / 2


def test_the_scene_writes_pi_until_somebody_draws():
    world = scene("digits", **SMALL, every=1.0)
    seen = []
    for _ in range(4):
        run(world, 59)
        seen.append(world.resources["turn"])
    assert seen == [0, 1, 2, 3]
    unit = world.size[0] / SIZE[0]
    assert digits.pointer(world, (CENTRE[0] * unit, CENTRE[1] * unit), "press", 1)
    assert not len(world.resources["script"])
    run(world, 120)
    assert world.resources["turn"] == -2
    assert len(world.resources["strokes"]) == 1


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_mouse_and_keys(backend):
    world = scene("digits", **SMALL, backend=backend)
    unit = world.size[0] / SIZE[0]

    def mouse(x, y, phase, button=1):
        at = (CENTRE[0] + (x - 0.5) * CANVAS) * unit, (CENTRE[1] - (y - 0.5) * CANVAS) * unit
        return digits.pointer(world, at, phase, button)

    assert mouse(0.5, 0.1, "press")
    for y in np.linspace(0.1, 0.9, 17):
        mouse(0.5, float(y), "drag")
    assert mouse(2.0, 0.9, "release")
    run(world, 2)
    np.testing.assert_allclose(world.resources["strokes"][-1, 2:], [0.5, 0.9], atol=1e-6)
    assert votes(world).argmax() == 1
    assert not mouse(1.2, 0.5, "press")  # beside the canvas the mouse pans
    assert not mouse(0.5, 0.5, "press", 2)
    assert mouse(1.2, 0.5, "press", 3)  # the right button wipes
    run(world, 1)
    assert votes(world).sum() == 0
    assert digits.key(world, "7") == "a 7"
    assert votes(run(world, 150)).argmax() == 7
    assert digits.key(world, "c").startswith("wiped")
    assert [digits.key(world, "n") for _ in range(3)] == ["a 1", "a 4", "a 1"]
    assert digits.key(world, "x") == digits.key(world, " ") == ""


# --- same seed, same run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["again", "threads", "permuted", "saved"])
def test_it_repeats(way):
    """The same hashes again, on one thread, permuted, saved and loaded while the pen is writing. (Another process has
    another cache of brains; several worlds would share one canvas, which the scene does not offer.)"""
    assert way in repeat.ways("cpu")
    _, finding = repeat.compare("digits", SMALL | {"backend": "cpu", "digit": 5}, 40, way)
    assert finding is None


def test_the_reference_votes_alike():
    one, two = (scene("digits", **SMALL, digit=9, backend=backend) for backend in ("cpu", "reference"))
    run(one, 100), run(two, 100)
    assert np.abs(votes(one) - votes(two)).sum() <= 2
    away = one.tables["reader"].column(Body.pos) - two.tables["reader"].column(Body.pos)
    assert np.median(np.abs(away)) < 1e-3


def test_brains_are_trained_once(tmp_path: Path, monkeypatch):
    """Once for the same settings, anew when the file is torn, and every time where nothing can be written."""
    x, y = digits_school.held_out()
    lessons = []

    def samples(*arguments):
        lessons.append(arguments)
        return x, y

    def taught():
        return digits_school.taught(MLP((64, 16, 10)), 3, choose("cpu"), epochs=1, seed=3, data="digits").parameters

    monkeypatch.setattr(digits_school, "samples", samples)
    monkeypatch.setattr(digits_school, "cache_dir", tmp_path.joinpath)
    first = taught()
    np.testing.assert_array_equal(taught(), first)
    assert lessons == [(3, "digits")]
    (file,) = tmp_path.glob("digits/*")
    file.write_bytes(b"torn")
    np.testing.assert_array_equal(taught(), first)
    np.testing.assert_array_equal(taught(), first)
    assert len(lessons) == 2
    monkeypatch.setattr(digits_school, "cache_dir", lambda *parts: Path(os.devnull).joinpath(*parts))
    np.testing.assert_array_equal(taught(), first)
    assert len(lessons) == 3


@pytest.mark.parametrize(
    ("values", "text"), [({"digit": 10}, "digit"), ({"agents": 0}, "agents"), ({"data": "x"}, "data")]
)
def test_bad_settings_are_named(values, text):
    with pytest.raises(SettingsError, match=text):
        scene("digits", **SMALL | values)
