"""Which seed log does :func:`.minimization.minimize` write? A new one, or on in that of before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradless._core.errors import InputError
from gradless._core.tree import Params
from gradless.problems.function import FunctionProblem
from gradless.problems.python import PythonProblem
from gradless.strategies import Strategy
from gradless.training.minimum import Minimum
from gradless.training.replaying import going_on
from gradless.training.seed_log_writing import SeedLog
from gradless.training.validation import center


def seed_log(
    log: Any,
    problem: FunctionProblem | PythonProblem,
    strategy: Strategy,
    seed: int,
    params: Params,
    start: Params,
    earlier: Minimum | None,
) -> SeedLog:
    """What writes a seed log.

    Parameters
    ----------
    log
        The file.
    problem, strategy, seed
        Of the search.
    params, start
        What was given, and what of it is searched.
    earlier
        What it goes on from.
    """
    if not isinstance(log, str | Path):
        raise InputError(f'log must be a file, got {log!r}. For example: log="run.seeds"')
    if isinstance(problem, PythonProblem):
        raise InputError("log must be left out for a function in Python (compiled=False)")
    if problem.domain is not None or problem.constraints:
        raise InputError(
            "log must be left out with bounds, integers and constraints, which gradless.replay "
            "does not know. Leave out log, or these"
        )
    path, after = Path(log), None
    if earlier is not None:
        if not path.exists():
            raise InputError(
                f"log must be the one of resume_from, which a log begins with, got {path}, which "
                "does not exist. Leave it out, or begin with a log"
            )
        after = going_on(path, params, earlier.run, center(strategy, earlier.run))
    kinds = None if problem.whole is None else problem.whole.kinds
    return SeedLog(path, strategy, seed, start, kinds, problem.fixed, after=after)
