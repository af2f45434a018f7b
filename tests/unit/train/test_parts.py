"""Which samples each brain trains on: folds, ranges, lists and weights, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import MLP, SGD, Brains, Folds, fit
from swarm.errors import DataError, SettingsError
from swarm.train import evaluate
from swarm.train.parts import parts_of
from swarm.train.sampling import Order

rng = np.random.default_rng(6)
X = rng.standard_normal((40, 3)).astype(np.float32)
Y = rng.integers(0, 3, 40)


def pool(count: int = 4) -> Brains:
    return Brains(MLP((3, 4, 3)), count, seed=1, backend="reference")


def trained(count: int = 4, **words) -> np.ndarray:
    brains = pool(count)
    fit(brains, X, Y, **{"optimizer": SGD(0.3), "epochs": 3, "batch_size": 8, **words})
    return brains.parameters


@settings(max_examples=40, deadline=None, derandomize=True)
@given(k=st.integers(2, 7), repeats=st.integers(1, 3), M=st.integers(7, 60), classes=st.integers(0, 4))
def test_folds_part_the_samples_in_every_round(k, repeats, M, classes):
    labels = None if not classes else np.arange(M) % classes
    folds = Folds(k, repeats, seed=3, stratify=labels).of(M)
    assert len(folds) == k * repeats
    for r in range(repeats):
        mine = folds[r * k : (r + 1) * k]
        np.testing.assert_array_equal(np.sort(np.concatenate(mine)), np.arange(M))
        sizes = [len(fold) for fold in mine]
        assert max(sizes) - min(sizes) <= 1
        for c in range(classes):
            each = [(labels[fold] == c).sum() for fold in mine]
            assert max(each) - min(each) <= 1
    parts = parts_of(Folds(k, repeats, seed=3, stratify=labels), None, M, 2 * k * repeats)
    for n in range(2 * k * repeats):
        rows = parts.rows(n)
        np.testing.assert_array_equal(np.sort(np.concatenate([rows, folds[n % (k * repeats)]])), np.arange(M))
    assert len(parts.flat) == M * repeats  # whatever the number of brains


def test_rounds_and_seeds_of_folds_differ():
    a, b = Folds(2, 2).of(40)[::2]
    assert set(a) != set(b)
    assert set(Folds(2, seed=1).of(40)[0]) != set(a)


def test_cross_validation_is_one_call():
    """Each brain judged on its fold: the same as training it alone on the other folds."""
    brains = pool(6)
    report = fit(brains, X, Y, optimizer=SGD(0.3), epochs=2, batch_size=8, samples=Folds(3), validation="held")
    for n, fold in enumerate(Folds(3).of(40) * 2):
        rest = np.setdiff1d(np.arange(40), fold)
        scores = evaluate(brains[n], X[np.sort(fold)], Y[np.sort(fold)])
        assert report.validation_loss[n] == scores.loss[0]
        assert report.validation_accuracy[n] == scores.accuracy[0]
        alone = pool(6)
        flat = parts_of(Folds(3), None, 40, 6).rows(n)
        assert set(flat) == set(rest)
        fit(alone[n], X[flat], Y[flat], optimizer=SGD(0.3), epochs=2, batch_size=8, keys=[n])
        assert alone[n].flat().tobytes() == brains[n].flat().tobytes()


RANGES = np.array([[0, 40], [5, 12], [0, 9], [39, 40]])


@pytest.mark.parametrize("sampling", ["own", "bootstrap"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_forms_of_the_same_samples_are_equal(sampling, shuffle):
    words = {"sampling": sampling, "shuffle": shuffle}
    ranges = trained(samples=RANGES, **words)
    lists = trained(samples=[np.arange(a, b) for a, b in RANGES], **words)
    np.testing.assert_array_equal(ranges, lists)
    for n, (a, b) in enumerate(RANGES):  # as many steps as the brain's own samples need
        alone = pool()
        fit(alone[n], X[a:b], Y[a:b], optimizer=SGD(0.3), epochs=3, batch_size=8, keys=[n], **words)
        np.testing.assert_array_equal(alone.parameters[n], ranges[n])


@pytest.mark.parametrize("sampling", ["own", "bootstrap", "shared"])
def test_one_form_for_all(sampling):
    expected = trained(samples=(4, 20), sampling=sampling)
    mask = np.zeros(40, bool)
    mask[4:20] = True
    for form in (list(range(4, 20)), np.arange(4, 20), mask, [np.arange(4, 20)] * 4, np.tile([4, 20], (4, 1))):
        np.testing.assert_array_equal(trained(samples=form, sampling=sampling), expected)
    np.testing.assert_array_equal(trained(samples=(0, 40), sampling=sampling), trained(sampling=sampling))


def test_lists_that_are_equal_are_kept_once():
    parts = parts_of([[1, 2, 3], [4], [1, 2, 3], [3, 2, 1]], None, 9, 4)
    assert len(parts.flat) == 7
    assert [parts.rows(n).tolist() for n in range(4)] == [[1, 2, 3], [4], [1, 2, 3], [3, 2, 1]]
    assert parts.sizes.tolist() == [3, 1, 3, 3]


def test_shared_batches_need_the_same_samples():
    with pytest.raises(SettingsError, match="shared batches need the same samples"):
        trained(samples=RANGES, sampling="shared")


# ---------------------------------------------------------------------- weights


def test_weights_of_one_change_nothing_and_zeros_drop_samples():
    ones = trained(weights=np.ones(40), shuffle=False, epochs=1)
    np.testing.assert_array_equal(ones, trained(shuffle=False, epochs=1))
    half = np.r_[np.ones(20), np.zeros(20)]
    x, y = X.copy(), Y.copy()
    x[20:], y[20:] = 1e30, 0  # whatever the others hold
    brains = pool()
    report = fit(brains, x, y, optimizer=SGD(0.3), batch_size=40, weights=half, epochs=3, shuffle=False)
    other = pool()
    fit(other, X[:20], Y[:20], optimizer=SGD(0.15), batch_size=40, epochs=3, shuffle=False)  # a mean of 40, not of 20
    np.testing.assert_allclose(brains.parameters, other.parameters, atol=1e-6)
    assert not report.diverged.any()


def test_a_weight_of_two_is_the_sample_twice():
    rows, weights = [3, 5, 5, 9], [3, 5, 9]
    twice = trained(samples=rows, epochs=1, reduction="sum", shuffle=False)
    heavy = trained(samples=weights, weights=[1, 2, 1], epochs=1, reduction="sum", shuffle=False)
    np.testing.assert_allclose(heavy, twice, atol=1e-6)


def test_weights_follow_their_rows():
    each = rng.random(40).astype(np.float32)
    for form in (Folds(4), RANGES, [np.arange(a, b) for a, b in RANGES]):
        own = each if not isinstance(form, list) else [each[rows] for rows in form]
        parts = parts_of(form, own, 40, 4)
        index, lengths, weights = Order(parts, np.arange(4, dtype=np.uint32)).indices(0, 0, 40)
        for n in range(4):
            np.testing.assert_array_equal(weights[n, : lengths[n]], each[index[n, : lengths[n]]])
            assert not weights[n, lengths[n] :].any()


def test_the_training_loss_is_a_weighted_mean():
    each = rng.random(40)
    brains = pool()
    report = fit(brains, X, Y, optimizer=SGD(0.0), weights=each)
    alone = [evaluate(brains, X[m : m + 1], Y[m : m + 1]).loss for m in range(40)]
    np.testing.assert_allclose(report.training_loss, np.average(alone, axis=0, weights=each), rtol=1e-5)


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("samples", "weights", "kind", "words"),
    [
        ("all", None, SettingsError, "'all' are no samples"),
        ([[0], [1]], None, SettingsError, "2 lists of rows for 4 brains"),
        ([[0], [1], [], [2]], None, DataError, "samples of brain 2 are empty"),
        ([[0], [1], [2, 40], [2]], None, DataError, r"brain 2: entry 1 is row 40; there are rows 0\.\.39"),
        (np.array([-1]), None, DataError, "entry 0 is row -1"),
        (np.array([0.5]), None, SettingsError, "no row numbers"),
        ((3, 3), None, DataError, r"3\.\.3 of brain 0"),
        ((0, 41), None, DataError, r"no range in 0\.\.40"),
        (np.array([[0, 4], [4, 2], [0, 1], [0, 1]]), None, DataError, r"4\.\.2 of brain 1"),
        (np.zeros((3, 2), int), None, SettingsError, r"shape \(3, 2\)"),
        (Folds(41), None, DataError, "40 samples cannot be cut into 41 folds"),
        (Folds(2, stratify=[1, 2]), None, DataError, "one label for each of 40"),
        (None, np.ones(39), SettingsError, "weights have the shape"),
        (None, np.r_[np.ones(39), -1], DataError, "entry 39 is -1"),
        (None, np.r_[np.nan, np.ones(39)], DataError, "entry 0 is nan"),
        (None, np.zeros(40), DataError, "samples of brain 0 have weight 0"),
        (RANGES, np.arange(40) < 39, DataError, "samples of brain 3 have weight 0"),
        ([[1], [2], [3], [4, 5]], [[1], [1], [0], [1, 1]], DataError, "samples of brain 2 have weight 0"),
        ([[1], [2], [3], [4, 5]], [[1], [1], [1], [1]], SettingsError, "weights of brain 3 have the shape"),
        ([[1], [2], [3], [4, 5]], [[1], [1]], SettingsError, "2 lists for 4 lists"),
    ],
)
def test_what_does_not_fit(samples, weights, kind, words):
    brains = pool()
    before = brains.rows.copy()
    with pytest.raises(kind, match=words):
        fit(brains, X, Y, samples=samples, weights=weights)
    np.testing.assert_array_equal(brains.rows, before)


def test_bad_folds():
    for words, ask in (("k 1", {"k": 1}), ("k 2.5", {"k": 2.5}), ("repeats 0", {"k": 3, "repeats": 0})):
        with pytest.raises(SettingsError, match=words):
            Folds(**ask)
    with pytest.raises(DataError, match="brain 0 trains on all"):
        fit(pool(), X, Y, validation="held")
    with pytest.raises(DataError, match="brain 1 trains on all"):
        fit(pool(2), X, Y, validation="held", samples=[[1, 2], np.arange(40)])
