"""The estimators: scikit-learn's own checks, what they choose, what they tell, what they refuse."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from swarm import SGD, Adam, PopulationClassifier, PopulationRegressor
from swarm.errors import DataError, SettingsError

pytest.importorskip("sklearn", reason="scikit-learn is in the extra `sklearn`")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

rng = np.random.default_rng(3)
TINY = {"hidden": 8, "activation": "relu", "learning_rate": 0.01, "repetitions": 3, "epochs": 40, "batch_size": 16}
TINY["random_state"] = 0
GRID = {"hidden": [(), 6, (6, 4)], "activation": ["tanh", "relu"], "learning_rate": [0.01, 0.05], "repetitions": 2}
X = rng.standard_normal((120, 3)) * [1, 50, 0.01] + [0, 1000, 3]
Y = np.array(["ant", "bee", "cat"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 1010)]
T = 1e4 + 300 * X[:, 0] - 5 * (X[:, 1] - 1000)


@parametrize_with_checks([PopulationClassifier(**TINY), PopulationRegressor(**{**TINY, "learning_rate": 0.02})])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def classifier() -> PopulationClassifier:
    return PopulationClassifier(**GRID, epochs=25, random_state=1).fit(X, Y)


@pytest.fixture(scope="module")
def regressor() -> PopulationRegressor:
    return PopulationRegressor(**GRID, epochs=25, random_state=1).fit(X, T)


def test_it_learns(classifier, regressor):
    assert classifier.score(X, Y) > 0.9
    assert regressor.score(X, T) > 0.95
    assert regressor.predict(X).shape == (120,)


def test_the_table_has_a_line_per_candidate(classifier):
    table = classifier.cv_results_
    assert {len(column) for column in table.values()} == {12}
    assert table["param_hidden"].tolist()[:4] == [()] * 4
    assert table["params"][11] == {"hidden": (6, 4), "activation": "relu", "learning_rate": 0.05}
    each = np.stack([table[f"repetition{r}_validation_score"] for r in range(2)], axis=1)
    np.testing.assert_array_equal(each.reshape(-1), classifier.report_.validation_accuracy)
    np.testing.assert_allclose(table["mean_validation_score"], each.mean(axis=1))
    np.testing.assert_allclose(table["std_validation_score"], each.std(axis=1))
    assert table["rank_validation_score"][table["mean_validation_score"].argmax()] == 1
    assert not table["diverged"].any()


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_the_best_is_one_network_of_the_population(kind, request):
    population = request.getfixturevalue(kind)
    best, row = population.best_estimator_, population.best_row_
    assert population.members_[0] == row == population.report_.best(1)[0]
    assert len(best.brains_) == 1
    assert best.brains_.flat().tobytes() == population.brains_[row].flat().tobytes()
    assert population.best_params_ == population.cv_results_["params"][population.best_index_]
    assert population.best_score_ == population.cv_results_[f"repetition{row % 2}_validation_score"][row // 2]
    assert {name: best.get_params()[name] for name in population.best_params_} == population.best_params_
    one = clone(population).set_params(top=1)
    one.__dict__.update({k: v for k, v in population.__dict__.items() if k.endswith("_")}, members_=np.array([row]))
    one.__dict__.update({k: v for k, v in population.__dict__.items() if k == "_flat"})
    np.testing.assert_array_equal(best.predict(X), one.predict(X))
    again = clone(best).fit(X, Y if kind == "classifier" else T)  # its settings are complete
    assert len(again.brains_) == 1
    np.testing.assert_array_equal(population.estimator(-1).brains_.flat(), population.brains_[23].flat())


def test_the_scaling_is_folded_into_a_brain(classifier, regressor):
    raw = X.astype(np.float32)
    for row in (None, 0, 5, 23):
        brain = classifier.brain(row)
        single = classifier.best_estimator_ if row is None else classifier.estimator(row)
        logits = brain(raw, shared=True)[0].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), single.predict_proba(X), atol=2e-3)
        single = regressor.best_estimator_ if row is None else regressor.estimator(row)
        np.testing.assert_allclose(regressor.brain(row)(raw, shared=True)[0, :, 0], single.predict(X), rtol=1e-4)


@pytest.mark.parametrize("ensemble", ["mean", "probability", "vote"])
def test_ensembles_of_a_classifier(classifier, ensemble):
    fitted = pickle.loads(pickle.dumps(classifier)).set_params(ensemble=ensemble)
    shares = fitted.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    named = fitted.classes_[shares.argmax(axis=1)]
    clear = np.sort(shares, axis=1)[:, -1] > np.sort(shares, axis=1)[:, -2]
    np.testing.assert_array_equal(fitted.predict(X)[clear], named[clear])


def test_random_state_is_all_there_is(classifier):
    again = PopulationClassifier(**GRID, epochs=25, random_state=1).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    other = PopulationClassifier(**GRID, epochs=25, random_state=2).fit(X, Y)
    assert (other.predict_proba(X) != classifier.predict_proba(X)).any()


def test_a_network_does_not_depend_on_the_rest_of_the_grid():
    few = PopulationClassifier([4], "tanh", [0.01], 1, epochs=5, random_state=1).fit(X, Y)
    more = PopulationClassifier([4, 5], "tanh", [0.01], 1, epochs=5, random_state=1).fit(X, Y)
    assert few.brains_[0].flat().tobytes() == more.brains_[0].flat().tobytes()


def test_a_validation_set_of_ones_own():
    made = PopulationClassifier(4, "tanh", 0.02, 2, epochs=5, random_state=0)
    made.fit(X[:90], Y[:90], validation=(X[90:], Y[90:]))
    assert made.report_.samples == 90 * 5 * 2
    shares = [made.estimator(row).score(X[90:], Y[90:]) for row in range(2)]
    np.testing.assert_allclose(made.report_.validation_accuracy, shares)
    errors = PopulationRegressor(4, "tanh", 0.02, 2, epochs=5, random_state=0)
    errors.fit(X[:90], T[:90], validation=(X[90:], T[90:]))
    left = [np.square(errors.estimator(row).predict(X[90:]) - T[90:]).mean() / T[:90].var() for row in range(2)]
    np.testing.assert_allclose(1 - errors.cv_results_["repetition1_validation_score"][0], left[1], rtol=1e-4)


def test_bytes_stay_bytes():
    x, y = load_digits(return_X_y=True)
    raw = (x * 15).astype(np.uint8)
    made = PopulationClassifier(16, "relu", 0.02, 2, epochs=15, random_state=0).fit(raw[:1400], y[:1400])
    assert made.score(raw[1400:], y[1400:]) > 0.85
    np.testing.assert_allclose(made.predict_proba(raw[1400:].astype(float)), made.predict_proba(raw[1400:]), atol=1e-5)
    logits = made.brain()(raw[1400:], shared=True)[0]  # a brain of its own takes 0..255
    assert (made.best_estimator_.predict(raw[1400:]) == logits.argmax(axis=1)).mean() > 0.999


def test_several_targets_and_other_dtypes():
    both = np.stack([T, -2 * T], axis=1)
    made = PopulationRegressor(6, "tanh", 0.03, 2, epochs=30, dtype="float64", random_state=0).fit(X, both)
    assert made.predict(X).shape == (120, 2)
    assert made.score(X, both) > 0.9
    assert made.brains_.dtype == np.float64


def test_inside_scikit_learn():
    x, y = load_diabetes(return_X_y=True)
    made = PopulationRegressor(8, "tanh", [0.003, 0.01], 2, epochs=15, random_state=0)
    assert cross_val_score(made, x, y, cv=3).mean() > 0.3
    search = GridSearchCV(made, {"top": [1, 4], "learning_rate": [[0.003, 0.01]]}, cv=2).fit(x, y)
    assert len(search.best_estimator_.members_) in (1, 4)


def test_optimizers_and_options():
    plain = PopulationClassifier(4, "tanh", 0.1, 1, optimizer=SGD(), epochs=3, random_state=0).fit(X, Y)
    named = PopulationClassifier(4, "tanh", 0.1, 1, optimizer="sgd", epochs=3, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(plain.brains_.flat(), named.brains_.flat())
    other = PopulationClassifier(4, "tanh", 0.1, 1, optimizer=Adam(beta1=0.5), epochs=3, random_state=0).fit(X, Y)
    assert (other.brains_.flat() != named.brains_.flat()).any()
    options = PopulationClassifier(4, "tanh", 0.1, 1, epochs=9, fit_options={"epochs": 2, "shuffle": False})
    assert options.fit(X, Y).n_iter_ == 2


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_diverged_networks_are_left_out():
    made = PopulationRegressor(4, "relu", [0.01, 1e30], 2, optimizer="sgd", epochs=4, top=None, random_state=0)
    made.fit(X, T)
    assert made.members_.tolist() in ([0, 1], [1, 0])
    assert made.cv_results_["diverged"].tolist() == [0, 2]
    assert made.cv_results_["rank_validation_score"].tolist() == [1, 2]
    with pytest.raises(SettingsError, match="every brain has diverged"):
        made.set_params(learning_rate=1e30).fit(X, T)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hidden": "32"}, "hidden='32' must be"),
        ({"hidden": [None]}, r"names no widths. Write 32, \(32, 16\)"),
        ({"hidden": []}, "one value or more"),
        ({"hidden": 0}, "must all be 1 or more"),
        ({"activation": "rely"}, "Did you mean 'relu'"),
        ({"learning_rate": [0.1, -1]}, "learning_rate=-1"),
        ({"learning_rate": "fast"}, "learning_rate='fast'"),
        ({"repetitions": 0}, "repetitions=0"),
        ({"optimizer": "adma"}, "Did you mean 'adam'"),
        ({"optimizer": 3}, "neither a name nor an optimizer"),
        ({"validation_fraction": 1.0}, "between 0 and 1"),
        ({"top": 0}, "top=0 must be"),
        ({"ensemble": "votes"}, "Did you mean 'vote'"),
    ],
)
def test_settings_that_do_not_fit(settings, said):
    with pytest.raises(SettingsError, match=said):
        PopulationClassifier(**{**TINY, "epochs": 1, **settings}).fit(X, Y)


def test_data_that_do_not_fit():
    made = PopulationClassifier(**{**TINY, "epochs": 1})
    with pytest.raises(DataError, match="every class has one sample"):
        made.fit(X[:3], ["a", "b", "c"])
    with pytest.raises(DataError, match="'dog' is none of the 3 classes"):
        made.fit(X, Y, validation=(X[:2], ["ant", "dog"]))
    with pytest.raises(DataError, match="validation has 2 samples"):
        made.fit(X, Y, validation=(X[:2], Y[:3]))
    with pytest.raises(SettingsError, match="pair of samples and targets"):
        made.fit(X, Y, validation=X)
    with pytest.raises(SettingsError, match="unknown"):
        made.fit(X, Y).set_params(ensemble="best").predict(X)


def test_every_class_stays_in_training():
    y = np.array(["many"] * 118 + ["one", "two"])
    made = PopulationClassifier(**{**TINY, "epochs": 1}).fit(X, y)
    assert made.classes_.tolist() == ["many", "one", "two"]
    assert made.report_.samples == 3 * (120 - round(118 * 0.2))


def test_without_scikit_learn_there_is_a_remedy():
    code = (
        "import sys; sys.modules['sklearn'] = None; import swarm\n"
        "try: swarm.PopulationClassifier()\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ExtraError PopulationClassifier: scikit-learn is not installed" in done.stdout
    assert "swarm-engine[sklearn]" in done.stdout
