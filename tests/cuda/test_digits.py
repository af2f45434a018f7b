"""The digits scene on CUDA: a sense and systems in Python on arrays of the device give the votes of the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.scenes import digits, digits_school, scene

pytestmark = pytest.mark.usefixtures("cuda_device")


def test_votes_and_ways_are_the_cpus(tmp_path, monkeypatch):
    x, y = digits_school.held_out()
    monkeypatch.setattr(digits_school, "samples", lambda *_: (x, y))
    monkeypatch.setattr(digits_school, "cache_dir", tmp_path.joinpath)
    cpu, cuda = (scene("digits", agents=60, digit=2, backend=backend) for backend in ("cpu", "cuda"))
    for world in (cpu, cuda):
        for _ in range(90):
            world.step()
    np.testing.assert_array_equal(digits.votes(cpu), digits.votes(cuda))
    here = cpu.tables["reader"].column(digits.Body.pos)
    there = cuda.backend.host(cuda.tables["reader"].column(digits.Body.pos))
    np.testing.assert_allclose(there, here, atol=1e-3)
    assert len(tuple(digits.marks(cuda))) == len(tuple(digits.marks(cpu)))
    digits.clear(cuda)
    cuda.step()
    assert digits.votes(cuda).sum() == 0
