"""How does a study of Optuna get a strategy as its sampler? By one word."""

from __future__ import annotations

from typing import Any

from gradless._core.errors import InputError
from gradless.strategies import Strategy


def optuna_sampler(strategy: str | Strategy = "cma_es", *, seed: int = 0, **more: Any) -> Any:
    """A sampler for ``optuna.create_study(sampler=...)``; needs the extra ``optuna``.

    It searches the numbers that all finished trials have, on logarithmic scales where the study has
    such; categories, and the first trial, are random. The search begins at the best trial so far.
    It is kept by the sampler: trials may run in any number of threads, but processes that share a
    storage search each for themselves. Failed and pruned trials are the worst. One objective.

    Parameters
    ----------
    strategy
        A name or a strategy.
    seed
        Decides the search and what is random.
    **more
        Hyperparameters; ``sigma=0.3`` is the first standard deviation as a share of half of each
        range.

    Returns
    -------
    optuna.samplers.BaseSampler
        For one study.

    Raises
    ------
    InputError
        If Optuna is not installed.
    """
    try:
        import optuna  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError:
        raise InputError(
            'optuna_sampler needs Optuna, which is not installed. Type: pip install ".[optuna]"'
        ) from None
    from gradless.training.optuna_sampler import Sampler  # noqa: PLC0415

    return Sampler(strategy, seed, more)
