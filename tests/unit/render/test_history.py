"""Histories: the last samples, or the whole run at even distances, in a fixed number of places."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from swarm.render.history import History


def filled(count: int, places: int, whole: bool) -> History:
    history = History(whole, places)
    for k in range(count):
        history.add(3 * k, {"square": k * k})
    return history


@given(count=st.integers(0, 200), places=st.integers(1, 20))
def test_the_recent_one_holds_the_last_samples(count, places):
    history = filled(count, places, whole=False)
    kept = np.arange(max(0, count - places), count)
    assert history.ticks.tolist() == (3 * kept).tolist()
    assert history.series("square").tolist() == (kept * kept).tolist()


@given(count=st.integers(1, 500), places=st.integers(2, 20))
def test_the_whole_one_reaches_back_to_the_start_at_even_distances(count, places):
    history = filled(count, places, whole=True)
    ticks = history.ticks / 3
    assert len(ticks) <= places
    assert ticks[0] == 0
    assert (np.diff(ticks) == history.stride).all()
    assert count - 1 - ticks[-1] < history.stride
    assert history.stride < max(2, 4 * count / places)  # no sparser than need be
    assert (history.series("square") == ticks * ticks).all()


def test_a_series_that_comes_late_or_misses_a_sample_has_gaps():
    history = History(places=4)
    history.add(0, {"a": 1.0})
    history.add(1, {"b": 2.0})
    history.add(2, {"a": 3.0, "b": 4.0})
    np.testing.assert_array_equal(history.series("a"), [1, np.nan, 3])
    np.testing.assert_array_equal(history.series("b"), [np.nan, 2, 4])
    np.testing.assert_array_equal(history.series("c"), [np.nan] * 3)
    assert "b" in history and "c" not in history


@given(count=st.integers(1, 100), tick=st.integers(-1, 400), whole=st.booleans())
def test_after_a_cut_nothing_is_as_late_as_it(count, tick, whole):
    history = filled(count, 16, whole)
    before = [t for t in history.ticks.tolist() if t < tick]
    history.cut(tick)
    assert history.ticks.tolist() == before
    history.add(max(tick, 0), {"square": -1.0})
    assert (np.diff(history.ticks) > 0).all()
