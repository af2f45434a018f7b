"""Getting an OpenGL 3.3 context, or one clear line about why there is none.

`moderngl` is imported here, when a picture is wanted, and nowhere at import time.
"""

from __future__ import annotations

import sys
from typing import Any

from swarm.errors import BackendError

NEEDED = 330  # OpenGL 3.3

_LINUX = "apt-get install libegl1 libgl1-mesa-dri (Debian, Ubuntu) or dnf install mesa-libEGL mesa-dri-drivers (Fedora)"


def library() -> Any:
    """The module `moderngl`. Raises `BackendError` when it is not installed."""
    try:
        import moderngl
    except ImportError as error:
        raise BackendError(f"picture: moderngl cannot be imported ({error}). Remedy: {install()}") from None
    return moderngl


def install() -> str:
    """What to type when a drawing library is missing."""
    return 'pip install "swarm-engine[view]"'


def headless() -> Any:
    """A new moderngl context without a window: EGL on Linux, the platform's own elsewhere. The caller releases it.

    Raises `BackendError` where there is no moderngl, no EGL, or an OpenGL older than 3.3.
    """
    moderngl = library()
    if not sys.platform.startswith("linux"):
        try:
            return checked(moderngl.create_context(standalone=True, require=NEEDED))
        except Exception as error:
            raise BackendError(
                f"picture: no OpenGL 3.3 without a window on this machine ({_first_line(error)}). "
                "Remedy: update the graphics driver, or run without a picture (--headless)."
            ) from None
    from ctypes.util import find_library

    problem: Exception | None = None
    egl = find_library("EGL") or "libEGL.so.1"
    for gl in (find_library("GL"), "libGL.so.1", "libOpenGL.so.0", egl):  # EGL alone serves, too
        if gl is None:
            continue
        try:
            made = moderngl.create_context(standalone=True, backend="egl", require=NEEDED, libgl=gl, libegl=egl)
            return checked(made)
        except BackendError:
            raise
        except Exception as error:
            problem = problem or error
    raise BackendError(
        f"picture: no OpenGL 3.3 through EGL on this machine ({_first_line(problem)}). Remedy: {_LINUX}, "
        "or run without a picture (--headless)."
    )


def current() -> Any:
    """A moderngl context on the window's OpenGL context, which pygame has made current.

    Raises `BackendError` when it is older than 3.3.
    """
    moderngl = library()
    try:
        return checked(moderngl.create_context(require=NEEDED))
    except BackendError:
        raise
    except Exception as error:
        raise BackendError(
            f"window: OpenGL 3.3 is needed, and this display has less ({_first_line(error)}). "
            "Remedy: update the graphics driver, or run without a window (--headless)."
        ) from None


def lost(context: Any, error: Exception) -> bool:
    """Whether `error`, raised while drawing, means that the driver has taken the OpenGL context away."""
    if type(error).__module__.split(".")[0] not in ("moderngl", "_moderngl", "pygame"):
        return False
    return "lost" in str(error).lower() or str(context.error) not in ("GL_NO_ERROR", "0")


def checked(context: Any) -> Any:
    """The context set up for our drawing: premultiplied colours, point sizes from the shader."""
    moderngl = library()
    if context.version_code < NEEDED:
        have = context.info["GL_VERSION"]
        context.release()
        raise BackendError(
            f"picture: OpenGL 3.3 is needed, this machine offers {have}. "
            "Remedy: update the graphics driver, or run without a picture (--headless)."
        )
    context.gc_mode = None
    context.enable_only(moderngl.BLEND | moderngl.PROGRAM_POINT_SIZE)
    context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
    return context


def _first_line(error: Exception | None) -> str:
    text = str(error).strip().splitlines()
    return text[0].rstrip(".") if text else type(error).__name__
