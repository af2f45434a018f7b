"""What the two estimators have in common: a population over an architecture grid, trained at once, judged, combined."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.config import suggest
from swarm.errors import DataError, SettingsError
from swarm.train.ensemble import members_of
from swarm.train.fit import fit
from swarm.train.grid import Grid
from swarm.train.optimizers import OPTIMIZERS
from swarm.train.report import Report
from swarm.train.scaling import Scaling, folded
from swarm.train.skl import BaseEstimator
from swarm.train.split import split

_BYTES = 255.0  # a byte's largest value: uint8 inputs are scaled to 0..1
_FITTED = (  # what one network of a population keeps of it
    "n_features_in_", "feature_names_in_", "classes_", "n_outputs_", "input_scaling_", "output_scaling_", "_flat",
)  # fmt: skip


class Population(BaseEstimator):
    """Base of `PopulationClassifier` and `PopulationRegressor` (estimators.py), which say what the settings mean."""

    # what fit leaves, also read by type checkers
    brains_: Brains
    report_: Report
    members_: np.ndarray
    best_row_: int
    input_scaling_: Scaling
    output_scaling_: Scaling
    n_features_in_: int

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
        standardize: bool = True,
        fit_options: dict[str, Any] | None = None,
        random_state: Any = None,
        backend: Any = "cpu",
        dtype: str = "float32",
        threads: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.learning_rate = learning_rate
        self.repetitions = repetitions
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.sampling = sampling
        self.validation_fraction = validation_fraction
        self.top = top
        self.standardize = standardize
        self.fit_options = fit_options
        self.random_state = random_state
        self.backend = backend
        self.dtype = dtype
        self.threads = threads

    def _train(self, train: tuple, held: tuple, outputs: int, loss: str, seed: int) -> None:
        """Fit networks of `outputs` outputs to samples `train` and judge them on `held`; both are (x, y), scaled."""
        if self.top is not None and (not isinstance(self.top, (int, np.integer)) or self.top < 1):
            raise SettingsError(f"top={self.top!r} must be a whole number of 1 or more, or None for all.")
        grid = Grid.of(self.hidden, self.activation, self.learning_rate, self.repetitions)
        optimizer = self._optimizer(grid.rates)
        networks = grid.networks(self.n_features_in_, outputs)
        same = len(set(networks)) == 1
        self.brains_ = Brains(
            networks[0] if same else networks, len(networks) if same else None,
            seed=seed, backend=self.backend, dtype=self.dtype, threads=self.threads,
        )  # fmt: skip
        settings = {"epochs": self.epochs, "batch_size": self.batch_size, "sampling": self.sampling, "seed": seed}
        self.report_ = fit(
            self.brains_, *train, loss=loss, optimizer=optimizer, validation=held,
            **{**settings, **(self.fit_options or {})},
        )  # fmt: skip
        self.n_iter_ = self.report_.epochs
        self.members_ = members_of(self.report_, self.top)
        self.best_row_ = int(self.members_[0])
        self._tell(grid, self._judge(self.report_))

    def _judge(self, report: Report) -> np.ndarray:
        """The validation score of every network, [N], the larger the better."""
        raise NotImplementedError

    def _tell(self, grid: Grid, scores: np.ndarray) -> None:
        """The table of candidates, and who won."""
        scores = np.where(self.report_.diverged, np.nan, scores)
        table = scores.reshape(len(grid.candidates), grid.repetitions)
        alive = np.isfinite(table)
        count = np.maximum(alive.sum(axis=1), 1)
        mean = np.where(alive.any(axis=1), np.where(alive, table, 0).sum(axis=1) / count, np.nan)
        spread = np.where(alive, table - mean[:, None], 0)
        order = np.sort(-mean)  # NaN last
        self.cv_results_ = {
            **grid.columns(),
            **{f"repetition{r}_validation_score": table[:, r].copy() for r in range(grid.repetitions)},
            "mean_validation_score": mean,
            "std_validation_score": np.where(alive.any(axis=1), np.sqrt(np.square(spread).sum(axis=1) / count), np.nan),
            "rank_validation_score": 1 + np.searchsorted(order, -mean).astype(np.int32),
            "diverged": grid.repetitions - alive.sum(axis=1),
        }
        self.best_index_ = self.best_row_ // grid.repetitions
        self.best_params_ = grid.candidates[self.best_index_]
        self.best_score_ = float(scores[self.best_row_])

    def _optimizer(self, rates: np.ndarray) -> Any:
        made = self.optimizer
        if isinstance(made, str):
            if made not in OPTIMIZERS:
                raise SettingsError(f"optimizer={made!r} is unknown.{suggest(made, OPTIMIZERS)}")
            return OPTIMIZERS[made](rates)
        if not is_dataclass(made) or isinstance(made, type) or not hasattr(made, "learning_rate"):
            raise SettingsError(f"optimizer={made!r} is neither a name nor an optimizer such as swarm.Adam().")
        return replace(made, learning_rate=rates)

    def _seed(self) -> int:
        from sklearn.utils import check_random_state

        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _held(self, X: np.ndarray, y: np.ndarray, validation: Any, seed: int, classes: Any = None) -> tuple:
        """Training samples, training targets, validation samples, validation targets, as they were given."""
        from sklearn.utils.validation import validate_data

        if validation is None:
            train, held = split(len(X), self.validation_fraction, seed, classes)
            return X[train], y[train], X[held], y[held]
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise SettingsError("fit: validation is a pair of samples and targets: validation=(xv, yv).")
        xv = validate_data(self, validation[0], reset=False)
        yv = np.asarray(validation[1])
        if len(yv) != len(xv) or yv.shape[1:] != y.shape[1:]:
            raise DataError(f"fit: validation has {len(xv):,} samples, and targets of the shape {yv.shape}.")
        return X, y, xv, yv

    def _input_scaling(self, X: np.ndarray) -> Scaling:
        if X.dtype == np.uint8:  # bytes stay bytes; kernels scale them to 0..1 where they read them
            return Scaling.none(X.shape[1], _BYTES)
        return Scaling.of(X) if self.standardize else Scaling.none(X.shape[1])

    def _inputs(self, X: np.ndarray) -> np.ndarray:
        """X as the networks want it."""
        how = self.input_scaling_
        if X.dtype == np.uint8 and not how.shift.any() and (how.scale == _BYTES).all():
            return X
        return how.apply(X, np.float64 if self.dtype == "float64" else np.float32)

    def _asked(self, X: Any) -> np.ndarray:
        """X of a prediction, checked and scaled."""
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self, "brains_")
        return self._inputs(np.asarray(validate_data(self, X, reset=False)))

    # --- one of them ------------------------------------------------------------------------------------------------

    def estimator(self, row: int) -> Any:
        """A fitted estimator of this kind that holds a copy of network `row` alone."""
        from sklearn.base import clone
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "brains_")
        brain = self.brains_[row].clone()
        row = int(np.arange(len(self.brains_))[row])
        one: Any = clone(self)
        if hasattr(self, "cv_results_"):
            one.set_params(**self.cv_results_["params"][row * len(self.cv_results_["params"]) // len(self.brains_)])
        one.set_params(repetitions=1, top=1)
        for name in _FITTED:
            if hasattr(self, name):
                setattr(one, name, getattr(self, name))
        one.brains_, one.members_, one.best_row_ = brain, np.zeros(1, np.int64), 0
        return one

    @property
    def best_estimator_(self) -> Any:
        """A fitted estimator with a copy of the network that was best on the validation split, alone."""
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "brains_")
        return self.estimator(self.best_row_)

    def brain(self, row: int | None = None) -> Brains:
        """Network `row` (default: the best) as brains of one that take X as it is: the scaling is folded in.

        A classifier's outputs are logits in the order of `classes_`. Save it, or `swarm.to_torch`, `swarm.to_onnx`.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "brains_")
        one = self.brains_[self.best_row_ if row is None else row]
        return folded(one, self.input_scaling_, self.output_scaling_)
