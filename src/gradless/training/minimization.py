"""Where is a JAX function of a pytree smallest?

:func:`minimize` makes the function a problem and consumes the records of
:func:`gradless.training.loop.train`: there is one loop, whatever is searched.

A module ``gradless.minimize`` would, once imported, take the place of the function of that name in
the package; hence the name of this file.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, Unpack, overload

import jax
import jax.numpy as jnp
import numpy as np

from gradless import strategies
from gradless._core import forked, programs
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError, unknown_name
from gradless._core.tree import Params, Structure
from gradless.problems.contract import NO_FAULTS, Faults
from gradless.problems.function import FunctionProblem, LossFunction
from gradless.problems.python import PythonProblem
from gradless.strategies import Strategy
from gradless.strategies.scaled import Scaled
from gradless.training import auto, memory
from gradless.training.history import History
from gradless.training.host_loop import mode_for
from gradless.training.loop import TARGET_LOSS, Record, Run, Stop, begin, check_budget, train

DEFAULT_SECONDS = 15.0  # as on the command line


@dataclass(frozen=True)
class Minimum:
    """What :func:`minimize` found.

    Attributes
    ----------
    best, best_loss
        Best parameters, and their loss: of every candidate, of the center in every generation, and
        of the parameters given. They are arrays of JAX, or of NumPy for a loss in Python. With
        minibatches: see :func:`minimize`.
    center, center_loss
        The strategy's last answer, for many strategies the mean of what it samples, and its loss.
        Where losses are noisy it is the better estimate.
    evaluations
        Candidates evaluated.
    seconds, compile_seconds
        Wall time of the search, and of compiling it before.
    not_finite
        Losses that were NaN or infinite; such a candidate never wins.
    raised, error
        How many of these were exceptions of a loss in Python, and the last one.
    stopped_because
        What ended the search.
    strategy
        The strategy, with its hyperparameters.
    why
        Why ``"auto"`` chose it; empty if it was given.
    history
        Loss and best loss over evaluations.
    run
        All that it takes to resume the search, a pytree of arrays.
    """

    best: Params = field(repr=False)
    best_loss: float
    center: Params = field(repr=False)
    center_loss: float
    evaluations: int
    seconds: float
    compile_seconds: float
    not_finite: int
    stopped_because: str
    strategy: Strategy
    why: str
    history: History = field(repr=False)
    run: Run = field(repr=False)
    raised: int = 0
    error: str | None = None

    def __str__(self) -> str:
        """What a person wants to know first, in a few lines."""
        lines = [
            f"best loss {self.best_loss:.6g}, that of the center {self.center_loss:.6g}",
            f"{self.evaluations:,} evaluations in {self.seconds:.1f} s, and "
            f"{self.compile_seconds:.1f} s to compile: {self.stopped_because}",
            f"strategy: {self.strategy}",
        ]
        if self.why:
            lines.append(f"chosen for: {self.why}")
        if self.not_finite:
            lines.append(f"{self.not_finite:,} losses were not finite")
        if self.raised:
            lines[-1] += f", {self.raised:,} of them exceptions, the last one {self.error}"
        return "\n".join(lines)


class Options(TypedDict, total=False):
    """What :func:`minimize` takes by name, for type checkers and editors."""

    scale: Any
    data: Any
    batch_size: int | None
    evaluations: int | None
    seconds: float | None
    target_loss: float | None
    stagnation: int | None
    seed: int
    compiled: bool
    n_jobs: int
    callback: Callable[[Record], Any] | None
    resume_from: Minimum | None


# Only a strategy that is given by its name takes hyperparameters beside these.
@overload
def minimize(
    loss_fn: LossFunction,
    params: Params,
    strategy: Literal["auto"] | Strategy = ...,
    **options: Unpack[Options],
) -> Minimum: ...
@overload
def minimize(
    loss_fn: LossFunction, params: Params, strategy: str, **options_and_hyperparameters: Any
) -> Minimum: ...
def minimize(
    loss_fn: LossFunction,
    params: Params,
    strategy: str | Strategy = "auto",
    *,
    scale: Any = None,
    data: Any = None,
    batch_size: int | None = None,
    evaluations: int | None = None,
    seconds: float | None = None,
    target_loss: float | None = None,
    stagnation: int | None = None,
    seed: int = 0,
    compiled: bool = True,
    n_jobs: int = 1,
    callback: Callable[[Record], Any] | None = None,
    resume_from: Minimum | None = None,
    **hyperparameters: Any,
) -> Minimum:
    """Minimise a JAX function of a pytree without gradients.

    Parameters
    ----------
    loss_fn
        ``loss_fn(params)``, or ``loss_fn(params, batch)`` with ``data``: one number, lower is
        better, made of JAX operations. It is compiled once for each function object: define it
        once, and put arrays that change into ``data``. For Python code see ``compiled``.
    params
        Where to begin: a pytree of floating-point arrays or numbers. ``loss_fn`` gets, and the
        result has, their shapes and dtypes. The search itself is in float32 or wider. Without
        ``jax_enable_x64``, JAX makes float32 of float64, and losses are compared in float32; with
        it, and for a loss in Python in any case, float64 stays, and losses are compared in that.
    strategy
        ``"auto"``, a name (``gradless strategies`` lists them) or a strategy.
    scale
        About how far good values are from ``params``, in their units: a number for all parameters,
        or a pytree like ``params`` with a number, or an array of its shape, for each array. Every
        number of a strategy counts in it: with ``sigma=0.3``, the first standard deviation is 0.3
        times the scale. Default: of weights that were drawn at random, their root mean square; of
        other arrays theirs as well, but at least 1; and 1 for ``random_search``,
        ``hill_climbing``, ``simulated_annealing``, ``spsa`` and the mutations of
        ``genetic_algorithm``.
    data
        Pytree of arrays with the samples on axis 0.
    batch_size
        Samples of the minibatch that each generation sees. Default: all.
    evaluations
        Candidates evaluated at most. A few more judge what the search ends with.
    seconds
        Wall time after compilation. Without ``evaluations``, ``seconds`` and ``stagnation`` it is
        15 seconds, as on the command line.
    target_loss
        Stop as soon as the best loss is no more than this; that of ``params`` counts. With
        minibatches, as soon as the center is seen to reach it, judged as what is returned is; that
        is asked now and then, once a batch has reached it.
    stagnation
        Stop after so many evaluations without a fall of the best loss that is worth while: by more
        than the loss rounds to, and by a thousandth of how far losses have lately been above the
        best one. Neither the unit of the loss nor a constant added to it matters.
    seed
        Decides all noise and minibatches: same seed, same search.
    compiled
        False if ``loss_fn`` is plain Python, a simulator for example. It is called once for each
        candidate, with NumPy arrays of its own that it may change; data are read-only. A candidate
        for which it raises an exception is counted, and is the worst; at ``params`` its exceptions
        are raised as they are.
    n_jobs
        Processes that call a loss in Python, as in joblib: -1 for one on each core.
    callback
        Called with a :class:`gradless.Record` several times a second; True stops the search.
    resume_from
        Go on from an earlier result, with its strategy, seed and history. ``evaluations`` count
        from its beginning, ``seconds`` from now.
    **hyperparameters
        Of a strategy given by name, for example ``sigma=0.3``, in units of ``scale``.

    Returns
    -------
    Minimum
        The best and the center, the history, and how it went. With minibatches, losses of different
        generations cannot be compared, and the lowest is that of a lucky batch. The best candidate,
        the last center and ``params`` are then judged alike, by their mean loss over at most 64
        minibatches without a common sample.

    Raises
    ------
    InputError
        For anything that cannot be minimised, before any long work.

    Examples
    --------
    >>> def loss(params):
    ...     return (params["x"] - 3) ** 2 + (params["y"] + 1) ** 2
    >>> found = minimize(loss, {"x": 0.0, "y": 0.0}, "cma_es", evaluations=2000)
    >>> {name: round(float(value), 3) for name, value in found.best.items()}
    {'x': 3.0, 'y': -1.0}
    """
    forked.check()
    use_all_cores()
    _check_numbers(evaluations, seconds, target_loss, stagnation)
    stop = Stop(evaluations=evaluations, seconds=seconds, loss=target_loss, stagnation=stagnation)
    if evaluations is None and seconds is None and stagnation is None:
        # A target alone may never be reached.
        stop = Stop(seconds=DEFAULT_SECONDS, loss=target_loss)
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError(
            f"seed {seed!r} was given, expected a whole number from 0 to 2**32 - 1; "
            "give for example 0"
        )
    if callback is not None and not callable(callback):
        raise InputError(
            f"callback={callback!r} was given, expected a function of a record, or None"
        )
    chosen, why = _strategy(strategy, hyperparameters), ""
    problem = _problem(loss_fn, params, data, batch_size, compiled, n_jobs)
    with mode_for(problem):
        start = _arrays(params)
    if resume_from is not None:
        if scale is not None:
            raise InputError(
                f"scale={scale!r} was given with resume_from, expected none: the earlier one stays"
            )
        chosen, why = _continued(resume_from, chosen, problem), resume_from.why
    elif chosen is None:
        choice = auto.choose(
            dimension=problem.structure.size,
            evaluations=stop.evaluations,
            seconds=stop.seconds,
            operations=problem.cost.operations,
            smooth=compiled,  # what Python computes may go in steps
            minibatches=problem.uses_minibatches,
        )
        chosen, why = auto.that_fits(choice, lambda s: memory.estimate(problem, s, start))
    if scale is not None:
        with mode_for(problem):
            chosen = _scaled(chosen, scale, start)
    check_budget(chosen, stop)
    _check_memory(problem, chosen, start, resume_from)

    history, spent, not_finite, faults = History(), 0.0, 0, NO_FAULTS
    start_loss = None
    if isinstance(problem, PythonProblem) and not problem.uses_minibatches:
        start_loss = problem.first_loss
    if resume_from is not None:
        # The history is copied, so that the earlier result stays what it is.
        run, history = resume_from.run, copy.deepcopy(resume_from.history)
        spent, not_finite = resume_from.seconds, resume_from.not_finite
        faults = Faults(resume_from.raised, resume_from.error)
    else:
        with mode_for(problem):
            run = _begun(chosen, start, np.uint32(seed))
        if target_loss is not None:
            start_loss = _judge(problem, start) if start_loss is None else start_loss
            if start_loss <= float(np.asarray(target_loss, run.best_loss.dtype)):
                return _reached_before(problem, chosen, why, run, start, start_loss)
    for record in train(problem, chosen, run, stop):
        shown = record._replace(seconds=record.seconds + spent)
        history.append(**shown.rows)
        not_finite += record.not_finite
        faults = faults.and_later(record.faults)
        reason = record.stopped_because
        if callback is not None and len(shown.generation) and callback(shown) and reason is None:
            reason = "stopped by the callback"
            break

    judged = reason == TARGET_LOSS  # by all of the data
    best, best_loss, center, center_loss = _closing(
        problem, chosen, record.run, start, start_loss, judged
    )
    return Minimum(
        best=best,
        best_loss=best_loss,
        center=center,
        center_loss=center_loss,
        evaluations=history.last.evaluations,
        seconds=history.last.seconds,
        compile_seconds=record.compile_seconds,
        not_finite=not_finite,
        stopped_because=str(reason),
        strategy=chosen,
        why=why,
        history=history,
        run=record.run,
        raised=faults.raised,
        error=faults.error,
    )


# --- What is given --------------------------------------------------------------------------------


def _problem(
    loss_fn: LossFunction,
    params: Params,
    data: Any,
    batch_size: int | None,
    compiled: bool,
    n_jobs: int,
) -> FunctionProblem | PythonProblem:
    if not compiled:
        return PythonProblem(loss_fn, params, data, batch_size, n_jobs)
    if n_jobs != 1:
        raise InputError(
            f"n_jobs={n_jobs!r} was given for a compiled function, which uses all cores itself; "
            "leave it out, or give compiled=False for a function in Python"
        )
    return FunctionProblem.of(loss_fn, params, data, batch_size)


def _check_numbers(*limits: Any) -> None:
    for value in limits:
        if value is not None and not isinstance(value, int | float | np.number):
            raise InputError(
                f"{value!r} was given to end the search, expected a number; "
                "give for example evaluations=100_000"
            )


def _strategy(given: Any, hyperparameters: dict[str, Any]) -> Strategy | None:
    """The strategy that the arguments name; None for ``"auto"``."""
    if isinstance(given, type) or not isinstance(given, str | Strategy):
        shown = given.__name__ if isinstance(given, type) else repr(given)
        raise InputError(
            f"strategy={shown} was given, expected 'auto', a name or a strategy; "
            "give for example 'cma_es' or CMAES(sigma=0.5)"
        )
    name = given if isinstance(given, str) and given != "auto" else None
    known = set() if name is None else _hyperparameters(strategies.find(name))
    arguments = set(inspect.signature(minimize).parameters) - {"hyperparameters"}
    anywhere = {name for cls in strategies.STRATEGIES.values() for name in _hyperparameters(cls)}
    for argument, value in hyperparameters.items():
        if name is None and argument in anywhere:
            raise InputError(
                f"{argument}={value!r} was given with strategy={given!r}, expected hyperparameters "
                "only with a strategy by name; name one, or set them in the strategy itself"
            )
        if argument not in known:
            raise unknown_name("argument of minimize", argument, arguments | known)
    if name is not None:
        return strategies.get(name, **hyperparameters)
    return None if isinstance(given, str) else given


def _scaled(strategy: Strategy, scale: Any, start: Params) -> Strategy:
    """The strategy in units of a scale that fits the parameters."""
    # Arrays of lists and numbers of Python, where the parameters have arrays.
    leaf = jax.tree_util.treedef_is_leaf(jax.tree.structure(start))
    try:
        scale = np.asarray(scale, float) if leaf else jax.tree.map(np.asarray, scale)
        kinds = {each.dtype.kind for each in jax.tree.leaves(scale)}
    except (TypeError, ValueError):
        kinds = {"O"}
    if not kinds or kinds - set("fiu"):
        raise InputError(f"scale={scale!r} was given, expected numbers; give for example scale=0.1")
    scaled: Any = Scaled(strategy, scale)
    jax.eval_shape(scaled.init, jax.random.key(0), start)
    return scaled


def _hyperparameters(cls: Any) -> set[str]:
    return {each.name for each in dataclasses.fields(cls)}


def _arrays(params: Params) -> Params:
    """Parameters as the search begins with them."""
    # With their types, or numbers of Python would compile another program than arrays do.
    start = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), params)
    for path, leaf in jax.tree_util.tree_flatten_with_path(start)[0]:
        if not jnp.isfinite(leaf).all():
            raise InputError(
                f"params{jax.tree_util.keystr(path)} holds NaN or infinity in {leaf.dtype}, "
                "expected finite numbers"
            )
    return start


# Compiled whole: left to itself, JAX compiles every single operation as a program of its own.
@programs.compiled()
def _begun(strategy: Strategy, params: Params, seed: Any) -> Run:
    return begin(strategy, params, seed)


def _continued(
    earlier: Any, chosen: Strategy | None, problem: FunctionProblem | PythonProblem
) -> Strategy:
    """The strategy that goes on from an earlier result."""
    if not isinstance(earlier, Minimum):
        raise InputError(
            f"resume_from of type {type(earlier).__name__} was given, expected what minimize "
            "returned"
        )
    with mode_for(problem):
        structure = Structure.of(earlier.best)
    if structure != problem.structure:
        raise InputError(
            "params unlike those of resume_from were given, expected the same names, shapes and "
            "dtypes; give for example resume_from.best"
        )
    if chosen is None:
        return earlier.strategy
    if isinstance(earlier.strategy, Scaled) and not isinstance(chosen, Scaled):
        chosen = dataclasses.replace(earlier.strategy, strategy=chosen)
    # All but the floats is part of the tree's structure.
    kinds: Any = [jax.tree.structure(each) for each in (chosen, earlier.strategy)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"strategy {chosen!r} was given to go on with {earlier.strategy!r}, expected the same, "
            "but for hyperparameters that are floats; leave it out"
        )
    return chosen


def _check_memory(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    start: Params,
    earlier: Minimum | None,
) -> None:
    """Refuse a search that does not fit into memory, before its state is made."""
    others = [
        memory.Setting(
            f"strategy {name}",
            functools.partial(memory.estimate, problem, strategies.get(name), start),
        )
        for name in memory.LEAN
    ]
    populations = memory.smaller_populations(problem, strategy, start)
    memory.check(
        memory.estimate(problem, strategy, start),
        memory.described(strategy, start),
        [populations, others],
        there=memory.size((problem, earlier and earlier.run)),
    )


# --- What is returned -----------------------------------------------------------------------------


def _reached_before(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    why: str,
    run: Run,
    start: Params,
    loss: float,
) -> Minimum:
    """The result of a search that begins at its target."""
    history = History()
    losses = np.full(1, loss, run.best_loss.dtype)
    history.append(
        generation=0, evaluations=0, seconds=0.0, loss=losses, accuracy=math.nan,
        best_loss=losses, best_accuracy=math.nan,
    )  # fmt: skip
    with mode_for(problem):
        run = run._replace(best_loss=jnp.asarray(losses[0]))
    return Minimum(
        best=_returned(problem, start),
        best_loss=loss,
        center=_returned(problem, start),
        center_loss=loss,
        evaluations=0,
        seconds=0.0,
        compile_seconds=0.0,
        not_finite=0,
        stopped_because=TARGET_LOSS,
        strategy=strategy,
        why=why,
        history=history,
        run=run,
    )


def _closing(
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    run: Run,
    start: Params,
    start_loss: float | None,
    judged: bool,
) -> tuple[Params, float, Params, float]:
    """Best parameters and their loss, center and its loss."""
    with mode_for(problem):
        best, center = Structure.of(start).unravel(run.best), strategy.center(run.state)
    start, best, center = (_returned(problem, params) for params in (start, best, center))
    center_loss = _judge(problem, center)
    start_loss = _judge(problem, start) if start_loss is None else start_loss
    # No one gets back less than they gave: a search may begin at its minimum.
    if problem.uses_minibatches and not judged:
        contenders = [(_judge(problem, best), best), (center_loss, center), (start_loss, start)]
    else:
        contenders = [(float(run.best_loss), best), (start_loss, start)]
    loss, best = min(contenders, key=lambda pair: math.inf if math.isnan(pair[0]) else pair[0])
    return best, loss, center, center_loss


def _judge(problem: FunctionProblem | PythonProblem, params: Params) -> float:
    """Loss on all the data, or the mean over minibatches, the same whatever the seed."""
    return float(problem.score_all(params).loss)


def _returned(problem: FunctionProblem | PythonProblem, params: Params) -> Params:
    """Parameters as they were given: for Python those of NumPy, of which JAX may have no type."""
    if isinstance(problem, PythonProblem):
        return problem.own(jax.tree.leaves(params))
    # Arrays that go with any other: the loop's are bound to all devices of its mesh.
    return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), params)
