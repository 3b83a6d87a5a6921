"""Estimators of scikit-learn that train a network without gradients, for whatever is measured.

>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> model = GradientFreeClassifier(objective="f1_macro", random_state=0)
>>> bool(model.fit(X, y).score(X, y) > 0.95)
True
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from gradless import strategies
from gradless._core import forked
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless.data import held_out
from gradless.data.scaling import Moments, Scales, moved
from gradless.estimators import files
from gradless.estimators.remembered import Remembered
from gradless.models import numpy_forward
from gradless.models.mlp import MLP, Dense
from gradless.objectives import Objective, Task
from gradless.objectives.units import Unit, unit_for
from gradless.problems.scorer import HostMetric, Responses, resolve
from gradless.strategies import Strategy
from gradless.training import auto, session
from gradless.training.session import Samples, Trained, Training

__all__ = ["GradientFreeClassifier", "GradientFreeRegressor", "load"]

_PARTIAL_SHARE = 0.1  # of the budget, for a call of partial_fit
_SEEN = 1000.0  # samples that a network of an old file is taken to have been trained on
LOG_LOSS_SHARE = 0.5
"""Of the budget, for a first phase where the objective goes in steps."""


class _GradientFree(BaseEstimator):
    """What both have in common."""

    # Estimators that were pickled before there was any have none.
    _moments: tuple[Moments, Moments | None] | None = None
    _remembered: Remembered | None = None
    _rounds = 0  # calls of fit and partial_fit that went on since the first

    def _keep_parameters(self, given: dict[str, Any]) -> None:
        """Keep what ``__init__`` was given, its ``locals()``, under the same names."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    def _train(self, X: Any, y: Any, sample_weight: Any, *, given: Any, partial: bool) -> Self:
        """Fit arrays that were validated; ``given`` are the features as the user has them."""
        forked.check()
        use_all_cores()
        self._check_settings()
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        task: Task = self._task_of(y)
        outputs = self._targets_of(y)
        n_outputs = self._n_outputs_of(outputs)
        sizes = (X.shape[1], *_sizes(self.hidden_layer_sizes), n_outputs)
        model = MLP(sizes, self.activation, weights=self.weights)
        objective = self._objective_for(task, n_outputs)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        going_on = (partial or self.warm_start) and hasattr(self, "coefs_")
        if going_on:
            self._check_model(model)

        new, before = (X, outputs, weight), None
        counted = weight > 0
        if partial:
            before = self._recalled(objective, seed) if going_on else Remembered.none_of(*new)
            pairs = zip(before[:3], new, strict=True)
            X, outputs, weight = (np.concatenate(pair) for pair in pairs)
            y = self._answers_of(outputs)
            given = _like(given, X)
        weighted = getattr(self, "class_weight", None) is not None or bool((weight != 1).any())
        weighted |= sample_weight is not None
        host = isinstance(objective, HostMetric)
        if isinstance(objective, HostMetric) and weighted and not objective.takes_weights():
            raise InputError(
                f"weights were given with the metric {objective.name}, which takes no "
                "sample_weight; leave them out, or give a metric that takes them"
            )
        weight = self._weighted_by_class(y, weight)
        chosen = np.flatnonzero(weight > 0)
        if not len(chosen):
            raise InputError(
                "sample weights of zero for every sample were given, expected one above 0 at least"
            )
        self._check_counted(outputs[chosen], partial)
        weight = weight[chosen]
        if not host or weighted:
            rows = np.column_stack([X, outputs.astype(np.float64)])[chosen]
            first, weight = session.merged(rows, weight)
            chosen = chosen[first]
        X, outputs, y = X[chosen], outputs[chosen], y[chosen]
        in_training, aside = self._split(outputs, seed)

        if partial:
            seen = self._seen_with(*(each[counted] for each in new), more=going_on)
        else:
            seen = self._moments_of(X[in_training], outputs[in_training], weight[in_training])
        scales = Scales.of(*seen, self.standardize)
        unit = None
        targets: Any = outputs
        if seen[1] is not None and isinstance(objective, Objective):
            unit = unit_for(objective, np.where(seen[1].constant, 0.0, seen[1].deviation))
            targets = scales.targets(outputs, unit.of_targets)
        rounds = self._rounds + 1 if going_on else 0
        patience = None if aside is None else self.n_iter_no_change
        training = self._training(
            task, model, objective, scales, unit, patience, _of_round(seed, rounds), partial
        )
        read = isinstance(objective, HostMetric) and objective.reads_features
        samples = Samples(
            scales.inputs(X),
            targets,
            weight,
            y,
            _safe_indexing(given, chosen) if read else None,
            weighted,
        )
        trained = session.fit(
            training,
            samples.at(in_training),
            None if aside is None else samples.at(aside),
            self._start(scales) if going_on else None,
        )
        self._keep(trained, model, scales)
        self._moments, self._rounds = seen, rounds
        self._remembered = None
        if before is not None:
            remembered = new[0][counted], new[1][counted], new[2][counted]
            self._remembered = before.and_of(remembered, training.seed)
        return self

    def _training(
        self,
        task: Task,
        model: MLP,
        objective: Objective | HostMetric,
        scales: Scales,
        unit: Unit | None,
        patience: int | None,
        seed: int,
        partial: bool,
    ) -> Training:
        training = Training(
            task=task,
            model=model,
            objective=objective,
            strategy=_strategy(self.strategy),
            classes=getattr(self, "classes_", None),
            scales=scales,
            unit=unit,
            max_evaluations=(
                session.DEFAULT_EVALUATIONS
                if self.max_evaluations is None and self.max_time is None
                else self.max_evaluations
            ),
            max_time=self.max_time,
            batch_size=self.batch_size,
            log_loss_share=self._log_loss_share(objective),
            grows=partial,
            patience=patience,
            seed=seed,
            verbose=bool(self.verbose),
            callback=self.callback,
            folder=None if self.checkpoint_dir is None else Path(self.checkpoint_dir),
        )
        return training.with_share(_PARTIAL_SHARE) if partial else training

    def _objective_for(self, task: Task, n_outputs: int) -> Objective | HostMetric:
        default = self._default_objective
        if task == "regression" and n_outputs > 1:
            default = "r2"  # in which every output counts by its own spread
        objective = resolve(self.objective, default, self.greater_is_better, self.n_jobs)
        if isinstance(objective, Objective):
            objective.check(task, n_outputs)
        return objective

    # --- What was learnt before -------------------------------------------------------------------

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

    # --- What is given ----------------------------------------------------------------------------

    def _check_settings(self) -> None:
        """Refuse values that nothing can be done with."""
        _sizes(self.hidden_layer_sizes)
        for name in ("max_evaluations", "batch_size", "n_iter_no_change"):
            value = getattr(self, name)
            optional = name != "n_iter_no_change"
            if optional and value is None:
                continue
            if type(value) is bool or not isinstance(value, int | np.integer) or value < 1:
                raise InputError(
                    f"{name}={value!r} was given, expected a whole number, 1 or more"
                    f"{', or None' if optional else ''}"
                )
        time = self.max_time
        if time is not None and not (isinstance(time, int | float | np.number) and time > 0):
            raise InputError(f"max_time={time!r} was given, expected seconds above 0, or None")
        fraction = self.validation_fraction
        if not (isinstance(fraction, float | np.floating) and 0 < fraction < 1):
            raise InputError(
                f"validation_fraction={fraction!r} was given, expected a share between 0 and 1"
            )
        if self.callback is not None and not callable(self.callback):
            raise InputError(
                f"callback={self.callback!r} was given, expected a function of a record, or None"
            )
        if self.checkpoint_dir is not None and self.early_stopping:
            raise InputError(
                "checkpoint_dir was given with early_stopping=True, expected one of them: "
                "checkpoints do not hold what was seen of the samples held out"
            )

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Arrays of what was given."""
        numbers = self._default_objective == "squared_error"
        X, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, multi_output=True, y_numeric=numbers
        )
        if sparse.issparse(y):
            raise InputError("a sparse y was given, expected a dense array; give y.toarray()")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _split(
        self, outputs: npt.NDArray[Any], seed: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp] | None]:
        """Numbers of the samples to train on, and of those held out, if any are."""
        everything = np.arange(len(outputs))
        if not self.early_stopping:
            return everything, None
        parts = held_out.split(outputs, self.validation_fraction, seed)
        if parts is None:
            warnings.warn(
                "early_stopping=True was left out: a class has a single sample, which cannot be "
                "in both parts; give more samples of it, or early_stopping=False",
                UserWarning,
                stacklevel=4,
            )
            return everything, None
        return parts

    def _check_model(self, model: MLP) -> None:
        """Refuse to go on with a network of another form."""
        present: MLP = self._model
        # Other weights may follow: a network is trained in float32 first, and then in int8.
        if (present.sizes, present.activation) != (model.sizes, model.activation):
            raise InputError(
                f"a network of layers {model.sizes} with {model.activation} was asked for to go on "
                f"with one of {present.sizes} with {present.activation}, expected the same; give "
                "the same features, classes and sizes, or fit anew with warm_start=False"
            )

    @property
    def _layers(self) -> tuple[Dense, ...]:
        """The present network's parameters."""
        layers: Any = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(Dense(weights, biases) for weights, biases in layers)

    def _weighted_by_class(self, y: Any, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
        del y
        return weight

    def _check_counted(self, outputs: npt.NDArray[Any], partial: bool) -> None:
        """Refuse samples of which nothing can be learnt."""

    def _log_loss_share(self, objective: Any) -> float:
        return 0.0

    # --- What comes of it -------------------------------------------------------------------------

    def _keep(self, trained: Trained, model: MLP, scales: Scales) -> None:
        layers = model.used(trained.params)
        self.coefs_ = [np.asarray(layer.weights) for layer in layers]
        self.intercepts_ = [np.asarray(layer.biases) for layer in layers]
        self.feature_mean_, self.feature_scale_ = scales.mean, scales.scale
        self.output_shift_, self.output_scale_ = scales.output_shift, scales.output_scale
        self.best_loss_ = trained.loss
        self.history_ = trained.history
        self.n_evaluations_ = trained.evaluations
        self.strategy_ = trained.strategy
        self.strategy_reason_ = trained.why
        self.stopped_because_ = trained.stopped_because
        self.validation_losses_ = np.asarray(trained.validation_losses)
        self.n_outputs_ = model.sizes[-1]
        self._model = model

    @property
    def loss_curve_(self) -> list[float]:
        """Loss of the generations that ``history_`` has kept."""
        check_is_fitted(self)
        return [float(loss) for loss in self.history_.column("loss")]

    def _outputs(self, X: Any) -> npt.NDArray[np.float64]:
        """Outputs of the network, in the units of the targets, (samples, outputs)."""
        check_is_fitted(self)
        return self._of_network(validate_data(self, X, reset=False, dtype=np.float64))

    def _of_network(self, X: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        inputs, layers = self._scales.inputs(X), (self.coefs_, self.intercepts_)
        return self._scales.outputs(numpy_forward.outputs(inputs, *layers, self._model.activation))

    def save(self, path: str | Path) -> None:
        """Write what was learnt and the parameters to one safetensors file, without pickle.

        Parameters
        ----------
        path
            The file. :func:`gradless.estimators.base.load` reads it.

        Raises
        ------
        InputError
            If a parameter is one that no file can hold, such as a function.
        """
        check_is_fitted(self)
        files.write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an estimator of this class that :meth:`save` wrote.

        Raises
        ------
        InputError
            If the file is missing, damaged, or holds something else.
        """
        loaded = load(path)
        if not isinstance(loaded, cls):
            raise InputError(
                f"{path} holds a {type(loaded).__name__}, expected a {cls.__name__}; "
                "use gradless.estimators.base.load"
            )
        return loaded


class GradientFreeClassifier(ClassifierMixin, _GradientFree):
    """Classifier: a multi-layer perceptron trained without gradients, for any metric.

    Parameters
    ----------
    hidden_layer_sizes
        Neurons of each hidden layer; () for none.
    activation
        Name in ``gradless.models.mlp.ACTIVATIONS``; ``"step"`` and ``"sign"`` work as well.
    weights
        ``"float32"``, or ``"int8"`` to train a network whose weights are whole numbers from -127 to
        127 times a scale of their layer; ``save`` keeps them in a quarter of the space.
    strategy
        ``"auto"``, a name (``gradless strategies`` lists them) or, with hyperparameters, a strategy
        such as ``gradless.strategies.OpenAIES(sigma=0.2)``.
    objective
        What the network is trained for:

        - None: ``"cross_entropy"``;
        - a name in ``gradless.objectives``, such as ``"f1"``, ``"roc_auc"``, ``"fbeta:2"``,
          computed on the device;
        - any other scorer name of scikit-learn, or a scorer of ``make_scorer``, computed on the
          host from labels, probabilities or scores, as the scorer says;
        - a scorer (estimator, X, y), more being better, computed on the host: X is as it was given,
          and the estimator predicts any other;
        - a function (y_true, y_predicted) of labels, computed on the host, with
          ``greater_is_better``.
    greater_is_better
        Direction of a function given as objective.
    max_evaluations
        Networks evaluated at most. 20,000 if this and ``max_time`` are None. The same number and
        seed give the same network.
    max_time
        Seconds after compilation at most, if not None. Results then depend on the machine.
    batch_size
        Samples of the minibatch that each generation sees; None for all.
    warm_start_objective
        ``"log_loss"``: half of the budget goes to cross-entropy, and the objective has the
        rest, because metrics that go in steps say nothing where a network begins. None: it does
        not. ``"auto"``: for metrics that go in steps, and for those in Python.
        For such metrics the network kept is the center of the search, around which networks are
        good, not the best single one, which fits the accidents of the samples best.
    early_stopping
        Hold out ``validation_fraction`` of the samples, look at them fifty times in a budget (with
        ``max_time`` alone, after every 400 evaluations), stop after ``n_iter_no_change`` looks
        without improvement, and keep the network that was best there.
    validation_fraction
        Share of the samples held out, of each class, of which at least one is in both parts.
    n_iter_no_change
        Looks without improvement that end training.
    class_weight
        Weights {label: weight}, 1 for others; or ``"balanced"``, inversely as frequent. They are
        multiplied with ``sample_weight``.
    standardize
        Scale the features to mean 0 and deviation 1 inside of the estimator.
    warm_start
        Whether ``fit`` goes on from the present network, with other noise than before. Scales
        are those of the present samples, and the network is put into them.
    random_state
        None, an integer, or a ``RandomState``.
    verbose
        Print a line about once a second while the loss falls.
    callback
        Called with a :class:`gradless.Record` several times a second; True ends training.
    checkpoint_dir
        Folder in which checkpoints are written every 30 seconds and at the end, each fit in a
        folder of its own, named by data and settings. A fit of the same data with the same settings
        and the same integer ``random_state`` goes on from there. Not with ``early_stopping``.
    n_jobs
        Processes that evaluate a metric in Python, as in joblib: worth it from about a millisecond
        for a call.

    Attributes
    ----------
    classes_ : ndarray
        Labels; for several labels at once, their numbers.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, outputs) and biases of each layer, the weights as the network computes with
        them: rounded if they are of eight bits. Two classes have two outputs.
    feature_mean_, feature_scale_ : ndarray
        Inputs of the network are (X - mean) / scale.
    best_loss_ : float
        Of the network kept, on the training samples: the objective, or minus it where greater is
        better.
    loss_curve_ : list of float
        Loss of the generations: of their centers or best candidates.
    history_ : gradless.History
        The same with evaluations and seconds. A first phase on log loss is in ``n_evaluations_``
        and in the evaluations here, its losses are not.
    validation_losses_ : ndarray
        What the looks saw.
    n_evaluations_ : int
        Networks evaluated by the last call of ``fit`` or ``partial_fit``.
    strategy_, strategy_reason_
        The strategy, and if it was chosen, why.
    stopped_because_ : str
        What ended training.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Equal samples are merged and their weights added, so ``sample_weight`` of 2 is exactly the same
    as repetition, and the order of samples does not matter. Metrics in Python see the samples as
    they were given.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradientFreeClassifier(max_evaluations=5000, random_state=0).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 3)
    """

    _default_objective = "cross_entropy"
    _more_fitted = ("_multilabel",)

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "relu",
        *,
        weights: str = "float32",
        strategy: str | Strategy = auto.AUTO,
        objective: Any = None,
        greater_is_better: bool | None = None,
        max_evaluations: int | None = session.DEFAULT_EVALUATIONS,
        max_time: float | None = None,
        batch_size: int | None = None,
        warm_start_objective: str | None = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: dict[Any, float] | str | None = None,
        standardize: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        callback: Callable[[Any], Any] | None = None,
        checkpoint_dir: str | Path | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """Keep the parameters as they are; ``fit`` checks them."""
        self._keep_parameters(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a network.

        Parameters
        ----------
        X : array-like or data frame (samples, features)
            Finite numbers, dense.
        y : array-like (samples,) or (samples, labels)
            Labels of any kind; or for several labels at once an array of 0 and 1.
        sample_weight : array-like (samples,)
            How much each sample counts, 0 or more.

        Returns
        -------
        GradientFreeClassifier
            Itself.

        Raises
        ------
        InputError
            Or another ``ValueError``, for whatever cannot be trained.
        """
        given = X
        X, y = self._validated(X, y, reset=True)
        self._learn_classes(y, None, anew=not (self.warm_start and hasattr(self, "coefs_")))
        return self._train(X, y, sample_weight, given=given, partial=False)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on from the present network, if there is one, with a tenth of the budget.

        It is trained on the new samples and on up to 1,000 of those before, each equally likely to
        be among them, so that it does not lose the others while it learns these. They are part of
        the estimator, and of a pickle of it; :meth:`save` leaves them out. After :meth:`fit` and
        ``load``, what the network says of features like those of before takes their place. Scales
        are those of all samples so far.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`fit`.
        classes
            All labels, if the first call does not have each of them.

        Returns
        -------
        GradientFreeClassifier
            Itself.
        """
        given, first = X, not hasattr(self, "coefs_")
        X, y = self._validated(X, y, reset=first)
        self._learn_classes(y, classes, anew=first)
        return self._train(X, y, sample_weight, given=given, partial=True)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Labels (samples,), or an array (samples, labels) of 0 and 1."""
        return self._responses(X).predict()

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Probabilities (samples, classes); for several labels, of each, (samples, labels)."""
        return self._responses(X).predict_proba()

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Logits (samples, classes); for two classes the second one's lead, (samples,)."""
        return self._responses(X).decision_function()

    def _responses(self, X: Any) -> Responses:
        check_is_fitted(self)
        return Responses(self._outputs(X), self.classes_, self._multilabel)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _learn_classes(self, y: npt.NDArray[Any], classes: Any, *, anew: bool) -> None:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise InputError(
                f"y of shape {y.shape} with several classes in a column was given, expected labels "
                "(samples,) or an array (samples, labels) of 0 and 1; fit one classifier a column"
            )
        multilabel = kind.startswith("multilabel")
        found = np.arange(y.shape[1]) if multilabel else np.unique(y)
        if anew:
            self.classes_ = found if classes is None or multilabel else np.unique(classes)
            self._multilabel = multilabel
        unknown = np.setdiff1d(found, self.classes_)
        if multilabel != self._multilabel or len(unknown):
            raise InputError(
                f"classes {unknown.tolist() or 'of another kind'} were given, expected only "
                f"{self.classes_.tolist()}; give all of them to the first call"
            )

    def _task_of(self, y: Any) -> Task:
        return "multilabel" if self._multilabel else "classification"

    def _targets_of(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return y.astype(np.int64) if self._multilabel else np.searchsorted(self.classes_, y)

    def _answers_of(self, outputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return outputs if self._multilabel else self.classes_[outputs]

    def _likely(self, weighs: bool) -> tuple[int, Callable[[Any], tuple[Any, Any]]]:
        def likeliest(X: npt.NDArray[Any]) -> tuple[Any, Any]:
            answers = Responses(self._of_network(X), self.classes_, self._multilabel).predict()
            return self._targets_of(answers)[:, None], np.ones(len(X))

        def all_of_them(X: npt.NDArray[Any]) -> tuple[Any, Any]:
            likely = Responses(self._of_network(X), self.classes_, False).predict_proba()
            return np.broadcast_to(np.arange(likely.shape[1]), likely.shape), likely

        several = weighs and not self._multilabel
        return (len(self.classes_), all_of_them) if several else (1, likeliest)

    def _n_outputs_of(self, outputs: npt.NDArray[Any]) -> int:
        return len(self.classes_)

    def _check_counted(self, outputs: npt.NDArray[Any], partial: bool) -> None:
        if self._multilabel:
            return
        present = len(self.classes_) if partial else len(np.unique(outputs))
        if present < 2:
            raise InputError(
                "samples of 1 class were given, expected two classes or more with a weight above 0"
            )

    def _weighted_by_class(self, y: Any, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
        given = self.class_weight
        if given is None:
            return weight
        if self._multilabel or not (given == "balanced" or isinstance(given, dict)):
            raise InputError(
                f"class_weight={given!r} was given{' for several labels' * self._multilabel}, "
                "expected None, or for one label a sample 'balanced' or weights {label: weight}"
            )
        index = self._targets_of(y)
        of_class = np.ones(len(self.classes_))
        if isinstance(given, dict):
            known = self.classes_.tolist()
            for label, value in given.items():
                if label not in known or not value >= 0:
                    raise InputError(
                        f"class_weight {{{label!r}: {value!r}}} was given, expected a label of "
                        f"{known} and a weight of 0 or more"
                    )
                of_class[known.index(label)] = value
        else:
            total = np.bincount(index, weight, minlength=len(of_class))
            present = total > 0
            of_class[present] = total.sum() / (present.sum() * total[present])
        return weight * of_class[index]

    def _log_loss_share(self, objective: Any) -> float:
        if self.warm_start_objective not in ("auto", "log_loss", None):
            raise InputError(
                f"warm_start_objective={self.warm_start_objective!r} was given, expected 'auto', "
                "'log_loss' or None"
            )
        wanted = self.warm_start_objective == "log_loss"
        if self.warm_start_objective == "auto":
            wanted = not objective.smooth
        return LOG_LOSS_SHARE if wanted else 0.0


class GradientFreeRegressor(RegressorMixin, _GradientFree):
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
    hidden_layer_sizes, activation, weights, strategy, greater_is_better, max_evaluations, \
    max_time, batch_size, early_stopping, validation_fraction, n_iter_no_change, warm_start, \
    random_state, verbose, callback, checkpoint_dir, n_jobs
        As in :class:`GradientFreeClassifier`.

    Attributes
    ----------
    output_scale_, output_shift_ : ndarray (outputs,)
        Predictions are those of the network times scale, plus shift.
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
        hidden_layer_sizes: int | Sequence[int] = (16,),
        activation: str = "relu",
        *,
        weights: str = "float32",
        strategy: str | Strategy = auto.AUTO,
        objective: Any = None,
        greater_is_better: bool | None = None,
        max_evaluations: int | None = session.DEFAULT_EVALUATIONS,
        max_time: float | None = None,
        batch_size: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        standardize: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        callback: Callable[[Any], Any] | None = None,
        checkpoint_dir: str | Path | None = None,
        n_jobs: int | None = None,
    ) -> None:
        """Keep the parameters as they are; ``fit`` checks them."""
        self._keep_parameters(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a network.

        Parameters
        ----------
        X : array-like or data frame (samples, features)
            Finite numbers, dense.
        y : array-like (samples,) or (samples, outputs)
            Finite numbers.
        sample_weight : array-like (samples,)
            How much each sample counts, 0 or more.

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
        return self._train(*arrays, sample_weight, given=X, partial=False)

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


# --- What is given --------------------------------------------------------------------------------


def _sizes(given: Any) -> tuple[int, ...]:
    """Neurons of the hidden layers."""
    sizes = (given,) if isinstance(given, int | np.integer) else given
    try:
        numbers = tuple(int(size) for size in sizes)
        fits = all(n == size and n >= 1 for n, size in zip(numbers, sizes, strict=True))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            f"hidden_layer_sizes={given!r} was given, expected whole numbers, 1 or more; "
            "give for example (64,)"
        )
    return numbers


def _of_round(seed: int, rounds: int) -> int:
    """Seed of a call that goes on: it is to find what those before have not tried."""
    if not rounds:
        return seed
    return int(np.random.SeedSequence([seed, rounds]).generate_state(1)[0])


def _like(given: Any, X: npt.NDArray[Any]) -> Any:
    """Features in a frame as they were given in one."""
    columns = getattr(given, "columns", None)
    if columns is None:
        return X
    if hasattr(given, "iloc"):
        return type(given)(X, columns=columns)
    return type(given)(X, schema=list(columns))


def _strategy(given: Any) -> Strategy | None:
    """The strategy; None to have one chosen."""
    if isinstance(given, str):
        return None if given == auto.AUTO else strategies.get(given)
    if isinstance(given, type) or not isinstance(given, Strategy):
        shown = given.__name__ if isinstance(given, type) else repr(given)
        raise InputError(
            f"strategy={shown} was given, expected 'auto', a name or a strategy; "
            "give for example 'cma_es' or CMAES(sigma=0.5)"
        )
    return given


# --- Files ----------------------------------------------------------------------------------------

_ESTIMATORS: dict[str, Any] = {
    cls.__name__: cls for cls in (GradientFreeClassifier, GradientFreeRegressor)
}


def load(path: str | Path) -> GradientFreeClassifier | GradientFreeRegressor:
    """Read an estimator from a file that ``save`` wrote; no code in it is run.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    GradientFreeClassifier or GradientFreeRegressor
        With the same parameters and predictions.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    found = files.read(Path(path), _ESTIMATORS)
    return cast("GradientFreeClassifier | GradientFreeRegressor", found)
