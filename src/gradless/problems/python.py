"""How does a function in plain Python, a simulator for example, become a problem to train?"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import joblib
import numpy as np
import numpy.typing as npt

from gradless._core import devices, tree
from gradless._core.cost import Cost
from gradless._core.errors import InputError
from gradless._core.floats import sixty_four_bits
from gradless._core.tree import Params, as_pytree
from gradless.data.minibatch import Minibatches, batches_to_judge
from gradless.problems.constraints import (
    VIOLATION,
    Constrained,
    check_known,
    check_measures,
    functions_of,
)
from gradless.problems.contract import (
    Faults,
    Judgement,
    Score,
    checked_measures,
    loss_and_measures,
)
from gradless.problems.evaluated import Evaluated, joined
from gradless.problems.function import (
    RETURN_THE_LOSS,
    check_batch_size,
    check_function,
    n_samples_of,
)
from gradless.problems.space import Space
from gradless.problems.whole import FIXED


@as_pytree(traced=[], static=["n_samples", "batch_size"])
@dataclass(frozen=True)
class Sampling(Minibatches):
    """What is compiled of a :class:`PythonProblem`: the choice of samples."""

    def batch(self, drawn: Any) -> None:
        """Nothing: the data stay with Python."""

    def measure(self, params: Params, batch: Any) -> jax.Array:
        """The parameters themselves, as one vector, are what Python judges a candidate by."""
        return tree.ravel(params)


class Noise(NamedTuple):
    """How much losses scatter that are not the same when they are evaluated again."""

    deviation: float
    """Standard deviation of the loss where the search began."""
    repeats: int
    """Evaluations of which the mean judges parameters."""


class PythonProblem:
    """A function to minimise that is called from Python, once for each candidate.

    An exception that it raises is counted, and its candidate is the worst: a search may wander to
    where a simulator fails.
    """

    def __init__(
        self,
        loss_fn: Callable[..., Any],
        params: Params,
        data: Any = None,
        batch_size: int | None = None,
        n_jobs: int = 1,
        fixed: Sequence[bool] | None = None,
        bounds: Any = None,
        integers: Any = None,
        constraints: Any = None,
        keep_evaluated: bool = False,
    ) -> None:
        """Check what is given, and call the function once, at ``params``.

        Parameters
        ----------
        loss_fn
            ``loss_fn(params)`` or ``loss_fn(params, batch)``: one number, compared in float64, or
            that and a dict of measures, each one number, kept in float32, and always of the same
            names. Each call gets parameters of its own: arrays of NumPy that may be changed, or
            numbers where ``params`` has numbers, of the same dtypes. The batch is read-only.
        params
            Where the search begins.
        data
            Pytree of arrays with the samples on axis 0.
        batch_size
            Samples that a generation sees; all if None.
        n_jobs
            Processes that evaluate a population, as in joblib; the function must then be one that
            other processes can import or that can be copied to them.
        fixed
            Of each leaf of ``params``, whether it stays as it is.
        bounds, integers
            What the others may be (:class:`.space.Space`).
        constraints
            Functions of the parameters that are to be at most 0, or one. Where they are not,
            ``loss_fn`` is not called.
        keep_evaluated
            Whether :attr:`evaluated` has all candidates with their losses.

        Raises
        ------
        InputError
            For whatever cannot be searched. An exception of the function at ``params`` is raised as
            it is.
        """
        check_function(loss_fn, data is not None)
        with sixty_four_bits():
            space = Space.of(params, fixed, bounds, integers)
        self.whole, self.domain, self.structure = space
        leaves = jax.tree.leaves(self.whole.searched(params))
        # Of the leaves, those that are numbers and not arrays of one.
        self._numbers = [isinstance(x, float | int | np.generic) for x in leaves]
        self._dtypes = (self.domain or self.structure).dtypes
        both = zip(jax.tree.leaves(params), self.whole.kinds, strict=True)
        self._fixed = [leaf for leaf, kind in both if kind == FIXED]
        shapes = self.structure.shapes
        ends = list(itertools.accumulate(map(math.prod, shapes), initial=0))
        # Of each leaf: where it is in a vector of all, its shape, and its type there.
        self._pieces = [
            (slice(start, end), shape, dtype)
            for start, end, shape, dtype in zip(
                ends, ends[1:], shapes, self.structure.dtypes, strict=False
            )
        ]
        n_samples = 0 if data is None else n_samples_of(data)
        check_batch_size(batch_size, None if data is None else n_samples)
        if not isinstance(n_jobs, int) or n_jobs == 0:
            raise InputError(f"n_jobs must be 1 or more, or -1 for all cores, got {n_jobs!r}")
        self._function: Any = loss_fn
        self._n_jobs = n_jobs
        self.constraints = functions_of(constraints)
        self._evaluated: list[Evaluated] | None = [] if keep_evaluated else None
        self._taken = 0  # of them by the last record
        self.batch_size = None if batch_size == n_samples else batch_size
        self._data = jax.tree.map(_read_only, data)
        self.on_device = Sampling(n_samples, self.batch_size)
        self.noise: Noise | None = None
        """That of the losses, once it has been seen."""
        begun = time.perf_counter()
        self.measures: tuple[str, ...] = ()
        """Names of what the function returns besides the loss, by its first call."""
        self.first = self._first_call(self.searched(params))
        """Loss and measures at ``params``, on all samples or on one minibatch."""
        seconds = (time.perf_counter() - begun) / joblib.effective_n_jobs(n_jobs)
        self.cost = Cost(devices.operations_in(seconds), held=0)
        """Operations: as many as the machine could do in the time of a call."""

    @property
    def n_samples(self) -> int:
        """Number of samples in the data, 0 without data."""
        return self.on_device.n_samples

    def searched(self, model: Params) -> Params:
        """What of it is searched, as coordinates where there are bounds."""
        model = self.whole.searched(model)
        return model if self.domain is None else self.domain.coordinates(model)

    @property
    def uses_minibatches(self) -> bool:
        """Whether the loss of the same parameters changes, by its batch or by noise."""
        return self.batch_size is not None or self.noise is not None

    @property
    def judges_at_once(self) -> bool:
        """Whether several processes call the function."""
        return self._n_jobs != 1

    def judge(self, measured: Sequence[npt.NDArray[Any]], drawn: Any) -> list[Judgement]:
        """Losses and measures of groups of candidates, given as vectors of their parameters."""
        values = [self._values(self.leaves_of(group)) for group in measured]
        groups = [[self._own(row) for row in zip(*leaves, strict=True)] for leaves in values]
        judged = self._judged(groups, drawn)
        if self._evaluated is not None:
            for leaves, its in zip(values, judged, strict=True):
                self._evaluated.append(Evaluated(self._points(leaves), its.loss))
        return judged

    def leaves_of(self, vectors: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Of some candidates the arrays that a search has, candidates on axis 0."""
        return [
            vectors[:, piece].reshape(-1, *shape).astype(dtype)
            for piece, shape, dtype in self._pieces
        ]

    def _points(self, leaves: list[npt.NDArray[Any]]) -> Params:
        """Some candidates as a pytree like the parameters, candidates on axis 0."""
        points = self.structure.treedef.unflatten(leaves)
        if self.whole.is_searched:
            return points
        number = len(leaves[0])
        fixed = [np.broadcast_to(np.asarray(x), (number, *np.shape(x))) for x in self._fixed]
        return self.whole.joined(points, fixed)

    @property
    def evaluated(self) -> Evaluated | None:
        """All candidates so far, in their order; None if they are not kept."""
        return joined(self._evaluated) if self._evaluated else None

    def take_evaluated(self) -> Evaluated | None:
        """Those since the last call; None if there are none."""
        if not self._evaluated:
            return None
        taken, self._taken = self._taken, len(self._evaluated)
        return joined(self._evaluated[taken:]) if self._taken > taken else None

    def vectors(self, measured: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The parameters of candidates as vectors are what they are judged by."""
        return measured

    def _judged(self, groups: Iterable[Iterable[Params]], drawn: Any) -> list[Judgement]:
        arguments = () if self._data is None else (self.samples(drawn),)
        calls = [[(self._function, params, *arguments) for params in group] for group in groups]
        return judgements_of(calls, self._n_jobs, self.measures)

    def own(self, leaves: Iterable[Any]) -> Params:
        """Parameters like those given, of the leaves that a search has.

        They are made of copies: arrays, or numbers of NumPy's types.
        """
        return self._own(self._values([np.asarray(leaf) for leaf in leaves]))

    def _values(self, leaves: list[Any]) -> list[Any]:
        return leaves if self.domain is None else self.domain.exact(leaves)

    def _own(self, leaves: Iterable[Any]) -> Params:
        copies = map(np.array, leaves, self._dtypes)
        numbers = zip(copies, self._numbers, strict=True)
        own = [copy[()] if is_number else copy for copy, is_number in numbers]
        return self._whole(jax.tree.unflatten(self.structure.treedef, own))

    def _whole(self, params: Params) -> Params:
        """With the leaves that stay as they are."""
        if self.whole.is_searched:
            return params
        fixed = [np.array(x) if isinstance(x, np.ndarray | jax.Array) else x for x in self._fixed]
        return self.whole.joined(params, fixed)

    def score_all(self, params: Params) -> Score:
        """Loss and measures on all the data, or with minibatches means over at most 64 of them.

        Where there is noise, they are means over ``noise.repeats`` evaluations.
        """
        return self.score_and_error(params)[0]

    def score_and_error(self, params: Params) -> tuple[Score, float]:
        """The same, and the standard error of the loss, 0 where there is no noise."""
        leaves = jax.tree.leaves(params)
        if self.batch_size is None:
            times = 1 if self.noise is None else self.noise.repeats
            judged = self._judged([[self.own(leaves) for _ in range(times)]], None)
        else:
            batches = np.asarray(batches_to_judge(self.n_samples, self.batch_size))
            judged = [self._judged([[self.own(leaves)]], each)[0] for each in batches]
        losses = np.concatenate([each.loss for each in judged])
        error = 0.0
        if self.noise is not None and np.isfinite(losses).all():
            error = float(np.std(losses, ddof=1)) / math.sqrt(len(losses))
        measures = {
            name: np.mean(np.concatenate([its.measures[name] for its in judged]), dtype=np.float32)
            for name in self.measures
        }
        return Score(np.mean(losses), measures), error

    def losses_of(self, vectors: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Losses of candidates, beside the search: they are not among those kept."""
        values = self._values(self.leaves_of(vectors))
        points = [self._own(row) for row in zip(*values, strict=True)]
        return np.asarray(self._judged([points], None)[0].loss, np.float64)

    def samples(self, drawn: npt.NDArray[np.integer] | None) -> Any:
        """The data of these samples, read-only; of all for None."""
        if drawn is None:
            return self._data
        return jax.tree.map(lambda x: _read_only(x[drawn]), self._data)

    def _first_call(self, params: Params) -> Score:
        """A mistake in the function shows at once, as itself, and not as candidates that fail."""
        drawn = None if self.batch_size is None else np.arange(self.batch_size)
        arguments = () if self._data is None else (self.samples(drawn),)
        leaves = jax.tree.leaves(params)
        constrained = Constrained(self._function, self.constraints)
        violated = constrained.violation(self.own(leaves))
        check_known(violated)
        returned = self._function(self.own(leaves), *arguments)
        self.measures = checked_measures(loss_and_measures(returned)[1])
        try:
            if self.constraints:
                check_measures(self.measures)
                _score(returned, self.measures)
                self._function = dataclasses.replace(constrained, measures=self.measures)
                self.measures = checked_measures((*self.measures, VIOLATION))
                returned = self._function.of(returned, violated)
            return _score(returned, self.measures)
        except TypeError as error:
            raise InputError(str(error)) from None


def _read_only(array: Any) -> npt.NDArray[Any]:
    """A view that nobody can write to: all candidates, and the user, look at the same numbers."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def judgements_of(
    groups: list[list[tuple[Any, ...]]], n_jobs: int, names: tuple[str, ...] = ()
) -> list[Judgement]:
    """What groups of calls return, each being a function with its arguments, in so many processes.

    ``names`` are those of the measures. A call that raises an exception is counted, and has no
    loss.
    """
    calls = [call for group in groups for call in group]
    if n_jobs == 1:
        called = [_attempt(names, *call) for call in calls]
    else:
        # Large arrays go through files, of which each process may change its own copy.
        parallel = joblib.Parallel(n_jobs, mmap_mode="c")
        called = parallel(joblib.delayed(_attempt)(names, *call) for call in calls)
    rest = iter(called)
    return [_judgement(list(itertools.islice(rest, len(group))), names) for group in groups]


def _judgement(called: list[tuple[Score, str | None]], names: tuple[str, ...]) -> Judgement:
    errors = [error for _, error in called if error is not None]
    scores = [score for score, _ in called]
    with np.errstate(over="ignore"):  # a measure beyond float32 is inf
        measures = {
            name: np.array([score.measures[name] for score in scores], np.float32) for name in names
        }
    losses = np.array([score.loss for score in scores], np.float64)
    return Judgement(losses, measures, Faults(len(errors), errors[-1] if errors else None))


def _attempt(
    names: tuple[str, ...], function: Callable[..., Any], *arguments: Any
) -> tuple[Score, str | None]:
    """Loss and measures, or NaN and what went wrong."""
    try:
        return _score(function(*arguments), names), None
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        kind = type(error).__name__
        return Score(math.nan, dict.fromkeys(names, math.nan)), f"{kind}: {text}" if text else kind


def _score(returned: Any, names: tuple[str, ...]) -> Score:
    loss, measures = loss_and_measures(returned)
    if measures.keys() != set(names):
        given, expected = (", ".join(map(repr, sorted(each))) for each in (measures, names))
        raise TypeError(f"loss_fn must return the same measures each time, {expected}, got {given}")
    return Score(
        _number(loss, "loss_fn must return", RETURN_THE_LOSS),
        {
            name: _number(value, f"loss_fn must return as its measure {name!r}", "return its mean")
            for name, value in measures.items()
        },
    )


def _number(given: Any, returned: str, otherwise: str) -> float:
    if type(given) is float:  # most are
        return given
    try:
        value = np.asarray(given)
        if value.shape == () and value.dtype.kind in "biuf":
            return float(value)
        what = f"an array of shape {value.shape}" if value.shape else type(given).__name__
    except ValueError:  # lists of several lengths
        what = type(given).__name__
    raise TypeError(f"{returned} one number, got {what}; {otherwise}")
