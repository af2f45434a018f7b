"""The window: every key and the mouse, first by posted events without a screen, then a real window under Xvfb driven by
real events. And what a machine without a display is told."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.image.conftest import need

ROOT = Path(__file__).resolve().parents[2]


def environment(**changes):
    found = {**os.environ, "PYTHONPATH": str(ROOT), "LIBGL_ALWAYS_SOFTWARE": "1"}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        found.pop(name, None)
    return {**found, **changes}


def offscreen(folder, *words):
    """What Python says that runs these words with a window which nobody sees."""
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(SDL_VIDEODRIVER="offscreen"),
        timeout=120,
    )
    need("offscreen not available" not in done.stderr, "this SDL cannot draw off the screen")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def seen(gl, tmp_path_factory):
    """The state after each posted event, by the event's name."""
    pytest.importorskip("pygame")
    folder = tmp_path_factory.mktemp("window")
    lines = offscreen(folder, "-m", "tests.image.windowed", "post")
    found = {line["event"]: line for line in map(json.loads, lines[-15:])}
    return {**found, "files": [path.name for path in folder.glob("*.png")]}


def test_pause_holds_and_a_step_is_one_tick(seen):
    assert not seen["start"]["paused"]
    assert seen["pause"]["paused"]
    assert seen["step"]["tick"] == seen["pause"]["tick"] + 1
    assert seen["wait"]["tick"] == seen["step"]["tick"]


def test_the_wheel_zooms_to_the_cursor(seen):
    assert seen["zoom"]["scale"] == pytest.approx(seen["wait"]["scale"] * 1.18**3)
    assert seen["zoom"]["under"] == pytest.approx(seen["wait"]["under"], abs=1e-6)


def test_dragging_pans_and_moving_does_not(seen):
    assert seen["drag"]["x"] == pytest.approx(seen["press"]["x"] - 40 / seen["press"]["scale"])
    assert seen["drag"]["y"] == pytest.approx(seen["press"]["y"] - 20 / seen["press"]["scale"])
    assert (seen["move"]["x"], seen["move"]["y"]) == (seen["release"]["x"], seen["release"]["y"])


def test_f_shows_the_whole_world(seen):
    assert (seen["whole"]["x"], seen["whole"]["y"], seen["whole"]["scale"]) == (40, 25, 10)


def test_brackets_change_the_speed(seen):
    assert (seen["whole"]["speed"], seen["faster"]["speed"], seen["slower"]["speed"]) == (1, 2, 1)


def test_f12_saves_a_picture_and_says_so(seen):
    assert seen["files"] == [f"swarm-world-{seen['picture']['tick']}.png"]
    assert seen["files"][0] in seen["picture"]["message"]


def test_escape_closes(seen):
    assert not seen["run"]["paused"]
    assert not seen["quit"]["open"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ({"SDL_VIDEODRIVER": "dummy"}, "'dummy'"),
        ({"DISPLAY": ":4711"}, "no display"),
        ({"SDL_VIDEODRIVER": "nonsense"}, "nonsense not available"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are named so on Linux")
def test_without_a_display_one_line_says_what_to_do(variables, words):
    pytest.importorskip("pygame")
    pytest.importorskip("moderngl")
    code = """if True:
        from swarm.errors import BackendError
        from swarm.render import watch
        from tests.image.windowed import world
        w = world()
        try:
            watch(w)
        except BackendError as error:
            print(error)
        w.step()
        print(w.tick)"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(**variables), timeout=60
    )
    assert done.returncode == 0, done.stderr
    message, tick = done.stdout.splitlines()[-2:]
    assert words in message
    assert "Remedy: " in message
    assert tick == "1"  # the world is unharmed


def test_a_lost_context_is_one_line_and_the_world_is_unharmed(gl, tmp_path):
    pytest.importorskip("pygame")
    code = """if True:
        import moderngl
        from swarm.errors import BackendError
        from swarm.render.window import Window
        from tests.image.windowed import world
        window = Window(world(), record="film.mp4")
        for _ in range(20):
            window.frame()
        def lost(framebuffer):
            raise moderngl.Error("the context was lost")
        window.view.renderer.draw = lost
        try:
            window.frame()
        except BackendError as error:
            print(error)
        window.close()
        before = window.world.tick
        window.world.step()
        print(window.world.tick - before)"""
    message, ticks = offscreen(tmp_path, "-c", code)[-2:]
    assert "context was lost" in message
    assert "Remedy: " in message
    assert ticks == "1"
    assert (tmp_path / "film.mp4").stat().st_size > 1000  # what was drawn until then is kept


# --- a real window ----------------------------------------------------------------------------------------------------


@pytest.fixture
def display():
    """A virtual screen of 1000 x 700; the tools to drive it must be there."""
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install xvfb xdotool")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x700x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


class Driven:
    """A running window and the hand on its mouse and keys."""

    def __init__(self, display: str, folder: Path, program: str = "tests.image.windowed", word: str = "world") -> None:
        self.env = environment(DISPLAY=display)
        self.process = subprocess.Popen(
            [sys.executable, "-m", program, word],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            cwd=folder,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.now = json.loads(self.lines.get(timeout=60))

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.put(line)

    def hand(self, *words: object) -> str:
        command = ["xdotool", *map(str, words)]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout

    def until(self, true, seconds: float = 20.0):
        """The first state for which `true(state)` holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.now = json.loads(self.lines.get(timeout=seconds))
            except queue.Empty:
                ended = self.process.poll() is not None
                said = self.process.stderr.read() if ended and self.process.stderr is not None else "it hangs"
                raise AssertionError(f"the window says nothing more: {said}") from None
            if true(self.now):
                return self.now
        raise AssertionError(f"never happened; the last state is {self.now}")

    def still(self):
        """The first state that equals the one before: the tick under way when the world was paused has been shown."""
        last = [self.now, None]

        def same(now):
            last[:] = now, last[0]
            return last[0] == last[1]

        return self.until(same)


def test_a_real_window_driven_by_real_events(gl, display, tmp_path):
    pytest.importorskip("pygame")
    window = Driven(display, tmp_path)
    window.until(lambda s: s["tick"] > 3)
    assert window.now["size"] == [800, 500]

    window.hand("mousemove", 300, 250)
    window.hand("key", "space")
    tick = window.until(lambda s: s["paused"])["tick"]
    window.hand("key", "period")
    window.until(lambda s: s["tick"] == tick + 1)

    before = window.now
    window.hand("click", 4)  # the wheel, away from the hand
    zoomed = window.until(lambda s: s["scale"] > before["scale"])
    window.hand("mousemove", 300, 250, "mousedown", 1)
    window.hand("mousemove", 360, 220)
    window.hand("mouseup", 1)
    panned = window.until(lambda s: s["x"] != zoomed["x"] and s["y"] != zoomed["y"])
    assert (zoomed["x"] - panned["x"]) % 80 == pytest.approx(60 / zoomed["scale"], abs=0.2)

    window.hand("key", "F12")
    window.until(lambda s: s["message"].startswith("saved"))
    assert len(list(tmp_path.glob("swarm-world-*.png"))) == 1

    under = dict(line.split("=") for line in window.hand("getmouselocation", "--shell").split())
    window.hand("windowsize", under["WINDOW"], 640, 480)
    window.until(lambda s: s["size"] == [640, 480])
    window.hand("key", "Escape")
    assert window.process.wait(20) == 0


def test_a_strangers_first_minute(gl, display, tmp_path):
    """Opens a mind by a click, drives it, goes back in time, records, changes the picture, and begins anew."""
    pytest.importorskip("pygame")
    window = Driven(display, tmp_path, word="minds")
    window.until(lambda s: s["tick"] > 3)
    window.hand("mousemove", 500, 350, "key", "space")
    window.until(lambda s: s["paused"])

    here = window.still()["near"]  # a click on an agent opens its mind
    under = dict(line.split("=") for line in window.hand("getmouselocation", "--shell").split())
    window.hand("mousemove", "--window", under["WINDOW"], *map(round, here["at"]), "click", 1)
    assert window.until(lambda s: s["selected"])["selected"] == here["id"]
    window.hand("key", "x")
    window.until(lambda s: not s["selected"])
    window.hand("key", "n")
    chosen = window.until(lambda s: s["selected"])
    assert chosen["following"]
    assert "oldest" in chosen["message"]

    window.hand("key", "k")  # driven by held keys
    window.until(lambda s: s["driving"])
    window.hand("keydown", "Right")
    window.until(lambda s: s["actions"] == [1, 0])
    window.hand("keydown", "w")
    window.until(lambda s: s["actions"] == [1, 1])
    window.hand("keyup", "w", "keyup", "Right")
    window.until(lambda s: s["actions"] == [0, 0])
    window.hand("key", "k")
    window.until(lambda s: not s["driving"])

    window.hand("key", "v")  # a video of what follows
    window.until(lambda s: s["film"])
    window.hand("key", "m")
    window.until(lambda s: s["message"].startswith("kept"))
    kept = window.now["tick"]
    window.until(lambda s: s["tick"] > kept + 5)
    window.hand("key", "BackSpace")
    back = window.until(lambda s: s["paused"] and "past" in s["message"])
    assert back["selected"] == chosen["selected"]

    window.hand("key", "h")
    window.until(lambda s: s["help"])
    window.hand("key", "Escape")
    window.until(lambda s: not s["help"])
    shown = window.now
    window.hand("key", "c", "key", "t", "key", "l", "key", "Tab")
    window.until(lambda s: s["colouring"] != shown["colouring"] and s["trails"] and s["theme"] == "light")
    window.until(lambda s: s["panels"] != shown["panels"])
    window.hand("key", "F11")
    window.until(lambda s: s["size"] == [1000, 700])
    window.hand("key", "F11")
    window.until(lambda s: s["size"] == [800, 500])
    window.hand("key", "v")
    window.until(lambda s: not s["film"] and s["message"].startswith("saved"))

    window.hand("key", "R")
    anew = window.until(lambda s: s["seed"] != shown["seed"])
    assert (anew["selected"], anew["open"]) == (0, True)
    window.hand("key", "v")
    window.until(lambda s: s["film"])
    window.hand("key", "q")  # closed in mid-recording
    assert window.process.wait(20) == 0

    av = pytest.importorskip("av")
    films = sorted(tmp_path.glob("*.mp4"))
    assert len(films) == 2
    for film in films:
        with av.open(str(film)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert frames
        assert frames[0].shape == (500, 800, 3)
        assert frames[-1].std() > 1
