"""Population-based training: who copies whom, what is explored, histories by hand, the same run for the same seed."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

import swarm
from swarm import MLP, SGD, Brains, RMSprop, Training, fit
from swarm.errors import DataError, SaveError, SettingsError
from swarm.train import Interrupted, space, training
from swarm.train.history import History
from swarm.train.pbt import Selection, judged, pbt
from swarm.train.report import Report

rng = np.random.default_rng(11)
X = rng.standard_normal((160, 6)).astype(np.float32)
Y = ((X[:, 0] * X[:, 1] > 0) + 2 * (X[:, 2] > 0)).astype(int)
TRAIN, HELD = (X[:120], Y[:120]), (X[120:], Y[120:])
LAW = {"learning_rate": "log_uniform(1e-4, 3)", "weight_decay": "log_uniform(1e-6, 1e-1)"}


def pool(count: int = 12, mlp: MLP | None = None) -> Brains:
    return Brains(mlp or MLP((6, 12, 4), "tanh"), count, seed=2, backend="reference")


def evolve(brains: Brains | None = None, **more):
    brains = pool() if brains is None else brains
    asked = {"validation": HELD, "explore": LAW, "epochs": 8, "optimizer": SGD(momentum=0.9), "batch_size": 16}
    return pbt(brains, *TRAIN, **{**asked, **more})


# --- selection, by hand ---------------------------------------------------------------------------------------------


def test_the_worst_copy_the_best_of_their_own_architecture():
    score = np.array([0.9, 0.1, 0.5, 0.2, 0.8, 0.6, 0.7, 0.3, 0.4, 0.0])
    groups = [np.array([0, 2, 4, 6, 8]), np.array([1, 3, 5, 7, 9])]
    source = Selection(LAW, fraction=0.2).pairs(score, groups, np.arange(10), 1)
    assert source.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 5]


def test_every_good_brain_is_taken_equally_often():
    score = -np.arange(4000.0)
    source = Selection(LAW, fraction=0.5).pairs(score, [np.arange(4000)], np.arange(4000), 3)
    assert (source[:2000] == np.arange(2000)).all()
    assert source[2000:].max() < 2000
    counts = np.histogram(source[2000:], 10, (0, 2000))[0]
    assert ((counts - 200) ** 2 / 200).sum() < 27.9  # chi-squared, 9 degrees of freedom: p = 0.001


def test_diverged_brains_are_replaced_beyond_the_fraction_and_never_copied():
    score = np.array([-np.inf, 0.5, -np.inf, -np.inf, 0.4])
    source = Selection(LAW, fraction=0.2).pairs(score, [np.arange(5)], np.arange(5), 1)
    assert source.tolist() == [1, 1, 1, 1, 4]
    nobody = np.full(5, -np.inf)
    assert Selection(LAW).pairs(nobody, [np.arange(5)], np.arange(5), 1).tolist() == [0, 1, 2, 3, 4]


def test_equals_and_the_lonely_stay():
    selection = Selection(LAW)
    assert selection.pairs(np.ones(4), [np.arange(4)], np.arange(4), 1).tolist() == [0, 1, 2, 3]
    assert selection.pairs(np.array([0.1, 0.9]), [np.array([0]), np.array([1])], np.arange(2), 1).tolist() == [0, 1]


def test_copiers_move_from_their_source_and_the_others_stay():
    selection = Selection({"learning_rate": "uniform(0.1, 1)"}, resample=0.0)
    laws = selection.laws(SGD())
    values = {"learning_rate": np.array([0.2, 0.95, 0.5, 0.11])}
    source = np.array([0, 1, 0, 1])
    found = selection.explored(laws, values, source, np.arange(4), 2)["learning_rate"]
    assert found[:2].tolist() == [0.2, 0.95]
    assert found[2] in (0.2 * 0.8, 0.2 * 1.2)
    assert found[3] in (0.95 * 0.8, 1.0)  # not beyond the distribution's end


def test_resampling_draws_from_the_distribution():
    selection = Selection({"learning_rate": "log_uniform(1e-3, 1)"}, resample=1.0)
    source = np.zeros(3000, np.int64)
    values = {"learning_rate": np.full(3000, 0.5)}
    found = selection.explored(selection.laws(SGD()), values, source, np.arange(3000), 1)["learning_rate"][1:]
    counts = np.histogram(np.log10(found), 6, (-3, 0))[0]
    assert ((counts - 500) ** 2 / 500).sum() < 20.5  # chi-squared, 5 degrees of freedom: p = 0.001


def test_of_a_list_the_neighbour():
    selection = Selection({"momentum": [0.0, 0.5, 0.9]}, resample=0.0)
    values = {"momentum": np.full(64, 0.5)}
    found = selection.explored(selection.laws(SGD()), values, np.zeros(64, np.int64), np.arange(64), 1)["momentum"]
    assert set(found[1:]) == {0.0, 0.9}


def test_accuracy_ranks_and_the_loss_breaks_ties():
    report = Report(pool(4), np.ones(4))
    report.validation_accuracy_curve = np.array([[0.5, 0.7, 0.7, 0.7 + 1e-12]])  # however close, more is better
    report.validation_loss_curve = np.array([[0.1, 0.9, 0.2, 3.0]])
    score = judged(report)
    assert score.tolist() == [0.5, 0.7, 0.7, 0.7 + 1e-12]
    loss = report.validation_loss
    halves = [np.array([2, 1]), np.array([3, 0])], np.arange(4), 1
    assert Selection(LAW, fraction=0.5).pairs(score, *halves, loss).tolist() == [3, 2, 2, 3]
    close = [np.array([2, 3])], np.arange(4), 1
    assert Selection(LAW, fraction=0.5).pairs(score, *close, loss).tolist() == [0, 1, 3, 3]


def test_without_labels_the_loss_ranks():
    report = Report(pool(3), np.ones(3))
    report.validation_loss_curve = np.array([[0.3, np.inf, 0.2]])
    assert judged(report).tolist() == [-0.3, -np.inf, -0.2]


def test_history_by_hand(tmp_path):
    history = History.of({"learning_rate": np.array([1.0, 2.0, 3.0])})
    history.close(np.array([0, 1, 2]), np.array([2, 1, 2]), {"learning_rate": np.array([3.3, 2.0, 3.0])})
    history.close(np.array([5, 1, 2]), np.array([0, 0, 2]), {"learning_rate": np.array([3.3, 2.5, 3.0])})
    history.close(np.array([5, 6, 2]))
    assert history.copies == 2
    assert history.lineage(1).tolist() == [2, 0, 1]
    assert history.schedule(1)["learning_rate"].tolist() == [3.0, 3.3, 2.5]
    assert history.lineage(2).tolist() == [2, 2, 2]
    assert history.founders.tolist() == [2, 2, 2]
    history.save(tmp_path / "h.npz")
    again = History.load(tmp_path / "h.npz")
    assert again.lineage(1).tolist() == [2, 0, 1]
    assert history.until(1).founders.tolist() == [2, 1, 2]
    assert History.unpack(history.until(0).pack()).rounds == 0  # type: ignore[union-attr]
    (tmp_path / "h.npz").write_bytes(b"half")
    with pytest.raises(SaveError, match=r"h\.npz"):
        History.load(tmp_path / "h.npz")


# --- runs -----------------------------------------------------------------------------------------------------------


def test_it_beats_the_same_population_with_fixed_hyper_parameters():
    evolved = evolve()
    twin = pool()
    first = Selection(LAW).first(Selection(LAW).laws(SGD()), SGD(), np.arange(12))
    fixed = fit(twin, *TRAIN, validation=HELD, epochs=8, batch_size=16, optimizer=SGD(momentum=0.9, **first))
    assert evolved.report.validation_accuracy is not None
    assert fixed.validation_accuracy is not None
    assert evolved.history.copies > 0
    assert evolved.report.validation_accuracy.mean() > fixed.validation_accuracy.mean() + 0.05


def test_the_same_seed_gives_the_same_run():
    one, two, other = pool(), pool(), pool()
    evolve(one)
    evolve(two)
    evolve(other, seed=1)
    assert one.parameters.tobytes() == two.parameters.tobytes()
    assert one.parameters.tobytes() != other.parameters.tobytes()


def test_it_is_the_loop_that_one_would_write():
    """Against a plain loop over `Training`, with its own bookkeeping of who became whom."""
    brains, twin = pool(), pool()
    evolved = evolve(brains, epochs=5, every=2)
    history = evolved.history
    plain = Training(
        twin, *TRAIN, validation=HELD, epochs=5, batch_size=16,
        optimizer=SGD(momentum=0.9, **{name: rows[0] for name, rows in history.used.items()}),
    )  # fmt: skip
    for r in range(3):
        report = plain.run(2)
        np.testing.assert_array_equal(judged(report), history.scores[r])
        if r < 2:
            to = np.flatnonzero(history.parents[r] != np.arange(12))
            plain.copy(history.parents[r][to], to)
            plain.optimizer = SGD(momentum=0.9, **{name: rows[r + 1] for name, rows in history.used.items()})
    assert history.rounds == 3
    assert brains.parameters.tobytes() == twin.parameters.tobytes()


def test_copies_stay_within_an_architecture():
    mlps = [MLP((6, 4 + 8 * (k % 2), 4), "tanh") for k in range(10)]
    history = evolve(Brains(mlps, seed=1, backend="reference")).history
    assert history.copies > 0
    for source in history.parents:
        assert (source % 2 == np.arange(10) % 2).all()


def test_given_first_values_are_kept():
    rates = np.linspace(0.01, 0.1, 12)
    history = evolve(optimizer=SGD(rates), explore={"learning_rate": "uniform(0.001, 1)"}, epochs=2).history
    np.testing.assert_array_equal(history.used["learning_rate"][0], rates)
    law = space.Distribution.of("learning_rate", LAW["learning_rate"])
    drawn = evolve(epochs=1).history.used["learning_rate"][0]
    np.testing.assert_array_equal(drawn, space.draw(law, np.arange(12), 0))


@pytest.mark.parametrize("looks", [1, 2, 3, 6])
def test_ctrl_c_and_resume_have_the_same_bits(tmp_path, monkeypatch, looks):
    whole, half, again = pool(), pool(), pool()
    undisturbed = evolve(whole, every=2, epochs=6)
    left = iter([False] * (looks - 1))

    @contextmanager
    def listening():
        yield lambda: next(left, True)

    monkeypatch.setattr(training, "listening", listening)
    file = tmp_path / "state"
    with pytest.raises(Interrupted):
        evolve(half, every=2, epochs=6, checkpoint=file)
    monkeypatch.undo()
    resumed = evolve(again, every=2, epochs=6, checkpoint=file, resume=True)
    assert again.parameters.tobytes() == whole.parameters.tobytes()
    assert resumed.history.founders.tolist() == undisturbed.history.founders.tolist()
    assert resumed.history.rounds == 3


@pytest.mark.parametrize("end", [2, 4, 6, 1])
def test_ctrl_c_as_a_round_ends_loses_no_selection(tmp_path, monkeypatch, end):
    """Interrupted comes after the call that ended epoch `end` of rounds of two."""
    whole, half, again = pool(), pool(), pool()
    undisturbed = evolve(whole, every=2, epochs=6)
    run = Training.run

    def stopped(self, epochs=None):
        if self.epoch // 2 * 2 + 2 < end + end % 2:
            return run(self, epochs)
        report = run(self, end - self.epoch)
        raise Interrupted(report, self)

    monkeypatch.setattr(Training, "run", stopped)
    file = tmp_path / "state"
    with pytest.raises(Interrupted):
        evolve(half, every=2, epochs=6, checkpoint=file)
    monkeypatch.undo()
    assert History.load(History.beside(file)).rounds == end // 2
    resumed = evolve(again, every=2, epochs=6, checkpoint=file, resume=True)
    assert again.parameters.tobytes() == whole.parameters.tobytes()
    np.testing.assert_array_equal(resumed.history.pack()["parents"], undisturbed.history.pack()["parents"])
    np.testing.assert_array_equal(resumed.history.pack()["scores"], undisturbed.history.pack()["scores"])


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"batch_size": 8}, "batch_size=16, not 8"),
        ({"epochs": 4}, "epochs=2, not 4"),
        ({"seed": 3}, "seed=0, not 3"),
        ({"keys": np.arange(12) + 5}, "keys"),
        ({"every": 2}, "every=1, not 2"),
        ({"fraction": 0.4}, r"fraction=0\.2, not 0\.4"),
        ({"factors": (0.5, 2)}, r"factors=\[0\.8, 1\.2\], not \[0\.5, 2\.0\]"),
        ({"resample": 0}, r"resample=0\.25, not 0\.0"),
        ({"explore": {"learning_rate": [0.1, 1]}}, r"explore=.*log_uniform\(0\.0001, 3\.0\).*, not .*\[0\.1, 1\.0\]"),
        ({"optimizer": SGD(momentum=0.5)}, r"momentum=0\.9, not 0\.5"),
        ({"optimizer": RMSprop()}, "SGD, not RMSprop"),
        ({"optimizer": SGD(np.linspace(0.1, 1, 12), momentum=0.9)}, "other values of learning_rate"),
    ],
)
def test_resume_refuses_what_was_not_asked_for(tmp_path, more, text):
    evolve(epochs=2, checkpoint=tmp_path / "state")
    with pytest.raises(SettingsError, match=text):
        evolve(**{"epochs": 2, "checkpoint": tmp_path / "state", "resume": True, **more})


def test_resume_takes_the_same_said_otherwise(tmp_path):
    evolve(epochs=2, checkpoint=tmp_path / "state")
    same = {"learning_rate": "log_uniform(0.0001,3.0)", "weight_decay": LAW["weight_decay"]}
    again = evolve(epochs=2, checkpoint=tmp_path / "state", resume=True, explore=same, factors=[0.8, 1.2])
    assert again.history.rounds == 2


def test_public_name():
    assert swarm.pbt is pbt


@pytest.mark.parametrize(
    ("more", "error", "text"),
    [
        ({"validation": None}, DataError, "validation"),
        ({"explore": {}}, SettingsError, "nothing to explore"),
        ({"explore": {"learning_rte": [1]}}, SettingsError, "Did you mean 'learning_rate'"),
        ({"explore": {"beta1": [0.9]}}, SettingsError, "SGD has no hyper-parameter 'beta1'"),
        ({"explore": {"dropout": [0.9]}}, SettingsError, "no hyper-parameter 'dropout'"),
        ({"every": 0}, SettingsError, "every"),
        ({"fraction": 0.6}, SettingsError, "fraction"),
        ({"resample": 2}, SettingsError, "resample"),
        ({"factors": (0, 2)}, SettingsError, "factors"),
        ({"patience": 3}, SettingsError, "patience"),
        ({"optimizer": object()}, SettingsError, "swarm's optimizers"),
    ],
)
def test_bad_words(more, error, text):
    with pytest.raises(error, match=text):
        evolve(**more)
