"""A regressor of scikit-learn that trains a network without gradients, for whatever is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from gradless._core import defaults
from gradless.estimators.base import GradientFree
from gradless.objectives import Task
from gradless.strategies import Strategy
from gradless.training import auto
from gradless.training.observers import Observer


class GradientFreeRegressor(RegressorMixin, GradientFree):
    """Regressor: a multi-layer perceptron trained without gradients, for any metric.

    Parameters
    ----------
    objective
        None for ``"squared_error"``, or with several outputs, the spreads of which may differ,
        ``"r2"``; or a name, a scorer or a function of numbers, as in
        :class:`GradientFreeClassifier`.
    standardize
        Scale the features to mean 0 and deviation 1, and the outputs of the network to those of
        the targets, inside of the estimator. Objectives see the units of the targets.
    hidden_layer_sizes, activation, alpha, weights, strategy, restarts, greater_is_better, \
    max_evaluations, max_time, batch_size, early_stopping, validation_fraction, patience, \
    warm_start, random_state, verbose, callback, checkpoint_dir, n_jobs, model
        As in :class:`GradientFreeClassifier`.

    Attributes
    ----------
    output_scale_, output_shift_ : ndarray (outputs,)
        Predictions are those of the network times scale, plus shift.
    alpha_, alphas_, cv_losses_, \
    coefs_, intercepts_, feature_mean_, feature_scale_, best_loss_, loss_curve_, history_, \
    validation_losses_, n_evaluations_, strategy_, strategy_reason_, stopped_because_, \
    n_features_in_, feature_names_in_
        As in :class:`GradientFreeClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientFreeRegressor(objective="absolute_error", random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.4)
    True
    """

    _default_objective = "squared_error"
    _more_fitted = ("_one_column",)

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = defaults.HIDDEN,
        activation: str = "relu",
        *,
        alpha: float | str = "auto",
        weights: str = "float32",
        strategy: str | Strategy = auto.AUTO,
        restarts: bool | str | None = None,
        objective: Any = None,
        greater_is_better: bool | None = None,
        max_evaluations: int | None = None,
        max_time: float | None = None,
        batch_size: int | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = defaults.VALIDATION,
        patience: float = defaults.PATIENCE,
        standardize: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        callback: Callable[[Any], Any] | None = None,
        checkpoint_dir: str | Path | None = None,
        n_jobs: int | None = None,
        model: Any = None,
    ) -> None:
        """Keep the parameters as they are; ``fit`` checks them."""
        self._keep_parameters(locals())

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        sample_event: Any = None,
        sample_group: Any = None,
        observers: Sequence[Observer] = (),
    ) -> Self:
        """Train a network.

        Parameters
        ----------
        X : array-like or data frame (samples, features)
            Finite numbers, dense.
        y : array-like (samples,) or (samples, outputs)
            Finite numbers.
        sample_weight : array-like (samples,)
            How much each sample counts, 0 or more.
        sample_event : array-like (samples,)
            1 where the event was seen, 0 where the time is censored, for ``"concordance"``.
        sample_group : array-like (samples,)
            The group of each, for the objective ``"ndcg"``.
        observers : list
            What watches training, for example ``[gradless.loggers.TensorBoard("folder")]``. Where a
            first phase goes to log loss, they hear of both as of one run.

        Returns
        -------
        GradientFreeRegressor
            Itself.

        Raises
        ------
        InputError
            Or another ``ValueError``, for whatever cannot be trained.
        """
        arrays = self._validated(X, y, reset=True)
        extras = {"event": sample_event, "group": sample_group}
        return self._train(
            *arrays, sample_weight, given=X, partial=False, observers=observers, extras=extras
        )

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on from the present network, if there is one, with a tenth of the budget.

        As :meth:`GradientFreeClassifier.partial_fit`; arguments are those of :meth:`fit`.
        """
        arrays = self._validated(X, y, reset=not hasattr(self, "coefs_"))
        return self._train(*arrays, sample_weight, given=X, partial=True)

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Numbers (samples,) or (samples, outputs), as the targets were given."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one_column else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _task_of(self, y: Any) -> Task:
        self._one_column = y.ndim == 1
        return "regression"

    def _targets_of(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return y.astype(np.float64).reshape(len(y), -1)

    def _answers_of(self, outputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return outputs[:, 0] if self._one_column else outputs

    def _n_outputs_of(self, outputs: npt.NDArray[Any]) -> int:
        return int(outputs.shape[1])
