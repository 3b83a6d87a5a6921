"""What does an estimator know when it goes on? Scales, moments and samples of before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from gradless._core.errors import InputError
from gradless.data.scaling import Moments, Scales, moved
from gradless.estimators.remembered import Remembered
from gradless.models.mlp import MLP, Dense
from gradless.objectives import Objective
from gradless.problems.scorer import HostMetric
from gradless.training.regularization import averaged

_SEEN = 1000.0  # samples that a network of an old file is taken to have been trained on


class Continuing(BaseEstimator):
    """What a warm start and ``partial_fit`` need of what was learnt before."""

    # Estimators that were pickled before there was any have none.
    _moments: tuple[Moments, Moments | None] | None = None
    _remembered: Remembered | None = None
    _rounds = 0  # calls of fit and partial_fit that went on since the first

    @property
    def _scales(self) -> Scales:
        """Of the present network."""
        return Scales(
            self.feature_mean_, self.feature_scale_, self.output_shift_, self.output_scale_
        )

    @property
    def _known_moments(self) -> tuple[Moments, Moments | None]:
        """What is known of the samples that it was trained on."""
        if self._moments is not None:
            return self._moments
        # Files of before do not say more.
        scales = self._scales
        features = Moments(_SEEN, scales.mean, scales.scale)
        if scales.output_shift is None or scales.output_scale is None:
            return features, None
        return features, Moments(_SEEN, scales.output_shift, scales.output_scale)

    def _recalled(self, objective: Objective | HostMetric, seed: int) -> Remembered:
        """Samples of before, or what the network says of others like them."""
        if self._remembered is not None:
            return self._remembered
        weighs = not isinstance(objective, HostMetric) or objective.takes_weights()
        each, answers = self._likely(weighs)
        return Remembered.by_network(self._known_moments[0], answers, each, seed)

    def _likely(self, weighs: bool) -> tuple[int, Callable[[Any], tuple[Any, Any]]]:
        """How many answers the network has to a sample, and what says them and their weights."""
        del weighs
        return 1, lambda X: (self._of_network(X)[:, None], np.ones(len(X)))

    def _start(self, scales: Scales) -> tuple[Dense, ...]:
        """The present network's parameters, for other scales."""
        layers = moved(self._layers, self._scales, scales, self._known_moments)
        return tuple(Dense(*layer) for layer in layers)

    def _seen_with(
        self,
        X: npt.NDArray[Any],
        outputs: npt.NDArray[Any],
        weight: npt.NDArray[Any],
        *,
        more: bool,
    ) -> tuple[Moments, Moments | None]:
        """What is known of all samples up to now, these included."""
        if not len(X):
            return self._known_moments
        new = self._moments_of(X, outputs, weight)
        if not more:
            return new
        features, targets = self._known_moments
        return features.and_of(new[0]), new[1] and targets and targets.and_of(new[1])

    def _moments_of(
        self, X: npt.NDArray[Any], outputs: npt.NDArray[Any], weight: npt.NDArray[Any]
    ) -> tuple[Moments, Moments | None]:
        of_numbers = self._default_objective == "squared_error"
        return Moments.of(X, weight), Moments.of(outputs, weight) if of_numbers else None

    def _checked_model(self, model: MLP) -> MLP:
        """The network to go on with: of this form, or the mean of several that are.

        Raises
        ------
        InputError
            If the present one has another form.
        """
        present: MLP = self._model
        if len(model.sizes) == len(present.sizes) == 3 and present.sizes[1] % model.sizes[1] == 0:
            model = averaged(model, present.sizes[1] // model.sizes[1])
        # Other weights may follow: a network is trained in float32 first, and then in int8.
        if (present.sizes, present.activation) != (model.sizes, model.activation):
            raise InputError(
                f"a network to continue must have layers {present.sizes} with "
                f"{present.activation}, got {model.sizes} with {model.activation}; give the same "
                "features, classes and sizes, or fit anew with warm_start=False"
            )
        return model

    @property
    def _layers(self) -> tuple[Dense, ...]:
        """The present network's parameters."""
        layers: Any = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(Dense(weights, biases) for weights, biases in layers)


def of_round(seed: int, rounds: int) -> int:
    """Seed of a call that goes on: it is to find what those before have not tried."""
    if not rounds:
        return seed
    return int(np.random.SeedSequence([seed, rounds]).generate_state(1)[0])


def like(given: Any, X: npt.NDArray[Any]) -> Any:
    """Features in a frame as they were given in one."""
    columns = getattr(given, "columns", None)
    if columns is None:
        return X
    if hasattr(given, "iloc"):
        return type(given)(X, columns=columns)
    return type(given)(X, schema=list(columns))
