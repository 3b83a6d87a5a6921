"""A classifier of scikit-learn that trains a network without gradients, for whatever is measured.

>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> model = GradientFreeClassifier(objective="f1_macro", random_state=0)
>>> bool(model.fit(X, y).score(X, y) > 0.95)
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from gradless._core import defaults
from gradless._core.errors import InputError
from gradless.estimators.base import GradientFree
from gradless.objectives import Task
from gradless.problems.scorer import Responses
from gradless.strategies import Strategy
from gradless.training import auto
from gradless.training.learning import Kind
from gradless.training.observers import Observer


class GradientFreeClassifier(ClassifierMixin, GradientFree):
    """Classifier: a multi-layer perceptron trained without gradients, for any metric.

    Parameters
    ----------
    hidden_layer_sizes
        Neurons of each hidden layer; () for none.
    activation
        Name in ``gradless.models.mlp.ACTIVATIONS``; ``"step"`` and ``"sign"`` work as well.
    alpha
        Strength of the penalty on the squares of the weights. ``"auto"`` chooses it by
        cross-validation and keeps the mean of three networks fitted on all samples: one network
        with a hidden layer three times as wide. A number is that strength. 0 is a search without
        penalty, which other settings ask for as well: a strategy, several hidden layers, weights or
        activations that go in steps, a metric in Python, ``batch_size``, ``early_stopping``,
        ``warm_start``, or too few evaluations. For metrics that count, such as F1, log loss is
        fitted, and then the decision for the metric on outputs for samples not seen.
    weights
        ``"float32"``, or ``"int8"`` to train a network whose weights are whole numbers from -127 to
        127 times a scale of their layer; ``save`` keeps them in a quarter of the space.
    strategy
        ``"auto"``, a name (``gradless strategies`` lists them) or, with hyperparameters, a strategy
        such as ``gradless.strategies.OpenAIES(sigma=0.2)``.
    restarts
        True to begin again, elsewhere, when the search has come to rest, and keep the best of all
        attempts; ``"ipop"`` or ``"bipop"`` with CMA-ES and other populations. With it there is a
        search, as with a strategy by name.
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
        Networks evaluated at most. If this and ``max_time`` are None, as many as a fit with a
        penalty takes, and 20,000 for a search. The same number and seed give the same network.
    max_time
        Seconds after compilation at most, if not None. Results then depend on the machine.
    batch_size
        Samples of the minibatch that each generation sees; None for all.
    log_loss_first
        True: half of the budget goes to cross-entropy first, and the objective has the rest,
        because metrics that go in steps say nothing where a network begins. False: it does not.
        ``"auto"``: for metrics that go in steps, and for those in Python.
        For such metrics the network kept is the center of the search, around which networks are
        good, not the best single one, which fits the accidents of the samples best.
    early_stopping
        True: hold out ``validation_fraction`` of the samples, judge networks on them whenever the
        fit has grown by a tenth, keep the one that is best there, and end when a better one is not
        to be expected. False: learn from all samples. ``"auto"``: where there is no penalty, hold
        out a fifth, but none if that were fewer than 10 samples, nor in ``partial_fit``.
    validation_fraction
        Share of the samples held out, of each class, of which at least one is in both parts.
    patience
        Times the evaluations of the best network after which a fit ends, and at least 5,000
        evaluations and 20 generations more than that one.
    class_weight
        Weights {label: weight}, 1 for others; or ``"balanced"``, inversely as frequent. They are
        multiplied with ``sample_weight``.
    standardize
        Scale the features to mean 0 and deviation 1 inside of the estimator.
    warm_start
        Whether ``fit`` continues from the present network, with other noise than before. Scales
        are those of the present samples, and the network is put into them.
    random_state
        None, an integer, or a ``RandomState``. An integer is the seed, as ``--seed`` of the
        command line: with the same table and settings, both find the same network.
    verbose
        Show progress: a live line in a terminal and in a notebook, elsewhere now and then a line.
    callback
        Called with a :class:`gradless.Record` several times a second; True ends training.
    checkpoint_dir
        Folder in which checkpoints are written every 30 seconds and at the end, each fit in a
        folder of its own, named by data and settings. A fit of the same data with the same settings
        and the same integer ``random_state`` continues from there.
    n_jobs
        Processes that evaluate a metric in Python, as in joblib: worth it from about a millisecond
        for a call.
    model
        A network of your own in place of the layers above: a module of Flax, Equinox or PyTorch, or
        an object with ``init(key)`` and ``apply(params, x)``, for samples of ``X``'s features. It
        is searched without a penalty. ``params_`` holds what comes of it, and ``model_`` the module
        with it, where modules hold parameters.

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
    alpha_ : float
        Strength of the penalty; 0 for a search without.
    alphas_, cv_losses_ : ndarray (strengths,)
        Strengths tried by cross-validation, and the losses there; empty if none were.
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
        log_loss_first: bool | str = "auto",
        early_stopping: bool | str = "auto",
        validation_fraction: float = defaults.VALIDATION,
        patience: float = defaults.PATIENCE,
        class_weight: dict[Any, float] | str | None = None,
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
        sample_value: Any = None,
        sample_group: Any = None,
        observers: Sequence[Observer] = (),
    ) -> Self:
        """Train a network.

        Parameters
        ----------
        X : array-like or data frame (samples, features)
            Finite numbers, dense.
        y : array-like (samples,) or (samples, labels)
            Labels of any kind; or for several labels at once an array of 0 and 1.
        sample_weight : array-like (samples,)
            How much each sample counts, 0 or more.
        sample_value : array-like (samples,)
            What each sample brings, for the objectives ``"profit:COST"`` and ``"profit_at_k:K"``.
        sample_group : array-like (samples,)
            The group of each, for the objective ``"equal_opportunity:GAP"``.
        observers : list
            What watches training, for example ``[gradless.loggers.TensorBoard("folder")]``. Where a
            first phase goes to log loss, they hear of both as of one run.

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
        extras = {"value": sample_value, "group": sample_group}
        return self._train(
            X, y, sample_weight, given=given, partial=False, observers=observers, extras=extras
        )

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
                "y must be labels (samples,) or an array (samples, labels) of 0 and 1, got "
                f"shape {y.shape} with several classes in a column; fit one classifier a column"
            )
        multilabel = kind.startswith("multilabel")
        found = np.arange(y.shape[1]) if multilabel else np.unique(y)
        if anew:
            self.classes_ = found if classes is None or multilabel else np.unique(classes)
            self._multilabel = multilabel
        unknown = np.setdiff1d(found, self.classes_)
        if multilabel != self._multilabel or len(unknown):
            raise InputError(
                f"classes must be {self.classes_.tolist()}, got "
                f"{unknown.tolist() or 'of another kind'} as well; give all of them to the first "
                "call"
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
                "there must be two classes or more with a weight above 0, got samples of 1 class"
            )

    def _weighted_by_class(self, y: Any, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
        given = self.class_weight
        if given is None:
            return weight
        if self._multilabel or not (given == "balanced" or isinstance(given, dict)):
            raise InputError(
                "class_weight must be None, or for one label a sample 'balanced' or weights "
                f"{{label: weight}}, got {given!r}{' for several labels' * self._multilabel}"
            )
        index = self._targets_of(y)
        of_class = np.ones(len(self.classes_))
        if isinstance(given, dict):
            known = self.classes_.tolist()
            for label, value in given.items():
                if label not in known or not value >= 0:
                    raise InputError(
                        f"class_weight must give labels of {known} a weight of 0 or more, got "
                        f"{{{label!r}: {value!r}}}"
                    )
                of_class[known.index(label)] = value
        else:
            total = np.bincount(index, weight, minlength=len(of_class))
            present = total > 0
            of_class[present] = total.sum() / (present.sum() * total[present])
        return weight * of_class[index]

    def _begins_with_log_loss(self, kind: Kind) -> bool:
        wanted = self.log_loss_first
        if wanted not in ("auto", True, False):
            raise InputError(f"log_loss_first must be 'auto', True or False, got {wanted!r}")
        return kind.begins_with_log_loss(None if wanted == "auto" else bool(wanted))
