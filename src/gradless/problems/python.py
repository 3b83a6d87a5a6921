"""How does a function in plain Python, a simulator for example, become a problem to train?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import joblib
import numpy as np
import numpy.typing as npt

from gradless._core import devices
from gradless._core.cost import Cost
from gradless._core.errors import InputError
from gradless._core.floats import sixty_four_bits
from gradless._core.tree import Params, as_pytree
from gradless.data.minibatch import Minibatches, batches_to_judge
from gradless.problems.contract import Faults, Judgement, Score
from gradless.problems.function import check_batch_size, check_function, n_samples_of, structure_of


@as_pytree(traced=[], static=["n_samples", "batch_size"])
@dataclass(frozen=True)
class Sampling(Minibatches):
    """What is compiled of a :class:`PythonProblem`: the choice of samples."""

    def batch(self, drawn: Any) -> None:
        """Nothing: the data stay with Python."""

    def measure(self, params: Params, batch: Any) -> Params:
        """The parameters themselves are what Python judges a candidate by."""
        return params


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
    ) -> None:
        """Check what is given, and call the function once, at ``params``.

        Parameters
        ----------
        loss_fn
            ``loss_fn(params)`` or ``loss_fn(params, batch)``, one number, compared in float64. Each
            call gets parameters of its own: arrays of NumPy that may be changed, or numbers where
            ``params`` has numbers, of the same dtypes. The batch is read-only.
        params
            Where the search begins.
        data
            Pytree of arrays with the samples on axis 0.
        batch_size
            Samples that a generation sees; all if None.
        n_jobs
            Processes that evaluate a population, as in joblib; the function must then be one that
            other processes can import or that can be copied to them.

        Raises
        ------
        InputError
            For whatever cannot be searched. An exception of the function at ``params`` is raised as
            it is.
        """
        check_function(loss_fn, data is not None)
        with sixty_four_bits():
            self.structure = structure_of(params)
        # Of the leaves, those that are numbers and not arrays of one.
        self._numbers = [isinstance(x, float | np.generic) for x in jax.tree.leaves(params)]
        n_samples = 0 if data is None else n_samples_of(data)
        check_batch_size(batch_size, None if data is None else n_samples)
        if not isinstance(n_jobs, int) or n_jobs == 0:
            raise InputError(f"n_jobs must be 1 or more, or -1 for all cores, got {n_jobs!r}")
        self._function, self._n_jobs = loss_fn, n_jobs
        self.batch_size = None if batch_size == n_samples else batch_size
        self._data = jax.tree.map(_read_only, data)
        self.on_device = Sampling(n_samples, self.batch_size)
        begun = time.perf_counter()
        self.first_loss = self._first_call(params)
        """At ``params``, on all samples or on one minibatch."""
        seconds = (time.perf_counter() - begun) / joblib.effective_n_jobs(n_jobs)
        self.cost = Cost(devices.operations_in(seconds), held=0)
        """Operations: as many as the machine could do in the time of a call."""

    @property
    def n_samples(self) -> int:
        """Number of samples in the data, 0 without data."""
        return self.on_device.n_samples

    @property
    def uses_minibatches(self) -> bool:
        """Whether each generation sees its own batch."""
        return self.batch_size is not None

    def judge(self, measured: Any, drawn: Any) -> Judgement:
        """Losses of candidates on the samples drawn; ``measured`` are their parameters."""
        leaves = jax.tree.leaves(measured)
        candidates = [self.own(row) for row in zip(*leaves, strict=True)]
        arguments = () if self._data is None else (self.samples(drawn),)
        calls = [(self._function, params, *arguments) for params in candidates]
        return judgement_of(calls, self._n_jobs)

    def own(self, leaves: Iterable[Any]) -> Params:
        """Parameters like those given, made of copies: arrays, or numbers of NumPy's types."""
        copies = map(np.array, leaves, self.structure.dtypes)
        numbers = zip(copies, self._numbers, strict=True)
        own = [copy[()] if is_number else copy for copy, is_number in numbers]
        return jax.tree.unflatten(self.structure.treedef, own)

    def mean_loss(self, params: Params, batches: Any) -> float:
        """Mean loss over batches, numbers of samples (batches, batch_size), or on all for None."""
        start = jax.tree.map(lambda x: np.asarray(x)[None], params)
        drawn = [None] if batches is None else np.asarray(batches)
        return float(np.mean([self.judge(start, each).loss[0] for each in drawn]))

    def score_all(self, params: Params) -> Score:
        """Loss on all the data, or with minibatches the mean over at most 64 of them."""
        batches = None
        if self.batch_size is not None:
            batches = batches_to_judge(self.n_samples, self.batch_size)
        return Score(np.asarray(self.mean_loss(params, batches)), np.asarray(math.nan))

    def samples(self, drawn: npt.NDArray[np.integer] | None) -> Any:
        """The data of these samples, read-only; of all for None."""
        if drawn is None:
            return self._data
        return jax.tree.map(lambda x: _read_only(x[drawn]), self._data)

    def _first_call(self, params: Params) -> float:
        """A mistake in the function shows at once, as itself, and not as candidates that fail."""
        drawn = None if self.batch_size is None else np.arange(self.batch_size)
        arguments = () if self._data is None else (self.samples(drawn),)
        loss = self._function(self.own(jax.tree.leaves(params)), *arguments)
        try:
            return _number(loss)
        except TypeError as error:
            raise InputError(str(error)) from None


def _read_only(array: Any) -> npt.NDArray[Any]:
    """A view that nobody can write to: all candidates, and the user, look at the same numbers."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def judgement_of(calls: list[tuple[Any, ...]], n_jobs: int) -> Judgement:
    """Losses that functions return, each call being one with its arguments, in so many processes.

    A call that raises an exception is counted, and has no loss.
    """
    if n_jobs == 1:
        called = [_attempt(*call) for call in calls]
    else:
        # Large arrays go through files, of which each process may change its own copy.
        parallel = joblib.Parallel(n_jobs, mmap_mode="c")
        called = parallel(joblib.delayed(_attempt)(*call) for call in calls)
    errors = [error for _, error in called if error is not None]
    losses = np.array([loss for loss, _ in called], np.float64)
    nothing = np.full(len(losses), np.nan, np.float32)
    return Judgement(losses, nothing, Faults(len(errors), errors[-1] if errors else None))


def _attempt(function: Callable[..., Any], *arguments: Any) -> tuple[float, str | None]:
    """A loss, or NaN and what went wrong."""
    try:
        return _number(function(*arguments)), None
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        return math.nan, f"{type(error).__name__}: {text}" if text else type(error).__name__


def _number(loss: Any) -> float:
    try:
        value = np.asarray(loss)
        if value.shape == () and value.dtype.kind in "bif":
            return float(value)
        given = f"an array of shape {value.shape}" if value.shape else type(loss).__name__
    except ValueError:  # lists of several lengths
        given = type(loss).__name__
    raise TypeError(f"loss_fn must return one number, got {given}; return the loss only")
