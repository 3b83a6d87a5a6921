"""Where is a JAX function of a pytree smallest?

:func:`minimize` makes the function a problem and its arguments a plan, and trains that in a
session, as every door does.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from gradless._core import forked
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.constraints import VIOLATION, check_known, told
from gradless.problems.contract import Faults
from gradless.problems.function import LossFunction
from gradless.problems.python import PythonProblem
from gradless.strategies import Strategy, restarting
from gradless.strategies.scaled import Scaled
from gradless.training import auto, noise
from gradless.training import minimize_arguments as given
from gradless.training.answer import numbers
from gradless.training.factors import fitted
from gradless.training.host_loop import mode_for
from gradless.training.loop import check_budget
from gradless.training.minimize_closing import minimum, reached_before, target_met
from gradless.training.minimize_log import seed_log
from gradless.training.minimum import Minimum
from gradless.training.observers import Callback, Observer, checked
from gradless.training.plan import Phase, Plan, begun
from gradless.training.progress import progress_lines
from gradless.training.records import Record, check_targets
from gradless.training.session import Session
from gradless.training.start import arrays


class Options(TypedDict, total=False):
    """What :func:`minimize` takes by name, for type checkers and editors."""

    bounds: Any
    integers: Any
    constraints: Any
    scale: Any
    data: Any
    batch_size: int | None
    own_batches: bool
    micro_batch: int | None
    layers: Mapping[str, Any] | None
    evaluations: int | None
    seconds: float | None
    target_loss: float | None
    target_measures: Mapping[str, float] | None
    restarts: bool | str | None
    stagnation: int | None
    tolfun: float | None
    tolx: float | None
    seed: int
    compiled: bool
    n_jobs: int
    known: Any
    keep_evaluated: bool
    callback: Callable[[Record], Any] | None
    observers: Sequence[Observer]
    verbose: bool | int | None
    resume_from: Minimum | None
    log: str | Path | None


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
    bounds: Any = None,
    integers: Any = None,
    constraints: Any = None,
    scale: Any = None,
    data: Any = None,
    batch_size: int | None = None,
    own_batches: bool = False,
    micro_batch: int | None = None,
    layers: Mapping[str, Any] | None = None,
    evaluations: int | None = None,
    seconds: float | None = None,
    target_loss: float | None = None,
    target_measures: Mapping[str, float] | None = None,
    restarts: bool | str | None = None,
    stagnation: int | None = None,
    tolfun: float | None = None,
    tolx: float | None = None,
    seed: int = 0,
    compiled: bool = True,
    n_jobs: int = 1,
    known: Any = None,
    keep_evaluated: bool = False,
    callback: Callable[[Record], Any] | None = None,
    observers: Sequence[Observer] = (),
    verbose: bool | int | None = None,
    resume_from: Minimum | None = None,
    log: str | Path | None = None,
    **hyperparameters: Any,
) -> Minimum:
    """Minimise a JAX function of a pytree without gradients.

    Parameters
    ----------
    loss_fn
        ``loss_fn(params)``, or ``loss_fn(params, batch)`` with ``data``: one number, lower is
        better, made of JAX operations. It may also return that and a dict of measures, each one
        number, which are told beside the loss: ``return loss, {"return": total}``. It is compiled
        once for each function object: define it once, and put arrays that change into ``data``. For
        Python code see ``compiled``.
    params
        Where to begin: a pytree of floating-point arrays or numbers. ``loss_fn`` gets, and the
        result has, its structure, shapes and dtypes: of a list of numbers a list, of
        ``np.array([0.0, 0.0])`` an array. The search itself is in float32 or wider. Without
        ``jax_enable_x64``, JAX makes float32 of float64, and losses are compared in float32; with
        it, and for a loss in Python in any case, float64 stays, and losses are compared in that.
    strategy
        ``"auto"``, a name (``gradless strategies`` lists them) or a strategy.
    bounds
        Where values may be: ``(low, high)`` for all parameters; a pytree like ``params``, or a dict
        of patterns of paths in which ``*`` stands for any text, with a pair of numbers, or of
        arrays of the shape, for each array: ``{"x": (0, None)}``; for a vector also a list of
        pairs. None is no bound. ``loss_fn`` never gets a value outside. The search itself knows no
        bounds: near them and beyond it moves in coordinates that are bent and mirrored, so that
        what is best on a bound is found there (``gradless.problems.domain``). The ``scale`` of an
        array with two bounds is half of their distance, if none is given.
    integers
        Which parameters are whole numbers: True for all arrays and numbers of an integer type; or a
        pytree like ``params``, or a dict of patterns of paths, of True or of boolean arrays, by
        which arrays of floating-point numbers may be whole numbers, too. ``loss_fn`` gets, and the
        result has, whole numbers of the types that were given. Others of an integer type are
        refused, or left alone by ``layers``.
    constraints
        ``constraints(params)``, or a list of such functions: numbers that are to be at most 0, of
        JAX or of Python as ``loss_fn`` is. What keeps them is better than what does not, and of two
        that do not, the smaller violation is better, the sum of what is above 0 (Deb 2000): give
        them in comparable units. A ``loss_fn`` in Python is not called where they are violated, but
        for ``params``. Result and history have ``"violation"`` among their measures; a loss is
        infinite, and other measures are NaN, where it is above 0.
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
    own_batches
        Whether each candidate sees a minibatch of its own, opposite ones the same, instead of one
        for all: for batches of a few samples. One for all is faster, since what the center makes of
        it is computed once.
    micro_batch
        Samples that ``loss_fn`` gets at once, for batches that do not fit into memory: a batch is
        cut into pieces of this many, one after the other, and losses and measures are their means.
        That is the same for a loss that is a mean over samples. It must divide the batch.
    layers
        What is special for some arrays, by patterns of their paths, in which ``*`` stands for any
        text: ``{"encoder/*": 0}`` leaves them as they are, and with ``openai_es``, ``spsa``,
        ``fzoo`` and ``ars`` ``{"head/*": {"sigma": 0.1, "rank": 0}}`` gives them a standard
        deviation and a rank of their own. The last pattern that fits counts. A function in Python
        may have arrays that stay as they are.
    evaluations
        Candidates evaluated at most. A few more judge what the search ends with.
    seconds
        Wall time after compilation. Without ``evaluations``, ``seconds`` and ``stagnation`` it is
        15 seconds, as on the command line.
    target_loss
        Stop as soon as the best loss is no more than this; that of ``params`` counts. With
        minibatches, as soon as the center is seen to reach it, judged as what is returned is; that
        is asked now and then, once a batch has reached it.
    target_measures
        Stop as soon as a measure is no less than this, by name: ``{"return": 195}``. Those of
        ``params`` count, and whatever reaches one becomes the best, however low the loss of others.
    restarts
        Whether the search begins again, elsewhere and with other populations, when it has come to
        rest; the result is the best of all attempts. True: ``cma_es`` becomes ``bipop_cma_es``, and
        any other strategy one in ``strategies.wrappers.Restarts``. ``"ipop"`` and ``"bipop"`` are
        for CMA-ES, which ``"auto"`` then chooses. Default: what ``"auto"`` chooses begins again,
        unless losses are noisy, and a strategy that is named does not. ``"yes"`` and ``"none"``
        stand for True and False.
    stagnation
        Stop after so many evaluations without a fall of the best loss that is worth while: by more
        than the loss rounds to, and by a thousandth of how far losses have lately been above the
        best one. Neither the unit of the loss nor a constant added to it matters.
    tolfun
        Stop when the losses of the last 10 + 30 d / population generations, of d parameters, differ
        by no more than this, in the unit of the loss; each is that of the center or of the best
        candidate. 0 stops on a plateau. It is looked into after every so many generations.
    tolx
        Stop when no candidate is farther than this from the center along any parameter, in the
        units of the parameters. Looked into as often. Strategies whose steps have a fixed size
        never stop for it.
    seed
        Decides all noise and minibatches: same seed, same search.
    compiled
        False if ``loss_fn`` is plain Python, a simulator for example. It is called once for each
        candidate, with NumPy arrays of its own that it may change; data are read-only. A candidate
        for which it raises an exception is counted, and is the worst; at ``params`` its exceptions
        are raised as they are.
    n_jobs
        Processes that call a loss in Python, as in joblib: -1 for one on each core.
    known
        What has been evaluated before, ``(points, losses)``, for example ``found.evaluated``:
        points as a pytree like ``params`` with one more axis 0, or a list of such pytrees. The best
        of them is where the search begins, in the place of ``params``, and how far from it the
        others of the better half are is the ``scale``, if none is given.
    keep_evaluated
        Whether the result, and each record that ``callback`` gets, has the points that were
        evaluated and their losses, as ``evaluated``. For losses in Python.
    callback
        Called with a :class:`gradless.Record` several times a second; True stops the search.
    observers
        What else watches the search, for example ``[gradless.loggers.TensorBoard("folder")]``.
    verbose
        True to show progress: a live line in a terminal and in a notebook, elsewhere now and then a
        line on standard output. False for none. Default: a live line in a terminal, if the search
        takes more than two seconds.
    resume_from
        Go on from an earlier result, with its strategy, seed and history. ``evaluations`` count
        from its beginning, ``seconds`` from now. The function must be the same: losses of another
        one are not comparable; for that, begin anew with ``resume_from.best``. Numbers of a
        strategy may be others, of which a first step size, such as ``sigma`` of ``cma_es``, changes
        nothing any more.
    log
        A new file for the seed and the losses of all candidates, four bytes each, from which
        :func:`gradless.replay` rebuilds the search without evaluating anything. For ``openai_es``,
        ``pgpe``, ``snes``, ``spsa``, ``fzoo``, ``ars``, ``sep_cma_es`` and ``lm_ma_es``; not with
        ``compiled=False``. With ``resume_from`` it is the log of that search, which is checked and
        goes on; ``params`` are then those that it began with.
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
    stop = given.stop_of(
        evaluations, seconds, target_loss, target_measures, stagnation, tolfun, tolx
    )
    given.check_seed(seed)
    again = restarting.checked(restarts, nothing="")
    given.check_callback(callback)
    watchers = [*progress_lines(verbose), *checked(observers)]
    if callback is not None:
        watchers.append(Callback(callback))
    arguments = inspect.signature(minimize).parameters.keys() - {"hyperparameters"}
    chosen, why = given.strategy_of(strategy, hyperparameters, arguments), ""
    if known is not None:
        params, scale = given.warm_start(known, params, scale, resume_from)
    problem = given.problem_of(
        loss_fn,
        params,
        data,
        batch_size,
        compiled,
        n_jobs,
        own_batches,
        layers,
        micro_batch,
        keep_evaluated,
        bounds,
        integers,
        constraints,
    )
    check_targets(stop, problem.measures)
    with mode_for(problem):
        start = arrays(problem.searched(params))
    if layers is not None and chosen is not None:
        chosen = given.with_layers(chosen, layers, problem, params)
    chosen = None if chosen is None else fitted(problem, chosen, start)
    if again and chosen is not None:
        chosen = restarting.restarting(chosen, again)
    if resume_from is not None:
        if scale is not None:
            raise InputError(
                f"scale must be left out with resume_from, which keeps its own, got {scale!r}"
            )
        given.check_same_seed(seed, resume_from)
        chosen, why = given.continued(resume_from, chosen, problem), resume_from.why
        if isinstance(problem, PythonProblem):
            problem.noise, stop = resume_from.noise, noise.left(resume_from.noise, stop)
    elif chosen is None:
        # What Python computes may go in steps, and what is rounded does.
        steps = problem.constraints or (problem.domain is not None and problem.domain.has_whole)
        smooth = compiled and not steps
        with mode_for(problem):
            near = given.scale_of_bounds(problem.domain, start) if scale is None else scale
            found, stop = noise.seen(problem, start, near, stop, seed)
        if isinstance(problem, PythonProblem):
            problem.noise = found
        chosen, why = auto.chosen(
            problem,
            start,
            stop,
            smooth=smooth,
            is_function=True,
            restarts=again,
            noisy=found is not None,
        )
    if problem.constraints:
        given.check_compares(chosen)
        if not isinstance(problem, PythonProblem):  # which has looked
            check_known(float(problem.score_all(start).measures[VIOLATION]))
    check_budget(chosen, stop)  # before it is scaled: it has its own name in what is said
    if scale is None and resume_from is None and not isinstance(chosen, Scaled):
        with mode_for(problem):
            scale = given.scale_of_bounds(problem.domain, start)
    if scale is not None:
        with mode_for(problem):
            chosen = given.scaled(chosen, scale, start)
    if resume_from is None:
        chosen = given.with_margin(chosen, problem.domain, start)
    given.check_memory(problem, chosen, start, resume_from)
    if log is not None:
        watchers.insert(0, seed_log(log, problem, chosen, seed, params, start, resume_from))

    first = None
    if isinstance(problem, PythonProblem) and not problem.uses_minibatches:
        first = problem.first
    if resume_from is None and stop.has_target:
        first = numbers(problem.score_all(start) if first is None else first)
        with mode_for(problem):
            run = begun(chosen, start, seed)
        if (met := target_met(stop, first, run.best_loss.dtype)) is not None:
            return reached_before(problem, chosen, why, run, start, first, met)
    settings = {
        "function": getattr(loss_fn, "__name__", type(loss_fn).__name__),
        "parameters": problem.structure.size,
        "batch_size": batch_size,
        "own_batches": own_batches,
        "micro_batch": micro_batch,
        "seed": int(seed),
    }
    main = Phase(problem, chosen, stop, why)
    if problem.constraints:
        main = dataclasses.replace(main, told=told)
    plan = Plan.of_function(
        main, start, seed, known=first, settings=settings, all_losses=log is not None
    )
    session = Session(plan, watchers)
    if resume_from is not None:
        session.go_on_from(
            resume_from.run,
            copy.deepcopy(resume_from.history),  # the earlier result stays what it is
            seconds=resume_from.seconds,
            not_finite=resume_from.not_finite,
            faults=Faults(resume_from.raised, resume_from.error),
        )
    return minimum(session, session.train())
