"""How does a metric of scikit-learn, or any other in Python, become what a network is trained for?

The device computes the outputs of all candidates, and between two compiled parts of a generation
the metric is called once for each of them, with what an estimator would have predicted.
"""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer

from gradless import auto, objectives
from gradless.errors import InputError, unknown_name
from gradless.host import Judgement
from gradless.minibatch import Minibatches
from gradless.models import MLP
from gradless.objectives import Measure, Objective
from gradless.programs import compiled
from gradless.python_function import judgement_of
from gradless.tree import Params, as_pytree

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
    """

    def __init__(self, logits: np.ndarray, classes: np.ndarray | None, multilabel: bool) -> None:
        """Take the outputs as they are."""
        self._logits, self._labels, self._multilabel = logits, classes, multilabel

    def predict(self, X: Any = None) -> np.ndarray:  # noqa: N803
        """Labels, indicators (samples, labels), or numbers, for whatever is given."""
        del X
        if self._labels is None:
            return self._logits[:, 0] if self._logits.shape[1] == 1 else self._logits
        if self._multilabel:
            return (self._logits > 0).astype(np.int64)
        return self._labels[self._logits.argmax(1)]

    def decision_function(self, X: Any = None) -> np.ndarray:  # noqa: N803
        """Logits; of two classes the second one's minus the first one's, (samples,)."""
        del X
        if self._logits.shape[1] == 2 and not self._multilabel:
            return self._logits[:, 1] - self._logits[:, 0]
        return self._logits

    def predict_proba(self, X: Any = None) -> np.ndarray:  # noqa: N803
        """Probabilities of the classes, or of each label, (samples, classes)."""
        del X
        # In double precision: rows have to add up to 1.
        logits = self._logits.astype(np.float64)
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
        As of :func:`sklearn.metrics.make_scorer`: more is better.
    n_jobs
        Processes that evaluate a population, as in joblib.
    greater_is_better
        Direction of what is shown to people, the scorer's function.
    """

    name: str
    scorer: Callable[..., float]
    n_jobs: int = 1
    greater_is_better: bool = True

    smooth = False  # as far as anyone knows

    def takes_weights(self) -> bool:
        """Whether it can count samples differently."""
        function = getattr(self.scorer, _SCORES, self.scorer)
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError:  # built in, and says nothing of its arguments
            return False
        return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)

    def loss(
        self,
        logits: np.ndarray,
        y_true: np.ndarray,
        weight: np.ndarray | None,
        classes: np.ndarray | None,
    ) -> Any:
        """Minus the score of a network's outputs (samples, outputs)."""
        multilabel = classes is not None and y_true.ndim == 2
        responses = Responses(logits, classes, multilabel)
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
            return -self.scorer(estimator, logits, y_true, **weights)


def resolve(
    given: Any, default: str, greater_is_better: bool | None, n_jobs: int | None
) -> Objective | HostMetric:
    """What the objective of an estimator stands for.

    Parameters
    ----------
    given
        None, a name here or in scikit-learn, a scorer, or a function (y_true, y_predicted).
    default
        Name of the objective for None.
    greater_is_better
        Direction of a function; whatever else is given knows its own.
    n_jobs
        For metrics in Python.

    Raises
    ------
    InputError
        For an unknown name, a function without direction, or a direction without a function.
    """
    if n_jobs is not None and (not isinstance(n_jobs, int | np.integer) or n_jobs == 0):
        raise InputError(
            f"n_jobs={n_jobs!r} was given, expected 1 or more, or -1 for all cores, or None"
        )
    jobs = 1 if n_jobs is None else int(n_jobs)
    bare = callable(given) and not hasattr(given, _SCORES) and not isinstance(given, Objective)
    if greater_is_better is not None and not bare:
        raise InputError(
            f"greater_is_better={greater_is_better!r} was given with objective={given!r}, which "
            "knows its own direction; leave it out"
        )
    if given is None or isinstance(given, str):
        return _named(default if given is None else given, jobs)
    if isinstance(given, Objective):
        return given
    if not callable(given):
        raise InputError(
            f"objective={given!r} was given, expected None, a name, a scorer of make_scorer or a "
            "function (y_true, y_predicted)"
        )
    name = getattr(getattr(given, _SCORES, given), "__name__", type(given).__name__)
    if not bare:
        return HostMetric(name, given, jobs, getattr(given, _SIGN, 1) > 0)
    if greater_is_better is None:
        raise InputError(
            f"the function {name} was given as objective without its direction; give "
            "greater_is_better=True or False"
        )
    greater = bool(greater_is_better)
    return HostMetric(name, make_scorer(given, greater_is_better=greater), jobs, greater)


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


@as_pytree(traced=["inputs"], static=["model", "n_samples", "batch_size"])
@dataclass(frozen=True)
class NetworkOutputs(Minibatches):
    """What is compiled of a :class:`HostMetricProblem`: the outputs of a network."""

    inputs: jax.Array  # (samples, features)
    model: MLP

    def batch(self, drawn: Any) -> jax.Array:
        """Their inputs."""
        return self.inputs if drawn is None else jnp.take(self.inputs, drawn, axis=0)

    def measure(self, params: Params, batch: jax.Array) -> jax.Array:
        """Outputs (samples, outputs)."""
        return self.model.apply(params, batch)


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
        scale: np.ndarray | None = None,
        shift: np.ndarray | None = None,
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
        scale, shift
            Of the outputs, for regression.
        """
        real = len(inputs)
        self.batch_size = None if batch_size == real else batch_size
        size = real if self.batch_size else max(real, filled)
        chosen = np.arange(size) % real
        self.on_device = NetworkOutputs(
            size, self.batch_size, jax.device_put(np.asarray(inputs, np.float32)[chosen]), model
        )
        self._metric, self._y, self._weight, self._classes = metric, y_true, weight, classes
        self._scale, self._shift, self.n_samples = scale, shift, real
        drawn = None if self.batch_size is None else np.arange(self.batch_size)
        first_outputs = np.asarray(_outputs(self.on_device, first, drawn))
        begun = time.perf_counter()
        loss = metric.loss(*self._arguments(first_outputs, drawn))
        if np.ndim(loss) or np.asarray(loss).dtype.kind not in "bif":
            raise InputError(
                f"the metric {metric.name} returned {type(loss).__name__}, expected one number"
            )
        seconds = (time.perf_counter() - begun) / max(metric.n_jobs, 1)
        self.operations = auto.operations_in(seconds)
        """As many as the machine could do in the time of a call."""

    @property
    def uses_minibatches(self) -> bool:
        """Whether each generation sees its own batch."""
        return self.batch_size is not None

    def judge(self, measured: Any, drawn: Any) -> Judgement:
        """Losses of candidates from their outputs (candidates, samples, outputs)."""
        calls = [(self._metric.loss, *self._arguments(each, drawn)) for each in measured]
        return judgement_of(calls, self._metric.n_jobs)

    def loss(self, params: Params) -> float:
        """Loss of one network on all samples."""
        everything = np.arange(self.n_samples)
        measured = np.asarray(_outputs(self.on_device, params, everything))
        return float(self.judge(measured[None], everything).loss[0])

    def _arguments(self, outputs: np.ndarray, drawn: Any) -> tuple[Any, ...]:
        chosen = slice(None) if drawn is None else drawn
        outputs = outputs[: self.n_samples]  # all of them may be followed by copies
        if self._scale is not None:
            outputs = outputs.astype(np.float64) * self._scale + self._shift
        weight = None if self._weight is None else self._weight[chosen]
        return outputs, self._y[chosen], weight, self._classes


@compiled()
def _outputs(device: NetworkOutputs, params: Params, drawn: Any) -> jax.Array:
    return device.measure(params, device.batch(drawn))
