"""The replay in a real browser, with real clicks and keys: what it shows is what Python recorded, the brains answer as
the engine's do, and nothing is asked of any network."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.render import palette
from swarm.render.replay import ReplayWriter
from tests.image.replayed import LOOKS, SIZE, Body, Energy, Mind, Page, Plant, browser, scene, world

TICKS, EVERY = 140, 2
GRID = np.array(SIZE) / 65536  # m, a step of the stored places


class Told:
    """What the world was at each frame."""

    def __init__(self, w) -> None:
        self.tick = w.tick
        self.walkers, self.pos, self.vel, self.level = w.view(Body.pos, Body.vel, Energy.level)
        self.plants, self.plant_pos = w.view(Plant.pos)[:2]
        table = w.tables["walker"]
        self.parents, self.born = np.array(table.parents), np.array(table.born)
        self.inputs, self.brains = np.array(table.column(Mind.inputs_)), table.brains.clone()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A replay and what it must show."""
    path = tmp_path_factory.mktemp("replay") / "a.html"
    w, told = world(), []
    with ReplayWriter(path, w, scene=scene, looks=LOOKS, title="<walkers>", every=EVERY) as writer:
        told.append(Told(w))
        for _ in range(TICKS):
            w.step()
            if writer.note(w):
                told.append(Told(w))
    assert len(told) == TICKS // EVERY + 1
    return path, told


@pytest.fixture(scope="module")
def chromium():
    with browser() as made:
        yield made


@pytest.fixture
def page(chromium, recorded):
    opened = Page(chromium, recorded[0])
    yield opened
    assert opened.errors == []
    assert opened.requests == [recorded[0].resolve().as_uri()]  # the file itself and nothing else
    opened.page.close()


def places(page, frame, table):
    """ids and places of a table in a frame, as the page has them, in the order of ids."""
    page.ask("player.seek(v[0])", frame)
    rows = page.ask(
        "(() => { const [a, b] = motion.pair(player.index); const t = a.tables[v[0]];"
        " return Array.from(t.ids, (id, k) => [id, ...placeOf(a, b, v[0], k, player.at - player.index)]); })()",
        table,
    )
    rows = np.array(sorted(rows)).reshape(-1, 3)
    return rows[:, 0].astype(np.uint64), rows[:, 1:]


def short(difference):
    """A difference of places, the short way round the torus, m."""
    return (difference + np.array(SIZE) / 2) % np.array(SIZE) - np.array(SIZE) / 2


@pytest.mark.parametrize("frame", [0, 1, 31, 32, 45, 63, 64, 70])
def test_everybody_is_where_python_saw_them(page, recorded, frame):
    told = recorded[1][frame]
    for table, ids, pos in ((0, told.plants, told.plant_pos), (1, told.walkers, told.pos)):
        order = np.argsort(ids)
        found, at = places(page, frame, table)
        np.testing.assert_array_equal(found, ids[order])
        assert (np.abs(short(at - pos[order])) <= 0.51 * GRID).all()
    assert page.page.inner_text("#tick") == f"tick {told.tick}"


def test_between_frames_they_go_the_short_way_round(page, recorded):
    """A quarter of the way from frame 20 to 21: velocities are constant, whether or not the edge is crossed."""
    told = recorded[1][20]
    stay = np.isin(told.walkers, recorded[1][21].walkers)
    assert (np.abs(recorded[1][21].pos[:5] - told.pos[:5]) < 32).any()
    found, at = places(page, 20.25, 1)
    order = np.argsort(told.walkers[stay])
    expected = (told.pos + 0.25 * EVERY / 20 * told.vel)[stay][order]
    assert (np.abs(short(at[np.isin(found, told.walkers[stay])] - expected)) <= 1.1 * GRID).all()


def test_it_plays_pauses_and_goes_back(page):
    page.page.click("#play")
    page.until("player.at > 2")
    page.page.keyboard.press("Space")
    stopped = page.ask("player.at")
    page.page.wait_for_timeout(200)
    assert page.ask("[player.playing, player.at]") == [False, stopped]
    page.page.keyboard.press("ArrowLeft")
    page.until("Number.isInteger(player.at)")
    assert stopped - 1 <= page.ask("player.at") < stopped
    page.page.keyboard.press("End")
    page.until(f"player.at === {TICKS // EVERY}")
    page.until(f"document.getElementById('tick').textContent === 'tick {TICKS}'")  # drawn when it is decoded
    page.page.keyboard.press("]")
    assert page.ask("player.speed") == 2


def test_the_slider_goes_to_the_frame_under_the_mouse(page, recorded):
    box = page.page.locator("#slider").bounding_box()
    page.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 10)
    page.until("player.at > 0")
    frame = page.ask("player.at")
    assert abs(frame - 35) <= 1
    told = recorded[1][int(frame)]
    page.until(f"document.getElementById('tick').textContent === 'tick {told.tick}'")
    row = page.page.locator('[data-table="walker"]')
    assert row.locator(".value").inner_text() == str(len(told.walkers))
    assert page.page.locator('[data-key="more age"] .value').inner_text().strip() == str(told.tick)
    mean = float(page.page.locator('[data-key="mean walker"] .value').inner_text().split()[0])
    assert mean == pytest.approx(float(told.level.mean()), rel=6e-3)


def pixel(page, x, y):
    """Where a place appears on the page, px."""
    return [side / page.ask("devicePixelRatio") for side in page.ask("camera.toPixel(v[0], v[1])", float(x), float(y))]


@pytest.mark.parametrize("way", ["#paused", "#paused,gpu"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_agents_have_their_colours_where_they_are(chromium, recorded, way, scheme):
    """The head of a drop, in the palette's colour of its energy, on the ground's colour: with WebGL and without."""
    page = Page(chromium, recorded[0], way, color_scheme=scheme)
    told = recorded[1][0]
    image = page.pixels().astype(float)
    colours, seen = palette.table("ember", scheme).astype(float), 0
    for pos, vel, level in zip(told.pos, told.vel, told.level):
        ahead = pos + 0.25 * 2.4 * vel / np.linalg.norm(vel)
        x, y = (round(side) for side in pixel(page, *ahead))
        if not (280 < x < 1240 and 40 < y < 640):  # under a card
            continue
        seen += 1
        expected = colours[int(255 * level)]
        lit = expected + 0.35 * (255 - expected)  # the head is lit towards white, at most so much
        assert ((image[y, x] >= expected - 16) & (image[y, x] <= lit + 10)).all(), (image[y, x], expected)
    assert seen >= 5
    assert page.errors == []
    page.page.close()


def test_a_click_opens_the_brain_and_its_numbers_are_the_engines(page, recorded):
    told = recorded[1][32]  # senses are stored at every eighth frame
    page.ask("player.seek(32)")
    row = next(k for k in range(len(told.pos)) if 300 < pixel(page, *told.pos[k])[0] < 800)
    x, y = pixel(page, *told.pos[row])
    page.page.mouse.click(x, y)
    page.page.wait_for_selector("#microscope:not([hidden])")
    page.until("microscope.answers !== null")
    assert page.ask("microscope.id") == told.walkers[row]
    assert f"id {told.walkers[row]}" in page.page.inner_text("#whoid")
    names = [page.page.locator(f"#{which} .name").all_text_contents() for which in ("senses", "actions")]
    assert names == [list(Mind.input_labels), list(Mind.output_labels)]
    assert page.ask("Array.from(microscope.senses.values)") == pytest.approx(told.inputs[row].tolist(), abs=1e-3)
    expected = told.brains.activations(told.inputs[:, None])
    for layer, found in zip(expected, page.ask("microscope.answers.map((layer) => Array.from(layer))"), strict=True):
        assert found == pytest.approx(layer[row, 0].tolist(), abs=3e-3)  # weights and senses are float16
    shown = [float(text) for text in page.page.locator("#actions .value").all_text_contents()]
    assert shown == pytest.approx(expected[-1][row, 0].tolist(), abs=0.009)


def test_the_brain_is_still_there_after_death_and_escape_closes_it(page, recorded):
    told = recorded[1]
    dead = next(int(id) for id in told[0].walkers if id not in told[-1].walkers)
    page.ask("player.select(v[0], 1)", dead)
    assert "not alive" not in page.page.inner_text("#life")
    page.ask(f"player.seek({TICKS // EVERY})")
    assert f"not alive at tick {TICKS}" in page.page.inner_text("#life")
    assert page.ask("player.place(v[0])", dead) is None
    page.page.keyboard.press("Escape")
    assert page.page.locator("#microscope").is_hidden()


def test_a_child_leads_to_its_parent(page, recorded):
    last = recorded[1][-1]
    alive = set(last.walkers.tolist())
    child = next(k for k in range(len(last.parents)) if int(last.parents[k]) in alive)
    page.ask(f"player.seek({TICKS // EVERY})")
    page.ask("player.select(v[0], 1)", int(last.walkers[child]))
    assert f"born at tick {last.born[child]}" in page.page.inner_text("#life")
    page.page.click("#parent")
    page.until(f"microscope.id === {int(last.parents[child])}")


def test_following_keeps_the_agent_in_the_middle(page, recorded):
    walker = int(recorded[1][0].walkers[-1])
    page.page.mouse.move(700, 300)
    page.page.mouse.wheel(0, -600)
    page.ask("player.select(v[0], 1)", walker)
    page.page.click("#follow")
    page.ask("player.seek(10)")
    assert page.ask("camera.toPixel(...player.place(v[0]))", walker) == pytest.approx([640, 400], abs=0.5)


def test_the_wheel_zooms_to_the_cursor_and_dragging_pans(page):
    before = page.ask("camera.toWorld(700, 300)")
    page.page.mouse.move(700, 300)
    page.page.mouse.wheel(0, -300)
    page.until("camera.scale > camera.whole()")
    assert page.ask("camera.toWorld(700, 300)") == pytest.approx(before, abs=1e-6)
    x, scale = page.ask("[camera.x, camera.scale]")
    page.page.mouse.down()
    page.page.mouse.move(640, 300, steps=3)
    page.page.mouse.up()
    assert (page.ask("camera.x") - x) % SIZE[0] == pytest.approx(60 / scale, abs=6 / scale)


def test_titles_and_hints_are_text_and_nothing_else(page):
    assert page.page.inner_text("#title") == "<walkers>"
    assert page.page.inner_text("#hint") == "Watch for: them & how they <i>turn</i>."
    assert "<walkers>" in page.page.title()


def test_the_theme_follows_the_system_and_the_button(chromium, recorded):
    page = Page(chromium, recorded[0], color_scheme="light")
    assert page.ask("player.theme.name") == "light"
    page.page.click("#theme")
    assert page.ask("player.theme.name") == "dark"
    page.page.close()
