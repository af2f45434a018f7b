"""Sweeps: who trains with what, that company changes nothing, tables by hand, ranks by validation alone."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import swarm
from swarm import MLP, SGD, Brains, fit
from swarm.config import load_toml
from swarm.errors import DataError, SettingsError
from swarm.train.candidates import Plan
from swarm.train.evaluate import evaluate
from swarm.train.outcome import Outcome
from swarm.train.results import Results
from swarm.train.sweep import sweep

rng = np.random.default_rng(4)
X = rng.standard_normal((60, 5)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int) + (X[:, 3] > 1)
TRAIN, HELD = (X[:40], Y[:40]), (X[40:], Y[40:])
GRID = {"hidden": [4, "6-3"], "learning_rate": [0.1, 0.5], "batch_size": [8, 16]}


def small(**more):
    return sweep(*TRAIN, **{"validation": HELD, "grid": GRID, "repetitions": 2, "backend": "reference", **more})


def test_networks_stand_candidate_by_candidate_with_their_settings():
    results = small()
    assert len(results) == 16
    assert [len(part) for part, _ in results.parts] == [8, 8]
    table = results.networks()
    assert table["candidate"].tolist() == np.repeat(np.arange(8), 2).tolist()
    assert table["repetition"].tolist() == [0, 1] * 8
    assert table["batch_size"].tolist() == [8, 8, 16, 16] * 4
    assert table["learning_rate"].tolist() == [0.1] * 4 + [0.5] * 4 + [0.1] * 4 + [0.5] * 4
    assert table["hidden"].tolist() == ["4"] * 8 + ["6-3"] * 8


def test_a_network_is_what_it_is_alone():
    results = small(epochs=2, momentum=0.5)
    table = results.networks()
    for k in (3, 14):
        hidden = tuple(int(width) for width in table["hidden"][k].split("-"))
        alone = Brains(MLP((5, *hidden, 3), "relu"), 1, init="zeros", backend="reference")
        alone.initialise(slice(0, 1), slots=[k])
        rate, batch = float(table["learning_rate"][k]), int(table["batch_size"][k])
        report = fit(alone, *TRAIN, optimizer=SGD(rate, momentum=0.5), batch_size=batch, keys=[k], epochs=2)
        assert results.brains([k]).parameters.tobytes() == alone.parameters.tobytes()
        assert report.training_loss[0] == results.figures["training_loss"][k]


def test_waves_change_nothing():
    found = [{"hidden": (4,)}, {"hidden": (3, 2)}]
    plan = Plan.of(found, {}, np.arange(7) % 2, 5, 3)
    whole = plan.parts()[0].brains(seed=3, backend="reference")
    parts = plan.parts(3)
    assert [part.rows.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    for part in parts:
        brains = part.brains(seed=3, backend="reference")
        for row, k in enumerate(part.rows):
            assert brains[row].parameters.tobytes() == whole[int(k)].parameters.tobytes()


def test_brains_are_gathered_from_their_populations_in_order():
    results = small()
    rows = [11, 2, 0]
    pool = results.brains(rows)
    for at, k in enumerate(rows):
        (where,) = [(part, held) for part, held in results.parts if k in part.rows]
        own = where[1][int(np.searchsorted(where[0].rows, k))]
        assert pool[at].parameters.tobytes() == own.parameters.tobytes()
        assert pool[at].mlp == own.mlp


def plan_of(candidates: int, repetitions: int) -> Plan:
    found = [{"learning_rate": 0.1 * (c + 1)} for c in range(candidates)]
    return Plan.of(found, {}, np.repeat(np.arange(candidates), repetitions), 5, 3)


def made(accuracy, loss, diverged=(), **more) -> Results:
    """Results with these figures, of candidates of two networks each."""
    plan = plan_of(len(accuracy) // 2, 2)
    figures = {
        "validation_accuracy": np.array(accuracy), "validation_loss": np.array(loss), "training_loss": np.array(loss),
        "diverged": np.isin(np.arange(len(accuracy)), diverged), **more,
    }  # fmt: skip
    results = Results(plan)
    (part,) = plan.parts()
    results.add(part, Outcome(figures, {}, 1.0, 0.0, 10), part.brains(backend="reference"))
    return results


def test_candidates_by_hand():
    results = made([0.5, 0.7, 0.9, 0.7, 0.9, 0.9], [1, 1, 0.5, 0.5, 9, np.nan], diverged=[5])
    table = results.candidates()
    np.testing.assert_allclose(table["mean_validation_accuracy"], [0.6, 0.8, 0.9])
    np.testing.assert_allclose(table["std_validation_accuracy"], [0.1, 0.1, 0.0], atol=1e-12)
    assert table["networks"].tolist() == [2, 2, 2]
    assert table["diverged"].tolist() == [0, 0, 1]
    assert results.best_candidates().tolist() == [1, 0, 2]  # a candidate that diverged once comes last
    assert results.best().tolist() == [2, 4, 3, 1, 0, 5]  # 0.9 with loss 0.5 before 0.9 with loss 9
    assert results.best_settings["learning_rate"] == pytest.approx(0.2)


def test_test_figures_do_not_choose():
    worst_first = np.array([1.0, 1.0, 0.0, 0.0])
    results = made([0.1, 0.2, 0.8, 0.9], [1, 1, 1, 1], test_accuracy=worst_first, test_loss=1 - worst_first)
    assert results.best().tolist() == [3, 2, 1, 0]
    assert results.best_candidates().tolist() == [1, 0]


def test_files_have_every_figure(tmp_path):
    results = small(test=HELD, epochs=2)
    results.to_csv(tmp_path / "n.csv")
    results.candidates_to_csv(tmp_path / "c.csv")
    results.to_json(tmp_path / "r.json", note=1)
    with open(tmp_path / "n.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["validation_loss"]) for line in lines] == results.figures["validation_loss"].tolist()
    with open(tmp_path / "c.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["candidate"]) for line in lines] == results.best_candidates().tolist()
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["note"] == 1
    assert [one["test_accuracy"] for one in content["networks"]] == results.figures["test_accuracy"].tolist()
    assert [one["rank"] for one in content["candidates"]] == list(range(1, 9))


def test_curves_of_different_lengths_end_in_nan():
    results = small(grid={"epochs": [1, 3]}, repetitions=1)
    assert results.validation_accuracy_curve is not None
    assert np.isnan(results.validation_accuracy_curve).tolist() == [[False, False], [True, False], [True, False]]
    assert np.isfinite(results.figures["validation_accuracy"]).all()


def test_the_same_sweep_from_toml(tmp_path):
    (tmp_path / "sweep.toml").write_text(
        """
        epochs = 2
        repetitions = 2
        draws = 3
        seed = 9
        [grid]
        hidden = [4, "6-3"]
        [random]
        learning_rate = "log_uniform(1e-2, 1)"
        dropout = "uniform(0, 0.4)"
        """
    )
    one = sweep(*TRAIN, validation=HELD, backend="reference", **load_toml(tmp_path / "sweep.toml"))
    two = swarm.sweep(
        *TRAIN, validation=HELD, backend="reference", epochs=2, repetitions=2, draws=3, seed=9,
        grid={"hidden": [(4,), (6, 3)]},
        random={"learning_rate": "log_uniform(1e-2, 1)", "dropout": "uniform(0, 0.4)"},
    )  # fmt: skip
    assert len(one) == 12
    assert len({c["dropout"] for c in one.plan.candidates}) == 6
    np.testing.assert_array_equal(one.figures["training_loss"], two.figures["training_loss"])


def test_a_candidate_is_cross_validated():
    folds = swarm.Folds(3)
    grid = {"hidden": [4, 6], "batch_size": [8, 16]}
    results = sweep(
        *TRAIN, grid=grid, repetitions=3, samples=folds, validation="held", epochs=2, backend="reference"
    )  # fmt: skip
    for k in (1, 5, 9):
        left_out = folds.of(40)[k % 3]
        scores = evaluate(results.brains([k]), TRAIN[0][left_out], TRAIN[1][left_out])
        assert scores.loss[0] == pytest.approx(results.figures["validation_loss"][k], rel=1e-6)


def test_ensemble_leaves_the_diverged_out():
    results = small(grid={"learning_rate": [0.1, 1e30]}, repetitions=3, epochs=3)
    assert results.diverged.tolist() == [False] * 3 + [True] * 3
    assert sorted(results.members(10).tolist()) == [0, 1, 2]
    assert np.isfinite(results.ensemble(X)).all()


def test_a_table_fits_eighty_columns():
    from rich.console import Console

    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(small(test=HELD).table())
    said = console.export_text()
    assert "…" not in said
    assert "± " in said
    assert "validation" in said


@pytest.mark.parametrize(
    ("more", "error", "text"),
    [
        ({"epoch": 2}, SettingsError, "Did you mean 'epochs'"),
        ({"repetitions": 0}, SettingsError, "repetitions"),
        ({"learning_rate": 0.2}, SettingsError, "fixed and varied"),
        ({"beta1": 0.9}, SettingsError, "sgd has no beta1"),
        ({"grid": {"optimizer": ["sgd", "adam"], "momentum": [0.5]}}, SettingsError, "adam has no momentum"),
        ({"grid": {"nesterov": [True]}}, SettingsError, "momentum above 0"),
        ({"validation": (X[:0], Y[:0])}, DataError, "empty"),
    ],
)
def test_bad_words(more, error, text):
    with pytest.raises(error, match=text):
        small(**more)


def test_labels_that_are_no_labels():
    with pytest.raises(DataError, match="whole-number"):
        sweep(X, Y.astype(float))


@pytest.mark.parametrize("kind", ["settings", "overview", "distribution", "width", "curves"])
@pytest.mark.filterwarnings("error")
def test_pictures(tmp_path, kind):
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plot`")
    random = {"dropout": "uniform(0, 0.4)"}
    results = small(epochs=2, random=random, draws=3, repetitions=1)
    results.plot(tmp_path / "a.png", kind)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
