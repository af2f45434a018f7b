"""What stands in a window's way is one line with its remedy."""

from __future__ import annotations

import sys
import types

import pytest

from swarm.errors import BackendError
from swarm.render import context, window


class Old:
    """A context of a driver that knows no more than OpenGL 3.2."""

    version_code = 320
    info = {"GL_VERSION": "3.2 of an old driver"}  # noqa: RUF012
    error = "GL_NO_ERROR"

    def __init__(self) -> None:
        self.released = False

    def release(self) -> None:
        self.released = True


def test_an_old_opengl_is_named_with_its_version():
    pytest.importorskip("moderngl")
    old = Old()
    with pytest.raises(BackendError, match=r"3\.2 of an old driver.*Remedy"):
        context.checked(old)
    assert old.released


def test_classic_pygame_is_told_apart(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", types.ModuleType("pygame"))
    with pytest.raises(BackendError, match=r"classic pygame.*pip uninstall -y pygame pygame-ce"):
        window._open((320, 240))


@pytest.mark.parametrize(("name", "use"), [("pygame", lambda: window._open((320, 240))), ("moderngl", context.library)])
def test_a_missing_library_is_named_with_the_extra_that_has_it(monkeypatch, name, use):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendError, match=r"Remedy: pip install \"swarm-engine\[view\]\""):
        use()


@pytest.mark.parametrize(
    ("error", "state", "lost"),
    [
        (ValueError("context lost"), "GL_NO_ERROR", False),  # not of the drawing libraries
        (type("Error", (Exception,), {"__module__": "_moderngl"})("the context was lost"), "GL_NO_ERROR", True),
        (type("Error", (Exception,), {"__module__": "_moderngl"})("cannot create buffer"), "GL_CONTEXT_LOST", True),
        (type("Error", (Exception,), {"__module__": "_moderngl"})("bad format"), "GL_NO_ERROR", False),
        (type("error", (Exception,), {"__module__": "pygame"})("GL context lost"), "GL_NO_ERROR", True),
    ],
)
def test_a_lost_context_is_told_from_a_mistake(error, state, lost):
    held = Old()
    held.error = state
    assert context.lost(held, error) == lost
