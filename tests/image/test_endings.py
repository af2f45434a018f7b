"""However a window ends, its files are whole, the error is told once, and nothing of it is left; and what scenes do to
mouse and keys. Each test drives a `Window` off the screen in a process of its own."""

from __future__ import annotations

import json

import pytest

from tests.image.test_window import offscreen

HEAD = """if True:
        import json
        from types import SimpleNamespace as Bag
        from swarm import system
        from swarm.errors import SaveError, SettingsError
        from swarm.render import watch
        from swarm.render.window import Window
        from tests.image.windowed import world

        def failing(error, at=3):
            made = world()
            @system(reads=[], writes=[])
            def broken(world, dt):
                if world.tick == at:
                    raise error
            made.schedule = (*made.schedule, broken)
            return made

        def caught(function, *arguments, **options):
            try:
                function(*arguments, **options)
            except Exception as error:
                return [type(error).__name__, str(error), *getattr(error, "__notes__", ())]
"""


@pytest.fixture
def script(gl, tmp_path):
    """A function that runs a script in `tmp_path` and returns what it printed last, read as JSON."""
    pytest.importorskip("pygame")

    def run(text):
        return json.loads(offscreen(tmp_path, "-c", HEAD + text)[-1])

    return run


def test_an_error_in_a_tick_ends_the_window_with_its_system_named_and_the_files_whole(script, tmp_path):
    pytest.importorskip("av")
    told = script("""
        wrong = SettingsError("this number cannot be")
        found = [caught(watch, failing(wrong), record="a.mp4", size=(320, 240)),
                 caught(watch, failing(ValueError("oh")), record="b.html", size=(320, 240))]
        print(json.dumps(found))""")
    assert told == [
        ["SettingsError", "this number cannot be", "in system 'broken' at tick 3"],
        ["ValueError", "oh", "in system 'broken' at tick 3"],
    ]
    assert (tmp_path / "a.mp4").stat().st_size > 1000
    assert (tmp_path / "b.html").read_text().rstrip().endswith("</html>")


def test_a_video_that_cannot_be_finished_harms_neither_the_window_nor_its_end(script):
    """The disk is full when the video is ended by a key, and again when the window is closed."""
    pytest.importorskip("av")
    message, open_, error, display = script("""
        window = Window(world(), size=(320, 240), record="a.mp4")
        def full():
            raise SaveError("the disk is full")
        window.frame()
        close, window.film.close = window.film.close, full
        window.toggle_video()
        message, still = window.message, window.open
        close()
        window.toggle_video()
        window.frame()
        window.film.close = full
        error = caught(window.close)
        window.close()  # once more does nothing
        print(json.dumps([message, still, error, window.pygame.display.get_init()]))""")
    assert (message, open_) == ("the disk is full", True)
    assert error == ["SaveError", "the disk is full"]
    assert display is False


def test_the_last_tick_is_shown_before_the_window_ends(script, tmp_path):
    shown, again = script("""
        import swarm.render.window as room
        shown, draw = [], room.View.draw
        def noted(view, *more):
            shown.append(view.tick)
            draw(view, *more)
        room.View.draw = noted
        one = world()
        watch(one, ticks=4, size=(320, 240))
        last = shown[-1]
        watch(one, ticks=3, size=(320, 240))
        print(json.dumps([last, shown[-1]]))""")
    assert (shown, again) == (4, 7)


POINTER = """
        def pointer(world, at, phase, button):
            if button == 3:
                raise SettingsError("nothing can be put here")
            return button == 1 and at[0] < 40
        def key(world, typed):
            if typed == "z":
                raise SettingsError("not now")
            return ""
        window = Window(world(), scene=Bag(pointer=pointer, key=key), looks=(), size=(800, 500))
        pygame, view = window.pygame, window.view
        view.pace.paused, view.panels = True, None
        window.frame()
        def click(button, x):
            for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
                pygame.event.post(pygame.event.Event(kind, button=button, pos=(x, 250)))
            window.frame()
            return len(view.moments.ticks), len(view.moments._course.branch.changes), view.message
"""


def test_only_what_a_scene_keeps_of_the_mouse_changes_the_world(script):
    beside, on, refused, typed = script(
        POINTER
        + """
        found = [click(1, 700), click(1, 100), click(3, 100)]
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_z, unicode="z", mod=0))
        window.frame()
        print(json.dumps([*found, view.message]))
        window.close()"""
    )
    assert beside[1] == 0
    assert on[1] == 1
    assert (refused[1], refused[2]) == (1, "nothing can be put here")
    assert typed == "not now"


def test_a_key_let_go_while_nobody_is_driven_is_let_go(script):
    held = script("""
        window = Window(world(), size=(320, 240))
        pygame = window.pygame
        window.view.microscope = Bag(driving=True, alive=True, update=lambda world, again: None, edited=(), id=0,
                                     inspection=None, drive=lambda world, actions: None, steer=lambda held: None)
        from swarm.render import keys
        def press(kind):
            keys.handle(window, pygame.event.Event(kind, key=pygame.K_w, unicode="w", mod=0))
        press(pygame.KEYDOWN)
        before = sorted(window.held)
        window.view.microscope.driving = False
        press(pygame.KEYUP)
        print(json.dumps([before, sorted(window.held)]))
        window.close()""")
    assert held == [["w"], []]
