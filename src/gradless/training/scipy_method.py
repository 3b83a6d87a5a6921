"""How does a program that calls ``scipy.optimize.minimize`` search with a strategy? By one word.

SciPy takes a function as ``method`` and hands it what it was given.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from gradless._core.errors import InputError
from gradless.strategies import Strategy
from gradless.training import minimize_arguments as given
from gradless.training.loop import evaluations_per_generation
from gradless.training.minimization import minimize
from gradless.training.records import EVALUATIONS, NOT_FINITE, SECONDS, Record

_PER_PARAMETER = 1_000  # evaluations, where there is no limit


def scipy_method(strategy: str | Strategy = "cma_es", **more: Any) -> Callable[..., OptimizeResult]:
    """A ``method`` for ``scipy.optimize.minimize``.

    It takes ``bounds``, ``args``, ``tol`` (which is ``tolfun``) and ``callback`` of SciPy, and as
    ``options`` ``maxiter`` (generations), ``maxfev`` (evaluations), ``disp`` and whatever
    :func:`gradless.minimize` takes for functions in Python. Without a limit it ends after 1,000
    evaluations for each parameter. A callback is called several times a second, not in every
    generation. Derivatives are not used, and SciPy's constraints are refused.

    Parameters
    ----------
    strategy
        As of :func:`gradless.minimize`.
    **more
        Hyperparameters, and arguments of :func:`gradless.minimize`.

    Returns
    -------
    callable
        What ``scipy.optimize.minimize(fun, x0, method=...)`` takes. Its result has ``x``, ``fun``,
        ``nfev``, ``nit``, ``success`` (False at a limit), ``status`` (0; 1 at a limit, 99 if the
        callback ended it), ``message`` (why it ended) and ``found``, what ``minimize`` returned.

    Examples
    --------
    >>> from scipy.optimize import minimize, rosen
    >>> found = minimize(rosen, [0.0, 0.0], method=scipy_method("cma_es"), tol=1e-9)
    >>> found.x.round(2).tolist(), found.success
    ([1.0, 1.0], True)
    """

    def method(
        fun: Callable[..., float],
        x0: Any,
        args: tuple[Any, ...] = (),
        *,
        bounds: Any = None,
        constraints: Any = (),
        callback: Callable[..., Any] | None = None,
        maxiter: int | None = None,
        maxfev: int | None = None,
        tol: float | None = None,
        disp: bool = False,
        **options: Any,
    ) -> OptimizeResult:
        derivatives = [options.pop(name, None) for name in ("jac", "hess", "hessp")]
        if any(callable(each) for each in derivatives):
            warnings.warn("Derivatives are not used: leave them out", RuntimeWarning, stacklevel=3)
        if constraints is not None and constraints != ():
            raise InputError(
                "constraints must be left out, got some. Give bounds, or call gradless.minimize "
                "with constraints, functions that are to be at most 0 (those of SciPy are to be "
                "at least 0)"
            )
        start = np.atleast_1d(np.asarray(x0, np.float64))
        options = {**more, **options}
        if maxiter is not None:
            arguments = {*inspect.signature(minimize).parameters} - {"hyperparameters"}
            names = {name: of for name, of in options.items() if name not in arguments}
            chosen = given.strategy_of(strategy, names, arguments)
            if chosen is None:
                raise InputError("maxiter must go with a named strategy, got 'auto'. Give maxfev")
            most = maxiter * evaluations_per_generation(chosen)
            maxfev = most if maxfev is None else min(maxfev, most)
        if maxfev is None and options.keys().isdisjoint({"evaluations", "seconds"}):
            maxfev = _PER_PARAMETER * start.size
        if maxfev is not None:
            options["evaluations"] = int(maxfev)
        if tol is not None:
            options.setdefault("tolfun", tol)
        if callback is not None:
            options |= {"callback": _Callback(callback), "keep_evaluated": True}
        found = minimize(
            lambda x: fun(x, *args), start, strategy, bounds=bounds, compiled=False,
            verbose=bool(disp), **options,
        )  # fmt: skip
        stopped = callback is not None and options["callback"].stopped
        ended = found.stopped_because in {EVALUATIONS, SECONDS, NOT_FINITE}
        return OptimizeResult(
            x=found.best, fun=found.best_loss, nfev=found.evaluations,
            nit=int(found.run.generation), success=not (stopped or ended),
            status=99 if stopped else int(ended), message=found.stopped_because, found=found,
        )  # fmt: skip

    return method


class _Callback:
    """Calls a callback of SciPy with the best point so far, in either of its forms."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self.stopped = function, False
        names = list(inspect.signature(function).parameters)
        self._takes_result = names == ["intermediate_result"]
        self._best: tuple[float, Any] = (math.inf, None)

    def __call__(self, record: Record) -> bool:
        points, losses = record.evaluated or (None, np.empty(0))
        if np.isfinite(losses).any():
            least = int(np.nanargmin(losses))
            if losses[least] < self._best[0]:
                self._best = float(losses[least]), np.array(points[least])  # type: ignore[index]
        loss, x = self._best
        if x is None:
            return False
        try:
            if self._takes_result:
                self._function(intermediate_result=OptimizeResult(x=x, fun=loss))
            else:
                self.stopped = bool(self._function(x))
        except StopIteration:
            self.stopped = True
        return self.stopped
