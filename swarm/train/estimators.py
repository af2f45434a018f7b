"""`PopulationClassifier` and `PopulationRegressor`: a population of networks as one scikit-learn estimator.

Settings of both (lists and tuples of values span the grid; every combination is trained `repetitions` times, at once):

hidden          widths of the hidden layers: 32, (32, 16), () for none; several: a list, [8, 32, (32, 16)], or a tuple
                of tuples
activation      a name of `swarm.ACTIVATIONS` for all hidden layers, or several to try
learning_rate   a number, or several
repetitions     networks of each combination; they differ in first weights and order of samples
optimizer       'sgd', 'rmsprop', 'adam', 'adamw', or an optimizer such as swarm.Adam(beta1=0.8); the grid sets its rate
epochs, batch_size, sampling    as for `swarm.fit`
validation_fraction    share of the samples that is held back to judge the networks; `fit(validation=...)` replaces it
top             how many of the best networks predict together; None: all that did not diverge
standardize     bring the columns of X (and the regressor's y) to mean 0, deviation 1 of the training split; bytes
                (uint8) are scaled to 0..1 instead
fit_options     further arguments of `swarm.fit`, a dict, or None
random_state    of the split, the first weights and the orders; the same number gives the same estimator
backend, dtype, threads    as for `swarm.Brains`

After `fit`: brains_ (all networks), report_ (curves, ranking, plots), cv_results_ (dict of arrays, one value per
combination), members_ (row numbers of the ensemble, best first), best_row_, best_index_, best_params_, best_score_ (of
the best network on the validation split), best_estimator_, `estimator(row)`, `brain(row)`, n_features_in_. Nothing but
the validation split decides who is best and who takes part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.config import suggest
from swarm.errors import DataError, SettingsError
from swarm.train.ensemble import WAYS, combine, labels, softmax
from swarm.train.population import Population
from swarm.train.report import Report
from swarm.train.scaling import Scaling
from swarm.train.skl import ClassifierMixin, RegressorMixin


class PopulationClassifier(ClassifierMixin, Population):
    """Classifies by the best networks of a population; settings and attributes: see this module.

    ensemble: how they predict together: 'mean' of the logits, mean 'probability', or 'vote'. Networks are trained on
    cross-entropy and judged by accuracy, then by loss. Raises `DataError` and `SettingsError`, both ValueErrors.
    """

    def __init__(
        self,
        hidden: Any = ((16,), (32,)),
        activation: Any = ("relu", "tanh"),
        learning_rate: Any = (0.003, 0.01),
        repetitions: int = 2,
        *,
        optimizer: Any = "adam",
        epochs: int = 30,
        batch_size: int = 32,
        sampling: str = "own",
        validation_fraction: float = 0.2,
        top: int | None = 5,
        ensemble: str = "mean",
        standardize: bool = True,
        fit_options: dict[str, Any] | None = None,
        random_state: Any = None,
        backend: Any = "cpu",
        dtype: str = "float32",
        threads: int | None = None,
    ) -> None:
        super().__init__(
            hidden, activation, learning_rate, repetitions, optimizer=optimizer, epochs=epochs, batch_size=batch_size,
            sampling=sampling, validation_fraction=validation_fraction, top=top, standardize=standardize,
            fit_options=fit_options, random_state=random_state, backend=backend, dtype=dtype, threads=threads,
        )  # fmt: skip
        self.ensemble = ensemble

    def fit(self, X: Any, y: Any, validation: tuple[Any, Any] | None = None) -> PopulationClassifier:
        """Train on X [M, I] with labels y [M] of any type. validation (xv, yv) judges, instead of a part of X."""
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import validate_data

        if self.ensemble not in WAYS:
            raise SettingsError(f"ensemble={self.ensemble!r} is unknown.{suggest(str(self.ensemble), WAYS)}")
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        seed = self._seed()
        given = None if validation is None else self._coded(validation)
        x, codes, xv, held = self._held(X, codes.reshape(-1), given, seed, codes.reshape(-1))
        self.input_scaling_ = self._input_scaling(x)
        self.output_scaling_ = Scaling.none(len(self.classes_))
        train, held = (self._inputs(x), codes), (self._inputs(xv), held)
        self._train(train, held, len(self.classes_), "cross_entropy", seed)
        return self

    def _coded(self, validation: Any) -> Any:
        """Validation labels as the numbers of their classes."""
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            return validation  # refused where both estimators check it
        named = np.asarray(validation[1])
        unknown = ~np.isin(named, self.classes_)
        if unknown.any():
            raise DataError(
                f"fit: the validation label '{named[unknown][0]}' is none of the {len(self.classes_)} classes in y."
            )
        return validation[0], np.searchsorted(self.classes_, named)

    def _judge(self, report: Report) -> np.ndarray:
        accuracy = report.validation_accuracy
        assert accuracy is not None
        return accuracy

    def predict(self, X: Any) -> np.ndarray:
        """The class [M] that the ensemble names; equal votes are settled by the mean logits."""
        x = self._asked(X)
        return self.classes_[labels(self.brains_, x, self.members_, self.ensemble)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities [M, classes] float64, in the order of `classes_`; the shares of the votes for 'vote'."""
        x = self._asked(X)
        together = combine(self.brains_, x, self.members_, self.ensemble)
        return softmax(together) if self.ensemble == "mean" else together


class PopulationRegressor(RegressorMixin, Population):
    """Predicts one number or several by the mean of the best networks of a population; settings: see this module.

    Networks are trained on the mean squared error and judged by it; a validation score is 1 - error / variance of the
    training targets. Raises `DataError` and `SettingsError`, both ValueErrors.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, validation: tuple[Any, Any] | None = None) -> PopulationRegressor:
        """Train on X [M, I] with targets y [M] or [M, O]. validation (xv, yv) judges, instead of a part of X."""
        from sklearn.utils.validation import validate_data

        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        self._flat = y.ndim == 1
        seed = self._seed()
        x, y, xv, held = self._held(X, y, validation, seed)
        self.input_scaling_ = self._input_scaling(x)
        wanted = y.reshape(len(y), -1)
        self.output_scaling_ = Scaling.of(wanted) if self.standardize else Scaling.none(self.n_outputs_)
        targets = [self.output_scaling_.apply(t.reshape(len(t), -1), np.float64) for t in (wanted, held)]
        variance = targets[0].var()
        self._variance = float(variance) if variance > 0 else 1.0
        train, held = (self._inputs(x), targets[0]), (self._inputs(xv), targets[1])
        self._train(train, held, self.n_outputs_, "mse", seed)
        return self

    def _judge(self, report: Report) -> np.ndarray:
        loss = report.validation_loss
        assert loss is not None
        return 1 - loss / self._variance

    def predict(self, X: Any) -> np.ndarray:
        """The mean of the ensemble's answers, [M] or [M, O] float64, as y was."""
        x = self._asked(X)
        together = self.output_scaling_.undo(combine(self.brains_, x, self.members_))
        return together[:, 0] if self._flat else together
