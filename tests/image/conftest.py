"""What the picture tests need: an OpenGL context without a window.

Where there is none they are skipped with the reason; in CI (CI=true) that is a failure.
"""

from __future__ import annotations

import os

import pytest

from swarm.errors import BackendError


def need(found: object, reason: str) -> None:
    """Skip the test, or fail it in CI, unless `found`."""
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="module")
def gl():
    """A moderngl context."""
    from swarm.render import context

    try:
        made = context.headless()
    except BackendError as error:
        need(False, str(error))
        raise
    yield made
    made.release()


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/image" in item.path.as_posix():
            item.add_marker(pytest.mark.image)
