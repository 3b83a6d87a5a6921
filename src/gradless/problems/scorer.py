"""How does a metric of scikit-learn, or any other in Python, become what a network is trained for?

The device computes the outputs of all candidates, and between two compiled parts of a generation
the metric is called once for each of them, with what an estimator would have predicted.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, get_scorer, get_scorer_names, make_scorer
from sklearn.utils import _safe_indexing

from gradless import objectives
from gradless._core import devices
from gradless._core.cost import Cost
from gradless._core.errors import InputError, unknown_name
from gradless._core.programs import compiled
from gradless._core.scorers import with_positive
from gradless._core.tree import Params, as_pytree
from gradless.data.minibatch import Minibatches
from gradless.data.scaling import Scales
from gradless.models import numpy_forward
from gradless.models.mlp import MLP
from gradless.objectives import Measure, Objective
from gradless.problems.contract import Judgement, Score
from gradless.problems.python import judgements_of

_SCORES, _SIGN = "_score_func", "_sign"  # what every scorer of make_scorer has


class Responses:
    """A fitted estimator whose answers are known: what a scorer asks it for, it has.

    Parameters
    ----------
    logits
        Outputs of the network, (samples, outputs), in the units of the targets.
    classes
        The labels, (classes,), None for regression.
    multilabel
        Whether the outputs are independent labels.
    known
        The features that the outputs are of, as a scorer has them.
    outputs_of
        Computes the outputs of other features; without it, those given are the answer to whatever
        is asked.
    """

    def __init__(
        self,
        logits: np.ndarray,
        classes: np.ndarray | None,
        multilabel: bool,
        known: Any = None,
        outputs_of: Callable[[Any], np.ndarray] | None = None,
    ) -> None:
        """Take the outputs as they are."""
        self._logits, self._labels, self._multilabel = logits, classes, multilabel
        self._known, self._outputs_of = known, outputs_of

    def _outputs(self, X: Any) -> np.ndarray:  # noqa: N803
        if self._outputs_of is None or X is None or X is self._known:
            return self._logits
        return self._outputs_of(X)

    def predict(self, X: Any = None) -> np.ndarray:  # noqa: N803
        """Labels, indicators (samples, labels), or numbers."""
        logits = self._outputs(X)
        if self._labels is None:
            return logits[:, 0] if logits.shape[1] == 1 else logits
        if self._multilabel:
            return (logits > 0).astype(np.int64)
        return self._labels[logits.argmax(1)]

    def decision_function(self, X: Any = None) -> np.ndarray:  # noqa: N803
        """Logits; of two classes the second one's minus the first one's, (samples,)."""
        logits = self._outputs(X)
        if logits.shape[1] == 2 and not self._multilabel:
            return logits[:, 1] - logits[:, 0]
        return logits

    def predict_proba(self, X: Any = None) -> np.ndarray:  # noqa: N803
        """Probabilities of the classes, or of each label, (samples, classes)."""
        # In double precision: rows have to add up to 1.
        logits = self._outputs(X).astype(np.float64)
        if self._multilabel:
            return np.asarray(special.expit(logits))
        return np.asarray(special.softmax(logits, axis=1))


class _Classifier(ClassifierMixin, BaseEstimator):
    """As scorers want to see it."""

    def __init__(self, responses: Responses, classes: Any) -> None:
        self.classes_ = classes
        self.predict = responses.predict
        self.predict_proba = responses.predict_proba
        self.decision_function = responses.decision_function

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Regressor(RegressorMixin, BaseEstimator):
    def __init__(self, responses: Responses) -> None:
        self.predict = responses.predict

    def __sklearn_is_fitted__(self) -> bool:
        return True


@dataclass(frozen=True)
class HostMetric(Measure):
    """A scorer to be maximised on the host.

    Parameters
    ----------
    name
        For people.
    scorer
        Called with an estimator, features and answers: more is better.
    n_jobs
        Processes that evaluate a population, as in joblib.
    greater_is_better
        Direction of what is shown to people, the scorer's function.
    reads_features
        Whether the scorer may look at the features, as those of ``make_scorer`` do not.
    """

    name: str
    scorer: Callable[..., float]
    n_jobs: int = 1
    greater_is_better: bool = True
    reads_features: bool = False

    smooth = False  # as far as anyone knows
    needs: ClassVar[tuple[str, ...]] = ()
    most_groups: ClassVar[None] = None

    def takes_weights(self) -> bool:
        """Whether it can count samples differently."""
        function = getattr(self.scorer, _SCORES, self.scorer)
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError:  # built in, and says nothing of its arguments
            return False
        return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)

    def for_classes(self, classes: np.ndarray) -> HostMetric:
        """The same metric; of two classes without a 1, it is of the second one."""
        return dataclasses.replace(self, scorer=with_positive(self.scorer, classes.tolist()))

    def loss(
        self,
        logits: np.ndarray,
        y_true: np.ndarray,
        weight: np.ndarray | None,
        classes: np.ndarray | None,
        features: Any = None,
        outputs_of: Callable[[Any], np.ndarray] | None = None,
    ) -> Any:
        """Minus the score of a network's outputs (samples, outputs)."""
        multilabel = classes is not None and y_true.ndim == 2
        responses = Responses(logits, classes, multilabel, features, outputs_of)
        estimator: Any = _Regressor(responses)
        if classes is not None:
            # For several labels, as estimators of several outputs have them: otherwise two labels
            # would be taken for two classes.
            several = [np.array([0, 1])] * logits.shape[1]
            estimator = _Classifier(responses, several if multilabel else classes)
        weights = {} if weight is None else {"sample_weight": weight}
        with warnings.catch_warnings():
            # A network that never predicts a class is an ordinary candidate.
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return -self.scorer(estimator, features, y_true, **weights)


def resolve(
    given: Any, default: str, greater_is_better: bool | None, n_jobs: int | None
) -> Objective | HostMetric:
    """What the objective of an estimator stands for.

    Parameters
    ----------
    given
        None, a name here or in scikit-learn, a scorer, which is called with (estimator, X, y), or
        a function (y_true, y_predicted).
    default
        Name of the objective for None.
    greater_is_better
        Direction of a function; whatever else is given knows its own.
    n_jobs
        For metrics in Python.

    Raises
    ------
    InputError
        For an unknown name, a function without direction or of other arguments, or a direction
        without a function.
    """
    if n_jobs is not None and (not isinstance(n_jobs, int | np.integer) or n_jobs == 0):
        raise InputError(f"n_jobs must be 1 or more, -1 for all cores, or None, got {n_jobs!r}")
    jobs = 1 if n_jobs is None else int(n_jobs)
    bare = callable(given) and not isinstance(given, Objective) and not _is_scorer(given)
    if greater_is_better is not None and not bare:
        raise InputError(
            f"greater_is_better must be left out for objective={given!r}, which knows its own "
            f"direction, got {greater_is_better!r}"
        )
    if given is None or isinstance(given, str):
        return _named(default if given is None else given, jobs)
    if isinstance(given, Objective):
        return given
    if not callable(given):
        raise InputError(
            "objective must be None, a name, a scorer (estimator, X, y) or a function (y_true, "
            f"y_predicted), got {given!r}"
        )
    name = _name(given)
    if not bare:
        greater = getattr(given, _SIGN, 1) > 0
        return HostMetric(name, given, jobs, greater, type(given) is not _OF_MAKE_SCORER)
    if greater_is_better is None:
        raise InputError(
            f"greater_is_better must be True or False for the function {name}, got None"
        )
    greater = bool(greater_is_better)
    return HostMetric(name, make_scorer(given, greater_is_better=greater), jobs, greater)


_OF_MAKE_SCORER = type(make_scorer(accuracy_score))  # which asks the estimator, and nothing else


def _name(given: Any) -> str:
    return str(getattr(getattr(given, _SCORES, given), "__name__", type(given).__name__))


def _is_scorer(given: Any) -> bool:
    """Whether something that can be called takes an estimator, features and answers."""
    if hasattr(given, _SCORES):
        return True
    try:
        signature = inspect.signature(given)
    except ValueError:  # built in, and says nothing of its arguments
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    by_place = [p for p in signature.parameters.values() if p.kind in places]
    needed = sum(p.default is p.empty for p in by_place)
    named = bool(by_place) and by_place[0].name.startswith(("estimator", "est", "model", "clf"))
    if needed == 3 or (named and needed < 3 <= len(by_place)):
        return True
    try:
        signature.bind("y_true", "y_predicted")
    except TypeError:
        raise InputError(
            f"objective must be a function (y_true, y_predicted) or a scorer (estimator, X, y), "
            f"got {_name(given)}{signature}; give one with these arguments only"
        ) from None
    return False


def _named(name: str, n_jobs: int) -> Objective | HostMetric:
    known = {*objectives.OBJECTIVES, *objectives.ALIASES}
    if (
        name in known
        or ":" in name
        or name in {each.partition(":")[0] for each in objectives.NAMES}
    ):
        return objectives.get(name)
    scorers = get_scorer_names()
    if name not in scorers:
        raise unknown_name("objective", name, {*objectives.NAMES, *objectives.ALIASES, *scorers})
    return HostMetric(name, get_scorer(name), n_jobs)


@as_pytree(traced=["inputs"], static=["model", "n_samples", "batch_size", "tells_parameters"])
@dataclass(frozen=True)
class NetworkOutputs(Minibatches):
    """What is compiled of a :class:`HostMetricProblem`: the outputs of a network."""

    inputs: jax.Array  # (samples, features)
    model: MLP
    tells_parameters: bool = False

    def batch(self, drawn: Any) -> jax.Array:
        """Their inputs."""
        return self.inputs if drawn is None else jnp.take(self.inputs, drawn, axis=0)

    def measure(self, params: Params, batch: jax.Array) -> tuple[jax.Array, Params]:
        """Outputs (samples, outputs), and the parameters for who may want others."""
        return self.model.apply(params, batch), params if self.tells_parameters else None


class HostMetricProblem:
    """A network, data, and a metric in Python.

    A metric that raises an exception for a candidate is counted, and the candidate is the worst;
    for the first network, the exception is raised as it is.
    """

    def __init__(
        self,
        metric: HostMetric,
        inputs: np.ndarray,
        y_true: np.ndarray,
        weight: np.ndarray | None,
        classes: np.ndarray | None,
        model: MLP,
        first: Params,
        *,
        batch_size: int | None = None,
        filled: int = 0,
        scales: Scales | None = None,
        given: Any = None,
    ) -> None:
        """Call the metric once, for the network with parameters ``first``.

        Parameters
        ----------
        metric
            What is maximised.
        inputs
            As the network sees them, (samples, features).
        y_true
            As the metric sees it.
        weight
            Weights of the samples, or None if all count the same.
        classes
            Labels of the outputs, None for regression.
        model
            The network.
        first
            Its first parameters.
        batch_size
            Samples that a generation sees; all if None.
        filled
            Samples that are computed at least, for problems of about the same size to share what
            was compiled; the metric does not see more than there are.
        scales
            Of inputs and outputs, if they have any.
        given
            The features as the metric sees them, if it does.
        """
        real = len(inputs)
        self.batch_size = None if batch_size == real else batch_size
        size = real if self.batch_size else max(real, filled)
        chosen = np.arange(size) % real
        self.on_device = NetworkOutputs(
            size,
            self.batch_size,
            jax.device_put(np.asarray(inputs, np.float32)[chosen]),
            model,
            metric.reads_features,
        )
        self._metric, self._y, self._weight, self._classes = metric, y_true, weight, classes
        self._scales, self._given, self.n_samples = scales, given, real
        drawn = None if self.batch_size is None else np.arange(self.batch_size)
        measured = jax.device_get(_outputs(self.on_device, first, drawn))
        begun = time.perf_counter()
        loss = metric.loss(*self._arguments(measured, drawn))
        if np.ndim(loss) or np.asarray(loss).dtype.kind not in "bif":
            raise InputError(
                f"the metric {metric.name} must return one number, got {type(loss).__name__}"
            )
        seconds = (time.perf_counter() - begun) / max(metric.n_jobs, 1)
        self.cost = Cost(devices.operations_in(seconds), held=0)
        """Operations: as many as the machine could do in the time of a call."""

    @property
    def measures(self) -> tuple[str, ...]:
        """None besides the metric."""
        return ()

    @property
    def uses_minibatches(self) -> bool:
        """Whether each generation sees its own batch."""
        return self.batch_size is not None

    @property
    def judges_at_once(self) -> bool:
        """Whether several processes call the metric."""
        return self._metric.n_jobs != 1

    def judge(self, measured: Sequence[Any], drawn: Any) -> list[Judgement]:
        """Losses of groups of candidates from what was measured, candidates on leading axes."""

        def calls_of(group: Any) -> list[tuple[Any, ...]]:
            leaves, structure = jax.tree.flatten(group)
            each = [jax.tree.unflatten(structure, parts) for parts in zip(*leaves, strict=True)]
            return [(self._metric.loss, *self._arguments(one, drawn)) for one in each]

        return judgements_of(list(map(calls_of, measured)), self._metric.n_jobs)

    def vectors(self, measured: Any) -> None:
        """None: candidates are judged by outputs."""
        return

    def loss(self, params: Params) -> float:
        """Loss of one network on all samples."""
        everything = np.arange(self.n_samples)
        measured = jax.device_get(_outputs(self.on_device, params, everything))
        alone = jax.tree.map(lambda x: x[None], measured)
        return float(self.judge([alone], everything)[0].loss[0])

    def score_all(self, params: Params) -> Score:
        """Loss of one network on all samples."""
        return Score(np.asarray(self.loss(params)), {})

    def _arguments(self, measured: tuple[np.ndarray, Params], drawn: Any) -> tuple[Any, ...]:
        chosen = slice(None) if drawn is None else drawn
        outputs, params = measured
        outputs = outputs[: self.n_samples]  # all of them may be followed by copies
        if self._scales is not None and self._scales.output_scale is not None:
            outputs = self._scales.outputs(outputs.astype(np.float64))
        weight = None if self._weight is None else self._weight[chosen]
        known = outputs, self._y[chosen], weight, self._classes
        if self._scales is None or not self._metric.reads_features:
            return known
        given = self._given if drawn is None else _safe_indexing(self._given, drawn)
        network = functools.partial(_predicted, self._scales, self.on_device.model, params)
        return *known, given, network


def _predicted(scales: Scales, model: MLP, params: Params, X: Any) -> np.ndarray:  # noqa: N803
    """Outputs for features as the user has them, in the units of the targets."""
    layers: Any = model.used(params)
    weights, biases = zip(*layers, strict=True)
    inputs = scales.inputs(np.asarray(X, np.float64))
    return scales.outputs(numpy_forward.outputs(inputs, weights, biases, model.activation))


@compiled()
def _outputs(device: NetworkOutputs, params: Params, drawn: Any) -> tuple[jax.Array, Params]:
    return device.measure(params, device.batch(drawn))
