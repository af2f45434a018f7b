"""The time of day, and what others say: closed forms of two and three, and a brute-force oracle."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Clock, Heard
from swarm.errors import SchemaError, SettingsError
from tests.unit.stages.looking import Voice, around, looked
from tests.unit.stages.worlds import Body, host, places, run, world

SIZE = (50.0, 70.0)


def test_the_clock_goes_round_once_a_period(backend: str):
    Mind = swarm.mind(day=Clock(2.0), late=Clock(2.0, offset=0.5), actions=("x",))
    w = world(backend)  # ticks of 0.125 s
    w.spawn(3, Body(pos=1), Mind(), name="body")
    for tick in (0, 1, 4, 8, 13, 16, 16_000_005):
        w.tick = tick
        run(w, swarm.sense(Mind))
        got = host(w.tables["body"], Mind.senses)
        angle = 2 * np.pi * ((tick / 16) % 1)
        want = [np.sin(angle), np.cos(angle), np.sin(angle + np.pi / 2), np.cos(angle + np.pi / 2)]
        assert np.abs(got - np.array(want)).max() <= 2.0**-23
    assert Mind.input_labels == ("day sin", "day cos", "late sin", "late cos")
    assert Mind.describe()["senses"]["late"] == {"sense": "clock", "period": 2.0, "offset": 0.5, "unit": "s"}


def test_each_of_several_worlds_has_its_own_time():
    Mind = swarm.mind(day=Clock(2.0), actions=("x",))
    w = world("reference")
    w.spawn(3, Body(pos=1), Mind(), name="body")  # slots 1, 2, 3
    w.ids.worlds = 2
    w.several([1, 2], [0, 4])
    run(w, swarm.sense(Mind))
    ticks = w.ticks[w.tables["body"].slots % 2]
    assert len(set(ticks.tolist())) == 2
    assert np.allclose(host(w.tables["body"], Mind.senses)[:, 0], np.sin(2 * np.pi * ticks / 16), atol=1e-6)


def test_two_speakers_within_the_radius_and_one_outside(backend: str):
    said = np.float32([[1, 0, 2], [4, -1, 0], [100, 100, 100]])
    for reduce, want in (("sum", [5, -1, 2]), ("nearest", [4, -1, 0])):
        sense = Heard(3, 8.0, of=Voice.at, message=Voice.message, reduce=reduce)
        got = looked(backend, sense, [(62, 10)], [(4, 10), (60, 10), (20, 10)], message=said)
        assert got.tolist() == [want]


def test_nobody_hears_itself_and_silence_is_zero(backend: str):
    for reduce in ("sum", "nearest"):
        sense = Heard(3, 8.0, of=Voice.at, message=(Voice.message, 0.5), reduce=reduce)
        got = looked(
            backend, sense, [(10, 10), (12, 10), (40, 40)], message=np.float32([[2, 0, 0], [0, 4, 0], [8, 8, 8]])
        )
        assert got.tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("reduce", ["sum", "nearest"])
def test_against_the_oracle(backend: str, reduce: str):
    """Messages are whole numbers, so that sums are exact; some speakers are not to be heard."""
    rng = np.random.default_rng(2)
    seekers, others = places(rng, 150, SIZE), places(rng, 250, SIZE)
    said, loud = rng.integers(-9, 9, (250, 3)).astype(np.float32), rng.random(250) < 0.7
    sense = Heard(3, 9.0, of=Voice.at, message=Voice.message, reduce=reduce, where=Voice.loud)
    got = looked(backend, sense, seekers, others, SIZE, message=said, loud=loud)
    _, _, d2, near = around(seekers, others, SIZE, 9.0)
    near &= loud
    first = said[np.where(near, d2, np.inf).argmin(1)] * near.any(1)[:, None]
    assert np.array_equal(got, near.astype(np.float32) @ said if reduce == "sum" else first)
    assert np.abs(got).max() > 0


def test_labels_geometry_and_cost():
    for reduce in ("sum", "nearest"):
        sense = Heard(3, 8.0, of=Voice.at, message=Voice.message, reduce=reduce)
        assert (sense.width, sense.labels("din")) == (3, ["din 0", "din 1", "din 2"])
        about = sense.describe()
        assert (about["radius"], about["reduce"], about["message"]) == (8.0, reduce, "Voice.message")
        assert sense.cost(world(), 10).bytes > 0
    assert Clock(1.0).cost(world(), 10).bytes == 80


def test_bad_input():
    for make, error in [
        (lambda: Clock(0), SettingsError),
        (lambda: Clock(1, offset=float("inf")), SettingsError),
        (lambda: Heard(0, 8, of=Voice.at, message=Voice.message), SettingsError),
        (lambda: Heard(2, 8, of=Voice.at, message=Voice.message), SettingsError),
        (lambda: Heard(3, -8, of=Voice.at, message=Voice.message), SettingsError),
        (lambda: Heard(3, 8, of=Voice.message, message=Voice.message), SchemaError),
        (lambda: Heard(3, 8, of=Voice.at, message="words"), SchemaError),
        (lambda: Heard(3, 8, of=Voice.at, message=Voice.message, reduce="loudest"), SettingsError),
        (lambda: Heard(3, 8, of=Voice.at, message=Voice.message, where=Voice.level), SchemaError),
    ]:
        with pytest.raises(error, match=r"Clock|Heard"):
            make()
