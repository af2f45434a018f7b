"""`swarm info` and the choice of a backend say in plain words what keeps CUDA from being used, and the remedy."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from swarm import info, plan
from swarm.backend import cuda, device, driver
from swarm.backend.driver import Card, Found
from swarm.errors import BackendError

H100 = Card("NVIDIA H100", (9, 0), 85_000_000_000)
V100 = Card("Tesla V100", (7, 0), 34_000_000_000)
P100 = Card("Tesla P100", (6, 0), 17_000_000_000)
CUPY12, CUPY13 = (("cupy-cuda12x", "14.2.0"),), (("cupy-cuda13x", "14.2.0"),)

OBSTACLES = {  # what is there: (what is said, what is advised)
    "no driver": (Found(), "no NVIDIA driver", 'pip install "swarm-engine[cuda12]"'),
    "an old driver": (Found(11080, 0, (H100,), CUPY12), "speaks CUDA 11.8", "update the driver to 525"),
    "no card": (Found(12040, 100, (), CUPY12), "sees no card", "CUDA_VISIBLE_DEVICES"),
    "a broken driver": (Found(12040, 803, (), CUPY12), "its error 803", "restart the machine"),
    "an old card": (Found(12040, 0, (P100,), CUPY12), "capability 6.0", "newer card"),
    "no CuPy": (Found(12040, 0, (H100,)), "CuPy is not installed", 'pip install "swarm-engine[cuda12]"'),
    "no CuPy, a new driver": (Found(13000, 0, (H100,)), "CuPy is not installed", 'pip install "swarm-engine[cuda13]"'),
    "no CuPy, Volta": (Found(13000, 0, (V100,)), "CuPy is not installed", 'pip install "swarm-engine[cuda12]"'),
    "two wheels": (
        Found(12040, 0, (H100,), CUPY12 + CUPY13),
        "cupy-cuda12x and cupy-cuda13x are installed side by side",
        'pip uninstall -y cupy-cuda12x cupy-cuda13x, then pip install "swarm-engine[cuda12]"',
    ),
    "CuPy for CUDA 11": (
        Found(12040, 0, (H100,), (("cupy-cuda11x", "13.6"),)),
        "for CUDA 11",
        'pip uninstall -y cupy-cuda11x, then pip install "swarm-engine[cuda12]"',
    ),
    "CuPy for a newer driver": (
        Found(12040, 0, (H100,), CUPY13),
        "for CUDA 13, and the driver speaks CUDA 12.4",
        'pip uninstall -y cupy-cuda13x, then pip install "swarm-engine[cuda12]"; or update the driver to 580',
    ),
    "CUDA 13 on Volta": (Found(13000, 0, (V100,), CUPY13), "left out Tesla V100", 'pip install "swarm-engine[cuda12]"'),
    "an old CuPy": (
        Found(13000, 0, (H100,), (("cupy-cuda13x", "13.6.0"),)),
        "13.6.0 is too old",
        'pip install --upgrade "swarm-engine[cuda13]"',
    ),
}


@pytest.fixture
def there(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set what is found on this machine: `there(Found(...))`."""

    def put(found: Found) -> None:
        monkeypatch.setattr(driver, "look", lambda: found)
        monkeypatch.setattr(driver, "installed", lambda: found.wheels)
        monkeypatch.setattr(cuda, "_open", cuda._open.__wrapped__)

    return put


@pytest.mark.parametrize("case", OBSTACLES)
def test_each_obstacle_is_one_line_with_the_remedy(case: str, there: Any):
    found, said, advised = OBSTACLES[case]
    there(found)
    with pytest.raises(BackendError) as caught:
        device.choose("cuda")
    text = str(caught.value)
    assert said in text
    assert advised in text.partition("Remedy: ")[2]
    assert "\n" not in text
    chosen = device.choose("auto")
    assert chosen.name == "cpu"
    assert said in chosen.reason
    finding = info._gpu()[-1]
    assert said in finding.text
    assert advised in finding.remedy


@pytest.mark.parametrize(("version", "wheels"), [(12000, CUPY12), (13000, CUPY12), (13000, CUPY13)])
def test_nothing_is_in_the_way_of_a_driver_that_speaks_what_cupy_wants(version: int, wheels: Any):
    assert driver.obstacle(Found(version, 0, (H100,), wheels)) is None


def test_auto_takes_a_card_and_says_which(hosted: Any):
    chosen = device.choose("auto")
    assert chosen.name == "cuda"
    assert hosted.facts()["gpu"] in chosen.reason


def test_info_tells_the_card_and_its_free_memory(hosted: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "look", lambda: Found(12040, 0, (H100,), CUPY12))
    lines = [finding.text for finding in info._gpu()]
    assert lines[0] == "NVIDIA driver for CUDA 12.4"
    assert lines[1] == "card 0: NVIDIA H100, compute capability 9.0, 85.0 GB"
    assert "CUDA works" in lines[-1]
    monkeypatch.setattr(hosted, "memory", lambda: (100_000_000, 85_000_000_000))
    assert info._gpu()[-1].state == "note"
    assert "100 MB of 85.0 GB" in info._gpu()[-1].text


def test_a_cupy_that_fails_to_load_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "look", lambda: Found(12040, 0, (H100,), CUPY12))

    def broken() -> None:
        raise ImportError("libnvrtc.so.12 is missing")

    monkeypatch.setattr(cuda, "_open", broken)
    finding = info._gpu()[-1]
    assert "libnvrtc.so.12 is missing" in finding.text
    assert finding.remedy == 'pip uninstall -y cupy-cuda12x, then pip install "swarm-engine[cuda12]"'


def test_a_plan_for_a_card_counts_the_card_s_memory(hosted: Any, capsys: pytest.CaptureFixture[str]):
    hosted.limit = 40_000_000
    used = hosted.memory()[0]
    assert plan.command("foragers", {"agents": 100_000, "backend": "cuda"}, roof=100.0) == 1
    assert "0.0 GB are free on the card" in " ".join(capsys.readouterr().out.split())
    assert hosted.memory()[0] == used  # nothing was put there


class Library:
    """The part of the driver's library that is asked."""

    def __init__(self, version: int, started: int = 0) -> None:
        self.version, self.started = version, started

    def cuDriverGetVersion(self, out: Any) -> int:
        out._obj.value = self.version
        return 0

    def cuInit(self, flags: int) -> int:
        return self.started

    def cuDeviceGetCount(self, out: Any) -> int:
        out._obj.value = 1
        return 0

    def cuDeviceGet(self, out: Any, index: int) -> int:
        return 0

    def cuDeviceGetName(self, name: Any, size: int, card: Any) -> int:
        name.value = b"Test card"
        return 0

    def cuDeviceTotalMem_v2(self, out: Any, card: Any) -> int:
        out._obj.value = 8_000_000_000
        return 0

    def cuDeviceGetAttribute(self, out: Any, which: int, card: Any) -> int:
        out._obj.value = {75: 8, 76: 6}[which]
        return 0


def test_the_driver_is_asked_for_its_cards(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "_library", lambda: Library(12040))
    found = driver.look()
    assert (found.driver, found.failure) == (12040, 0)
    assert str(found.cards[0]) == "Test card, compute capability 8.6, 8.0 GB"
    monkeypatch.setattr(driver, "_library", lambda: Library(12040, started=100))
    assert (driver.look().failure, driver.look().cards) == (100, ())


def test_without_a_library_nothing_else_is_asked(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.setattr(driver, "installed", lambda: pytest.fail("asked for packages"))
    assert driver.look() == Found()
