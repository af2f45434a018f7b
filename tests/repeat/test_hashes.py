"""The same seed gives the same run: on this processor, pretending to be others, killed and resumed.

A changed hash is a conscious decision: say so in the changelog and write the new one here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.repeat.worlds import SETTINGS, run

ROOT = Path(__file__).parents[2]
EXPECTED = {
    "foragers float32": "e8906e863810139c",
    "foragers bfloat16": "fd657feb222d93d7",
    "foragers float64": "d24eba46ecc6d725",
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", SETTINGS)
def test_expected_hash(name, threads):
    assert run(name, threads) == EXPECTED[name]


def _features() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(("processor", "needs"), [("haswell", "avx2"), ("skylake-avx512", "avx512dq")])
def test_other_processors_give_the_same_bits(processor, needs):
    if needs not in _features():
        pytest.skip(f"this processor has no {needs}")
    names = ["foragers float32", "foragers bfloat16"]
    # the features of the machine at hand would be added to those of the processor named, so they are cleared
    environment = os.environ | {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", "tests.repeat.worlds", *names]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name} {EXPECTED[name]}" for name in names]


def _swarm(*words: str) -> list[str]:
    return [sys.executable, "-m", "swarm", *words]


def test_killed_and_resumed_gives_the_hash_of_an_undisturbed_run(tmp_path):
    save = tmp_path / "world.safetensors"
    scene = ["foragers", "--agents", "150", "--seed", "4"]
    whole = subprocess.run(_swarm("run", *scene, "--ticks", "400"), capture_output=True, text=True, check=True)
    process = subprocess.Popen(
        _swarm("run", *scene, "--ticks", "1000000", "--save", str(save), "--every", "20"), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not save.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    assert save.exists()
    resumed = subprocess.run(
        _swarm("run", "--resume", str(save), "--ticks", "400"), capture_output=True, text=True, check=True
    )
    assert re.findall(r"hash (\w+)", resumed.stdout) == re.findall(r"hash (\w+)", whole.stdout) != []
