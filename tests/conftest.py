"""Fixtures for tests of the CUDA backend; nothing here is imported before a test asks for it.

hosted       the tests' device, which runs kernels on the host (tests/shim); backend "cuda" means it in this test
cuda_device  every test that takes it runs twice: "hosted", and "card" (marker `gpu`) on a real GPU where there is one
"""

from __future__ import annotations

import os
from typing import Any

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a card where there is none."""
    if not any(item.get_closest_marker("gpu") for item in items):
        return
    from swarm.backend import driver

    if driver.obstacle(driver.look()):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("gpu")])
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Who asks for the tests of a card and has none is told why, once."""
    if config.option.markexpr.strip() != "gpu":
        return
    from swarm.backend import driver

    obstacle = driver.obstacle(driver.look())
    if obstacle:
        terminalreporter.write_line(f"Tests that need a card were left out: {obstacle}")


def need(found: object, reason: str) -> None:
    """Skip the test, or fail it in CI (CI=true), unless `found`."""
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def host_device() -> Any:
    """One `HostDevice` for the whole session, so that each .cu file is looked up once."""
    from tests.shim import build
    from tests.shim.device import HostDevice

    need(not build.available(), build.available())
    return HostDevice()


@pytest.fixture
def hosted(host_device: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The device on the host in the place of a card: `swarm.World(backend="cuda")` works in this test."""
    from swarm.backend import cuda

    monkeypatch.setattr(cuda, "_open", lambda: host_device)
    host_device.attach()
    return host_device


@pytest.fixture
def card() -> Any:
    """A real card, or the test is skipped; such a test has the marker `gpu`."""
    from swarm.backend import cuda
    from swarm.errors import BackendError

    try:
        return cuda.device()
    except (BackendError, ImportError) as error:
        pytest.skip(f"no card: {error}")


@pytest.fixture(params=["hosted", pytest.param("card", marks=pytest.mark.gpu)])
def cuda_device(request: pytest.FixtureRequest) -> Any:
    """The device on the host, then the real one."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["reference", "cpu", "hosted", pytest.param("card", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend in turn: the oracle, the processor's kernels, CUDA as `cuda_device` has it."""
    if request.param in ("reference", "cpu"):
        return request.param
    request.getfixturevalue(request.param)
    return "cuda"
