"""Which strategy is better here? :func:`compare`, in Python."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console

from gradless._core import forked, words
from gradless._core.devices import use_all_cores
from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.objectives import Objective
from gradless.runs.comparison.contest import Contest, Plan
from gradless.runs.comparison.entrants import named
from gradless.runs.comparison.given import task_of
from gradless.runs.comparison.one_run import Progress
from gradless.strategies import Strategy
from gradless.training.gradient_descent import Adam
from gradless.training.progress import live_line
from gradless.training.records import Stop
from gradless.views.comparison import Comparison

DEFAULT_SECONDS = 5.0
_SHOWN_AFTER = 2.0  # seconds, where nobody asked for progress


def compare(
    problem: Any,
    strategies: Mapping[str, str | Strategy] | Iterable[str | Strategy] | str,
    *,
    params: Params | Callable[[int], Params] | None = None,
    seeds: int = 10,
    evaluations: int | None = None,
    seconds: float | None = None,
    target_loss: float | None = None,
    target_accuracy: float | None = None,
    hidden: tuple[int, ...] | None = None,
    objective: str | Objective | None = None,
    batch_size: int | None = None,
    gradient: bool | float = False,
    seed: int = 0,
    verbose: bool | int | None = None,
) -> Comparison:
    """Compare strategies, or settings of one, over several seeds.

    A seed decides the first parameters, which rows test and all noise, and is the same for every
    strategy, so differences are taken seed by seed. Each trains as it would alone: on arrays as an
    estimator does, on a recipe as ``gradless train``, on a function as :func:`gradless.minimize`.

    Parameters
    ----------
    problem
        Arrays ``(X, y)`` of shapes (samples, features) and (samples,), on which a network is
        trained, but for a quarter of the rows, which judges it; a data set by name or file, or a
        ``Recipe``; a ``SupervisedProblem``, ``FunctionProblem`` or ``PythonProblem``; or a JAX
        function of parameters.
    strategies
        By name, ``{"small": CMAES(sigma=0.1), "b": "openai_es"}``; or a list of strategies and of
        names. A name may set hyperparameters: ``"openai_es:sigma=0.1"``.
    params
        Where a search begins, for a problem or a function: a pytree of arrays, or a function from
        a seed to one. Networks draw theirs.
    seeds
        Runs of each strategy, with the seeds ``seed``, ``seed + 1`` and so on.
    evaluations, seconds
        Limits of each run: candidates evaluated, and seconds without compilation. Without either,
        5 seconds.
    target_loss, target_accuracy
        What counts as success. Default: the median of all runs.
    hidden, objective, batch_size
        For arrays: neurons of each hidden layer, (16,) by default; what is improved; and samples of
        the minibatch that each generation sees.
    gradient
        True, or a learning rate: also run gradient descent, Adam, as a yardstick. One of its steps
        counts as 3 evaluations.
    seed
        The first seed.
    verbose
        True for a line about how far it is, False for none; by default there is one in a terminal
        after two seconds.

    Returns
    -------
    Comparison
        A table of losses with quartiles and differences; ``to_pandas()``, ``plot()``.

    Raises
    ------
    InputError
        For whatever cannot be compared, before anything is trained; and if no strategy could run.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from gradless.strategies import CMAES
    >>> found = compare(
    ...     lambda x: jnp.sum((x - 1) ** 2),
    ...     {"narrow": CMAES(sigma=0.01), "wide": CMAES(sigma=1.0)},
    ...     params=np.zeros(5), seeds=3, evaluations=400,
    ... )
    >>> found.names
    ('wide', 'narrow')
    >>> found.difference("narrow", "wide").low > 0
    True
    """
    forked.check()
    use_all_cores()
    entrants = named(strategies)
    for value, name in ((seeds, "seeds"), (seed, "seed")):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{name} must be a whole number, got {value!r}. For example: 10")
    if evaluations is None and seconds is None:
        seconds = DEFAULT_SECONDS
    adam = None
    if gradient:
        adam = Adam() if gradient is True else Adam(float(gradient))
    task = task_of(
        problem, params=params, hidden=hidden, objective=objective, batch_size=batch_size
    )
    stop = Stop(evaluations, seconds, target_loss, target_accuracy)
    contest = Contest(Plan(task, entrants, seeds, stop, seed, adam))
    with _Line(contest, verbose) as line:
        contest.run(line.show)
    summary = contest.summarise()
    if summary is None:
        reasons = "; ".join(f"{name}: {why}" for name, why in contest.failures.items())
        raise InputError(f"no strategy could be run ({reasons})")
    return Comparison(contest, summary)


class _Line:
    """A line about how far a comparison is; elsewhere than in terminals and notebooks, many."""

    def __init__(self, contest: Contest, verbose: bool | int | None) -> None:
        self._contest, self._asked = contest, bool(verbose)
        self._console = Console(stderr=True)
        in_terminal = self._console.file.isatty() and self._console.is_terminal
        self._is_live = self._asked and (in_terminal or self._console.is_jupyter)
        self._is_live |= verbose is None and in_terminal
        self._begun = time.monotonic()
        self._open: Any = None

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._open is not None:
            self._open.close()

    def show(self, progress: Progress) -> None:
        """Show what is new."""
        ended = progress.outcome is not None or progress.failure is not None
        if self._is_live:
            waited = self._asked or time.monotonic() - self._begun > _SHOWN_AFTER
            if self._open is None and waited:
                self._open = live_line(self._console)
            if self._open is not None:
                self._open.show(self._text(progress))
        elif self._asked and ended:
            print(self._text(progress), flush=True)

    def _text(self, progress: Progress) -> str:
        plan, done = self._contest.plan, len(self._contest.outcomes)
        ended = progress.outcome is not None or progress.failure is not None
        number = min(plan.runs, done + (0 if ended else 1))
        objective = plan.task.objective
        parts = [f"run {number} of {plan.runs}", f"{progress.name}, seed {progress.seed}"]
        if progress.failure is not None:
            parts.append(f"failed: {progress.failure}")
        elif not progress.evaluations:
            parts.append("compiling")
        else:
            parts.append(f"{progress.evaluations:,} evaluations")
            if math.isfinite(progress.best_loss):
                best = words.loss(objective.value(progress.best_loss))
                parts.append(f"{objective.quantity} {best}")
        return ": ".join(parts[:2]) + "".join(f", {part}" for part in parts[2:])
