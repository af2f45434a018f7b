"""What goes wrong on a card is told in one line: what, where, the way out; the world is unharmed where it can be."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import swarm
from swarm import Component, f32
from swarm.backend import cuda, driver, failures, nvrtc
from swarm.backend.driver import Card, Found
from swarm.errors import BackendError, CapacityError, SchemaError


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class CUDARuntimeError(RuntimeError):
    """Named as CuPy's error is."""


def world(agents: int = 20) -> swarm.World:
    made = swarm.World(size=(64, 64), backend="cuda", seed=3)
    made.spawn(agents, Body(pos=made.scatter, vel=(1.0, 0.0)), name="a")
    return made


def test_too_little_memory_says_what_would_fit_and_leaves_the_world(hosted: Any):
    made = world()
    before = [array.tobytes() for array in made.view(Body.pos, Body.vel)]
    hosted.limit = 30_000_000
    said = r"1,000,000 entities of 62 bytes ask for 62.0 MB; .* free on the card\. \d\d\d,\d\d\d entities would fit"
    with pytest.raises(CapacityError, match=said):
        made.spawn(1_000_000, Body(pos=made.scatter), name="a")
    assert made.counts() == {"a": 20}
    made.step()
    assert [array.tobytes() for array in made.view(Body.pos, Body.vel)] == before


@pytest.mark.parametrize("bytes", [1_500_000, 3_500_000, 6_000_000])
@pytest.mark.parametrize("name", ["a", "new"])
def test_memory_that_others_take_meanwhile_leaves_the_world(
    bytes: int, name: str, hosted: Any, monkeypatch: pytest.MonkeyPatch
):
    made = world()
    before = made.hash()
    free, total = hosted.memory()
    monkeypatch.setattr(hosted, "memory", lambda: (total, total))
    hosted.limit = total - free + bytes
    brains = {"brains": swarm.MLP((4, 8, 2))} if name == "new" else {}
    with pytest.raises(CapacityError, match="The card is out of memory"):
        made.spawn(100_000, Body(pos=(1.0, 2.0)), name=name, **brains)
    assert made.hash() == before
    assert list(made.counts()) == ["a"]


@pytest.mark.gpu
def test_a_full_card_leaves_the_world(card: Any):
    """What the others do with a limit on the tests' device, with a card that is really full."""
    made = world()
    before, device = made.hash(), made.backend.device
    with made.backend.running():
        held = device.xp.empty(max(1, device.memory()[0] - (64 << 20)), np.uint8)
    try:
        with pytest.raises(CapacityError, match=r"would fit|out of memory"):
            made.spawn(20_000_000, Body(pos=(1.0, 2.0)), name="a")
        assert made.hash() == before
        made.step()
    finally:
        del held
    made.spawn(1_000, Body(pos=(1.0, 2.0)), name="a")
    made.step()
    assert made.counts() == {"a": 1_020}


def test_growth_that_fails_half_way_leaves_the_table(hosted: Any, monkeypatch: pytest.MonkeyPatch):
    made = world()
    table = made.tables["a"]
    stored = dict(table.storage)
    free, total = hosted.memory()
    monkeypatch.setattr(hosted, "memory", lambda: (total, total))  # somebody else takes it in between
    hosted.limit = total - free + 1_500_000
    said = r"The card is out of memory: .*Remedy: fewer agents"
    with pytest.raises(CapacityError, match=said), made.backend.running():
        table.reserve(100_000, "test")
    assert table.storage == stored
    assert table.capacity < 100_000


def test_a_table_grows_by_less_than_double_where_double_does_not_fit(hosted: Any, monkeypatch: pytest.MonkeyPatch):
    made = world(64)
    table = made.tables["a"]
    each = table.row_bytes + 21
    monkeypatch.setattr(hosted, "memory", lambda: (100_000 * each, 1 << 40))
    with made.backend.running():
        table.reserve(90_000, "test")
    assert table.capacity == 90_000


@pytest.mark.parametrize("code", ["cudaErrorIllegalAddress", "CUDA_ERROR_ILLEGAL_ADDRESS"])
def test_an_illegal_address_names_systems_and_tick_and_ends_the_device(code: str, hosted: Any):
    def wild(world: swarm.World, dt: float) -> None:
        raise CUDARuntimeError(f"{code}: an illegal memory access was encountered")

    made = world()
    made.schedule = (wild,)
    try:
        with pytest.raises(BackendError, match="outside of its memory") as caught:
            made.step()
        text = str(caught.value)
        assert "in one of wild, barrier" in text
        assert "at tick 0" in text
        assert "the last saved file stands" in text
        with pytest.raises(BackendError, match="cannot use it again"):
            made.step()
        with pytest.raises(BackendError, match="cannot use it again"):
            made.view(Body.pos)
    finally:
        hosted.lost = ""


def test_profile_exact_names_the_one_system(hosted: Any):
    def calm(world: swarm.World, dt: float) -> None: ...

    def wild(world: swarm.World, dt: float) -> None:
        raise CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure")

    made = world()
    made.schedule = (calm, wild)
    made.profile.exact = True
    try:
        with pytest.raises(BackendError, match=r"^in system 'wild' at tick 0: CUDA: the card was lost"):
            made.step()
    finally:
        hosted.lost = ""


def test_other_errors_of_cuda_do_not_end_the_device(hosted: Any):
    error = failures.explain(hosted, CUDARuntimeError("cudaErrorInvalidValue: invalid argument"))
    assert isinstance(error, BackendError)
    assert "swarm info" in str(error)
    assert not hosted.lost
    full = failures.explain(hosted, CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"))
    assert isinstance(full, CapacityError)
    assert failures.explain(hosted, ValueError("cudaErrorIllegalAddress")) is None


def test_a_kernel_that_does_not_compile_says_stem_line_and_macros():
    log = 'swarm/stages/move.cu(45): error: identifier "q" is undefined\n      q = 1;\n      ^\n\n1 error detected.'
    text = str(nvrtc.failure("swarm.stages.move", {"PACKED": True, "WIDTH": 4}, log))
    assert text.startswith(
        "swarm.stages.move does not compile for CUDA, swarm/stages/move.cu, line 45; macros: -DPACKED=1 -DWIDTH=4."
    )
    assert 'identifier "q" is undefined' in text


def test_a_new_card_gets_the_newest_portable_code_and_an_old_one_its_own():
    class Compiler:
        @staticmethod
        def getSupportedArchs() -> tuple[int, ...]:
            return (75, 80, 90)

    assert nvrtc._architecture(Compiler, (9, 0)) == "--gpu-architecture=sm_90"
    assert nvrtc._architecture(Compiler, (12, 1)) == "--gpu-architecture=compute_90"


def test_a_cupy_that_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch):
    found = Found(13000, 0, (Card("NVIDIA H100", (9, 0), 85_000_000_000),), (("cupy-cuda13x", "14.2.0"),))
    monkeypatch.setattr(driver, "look", lambda: found)
    monkeypatch.setitem(sys.modules, "swarm.backend.card", None)
    with pytest.raises(BackendError, match=r"^CuPy cannot be loaded: .*") as caught:
        cuda._open.__wrapped__()
    assert str(caught.value).endswith('pip uninstall -y cupy-cuda13x, then pip install "swarm-engine[cuda13]"')


def test_a_cupy_without_a_compiler_is_one_line(monkeypatch: pytest.MonkeyPatch):
    found = Found(13000, 0, (Card("NVIDIA H100", (9, 0), 85_000_000_000),), (("cupy-cuda13x", "14.2.0"),))
    monkeypatch.setattr(driver, "look", lambda: found)
    monkeypatch.setitem(sys.modules, "swarm.backend.card", SimpleNamespace(CudaDevice=None))

    def version() -> None:
        raise RuntimeError('Failure finding "libnvrtc.so.13"\n  looked here\n  and there')

    inner = SimpleNamespace(nvrtc=SimpleNamespace(getVersion=version))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=inner))
    monkeypatch.setitem(sys.modules, "cupy.cuda", inner)
    with pytest.raises(BackendError) as caught:
        cuda._open.__wrapped__()
    assert str(caught.value) == (
        'CUDA\'s compiler NVRTC cannot be loaded: Failure finding "libnvrtc.so.13". Remedy: pip install '
        '"cupy-cuda13x[ctk]"'
    )


def test_a_backend_that_is_missing_is_said_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "look", Found)
    monkeypatch.setattr(cuda, "_open", cuda._open.__wrapped__)
    with pytest.raises(BackendError, match="no NVIDIA driver") as caught:
        swarm.World(backend="cuda")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_arrays_of_the_card_are_refused_on_the_host(hosted: Any):
    here = swarm.World(size=(64, 64), backend="cpu")
    there = hosted.xp.zeros((4, 2), np.float32)
    with pytest.raises(SchemaError, match=r"on the graphics card .* Copy it first"):
        here.spawn(4, Body(pos=there), name="a")
