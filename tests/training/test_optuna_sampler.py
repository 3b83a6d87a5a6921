"""A study of Optuna takes a strategy as its sampler."""

import math

import pytest

optuna = pytest.importorskip("optuna")

from gradless import optuna_sampler  # noqa: E402
from gradless.training.optuna_sampler import _share, _value  # noqa: E402


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
    units = trial.suggest_int("units", 1, 64)
    trial.suggest_categorical("kind", ["a", "b"])
    if x > 4:
        raise optuna.TrialPruned
    return (x - 1) ** 2 + (math.log10(rate) + 3) ** 2 + ((units - 40) / 16) ** 2


def test_a_study_is_searched() -> None:
    for direction, sign in (("minimize", 1), ("maximize", -1)):
        study = optuna.create_study(direction=direction, sampler=optuna_sampler(seed=1, sigma=0.3))
        study.optimize(lambda trial, sign=sign: sign * objective(trial), n_trials=250)
        best = study.best_params
        assert abs(study.best_value) < 0.05
        assert isinstance(best["units"], int)
    shared = optuna.create_study(sampler=optuna_sampler(seed=1, population=8))
    shared.optimize(objective, n_trials=60, n_jobs=4)
    assert len(shared.trials) == 60


@pytest.mark.parametrize(
    "of",
    [
        optuna.distributions.FloatDistribution(-2, 3),
        optuna.distributions.FloatDistribution(1e-4, 10, log=True),
        optuna.distributions.FloatDistribution(0, 1, step=0.25),
        optuna.distributions.IntDistribution(2, 20, step=3),
        optuna.distributions.IntDistribution(1, 1024, log=True),
    ],
)
def test_values_and_shares_belong_together(of) -> None:
    assert (_value(0.0, of), _value(1.0, of)) == (pytest.approx(of.low), pytest.approx(of.high))
    for share in (0.0, 0.2, 0.5, 0.77, 1.0):
        value = _value(share, of)
        assert of._contains(of.to_internal_repr(value))
        assert _value(_share(value, of), of) == pytest.approx(value)
