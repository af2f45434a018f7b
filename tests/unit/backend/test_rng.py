"""Philox against the published known answers, kernels against NumPy, and the statistics of what comes out."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import rng, rng_cpu
from swarm.errors import SettingsError

# Known-answer vectors of philox4x32-10 published with Random123 (Salmon et al., SC 2011): counter, key, output.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter, key, answer):
    assert tuple(int(w) for w in rng.philox(*counter, *key)) == answer


@pytest.mark.parametrize("count", [1, 5, 64, 65, 700])
def test_kernels_give_the_same_numbers(count):
    slots, generations = np.array([1, 7, 2**32 - 1], np.uint32), np.array([0, 3, 2**31], np.uint32)
    arguments = (2**63 + 5, slots, generations, 12345, rng.stream("gust"), count)
    np.testing.assert_array_equal(rng_cpu.words(*arguments), rng.words(*arguments))
    np.testing.assert_array_equal(rng_cpu.uniform(*arguments), rng.uniform(*arguments))
    np.testing.assert_allclose(rng_cpu.normal(*arguments), rng.normal(*arguments), atol=2e-6, rtol=1e-6)


def test_a_value_does_not_depend_on_company_or_count():
    slots = np.arange(40, dtype=np.uint32)
    many = rng.normal(3, slots, 0, 9, 300, 130)
    np.testing.assert_array_equal(rng.normal(3, slots[17:18], 0, 9, 300, 70)[0], many[17, :70])
    np.testing.assert_array_equal(
        rng_cpu.normal(3, slots[17:18], 0, 9, 300, 70)[0], rng_cpu.normal(3, slots, 0, 9, 300, 130)[17, :70]
    )


def test_every_coordinate_of_the_counter_matters():
    base = rng.uniform(1, [1], [1], 1, 1, 64)
    for other in (
        (2, [1], [1], 1, 1),
        (1, [2], [1], 1, 1),
        (1, [1], [2], 1, 1),
        (1, [1], [1], 2, 1),
        (1, [1], [1], 1, 2),
    ):
        assert not np.array_equal(rng.uniform(*other, 64), base)


def test_moments():
    u = rng_cpu.uniform(11, np.arange(2000), 0, 0, 400, 500).ravel()
    z = rng_cpu.normal(11, np.arange(2000), 0, 0, 401, 500).ravel()
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / u.size)
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(z.mean()) < 5 / np.sqrt(z.size) and abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96 / z.size)
    pairs = z.reshape(-1, 16, 2)[..., 0] * z.reshape(-1, 16, 2)[..., 1]
    assert abs(pairs.mean()) < 5 / np.sqrt(pairs.size)


def test_streams_have_names():
    assert rng.stream("init") == 1
    assert 256 <= rng.stream("gust") < 4096 and rng.stream("gust") == rng.stream("gust")
    assert len(set(rng.STREAMS.values())) == len(rng.STREAMS)


def test_bad_seed_and_too_many_values():
    with pytest.raises(SettingsError, match="64 bits"):
        rng.uniform(-1, [1], [0], 0, 1, 4)
    with pytest.raises(SettingsError, match="at most"):
        rng.words(1, [1], [0], 0, 1, rng.VALUES + 1)
