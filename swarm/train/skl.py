"""What of scikit-learn the estimators stand on; without it, classes that say how to get it when they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarm.errors import ExtraError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    except ImportError:

        class BaseEstimator:
            """Stands in for scikit-learn's; cannot be made."""

            def __new__(cls, *_: Any, **__: Any) -> Any:
                raise ExtraError(
                    f"{cls.__name__}: scikit-learn is not installed. Remedy: pip install 'swarm-engine[sklearn]'."
                    " Without it, train with swarm.fit(brains, x, y)."
                )

        class ClassifierMixin:
            """Stands in for scikit-learn's."""

        class RegressorMixin:
            """Stands in for scikit-learn's."""


__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin"]
