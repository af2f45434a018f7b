"""Every .cu file compiles for real cards, without a warning, and its kernels keep within stated bounds.

NVRTC needs neither a GPU nor a driver. The macro sets of a file are `VARIANTS` of its launching module.
"""

from __future__ import annotations

import importlib.util

import pytest

from swarm.backend import source
from tests.conftest import need
from tests.cuda import compiled
from tests.shim import cubin, nvrtc

STEMS = source.stems()
MOST_PARAMETERS = 8


@pytest.fixture(autouse=True)
def _compiler() -> None:
    need(nvrtc.library_path(), "nvidia-cuda-nvrtc is in the extra `test`, for Linux")
    need(importlib.util.find_spec("elftools"), "pyelftools is in the extra `test`")


def test_there_are_kernels():
    assert len(STEMS) > 5


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize("stem", STEMS)
def test_compiles(stem: str, architecture: str):
    seen, wrong = set(), []
    for macros in compiled.macros_of(stem):
        given = " ".join(source.flags(macros)) or "no macros"
        result = compiled.compile(stem, macros, architecture)
        remedy = "" if stem in compiled.variants() else f"\n(if it needs macros: VARIANTS in {stem}_cuda)"
        assert result.cubin, f"{stem}, {given}:\n{result.log}{remedy}"
        assert not result.messages, f"{stem}, {given}: the compiler has something to say:\n{result.log}"
        found, printed = cubin.figures(result.cubin), cubin.figures_of_log(result.log)
        assert {name: cubin.without_parameters(one) for name, one in found.items()} == {
            name: cubin.unspilled(one) for name, one in printed.items()
        }, f"{stem}, {given}: the CUBIN is read wrongly, or the compiler's figures are"
        seen |= found.keys()
        for name, one in found.items():
            assert len(one.parameters) <= MOST_PARAMETERS, f"{stem} {name}: {len(one.parameters)} parameters"
            assert set(one.parameters) <= {1, 2, 4, 8}, f"{stem} {name}: parameters of {one.parameters} bytes"
            wrong += [f"{line} ({given})" for line in compiled.beyond(stem, name, printed[name])]
    assert not wrong, f"{stem} for {architecture}:\n" + "\n".join(wrong)
    assert seen == set(source.kernels_of(stem)), f"{stem}: kernels in the file and in the CUBINs of all its macro sets"


@pytest.mark.parametrize("stem", STEMS)
def test_the_host_passes_arguments_as_a_card_does(hosted, stem: str):
    macros = compiled.macros_of(stem)[0]
    on_card = cubin.figures(compiled.compile(stem, macros, "sm_90").cubin)
    on_host = hosted.compile(stem, macros)
    assert set(on_host.library.names) == set(on_card)
    for name, figures in on_card.items():
        assert tuple(one.size for one in hosted.function(on_host, name).parameters) == figures.parameters, name


def test_bounds_name_kernels_that_exist_and_say_why():
    kernels = {f"{stem} {name}" for stem in STEMS for name in source.kernels_of(stem)}
    for name, bounds in compiled.bounds().items():
        if name == "default":
            assert set(bounds) == set(compiled.FIGURES)
            continue
        assert name in kernels, f"bounds.toml: there is no kernel {name!r}"
        assert len(bounds.get("reason", "")) > 20, f"bounds.toml: {name!r} needs a reason"
        assert set(bounds) - {"reason"} <= set(compiled.FIGURES)


def test_variants_belong_to_files_that_exist():
    assert set(compiled.variants()) <= set(STEMS)
